//! When a client's operations are due, and what became of that.
//!
//! Due times follow from the generator alone. What could not begin in time is counted, and what could not begin at all is
//! left out rather than made up for: a fault must not be followed by a flood.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use history::{Flight, LATE, Load, Quantiles};

use super::library::Delivery;
use crate::scribe::End;

/// The due times of one client.
pub(crate) struct Pace {
    next: Instant,
    ledger: Arc<Ledger>,
    withheld: Option<Withheld>,
}

/// Operations in a row that were due and did not begin.
struct Withheld {
    first: Instant,
    last: Instant,
    count: u64,
}

impl Pace {
    /// The first operation is due at `first`.
    pub(crate) fn new(first: Instant, ledger: Arc<Ledger>) -> Self {
        Self {
            next: first,
            ledger,
            withheld: None,
        }
    }

    /// The next operation is due at `first`: only from now on does the client work.
    pub(crate) fn restart(&mut self, first: Instant) {
        self.next = first;
    }

    /// When the next operation is due.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// The operation that is due begins now, and the next one is due that long after it: when this one was due.
    pub(crate) fn begin(&mut self, now: Instant, gap: Duration) -> Instant {
        self.end_withholding(now);
        self.ledger.began(now.saturating_duration_since(self.next));
        self.step(gap)
    }

    /// The operation that is due is left out.
    pub(crate) fn withhold(&mut self, gap: Duration) {
        let due = self.step(gap);
        let withheld = self.withheld.get_or_insert(Withheld {
            first: due,
            last: due,
            count: 0,
        });
        (withheld.last, withheld.count) = (due, withheld.count + 1);
    }

    /// Nothing is due any more.
    pub(crate) fn end(&mut self, now: Instant) {
        self.end_withholding(now);
    }

    fn step(&mut self, gap: Duration) -> Instant {
        let due = self.next;
        self.next += gap;
        due
    }

    fn end_withholding(&mut self, now: Instant) {
        if let Some(withheld) = self.withheld.take() {
            self.ledger.withheld(&withheld, now);
        }
    }
}

/// What became of the operations of all clients of a workload.
#[derive(Default)]
pub(crate) struct Ledger {
    due: AtomicU64,
    late: AtomicU64,
    withheld: AtomicU64,
    latest: AtomicU64,
    from_due: Histogram,
    from_begun: Histogram,
    expired_unsent: AtomicU64,
    expired_unknown: AtomicU64,
    /// The most requests under way at one broker; nought where nobody told.
    in_flight: AtomicU32,
}

impl Ledger {
    /// An operation was acknowledged now.
    pub(crate) fn acknowledged(&self, due: Instant, begun: Instant) {
        let now = Instant::now();
        self.from_due.take(now.saturating_duration_since(due), 1);
        self.from_begun.take(now.saturating_duration_since(begun), 1);
    }

    /// All of it so far.
    pub(crate) fn load(&self) -> Load {
        Load {
            due: self.due.load(Relaxed),
            late: self.late.load(Relaxed),
            withheld: self.withheld.load(Relaxed),
            latest: self.latest.load(Relaxed),
            from_due: self.from_due.quantiles(),
            from_begun: self.from_begun.quantiles(),
            flight: None,
        }
    }

    /// A client library reported how a write ended.
    pub(crate) fn reported(&self, delivery: &Delivery) {
        if let Some(in_flight) = delivery.in_flight {
            self.in_flight.fetch_max(in_flight, Relaxed);
        }
        let count = match &delivery.end {
            _ if !delivery.expired => return,
            End::Fail(_) => &self.expired_unsent,
            End::Ok | End::Info(_) => &self.expired_unknown,
        };
        count.fetch_add(1, Relaxed);
    }

    /// What was under way and what was given up so far, by what was reported.
    pub(crate) fn flight(&self) -> Flight {
        let requests = self.in_flight.load(Relaxed);
        Flight {
            requests: Some(requests).filter(|requests| *requests > 0),
            expired_unsent: self.expired_unsent.load(Relaxed),
            expired_unknown: self.expired_unknown.load(Relaxed),
        }
    }

    fn began(&self, after: Duration) {
        let after = nanoseconds(after);
        self.due.fetch_add(1, Relaxed);
        self.latest.fetch_max(after, Relaxed);
        if after > LATE {
            self.late.fetch_add(1, Relaxed);
        }
    }

    /// They waited until now, each since its own time; only the first one's and the last one's are known, and the others'
    /// lie evenly between.
    fn withheld(&self, withheld: &Withheld, now: Instant) {
        self.due.fetch_add(withheld.count, Relaxed);
        self.withheld.fetch_add(withheld.count, Relaxed);
        let span = nanoseconds(withheld.last.saturating_duration_since(withheld.first));
        let longest = nanoseconds(now.saturating_duration_since(withheld.first));
        let steps = withheld.count.saturating_sub(1).max(1);
        for index in 0..withheld.count {
            let since = u128::from(span) * u128::from(index) / u128::from(steps);
            self.from_due
                .take(Duration::from_nanos(longest.saturating_sub(since as u64)), 1);
        }
    }
}

/// Times counted in classes, 32 to each doubling: what is read from it is at most a 32nd too long.
struct Histogram {
    classes: Box<[AtomicU64]>,
    max: AtomicU64,
}

