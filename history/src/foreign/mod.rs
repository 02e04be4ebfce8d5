//! Histories that others wrote, in and out: Jepsen's EDN and the JSON that elle-cli reads.
//!
//! [`sniff()`] tells which of them a file is, and [`open`] gives a [`Source`] that reads it a stretch at a time. What
//! they call by names gets numbers: keys from 0 on in the order in which they come, values that are no integers
//! from 0 up to 2⁶² get theirs from 2⁶² on, and [`Source::names`] has what they were called.
//!
//! [`write_edn`] and [`write_elle_json`] write any history, ours or theirs, for the checkers of others.
//!
//! Absent on purpose: any judgement. What is odd in a history, such as a completion without an invocation, is for the
//! checks to say. Only text that cannot be understood is an error.

mod edn;
mod export;
mod json;
mod lexer;
mod names;
mod operation;
mod sniff;
mod source;
mod steps;
mod tape;
mod text;
mod walk;
mod window;

use std::path::Path;

pub use export::{ExportError, write_edn, write_elle_json, write_json_lines};
pub use names::NAMED_VALUES;
pub use sniff::sniff;
pub use source::ForeignSource;
pub use steps::NO_OFFSET;

use crate::read::ReadError;
use crate::source::{Format, Source};

/// Opens a history that was written down in a format of others.
///
/// A file of ours is refused: its own reader is faster and stricter.
pub fn open(path: &Path, format: Format) -> Result<Box<dyn Source>, ReadError> {
    Ok(Box::new(ForeignSource::open(path, format)?))
}
