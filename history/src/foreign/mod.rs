//! Histories that others wrote, in and out: Jepsen's EDN and the JSON that elle-cli reads.
//!
//! [`open`] gives a [`Source`] that reads such a history a stretch at a time; [`sniff`] tells which kind a file is.

mod sniff;
mod source;

use std::path::Path;

pub use sniff::sniff;

use crate::read::ReadError;
use crate::source::{Format, Source};

/// Opens a history that was written down in a format of others.
///
/// A file of ours is refused: its own reader is faster and stricter.
pub fn open(path: &Path, format: Format) -> Result<Box<dyn Source>, ReadError> {
    Ok(Box::new(source::ForeignSource::open(path, format)?))
}
