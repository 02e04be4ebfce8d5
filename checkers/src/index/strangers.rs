//! Values that were seen where nobody had sent them.

use std::collections::BTreeMap;

use history::{Key, Offset, Record, Value};

/// Offsets of one value that are told apart.
const PLACES_MAX: usize = 64;

/// A value that was seen under a key to which nobody had sent it by then.
#[derive(Clone, Debug)]
pub(crate) struct Stranger {
    /// Its first sighting.
    pub(crate) record: Record,
    /// When that was.
    pub(crate) time: u64,
    /// The number of that event.
    pub(crate) event: u64,
    /// The operation, where a client read it.
    pub(crate) op: Option<u64>,
    /// Where it was seen, the first places.
    pub(super) places: Vec<Offset>,
    /// Whether an `ok` operation read it: the final reads, or another.
    pub(super) read: u8,
    /// The write that sent it there after it was seen there, of all things.
    pub(super) sent_later: Option<u32>,
    /// A write that sent it to another key.
    pub(crate) elsewhere: Option<u32>,
}

impl Stranger {
    /// Whether an `ok` operation read it.
    pub(crate) fn is_read(&self) -> bool {
        self.read != 0
    }
}

/// All of them, numbered in the order of their first sightings.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    all: Vec<Stranger>,
    numbers: BTreeMap<(Value, Key), u32>,
}

impl Strangers {
    /// Takes a sighting down, and returns the stranger's number.
    pub(super) fn saw(&mut self, record: Record, time: u64, event: u64, op: Option<u64>) -> u32 {
        let next = self.all.len() as u32;
        let number = *self.numbers.entry((record.value, record.key)).or_insert(next);
        if number == next {
            self.all.push(Stranger {
                record,
                time,
                event,
                op,
                places: Vec::new(),
                read: 0,
                sent_later: None,
                elsewhere: None,
            });
        }
        let places = &mut self.all[number as usize].places;
        if record.offset >= 0 && places.len() < PLACES_MAX && !places.contains(&record.offset) {
            places.push(record.offset);
        }
        number
    }

    /// The number of a value under a key.
    pub(crate) fn number_of(&self, key: Key, value: Value) -> Option<u32> {
        self.numbers.get(&(value, key)).copied()
    }

    /// The numbers of a value under all keys.
    pub(super) fn of_value(&self, value: Value) -> Vec<u32> {
        let of_value = self.numbers.range((value, 0)..=(value, Key::MAX));
        of_value.map(|(_, number)| *number).collect()
    }

    /// Takes down which write sent a value to another key.
    pub(super) fn sent_elsewhere(&mut self, value: Value, key: Key, write: u32) {
        for number in self.of_value(value) {
            let stranger = &mut self.all[number as usize];
            if stranger.record.key != key {
                stranger.elsewhere.get_or_insert(write);
            }
        }
    }

    /// A stranger by its number.
    pub(crate) fn get(&self, number: u32) -> &Stranger {
        &self.all[number as usize]
    }

    pub(super) fn get_mut(&mut self, number: u32) -> &mut Stranger {
        &mut self.all[number as usize]
    }

    /// Those that nobody ever sent there, with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Stranger)> {
        let all = (0..).zip(&self.all);
        all.filter(|(_, stranger)| stranger.sent_later.is_none())
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}
