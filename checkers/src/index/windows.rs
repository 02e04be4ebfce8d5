//! Between which events operations can be part of a cycle.
//!
//! Give each operation a place within its time: where it reads anything, its completion; otherwise its invocation,
//! or where the offsets order the writes, the latest invocation of those that wrote before it.
//! Real time and the order of a process then lead forward, and so does nearly every dependency of data: a record is
//! read after it was sent. A cycle comes back to where it began, so it has a dependency that leads back, and each
//! place that it goes through lies between the two ends of such a dependency: outside of these windows there is no
//! cycle, and nothing need be kept.

/// Stretches of events, from one to another, in order and apart from each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Windows {
    stretches: Vec<(u64, u64)>,
}

impl Windows {
    /// Those that cover these, which come in no order.
    pub(crate) fn of(mut stretches: Vec<(u64, u64)>) -> Self {
        stretches.sort_unstable_by_key(|stretch| stretch.1);
        let mut windows = Self::default();
        for (first, last) in stretches {
            windows.add(first, last);
        }
        windows
    }

    /// Adds one. They have to come in the order of their ends.
    pub(super) fn add(&mut self, first: u64, last: u64) {
        let mut first = first;
        while let Some(before) = self.stretches.pop_if(|before| before.1 >= first) {
            first = first.min(before.0);
        }
        self.stretches.push((first, last));
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.stretches.is_empty()
    }

    /// Whether an event lies in one.
    pub(crate) fn hold(&self, event: u64) -> bool {
        let next = self.stretches.partition_point(|stretch| stretch.1 < event);
        self.stretches.get(next).is_some_and(|stretch| stretch.0 <= event)
    }
}

#[cfg(test)]
mod tests {
    use super::Windows;

    #[test]
    fn stretches_that_meet_are_one() {
        let mut windows = Windows::default();
        for (first, last) in [(1, 2), (5, 7), (9, 12), (11, 14), (6, 20), (30, 31)] {
            windows.add(first, last);
        }
        assert_eq!(windows.stretches, [(1, 2), (5, 20), (30, 31)]);
        let held: Vec<u64> = (0..33).filter(|event| windows.hold(*event)).collect();
        assert_eq!(
            held,
            [1, 2]
                .into_iter()
                .chain(5..=20)
                .chain(30..=31)
                .collect::<Vec<_>>()
        );
    }
}
