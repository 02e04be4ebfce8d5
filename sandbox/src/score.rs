//! What rules did, in numbers: the evidence that a fault bit.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A number of frames and their bytes, without the virtio header. Segments of one TCP stream that the sender's
/// kernel put together count as the one frame that they are, until a rule takes them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Frames that waited, and for how long they really did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// Frames that waited and went on.
    pub frames: u64,
    /// How long all of them did together, measured as each went on.
    pub total: Duration,
    /// How long the one did that waited the longest.
    pub longest: Duration,
}

impl Waits {
    /// How long a frame waited on average.
    pub fn mean(&self) -> Duration {
        let nanoseconds = self.total.as_nanos() / u128::from(self.frames.max(1));
        Duration::from_nanos(nanoseconds as u64)
    }
}

/// What a group of rules has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deeds {
    /// What came under a rule, whatever became of it; what is cut counts below only.
    pub seen: Counters,
    /// What vanished by the rules' intent: cut or lost.
    pub dropped: Counters,
    /// What waited because it was to be late.
    pub delayed: Waits,
    /// What waited because there was no room for it yet.
    pub throttled: Waits,
    /// What had no room to wait in, and vanished.
    pub overflowed: Counters,
    /// Second copies.
    pub duplicated: Counters,
    /// What others behind it passed.
    pub reordered: Counters,
    /// What had a bit turned over.
    pub corrupted: Counters,
    /// What still waited as the rules ended, and then went on at once.
    pub released: Counters,
    /// How many times a link went down; of several that flap, the one that did so most often.
    pub downs: u64,
}

/// [`Counters`] that one thread adds to and others read.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    frames: AtomicU64,
    bytes: AtomicU64,
}

impl Tally {
    /// Adds a frame of so many bytes.
    pub(crate) fn add(&self, bytes: usize) {
        self.frames.fetch_add(1, Relaxed);
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// What was counted so far.
    pub(crate) fn read(&self) -> Counters {
        Counters {
            frames: self.frames.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
        }
    }
}

/// [`Waits`] that one thread adds to and others read.
#[derive(Debug, Default)]
pub(crate) struct WaitTally {
    frames: AtomicU64,
    total: AtomicU64,
    longest: AtomicU64,
}

impl WaitTally {
    /// Adds a frame that waited for so many nanoseconds.
    pub(crate) fn add(&self, nanoseconds: u64) {
        self.frames.fetch_add(1, Relaxed);
        self.total.fetch_add(nanoseconds, Relaxed);
        self.longest.fetch_max(nanoseconds, Relaxed);
    }

    fn read(&self) -> Waits {
        Waits {
            frames: self.frames.load(Relaxed),
            total: Duration::from_nanos(self.total.load(Relaxed)),
            longest: Duration::from_nanos(self.longest.load(Relaxed)),
        }
    }
}

/// [`Deeds`] that one thread adds to and others read.
#[derive(Debug, Default)]
pub(crate) struct Score {
    pub(crate) seen: Tally,
    pub(crate) dropped: Tally,
    pub(crate) delayed: WaitTally,
    pub(crate) throttled: WaitTally,
    pub(crate) overflowed: Tally,
    pub(crate) duplicated: Tally,
    pub(crate) reordered: Tally,
    pub(crate) corrupted: Tally,
    pub(crate) released: Tally,
    pub(crate) downs: AtomicU64,
}

impl Score {
    /// What was done so far.
    pub(crate) fn read(&self) -> Deeds {
        Deeds {
            seen: self.seen.read(),
            dropped: self.dropped.read(),
            delayed: self.delayed.read(),
            throttled: self.throttled.read(),
            overflowed: self.overflowed.read(),
            duplicated: self.duplicated.read(),
            reordered: self.reordered.read(),
            corrupted: self.corrupted.read(),
            released: self.released.read(),
            downs: self.downs.load(Relaxed),
        }
    }
}
