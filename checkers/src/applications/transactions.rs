//! How long partitions stayed undecided once the clients had ended, and whether they had.

use std::collections::{BTreeMap, BTreeSet};

use history::{Event, F, Key, Mop, Observed, Op, Phase, Probe, Undecided, What};

/// A partition whose last stable offset stayed where it was.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// When it was first seen to stand there.
    pub(crate) since: u64,
    /// When it was last asked.
    pub(crate) until: u64,
    /// How often it was asked.
    pub(crate) asked: u32,
    /// What was said last.
    pub(crate) last: Undecided,
}

/// What was asked of transactions, and who could still have had one open.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    held: BTreeMap<Key, Held>,
    /// Writes, and transactions with any, that have begun and not ended.
    open: BTreeSet<u64>,
    /// When the last of them ended.
    ended: u64,
    /// When the clients were told to end.
    settling: u64,
}

impl Transactions {
    pub(super) fn event(&mut self, event: &Event) {
        match &event.what {
            What::Phase(Phase::Settle) => self.settling = event.time,
            What::Invoke(op) if writes(op) => {
                self.open.insert(op.op);
            }
            What::Ok(op) | What::Fail(op) | What::Info(op) if self.open.remove(&op.op) => {
                self.ended = event.time;
            }
            What::Observed(observed) => self.observed(event.time, observed),
            _ => {}
        }
    }

    fn observed(&mut self, time: u64, observed: &Observed) {
        let Probe::Undecided(said) = &observed.answer else {
            return;
        };
        if said.last_stable >= said.high_watermark {
            self.held.remove(&said.key);
            return;
        }
        let fresh = || Held {
            since: time,
            until: time,
            asked: 0,
            last: said.clone(),
        };
        let held = self.held.entry(said.key).or_insert_with(fresh);
        if held.last.last_stable != said.last_stable {
            *held = fresh();
        }
        (held.until, held.asked, held.last) = (time, held.asked + 1, said.clone());
    }

    /// The partitions that were undecided when they were last asked.
    pub(crate) fn held(&self) -> impl Iterator<Item = (Key, &Held)> {
        self.held.iter().map(|(key, held)| (*key, held))
    }

    /// A write, or a transaction with one, that never ended: whoever began it may be at it still.
    pub(crate) fn unended(&self) -> Option<u64> {
        self.open.first().copied()
    }

    /// From when on no client wrote.
    pub(crate) fn clients_end(&self) -> u64 {
        self.ended.max(self.settling)
    }
}

fn writes(op: &Op) -> bool {
    match &op.f {
        F::Send(_) => true,
        F::Txn(txn) => {
            let mut mops = txn.mops.iter();
            mops.any(|mop| matches!(mop, Mop::Send(_) | Mop::Append(..) | Mop::Write(..)))
        }
        _ => false,
    }
}
