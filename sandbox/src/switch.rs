//! An Ethernet switch in user space: the handle through which rules come and go.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::time::{ClockId, clock_gettime};

use crate::address::Port;
use crate::capture::{CaptureReport, CaptureSpec, Recording};
use crate::error::{Error, Result};
use crate::fabric::{Fabric, now};
use crate::rule::{GroupId, Rule};
use crate::score::Deeds;
use crate::stats::{SwitchStats, Totals};
use crate::table::{Group, Layout, Table, check};

/// How long the thread may take until it goes by new rules. A batch of frames takes less than a millisecond.
const ADOPTION_LIMIT: Duration = Duration::from_secs(2);

/// A switch, with a thread of its own that ends with this handle.
#[derive(Debug)]
pub struct Switch {
    shared: Arc<Shared>,
    groups: Mutex<Groups>,
    thread: Option<JoinHandle<()>>,
}

/// What the handle and the thread share. The thread looks at `version` before each batch, and takes the lock only
/// where that changed.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) layout: Layout,
    pub(crate) totals: Totals,
    pub(crate) version: AtomicU64,
    pub(crate) stop: AtomicBool,
    pub(crate) wake: EventFd,
    table: Mutex<Arc<Table>>,
    progress: Mutex<Progress>,
    progressed: Condvar,
    clock: OnceLock<ClockId>,
}

/// How far the thread is.
#[derive(Debug, Default)]
struct Progress {
    adopted: u64,
    ended: Option<String>,
}

/// All groups there ever were; those that are not in force keep what they counted.
#[derive(Debug, Default)]
struct Groups {
    known: BTreeMap<GroupId, Known>,
    recording: Option<Recording>,
}

#[derive(Debug)]
struct Known {
    group: Group,
    in_force: bool,
}

