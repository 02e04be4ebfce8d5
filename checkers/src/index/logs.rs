//! What stood at each offset of a partition, over all evidence.

use std::collections::BTreeMap;

use history::{Offset, Value};

use crate::dense::Dense;

/// Values that are told apart at one offset: more of them make no worse a finding.
const VALUES_MAX: usize = 64;

/// The values seen at each offset of one partition.
#[derive(Debug, Default)]
pub(crate) struct KeyLog {
    /// The first value seen at each offset, plus one.
    first: Dense<u64>,
    /// Further values, where two were seen at one offset.
    others: BTreeMap<u64, Vec<Value>>,
}

impl KeyLog {
    /// Takes one sighting down.
    pub(super) fn saw(&mut self, offset: Offset, value: Value) {
        let Ok(offset) = u64::try_from(offset) else { return };
        let known = self.first.get(offset);
        let marked = value.saturating_add(1);
        if known == 0 {
            self.first.set(offset, marked);
        } else if known != marked {
            let others = self.others.entry(offset).or_default();
            if others.len() < VALUES_MAX && !others.contains(&value) {
                others.push(value);
            }
        }
    }

    /// Each offset at which more than one value was seen, with all of them.
    pub(crate) fn divided(&self) -> impl Iterator<Item = (Offset, Vec<Value>)> {
        self.others.iter().map(|(offset, others)| {
            let mut values = vec![self.first.get(*offset) - 1];
            values.extend(others);
            (*offset as Offset, values)
        })
    }

    /// Every value that was seen at an offset.
    pub(crate) fn values(&self, offset: u64) -> impl Iterator<Item = Value> {
        self.value(offset)
            .into_iter()
            .chain(self.others.get(&offset).into_iter().flatten().copied())
    }

    /// Whether more than one value was seen at an offset.
    pub(crate) fn is_divided(&self, offset: u64) -> bool {
        self.others.contains_key(&offset)
    }

    /// Every offset at which something was seen, ascending.
    pub(crate) fn offsets(&self) -> Vec<u64> {
        self.first.numbers()
    }

    /// The first value seen at an offset.
    pub(crate) fn value(&self, offset: u64) -> Option<Value> {
        self.first.get(offset).checked_sub(1)
    }
}
