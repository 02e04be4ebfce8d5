//! The disk behind its server: power, files, hooks and statistics, for whoever serves, steers or keeps it.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use super::content::Content;
use super::hooks::{Hooks, Operation, Verdict};
use super::volume::{Ino, Volume};
use super::{DiskStats, Loss, Lost};

/// More old pages than this are not kept: then the file that has waited longest is written back.
const PAGES_MAX: u64 = 16 * 1024;

/// Whether there is power, and since which switching on.
#[derive(Clone, Copy, Debug)]
struct Power {
    on: bool,
    generation: u64,
}

/// An entry of a directory's listing: number, whether it is a directory, name.
pub(crate) type Entry = (Ino, bool, OsString);

/// A file or a directory that somebody has open.
#[derive(Clone, Debug)]
pub(crate) enum Open {
    File(Ino, Arc<Content>),
    Directory(Arc<Vec<Entry>>),
}

/// The disk.
#[derive(Debug)]
pub(crate) struct Shared {
    power: RwLock<Power>,
    volume: Mutex<Volume>,
    opened: RwLock<HashMap<u64, Open>>,
    handles: AtomicU64,
    pub(crate) hooks: Hooks,
    /// Old pages that are kept, of all files.
    kept: AtomicU64,
    counters: Counters,
}

#[derive(Debug, Default)]
struct Counters {
    reads: AtomicU64,
    writes: AtomicU64,
    written: AtomicU64,
    syncs: AtomicU64,
    written_back: AtomicU64,
}

impl Shared {
    pub(crate) fn new(volume: Volume) -> Self {
        Self {
            power: RwLock::new(Power {
                on: false,
                generation: 0,
            }),
            volume: Mutex::new(volume),
            opened: RwLock::default(),
            handles: AtomicU64::new(1),
            hooks: Hooks::default(),
            kept: AtomicU64::new(0),
            counters: Counters::default(),
        }
    }

    pub(crate) fn volume(&self) -> MutexGuard<'_, Volume> {
        self.volume.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_on(&self) -> bool {
        self.power.read().unwrap_or_else(PoisonError::into_inner).on
    }