/// Classes to a doubling, and their logarithm.
const FINE: u64 = 32;
const FINE_BITS: u32 = 5;

impl Default for Histogram {
    fn default() -> Self {
        let classes = class(u64::MAX) + 1;
        Self {
            classes: (0..classes).map(|_| AtomicU64::new(0)).collect(),
            max: AtomicU64::new(0),
        }
    }
}

impl Histogram {
    fn take(&self, time: Duration, count: u64) {
        let time = nanoseconds(time);
        self.classes[class(time)].fetch_add(count, Relaxed);
        self.max.fetch_max(time, Relaxed);
    }

    fn quantiles(&self) -> Quantiles {
        let counts: Vec<u64> = self.classes.iter().map(|class| class.load(Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        let max = self.max.load(Relaxed);
        let quantile = |per_mille: u64| {
            let rank = (u128::from(total) * u128::from(per_mille)).div_ceil(1_000) as u64;
            let mut below = 0;
            let reached = counts.iter().position(|count| {
                below += count;
                below >= rank.max(1)
            });
            reached.map_or(0, |class| longest(class).min(max))
        };
        Quantiles {
            p50: quantile(500),
            p99: quantile(990),
            p999: quantile(999),
            max,
        }
    }
}

/// The class of a time in nanoseconds.
fn class(time: u64) -> usize {
    if time < FINE {
        return time as usize;
    }
    let doubling = time.ilog2() - FINE_BITS;
    (u64::from(doubling) * FINE + (time >> doubling)) as usize
}

/// The longest time in a class.
fn longest(class: usize) -> u64 {
    let class = class as u64;
    if class < 2 * FINE {
        return class;
    }
    let doubling = class / FINE - 1;
    let first = (class - doubling * FINE) << doubling;
    first + ((1 << doubling) - 1)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::{Histogram, Ledger, Pace, class, longest};

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn what_begins_late_is_counted_and_its_time_runs_from_when_it_was_due() {
        let (ledger, start) = (Arc::new(Ledger::default()), Instant::now());
        let mut pace = Pace::new(start, ledger.clone());
        assert_eq!(pace.begin(start, 10 * MS), start);
        let due = pace.begin(start + 110 * MS, 10 * MS);
        assert_eq!(due, start + 10 * MS);
        assert_eq!(pace.next(), start + 20 * MS, "being late moves nothing");
        let load = ledger.load();
        assert_eq!((load.due, load.late, load.withheld), (2, 1, 0));
        assert_eq!(Duration::from_nanos(load.latest), 100 * MS);
    }

    /// A client with one write open meets a stall of a second, at one write due every 10 ms.
    #[test]
    fn a_stall_is_felt_by_all_that_were_due_in_it() {
        let ledger = Arc::new(Ledger::default());
        let start = Instant::now()
            .checked_sub(10_000 * MS)
            .expect("the clock has run so long");
        let mut pace = Pace::new(start, ledger.clone());
        for _ in 0..100 {
            pace.withhold(10 * MS);
        }
        pace.begin(start + 1_000 * MS, 10 * MS);
        let load = ledger.load();
        assert_eq!(
            (load.due, load.late, load.withheld, load.percent()),
            (101, 0, 100, 0)
        );
        let (half, all) = (
            Duration::from_nanos(load.from_due.p50),
            Duration::from_nanos(load.from_due.max),
        );
        assert_eq!(all, 1_000 * MS, "the first waited for all of it");
        assert!(half > 500 * MS && half < 530 * MS, "{half:?}");
        assert_eq!(load.from_begun.max, 0, "nothing that began was acknowledged");
    }

    #[test]
    fn what_is_withheld_at_the_end_counts_as_well() {
        let (ledger, start) = (Arc::new(Ledger::default()), Instant::now());
        let mut pace = Pace::new(start, ledger.clone());
        pace.withhold(10 * MS);
        pace.end(start + 30 * MS);
        let load = ledger.load();
        assert_eq!((load.due, load.withheld), (1, 1));
        assert_eq!(Duration::from_nanos(load.from_due.max), 30 * MS);
    }

    #[test]
    fn of_nothing_all_quantiles_are_nought() {
        assert_eq!(Histogram::default().quantiles(), history::Quantiles::default());
    }

    proptest! {
        #[test]
        fn a_class_holds_its_times_within_a_32nd(time: u64) {
            let end = longest(class(time));
            prop_assert!(end >= time && end - time <= time / 32, "{time} {end}");
            prop_assert!(end == u64::MAX || class(end + 1) == class(time) + 1);
        }

        #[test]
        fn quantiles_are_those_of_the_sorted_times(mut times in prop::collection::vec(0_u64..10_000_000_000, 1..200)) {
            let histogram = Histogram::default();
            for time in &times {
                histogram.take(Duration::from_nanos(*time), 1);
            }
            times.sort_unstable();
            let at = |per_mille: usize| times[(times.len() * per_mille).div_ceil(1_000).max(1) - 1];
            let read = histogram.quantiles();
            for (read, exact) in [(read.p50, at(500)), (read.p99, at(990)), (read.p999, at(999))] {
                prop_assert!(read >= exact && read - exact <= exact / 32, "{read} {exact}");
            }
            prop_assert_eq!(read.max, times[times.len() - 1]);
        }
    }
}
