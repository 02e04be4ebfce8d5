//! Who wrote what.

use history::{Mop, Value};

use super::data::{Data, Keys, Steps};
use super::groups::Groups;
use super::txns::{TxnId, Txns};

/// A write of a transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) key: u32,
    tag: u32,
    pub(super) value: Value,
}

const INTERMEDIATE: u32 = 1 << 31;
/// Only the completion says so, so that nobody knows which of the announced writes it followed.
const UNANNOUNCED: u32 = 1 << 30;

impl Write {
    /// Who wrote it.
    pub(super) fn writer(self) -> TxnId {
        self.tag & !(INTERMEDIATE | UNANNOUNCED)
    }

    fn unannounced(mut self) -> Self {
        self.tag |= UNANNOUNCED;
        self
    }

    /// Whether this is the write of the key that a transaction made right before the other.
    pub(super) fn precedes(self, other: Self) -> bool {
        self.writer() == other.writer() && (self.tag | other.tag) & UNANNOUNCED == 0
    }

    /// Whether the transaction wrote the key again later.
    pub(super) fn is_intermediate(self) -> bool {
        self.tag & INTERMEDIATE != 0
    }
}

/// The writes that an invocation announced: their place among all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Announced {
    first: u64,
    count: u32,
}

/// Every write, in the order of invocations.
#[derive(Debug, Default)]
pub(super) struct Writes(Vec<Write>);

impl Writes {
    /// Takes down what a transaction is about to write.
    pub(super) fn announce(&mut self, txn: TxnId, data: Data, mops: &[Mop], steps: &Steps) -> Announced {
        let first = self.0.len() as u64;
        for (place, mop) in mops.iter().enumerate() {
            self.0.extend(write(txn, data, (place, mop), steps));
        }
        let count = (self.0.len() as u64 - first) as u32;
        Announced { first, count }
    }

    /// Takes down what a completion says was written, where that was not announced.
    pub(super) fn confirm(
        &mut self,
        txn: TxnId,
        data: Data,
        mops: &[Mop],
        (keys, announced): (&mut Keys, Announced),
    ) {
        let announced = announced.first as usize..announced.first as usize + announced.count as usize;
        let known = self.0[announced.clone()].iter().map(|write| write.value);
        let written = mops.iter().filter_map(|mop| data.written(mop));
        if written.clone().map(|(_, value)| value).eq(known) {
            return;
        }
        let mut known: Vec<(u32, Value)> = self.0[announced]
            .iter()
            .map(|write| (write.key, write.value))
            .collect();
        known.sort_unstable();
        let mut steps = Steps::default();
        steps.look(data, mops, keys);
        let written = mops
            .iter()
            .enumerate()
            .filter_map(|step| write(txn, data, step, &steps));
        let more = written.filter(|write| known.binary_search(&(write.key, write.value)).is_err());
        let more: Vec<Write> = more.map(Write::unannounced).collect();
        self.0.extend(more);
    }

    /// All of them.
    pub(super) fn into_vec(self) -> Vec<Write> {
        self.0
    }
}

/// The write of a step, where it is one.
fn write(txn: TxnId, data: Data, (place, mop): (usize, &Mop), steps: &Steps) -> Option<Write> {
    let (_, value) = data.written(mop)?;
    let intermediate = if steps.written_later(place) {
        INTERMEDIATE
    } else {
        0
    };
    Some(Write {
        key: steps.key(place)?,
        tag: txn | intermediate,
        value,
    })
}

/// A dense table may have so many slots for each write.
const SLOTS_PER_WRITE: u64 = 16;

/// Finds the write of a value, among those of one key.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    lowest: Value,
    /// One more than the write's place, by value from the lowest on…
    slots: Vec<u32>,
    /// …or, where values lie far from each other, values with places, in order.
    sorted: Vec<(Value, u32)>,
}

impl Lookup {
    /// Goes on to the writes of another key, and shows each that is not the first of its value, with the first.
    pub(super) fn fill(&mut self, writes: &[Write], mut repeated: impl FnMut(usize, usize)) {
        self.slots.clear();
        self.sorted.clear();
        let values = || writes.iter().map(|write| write.value);
        let (Some(lowest), Some(highest)) = (values().min(), values().max()) else {
            return;
        };
        self.lowest = lowest;
        if highest - lowest < 64 + SLOTS_PER_WRITE * writes.len() as u64 {
            self.slots.resize((highest - lowest) as usize + 1, 0);
            for (place, value) in values().enumerate() {
                let slot = &mut self.slots[(value - lowest) as usize];
                if *slot == 0 {
                    *slot = place as u32 + 1;
                } else {
                    repeated(*slot as usize - 1, place);
                }
            }
        } else {
            self.sorted.extend(values().zip(0..));
            self.sorted.sort_unstable();
            let pairs = self.sorted.chunk_by(|one, other| one.0 == other.0);
            for same in pairs.filter(|same| same.len() > 1) {
                for (_, place) in &same[1..] {
                    repeated(same[0].1 as usize, *place as usize);
                }
            }
        }
    }

    /// The place of the first write of a value.
    pub(super) fn get(&self, value: Value) -> Option<usize> {
        if self.sorted.is_empty() {
            let slot = usize::try_from(value.checked_sub(self.lowest)?).ok()?;
            return (*self.slots.get(slot)? as usize).checked_sub(1);
        }
        let place = self.sorted.partition_point(|(other, _)| *other < value);
        let (found, write) = self.sorted.get(place)?;
        (*found == value).then_some(*write as usize)
    }
}

/// Which transactions wrote something that was seen, where this tells what was seen of a key.
pub(super) fn happened<I: Iterator<Item = Value>>(
    writes: &Groups<Write>,
    keys: usize,
    seen: impl Fn(u32) -> I,
    txns: &Txns,
) -> Vec<bool> {
    let mut happened = vec![false; txns.len()];
    let mut lookup = Lookup::default();
    for key in 0..keys as u32 {
        let writes = writes.of(key);
        lookup.fill(writes, |_, _| {});
        for value in seen(key) {
            if let Some(place) = lookup.get(value) {
                happened[writes[place].writer() as usize] = true;
            }
        }
    }
    happened
}
