//! Namespaces, and the few mounts and settings that make them a machine.

use std::fs;
use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

use crate::error::{Error, Hint, Result};
use crate::hint::Settings;

/// What a machine is made of. Processes made after this are in the new pid namespace, the caller is not.
const MACHINE: CloneFlags = CloneFlags::CLONE_NEWNS
    .union(CloneFlags::CLONE_NEWPID)
    .union(CloneFlags::CLONE_NEWNET)
    .union(CloneFlags::CLONE_NEWIPC)
    .union(CloneFlags::CLONE_NEWUTS);

/// The file that names hosts, of which every machine has one of its own.
pub(crate) const HOSTS: &str = "/etc/hosts";

/// The powers without which a user namespace is needed: bits of `linux/capability.h`.
const CAP_NET_ADMIN: u64 = 1 << 12;
const CAP_SYS_ADMIN: u64 = 1 << 21;

/// Whether this process may make a machine without a user namespace.
pub(crate) fn privileged() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    match effective {
        Some(mask) => mask & (CAP_NET_ADMIN | CAP_SYS_ADMIN) == CAP_NET_ADMIN | CAP_SYS_ADMIN,
        None => geteuid().is_root(),
    }
}

/// Makes a user namespace in which this process's user is root. The process must have one thread.
pub(crate) fn become_root() -> Result<()> {
    let (uid, gid) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER).map_err(|errno| Error::UserNamespace {
        errno,
        hint: Settings::read().namespaces(errno),
    })?;
    map("setgroups", "deny")?;
    map("uid_map", &format!("0 {uid} 1"))?;
    map("gid_map", &format!("0 {gid} 1"))
}

fn map(file: &'static str, text: &str) -> Result<()> {
    fs::write(Path::new("/proc/self").join(file), text).map_err(|error| {
        let errno = errno_of(&error);
        Error::MapUser {
            file,
            errno,
            hint: Settings::read().namespaces(errno),
        }
    })
}

/// Makes the namespaces of a machine and keeps its mounts to itself.
pub(crate) fn make_machine() -> Result<()> {
    unshare(MACHINE).map_err(|errno| Error::Namespaces {
        errno,
        hint: Settings::read().namespaces(errno),
    })?;
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, flags, None::<&str>)
        .map_err(mount_error("nothing (to make it private)", Path::new("/")))
}

/// Mounts a `/proc` that shows the caller's pid namespace. A container that masks parts of its own refuses this.
pub(crate) fn mount_proc() -> Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>)
        .map_err(mount_error("a new /proc", Path::new("/proc")))
}

/// Lays a file over another one, for this mount namespace only.
pub(crate) fn cover(file: &Path, target: &Path) -> Result<()> {
    mount(Some(file), target, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .map_err(mount_error(&file.display().to_string(), target))
}

/// Takes away what [`cover`] laid there last.
pub(crate) fn uncover(target: &Path) {
    let _ = umount2(target, MntFlags::MNT_DETACH);
}

/// Switches IPv6 off for this network namespace. Where `/proc/sys` is read-only this fails, which does no harm: the
/// switch forwards nothing but IPv4.
pub(crate) fn disable_ipv6() {
    for scope in ["all", "default"] {
        let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6"), "1");
    }
}

fn mount_error(what: &str, target: &Path) -> impl FnOnce(Errno) -> Error {
    let (what, target) = (what.to_owned(), target.to_owned());
    move |errno| {
        let hint = match errno {
            Errno::EPERM | Errno::EACCES => Settings::read().namespaces(errno),
            Errno::ENOENT => Hint(Some("both must exist".to_owned())),
            _ => Hint(None),
        };
        Error::Mount {
            what,
            target,
            errno,
            hint,
        }
    }
}

/// The kernel's reason in an error of the standard library.
pub(crate) fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}
