//! What goes wrong on a disk that has power: which operations on which files are slow, fail, find no room, or are the
//! last one before the power fails. Each hook counts what it did.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::dice::Dice;

/// Some of the files of a disk, by their paths below its root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Those whose names end like one of these; empty: whatever their names.
    pub endings: Vec<String>,
    /// Only those below a directory of this name.
    pub inside: Option<String>,
    /// None of those below a directory of one of these names.
    pub outside: Vec<String>,
}

impl Files {
    /// Every file.
    pub fn any() -> Self {
        Self::default()
    }

    /// Whether a file at this path is one of them.
    pub fn contain(&self, path: &Path) -> bool {
        let below = |name: &String| path.components().any(|part| part.as_os_str() == name.as_str());
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let fits =
            self.endings.is_empty() || self.endings.iter().any(|ending| name.ends_with(ending.as_str()));
        fits && self.inside.as_ref().is_none_or(below) && !self.outside.iter().any(below)
    }
}

/// What a process asks of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Reading what the kernel does not hold in its cache.
    Read,
    /// Writing, and for [`Effect::Full`] making files too.
    Write,
    /// Bringing a file, or the names in a directory, to the disk.
    Sync,
}

/// Which of the matching operations fail.
#[derive(Clone, Debug, PartialEq)]
pub enum Which {
    /// This share of them, drawn from a seed.
    Share {
        /// From 0 to 1.
        share: f64,
        /// The seed.
        seed: u64,
    },
    /// This one, counted from 1, and after it whatever touches the same place: a bad place of a disk stays bad. The kernel splits a
    /// large write, and says of one whose second part failed that it was short: who writes the rest again is to fail then.
    Nth(u64),
}

/// What happens to matching operations.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// They take so much longer.
    Delay(Duration),
    /// They fail with EIO.
    Fail(Which),
    /// They fail with ENOSPC, once so many bytes have been written.
    Full {
        /// How much room is left.
        after: u64,
    },
    /// The power fails at the n-th of them, counted from 1, before it is done.
    Cut {
        /// Which.
        nth: u64,
    },
}

/// A fault of a disk, in force until it is taken away.
#[derive(Clone, Debug, PartialEq)]
pub struct Hook {
    /// On which files.
    pub files: Files,
    /// On which operations.
    pub operation: Operation,
    /// What happens to them.
    pub effect: Effect,
}

/// The number of a hook of one disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HookId(pub u64);

/// What a hook has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HookCounts {
    /// Operations that matched.
    pub seen: u64,
    /// Operations that were delayed, failed, refused or cut.
    pub hit: u64,
    /// The bytes of those.
    pub bytes: u64,
    /// The time for which they were delayed, summed up.
    pub waited: Duration,
}

/// What is to become of an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub delay: Duration,
    /// The error's number, where it fails.
    pub error: Option<i32>,
    /// The power fails now.
    pub cut: bool,
    /// The changes of hooks it knows of: one that comes between this verdict and its delay ends the delay.
    changes: u64,
}

impl Verdict {
    /// It is done at once.
    pub(crate) fn is_plain(self) -> bool {
        self.delay.is_zero() && self.error.is_none() && !self.cut
    }
}

/// The hooks of a disk.
#[derive(Debug, Default)]
pub(crate) struct Hooks {
    /// Whether there is any: what most operations look at alone.
    armed: AtomicBool,
    inner: Mutex<Inner>,
    /// Told when a hook was taken away, or the power failed.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    set: Vec<Set>,
    /// Counts of those that were taken away.
    over: Vec<(HookId, HookCounts)>,
    /// Counts up with each change that ends waits.
    changes: u64,
}

#[derive(Debug)]
struct Set {
    id: HookId,
    hook: Hook,
    counts: HookCounts,
    dice: Dice,
    /// The file and the first byte of what failed by its number.
    bad: Option<(PathBuf, u64)>,
}

impl Hooks {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_armed(&self) -> bool {
        self.armed.load(Ordering::Acquire)
    }

    pub(crate) fn set(&self, hook: Hook) -> HookId {
        let mut inner = self.lock();
        inner.next += 1;
        let id = HookId(inner.next);
        let seed = match &hook.effect {
            Effect::Fail(Which::Share { seed, .. }) => *seed,
            _ => 0,
        };
        inner.set.push(Set {
            id,
            hook,
            counts: HookCounts::default(),
            dice: Dice::new(seed),
            bad: None,
        });
        self.armed.store(true, Ordering::Release);
        self.changed.notify_all();
        id
    }

    /// Takes a hook away and ends the waits. Its counts stay.
    pub(crate) fn remove(&self, id: HookId) -> HookCounts {
        let mut inner = self.lock();
        if let Some(index) = inner.set.iter().position(|set| set.id == id) {
            let counts = inner.set.remove(index).counts;
            inner.over.push((id, counts));
        }
        inner.changes += 1;
        self.armed.store(!inner.set.is_empty(), Ordering::Release);
        self.changed.notify_all();
        inner.counts(id)
    }

