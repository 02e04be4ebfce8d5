//! A trial at one moment.

use std::time::Duration;

use history::NodeId;
use workloads::Seen;

/// All that is shown.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The phase.
    pub phase: String,
    /// What it is about.
    pub about: String,
    /// Since the run began.
    pub elapsed: Duration,
    /// Until everything is read back, as far as that is known.
    pub left: Option<Duration>,
    /// What the clients have done.
    pub seen: Seen,
    /// How fast.
    pub rates: Rates,
    /// Of acknowledged writes of the last seconds: p50 and p99, in nanoseconds.
    pub latency: Option<(u64, u64)>,
    /// Every partition.
    pub partitions: Vec<PartitionShown>,
    /// The active controller and its term.
    pub controller: Option<(NodeId, i32)>,
    /// The faults in force.
    pub faults: Vec<FaultShown>,
    /// What looks wrong already.
    pub wrong: Vec<String>,
    /// How much more does.
    pub wrong_more: u64,
    /// The last lines of the brokers' own logs, as they were written.
    pub log: Vec<String>,
}

/// How much happens in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Writes acknowledged.
    pub ok: f64,
    /// Writes that failed.
    pub fail: f64,
    /// Writes of which nobody knows.
    pub info: f64,
    /// Records read.
    pub read: f64,
}

impl Rates {
    /// Between two moments.
    pub fn between(before: &Seen, now: &Seen, time: Duration) -> Self {
        let rate = |before: u64, now: u64| now.saturating_sub(before) as f64 / time.as_secs_f64().max(1e-3);
        Self {
            ok: rate(before.ok, now.ok),
            fail: rate(before.fail, now.fail),
            info: rate(before.info, now.info),
            read: rate(before.read, now.read),
        }
    }
}

/// A partition as the observer sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionShown {
    /// Its name.
    pub name: String,
    /// Its leader.
    pub leader: Option<NodeId>,
    /// The leader's epoch.
    pub epoch: i32,
    /// How many replicas are in sync…
    pub in_sync: usize,
    /// …of how many.
    pub replicas: usize,
}

/// A fault in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultShown {
    /// Its kind.
    pub kind: String,
    /// What is done to whom.
    pub detail: String,
    /// Since when, in nanoseconds of the run's clock.
    pub since: u64,
}

/// How long the phases take whose length is known before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// Before the first fault.
    pub steady: Duration,
    /// The schedule of faults.
    pub faults: Duration,
    /// After the last fault.
    pub recover: Duration,
}

impl Pace {
    /// How long it is until the clients end, in a phase that has gone on so long. Nothing in those whose length nobody knows.
    pub fn left(&self, phase: &str, in_phase: Duration) -> Option<Duration> {
        let phases = [
            ("steady", self.steady),
            ("faults", self.faults),
            ("heal", self.recover),
        ];
        let at = phases.iter().position(|(name, _)| *name == phase)?;
        let rest: Duration = phases[at + 1..].iter().map(|(_, length)| *length).sum();
        Some(phases[at].1.saturating_sub(in_phase) + rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_what_this_phase_and_the_next_take() {
        let seconds = Duration::from_secs;
        let pace = Pace {
            steady: seconds(2),
            faults: seconds(20),
            recover: seconds(5),
        };
        assert_eq!(pace.left("steady", seconds(1)), Some(seconds(26)));
        assert_eq!(pace.left("faults", seconds(30)), Some(seconds(5)));
        assert_eq!(pace.left("heal", seconds(1)), Some(seconds(4)));
        assert_eq!(pace.left("final reads", seconds(1)), None);
    }
}
