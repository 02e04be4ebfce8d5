//! How each client moves through the partitions that it reads.
//!
//! Jepsen's rules: what an operation reads of a partition first has to follow what the client's latest `ok`
//! operation read of it last; within an operation each record has to follow the one before. A new assignment, a
//! subscription or a crash begins anew where the client may then stand elsewhere.

use history::{Key, Offset};

use crate::dense::Dense;

/// Nothing was read yet, or nothing is known of where.
const NOWHERE: Offset = Offset::MIN;

/// Two records of a partition that a client got one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step<D> {
    /// Within one operation; otherwise between two.
    pub(crate) within: bool,
    /// Where the client had its partitions from.
    pub(crate) subscribed: bool,
    pub(crate) from: (Offset, D),
    pub(crate) to: (Offset, D),
}

/// One operation that reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) slot: u32,
    /// A number of its own, from 1.
    pub(crate) stamp: u64,
    /// What an operation read that did not succeed is judged, but nothing is held against it later.
    pub(crate) ok: bool,
}

/// All clients that read. `D` is whatever is to be known of the records that they stand at.
#[derive(Debug, Default)]
pub(crate) struct Readers<D> {
    /// By slot.
    readers: Vec<Option<Box<Reader<D>>>>,
}

#[derive(Debug, Default)]
struct Reader<D> {
    positions: Vec<Position<D>>,
    /// By key: the place of its position plus one.
    by_key: Dense<u32, 16>,
    /// The place that was used last.
    near: usize,
    subscribed: bool,
}

#[derive(Debug)]
struct Position<D> {
    key: Key,
    /// The operation that read here most recently.
    stamp: u64,
    /// Where it stands.
    current: (Offset, D),
    /// Where the latest `ok` operation stood.
    last: (Offset, D),
}

impl<D: Copy + Default> Readers<D> {
    /// A client gets its next record: the step to it, where both ends are known.
    pub(crate) fn record(
        &mut self,
        reading: Reading,
        key: Key,
        offset: Option<Offset>,
        detail: D,
    ) -> Option<Step<D>> {
        let reader = self.reader(reading.slot);
        let subscribed = reader.subscribed;
        let position = reader.position(key);
        let within = position.stamp == reading.stamp;
        let from = if within { position.current } else { position.last };
        let to = (offset.unwrap_or(NOWHERE), detail);
        position.stamp = reading.stamp;
        position.current = to;
        if reading.ok {
            position.last = to;
        }
        (from.0 != NOWHERE && to.0 != NOWHERE).then_some(Step {
            within,
            subscribed,
            from,
            to,
        })
    }

    /// A client may stand elsewhere from now on, but for these keys.
    pub(crate) fn reassign(&mut self, slot: u32, kept: &[Key], subscribed: bool) {
        let reader = self.reader(slot);
        let mut kept = kept.to_vec();
        kept.sort_unstable();
        reader
            .positions
            .retain(|position| kept.binary_search(&position.key).is_ok());
        reader.by_key = Dense::default();
        for (place, position) in (1..).zip(&reader.positions) {
            reader.by_key.set(u64::from(position.key), place);
        }
        reader.near = 0;
        reader.subscribed = subscribed;
    }

    /// A client is another one from now on.
    pub(crate) fn crash(&mut self, slot: u32) {
        if let Some(reader) = self.readers.get_mut(slot as usize) {
            *reader = None;
        }
    }

    fn reader(&mut self, slot: u32) -> &mut Reader<D> {
        let slot = slot as usize;
        if slot >= self.readers.len() {
            self.readers.resize_with(slot + 1, || None);
        }
        self.readers[slot].get_or_insert_default()
    }
}

impl<D: Copy + Default> Reader<D> {
    fn position(&mut self, key: Key) -> &mut Position<D> {
        if self.positions.get(self.near).is_none_or(|near| near.key != key) {
            self.near = match self.by_key.get(u64::from(key)).checked_sub(1) {
                Some(place) => place as usize,
                None => self.add(key),
            };
        }
        &mut self.positions[self.near]
    }

    fn add(&mut self, key: Key) -> usize {
        let nowhere = (NOWHERE, D::default());
        self.positions.push(Position {
            key,
            stamp: 0,
            current: nowhere,
            last: nowhere,
        });
        self.by_key.set(u64::from(key), self.positions.len() as u32);
        self.positions.len() - 1
    }
}