impl Switch {
    /// Starts a switch over these cards; it is live when this returns.
    pub(crate) fn start(cards: Vec<(Port, OwnedFd)>) -> Result<Self> {
        let (ports, cards) = cards.into_iter().unzip();
        let shared = Arc::new(Shared::new(ports)?);
        let fabric = Fabric::new(Arc::clone(&shared), cards).map_err(Error::step("set up the switch"))?;
        let thread = thread::Builder::new()
            .name("switch".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || shared.run(fabric)
            })
            .map_err(|error| Error::SwitchLost {
                detail: format!(": {error}"),
            })?;
        let switch = Self {
            shared,
            groups: Mutex::default(),
            thread: Some(thread),
        };
        switch.publish(&switch.groups())?;
        Ok(switch)
    }

    /// Puts all of these rules in force at one instant. When this returns, every frame that they match fares as they
    /// say.
    pub fn apply(&self, rules: &[Rule]) -> Result<GroupId> {
        self.apply_seeded(rules, 0)
    }

    /// The same; what the rules leave to chance is drawn from this seed, for each rule by itself.
    pub fn apply_seeded(&self, rules: &[Rule], seed: u64) -> Result<GroupId> {
        rules
            .iter()
            .try_for_each(|rule| check(&self.shared.layout, rule))?;
        let mut groups = self.groups();
        let id = GroupId(groups.known.last_key_value().map_or(1, |(last, _)| last.0 + 1));
        let group = Group::new(rules, seed, now());
        groups.known.insert(
            id,
            Known {
                group,
                in_force: true,
            },
        );
        self.publish(&groups)?;
        Ok(id)
    }

    /// Ends the rules of a group at one instant and says what they did; for a group that is ended already, again.
    /// What still waits because of them goes on at once, in its order, and what it waits for because of others it
    /// goes on waiting for.
    pub fn remove(&self, id: GroupId) -> Result<Deeds> {
        let mut groups = self.groups();
        let Some(known) = groups.known.get_mut(&id) else {
            let reason = "there never was such a group".to_owned();
            return Err(Error::Rule {
                rule: format!("group {}", id.0),
                reason,
            });
        };
        let score = Arc::clone(&known.group.score);
        if std::mem::take(&mut known.in_force) {
            known.group.end();
            self.publish(&groups)?;
        }
        Ok(score.read())
    }

    /// What a group has done so far; removed groups keep what they counted.
    pub fn deeds(&self, id: GroupId) -> Option<Deeds> {
        self.groups().known.get(&id).map(|known| known.group.score.read())
    }

    /// Writes what passes on some links into files from now on, until it is ended or the switch is. A capture that
    /// was under way is ended.
    pub fn capture(&self, spec: &CaptureSpec) -> Result<()> {
        let recording = Recording::begin(spec, &self.shared.layout)?;
        let mut groups = self.groups();
        let before = groups.recording.replace(recording);
        self.publish(&groups)?;
        drop(before);
        Ok(())
    }

    /// Ends the capture, and says what is in its files; nothing where there was none.
    pub fn end_capture(&self) -> Result<Option<CaptureReport>> {
        let mut groups = self.groups();
        let Some(recording) = groups.recording.take() else {
            return Ok(None);
        };
        self.publish(&groups)?;
        recording.end().map(Some)
    }

    /// What the switch has done so far.
    pub fn stats(&self) -> SwitchStats {
        self.shared.totals.read(&self.shared.layout, self.shared.cpu())
    }

    fn groups(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compiles the groups in force and waits until the thread goes by them.
    fn publish(&self, groups: &Groups) -> Result<()> {
        let in_force = groups.known.values().filter(|known| known.in_force);
        let capture = groups.recording.as_ref().map(Recording::capture);
        let table = Table::compile(&self.shared.layout, in_force.map(|known| &known.group)).with(capture);
        *lock(&self.shared.table) = Arc::new(table);
        let version = self.shared.version.fetch_add(1, Ordering::AcqRel) + 1;
        self.shared.wake_up();
        self.shared.await_adoption(version)
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.wake_up();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn new(ports: Vec<Port>) -> Result<Self> {
        let layout = Layout::new(ports);
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        Ok(Self {
            totals: Totals::new(&layout),
            layout,
            version: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            wake: EventFd::from_flags(flags).map_err(Error::step("make the switch's event"))?,
            table: Mutex::default(),
            progress: Mutex::default(),
            progressed: Condvar::new(),
            clock: OnceLock::new(),
        })
    }

    /// The body of the thread.
    fn run(&self, fabric: Fabric) {
        let _ = self.clock.set(own_clock());
        let end = Ended(self);
        if let Err(errno) = fabric.run() {
            lock(&self.progress).ended = Some(format!(": {errno}"));
        }
        drop(end);
    }

    /// The newest rules.
    pub(crate) fn table(&self) -> Arc<Table> {
        Arc::clone(&lock(&self.table))
    }

    /// The thread goes by the rules of that version now.
    pub(crate) fn adopted(&self, version: u64) {
        lock(&self.progress).adopted = version;
        self.progressed.notify_all();
    }

    fn wake_up(&self) {
        // It fails only where the counter is full, and then the thread is awake.
        let _ = self.wake.write(1);
    }

    fn await_adoption(&self, version: u64) -> Result<()> {
        let waiting = |progress: &mut Progress| progress.adopted < version && progress.ended.is_none();
        let (progress, _) = self
            .progressed
            .wait_timeout_while(lock(&self.progress), ADOPTION_LIMIT, waiting)
            .unwrap_or_else(PoisonError::into_inner);
        match &progress.ended {
            Some(detail) => Err(Error::SwitchLost {
                detail: detail.clone(),
            }),
            None if progress.adopted < version => Err(Error::TimedOut {
                what: "change the switch's rules".to_owned(),
                limit: ADOPTION_LIMIT,
            }),
            None => Ok(()),
        }
    }

    fn cpu(&self) -> Duration {
        self.clock
            .get()
            .and_then(|&clock| clock_gettime(clock).ok())
            .map_or(Duration::ZERO, Duration::from)
    }
}

/// Tells those who wait that the thread has ended, also where it panicked.
struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        lock(&self.0.progress).ended.get_or_insert_default();
        self.0.progressed.notify_all();
    }
}

/// The clock of this thread's CPU time, which other threads can read too.
fn own_clock() -> ClockId {
    let mut clock = libc::CLOCK_THREAD_CPUTIME_ID;
    // SAFETY: `pthread_self` is this live thread, and `clock` a valid place for the answer.
    unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut clock) };
    ClockId::from_raw(clock)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
