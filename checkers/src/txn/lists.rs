//! Lists that are appended to: a read shows the order of the versions before it.

mod analysis;
mod orders;
mod within;

use history::{Mop, Value};

use super::data::{Data, Keys, Steps, list};
use super::found::{Brief, Found, Listener, State};
use super::groups::Groups;
use super::txns::{Outcome, TxnId, Txns};
use super::walk::{Line, Scribe};
use super::writes::{Announced, Write, Writes};
use analysis::Memory;
use orders::Orders;

/// A read of a list: a state of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Read {
    order: u32,
    length: u32,
    tag: u32,
}

/// The reader appended to the key afterwards, and did nothing with it before.
const UPDATES: u32 = 1 << 31;

impl Read {
    fn reader(self) -> TxnId {
        self.tag & !UPDATES
    }

    fn updates(self) -> bool {
        self.tag & UPDATES != 0
    }
}

/// A read of what its reader appended later.
#[derive(Clone, Copy, Debug, Default)]
struct FutureRead {
    key: u32,
    txn: TxnId,
    value: Value,
}

/// Takes down a history of lists.
#[derive(Default)]
pub(super) struct Collector {
    keys: Keys,
    steps: Steps,
    writes: Writes,
    orders: Orders,
    reads: Vec<Read>,
    future: Vec<FutureRead>,
    /// What transactions read that may have happened.
    doubtful: Vec<(TxnId, u32, Vec<Value>)>,
    found: Found,
    misfits: u64,
}

impl Scribe for Collector {
    fn invoke(&mut self, txn: TxnId, line: Line<'_>) -> Announced {
        self.misfits += self.steps.look(Data::Lists, line.mops, &mut self.keys);
        self.writes.announce(txn, Data::Lists, line.mops, &self.steps)
    }

    fn complete(&mut self, txn: TxnId, outcome: Outcome, line: Line<'_>, announced: Announced) {
        let mops = line.mops;
        self.writes
            .confirm(txn, Data::Lists, mops, (&mut self.keys, announced));
        match outcome {
            Outcome::Ok => self.committed(txn, mops),
            Outcome::Info => self.in_doubt(txn, mops),
            Outcome::Fail | Outcome::Open => {}
        }
    }
}

impl Collector {
    fn committed(&mut self, txn: TxnId, mops: &[Mop]) {
        self.misfits += self.steps.look(Data::Lists, mops, &mut self.keys);
        for (place, mop) in mops.iter().enumerate() {
            if let (Mop::Read(_, seen), Some(key)) = (mop, self.steps.key(place)) {
                let (order, length) = self.orders.place(key, list(seen), txn);
                let first = self.steps.before(place).is_none();
                let updates = first && self.steps.written_later(place);
                let tag = txn | if updates { UPDATES } else { 0 };
                self.reads.push(Read { order, length, tag });
            }
        }
        if let Some(finding) = within::internal(txn, mops, &self.steps) {
            self.found.add(finding);
        }
        if let Some((key, value)) = within::future(mops, &self.steps) {
            self.future.push(FutureRead { key, txn, value });
        }
    }

    fn in_doubt(&mut self, txn: TxnId, mops: &[Mop]) {
        for mop in mops {
            if let Mop::Read(_, history::Seen::List(values)) = mop {
                self.steps
                    .look(Data::Lists, std::slice::from_ref(mop), &mut self.keys);
                if let Some(key) = self.steps.key(0) {
                    self.doubtful.push((txn, key, values.clone()));
                }
            }
        }
    }

    /// The history is over.
    pub(super) fn close(mut self, txns: &Txns) -> Lists {
        let keys = self.keys.len();
        let doubtful = std::mem::take(&mut self.doubtful);
        let mut lists = Lists {
            writes: Groups::new(self.writes.into_vec(), keys, |write| write.key),
            reads: Groups::default(),
            future: Groups::new(self.future, keys, |read| read.key),
            orders: self.orders,
            keys: self.keys,
            found: self.found,
            misfits: self.misfits,
        };
        if !doubtful.is_empty() {
            let happened = lists.happened(txns);
            for (txn, key, values) in doubtful {
                if happened[txn as usize] {
                    let (order, length) = lists.orders.place(key, &values, txn);
                    self.reads.push(Read {
                        order,
                        length,
                        tag: txn,
                    });
                }
            }
        }
        lists.reads = Groups::new(self.reads, keys, |read| lists.orders.key(read.order));
        lists
    }
}

/// A history of lists.
pub(super) struct Lists {
    pub(super) keys: Keys,
    writes: Groups<Write>,
    reads: Groups<Read>,
    future: Groups<FutureRead>,
    orders: Orders,
    pub(super) found: Found,
    /// Steps that are not about lists.
    pub(super) misfits: u64,
}

impl Lists {
    /// What a transaction in doubt read only counts where its writes show that it happened: one that failed in
    /// the end may have read anything.
    fn happened(&self, txns: &Txns) -> Vec<bool> {
        let mut happened = vec![false; txns.len()];
        let mut lookup = super::writes::Lookup::default();
        for key in 0..self.keys.len() as u32 {
            let writes = self.writes.of(key);
            lookup.fill(writes, |_, _| {});
            for order in self.orders.of(key) {
                for value in self.orders.elements(order) {
                    if let Some(place) = lookup.get(*value) {
                        happened[writes[place].writer() as usize] = true;
                    }
                }
            }
        }
        happened
    }

    fn state(&self, read: Read) -> State {
        let elements = self.orders.elements(read.order);
        State::List(Brief::of(&elements[..read.length as usize]))
    }
}

impl super::History for Lists {
    fn keys(&self) -> &Keys {
        &self.keys
    }

    fn weight_before(&self, key: u32) -> u64 {
        self.writes.before(key) + self.reads.before(key)
    }

    fn analyse(&self, keys: &mut dyn Iterator<Item = u32>, txns: &Txns, listener: &mut impl Listener) {
        let mut memory = Memory::default();
        for key in keys {
            analysis::analyse(self, key, txns, &mut memory, listener);
        }
    }

    fn touches(&self, key: u32, any: &dyn Fn(TxnId) -> bool) -> bool {
        self.writes.of(key).iter().any(|write| any(write.writer()))
            || self.reads.of(key).iter().any(|read| any(read.reader()))
    }

    fn counts(&self, txns: &Txns) -> super::Counts {
        super::Counts::of(self.writes.all(), self.reads.all().len(), txns)
    }
}
