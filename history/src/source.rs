//! Where a history comes from, for those who walk through it without holding it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;

use crate::error::ReadError;
use crate::event::Event;
use crate::header::{Header, Key, Value};
use crate::read::History;

/// A history that can be walked through, as often as one likes, in the order of its events.
///
/// Whoever judges takes down what it needs on the first walk and comes back for the evidence of what it found,
/// so that no history needs to fit into memory.
pub trait Source {
    /// What was run. Of a foreign history, what its first walk found out.
    fn header(&self) -> &Header;

    /// How it was written down.
    fn format(&self) -> Format;

    /// What keys and values were called, where they were not numbers of ours. Complete after one whole walk.
    fn names(&self) -> &Names;

    /// Shows every event after the header, a stretch at a time, until the end or until `visit` breaks off.
    fn scan(&mut self, visit: &mut dyn FnMut(&[Event]) -> ControlFlow<()>) -> Result<Scanned, ReadError>;

    /// Shows every event as [`Source::scan`] does, for one who has seen them before and comes back for what some
    /// operations did: of the others what a transaction or a poll did may be left out.
    fn scan_again(
        &mut self,
        wanted: &Wanted<'_>,
        visit: &mut dyn FnMut(&[Event]) -> ControlFlow<()>,
    ) -> Result<Scanned, ReadError> {
        let _ = wanted;
        self.scan(visit)
    }
}

/// Says of an operation's number whether what it did is wanted.
pub type Wanted<'w> = dyn Fn(u64) -> bool + Sync + 'w;

/// What a walk came through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Events shown.
    pub events: u64,
    /// Operations of clients that were left out, since no check knows their kind: of foreign histories only.
    pub skipped: u64,
    /// The last line had no end and was not whole: whoever wrote it was cut off. Not an error.
    pub truncated: bool,
}

/// How a history was written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines of JSON of this crate's [`Event`].
    Tribunal,
    /// Jepsen's EDN: one operation a line, or one vector of them.
    JepsenEdn,
    /// The JSON that elle-cli reads: one operation a line, or one array of them.
    ElleJson,
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Tribunal => "tribunal-history",
            Self::JepsenEdn => "jepsen-edn",
            Self::ElleJson => "elle-json",
        })
    }
}

/// What keys and values of a foreign history were called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// By key. A key beyond the end is called by its number.
    pub keys: Vec<String>,
    /// Of values that were no numbers from 0 on.
    pub values: BTreeMap<Value, String>,
}

impl Names {
    /// What a key was called, where it had a name of its own.
    pub fn key(&self, key: Key) -> Option<&str> {
        self.keys.get(key as usize).map(String::as_str)
    }

    /// A value as its history wrote it.
    pub fn value(&self, value: Value) -> String {
        self.values
            .get(&value)
            .cloned()
            .unwrap_or_else(|| value.to_string())
    }
}

/// A history in memory as a [`Source`].
pub struct MemorySource<'h> {
    history: &'h History,
    names: Names,
}

impl<'h> MemorySource<'h> {
    /// Walks through a history in memory.
    pub fn new(history: &'h History) -> Self {
        Self {
            history,
            names: Names::default(),
        }
    }
}

impl Source for MemorySource<'_> {
    fn header(&self) -> &Header {
        &self.history.header
    }

    fn format(&self) -> Format {
        Format::Tribunal
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[Event]) -> ControlFlow<()>) -> Result<Scanned, ReadError> {
        // Whoever breaks off has seen enough: that is no error.
        let _ = visit(&self.history.events);
        Ok(Scanned {
            events: self.history.events.len() as u64,
            skipped: 0,
            truncated: self.history.truncated,
        })
    }
}
