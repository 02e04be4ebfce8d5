//! What is wrong with a file, and where.

use std::path::{Path, PathBuf};

/// Bytes that are not what they should be: always with the file and the place in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: at byte {position}: {what}", file.display())]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// Where in it, in bytes from its start.
    pub position: u64,
    /// What is wrong there.
    pub what: String,
}

impl Damage {
    pub(super) fn new(file: &Path, position: u64, what: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            position,
            what: what.into(),
        }
    }

    /// The system would not read the file.
    pub(super) fn unread(file: &Path, position: u64, error: &std::io::Error) -> Self {
        Self::new(file, position, format!("it cannot be read: {error}"))
    }
}
