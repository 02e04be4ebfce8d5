//! When partitions could not be written or read, put in order for those who draw it: the very times that the check of
//! availability counts.

use history::{AvailabilityLimits, Event, Header, History, Key, ProbeOf, What};

use crate::checks::availability::Attempts;

/// A time in which the prober had no success at a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unserved {
    /// The partition.
    pub key: Key,
    /// What was tried.
    pub f: ProbeOf,
    /// The last success before; where there was none, the first attempt.
    pub from: u64,
    /// The first success after; where there was none, the end of the last attempt.
    pub to: u64,
    /// Whether there was one.
    pub ended: bool,
    /// How many attempts failed.
    pub attempts: u64,
    /// Why the last of them did.
    pub why: String,
}

/// What the prober found, over a whole history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// The partitions that were tried, in order.
    pub probed: Vec<Key>,
    /// The times without a success: writes first, by partition and in order of time.
    pub unserved: Vec<Unserved>,
    /// How many more there were.
    pub left_out: u64,
}

/// When the partitions of a history could not be written or read.
pub fn served(history: &History) -> Served {
    // Limits are for the check alone: without any, the walk keeps nothing but the attempts.
    let mut header: Header = history.header.clone();
    header.expect.availability = AvailabilityLimits::default();
    let mut attempts = Attempts::new(&header);
    let probed = |event: &&Event| matches!(event.what, What::Probed(_));
    history
        .events
        .iter()
        .filter(probed)
        .for_each(|event| attempts.event(event));
    attempts.finish();
    let of = |f| {
        attempts.gaps(f).map(move |(key, gap)| Unserved {
            key,
            f,
            from: gap.from,
            to: gap.to,
            ended: gap.ended,
            attempts: gap.attempts,
            why: gap.why.clone(),
        })
    };
    Served {
        probed: attempts.probed(),
        unserved: of(ProbeOf::Write).chain(of(ProbeOf::Read)).collect(),
        left_out: attempts.left_out(),
    }
}
