//! Whether the clients did what was asked of them: a load that was not there puts nothing to the test.
//!
//! An open-loop client begins its operations at times of its own, whatever the cluster does. One that waits instead leaves
//! out just those operations that would have been slow (Gil Tene's "coordinated omission"), so what was late or left out is
//! counted, and times are taken from when an operation was due.

use serde::{Deserialize, Serialize};

/// What became of the load that was asked for, of all producers together: told once, as they are closed. Times are in
/// nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Load {
    /// Writes that were due.
    pub due: u64,
    /// Of these, begun late: more than [`LATE`] after their time.
    pub late: u64,
    /// Of these, never begun: as many others were open as may be.
    pub withheld: u64,
    /// The longest time after which a write began.
    pub latest: u64,
    /// How long acknowledged writes took from when they were due. A withheld one counts with the time until a write could
    /// begin again, the least that it would have taken.
    pub from_due: Quantiles,
    /// The same from when they began, without the withheld ones: what a client that waits would have measured.
    pub from_begun: Quantiles,
    /// What the producers had under way, where somebody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flight: Option<Flight>,
}

/// What producers had under way at brokers, and what they gave up, as their client library saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Flight {
    /// The most requests that a producer was seen to have under way at one broker at once; none where the library does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u32>,
    /// Writes that the library gave up as their time was over, and that no broker can have.
    pub expired_unsent: u64,
    /// The same, where a broker may have them.
    pub expired_unknown: u64,
}

impl Flight {
    /// All writes that were given up as their time was over.
    pub fn expired(&self) -> u64 {
        self.expired_unsent.saturating_add(self.expired_unknown)
    }
}

/// A write that begins later than this, in nanoseconds, is late: clients look for what is due every few milliseconds.
pub const LATE: u64 = 50_000_000;

impl Load {
    /// Of a hundred writes that were due, those that began in time, rounded down; all where none was due.
    pub fn percent(&self) -> u64 {
        let missed = self.late.saturating_add(self.withheld).min(self.due);
        (self.due - missed)
            .saturating_mul(100)
            .checked_div(self.due)
            .unwrap_or(100)
    }
}

/// How long most of something took, in nanoseconds; zeros where there was nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Quantiles {
    /// Half of them at most so long.
    pub p50: u64,
    /// 99 of 100.
    pub p99: u64,
    /// 999 of 1,000.
    pub p999: u64,
    /// All.
    pub max: u64,
}

#[cfg(test)]
mod tests {
    use super::Load;

    #[test]
    fn what_was_late_or_withheld_is_missing_of_a_hundred() {
        let load = |due, late, withheld| Load {
            due,
            late,
            withheld,
            ..Load::default()
        };
        assert_eq!(load(0, 0, 0).percent(), 100);
        assert_eq!(load(200, 1, 0).percent(), 99);
        assert_eq!(load(200, 20, 80).percent(), 50);
        assert_eq!(load(u64::MAX, u64::MAX, u64::MAX).percent(), 0);
    }
}
