//! A map from numbers that are dense in honest histories: an array, which no hostile history can make huge.

use std::collections::BTreeMap;

/// How many slots the array may have for each entry, at most.
const SLOTS_PER_ENTRY: u64 = 4;

/// A map from `u64` in which `T::default()` means "nothing".
///
/// Numbers near those already there, and all below `MIN`, live in an array; outliers in a tree. Memory is linear
/// in the number of entries whatever the numbers are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dense<T, const MIN: u64 = 1024> {
    array: Vec<T>,
    outliers: BTreeMap<u64, T>,
    entries: u64,
}

impl<T: Copy + Default + PartialEq, const MIN: u64> Dense<T, MIN> {
    /// What is kept for a number; the default where nothing is.
    pub(crate) fn get(&self, number: u64) -> T {
        let slot = usize::try_from(number)
            .ok()
            .and_then(|index| self.array.get(index));
        match slot {
            Some(found) if *found != T::default() || self.outliers.is_empty() => *found,
            _ => self.outliers.get(&number).copied().unwrap_or_default(),
        }
    }

    /// Keeps something for a number and returns what was there before.
    pub(crate) fn set(&mut self, number: u64, content: T) -> T {
        let slot = self.slot(number);
        let before = std::mem::replace(slot, content);
        self.entries += u64::from(before == T::default());
        before
    }

    fn slot(&mut self, number: u64) -> &mut T {
        let limit = MIN.max((self.entries + 1).saturating_mul(SLOTS_PER_ENTRY));
        if number >= limit && number >= self.array.len() as u64
            || !self.outliers.is_empty() && self.outliers.contains_key(&number)
        {
            return self.outliers.entry(number).or_default();
        }
        let index = number as usize;
        if index >= self.array.len() {
            self.array.resize(index + 1, T::default());
        }
        &mut self.array[index]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{Dense, SLOTS_PER_ENTRY};

    fn numbers() -> impl Strategy<Value = u64> {
        prop_oneof![0..50_u64, 900..1_200_u64, 4_000..6_000_u64, any::<u64>()]
    }

    proptest! {
        #[test]
        fn it_is_a_map(entries in prop::collection::vec((numbers(), 1..9_u8), 0..400), probe in numbers()) {
            let mut dense: Dense<u8> = Dense::default();
            let mut model = BTreeMap::new();
            for (number, content) in entries {
                prop_assert_eq!(dense.set(number, content), model.insert(number, content).unwrap_or(0));
            }
            for number in model.keys().copied().chain([probe]) {
                prop_assert_eq!(dense.get(number), model.get(&number).copied().unwrap_or(0));
            }
        }
    }

    #[test]
    fn outliers_do_not_stretch_the_array() {
        let mut dense: Dense<u8, 64> = Dense::default();
        for number in (0..1_000).map(|index| index * 1_000_003) {
            dense.set(number, 1);
        }
        assert!(dense.array.len() as u64 <= 1_000 * SLOTS_PER_ENTRY);
        assert_eq!(dense.entries, 1_000);
    }

    #[test]
    fn dense_numbers_make_no_outliers() {
        let mut dense: Dense<u8, 16> = Dense::default();
        for number in 0..100_000 {
            dense.set(number, 1);
        }
        assert!(dense.outliers.is_empty());
    }
}
