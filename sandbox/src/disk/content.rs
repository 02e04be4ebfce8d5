//! One file: its handle on the backing file while it is open, and what of it is not synced.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::dice::Dice;
use super::unsynced::{Dropped, Unsynced};

/// One file.
#[derive(Debug)]
pub(crate) struct Content {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The backing file, while somebody has the file open.
    handle: Option<Arc<File>>,
    opens: u32,
    unsynced: Unsynced,
}

impl Content {
    /// A file that is on the disk as it is.
    pub(crate) fn durable(size: u64) -> Self {
        let inner = Inner {
            handle: None,
            opens: 0,
            unsynced: Unsynced::none(size),
        };
        Self {
            inner: Mutex::new(inner),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens it, by the path at which it lies now.
    pub(crate) fn open(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.lock();
        if inner.handle.is_none() {
            inner.handle = Some(Arc::new(backing(path)?));
        }
        inner.opens += 1;
        Ok(())
    }

    /// Takes one opening back.
    pub(crate) fn release(&self) {
        let mut inner = self.lock();
        inner.opens = inner.opens.saturating_sub(1);
        if inner.opens == 0 {
            inner.handle = None;
        }
    }

    /// The backing file of an open one.
    pub(crate) fn handle(&self) -> io::Result<Arc<File>> {
        self.lock()
            .handle
            .clone()
            .ok_or_else(|| io::Error::from_raw_os_error(libc::EBADF))
    }

    /// Writes to an open file; how many more pages are kept for it than before.
    pub(crate) fn write(&self, offset: u64, data: &[u8], now: Instant) -> io::Result<u64> {
        let mut inner = self.lock();
        let file = inner
            .handle
            .clone()
            .ok_or_else(|| io::Error::from_raw_os_error(libc::EBADF))?;
        let before = inner.unsynced.pages();
        inner.unsynced.write(&file, offset, data, now)?;
        Ok(inner.unsynced.pages() - before)
    }

    /// Sets the length of a file that lies there.
    pub(crate) fn resize(&self, path: &Path, size: u64, now: Instant) -> io::Result<u64> {
        let mut inner = self.lock();
        let file = inner.file(path)?;
        let before = inner.unsynced.pages();
        inner.unsynced.resize(&file, size, now)?;
        Ok(inner.unsynced.pages() - before)
    }

    /// All of it is on the disk; how many pages were kept for it.
    pub(crate) fn sync(&self) -> u64 {
        let mut inner = self.lock();
        let pages = inner.unsynced.pages();
        inner.unsynced.sync();
        pages
    }

    /// How many old pages are kept for it.
    pub(crate) fn pages(&self) -> u64 {
        self.lock().unsynced.pages()
    }

    pub(crate) fn size(&self) -> u64 {
        self.lock().unsynced.size()
    }

    /// Since when something of it is not on the disk.
    pub(crate) fn unsynced_since(&self) -> Option<Instant> {
        self.lock().unsynced.since()
    }

    /// Undoes what was not synced in a file that lies there. Nothing where all of it was.
    pub(crate) fn lose(&self, path: &Path, torn: Option<&mut Dice>) -> io::Result<Option<Dropped>> {
        let mut inner = self.lock();
        if inner.unsynced.since().is_none() {
            return Ok(None);
        }
        let file = inner.file(path)?;
        inner.unsynced.lose(&file, torn).map(Some)
    }
}

impl Inner {
    fn file(&self, path: &Path) -> io::Result<Arc<File>> {
        self.handle
            .clone()
            .map_or_else(|| backing(path).map(Arc::new), Ok)
    }
}

fn backing(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}
