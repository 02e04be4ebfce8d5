//! The groups of one node, as its agent uses them: its process is moved there when it is to be frozen or limited for the
//! first time, and the processes that are started while a limit holds are too.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::hierarchy::Kind;
use crate::protocol::{GroupState, Throttled};

/// The time over which a limit is kept: within it, a process may use its share at once.
const PERIOD: Duration = Duration::from_millis(100);
/// The kernel refuses to give less.
const QUOTA_MIN: Duration = Duration::from_millis(1);

/// Where the groups of a node are.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct GroupsOfNode {
    /// A v2 group.
    pub(crate) freezer: Option<PathBuf>,
    /// A group whose CPU time can be limited; it may be the same one.
    pub(crate) limiter: Option<(Kind, PathBuf)>,
}

/// A node's groups with what is in force in them.
#[derive(Debug)]
pub(crate) struct Members {
    groups: GroupsOfNode,
    limited: bool,
}

impl Members {
    pub(crate) fn new(groups: GroupsOfNode) -> Self {
        Self {
            groups,
            limited: false,
        }
    }

    /// Freezes a process with all of its threads. The kernel takes a moment for it.
    pub(crate) fn freeze(&self, pid: i32) -> Result<(), String> {
        let group = self.freezer()?;
        // A group below the one that limits: what is started meanwhile must not be born frozen.
        fs::create_dir_all(&group).map_err(|error| format!("make {}: {error}", group.display()))?;
        write(&group, "cgroup.procs", &pid.to_string())?;
        write(&group, "cgroup.freeze", "1")
    }

    /// Lets everything go on that was frozen.
    pub(crate) fn thaw(&self) -> Result<(), String> {
        let group = self.freezer()?;
        if group.exists() {
            return write(&group, "cgroup.freeze", "0");
        }
        Ok(())
    }

    /// Gives a process no more than so many thousandths of one CPU.
    pub(crate) fn limit(&mut self, pid: i32, share: u32) -> Result<(), String> {
        let quota = (PERIOD * share / 1000).max(QUOTA_MIN).as_micros();
        let (kind, group) = self.limiter()?;
        let period = PERIOD.as_micros();
        if let Kind::V1 = kind {
            write(group, "cpu.cfs_period_us", &period.to_string())?;
            write(group, "cpu.cfs_quota_us", &quota.to_string())?;
        } else {
            write(group, "cpu.max", &format!("{quota} {period}"))?;
        }
        write(group, "cgroup.procs", &pid.to_string())?;
        self.limited = true;
        Ok(())
    }

    /// Gives every process all that it wants.
    pub(crate) fn unlimit(&mut self) -> Result<(), String> {
        let (kind, group) = self.limiter()?;
        if let Kind::V1 = kind {
            write(group, "cpu.cfs_quota_us", "-1")?;
        } else {
            write(group, "cpu.max", "max")?;
        }
        self.limited = false;
        Ok(())
    }

    /// Where a process that is started now has to write itself.
    pub(crate) fn joins(&self) -> Option<PathBuf> {
        let (_, group) = self.groups.limiter.as_ref()?;
        self.limited.then(|| group.join("cgroup.procs"))
    }

    /// What the kernel says of the groups.
    pub(crate) fn state(&self) -> GroupState {
        let frozen = self.freezer().ok().and_then(|group| {
            let text = fs::read_to_string(group.join("cgroup.events")).ok()?;
            value(&text, "frozen").map(|frozen| frozen == 1)
        });
        let throttled = self.limiter().ok().and_then(|(_, group)| {
            let text = fs::read_to_string(group.join("cpu.stat")).ok()?;
            throttled(&text)
        });
        GroupState { frozen, throttled }
    }

    fn freezer(&self) -> Result<PathBuf, String> {
        let group = self.groups.freezer.as_ref();
        Ok(group.ok_or("there is no cgroup v2 for it")?.join("frozen"))
    }

    fn limiter(&self) -> Result<(Kind, &Path), String> {
        let (kind, group) = self
            .groups
            .limiter
            .as_ref()
            .ok_or("there is no control group for it")?;
        Ok((*kind, group))
    }
}

fn write(group: &Path, file: &str, text: &str) -> Result<(), String> {
    let path = group.join(file);
    fs::write(&path, text).map_err(|error| format!("write {text} to {}: {error}", path.display()))
}

/// A number in a file of names and numbers.
fn value(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    let (_, number) = lines.find(|(found, _)| *found == name)?;
    number.trim().parse().ok()
}

/// How often and how long a group had to wait for its next period, in the words of either version.
fn throttled(text: &str) -> Option<Throttled> {
    let time = value(text, "throttled_usec")
        .map(Duration::from_micros)
        .or_else(|| value(text, "throttled_time").map(Duration::from_nanos))?;
    Some(Throttled {
        periods: value(text, "nr_throttled")?,
        time,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_say_how_long_a_group_waited() {
        let expected = Throttled {
            periods: 7,
            time: Duration::from_millis(1_500),
        };
        let one = "nr_periods 9\nnr_throttled 7\nthrottled_time 1500000000\n";
        let two = "usage_usec 5\nnr_periods 9\nnr_throttled 7\nthrottled_usec 1500000\n";
        assert_eq!(throttled(one), Some(expected));
        assert_eq!(throttled(two), Some(expected));
        assert_eq!(throttled("usage_usec 5\n"), None);
    }
}
