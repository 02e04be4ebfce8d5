//! A node's wall clock: true, or off by what is asked for, for every process that goes by it. Monotonic clocks stay true.
//!
//! A small library (`sandbox/clock/preload.rs`, built by the build script and embedded) is preloaded into the processes
//! and adds to each reading of the wall clock what a page of shared memory says. The page says how to compute it, so
//! that a clock drifts and strobes by itself, with nobody woken.

mod page;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::time::{ClockId, clock_gettime};

use crate::error::{Error, Result};
use page::{Page, TERMS_MAX, Term};

/// The library; empty on machines that it is not made for.
const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/clock.so"));

/// Its name in the sandbox's directory.
const LIBRARY_FILE: &str = "clock.so";

/// The variable that names the page to the library, which has the same word.
const PAGE_VARIABLE: &str = "SANDBOX_CLOCK";

/// The largest offset and amplitude, in either direction.
const SHIFT_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// The largest drift: a clock that runs backwards, or at more than twice the speed, is no clock that drifts.
const PPM_MAX: i64 = 999_999;

/// What is wrong with a clock. Those that are in force together add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skew {
    /// It is off by so many nanoseconds.
    Jump {
        /// Ahead of the true clock, or behind it where this is negative.
        nanoseconds: i64,
    },
    /// It goes too fast, or too slow where this is negative.
    Drift {
        /// By so many microseconds a second.
        ppm: i64,
    },
    /// It jumps to and fro: for a period it is off, for the next it is not.
    Strobe {
        /// How long it stays at either.
        period: Duration,
        /// By how much it is off then, in nanoseconds.
        nanoseconds: i64,
    },
}

impl Skew {
    /// The same for the page, from now on. Refuses what is none.
    fn term(self) -> Result<Term> {
        let anchor = monotonic();
        let shift = |nanoseconds: i64| {
            let size = u128::from(nanoseconds.unsigned_abs());
            let possible = size > 0 && size <= SHIFT_MAX.as_nanos();
            possible
                .then_some(nanoseconds)
                .ok_or_else(|| impossible("a clock is off by something, at most by 30 days"))
        };
        match self {
            Self::Jump { nanoseconds } => Ok(Term {
                anchor,
                offset: shift(nanoseconds)?,
                ..Term::default()
            }),
            Self::Drift { ppm } if ppm != 0 && ppm.abs() <= PPM_MAX => Ok(Term {
                anchor,
                ppm,
                ..Term::default()
            }),
            Self::Drift { .. } => Err(impossible(
                "a drift is 1 to 999999 parts per million in either direction",
            )),
            Self::Strobe { period, .. } if period.is_zero() || period > SHIFT_MAX => {
                Err(impossible("a strobe's period is some time, at most 30 days"))
            }
            Self::Strobe { period, nanoseconds } => Ok(Term {
                anchor,
                period: period.as_nanos() as i64,
                amplitude: shift(nanoseconds)?,
                ..Term::default()
            }),
        }
    }
}

/// The number of a skew that is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SkewId(pub u64);

/// The wall clock of a node's processes.
#[derive(Debug)]
pub struct Clock {
    library: PathBuf,
    file: PathBuf,
    mapping: Mapping,
    skews: Mutex<Skews>,
}

#[derive(Debug, Default)]
struct Skews {
    last: u64,
    in_force: BTreeMap<SkewId, Term>,
}

impl Clock {
    /// A true clock, whose page is this file; nothing where there is no library for this machine.
    pub(crate) fn create(library: &Path, file: PathBuf) -> Result<Option<Self>> {
        if LIBRARY.is_empty() {
            return Ok(None);
        }
        let mapping = Mapping::create(&file).map_err(|source| Error::File {
            path: file.clone(),
            source,
        })?;
        Ok(Some(Self {
            library: library.to_owned(),
            file,
            mapping,
            skews: Mutex::default(),
        }))
    }

