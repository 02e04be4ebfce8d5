//! Offsets that somebody passed over while nothing was known of them.

use crate::paged::Paged;

/// Gaps of more offsets than this are kept by their ends.
const SHORT_MAX: u64 = 1 << 12;
/// Long gaps that are told apart; beyond that any offset may lie in one.
const LONG_MAX: usize = 64;

/// The gaps of one partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Gaps {
    /// A bit for each offset in a short gap.
    short: Paged<u64>,
    /// Each from its first offset to its last.
    long: Vec<(u64, u64)>,
    any: bool,
    uncounted: bool,
}

impl Gaps {
    /// Takes down that the offsets between these two were passed over.
    pub(super) fn pass(&mut self, from: u64, to: u64) {
        let (first, last) = (from.saturating_add(1), to.saturating_sub(1));
        if first > last {
            return;
        }
        self.any = true;
        if last - first >= SHORT_MAX {
            self.pass_long(first, last);
            return;
        }
        for word in first / 64..=last / 64 {
            let low = first.max(word * 64) % 64;
            let high = last.min(word * 64 + 63) % 64;
            *self.short.slot(word) |= (u64::MAX << low) & (u64::MAX >> (63 - high));
        }
    }

    fn pass_long(&mut self, first: u64, last: u64) {
        if self.long.contains(&(first, last)) {
            return;
        }
        if self.long.len() == LONG_MAX {
            self.uncounted = true;
        } else {
            self.long.push((first, last));
        }
    }

    /// Whether an offset may have been passed over; never false for one that was.
    pub(super) fn hold(&self, offset: u64) -> bool {
        self.any
            && (self.uncounted
                || self.short.get(offset / 64) >> (offset % 64) & 1 != 0
                || self
                    .long
                    .iter()
                    .any(|(first, last)| (*first..=*last).contains(&offset)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Gaps, LONG_MAX, SHORT_MAX};

    #[test]
    fn what_was_passed_over_is_known() {
        let mut gaps = Gaps::default();
        assert!(!gaps.hold(0));
        gaps.pass(60, 70);
        gaps.pass(100, 101);
        gaps.pass(200, 200 + SHORT_MAX + 9);
        gaps.pass(u64::MAX - 3, u64::MAX);
        let held: Vec<u64> = (0..300).filter(|offset| gaps.hold(*offset)).collect();
        assert_eq!(held, (61..70).chain(201..300).collect::<Vec<_>>());
        assert!(gaps.hold(u64::MAX - 1) && !gaps.hold(u64::MAX));
    }

    #[test]
    fn long_gaps_without_number_may_hold_anything() {
        let mut gaps = Gaps::default();
        for gap in 0..=LONG_MAX as u64 {
            gaps.pass(gap, gap + 2 * SHORT_MAX);
        }
        assert!(gaps.hold(u64::MAX));
    }
}
