//! Registers that are set: a read shows one version, and the order of versions has to be inferred.

mod analysis;
mod versions;

use history::{Mop, Seen, Value};

use super::data::{Data, Keys, Steps, known};
use super::found::{Finding, Found, Listener, State};
use super::groups::Groups;
use super::txns::{Outcome, TxnId, Txns};
use super::walk::{Line, Scribe};
use super::writes::{Announced, Write, Writes, happened};
use analysis::Memory;
pub(super) use versions::{Assumptions, Clients};

/// What a committed transaction did with a key, seen from outside: its first read, unless it wrote before, and its
/// last write.
#[derive(Clone, Copy, Debug, Default)]
struct Touch {
    key: u32,
    tag: u32,
    read: Value,
    wrote: Value,
}

const READ: u32 = 1 << 31;
const NIL: u32 = 1 << 30;
const WROTE: u32 = 1 << 29;

impl Touch {
    fn txn(self) -> TxnId {
        self.tag & !(READ | NIL | WROTE)
    }

    fn reads(self) -> bool {
        self.tag & READ != 0
    }

    fn reads_initial(self) -> bool {
        self.tag & NIL != 0
    }

    /// The value that it read, where there was one.
    fn read(self) -> Option<Value> {
        (self.reads() && !self.reads_initial()).then_some(self.read)
    }

    fn wrote(self) -> Option<Value> {
        (self.tag & WROTE != 0).then_some(self.wrote)
    }
}

/// A read of a value that is not seen from outside, and not what the transaction should have seen either.
#[derive(Clone, Copy, Debug, Default)]
struct Stray {
    key: u32,
    reader: TxnId,
    value: Value,
}

/// Takes down a history of registers.
#[derive(Default)]
pub(super) struct Collector {
    keys: Keys,
    steps: Steps,
    writes: Writes,
    touches: Vec<Touch>,
    strays: Vec<Stray>,
    /// What transactions did that may have happened, as far as that is known.
    doubtful: Vec<(TxnId, Vec<Mop>)>,
    /// Of each step of the transaction at hand its touch.
    touch_of: Vec<usize>,
    found: Found,
    misfits: u64,
}

impl Scribe for Collector {
    fn invoke(&mut self, txn: TxnId, line: Line<'_>) -> Announced {
        self.misfits += self.steps.look(Data::Registers, line.mops, &mut self.keys);
        self.writes.announce(txn, Data::Registers, line.mops, &self.steps)
    }

    fn complete(&mut self, txn: TxnId, outcome: Outcome, line: Line<'_>, announced: Announced) {
        let mops = line.mops;
        self.writes
            .confirm(txn, Data::Registers, mops, (&mut self.keys, announced));
        match outcome {
            Outcome::Ok => self.committed(txn, mops),
            Outcome::Info if mops.iter().any(|mop| matches!(mop, Mop::Read(_, Seen::One(_)))) => {
                self.doubtful.push((txn, known(mops)));
            }
            Outcome::Info | Outcome::Fail | Outcome::Open => {}
        }
    }
}

impl Collector {
    fn committed(&mut self, txn: TxnId, mops: &[Mop]) {
        self.steps.look(Data::Registers, mops, &mut self.keys);
        self.misfits += self.steps.misread(mops);
        self.touch_of.clear();
        let mut contradiction = None;
        for (place, mop) in mops.iter().enumerate() {
            let before = self.steps.before(place);
            let touch = before.map_or(self.touches.len(), |before| self.touch_of[before]);
            self.touch_of.push(touch);
            let Some(key) = self.steps.key(place) else {
                continue;
            };
            if before.is_none() {
                let tag = txn;
                self.touches.push(Touch {
                    key,
                    tag,
                    ..Touch::default()
                });
            }
            let touch = &mut self.touches[touch];
            match (mop, before) {
                (Mop::Write(_, value), _) => {
                    touch.wrote = *value;
                    touch.tag |= WROTE;
                }
                (Mop::Read(_, seen), None) => {
                    touch.read = value(seen).unwrap_or_default();
                    touch.tag |= if value(seen).is_some() { READ } else { READ | NIL };
                }
                (Mop::Read(_, seen), Some(before)) if value(seen) != value_behind(&mops[before]) => {
                    let expected = State::Register(value_behind(&mops[before]));
                    let read = State::Register(value(seen));
                    contradiction.get_or_insert(Finding::Internal {
                        txn,
                        key,
                        read,
                        expected,
                    });
                    let strays = value(seen).map(|value| Stray {
                        key,
                        reader: txn,
                        value,
                    });
                    self.strays.extend(strays);
                }
                _ => {}
            }
        }
        if let Some(finding) = contradiction {
            self.found.add(finding);
        }
    }

    /// The history is over.
    pub(super) fn close(mut self, assumptions: Assumptions, txns: &Txns) -> Registers {
        // What one in doubt read only counts where its writes show that it happened.
        let doubtful = std::mem::take(&mut self.doubtful);
        let mut writes = Groups::new(
            std::mem::take(&mut self.writes).into_vec(),
            self.keys.len(),
            |write| write.key,
        );
        if !doubtful.is_empty() {
            let touches = Groups::new(self.touches.clone(), self.keys.len(), |touch| touch.key);
            let seen = |key| touches.of(key).iter().filter_map(|touch| touch.read());
            let happened = happened(&writes, self.keys.len(), seen, txns);
            for (txn, mops) in doubtful
                .iter()
                .filter(|(txn, _)| happened[*txn as usize] && txns.counts(*txn))
            {
                self.committed(*txn, mops);
            }
        }
        // The keys of those may be new.
        let keys = self.keys.len();
        writes.extend(keys);
        Registers {
            writes,
            touches: Groups::new(self.touches, keys, |touch| touch.key),
            strays: Groups::new(self.strays, keys, |stray| stray.key),
            keys: self.keys,
            assumptions,
            found: self.found,
            misfits: self.misfits,
        }
    }
}

fn value(seen: &Seen) -> Option<Value> {
    match seen {
        Seen::One(value) => Some(*value),
        Seen::Nothing | Seen::List(_) => None,
    }
}

/// The state of the register behind a step.
fn value_behind(mop: &Mop) -> Option<Value> {
    match mop {
        Mop::Write(_, value) => Some(*value),
        Mop::Read(_, seen) => value(seen),
        _ => None,
    }
}

/// A history of registers.
pub(super) struct Registers {
    pub(super) keys: Keys,
    writes: Groups<Write>,
    touches: Groups<Touch>,
    strays: Groups<Stray>,
    assumptions: Assumptions,
    pub(super) found: Found,
    /// Steps that are not about registers.
    pub(super) misfits: u64,
}

impl super::History for Registers {
    fn keys(&self) -> &Keys {
        &self.keys
    }

    fn weight_before(&self, key: u32) -> u64 {
        self.writes.before(key) + self.touches.before(key)
    }

    fn analyse(&self, keys: &mut dyn Iterator<Item = u32>, txns: &Txns, listener: &mut impl Listener) {
        let mut memory = Memory::default();
        for key in keys {
            listener.key(key);
            analysis::analyse(self, key, txns, &mut memory, listener);
        }
    }

    fn touches(&self, key: u32, any: &dyn Fn(TxnId) -> bool) -> bool {
        self.writes.of(key).iter().any(|write| any(write.writer()))
            || self.touches.of(key).iter().any(|touch| any(touch.txn()))
    }

    fn counts(&self, txns: &Txns) -> super::Counts {
        let reads = self.touches.all().iter().filter(|touch| touch.reads());
        super::Counts::of(self.writes.all(), reads.count(), txns)
    }
}
