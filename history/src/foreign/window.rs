//! The stretch of a file that is being read, and where in the file it stands.

use std::io::{Read, Take};

use memchr::{memchr_iter, memrchr};

use crate::foreign::tape::Bad;
use crate::read::ReadError;

/// A window has room for a mark of byte order.
const WINDOW_BYTES_MIN: usize = 16;
/// A longer operation is none.
const OPERATION_BYTES_MAX: usize = 16 << 20;

/// What UTF-8 files of some editors begin with.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A stretch of a file.
pub struct Window<R> {
    input: Take<R>,
    /// How long the file was when it was opened.
    length: u64,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    over: bool,
    /// The line's number and its first byte's place in the file, of what stands at `bytes[0]`.
    line: u64,
    line_start: u64,
    /// The place in the file of `bytes[0]`.
    offset: u64,
}

impl<R: Read> Window<R> {
    /// A window of so many bytes, which grows where one operation is longer. What stands in the file after its first
    /// `length` bytes is not looked at.
    pub fn new(input: R, length: u64, bytes: usize) -> Self {
        Self {
            input: input.take(length),
            length,
            bytes: vec![0; bytes.clamp(WINDOW_BYTES_MIN, OPERATION_BYTES_MAX)],
            start: 0,
            end: 0,
            over: false,
            line: 1,
            line_start: 0,
            offset: 0,
        }
    }

    /// What is there to look at.
    pub fn text(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Whether the file holds no more than that.
    pub fn is_last(&self) -> bool {
        self.over
    }

    /// Whether the file holds nothing at all.
    pub fn is_of_nothing(&self) -> bool {
        self.over && self.offset == 0 && self.end == 0
    }

    /// The first so many bytes are done with.
    pub fn consume(&mut self, count: usize) {
        self.start += count;
    }

    /// Reads on.
    pub fn fill(&mut self) -> Result<(), ReadError> {
        self.drop_consumed();
        if self.end >= OPERATION_BYTES_MAX {
            let reason = format!("more than {OPERATION_BYTES_MAX} bytes without the end of an operation");
            return Err(self.error(&Bad::new(0, reason)));
        }
        // At least half of it is new text, so that a long operation is not looked at over and over.
        if self.end > self.bytes.len() / 2 {
            self.bytes.resize(self.bytes.len() * 2, 0);
        }
        let first = self.offset == 0 && self.end == 0;
        while self.end < self.bytes.len() && !self.over {
            match self.input.read(&mut self.bytes[self.end..]) {
                Ok(0) => self.over = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        if self.over {
            self.check_length()?;
        }
        if first && self.text().starts_with(MARK) {
            self.start = MARK.len();
        }
        Ok(())
    }

    /// Another walk has seen all of the file: half of it now would be another history.
    fn check_length(&self) -> Result<(), ReadError> {
        let found = self.offset + self.end as u64;
        if found == self.length {
            return Ok(());
        }
        Err(ReadError::Shrunk {
            opened: self.length,
            found,
        })
    }

    fn drop_consumed(&mut self) {
        (self.line, self.line_start) = self.position(self.start);
        self.offset += self.start as u64;
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
    }

    /// The line at a place in `bytes`, and where in the file it begins.
    fn position(&self, place: usize) -> (u64, u64) {
        let before = &self.bytes[..place];
        let lines = memchr_iter(b'\n', before).count() as u64;
        let start = match memrchr(b'\n', before) {
            Some(end) => self.offset + end as u64 + 1,
            None => self.line_start,
        };
        (self.line + lines, start)
    }

    /// What is wrong with the text, by line and column.
    pub fn error(&self, bad: &Bad) -> ReadError {
        let place = (self.start + bad.at).min(self.end);
        let (line, start) = self.position(place);
        let column = self.offset + place as u64 - start + 1;
        ReadError::Line {
            line,
            reason: format!("{} (column {column})", bad.reason),
        }
    }
}
