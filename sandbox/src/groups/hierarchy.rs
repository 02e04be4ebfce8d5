//! The hierarchies of control groups that this system has mounted, and the places in them where groups can be made.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What a place can do for the groups below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// cgroup v2: it freezes, and limits where the place passes the `cpu` controller on.
    V2 { cpu: bool },
    /// cgroup v1 with the `cpu` controller: it limits.
    V1,
}

impl Kind {
    pub(crate) fn freezes(self) -> bool {
        matches!(self, Self::V2 { .. })
    }

    pub(crate) fn limits(self) -> bool {
        matches!(self, Self::V1 | Self::V2 { cpu: true })
    }

    /// Makes a new home ready for the groups of nodes; whether it can be what it is meant to be.
    pub(super) fn prepare(self, home: &Path) -> bool {
        match self {
            Self::V2 { cpu: false } => home.join("cgroup.freeze").exists(),
            Self::V2 { cpu: true } => fs::write(home.join("cgroup.subtree_control"), "+cpu").is_ok(),
            Self::V1 => home.join("cpu.cfs_quota_us").exists(),
        }
    }
}

/// A place for homes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hierarchy {
    pub(super) kind: Kind,
    pub(super) path: PathBuf,
}

impl Hierarchy {
    /// Every place to try, the better ones first: below this process's own group, as systemd delegates it to users,
    /// then at the root, where root may.
    pub(super) fn all() -> Vec<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let passes_cpu_on = |place: &Path| {
            let controllers = fs::read_to_string(place.join("cgroup.subtree_control"));
            controllers.is_ok_and(|text| text.split_ascii_whitespace().any(|name| name == "cpu"))
        };
        places(&mounts, &groups)
            .into_iter()
            .map(|(version, path)| Self {
                kind: match version {
                    Version::Two => Kind::V2 {
                        cpu: passes_cpu_on(&path),
                    },
                    Version::One => Kind::V1,
                },
                path,
            })
            .collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// The places that `/proc/self/mountinfo` and `/proc/self/cgroup` show.
fn places(mounts: &str, groups: &str) -> Vec<(Version, PathBuf)> {
    let mut places = Vec::new();
    for version in [Version::Two, Version::One] {
        let Some((inside, mounted)) = mounts.lines().find_map(|line| mount_of(version, line)) else {
            continue;
        };
        let own = groups.lines().find_map(|line| group_of(version, line));
        let own = own.and_then(|own| own.strip_prefix(inside).ok());
        // Without the slash that joining nothing leaves.
        let own = own.map(|own| mounted.join(own).components().collect::<PathBuf>());
        let root = Some(mounted.to_owned()).filter(|root| own.as_ref() != Some(root));
        places.extend(own.into_iter().chain(root).map(|path| (version, path)));
    }
    places
}

/// What of the hierarchy is mounted, and where, if this line is about it.
fn mount_of(version: Version, line: &str) -> Option<(&Path, &Path)> {
    let (mount, kind) = line.split_once(" - ")?;
    let mut kind = kind.split(' ');
    let (name, options) = (kind.next()?, kind.nth(1)?);
    let is_it = match version {
        Version::Two => name == "cgroup2",
        Version::One => name == "cgroup" && options.split(',').any(|option| option == "cpu"),
    };
    let mut fields = mount.split(' ').skip(3);
    let places = (Path::new(fields.next()?), Path::new(fields.next()?));
    is_it.then_some(places)
}

/// This process's group in the hierarchy, if this line is about it: `0::/user.slice`, `1:cpu,cpuacct:/`.
fn group_of(version: Version, line: &str) -> Option<&Path> {
    let mut fields = line.splitn(3, ':');
    let (number, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    let is_it = match version {
        Version::Two => number == "0" && controllers.is_empty(),
        Version::One => controllers.split(',').any(|controller| controller == "cpu"),
    };
    is_it.then(|| Path::new(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mounts: &str, groups: &str, expected: &[(Version, &str)]) {
        let places = places(mounts, groups);
        let places: Vec<_> = places
            .iter()
            .map(|(version, path)| (*version, path.to_str().expect("a path in UTF-8")))
            .collect();
        assert_eq!(places, expected);
    }

    #[test]
    fn a_system_with_v2_alone() {
        check(
            "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate",
            "0::/user.slice/user-1000.slice/a.scope\n",
            &[
                (Version::Two, "/sys/fs/cgroup/user.slice/user-1000.slice/a.scope"),
                (Version::Two, "/sys/fs/cgroup"),
            ],
        );
    }

    #[test]
    fn a_system_with_both() {
        check(
            "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
             41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
            "4:memory:/elsewhere\n1:cpu,cpuacct:/here\n0::/\n",
            &[
                (Version::Two, "/sys/fs/cgroup/unified"),
                (Version::One, "/sys/fs/cgroup/cpu/here"),
                (Version::One, "/sys/fs/cgroup/cpu"),
            ],
        );
    }

    #[test]
    fn a_container_that_sees_its_part_of_the_hosts_groups() {
        check(
            "30 23 0:26 /docker/1234 /sys/fs/cgroup ro - cgroup2 cgroup rw",
            "0::/docker/1234/own",
            &[
                (Version::Two, "/sys/fs/cgroup/own"),
                (Version::Two, "/sys/fs/cgroup"),
            ],
        );
    }

    #[test]
    fn a_system_without_any() {
        check("23 1 8:1 / / rw - ext4 /dev/root rw", "0::/", &[]);
        check("", "", &[]);
    }
}
