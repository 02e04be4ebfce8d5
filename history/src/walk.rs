//! Walks through a history's text: threads parse its blocks, and one looks at the events in their order.
//!
//! The one that looks parses too while the block that it waits for is not ready: so there are as many threads as
//! cores, and none waits for long. A block's buffers go with its events to the one that looks, and back.

use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::block::{Batch, Block, End, Lines};
use crate::error::ReadError;
use crate::event::Event;
use crate::file::Reading;
use crate::read::check_time;
use crate::source::{Scanned, Wanted};
use crate::text::Text;

/// Blocks for each thread that may be parsed before they are looked at.
const BLOCKS_AHEAD: u64 = 2;

/// No block is larger: what is in memory at a time is several of them. Less than a line may have.
const BLOCK_BYTES_MAX: usize = 16 << 20;

/// No more threads are started, whatever is asked for.
const THREADS_MAX: usize = 64;

/// Shows all events of the lines from `start` on, in their order; whole where they are `wanted`.
pub(crate) fn walk(
    text: &dyn Text,
    start: u64,
    reading: Reading,
    wanted: Option<&Wanted<'_>>,
    visit: &mut dyn FnMut(&[Event]) -> ControlFlow<()>,
) -> Result<Scanned, ReadError> {
    let blocks = Blocks::new(text, start, reading.block_bytes, wanted);
    let helpers = (reading.threads.clamp(1, THREADS_MAX) as u64 - 1).min(blocks.count / 2);
    let desk = Desk::new(&blocks, helpers);
    let mut showing = Showing::new(visit);
    thread::scope(|scope| {
        // Whatever ends the walk, a visitor's panic too, ends the threads.
        let _over = Over {
            desk: &desk,
            always: true,
        };
        for _ in 0..helpers {
            // Where the machine has no thread to give, the others do the work.
            let _ = thread::Builder::new().spawn_scoped(scope, || desk.help());
        }
        (0..blocks.count).try_for_each(|number| desk.show(number, &mut showing))
    })
    .or_else(Stop::into_error)?;
    Ok(showing.scanned)
}

/// Why a walk ends before its last block.
enum Stop {
    BrokenOff,
    Failed(ReadError),
}

impl Stop {
    fn into_error(self) -> Result<(), ReadError> {
        match self {
            Self::BrokenOff => Ok(()),
            Self::Failed(error) => Err(error),
        }
    }
}

/// The text from the first event on, in blocks of equal size.
struct Blocks<'t> {
    text: &'t dyn Text,
    start: u64,
    block_bytes: u64,
    count: u64,
    wanted: Option<&'t Wanted<'t>>,
}

impl<'t> Blocks<'t> {
    fn new(text: &'t dyn Text, start: u64, block_bytes: usize, wanted: Option<&'t Wanted<'t>>) -> Self {
        let block_bytes = block_bytes.clamp(1, BLOCK_BYTES_MAX) as u64;
        let count = text.length().saturating_sub(start).div_ceil(block_bytes);
        Self {
            text,
            start,
            block_bytes,
            count,
            wanted,
        }
    }

    fn read(&self, number: u64, batch: &mut Batch, long_lines: bool) {
        let start = self.start + number * self.block_bytes;
        let block = Block {
            start,
            end: (start + self.block_bytes).min(self.text.length()),
            at_line: number == 0,
        };
        let lines = Lines {
            long: long_lines,
            wanted: self.wanted,
        };
        batch.read(self.text, block, lines);
    }
}

/// Where the one that looks stands.
struct Showing<'v> {
    visit: &'v mut dyn FnMut(&[Event]) -> ControlFlow<()>,
    /// The number of the next line.
    line: u64,
    /// The time of the last event.
    time: u64,
    scanned: Scanned,
}

impl<'v> Showing<'v> {
    fn new(visit: &'v mut dyn FnMut(&[Event]) -> ControlFlow<()>) -> Self {
        Self {
            visit,
            line: 2,
            time: 0,
            scanned: Scanned::default(),
        }
    }

    fn show(&mut self, batch: &mut Batch) -> Result<(), Stop> {
        self.show_events(batch.events())?;
        match batch.take_end() {
            End::Whole | End::Deferred => Ok(()),
            End::CutOff => {
                self.scanned.truncated = true;
                Ok(())
            }
            End::Wrong { time, reason } => {
                self.check_time(time.unwrap_or(self.time))?;
                Err(self.wrong(reason))
            }
            End::Unreadable(error) => Err(Stop::Failed(error)),
        }
    }

