//! An order of a key's elements, with what is known of each.

use std::collections::BTreeSet;

use history::Value;

use super::analysis::Index;
use crate::txn::txns::{NOBODY, TxnId, Txns};

/// An order with what is known of its elements.
#[derive(Default)]
pub(super) struct Track {
    /// Of each element its writer, where that may have happened and its write is the only one of the value.
    pub(super) writers: Vec<TxnId>,
    /// Of each length the place of the last element with a writer, plus one; 0 is none.
    last: Vec<u32>,
    /// Of each length the place of the next element with a writer; the number of elements is none.
    next: Vec<u32>,
    /// Of each length the latest beginning of a writer before.
    pub(super) begun: Vec<u32>,
    /// Elements of transactions that failed, by place.
    pub(super) failed: Vec<(u32, TxnId)>,
    /// Elements that nobody appended, by place.
    pub(super) garbage: Vec<u32>,
    /// The place of the first element that stands there a second time.
    pub(super) repeated: Option<u32>,
    /// So many elements somebody else than their writer read. The others need not have come to stay in that place.
    pub(super) attested: usize,
    /// Up to this place of those no other order of the key says otherwise. Only so far is this the order of the
    /// versions: of states that cannot all have been committed nobody knows which were.
    pub(super) trusted: usize,
}

impl Track {
    /// Goes on to another order, and takes down of each write of the key where it stands.
    pub(super) fn fill(&mut self, elements: &[Value], index: &Index<'_>, txns: &Txns, places: &mut Vec<u32>) {
        self.clear();
        places.clear();
        places.resize(index.writes.len(), 0);
        let mut garbage = BTreeSet::new();
        let mut begun = 0;
        self.begun.push(begun);
        for (place, value) in (0..).zip(elements) {
            let mut writer = NOBODY;
            match index.place(*value) {
                None if garbage.insert(*value) => self.garbage.push(place),
                None => self.repeat(place),
                // Where it was appended twice, it may stand there twice.
                Some(write) if places[write] > 0 && index.ambiguous[write] => {}
                Some(write) if places[write] > 0 => self.repeat(place),
                Some(write) => {
                    places[write] = place + 1;
                    let txn = index.writes[write].writer();
                    begun = begun.max(txns.invoked(txn));
                    if txns.failed(txn) && !index.ambiguous[write] {
                        self.failed.push((place, txn));
                    } else if txns.counts(txn) && !index.ambiguous[write] {
                        writer = txn;
                    }
                }
            }
            self.writers.push(writer);
            self.begun.push(begun);
        }
        self.link();
    }

    fn clear(&mut self) {
        self.writers.clear();
        self.last.clear();
        self.next.clear();
        self.begun.clear();
        self.failed.clear();
        self.garbage.clear();
        self.repeated = None;
    }

    fn repeat(&mut self, place: u32) {
        self.repeated.get_or_insert(place);
    }

    /// Works out the element with a writer before and after each length.
    fn link(&mut self) {
        let mut last = 0;
        self.last.push(last);
        for (place, writer) in (1..).zip(&self.writers) {
            last = if *writer == NOBODY { last } else { place };
            self.last.push(last);
        }
        let mut next = self.writers.len() as u32;
        self.next.resize(self.writers.len() + 1, next);
        for place in (0..self.writers.len()).rev() {
            if self.writers[place] != NOBODY {
                next = place as u32;
            }
            self.next[place] = next;
        }
    }

    /// The last element with a writer of the first so many.
    pub(super) fn last(&self, length: usize) -> Option<usize> {
        (self.last[length] as usize).checked_sub(1)
    }

    /// The first element with a writer behind the first so many; the number of elements where there is none.
    pub(super) fn next(&self, length: usize) -> usize {
        self.next[length] as usize
    }

    /// So many elements of a list of this length are there without those that the reader itself appended last.
    pub(super) fn without_own(&self, length: usize, reader: TxnId) -> usize {
        let others = self.writers[..length]
            .iter()
            .rposition(|writer| *writer != reader);
        others.map_or(0, |place| place + 1)
    }

    /// Whether one of the first so many stands there a second time.
    pub(super) fn repeats_before(&self, length: usize) -> bool {
        self.repeated.is_some_and(|place| (place as usize) < length)
    }

    /// Whether no other order says otherwise.
    pub(super) fn is_trusted(&self) -> bool {
        self.trusted == self.attested
    }
}
