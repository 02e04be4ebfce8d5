//! Why a history cannot be read: what is wrong, where, and what to do about it.

use std::io;

use thiserror::Error;

use crate::header::VERSION;
use crate::source::Format;

/// Why a history cannot be read. Each text goes on after the file's name: `history.jsonl is empty: …`.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file itself cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// A pipe, a directory or a device.
    #[error("is no regular file: a history is walked through more than once, so save it to a file first")]
    NotAFile,
    /// What was there when it was opened is there no more.
    #[error(
        "has become shorter since it was opened ({found} bytes are left of {opened}): \
         read it again, or a copy of it, when nothing writes to it"
    )]
    Shrunk {
        /// Bytes that were there when it was opened.
        opened: u64,
        /// Bytes that are there now.
        found: u64,
    },
    /// There is nothing in it.
    #[error("is empty: not even a header was written")]
    Empty,
    /// Its only line breaks off: whoever wrote it was cut off before anything happened.
    #[error("breaks off within its header: nothing had happened yet")]
    CutOff,
    /// No format's file begins like this.
    #[error(
        "is no history that can be read: it is neither {}, {} nor {}",
        Format::Tribunal,
        Format::JepsenEdn,
        Format::ElleJson
    )]
    Unknown,
    /// The first line is no header of ours.
    #[error("is not a Tribunal history: line 1 holds no header ({0})")]
    Foreign(String),
    /// A newer Tribunal wrote it.
    #[error("has format version {found}, and this Tribunal reads up to {VERSION}: use a newer one")]
    Newer {
        /// The version in the header.
        found: u32,
    },
    /// A line in the middle cannot be understood.
    #[error("line {line}: {reason}")]
    Line {
        /// Its number, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}
