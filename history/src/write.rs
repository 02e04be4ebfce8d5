//! Writes a history as lines of JSON.

use std::io::{self, Write};

use crate::event::Event;
use crate::print::print_event;

/// Appends events to a stream, one a line. A line is written whole or, if the process ends, is the last.
pub struct HistoryWriter<W: Write> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> HistoryWriter<W> {
    /// A writer of an empty history.
    pub fn new(out: W) -> Self {
        Self {
            out,
            line: Vec::with_capacity(512),
        }
    }

    /// Appends one event.
    pub fn write(&mut self, event: &Event) -> io::Result<()> {
        self.line.clear();
        print_event(event, &mut self.line)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)
    }

    /// Hands what is buffered to the stream below.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
