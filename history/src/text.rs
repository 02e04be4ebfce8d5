//! The bytes of a history, wherever they are: read at any place, by several threads at once.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::error::ReadError;

/// Bytes that do not change, though more may be written after them.
pub(crate) trait Text: Sync {
    /// How many bytes there are.
    fn length(&self) -> u64;

    /// Fills the start of a buffer with what stands at a place, and says how much that was.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Fills a buffer with what stands at a place, as far as there is anything.
    fn fill(&self, buffer: &mut [u8], offset: u64) -> Result<usize, ReadError> {
        let there = usize::try_from(self.length().saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(there);
        let mut filled = 0;
        while filled < wanted {
            let place = offset + filled as u64;
            match self.read_at(&mut buffer[filled..wanted], place) {
                Ok(0) => {
                    return Err(ReadError::Shrunk {
                        opened: self.length(),
                        found: place,
                    });
                }
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(filled)
    }
}

impl Text for &[u8] {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let from = usize::try_from(offset).map_or(self.len(), |offset| offset.min(self.len()));
        let read = buffer.len().min(self.len() - from);
        buffer[..read].copy_from_slice(&self[from..from + read]);
        Ok(read)
    }
}

/// A file as long as it was when it was opened: what a live run writes meanwhile is not in it, so that every walk
/// comes through the same events.
pub(crate) struct OpenFile {
    file: File,
    length: u64,
}

impl OpenFile {
    pub(crate) fn open(path: &Path) -> Result<Self, ReadError> {
        // Asked before opening: a pipe would wait for its writer.
        if !std::fs::metadata(path)?.is_file() {
            return Err(ReadError::NotAFile);
        }
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }

    /// Its first bytes, as many as there are.
    pub(crate) fn first_bytes(&self, bytes: usize) -> Result<Vec<u8>, ReadError> {
        let mut first = vec![0; bytes];
        let filled = self.fill(&mut first, 0)?;
        first.truncate(filled);
        Ok(first)
    }

    /// All its bytes, one after the other. Once only.
    pub(crate) fn lines(&self) -> impl BufRead {
        BufReader::new(io::Read::take(&self.file, self.length))
    }
}

impl Text for OpenFile {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
}
