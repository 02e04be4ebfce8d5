//! What a disk does unasked: writes back what has waited too long, and while reads are hooked, has the kernel forget
//! what it holds of those files.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use fuser::{INodeNo, Notifier};

use super::shared::Shared;

/// How often it looks.
const EVERY: Duration = Duration::from_millis(100);

/// The thread, which ends with this.
#[derive(Debug)]
pub(crate) struct Keeper(Arc<Watch>);

#[derive(Debug, Default)]
struct Watch {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    over: bool,
    notifier: Option<Notifier>,
}

impl Keeper {
    pub(crate) fn start(disk: &Arc<Shared>, write_back: Duration) -> io::Result<Self> {
        let watch = Arc::<Watch>::default();
        let (own, disk) = (Arc::clone(&watch), Arc::downgrade(disk));
        thread::Builder::new()
            .name("disk-keeper".to_owned())
            .spawn(move || own.keep(&disk, write_back))?;
        Ok(Self(watch))
    }

    /// Whose caches are looked after from now on.
    pub(crate) fn watch(&self, notifier: Option<Notifier>) {
        self.0
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .notifier = notifier;
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).over = true;
        self.0.changed.notify_all();
    }
}

impl Watch {
    fn keep(&self, disk: &Weak<Shared>, write_back: Duration) {
        loop {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let waited = self.changed.wait_timeout_while(state, EVERY, |state| !state.over);
            let state = waited.unwrap_or_else(PoisonError::into_inner).0;
            let (over, notifier) = (state.over, state.notifier.clone());
            drop(state);
            let Some(disk) = disk.upgrade() else { return };
            if over {
                return;
            }
            disk.write_back(write_back);
            if let Some(notifier) = notifier {
                drop_caches(&disk, &notifier);
            }
        }
    }
}

/// Has the kernel forget what it holds of the files on which reads are hooked.
pub(crate) fn drop_caches(disk: &Shared, notifier: &Notifier) {
    let uncached = disk.hooks.uncached();
    if uncached.is_empty() {
        return;
    }
    let files = disk.volume().files();
    for (ino, name, _) in files {
        if uncached.iter().any(|files| files.contain(&name)) {
            // The kernel may not know the file, or the mount may be gone.
            let _ = notifier.inval_inode(INodeNo(ino), 0, 0);
        }
    }
}