    pub(crate) fn counts(&self, id: HookId) -> HookCounts {
        self.lock().counts(id)
    }

    /// Ends the waits.
    pub(crate) fn wake(&self) {
        self.lock().changes += 1;
        self.changed.notify_all();
    }

    /// What becomes of an operation on these bytes of a file; none where it is on the whole of it.
    pub(crate) fn judge(&self, operation: Operation, path: &Path, bytes: Range<u64>) -> Verdict {
        let mut inner = self.lock();
        let mut verdict = Verdict {
            changes: inner.changes,
            ..Verdict::default()
        };
        for set in &mut inner.set {
            if set.hook.operation == operation && set.hook.files.contain(path) {
                set.judge(path, &bytes, &mut verdict);
            }
        }
        verdict
    }

    /// Whether a file of this path may be made, and whether there is room.
    pub(crate) fn has_room(&self, path: &Path) -> bool {
        let mut inner = self.lock();
        let full = inner
            .set
            .iter_mut()
            .find(|set| set.is_full() && set.hook.files.contain(path));
        full.map(|set| {
            set.counts.seen += 1;
            set.counts.hit += 1;
        })
        .is_none()
    }

    /// Whether nothing at all can be written: what a process that asks is told.
    pub(crate) fn is_full(&self) -> bool {
        self.is_armed()
            && self
                .lock()
                .set
                .iter()
                .any(|set| set.is_full() && set.hook.files == Files::any())
    }

    /// The files on which reads are hooked: the kernel must not answer them from its cache.
    pub(crate) fn uncached(&self) -> Vec<Files> {
        let inner = self.lock();
        let reads = inner
            .set
            .iter()
            .filter(|set| set.hook.operation == Operation::Read);
        reads.map(|set| set.hook.files.clone()).collect()
    }

    /// Waits as long as a verdict says, or until hooks have changed since it was given.
    pub(crate) fn wait(&self, verdict: Verdict) -> Duration {
        let begun = Instant::now();
        let unchanged = |inner: &mut Inner| inner.changes == verdict.changes;
        drop(
            self.changed
                .wait_timeout_while(self.lock(), verdict.delay, unchanged),
        );
        begun.elapsed()
    }

    /// Waits so long, or until there is a new hook.
    pub(crate) fn wait_for_new(&self, time: Duration) {
        let inner = self.lock();
        let hooks = inner.next;
        drop(
            self.changed
                .wait_timeout_while(inner, time, |inner| inner.next == hooks),
        );
    }

    /// An operation that was delayed has waited so long.
    pub(crate) fn waited(&self, operation: Operation, path: &Path, time: Duration) {
        for set in &mut self.lock().set {
            let delays = matches!(set.hook.effect, Effect::Delay(_));
            if delays && set.hook.operation == operation && set.hook.files.contain(path) {
                set.counts.waited += time;
            }
        }
    }
}

impl Inner {
    fn counts(&self, id: HookId) -> HookCounts {
        let set = self.set.iter().find(|set| set.id == id).map(|set| set.counts);
        let over = || {
            self.over
                .iter()
                .find(|(over, _)| *over == id)
                .map(|(_, counts)| *counts)
        };
        set.or_else(over).unwrap_or_default()
    }
}

impl Set {
    fn is_full(&self) -> bool {
        matches!(self.hook.effect, Effect::Full { after: 0 })
    }

    fn judge(&mut self, path: &Path, place: &Range<u64>, verdict: &mut Verdict) {
        self.counts.seen += 1;
        let seen = self.counts.seen;
        let bytes = place.end - place.start;
        let hit = match &mut self.hook.effect {
            Effect::Delay(delay) => {
                verdict.delay = verdict.delay.max(*delay);
                true
            }
            Effect::Fail(which) => {
                let fails = match which {
                    Which::Share { share, .. } => self.dice.chance(*share),
                    Which::Nth(nth) => {
                        if seen == *nth && bytes > 0 {
                            self.bad = Some((path.to_owned(), place.start));
                        }
                        let touches = |(file, byte): &(PathBuf, u64)| file == path && place.contains(byte);
                        seen == *nth || self.bad.as_ref().is_some_and(touches)
                    }
                };
                verdict.error = verdict.error.or(fails.then_some(libc::EIO));
                fails
            }
            Effect::Full { after } => {
                let fails = bytes > *after;
                // What is left is too little for this one, and a disk that is full stays so.
                *after = if fails { 0 } else { *after - bytes };
                verdict.error = verdict.error.or(fails.then_some(libc::ENOSPC));
                fails
            }
            Effect::Cut { nth } => {
                verdict.cut |= seen == *nth;
                seen == *nth
            }
        };
        self.counts.hit += u64::from(hit);
        self.counts.bytes += if hit { bytes } else { 0 };
    }
}
