//! A foreign history as a [`Source`].

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

use crate::event::Event;
use crate::header::{Expectation, FORMAT, Header, ProducerPromise, VERSION};
use crate::read::ReadError;
use crate::source::{Format, Names, Scanned, Source};

/// A history in a file, read anew on each walk.
pub struct ForeignSource {
    header: Header,
    format: Format,
    names: Names,
    file: File,
}

impl ForeignSource {
    pub fn open(path: &Path, format: Format) -> Result<Self, ReadError> {
        Ok(Self {
            header: header(),
            format,
            names: Names::default(),
            file: File::open(path)?,
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

impl Source for ForeignSource {
    fn header(&self) -> &Header {
        &self.header
    }

    fn format(&self) -> Format {
        self.format
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn scan(&mut self, _visit: &mut dyn FnMut(&[Event]) -> ControlFlow<()>) -> Result<Scanned, ReadError> {
        let _ = &self.file;
        Err(ReadError::Foreign(format!("{} is not read yet", self.format)))
    }
}