    /// Holds the power on while an operation is done. What was asked before it was last switched on fails, as what
    /// is asked without power does.
    pub(crate) fn powered(&self, generation: u64) -> io::Result<RwLockReadGuard<'_, impl Sized>> {
        let power = self.power.read().unwrap_or_else(PoisonError::into_inner);
        if power.on && power.generation == generation {
            Ok(power)
        } else {
            Err(io::Error::from_raw_os_error(libc::EIO))
        }
    }

    /// Nothing is done any more from this instant on. Whether there was power.
    pub(crate) fn cut(&self) -> bool {
        let was_on = {
            let mut power = self.power.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut power.on)
        };
        self.hooks.wake();
        was_on
    }

    /// Switches on; the number that operations from now on must name.
    pub(crate) fn switch_on(&self) -> u64 {
        let mut power = self.power.write().unwrap_or_else(PoisonError::into_inner);
        power.on = true;
        power.generation += 1;
        power.generation
    }

    /// Drops what was not synced. Without power.
    pub(crate) fn lose(&self, how: Loss) -> io::Result<Lost> {
        self.volume().lose(how)
    }

    /// Begins anew with what lies on the disk. Without power.
    pub(crate) fn reload(&self, root: &Path, aside: &Path) -> io::Result<()> {
        let volume = Volume::load(root, aside)?;
        *self.volume() = volume;
        self.opened
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.kept.store(0, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn stats(&self) -> DiskStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let volume = self.volume();
        let files = volume.files();
        DiskStats {
            reads: read(&self.counters.reads),
            writes: read(&self.counters.writes),
            bytes_written: read(&self.counters.written),
            syncs: read(&self.counters.syncs),
            files_written_back: read(&self.counters.written_back),
            unsynced_files: files
                .iter()
                .filter(|(_, _, content)| content.unsynced_since().is_some())
                .count() as u64,
            unsynced_operations: volume.unsynced_operations() as u64,
            pages_kept: read(&self.kept),
        }
    }

    /// What becomes of an operation on these bytes of that file or directory; none where it is on the whole of it.
    pub(crate) fn judge(&self, operation: Operation, ino: Ino, bytes: Range<u64>) -> Verdict {
        if !self.hooks.is_armed() {
            return Verdict::default();
        }
        let name = self.name(ino);
        self.hooks.judge(operation, &name, bytes)
    }

    fn name(&self, ino: Ino) -> PathBuf {
        self.volume().name(ino).unwrap_or_default()
    }

    /// Waits as a verdict says, and then says whether the operation may be done.
    pub(crate) fn carry_out(&self, verdict: Verdict, operation: Operation, ino: Ino) -> io::Result<()> {
        if !verdict.delay.is_zero() {
            let waited = self.hooks.wait(verdict);
            self.hooks.waited(operation, &self.name(ino), waited);
        }
        if verdict.cut {
            self.cut();
        }
        match verdict.error {
            Some(number) => Err(io::Error::from_raw_os_error(number)),
            None => Ok(()),
        }
    }

    /// Whether something of that name may be made there.
    pub(crate) fn check_room(&self, directory: Ino, name: &OsStr) -> io::Result<()> {
        if self.hooks.is_armed() && !self.hooks.has_room(&self.volume().name_in(directory, name)) {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        Ok(())
    }

    pub(crate) fn open_file(&self, volume: &Volume, ino: Ino) -> io::Result<u64> {
        let content = volume.content(ino)?;
        content.open(&volume.path(ino)?)?;
        Ok(self.keep(Open::File(ino, content)))
    }

    pub(crate) fn open_directory(&self, volume: &Volume, ino: Ino) -> io::Result<u64> {
        Ok(self.keep(Open::Directory(Arc::new(volume.list(ino)?))))
    }

    fn keep(&self, open: Open) -> u64 {
        let handle = self.handles.fetch_add(1, Ordering::Relaxed);
        self.opened
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(handle, open);
        handle
    }

    pub(crate) fn opened(&self, handle: u64) -> io::Result<Open> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        opened
            .get(&handle)
            .cloned()
            .ok_or_else(|| io::Error::from_raw_os_error(libc::EBADF))
    }

    pub(crate) fn close(&self, handle: u64) {
        let open = self
            .opened
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&handle);
        if let Some(Open::File(_, content)) = open {
            content.release();
        }
    }

    pub(crate) fn read(&self, content: &Content, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.counters.reads.fetch_add(1, Ordering::Relaxed);
        let file = content.handle()?;
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while filled < length {
            match file.read_at(&mut bytes[filled..], offset + filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    pub(crate) fn write(
        &self,
        (ino, content): &(Ino, Arc<Content>),
        offset: u64,
        data: &[u8],
        sync: bool,
    ) -> io::Result<()> {
        let kept = content.write(offset, data, Instant::now())?;
        self.counters.writes.fetch_add(1, Ordering::Relaxed);
        self.counters
            .written
            .fetch_add(data.len() as u64, Ordering::Relaxed);
        self.kept.fetch_add(kept, Ordering::Relaxed);
        if sync {
            self.sync_file(*ino, content);
        } else if kept > 0 {
            self.make_room();
        }
        Ok(())
    }

    pub(crate) fn resize(&self, volume: &Volume, ino: Ino, size: u64) -> io::Result<()> {
        let kept = volume
            .content(ino)?
            .resize(&volume.path(ino)?, size, Instant::now())?;
        self.kept.fetch_add(kept, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn sync_file(&self, ino: Ino, content: &Content) {
        self.counters.syncs.fetch_add(1, Ordering::Relaxed);
        self.release(content.sync());
        self.volume().sync_names_of(ino);
    }

    pub(crate) fn sync_directory(&self, ino: Ino) {
        self.counters.syncs.fetch_add(1, Ordering::Relaxed);
        self.volume().sync_directory(ino);
    }

    /// Writes back what has waited so long, as a kernel does unasked.
    pub(crate) fn write_back(&self, age: Duration) {
        let power = self.power.read().unwrap_or_else(PoisonError::into_inner);
        let Some(moment) = Instant::now().checked_sub(age) else {
            return;
        };
        if !power.on {
            return;
        }
        let mut volume = self.volume();
        volume.sync_before(moment);
        for (_, _, content) in volume.files() {
            if content.unsynced_since().is_some_and(|since| since < moment) {
                self.written_back(&content);
            }
        }
    }

    /// Where too many old pages are kept, writes back the files that have waited longest.
    fn make_room(&self) {
        if self.kept.load(Ordering::Relaxed) <= PAGES_MAX {
            return;
        }
        let files = self.volume().files();
        let mut waiting: Vec<_> = files
            .iter()
            .filter_map(|(_, _, content)| Some((content.unsynced_since()?, content)))
            .collect();
        waiting.sort_by_key(|(since, _)| *since);
        // Counted anew: files that were removed took theirs with them.
        let mut kept: u64 = waiting.iter().map(|(_, content)| content.pages()).sum();
        for (_, content) in waiting {
            if kept <= PAGES_MAX {
                break;
            }
            kept -= content.pages().min(kept);
            self.written_back(content);
        }
        self.kept.store(kept, Ordering::Relaxed);
    }

    fn written_back(&self, content: &Content) {
        self.counters.written_back.fetch_add(1, Ordering::Relaxed);
        self.release(content.sync());
    }

    /// So many old pages are not kept any more.
    fn release(&self, pages: u64) {
        let less = |kept: u64| Some(kept.saturating_sub(pages));
        let _ = self.kept.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}
