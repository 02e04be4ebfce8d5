//! A segment: record batches one after another, as a broker appended them.
//!
//! A segment is read in large pieces and its batches where they lie, so a batch costs its sum and its header. A broker
//! that ends in the middle of an append leaves a batch that is cut short, and one that makes files longer before it
//! writes leaves zeros: both are where the log ends, and are said. Everything else that is no batch is damage.

use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom};
use std::path::Path;

use history::Offset;

use super::batch::{Batch, MAGIC, PREFIX, SMALLEST};
use super::cursor::Wrong;
use super::damage::Damage;

/// How much is read at once.
const PIECE: usize = 1 << 20;
/// No batch is longer. Brokers take none of more than a megabyte as they ship.
const BATCH_MAX: usize = 256 << 20;

/// How a segment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// With its last batch.
    Whole,
    /// With a batch of which so many bytes are missing: the broker was ended while it wrote, or wrote while it was copied.
    Cut {
        /// How many bytes of it there are.
        there: u64,
        /// How many are missing. Where not even its length is there: how many of that.
        missing: u64,
    },
    /// With zeros: it was made longer than what was written.
    Zeros,
}

/// Where what is whole ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// One past the last offset; none where there is no batch.
    pub next: Option<Offset>,
    /// Bytes of whole batches.
    pub bytes: u64,
    /// What follows them.
    pub tail: Tail,
}

/// Walks through the batches of a segment from a place where one begins. What `visit` finds wrong with a batch is damage
/// at that batch.
pub fn walk(
    file: &Path,
    from: u64,
    visit: &mut dyn FnMut(&Batch<'_>) -> Result<(), String>,
) -> Result<Ending, Damage> {
    let mut opened = File::open(file).map_err(|error| Damage::unread(file, 0, &error))?;
    if from > 0 {
        let there = opened.seek(SeekFrom::Start(from));
        there.map_err(|error| Damage::unread(file, from, &error))?;
    }
    walk_bytes(file, opened, from, visit)
}

/// The same of bytes that lie elsewhere. `file` is what damage names.
pub fn walk_bytes(
    file: &Path,
    reader: impl Read,
    from: u64,
    visit: &mut dyn FnMut(&Batch<'_>) -> Result<(), String>,
) -> Result<Ending, Damage> {
    let mut window = Window::new(file, reader, from);
    let mut next = None;
    loop {
        let position = window.position;
        let tail = match step(&mut window, next, visit)? {
            Step::Batch(after) => {
                next = Some(after);
                continue;
            }
            Step::End(tail) => tail,
        };
        return Ok(Ending {
            next,
            bytes: position - from,
            tail,
        });
    }
}

enum Step {
    Batch(Offset),
    End(Tail),
}

fn step<R: Read>(
    window: &mut Window<'_, R>,
    next: Option<Offset>,
    visit: &mut dyn FnMut(&Batch<'_>) -> Result<(), String>,
) -> Result<Step, Damage> {
    let (file, position) = (window.file, window.position);
    let damage = |what: Wrong| Damage::new(file, position, what);
    let there = window.need(MAGIC + 1)?;
    if there == 0 {
        return Ok(Step::End(Tail::Whole));
    }
    let head = window.bytes();
    // Fewer bytes than an offset and a length are the beginning of a batch: high bytes of offsets are zero.
    let is_zero = there >= PREFIX && head[..there.min(MAGIC + 1)].iter().all(|byte| *byte == 0);
    if is_zero {
        return window.zeros().map(|()| Step::End(Tail::Zeros));
    }
    let short = |there: usize, whole: usize| {
        let (there, whole) = (there as u64, whole as u64);
        Ok(Step::End(Tail::Cut {
            there,
            missing: whole - there,
        }))
    };
    if there < PREFIX {
        return short(there, PREFIX);
    }
    let size = batch_size(head, there, next).map_err(damage)?;
    let there = window.need(size)?;
    if there < size {
        return short(there, size);
    }
    let batch = Batch::read(&window.bytes()[..size], position).map_err(damage)?;
    visit(&batch).map_err(damage)?;
    let after = batch.header.last.checked_add(1);
    let after = after.ok_or_else(|| damage("a batch at the last of all offsets".to_owned()))?;
    window.skip(size);
    Ok(Step::Batch(after))
}

/// How long the batch at the front is, as far as its first bytes make sense.
fn batch_size(head: &[u8], there: usize, next: Option<Offset>) -> Result<usize, Wrong> {
    let (first, rest) = head.split_first_chunk::<8>().ok_or("no offset")?;
    let length = *rest.first_chunk::<4>().ok_or("no length")?;
    let (first, length) = (i64::from_be_bytes(*first), i32::from_be_bytes(length));
    if there > MAGIC && head[MAGIC] != 2 {
        return Err(match head[MAGIC] {
            old @ (0 | 1) if length > 0 => {
                format!("a message of the old format {old}, as before Kafka 0.11: it is not read")
            }
            other => format!("no batch: it would be of format {other} and {length} bytes long"),
        });
    }
    if first < next.unwrap_or(0) {
        return Err(format!(
            "a batch at offset {first} where none before {} can be",
            next.unwrap_or(0)
        ));
    }
    let size = usize::try_from(length).map(|length| length + PREFIX);
    match size {
        Ok(size) if (SMALLEST..=BATCH_MAX).contains(&size) => Ok(size),
        _ => Err(format!(
            "a batch at offset {first} that says it is {length} bytes long"
        )),
    }
}

/// A piece of a file. It grows only as far as there are bytes, whatever a length says.
struct Window<'file, R> {
    file: &'file Path,
    reader: R,
    buffer: Vec<u8>,
    /// What of the buffer is filled and not yet passed.
    start: usize,
    end: usize,
    /// Where in the file the start is.
    position: u64,
}

impl<'file, R: Read> Window<'file, R> {
    fn new(file: &'file Path, reader: R, position: u64) -> Self {
        Self {
            file,
            reader,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            position,
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    fn skip(&mut self, length: usize) {
        self.start += length;
        self.position += length as u64;
    }

    /// Reads until so many bytes are there, or the file ends. How many are there.
    fn need(&mut self, length: usize) -> Result<usize, Damage> {
        while self.end - self.start < length {
            if self.end == self.buffer.len() {
                self.make_room();
            }
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Damage::unread(self.file, self.position, &error)),
            }
        }
        Ok(self.end - self.start)
    }

    /// What is left moves to the front; where that is much, the buffer doubles.
    fn make_room(&mut self) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() - self.end < self.end || self.buffer.is_empty() {
            let size = (2 * self.end).max(PIECE);
            self.buffer.resize(size, 0);
        }
    }

    /// Nothing but zeros is left.
    fn zeros(&mut self) -> Result<(), Damage> {
        while self.need(1)? > 0 {
            if let Some(place) = self.bytes().iter().position(|byte| *byte != 0) {
                let position = self.position + place as u64;
                let what = format!("bytes after zeros that begin at byte {}", self.position);
                return Err(Damage::new(self.file, position, what));
            }
            self.skip(self.end - self.start);
        }
        Ok(())
    }
}
