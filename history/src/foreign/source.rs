//! A foreign history as a [`Source`].

use std::fs::File;
use std::io::{self, Read, Seek};
use std::ops::ControlFlow;
use std::path::Path;

use crate::event::Event;
use crate::foreign::edn::Edn;
use crate::foreign::json::Json;
use crate::foreign::names::Numbers;
use crate::foreign::walk::walk;
use crate::header::{Expectation, FORMAT, Header, ProducerPromise, VERSION};
use crate::read::ReadError;
use crate::source::{Format, Names, Scanned, Source};

/// A history that others wrote. It is read anew on each walk, with about a megabyte of memory and what its
/// names need; so a pipe will not do.
pub struct ForeignSource<R> {
    header: Header,
    format: Format,
    numbers: Numbers,
    input: R,
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
        if format == Format::Tribunal {
            let reason = "it is a history of Tribunal's own, which this reader does not know";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason).into());
        }
        Ok(Self {
            header: header(),
            format,
            numbers: Numbers::new(format),
            input,
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
        started: String::new(),
        nodes: Vec::new(),
        topics: Vec::new(),
        expect: Expectation {
            minimum_acknowledged: 0,
            required_faults: Vec::new(),
            without_faults: true,
            producers: ProducerPromise::Idempotent,
            acks: "all".to_owned(),
        },
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
        let input = &mut self.input;
        if self.format == Format::JepsenEdn {
            walk(input, &mut Edn::default(), &mut self.numbers, visit)
        } else {
            walk(input, &mut Json::default(), &mut self.numbers, visit)
        }
    }
}
