//! A node's disk: a FUSE file system over one of its directories, which can lose what was not synced, and fail.
//!
//! It is mounted in the node's own mount namespace, over a plain directory that stays visible to everybody else by the
//! same path, and served from this process. The plain directory always holds what the processes of the node see; beside
//! it the disk keeps what it takes to go back to what they have synced. So reading and writing cost a system call
//! more and nothing else, a process that is killed loses nothing, and a power loss is: nothing is done any more from one
//! instant on, the mount is torn off with all that the kernel holds for it, and what was not synced is undone.
//!
//! What counts as synced: of a file, what was there at its last `fsync`, `fdatasync` or `msync`, or was written with
//! `O_SYNC`; of the names in a directory, what was done before the directory's own last `fsync`, and, unless a loss is
//! [`Loss::strict`], what leads to a file that is synced. What has waited for
//! [`DiskSpec::write_back`] is written back unasked, as by a kernel.
//!
//! The server's own process must never use the mount: it would wait for itself. It sees the plain directory.

mod content;
pub(crate) mod device;
mod dice;
mod hooks;
mod keeper;
mod rot;
mod server;
mod shared;
#[cfg(test)]
mod tests;
mod unsynced;
mod volume;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fuser::{Config, Session, SessionACL};

use crate::error::{Error, Result};
use crate::node::Line;
use crate::protocol::Request;
use server::Server;
use shared::Shared;
use volume::Volume;

pub use hooks::{Effect, Files, Hook, HookCounts, HookId, Operation, Which};
pub use rot::Flip;

/// How many requests of a node are served at a time, not counting those that a hook delays.
const THREADS: usize = 4;

/// Which directory of each node is a disk of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskSpec {
    /// Its name in the node's directory.
    pub directory: String,
    /// What was not synced is written back after this time.
    pub write_back: Duration,
}

impl DiskSpec {
    /// The age at which Linux writes back what nobody synced.
    pub const WRITE_BACK: Duration = Duration::from_secs(30);
}

/// What a power loss leaves of what was not synced: by default nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// With a seed: some of it, drawn from that. Of each file single sectors of 512 bytes, of the operations on names
    /// the first few.
    pub torn: Option<u64>,
    /// Whether names are gone that their directories' own sync did not bring to the disk. POSIX allows it; the usual
    /// file systems (ext4, XFS, Btrfs) bring the names that lead to a file to the disk with the file.
    pub strict: bool,
}

/// What a power loss took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Files that were not synced.
    pub files: u64,
    /// Bytes that had been written behind their ends; whole pages where there are holes between.
    pub bytes: u64,
    /// Pages that had been overwritten or cut off, and are as before.
    pub pages: u64,
    /// Files and directories made, removed or renamed, and are not.
    pub operations: u64,
}

/// What a disk has done, and what of it is not synced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskStats {
    /// Reads that the kernel's cache did not answer.
    pub reads: u64,
    /// Writes.
    pub writes: u64,
    /// Their bytes.
    pub bytes_written: u64,
    /// Files and directories synced.
    pub syncs: u64,
    /// Files written back unasked.
    pub files_written_back: u64,
    /// Files that are not synced.
    pub unsynced_files: u64,
    /// Operations on names that are not synced.
    pub unsynced_operations: u64,
    /// Old pages kept in memory for the case that the power fails.
    pub pages_kept: u64,
}

/// The disk of a node. Every call may be made from any thread.
pub struct Disk {
    node: u32,
    /// The mount point, and for everybody else the plain directory.
    root: PathBuf,
    /// Where what was removed lies until that is synced.
    aside: PathBuf,
    line: Arc<Line>,
    shared: Arc<Shared>,
    mounted: Mutex<bool>,
}

impl fmt::Debug for Disk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = self.root.display();
        formatter
            .debug_struct("Disk")
            .field("node", &self.node)
            .field("root", &format_args!("{root}"))
            .finish_non_exhaustive()
    }
}

