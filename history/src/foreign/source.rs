//! A foreign history as a [`Source`].

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::Path;

use crate::event::Event;
use crate::file::Reading;
use crate::foreign::edn::Edn;
use crate::foreign::json::Json;
use crate::foreign::names::Numbers;
use crate::foreign::walk::walk;
use crate::foreign::window::Window;
use crate::header::{Expectation, FORMAT, Header, VERSION};
use crate::read::ReadError;
use crate::source::{Format, Names, Scanned, Source};

/// A history that others wrote. Reads it anew on each walk, with less than a megabyte of memory beside what its names need.
///
/// It counts as far as it was written when it was opened.
pub struct ForeignSource<R> {
    header: Header,
    format: Format,
    numbers: Numbers,
    input: R,
    /// How long it was when it was opened.
    length: u64,
    window_bytes: usize,
}

impl ForeignSource<File> {
    /// Opens a file.
    pub fn open(path: &Path, format: Format) -> Result<Self, ReadError> {
        Self::new(File::open(path)?, format)
    }
}

impl<R: Read + Seek> ForeignSource<R> {
    /// Reads from anything that can be read from its start again.
    pub fn new(input: R, format: Format) -> Result<Self, ReadError> {
        Self::with(input, format, Reading::default())
    }

    /// As [`ForeignSource::new`], so many bytes at once as `reading` says, but always by one thread.
    pub fn with(mut input: R, format: Format, reading: Reading) -> Result<Self, ReadError> {
        if format == Format::Tribunal {
            let reason = "it is a history of Tribunal's own, which this reader does not know";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason).into());
        }
        Ok(Self {
            header: header(),
            format,
            numbers: Numbers::new(format),
            length: input.seek(SeekFrom::End(0))?,
            input,
            window_bytes: reading.block_bytes,
        })
    }
}

/// A foreign history says nothing of what was promised: it is held to what Jepsen holds one to.
fn header() -> Header {
    Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        plan: String::new(),
        seed: 0,
        broker: String::new(),
        client: None,
        started: String::new(),
        nodes: Vec::new(),
        controllers: Vec::new(),
        zookeepers: Vec::new(),
        topics: Vec::new(),
        expect: Expectation::default(),
    }
}

impl<R: Read + Seek> Source for ForeignSource<R> {
    fn header(&self) -> &Header {
        &self.header
    }

    fn format(&self) -> Format {
        self.format
    }

    fn names(&self) -> &Names {
        self.numbers.names()
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[Event]) -> ControlFlow<()>) -> Result<Scanned, ReadError> {
        self.input.rewind()?;
        let window = Window::new(&mut self.input, self.length, self.window_bytes);
        let numbers = &mut self.numbers;
        if self.format == Format::JepsenEdn {
            walk(window, &mut Edn::default(), numbers, visit)
        } else {
            walk(window, &mut Json::default(), numbers, visit)
        }
    }
}