    fn show_events(&mut self, events: &[Event]) -> Result<(), Stop> {
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            return Ok(());
        };
        self.check_time(first.time)?;
        self.time = last.time;
        self.line += events.len() as u64;
        self.scanned.events += events.len() as u64;
        match (self.visit)(events) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Stop::BrokenOff),
        }
    }

    fn check_time(&self, time: u64) -> Result<(), Stop> {
        check_time(time, self.time).map_err(|reason| self.wrong(reason))
    }

    fn wrong(&self, reason: String) -> Stop {
        Stop::Failed(ReadError::Line {
            line: self.line,
            reason,
        })
    }
}

/// Where blocks are taken from and handed over.
struct Desk<'b> {
    blocks: &'b Blocks<'b>,
    /// How many blocks may be parsed, or under way, at a time.
    ahead: u64,
    state: Mutex<State>,
    /// For the one that looks: a block was handed over.
    handed_over: Condvar,
    /// For the helpers: a block was looked at, so that another may be parsed.
    looked_at: Condvar,
}

struct State {
    /// The first block that nobody has taken.
    next: u64,
    /// The first block that was not yet looked at.
    wanted: u64,
    /// Blocks that are parsed, from the one that is wanted on.
    parsed: Vec<Option<Batch>>,
    /// Buffers that are free.
    free: Vec<Batch>,
    over: bool,
}

impl<'b> Desk<'b> {
    fn new(blocks: &'b Blocks<'b>, helpers: u64) -> Self {
        let ahead = (helpers + 1) * BLOCKS_AHEAD;
        let state = State {
            next: 0,
            wanted: 0,
            parsed: (0..ahead).map(|_| None).collect(),
            free: Vec::new(),
            over: false,
        };
        Self {
            blocks,
            ahead,
            state: Mutex::new(state),
            handed_over: Condvar::new(),
            looked_at: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Parses blocks until none is left or the walk is over.
    fn help(&self) {
        let _over = Over {
            desk: self,
            always: false,
        };
        let mut state = self.lock();
        while !state.over && state.next < self.blocks.count {
            match self.take(&mut state) {
                Some((number, batch)) => {
                    drop(state);
                    state = self.parse(number, batch);
                }
                None => state = wait(&self.looked_at, state),
            }
        }
    }

    /// Shows a block, once it is parsed.
    fn show(&self, number: u64, showing: &mut Showing<'_>) -> Result<(), Stop> {
        let Some(mut batch) = self.parsed(number) else {
            // A helper panicked, and so will the scope.
            return Err(Stop::BrokenOff);
        };
        if matches!(batch.end(), End::Deferred) {
            self.blocks.read(number, &mut batch, true);
        }
        showing.show(&mut batch)?;
        let mut state = self.lock();
        state.wanted = number + 1;
        state.free.push(batch);
        drop(state);
        self.looked_at.notify_one();
        Ok(())
    }

    /// Waits for a block, and parses others meanwhile.
    fn parsed(&self, number: u64) -> Option<Batch> {
        let mut state = self.lock();
        loop {
            if let Some(batch) = state.parsed[(number % self.ahead) as usize].take() {
                return Some(batch);
            }
            if state.over {
                return None;
            }
            match self.take(&mut state) {
                Some((other, batch)) => {
                    drop(state);
                    state = self.parse(other, batch);
                }
                None => state = wait(&self.handed_over, state),
            }
        }
    }

    /// Takes the next block to parse, if one may be.
    fn take(&self, state: &mut State) -> Option<(u64, Batch)> {
        let number = state.next;
        if number >= self.blocks.count || number >= state.wanted + self.ahead {
            return None;
        }
        state.next += 1;
        Some((number, state.free.pop().unwrap_or_else(Batch::new)))
    }

    /// Parses a block and hands it over.
    fn parse(&self, number: u64, mut batch: Batch) -> MutexGuard<'_, State> {
        self.blocks.read(number, &mut batch, false);
        let mut state = self.lock();
        state.parsed[(number % self.ahead) as usize] = Some(batch);
        if number == state.wanted {
            self.handed_over.notify_one();
        }
        state
    }
}

fn wait<'s>(event: &Condvar, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
    event.wait(state).unwrap_or_else(PoisonError::into_inner)
}

/// Ends the walk when the thread that holds it ends: for good, or only by a panic.
struct Over<'d> {
    desk: &'d Desk<'d>,
    always: bool,
}

impl Drop for Over<'_> {
    fn drop(&mut self) {
        if self.always || thread::panicking() {
            self.desk.lock().over = true;
            self.desk.handed_over.notify_all();
            self.desk.looked_at.notify_all();
        }
    }
}