    /// A true clock for processes that share this directory with us but are not in a sandbox; nothing where there is no
    /// library for this machine.
    pub fn shared(directory: &Path, name: &str) -> Result<Option<Self>> {
        let library = write_library(directory)?;
        Self::create(&library, directory.join(format!("{name}.clock")))
    }

    /// The variables with which a process has to be started, in that directory, to go by this clock. A process that is
    /// started again finds the clock as it is then.
    pub fn environment(&self, directory: &Path) -> Vec<(String, String)> {
        vec![
            ("LD_PRELOAD".to_owned(), preloadable(&self.library, directory)),
            (PAGE_VARIABLE.to_owned(), self.file.display().to_string()),
        ]
    }

    /// Makes the clock wrong in one more way, at once.
    pub fn apply(&self, skew: Skew) -> Result<SkewId> {
        let mut skews = self.skews();
        if skews.in_force.len() == TERMS_MAX {
            return Err(impossible("too much is wrong with it already"));
        }
        let term = skew.term()?;
        skews.last += 1;
        let id = SkewId(skews.last);
        skews.in_force.insert(id, term);
        self.mapping.publish(&skews);
        Ok(id)
    }

    /// Ends one way in which it is wrong; one that is over already stays over.
    pub fn remove(&self, id: SkewId) {
        let mut skews = self.skews();
        if skews.in_force.remove(&id).is_some() {
            self.mapping.publish(&skews);
        }
    }

    /// By how many nanoseconds its readers find it off at this moment.
    pub fn offset(&self) -> i64 {
        self.mapping.page().offset(monotonic)
    }

    fn skews(&self) -> MutexGuard<'_, Skews> {
        self.skews.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes the library into the sandbox's directory, and says where it is.
pub(crate) fn write_library(directory: &Path) -> Result<PathBuf> {
    let path = directory.join(LIBRARY_FILE);
    fs::write(&path, LIBRARY).map_err(|source| Error::File {
        path: path.clone(),
        source,
    })?;
    Ok(path)
}

/// The library as `LD_PRELOAD` takes it. There is no way to write a path with a blank or a colon there; but a process
/// that starts below the library's directory reaches it by a way that has none.
fn preloadable(library: &Path, directory: &Path) -> String {
    let path = library.display().to_string();
    let below = library
        .parent()
        .and_then(|home| directory.strip_prefix(home).ok());
    match below {
        Some(below) if path.contains([' ', ':']) => {
            format!("./{}{LIBRARY_FILE}", "../".repeat(below.components().count()))
        }
        _ => path,
    }
}

fn impossible(reason: &str) -> Error {
    Error::Specification {
        reason: reason.to_owned(),
    }
}

fn monotonic() -> i64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |now| Duration::from(now).as_nanos() as i64)
}

/// The page in this process's memory.
#[derive(Debug)]
struct Mapping(NonNull<Page>);

