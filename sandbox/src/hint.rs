//! What to do where the kernel refuses: read from the few settings that decide it.

use std::fs;
use std::path::Path;

use nix::errno::Errno;

use crate::error::Hint;

/// The settings of a machine that decide whether namespaces can be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// `user.max_user_namespaces`.
    max_user_namespaces: Option<u64>,
    /// `kernel.unprivileged_userns_clone`, of Debian's kernels.
    unprivileged_clone: Option<u64>,
    /// `kernel.apparmor_restrict_unprivileged_userns`, of Ubuntu 24.04's and newer kernels.
    apparmor_restriction: Option<u64>,
    /// Whether this looks like the inside of a container.
    container: bool,
    /// Whether a seccomp filter is on.
    seccomp_filter: bool,
}

impl Settings {
    /// Reads them; what cannot be read is left out.
    pub(crate) fn read() -> Self {
        Self {
            max_user_namespaces: sysctl("/proc/sys/user/max_user_namespaces"),
            unprivileged_clone: sysctl("/proc/sys/kernel/unprivileged_userns_clone"),
            apparmor_restriction: sysctl("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
            container: Path::new("/.dockerenv").exists() || Path::new("/run/.containerenv").exists(),
            seccomp_filter: fs::read_to_string("/proc/self/status")
                .is_ok_and(|status| status.lines().any(|line| line.trim_end() == "Seccomp:\t2")),
        }
    }

    /// Why namespaces were refused with this error, and what to do.
    pub(crate) fn namespaces(self, errno: Errno) -> Hint {
        Hint(self.reason(errno).map(ToOwned::to_owned))
    }

    fn reason(self, errno: Errno) -> Option<&'static str> {
        if self.max_user_namespaces == Some(0) {
            return Some(
                "user namespaces are switched off: `sudo sysctl -w user.max_user_namespaces=10000`, or run as root",
            );
        }
        if self.unprivileged_clone == Some(0) {
            return Some(
                "user namespaces are for root only: `sudo sysctl -w kernel.unprivileged_userns_clone=1`, or run as root",
            );
        }
        if self.apparmor_restriction == Some(1) {
            return Some(
                "AppArmor restricts user namespaces (Ubuntu 24.04 and newer): \
                 `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, or run as root",
            );
        }
        match errno {
            Errno::ENOSPC | Errno::EUSERS => {
                Some("a limit on namespaces is reached: see /proc/sys/user/max_*_namespaces")
            }
            Errno::EINVAL | Errno::ENOSYS => {
                Some("this kernel is built without these namespaces: run on another one")
            }
            _ if self.container || self.seccomp_filter => Some(
                "a container or its seccomp filter forbids it: start the container with `--privileged`, or with \
                 `--cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt seccomp=unconfined \
                 --security-opt apparmor=unconfined --device /dev/net/tun`",
            ),
            Errno::EPERM | Errno::EACCES => Some("a security module forbids it: run as root"),
            _ => None,
        }
    }
}

fn sysctl(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(settings: Settings, errno: Errno, expected: &str) {
        let hint = settings.namespaces(errno).to_string();
        assert!(hint.contains(expected), "{hint:?} does not say {expected:?}");
    }

    #[test]
    fn each_way_to_be_refused_has_its_own_advice() {
        let none = Settings::default();
        check(
            Settings {
                max_user_namespaces: Some(0),
                ..none
            },
            Errno::ENOSPC,
            "user.max_user_namespaces=10000",
        );
        check(
            Settings {
                unprivileged_clone: Some(0),
                ..none
            },
            Errno::EPERM,
            "unprivileged_userns_clone=1",
        );
        check(
            Settings {
                apparmor_restriction: Some(1),
                ..none
            },
            Errno::EACCES,
            "apparmor_restrict",
        );
        check(
            Settings {
                container: true,
                ..none
            },
            Errno::EPERM,
            "--device /dev/net/tun",
        );
        check(
            Settings {
                seccomp_filter: true,
                ..none
            },
            Errno::EPERM,
            "seccomp=unconfined",
        );
        check(none, Errno::ENOSPC, "limit on namespaces");
        check(none, Errno::EINVAL, "built without");
        check(none, Errno::EPERM, "run as root");
    }

    #[test]
    fn an_unexplained_error_gives_no_advice() {
        assert_eq!(Settings::default().namespaces(Errno::ENOMEM), Hint(None));
    }
}
