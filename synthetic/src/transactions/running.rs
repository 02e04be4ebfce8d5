//! One transaction under way.

use history::{Key, Mop, Value};

use super::{Isolation, Transactions};
use crate::planted::Prepared;
use crate::store::Store;

/// What becomes of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Commits,
    Aborts,
    /// It commits, and nobody hears of it.
    Unknown,
    /// It aborts, and nobody hears of it.
    UnknownAborts,
}

impl Fate {
    fn aborted(self) -> Self {
        match self {
            Self::Commits | Self::Aborts => Self::Aborts,
            Self::Unknown | Self::UnknownAborts => Self::UnknownAborts,
        }
    }
}

/// A transaction between its invocation and its completion.
pub(super) struct Running {
    pub(super) op: u64,
    pub(super) asked: Vec<Mop>,
    pub(super) done: Vec<Mop>,
    pub(super) fate: Fate,
    /// What it sees of others: commits up to this one.
    snapshot: Option<u64>,
    writes: Vec<(Key, Value)>,
    over: bool,
}

impl Running {
    pub(super) fn new(asked: Vec<Mop>, fate: Fate) -> Self {
        Self {
            op: 0,
            done: Vec::with_capacity(asked.len()),
            asked,
            fate,
            snapshot: None,
            writes: Vec::new(),
            over: false,
        }
    }

    /// One that never comes near the store.
    pub(super) fn prepared(prepared: Prepared) -> Self {
        Self {
            done: prepared.done,
            over: true,
            ..Self::new(
                prepared.asked,
                if prepared.commits {
                    Fate::Commits
                } else {
                    Fate::Aborts
                },
            )
        }
    }

    /// Whether nothing but the completion is left.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Does what the store's isolation does in one step.
    pub(super) fn advance(&mut self, plan: &Transactions, store: &mut Store) {
        match plan.isolation {
            Isolation::StrictSerializable => {
                while self.done.len() < self.asked.len() {
                    self.one(plan, store, store.now());
                }
                self.end(plan, store);
            }
            Isolation::Snapshot => match self.snapshot {
                None => self.snapshot = Some(store.now()),
                Some(snapshot) if self.done.len() < self.asked.len() => self.one(plan, store, snapshot),
                Some(snapshot) => {
                    if self.writes.iter().any(|(key, _)| store.changed(*key, snapshot)) {
                        self.fate = self.fate.aborted();
                    }
                    self.end(plan, store);
                }
            },
            Isolation::ReadCommitted | Isolation::ReadUncommitted => {
                if self.done.len() < self.asked.len() {
                    self.one(plan, store, store.now());
                } else {
                    self.end(plan, store);
                }
            }
        }
    }

    /// Does the next step of the transaction.
    fn one(&mut self, plan: &Transactions, store: &mut Store, until: u64) {
        let dirty = plan.isolation == Isolation::ReadUncommitted;
        let mop = match &self.asked[self.done.len()] {
            Mop::Read(key, _) => {
                let own = self.writes.iter().filter(|(own, _)| own == key && !dirty);
                let own = own.map(|(_, value)| *value);
                let seen = if dirty {
                    plan.data.seen(store.dirty(*key))
                } else {
                    plan.data.seen(store.committed(*key, until).chain(own))
                };
                Mop::Read(*key, seen)
            }
            write @ (Mop::Append(key, value) | Mop::Write(key, value)) => {
                self.writes.push((*key, *value));
                if dirty {
                    store.write_dirty(self.op, *key, *value);
                }
                write.clone()
            }
            other => other.clone(),
        };
        self.done.push(mop);
    }

    fn end(&mut self, plan: &Transactions, store: &mut Store) {
        let dirty = plan.isolation == Isolation::ReadUncommitted;
        match (self.fate, dirty) {
            (Fate::Commits | Fate::Unknown, false) => store.commit(self.op, &self.writes),
            (Fate::Aborts | Fate::UnknownAborts, true) => store.undo(self.op, &self.writes),
            (Fate::Commits | Fate::Unknown, true) | (Fate::Aborts | Fate::UnknownAborts, false) => {}
        }
        self.over = true;
    }
}
