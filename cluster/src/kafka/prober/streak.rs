//! Attempts that came out alike, one after the other, are one event.

use std::sync::Arc;

use history::{Key, ProbeOf, Probed, Recorder, What};

/// A streak goes into the history at least this often.
const CUT_AFTER_NANOS: u64 = 1_000_000_000;

/// The streak of one partition that goes on.
pub(super) struct Streak {
    key: Key,
    f: ProbeOf,
    recorder: Arc<dyn Recorder>,
    open: Option<Probed>,
    /// Whether the attempt before the streak failed.
    after_failure: bool,
}

impl Streak {
    pub(super) fn new(key: Key, f: ProbeOf, recorder: Arc<dyn Recorder>) -> Self {
        Self {
            key,
            f,
            recorder,
            open: None,
            after_failure: false,
        }
    }

    /// The time now, on the run's clock.
    pub(super) fn now(&self) -> u64 {
        self.recorder.now()
    }

    /// One more attempt. The first success after failures is a streak of its own: its end is the end of an outage.
    pub(super) fn attempt(&mut self, (from, until): (u64, u64), failed: Option<String>) {
        let succeeded = failed.is_none();
        if self
            .open
            .as_ref()
            .is_some_and(|open| open.failed.is_none() != succeeded)
        {
            self.flush();
        }
        let open = self.open.get_or_insert(Probed {
            key: self.key,
            f: self.f,
            from,
            until,
            attempts: 0,
            failed: None,
        });
        open.until = until;
        open.attempts += 1;
        open.failed = failed;
        if (succeeded && self.after_failure) || until - open.from >= CUT_AFTER_NANOS {
            self.flush();
        }
        self.after_failure = !succeeded;
    }

    /// Writes down what there is.
    pub(super) fn flush(&mut self) {
        if let Some(streak) = self.open.take() {
            self.recorder.record(What::Probed(streak));
        }
    }
}

#[cfg(test)]
mod tests {
    use history::MemoryRecorder;

    use super::*;

    /// Attempts at these milliseconds, each 10 ms long; what is written down of them.
    fn check(attempts: &[(u64, bool)], expected: &[(u64, u64, u64, bool)]) {
        let recorder = Arc::new(MemoryRecorder::default());
        let mut streak = Streak::new(3, ProbeOf::Write, recorder.clone());
        for (at, succeeded) in attempts {
            let failed = (!succeeded).then(|| format!("why at {at}"));
            streak.attempt((at * 1_000_000, (at + 10) * 1_000_000), failed);
        }
        streak.flush();
        let found: Vec<(u64, u64, u64, bool)> = recorder
            .events()
            .iter()
            .map(|event| match &event.what {
                What::Probed(it) => (
                    it.from / 1_000_000,
                    it.until / 1_000_000,
                    it.attempts,
                    it.failed.is_none(),
                ),
                other => panic!("{other:?} is no streak"),
            })
            .collect();
        assert_eq!(found, expected, "{attempts:?}");
    }

    #[test]
    fn a_change_of_outcome_ends_a_streak() {
        check(&[], &[]);
        check(&[(0, true), (50, true)], &[(0, 60, 2, true)]);
        check(
            &[(0, true), (50, false), (100, false), (150, true), (200, true)],
            &[
                (0, 10, 1, true),
                (50, 110, 2, false),
                (150, 160, 1, true),
                (200, 210, 1, true),
            ],
        );
    }

    #[test]
    fn a_long_streak_is_cut() {
        check(
            &[(0, true), (500, true), (990, true), (1040, true)],
            &[(0, 1000, 3, true), (1040, 1050, 1, true)],
        );
        check(
            &[(0, false), (1200, false), (1300, true)],
            &[(0, 1210, 2, false), (1300, 1310, 1, true)],
        );
    }
}
