//! The records that one copy showed, four bytes each.

use history::{Offset, Value};

use crate::column::Column;

/// Records by offset, ascending.
#[derive(Clone, Debug, Default)]
pub(super) struct Delta {
    /// Records of one epoch whose offsets follow each other.
    stretches: Vec<Stretch>,
    values: Column,
    count: u32,
}

#[derive(Clone, Copy, Debug)]
struct Stretch {
    first: Offset,
    /// The row of its first value.
    row: u32,
    epoch: i32,
}

impl Delta {
    /// Adds a record. One that does not lie above all before is left out: no log has it.
    pub(super) fn push(&mut self, offset: Offset, value: Value, epoch: i32) {
        let next = self
            .stretches
            .last()
            .map(|last| (self.end_of(self.stretches.len() - 1), last.epoch));
        if next.is_some_and(|(end, _)| offset < end) {
            return;
        }
        if next != Some((offset, epoch)) {
            self.stretches.push(Stretch {
                first: offset,
                row: self.count,
                epoch,
            });
        }
        self.values.push(Some(value));
        self.count += 1;
    }

    /// One past the last offset of a stretch.
    fn end_of(&self, number: usize) -> Offset {
        let stretch = self.stretches[number];
        let next = self.stretches.get(number + 1).map_or(self.count, |next| next.row);
        stretch.first.saturating_add(Offset::from(next - stretch.row))
    }

    /// The record at an offset.
    pub(super) fn get(&self, offset: Offset) -> Option<(Value, i32)> {
        let after = self.stretches.partition_point(|stretch| stretch.first <= offset);
        let number = after.checked_sub(1)?;
        if offset >= self.end_of(number) {
            return None;
        }
        let stretch = self.stretches[number];
        let value = self.values.get(stretch.row + (offset - stretch.first) as u32)?;
        Some((value, stretch.epoch))
    }

    /// The records from an offset on, up to another.
    pub(super) fn range(
        &self,
        from: Offset,
        to: Offset,
    ) -> impl Iterator<Item = (Offset, Value, i32)> + use<'_> {
        let first = self.stretches.partition_point(|stretch| stretch.first <= from);
        let numbers = first.saturating_sub(1)..self.stretches.len();
        let stretches = numbers.take_while(move |number| self.stretches[*number].first < to);
        stretches.flat_map(move |number| {
            let stretch = self.stretches[number];
            let offsets = stretch.first.max(from)..self.end_of(number).min(to);
            offsets.filter_map(move |offset| {
                let value = self.values.get(stretch.row + (offset - stretch.first) as u32)?;
                Some((offset, value, stretch.epoch))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::Delta;

    proptest! {
        #[test]
        fn it_is_a_map(
            steps in prop::collection::vec((1..4_i64, any::<u64>(), 0..3_i32), 0..60),
            from in 0..90_i64,
            to in 0..90_i64,
        ) {
            let mut delta = Delta::default();
            let mut model = BTreeMap::new();
            let mut offset = 0;
            for (step, value, epoch) in steps {
                offset += step;
                delta.push(offset, value, epoch);
                model.insert(offset, (value, epoch));
            }
            delta.push(0, 1, 1);
            if model.is_empty() {
                model.insert(0, (1, 1));
            }
            for probe in 0..90 {
                prop_assert_eq!(delta.get(probe), model.get(&probe).copied());
            }
            let wanted = model.range(from..to.max(from)).map(|(offset, (value, epoch))| (*offset, *value, *epoch));
            prop_assert_eq!(delta.range(from, to).collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
        }
    }
}
