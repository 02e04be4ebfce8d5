//! The lists that transactions append to; a register is a list of which only the last element shows.

use std::collections::{HashMap, VecDeque};

use history::{Key, Value};

/// Keys that nobody chooses any more and that are kept for those who had chosen them before.
const RETIRED: usize = 4_096;
/// The place in time of a write that is not committed.
const DIRTY: u64 = u64::MAX;

/// One element of a list.
#[derive(Clone, Copy)]
struct Element {
    value: Value,
    /// The transaction that wrote it.
    by: u64,
    /// Its commit's place among all commits.
    commit: u64,
}

/// Holds every key that is in use.
#[derive(Default)]
pub(crate) struct Store {
    lists: HashMap<Key, Vec<Element>>,
    retired: VecDeque<Key>,
    commits: u64,
}

impl Store {
    /// The commits so far: a reader that keeps to this sees none that follow.
    pub(crate) fn now(&self) -> u64 {
        self.commits
    }

    /// What was committed up to a place in time.
    pub(crate) fn committed(&self, key: Key, until: u64) -> impl Iterator<Item = Value> {
        let elements = self.lists.get(&key).into_iter().flatten();
        let seen = elements.filter(move |element| element.commit <= until);
        seen.map(|element| element.value)
    }

    /// Everything, committed or not.
    pub(crate) fn dirty(&self, key: Key) -> impl Iterator<Item = Value> {
        self.committed(key, DIRTY)
    }

    /// Whether anybody committed a write of a key after a place in time.
    pub(crate) fn changed(&self, key: Key, since: u64) -> bool {
        let elements = self.lists.get(&key).into_iter().flatten();
        elements.rev().any(|element| element.commit > since)
    }

    /// Commits writes in one step.
    pub(crate) fn commit(&mut self, by: u64, writes: &[(Key, Value)]) {
        self.commits += 1;
        let commit = self.commits;
        for (key, value) in writes {
            let value = *value;
            let list = self.lists.entry(*key).or_default();
            list.push(Element { value, by, commit });
        }
    }

    /// Writes at once, for everybody to see.
    pub(crate) fn write_dirty(&mut self, by: u64, key: Key, value: Value) {
        let commit = DIRTY;
        let list = self.lists.entry(key).or_default();
        list.push(Element { value, by, commit });
    }

    /// Takes back what a transaction wrote.
    pub(crate) fn undo(&mut self, by: u64, writes: &[(Key, Value)]) {
        for (key, _) in writes {
            if let Some(list) = self.lists.get_mut(key) {
                list.retain(|element| element.by != by);
            }
        }
    }

    /// Nobody chooses this key any more.
    pub(crate) fn retire(&mut self, key: Key) {
        self.retired.push_back(key);
        if self.retired.len() > RETIRED
            && let Some(oldest) = self.retired.pop_front()
        {
            self.lists.remove(&oldest);
        }
    }
}
