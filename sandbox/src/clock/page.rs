//! The page of memory through which the processes of a node learn by how much their wall clock is off.
//!
//! This file is compiled twice: into this crate, which writes, and into the preloaded library, which reads (so it needs
//! nothing but `core`, and has no way to panic). A reader takes no lock and waits for nobody: there are two tables, the
//! generation says which one counts, and the writer fills the other one before it changes the generation. A writer
//! that dies half-way has changed nothing.

use core::sync::atomic::{AtomicI64, AtomicU64, Ordering, fence};

/// What the page begins with: that it is one, and the version of its form.
const MAGIC: u64 = u64::from_le_bytes(*b"wallclk\x01");

/// As many things can be wrong with one clock at a time.
pub const TERMS_MAX: usize = 8;

/// The page. All zeros, but for the magic, is a true clock.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Page {
    magic: AtomicU64,
    generation: AtomicU64,
    tables: [Table; 2],
}

#[repr(C)]
#[derive(Debug, Default)]
struct Table {
    count: AtomicU64,
    terms: [Cells; TERMS_MAX],
}

#[repr(C)]
#[derive(Debug, Default)]
struct Cells {
    anchor: AtomicI64,
    offset: AtomicI64,
    ppm: AtomicI64,
    period: AtomicI64,
    amplitude: AtomicI64,
}

/// One thing that is wrong with a clock. All times are nanoseconds; their sum is what the clock is off by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Term {
    /// Since when, by `CLOCK_MONOTONIC`.
    pub anchor: i64,
    /// Always this much.
    pub offset: i64,
    /// In a million nanoseconds this many more than the true clock.
    pub ppm: i64,
    /// For so long `amplitude` more, then as long not, and so on; not at all where this is 0.
    pub period: i64,
    /// How much more.
    pub amplitude: i64,
}

impl Term {
    /// By how much the clock is off at this time of `CLOCK_MONOTONIC`.
    #[must_use]
    pub fn at(self, now: i64) -> i64 {
        let elapsed = now.saturating_sub(self.anchor).max(0);
        // In microseconds the product of a month and a million has room.
        let drift = (elapsed / 1000).saturating_mul(self.ppm) / 1000;
        let periods = elapsed.checked_div(self.period);
        let strobe = match periods {
            Some(periods) if periods & 1 == 0 => self.amplitude,
            _ => 0,
        };
        self.offset.saturating_add(drift).saturating_add(strobe)
    }
}

impl Cells {
    fn write(&self, term: Term) {
        self.anchor.store(term.anchor, Ordering::Relaxed);
        self.offset.store(term.offset, Ordering::Relaxed);
        self.ppm.store(term.ppm, Ordering::Relaxed);
        self.period.store(term.period, Ordering::Relaxed);
        self.amplitude.store(term.amplitude, Ordering::Relaxed);
    }

    fn read(&self) -> Term {
        Term {
            anchor: self.anchor.load(Ordering::Relaxed),
            offset: self.offset.load(Ordering::Relaxed),
            ppm: self.ppm.load(Ordering::Relaxed),
            period: self.period.load(Ordering::Relaxed),
            amplitude: self.amplitude.load(Ordering::Relaxed),
        }
    }
}

/// What the reader needs.
impl Page {
    /// Whether this is a page of the known form.
    pub fn is_known(&self) -> bool {
        self.magic.load(Ordering::Acquire) == MAGIC
    }

    /// By how much the clock is off; `now` reads `CLOCK_MONOTONIC`, and is not asked while the clock is true.
    pub fn offset(&self, now: impl Fn() -> i64) -> i64 {
        loop {
            let generation = self.generation.load(Ordering::Acquire);
            let [even, odd] = &self.tables;
            let table = if generation & 1 == 0 { even } else { odd };
            let offset = table.offset(&now);
            // A table is written again only after the generation has changed once more.
            fence(Ordering::Acquire);
            if self.generation.load(Ordering::Relaxed) == generation {
                return offset;
            }
        }
    }
}

/// What the writer needs.
impl Page {
    /// Makes a page of what was all zeros.
    pub fn begin(&self) {
        self.magic.store(MAGIC, Ordering::Release);
    }

    /// Puts these in force, and nothing else, at one instant. For one thread at a time.
    pub fn publish(&self, terms: impl Iterator<Item = Term>) {
        let generation = self.generation.load(Ordering::Relaxed);
        let [even, odd] = &self.tables;
        let free = if generation & 1 == 0 { odd } else { even };
        fence(Ordering::Release);
        let mut count = 0;
        for (cells, term) in free.terms.iter().zip(terms) {
            cells.write(term);
            count += 1;
        }
        free.count.store(count, Ordering::Relaxed);
        self.generation
            .store(generation.wrapping_add(1), Ordering::Release);
    }
}

impl Table {
    fn offset(&self, now: &impl Fn() -> i64) -> i64 {
        let count = self.count.load(Ordering::Relaxed) as usize;
        if count == 0 {
            return 0;
        }
        let now = now();
        let terms = self.terms.iter().take(count);
        terms.fold(0, |sum: i64, cells| sum.saturating_add(cells.read().at(now)))
    }
}
