//! How long what clients need was missing, as data of a verdict.

use history::Key;
use serde::{Deserialize, Serialize};

/// How long what clients need was missing. All times are in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Availability {
    /// How many partitions the prober wrote to and read from.
    pub probed: u32,
    /// How many there are.
    pub partitions: u32,
    /// What each fault did to each partition, in the order of the faults; at most [`Outage::ROWS_MAX`].
    pub outages: Vec<Outage>,
    /// Rows beyond these.
    #[serde(default, skip_serializing_if = "crate::verdict::is_zero")]
    pub left_out: u64,
    /// The times without a successful write, of the rows in which there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writes: Option<Spread>,
    /// The times without a successful write that overlap no fault and nothing that came of one; none where nobody tried to write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_fault: Option<WithoutFault>,
    /// The times without a successful read, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<Spread>,
    /// The times to a new leader, where the fault took the leader away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaders: Option<Spread>,
    /// The times from a healing to all replicas in sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_isr: Option<Spread>,
    /// The times from a healing until all was served by all replicas in sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Spread>,
}

/// When partitions could not be written though no fault was to blame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WithoutFault {
    /// How often.
    pub count: u64,
    /// The longest, in nanoseconds.
    pub longest: u64,
    /// All of them together, of all partitions.
    pub total: u64,
}

/// What one fault did to one partition. What was not seen is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outage {
    /// The fault's number.
    pub fault: u32,
    /// Its kind.
    pub kind: String,
    /// The partition.
    pub key: Key,
    /// Its name.
    pub partition: String,
    /// Whether the fault took the partition's leader away from its peers.
    pub hit_leader: bool,
    /// Whether it took the active controller away from its peers.
    pub hit_controller: bool,
    /// The longest time without a successful write with acks=all that overlaps the fault and what came of it: from the last
    /// success before to the first success after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_outage: Option<u64>,
    /// The same of reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_outage: Option<u64>,
    /// One of the two had not ended when the prober did: it took at least so long.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unended: bool,
    /// From the fault's injection to the first answer that named a leader of a newer epoch, where it took the leader away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<u64>,
    /// From its healing until all replicas were seen in sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_isr: Option<u64>,
    /// From its healing until they were, and a write had succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<u64>,
    /// Acknowledged writes that were lost, put down to the first fault that was not over when they were acknowledged.
    #[serde(default, skip_serializing_if = "crate::verdict::is_zero")]
    pub lost: u64,
    /// From the first to the last of their acknowledgements.
    #[serde(default, skip_serializing_if = "crate::verdict::is_zero")]
    pub lost_time: u64,
}

impl Outage {
    /// More rows than this are not kept.
    pub const ROWS_MAX: usize = 2_000;
}

/// How some times are spread, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// How many there are.
    pub count: u64,
    /// The shortest.
    pub least: u64,
    /// The one in the middle; of an even number the lower of the two.
    pub median: u64,
    /// The longest.
    pub most: u64,
}

impl Spread {
    /// Of some times; `None` of none.
    pub fn of(times: impl IntoIterator<Item = u64>) -> Option<Self> {
        let mut times: Vec<u64> = times.into_iter().collect();
        times.sort_unstable();
        Some(Self {
            count: times.len() as u64,
            least: *times.first()?,
            median: times[(times.len() - 1) / 2],
            most: *times.last()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn the_middle_of_some_times() {
        assert_eq!(Spread::of([]), None);
        let spread = |count, least, median, most| {
            Some(Spread {
                count,
                least,
                median,
                most,
            })
        };
        assert_eq!(Spread::of([7]), spread(1, 7, 7, 7));
        assert_eq!(Spread::of([9, 1]), spread(2, 1, 1, 9));
        assert_eq!(Spread::of([9, 1, 4]), spread(3, 1, 4, 9));
    }
}
