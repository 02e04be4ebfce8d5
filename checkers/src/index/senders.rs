//! In which order each client sent to each partition.

use history::Key;

use crate::dense::Dense;

/// A write, and whatever is to be known of the operation that it belongs to.
pub(crate) type Sending<D> = (u32, D);

/// Two writes that a client sent to one partition one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent<D> {
    /// Within one operation; otherwise between two.
    pub(crate) within: bool,
    pub(crate) first: Sending<D>,
    pub(crate) second: Sending<D>,
}

/// All clients that send.
#[derive(Debug, Default)]
pub(crate) struct Senders<D> {
    /// By slot.
    senders: Vec<Sender<D>>,
}

#[derive(Debug, Default)]
struct Sender<D> {
    /// By key: the place of its latest write plus one.
    by_key: Dense<u32, 16>,
    latest: Vec<Sending<D>>,
}

impl<D: Copy + Default> Senders<D> {
    /// A client's operation sent these writes to these keys, in this order. Only one that may have happened counts
    /// for what comes later.
    pub(crate) fn sent(
        &mut self,
        slot: u32,
        counts: bool,
        writes: impl Iterator<Item = (Key, Sending<D>)>,
        mut show: impl FnMut(Sent<D>),
    ) {
        let slot = slot as usize;
        if counts && slot >= self.senders.len() {
            self.senders.resize_with(slot + 1, Sender::default);
        }
        let mut aside = Sender::default();
        let mut begin = None;
        for (key, second) in writes {
            let begin = *begin.get_or_insert(second.0);
            let sender = if counts {
                &mut self.senders[slot]
            } else {
                &mut aside
            };
            if let Some(first) = sender.next(key, second) {
                show(Sent {
                    within: first.0 >= begin,
                    first,
                    second,
                });
            }
        }
    }
}

impl<D: Copy> Sender<D> {
    /// Takes the latest write to a key down, and returns the one before.
    fn next(&mut self, key: Key, write: Sending<D>) -> Option<Sending<D>> {
        if let Some(place) = self.by_key.get(u64::from(key)).checked_sub(1) {
            return Some(std::mem::replace(&mut self.latest[place as usize], write));
        }
        self.latest.push(write);
        self.by_key.set(u64::from(key), self.latest.len() as u32);
        None
    }
}
