//! Lists that are appended to: a read shows the order of the versions before it.

mod analysis;
mod orders;
mod reads;
mod track;
mod within;

use history::{Mop, Seen, Value};

use super::data::{Data, Keys, Steps, known, list};
use super::found::{Brief, Found, Listener, State};
use super::groups::Groups;
use super::txns::{Outcome, TxnId, Txns};
use super::walk::{Line, Scribe};
use super::writes::{Announced, Write, Writes, happened};
use crate::anomaly;
use crate::consistency::Consistency;
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
    /// What transactions did that may have happened, as far as that is known.
    doubtful: Vec<(TxnId, Vec<Mop>)>,
    /// Whether what a transaction reads of its own appends is taken to stay in its place.
    own_stay: bool,
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
            Outcome::Info if mops.iter().any(|mop| matches!(mop, Mop::Read(_, Seen::List(_)))) => {
                self.doubtful.push((txn, known(mops)));
            }
            Outcome::Info | Outcome::Fail | Outcome::Open => {}
        }
    }
}

impl Collector {
    /// For a history that is held to a model.
    ///
    /// A store may show a transaction its own appends behind what was committed when it looked, and put them behind
    /// what was committed in the meantime when it commits itself. Then the transaction missed a write that its own
    /// overwrote, which is a lost update; so where a model forbids that, the place of own appends is taken to be
    /// final, and where it does not, only what others read is.
    pub(super) fn new(consistency: Consistency) -> Self {
        Self {
            own_stay: consistency.forbids(anomaly::LOST_UPDATE),
            ..Self::default()
        }
    }

    fn committed(&mut self, txn: TxnId, mops: &[Mop]) {
        self.steps.look(Data::Lists, mops, &mut self.keys);
        self.misfits += self.steps.misread(mops);
        for (place, mop) in mops.iter().enumerate() {
            if let (Mop::Read(_, seen), Some(key)) = (mop, self.steps.key(place)) {
                let own = if self.own_stay {
                    0
                } else {
                    self.steps.written_before(place)
                };
                let (order, length) = self.orders.place(key, list(seen), own, txn);
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

    /// The history is over.
    pub(super) fn close(mut self, txns: &Txns) -> Lists {
        // What one in doubt read only counts where its writes show that it happened: if it failed in the end, it
        // may have read anything.
        let doubtful = std::mem::take(&mut self.doubtful);
        let mut writes = Groups::new(
            std::mem::take(&mut self.writes).into_vec(),
            self.keys.len(),
            |write| write.key,
        );
        if !doubtful.is_empty() {
            let seen = |key| {
                self.orders
                    .of(key)
                    .flat_map(|order| self.orders.elements(order).iter().copied())
            };
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
        Lists {
            writes,
            reads: Groups::new(self.reads, keys, |read| self.orders.key(read.order)),
            future: Groups::new(self.future, keys, |read| read.key),
            orders: self.orders,
            keys: self.keys,
            own_stay: self.own_stay,
            found: self.found,
            misfits: self.misfits,
        }
    }
}

/// A history of lists.
pub(super) struct Lists {
    pub(super) keys: Keys,
    writes: Groups<Write>,
    reads: Groups<Read>,
    future: Groups<FutureRead>,
    orders: Orders,
    own_stay: bool,
    pub(super) found: Found,
    /// Steps that are not about lists.
    pub(super) misfits: u64,
}

impl Lists {
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
            listener.key(key);
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
