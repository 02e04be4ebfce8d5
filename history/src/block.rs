//! A stretch of a history's text, and the events of the lines that start in it.

use memchr::memchr;

use crate::error::ReadError;
use crate::event::Event;
use crate::line::blank;
use crate::read::{self, LINE_BYTES_MAX, check_length, check_order};
use crate::scan::{Buffers, pass_over, scan_event};
use crate::source::Wanted;
use crate::text::Text;

/// A line that goes on for longer than this is left to the one thread that looks at the events, so that there is
/// one in memory at a time.
const LONG_LINE_BYTES: usize = 4 << 20;
/// The first stretch of a line that is looked at beyond its block.
const BEYOND_BYTES_MAX: usize = 4 << 10;
/// Text buffers that grew larger than this are given back.
const TEXT_BYTES_KEPT: usize = 1 << 20;

/// Where a block lies in the text: it holds the lines that start in it.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    pub start: u64,
    pub end: u64,
    /// Whether a line starts where the block does. Otherwise one may be under way.
    pub at_line: bool,
}

/// How a block's lines are read.
#[derive(Clone, Copy, Default)]
pub(crate) struct Lines<'w> {
    /// Whether this thread may read lines of any length.
    pub long: bool,
    /// Of which operations everything is read; `None` is of all.
    pub wanted: Option<&'w Wanted<'w>>,
}

/// How the reading of a block ended.
pub(crate) enum End {
    /// Every line is an event.
    Whole,
    /// The text ends within a line that is not whole.
    CutOff,
    /// A line is longer than this thread may read.
    Deferred,
    /// The line after the events is wrong.
    Wrong {
        /// The time of its event, where it is one.
        time: Option<u64>,
        reason: String,
    },
    /// The text itself cannot be read.
    Unreadable(ReadError),
}

/// A block's events, with everything that is needed to read them and the next block's.
pub(crate) struct Batch {
    window: Window,
    /// Events, and after them such as are gone.
    events: Vec<Event>,
    count: usize,
    /// Which of the events may hold memory.
    holders: Vec<usize>,
    buffers: Buffers,
    end: End,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self {
            window: Window::default(),
            events: Vec::new(),
            count: 0,
            holders: Vec::new(),
            buffers: Buffers::default(),
            end: End::Whole,
        }
    }

    /// The events of the lines that were right.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events[..self.count]
    }

    pub(crate) fn end(&self) -> &End {
        &self.end
    }

    /// What is to be said of the end, once.
    pub(crate) fn take_end(&mut self) -> End {
        std::mem::replace(&mut self.end, End::Whole)
    }

    /// Reads a block over the one that was read before. Without long lines, it may be [`End::Deferred`].
    pub(crate) fn read(&mut self, text: &dyn Text, block: Block, lines: Lines<'_>) {
        for holder in self.holders.drain(..) {
            self.buffers.reclaim(&mut self.events[holder]);
        }
        self.count = 0;
        self.end = match self.read_lines(text, block, lines) {
            Ok(()) => End::Whole,
            Err(end) => end,
        };
    }

    fn read_lines(&mut self, text: &dyn Text, block: Block, lines: Lines<'_>) -> Result<(), End> {
        self.window.load(text, block).map_err(End::Unreadable)?;
        let Some(mut at) = self.window.first_line(block) else {
            return Ok(());
        };
        let stop = self.window.place(block.end);
        let mut time = 0;
        while at < stop {
            if self.count == self.events.len() {
                self.events.push(blank());
            }
            at = match self.scan_line(at, lines.wanted) {
                Some(next) => next,
                None => self.read_line(text, at, lines.long)?,
            };
            let event = &self.events[self.count];
            check_order(event, time).map_err(|reason| End::Wrong {
                time: Some(event.time),
                reason,
            })?;
            time = event.time;
            self.count += 1;
        }
        Ok(())
    }

    /// Reads the line at a place, if it has the form that is read fast, and says where the next one starts.
    #[inline]
    fn scan_line(&mut self, at: usize, wanted: Option<&Wanted<'_>>) -> Option<usize> {
        let text = self.window.text();
        if let Some(wanted) = wanted
            && let Some(length) = pass_over(&text[at..], &mut self.events[self.count], wanted)
        {
            return Some(at + length);
        }
        let taken = self.buffers.taken();
        let length = scan_event(&text[at..], &mut self.events[self.count], &mut self.buffers)?;
        let end = at + length;
        let next = match text.get(end) {
            Some(b'\n') => end + 1,
            None if self.window.ends_text => end,
            _ => return None,
        };
        if self.buffers.taken() != taken {
            self.holders.push(self.count);
        }
        Some(next)
    }

    /// Reads the line at a place, whatever its form and length, and says where the next one starts.
    #[cold]
    #[inline(never)]
    fn read_line(&mut self, text: &dyn Text, at: usize, long_lines: bool) -> Result<usize, End> {
        // What was read in vain may have taken memory already.
        self.holders.push(self.count);
        let mut searched = at;
        loop {
            let filled = self.window.text().len();
            if let Some(found) = memchr(b'\n', &self.window.text()[searched..]) {
                let end = searched + found;
                return self.parse(at, end, end + 1);
            }
            if self.window.ends_text || filled - at >= LINE_BYTES_MAX {
                return self.parse(at, filled, filled);
            }
            if filled - at >= LONG_LINE_BYTES && !long_lines {
                return Err(End::Deferred);
            }
            searched = filled;
            self.window.extend(text, at).map_err(End::Unreadable)?;
        }
    }

    fn parse(&mut self, at: usize, end: usize, next: usize) -> Result<usize, End> {
        let wrong = |reason| End::Wrong { time: None, reason };
        check_length(next - at).map_err(wrong)?;
        match read::read_line(&self.window.text()[at..end]) {
            Ok(event) => {
                self.events[self.count] = event;
                Ok(next)
            }
            Err(_) if end == next => Err(End::CutOff),
            Err(reason) => Err(wrong(reason)),
        }
    }
}