// SAFETY: the page is nothing but atomics, and stays mapped as long as this lives.
unsafe impl Send for Mapping {}
// SAFETY: the same.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Makes the file and maps it. It is written whole, so that a full disk shows here.
    fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        io::Write::write_all(&mut &file, &[0; size_of::<Page>()])?;
        let size = NonZeroUsize::new(size_of::<Page>()).expect("a page has a size");
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a fresh mapping of a file that is as long as the page.
        let memory = unsafe { mmap(None, size, protection, MapFlags::MAP_SHARED, &file, 0) }?;
        let mapping = Self(memory.cast());
        mapping.page().begin();
        assert!(mapping.page().is_known(), "it was begun a moment ago");
        Ok(mapping)
    }

    fn page(&self) -> &Page {
        // SAFETY: mapped, aligned to the kernel's pages, and every content of it is a valid value of atomics.
        unsafe { self.0.as_ref() }
    }

    /// Tells the readers. Only one thread may do so at a time, and does: the skews are locked.
    fn publish(&self, skews: &Skews) {
        self.page().publish(skews.in_force.values().copied());
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped by `create` with this size, and nothing refers to it any more.
        let _ = unsafe { munmap(self.0.cast(), size_of::<Page>()) };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn clock() -> (tempfile::TempDir, Clock) {
        let directory = tempfile::tempdir().expect("a directory");
        let clock = Clock::create(
            &directory.path().join(LIBRARY_FILE),
            directory.path().join("page"),
        );
        (
            directory,
            clock
                .expect("a file can be made")
                .expect("there is a library for this machine"),
        )
    }

    #[test]
    fn a_clock_is_true_until_it_is_told_otherwise_and_again_afterwards() {
        let (_directory, clock) = clock();
        assert_eq!(clock.offset(), 0);
        let ahead = clock
            .apply(Skew::Jump {
                nanoseconds: 3600 * SECOND,
            })
            .expect("it can jump");
        let behind = clock
            .apply(Skew::Jump { nanoseconds: -SECOND })
            .expect("it can jump");
        assert_eq!(clock.offset(), 3599 * SECOND);
        clock.remove(ahead);
        clock.remove(ahead);
        assert_eq!(clock.offset(), -SECOND);
        clock.remove(behind);
        assert_eq!(clock.offset(), 0);
    }

    #[test]
    fn a_clock_drifts_by_itself() {
        let drift = Term {
            anchor: 5 * SECOND,
            ppm: -500,
            ..Term::default()
        };
        assert_eq!(
            [0, 5, 6, 25].map(|second| drift.at(second * SECOND)),
            [0, 0, -500_000, -10_000_000]
        );
        let month = 30 * 24 * 3600;
        let fast = Term {
            ppm: PPM_MAX,
            ..Term::default()
        };
        assert_eq!(fast.at(month * SECOND), month * 999_999_000);
    }

    #[test]
    fn a_clock_strobes_by_itself() {
        let strobe = Term {
            anchor: SECOND,
            period: SECOND,
            amplitude: -7,
            ..Term::default()
        };
        let at = [0, 1, 2, 3].map(|second| strobe.at(second * SECOND + SECOND / 2));
        assert_eq!(at, [-7, -7, 0, -7]);
    }

    #[test]
    fn what_is_no_skew_is_refused() {
        let (_directory, clock) = clock();
        let period = Duration::from_millis(1);
        for skew in [
            Skew::Jump { nanoseconds: 0 },
            Skew::Jump {
                nanoseconds: i64::MIN,
            },
            Skew::Drift { ppm: 0 },
            Skew::Drift { ppm: -1_000_000 },
            Skew::Strobe {
                period: Duration::ZERO,
                nanoseconds: 1,
            },
            Skew::Strobe {
                period,
                nanoseconds: 0,
            },
        ] {
            clock.apply(skew).expect_err("it is none");
        }
        for _ in 0..TERMS_MAX {
            clock.apply(Skew::Drift { ppm: 1 }).expect("there is room");
        }
        clock.apply(Skew::Drift { ppm: 1 }).expect_err("there is no room");
    }

    #[test]
    fn a_reader_never_sees_half_of_a_change() {
        let (_directory, clock) = clock();
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let pair = [1, -1].map(|sign| Skew::Jump {
                        nanoseconds: sign * SECOND,
                    });
                    let terms = pair.map(|skew| skew.term().expect("it is one"));
                    clock.mapping.page().publish(terms.into_iter());
                    clock.mapping.page().publish(std::iter::empty());
                }
            });
            for _ in 0..200_000 {
                assert_eq!(clock.offset(), 0);
            }
            over.store(true, Ordering::Relaxed);
        });
    }

    #[test]
    fn a_path_that_cannot_be_preloaded_is_gone_around() {
        let check = |library, directory, expected| {
            assert_eq!(preloadable(Path::new(library), Path::new(directory)), expected);
        };
        check("/run/clock.so", "/run/n1", "/run/clock.so");
        check("/my runs/clock.so", "/my runs/n1", "./../clock.so");
        check("/my runs/clock.so", "/my runs", "./clock.so");
    }
}