impl Disk {
    /// Mounts it on the node.
    pub(crate) fn attach(node: u32, home: &Path, line: &Arc<Line>, spec: &DiskSpec) -> Result<Arc<Self>> {
        let root = home.join(&spec.directory);
        let aside = home.join(format!("{}.removed", spec.directory));
        let in_file = |source| Error::File {
            path: root.clone(),
            source,
        };
        std::fs::create_dir_all(&root).map_err(in_file)?;
        let shared = Arc::new(Shared::new(Volume::load(&root, &aside).map_err(in_file)?));
        let disk = Arc::new(Self {
            node,
            root,
            aside,
            line: Arc::clone(line),
            shared,
            mounted: Mutex::new(false),
        });
        disk.mount()?;
        keeper::start(&disk, spec.write_back).map_err(|error| disk.failed("start its thread", error))?;
        Ok(disk)
    }

    /// Whether it has power.
    pub fn is_on(&self) -> bool {
        self.shared.is_on()
    }

    /// The power fails: from this instant on nothing is read, written or synced. Whether there was power.
    pub fn cut(&self) -> bool {
        self.shared.cut()
    }

    /// What the power loss took: undoes what was not synced. No process of the node may use the disk any more; what
    /// the kernel still holds for it is dropped.
    pub fn lose(&self, how: Loss) -> Result<Lost> {
        self.cut();
        self.unmount(true)?;
        self.shared
            .lose(how)
            .map_err(|error| self.failed("undo what was not synced", error))
    }

    /// The power is back: mounts it again, with what is on it. Nothing to do where there is power. Where nobody
    /// has said how much the power loss took, it took everything.
    pub fn restore(&self) -> Result<()> {
        if self.is_on() {
            return Ok(());
        }
        self.lose(Loss::default())?;
        self.remount(true)
    }

    /// Takes notice of what somebody else did to the plain directory while no process used the disk: that is on the
    /// disk then, as all of it is.
    pub fn refresh(&self) -> Result<()> {
        if !self.is_on() || self.shared.volume().is_current() {
            return Ok(());
        }
        self.remount(false)
    }

    /// Puts a fault in force.
    pub fn hook(&self, hook: Hook) -> HookId {
        self.shared.hooks.set(hook)
    }

    /// What a fault has done so far, or did.
    pub fn counts(&self, id: HookId) -> HookCounts {
        self.shared.hooks.counts(id)
    }

    /// Ends a fault, and says what it did. Who waits because of it goes on.
    pub fn unhook(&self, id: HookId) -> HookCounts {
        self.shared.hooks.remove(id)
    }

    /// What it has done so far.
    pub fn stats(&self) -> DiskStats {
        self.shared.stats()
    }

    /// Everything is on the disk.
    pub fn sync_all(&self) {
        self.shared.write_back(Duration::ZERO);
    }

    /// Takes it away for good, with what the kernel holds written back first.
    pub(crate) fn detach(&self) {
        let _ = self.unmount(false);
        let _ = std::fs::remove_dir_all(&self.aside);
    }

    fn mounted(&self) -> MutexGuard<'_, bool> {
        self.mounted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_mounted(&self) -> bool {
        *self.mounted()
    }

    fn mount(&self) -> Result<()> {
        let device = self.line.mount(&self.root)?;
        let generation = self.shared.switch_on();
        let server = Server::new(Arc::clone(&self.shared), generation);
        let mut config = Config::default();
        config.n_threads = Some(THREADS);
        let session = Session::from_fd(server, device, SessionACL::All, config)
            .map_err(|error| self.failed("greet the kernel", error))?;
        // Its threads end when the mount does, or when this process does.
        session
            .spawn()
            .map_err(|error| self.failed("start its threads", error))?;
        *self.mounted() = true;
        Ok(())
    }

    fn unmount(&self, by_force: bool) -> Result<()> {
        if !std::mem::take(&mut *self.mounted()) {
            return Ok(());
        }
        let directory = self.root.clone();
        self.line.do_it(Request::Unmount { directory, by_force }, || {
            "unmount the disk".to_owned()
        })
    }

    fn remount(&self, by_force: bool) -> Result<()> {
        self.unmount(by_force)?;
        self.cut();
        self.shared
            .reload(&self.root, &self.aside)
            .map_err(|error| self.failed("read what is on it", error))?;
        self.mount()
    }

    fn failed(&self, what: &'static str, source: io::Error) -> Error {
        Error::Disk {
            node: self.node,
            what,
            source,
        }
    }
}
