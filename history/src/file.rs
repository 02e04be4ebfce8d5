//! Histories in files and in bytes, as sources.

use std::ops::ControlFlow;
use std::path::Path;
use std::thread;

use crate::error::ReadError;
use crate::event::Event;
use crate::foreign;
use crate::header::Header;
use crate::read::first_line;
use crate::source::{Format, Names, Scanned, Source, Wanted};
use crate::text::OpenFile;
use crate::walk::walk;

/// What is looked at to tell one format from another.
const FIRST_BYTES: usize = 4 << 10;
/// No header has fewer bytes, whatever its order of keys.
const HEADER_BYTES_MIN: usize = 32;
/// More threads than this, by default, would only wait for the one that looks at the events.
const THREADS: usize = 8;
/// What is read and parsed at once: with its events it stays in a core's own cache.
const BLOCK_BYTES: usize = 256 << 10;

/// Opens a history in a file, whichever of the known formats it has: see [`Source::format`].
pub fn open(path: impl AsRef<Path>) -> Result<Box<dyn Source>, ReadError> {
    let path = path.as_ref();
    let first_bytes = OpenFile::open(path)?.first_bytes(FIRST_BYTES)?;
    let ours = |ours: FileSource| -> Box<dyn Source> { Box::new(ours) };
    match foreign::sniff(&first_bytes) {
        Some(Format::Tribunal) => FileSource::open(path).map(ours),
        // The order of keys says nothing, so a header of ours may begin otherwise than our writer's.
        Some(format) => match FileSource::open(path) {
            Ok(source) => Ok(ours(source)),
            Err(error @ ReadError::Newer { .. }) => Err(error),
            Err(ReadError::CutOff) if first_bytes.len() < HEADER_BYTES_MIN => Err(ReadError::CutOff),
            Err(_) => foreign::open(path, format),
        },
        None if first_bytes.is_empty() => Err(ReadError::Empty),
        None => Err(ReadError::Unknown),
    }
}

/// How a history is read: how much at once, and by how many threads. It makes no difference to what is read.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Bytes that a thread reads and parses at once: from 1 to 16 million, or the nearest.
    pub block_bytes: usize,
    /// Threads, with the one that looks at the events: from 1 to 64, or the nearest.
    pub threads: usize,
}

impl Default for Reading {
    /// By as many threads as the machine has cores.
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            block_bytes: BLOCK_BYTES,
            threads: cores.min(THREADS),
        }
    }
}

/// A history of ours in a file. Reads it anew on each walk, and takes some megabytes whatever its size.
///
/// The file counts as far as it was written when it was opened: a run that goes on is seen as one that was cut off.
pub struct FileSource {
    text: OpenFile,
    opened: Opened,
}

impl FileSource {
    /// Opens a file and reads its header.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        Self::open_with(path, Reading::default())
    }

    /// Opens a file and reads its header; its events are read as `reading` says.
    pub fn open_with(path: impl AsRef<Path>, reading: Reading) -> Result<Self, ReadError> {
        let text = OpenFile::open(path.as_ref())?;
        let mut line = Vec::new();
        let header = first_line(&mut text.lines(), &mut line)?;
        let opened = Opened::new(header, &line, reading);
        Ok(Self { text, opened })
    }
}

/// A history of ours in memory, as bytes.
pub struct BytesSource<'b> {
    text: &'b [u8],
    opened: Opened,
}

impl<'b> BytesSource<'b> {
    /// Reads the header.
    pub fn new(bytes: &'b [u8]) -> Result<Self, ReadError> {
        Self::with(bytes, Reading::default())
    }

    /// Reads the header; the events are read as `reading` says.
    pub fn with(bytes: &'b [u8], reading: Reading) -> Result<Self, ReadError> {
        let mut line = Vec::new();
        let header = first_line(&mut &*bytes, &mut line)?;
        let opened = Opened::new(header, &line, reading);
        Ok(Self { text: bytes, opened })
    }
}

/// What is known of a history once its header was read.
struct Opened {
    header: Header,
    /// Where the first event's line would start.
    start: u64,
    names: Names,
    reading: Reading,
}

impl Opened {
    fn new(header: Header, line: &[u8], reading: Reading) -> Self {
        Self {
            header,
            start: line.len() as u64 + 1,
            names: Names::default(),
            reading,
        }
    }
}

impl Source for FileSource {
    fn header(&self) -> &Header {
        &self.opened.header
    }

    fn format(&self) -> Format {
        Format::Tribunal
    }

    fn names(&self) -> &Names {
        &self.opened.names
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[Event]) -> ControlFlow<()>) -> Result<Scanned, ReadError> {
        walk(&self.text, self.opened.start, self.opened.reading, None, visit)
    }

    fn scan_again(
        &mut self,
        wanted: &Wanted<'_>,
        visit: &mut dyn FnMut(&[Event]) -> ControlFlow<()>,
    ) -> Result<Scanned, ReadError> {
        let Opened { start, reading, .. } = self.opened;
        walk(&self.text, start, reading, Some(wanted), visit)
    }
}

impl Source for BytesSource<'_> {
    fn header(&self) -> &Header {
        &self.opened.header
    }

    fn format(&self) -> Format {
        Format::Tribunal
    }

    fn names(&self) -> &Names {
        &self.opened.names
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[Event]) -> ControlFlow<()>) -> Result<Scanned, ReadError> {
        walk(&self.text, self.opened.start, self.opened.reading, None, visit)
    }

    fn scan_again(
        &mut self,
        wanted: &Wanted<'_>,
        visit: &mut dyn FnMut(&[Event]) -> ControlFlow<()>,
    ) -> Result<Scanned, ReadError> {
        let Opened { start, reading, .. } = self.opened;
        walk(&self.text, start, reading, Some(wanted), visit)
    }
}
