//! What a disk does unasked: writes back what has waited too long, and while reads are hooked, has the kernel forget
//! what it holds of those files.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::Disk;
use super::hooks::Files;

/// How often it looks.
const EVERY: Duration = Duration::from_millis(100);

/// Starts the thread, which ends with the disk.
pub(crate) fn start(disk: &Arc<Disk>, write_back: Duration) -> io::Result<()> {
    let (shared, disk) = (Arc::clone(&disk.shared), Arc::downgrade(disk));
    let keep = move || loop {
        shared.hooks.wait_for_new(EVERY);
        let Some(disk) = disk.upgrade() else { return };
        shared.write_back(write_back);
        for files in shared.hooks.uncached() {
            disk.drop_caches(&files, false);
        }
    };
    thread::Builder::new()
        .name("disk-keeper".to_owned())
        .spawn(keep)
        .map(drop)
}

impl Disk {
    /// Has the kernel forget what it holds of some files, with what it has not written of them first where asked.
    ///
    /// The agent does it: this process must not wait for its own server in the kernel, since it could not be killed
    /// then.
    pub(super) fn drop_caches(&self, files: &Files, flush: bool) {
        let known = self.shared.volume().files();
        let fitting = known
            .into_iter()
            .filter(|(_, name, content)| files.contain(name) && content.size() > 0);
        let paths: Vec<PathBuf> = fitting.map(|(_, name, _)| self.root.join(name)).collect();
        if self.is_mounted() && !paths.is_empty() {
            // Where the node is lost, so is its cache.
            self.line.drop_caches(paths, flush);
        }
    }
}
