//! A map from numbers that lie in stretches, wherever those begin: pages of an array, kept where something is.

use std::collections::BTreeMap;

use crate::dense::Dense;

/// Slots of a page.
const SLOTS: u64 = 1 << 10;
/// A page with no more entries than this is a list.
const FEW_MAX: usize = 32;

/// A map from `u64` in which `T::default()` means "nothing".
///
/// Offsets of a log begin anywhere and go up, so what lies near each other shares a page. Memory is linear in the
/// number of entries whatever the numbers are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paged<T> {
    /// By number of page: its place plus one.
    directory: Dense<u32, 16>,
    /// The same in order.
    order: BTreeMap<u64, u32>,
    pages: Vec<Page<T>>,
}

#[derive(Clone, Debug)]
enum Page<T> {
    /// In no order.
    Few(Vec<(u16, T)>),
    Full(Box<[T]>),
}

impl<T: Copy + Default + PartialEq> Paged<T> {
    /// What is kept for a number; the default where nothing is.
    pub(crate) fn get(&self, number: u64) -> T {
        match self.directory.get(number / SLOTS).checked_sub(1) {
            Some(page) => self.pages[page as usize].get((number % SLOTS) as u16),
            None => T::default(),
        }
    }

    /// What is kept for a number, to be changed.
    pub(crate) fn slot(&mut self, number: u64) -> &mut T {
        let place = match self.directory.get(number / SLOTS).checked_sub(1) {
            Some(place) => place,
            None => self.add_page(number / SLOTS),
        };
        self.pages[place as usize].slot((number % SLOTS) as u16)
    }

    fn add_page(&mut self, number: u64) -> u32 {
        let place = self.pages.len() as u32;
        self.pages.push(Page::Few(Vec::new()));
        self.directory.set(number, place + 1);
        self.order.insert(number, place);
        place
    }

    /// The first number from here on for which something is kept, and what.
    pub(crate) fn next(&self, from: u64) -> Option<(u64, T)> {
        let (page, first) = (from / SLOTS, (from % SLOTS) as u16);
        // Most often it is near.
        if let Some(place) = self.directory.get(page).checked_sub(1)
            && let Some((slot, content)) = self.pages[place as usize].next(first)
        {
            return Some((page * SLOTS + u64::from(slot), content));
        }
        self.order
            .range(page.checked_add(1)?..)
            .find_map(|(page, place)| {
                let (slot, content) = self.pages[*place as usize].next(0)?;
                Some((page * SLOTS + u64::from(slot), content))
            })
    }

    /// Everything that is kept, by ascending numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, T)> {
        let mut from = Some(0);
        std::iter::from_fn(move || {
            let (number, content) = self.next(from?)?;
            from = number.checked_add(1);
            Some((number, content))
        })
    }
}

impl<T: Copy + Default + PartialEq> Page<T> {
    fn get(&self, slot: u16) -> T {
        match self {
            Self::Full(slots) => slots[usize::from(slot)],
            Self::Few(few) => few
                .iter()
                .find(|entry| entry.0 == slot)
                .map_or(T::default(), |entry| entry.1),
        }
    }

    fn slot(&mut self, slot: u16) -> &mut T {
        if let Self::Few(few) = self
            && few.len() >= FEW_MAX
            && few.iter().all(|entry| entry.0 != slot)
        {
            let mut slots = vec![T::default(); SLOTS as usize];
            for (slot, content) in few {
                slots[usize::from(*slot)] = *content;
            }
            *self = Self::Full(slots.into_boxed_slice());
        }
        match self {
            Self::Full(slots) => &mut slots[usize::from(slot)],
            Self::Few(few) => {
                let known = few.iter().position(|entry| entry.0 == slot);
                let place = known.unwrap_or(few.len());
                if known.is_none() {
                    few.push((slot, T::default()));
                }
                &mut few[place].1
            }
        }
    }

    /// The first slot from this one on in which something is kept.
    fn next(&self, from: u16) -> Option<(u16, T)> {
        let kept = |content: &T| *content != T::default();
        match self {
            Self::Full(slots) => {
                let distance = slots[usize::from(from)..].iter().position(kept)?;
                let slot = from + distance as u16;
                Some((slot, slots[usize::from(slot)]))
            }
            Self::Few(few) => {
                let entries = few.iter().filter(|entry| entry.0 >= from && kept(&entry.1));
                entries.min_by_key(|entry| entry.0).copied()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{FEW_MAX, Page, Paged, SLOTS};

    fn numbers() -> impl Strategy<Value = u64> {
        let base = prop_oneof![Just(0_u64), Just(1_000_000), Just(u64::MAX - 3_000)];
        prop_oneof![
            3 => (base, 0..3_000_u64).prop_map(|(base, number)| base + number),
            1 => any::<u64>(),
        ]
    }

    proptest! {
        #[test]
        fn it_is_a_map(entries in prop::collection::vec((numbers(), 0..9_u8), 0..400), probe in numbers()) {
            let mut paged = Paged::default();
            let mut model = BTreeMap::new();
            for (number, content) in entries {
                let before = std::mem::replace(paged.slot(number), content);
                prop_assert_eq!(before, model.insert(number, content).unwrap_or(0));
            }
            model.retain(|_, content| *content != 0);
            let kept: Vec<(u64, u8)> = model.iter().map(|(number, content)| (*number, *content)).collect();
            prop_assert_eq!(paged.iter().collect::<Vec<_>>(), kept);
            let next = model.range(probe..).next().map(|(number, content)| (*number, *content));
            prop_assert_eq!(paged.next(probe), next);
            prop_assert_eq!(paged.get(probe), model.get(&probe).copied().unwrap_or(0));
        }
    }

    #[test]
    fn a_page_is_an_array_only_where_it_is_worth_it() {
        let mut paged = Paged::default();
        for number in 0..1_000_u64 {
            *paged.slot(number * SLOTS) = 1_u8;
        }
        assert!(paged.pages.iter().all(|page| matches!(page, Page::Few(_))));
        for number in 0..=FEW_MAX as u64 {
            *paged.slot(number) = 1;
        }
        assert!(matches!(paged.pages[0], Page::Full(_)));
    }
}