/// A piece of the text in memory.
#[derive(Default)]
struct Window {
    /// Where it lies in the text.
    offset: u64,
    bytes: Vec<u8>,
    filled: usize,
    /// Whether the text ends where it does.
    ends_text: bool,
}

impl Window {
    fn text(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// Loads a block, with a little of what comes after it and the byte before it that tells whether a line starts
    /// with it.
    fn load(&mut self, text: &dyn Text, block: Block) -> Result<(), ReadError> {
        self.offset = if block.at_line {
            block.start
        } else {
            block.start - 1
        };
        self.filled = 0;
        let bytes = (block.end - self.offset) as usize;
        let beyond = (bytes / 16).min(BEYOND_BYTES_MAX);
        if self.bytes.len() > TEXT_BYTES_KEPT.max(bytes + beyond) {
            self.bytes = Vec::new();
        }
        self.fill(text, bytes + beyond)
    }

    /// Loads as much again, but no more of the line at `at` than a line may have.
    fn extend(&mut self, text: &dyn Text, at: usize) -> Result<(), ReadError> {
        let twice = self.filled.max(64) * 2;
        self.fill(text, twice.min(at + LINE_BYTES_MAX))
    }

    fn fill(&mut self, text: &dyn Text, bytes: usize) -> Result<(), ReadError> {
        if self.bytes.len() < bytes {
            self.bytes.resize(bytes, 0);
        }
        let place = self.offset + self.filled as u64;
        self.filled += text.fill(&mut self.bytes[self.filled..bytes], place)?;
        self.ends_text = self.offset + self.filled as u64 >= text.length();
        Ok(())
    }

    /// Where the first line of a block starts, if there is one.
    fn first_line(&self, block: Block) -> Option<usize> {
        if block.at_line {
            return Some(0);
        }
        let within = &self.text()[..self.place(block.end)];
        memchr(b'\n', within).map(|found| found + 1)
    }

    /// The index of a place of the text, at most that of the window's end.
    fn place(&self, offset: u64) -> usize {
        ((offset - self.offset) as usize).min(self.filled)
    }
}

#[cfg(test)]
mod tests {
    use super::{Batch, Block, Lines};
    use crate::event::{Event, F, What};

    const LINES: &str = concat!(
        r#"{"time":1,"ok":{"process":3,"op":7,"f":{"poll":{"records":[[0,9,5],[1,0,6]]}},"error":"late"}}"#,
        "\n",
        r#"{"time":1,"ok":{"process":3,"op":7,"f":{"poll":{"records":[[0,9,5]]}}, "error":"caf\u00e9"}}"#,
        "\n",
        r#"{"time":1,"ok":{"process":3,"op":7,"f":{"txn":{"mops":[{"read":[1,[5,6]]}]}},"rebalanced":[1]}}"#,
        "\n",
        r#"{"time":1,"ok":{"process":3,"op":7,"f":{"assign":{"keys":[1,2],"from_beginning":true}}}}"#,
        "\n",
        r#"{"time":1,"fault":{"id":0,"kind":"kill","nodes":[1],"detail":"node 1","step":"injected"}}"#,
        "\n",
        r#"{"time":1,"ok":{"process":3,"op":7,"f":{"poll":{"records":[[0,9,5],[1,0,6"#,
    );

    fn holds_memory(event: &Event) -> bool {
        let (What::Invoke(op) | What::Ok(op) | What::Fail(op) | What::Info(op)) = &event.what else {
            return event.what != What::Interrupted;
        };
        let in_f = match &op.f {
            F::Poll(poll) => poll.records.capacity(),
            F::Assign(assign) => assign.keys.capacity(),
            F::Subscribe(subscribe) => subscribe.keys.capacity(),
            F::Txn(txn) => txn.mops.capacity(),
            F::Send(_) | F::Group(_) | F::Share(_) | F::Times(_) | F::Crash => 0,
        };
        in_f > 0
            || op.rebalanced.capacity() > 0
            || op.error.as_ref().is_some_and(|error| error.capacity() > 0)
    }

    #[test]
    fn what_is_read_over_holds_no_memory() {
        let text = LINES.as_bytes();
        let block = |start, end| Block {
            start,
            end,
            at_line: true,
        };
        let length = text.len() as u64;
        let lines = Lines {
            long: true,
            ..Lines::default()
        };
        let mut batch = Batch::new();
        batch.read(&text, block(0, length), lines);
        assert_eq!(batch.events().len(), 5);
        assert!(batch.events().iter().all(holds_memory));
        // A block without a line takes back what the one before it had.
        batch.read(&text, block(length, length), lines);
        assert_eq!(batch.events().len(), 0);
        assert!(!batch.events.iter().any(holds_memory));
    }
}
