//! What clients ask of one partition, and how long they wait in vain.

/// A time without an acknowledged write in which clients asked for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Gap {
    pub(super) fn length(&self) -> u64 {
        self.to.saturating_sub(self.from)
    }
}

/// The writes to a partition that are under way.
#[derive(Debug, Default)]
pub(super) struct Demand {
    /// How many are open.
    open: u32,
    /// Since when some client has waited, with nothing acknowledged meanwhile.
    since: Option<u64>,
    /// Since when nobody asks any more, where the last who did gave up.
    idle: Option<u64>,
}

impl Demand {
    /// Waiting counts anew from here on.
    pub(super) fn begin(&mut self, time: u64) {
        self.since = (self.open > 0).then_some(time);
        self.idle = None;
    }

    /// A write begins.
    pub(super) fn asked(&mut self, time: u64, limit: u64) {
        // After a pause that is long beside the limit the waiting is another.
        if self.idle.take().is_some_and(|idle| time - idle > limit / 4) {
            self.since = None;
        }
        self.since.get_or_insert(time);
        self.open += 1;
    }

    /// A write ended without an acknowledgement.
    pub(super) fn given_up(&mut self, time: u64) {
        self.open = self.open.saturating_sub(1);
        if self.open == 0 && self.since.is_some() {
            self.idle = Some(time);
        }
    }

    /// A write was acknowledged: the gap that this ends.
    pub(super) fn served(&mut self, time: u64) -> Option<Gap> {
        let gap = self.until(time);
        self.open = self.open.saturating_sub(1);
        self.since = (self.open > 0).then_some(time);
        self.idle = None;
        gap
    }

    /// The gap that goes on at a time.
    pub(super) fn until(&self, time: u64) -> Option<Gap> {
        Some(Gap {
            from: self.since?,
            to: self.idle.unwrap_or(time),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Demand, Gap};

    const LIMIT: u64 = 40;

    #[test]
    fn who_waits_in_vain_waits_from_the_first_question() {
        let mut demand = Demand::default();
        assert_eq!(demand.until(5), None);
        demand.asked(10, LIMIT);
        demand.asked(20, LIMIT);
        demand.given_up(30);
        assert_eq!(demand.until(60), Some(Gap { from: 10, to: 60 }));
        assert_eq!(demand.served(70), Some(Gap { from: 10, to: 70 }));
        assert_eq!(demand.until(90), None);
    }

    #[test]
    fn who_still_waits_after_an_answer_to_another_waits_from_then() {
        let mut demand = Demand::default();
        demand.asked(10, LIMIT);
        demand.asked(11, LIMIT);
        demand.served(20);
        assert_eq!(demand.until(50), Some(Gap { from: 20, to: 50 }));
        demand.begin(60);
        assert_eq!(demand.until(70), Some(Gap { from: 60, to: 70 }));
    }

    #[test]
    fn where_nobody_asks_nobody_waits() {
        let mut demand = Demand::default();
        demand.asked(10, LIMIT);
        demand.given_up(20);
        assert_eq!(demand.until(500), Some(Gap { from: 10, to: 20 }));
        // The next try comes soon: it is the same waiting.
        demand.asked(30, LIMIT);
        assert_eq!(demand.until(35), Some(Gap { from: 10, to: 35 }));
        demand.given_up(40);
        demand.asked(51, LIMIT);
        assert_eq!(demand.until(60), Some(Gap { from: 51, to: 60 }));
    }
}
