//! Control groups: what freezes a node's process, or holds its CPU time down.
//!
//! A sandbox has a home in each hierarchy that it can use: the cgroup v2 one, which freezes (and, where it has the `cpu`
//! controller, limits), and where the kernel keeps `cpu` in a hierarchy of its own (v1), that one too. The first process
//! has them made before there are namespaces, and takes them away when it ends; where it is killed, the janitor does
//! ([`crate::janitor`]), and where both are, the next sandbox finds that nobody holds their locks and does.
//!
//! No frozen process outlives a sandbox: the v2 freezer lets SIGKILL through. (The v1 freezer does not, so it is not used.)

mod hierarchy;
mod node;

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

use hierarchy::Hierarchy;
pub(crate) use hierarchy::Kind;
pub(crate) use node::{GroupsOfNode, Members};

/// What the names of homes begin with.
const NAME: &str = "sandbox-run-";
/// How many names are tried before a hierarchy is given up.
const NAMES_MAX: u32 = 100;
/// How long the processes of a sandbox may take to be gone, once it is over.
const EMPTY_WITHIN: Duration = Duration::from_secs(5);
/// The same for a sandbox that was over before this one began.
const SWEPT_WITHIN: Duration = Duration::from_secs(1);
/// How often it is looked whether they are.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// The homes of this sandbox, known before the conductor was forked.
static HOMES: OnceLock<Homes> = OnceLock::new();

/// The directories of one sandbox, one a hierarchy.
#[derive(Debug, Default)]
pub(crate) struct Homes(Vec<Home>);

/// The same in words, from the process that made them to the one that uses them.
pub(crate) type Places = Vec<(Kind, PathBuf)>;

#[derive(Debug)]
struct Home {
    kind: Kind,
    path: PathBuf,
    /// Held while anybody of this sandbox lives.
    _lock: File,
}

/// Makes homes where this user may, after it has taken away those that nobody holds. The process must have one thread.
pub(crate) fn make() -> Homes {
    let hierarchies = Hierarchy::all();
    for hierarchy in &hierarchies {
        sweep(&hierarchy.path);
    }
    Homes(choose(&hierarchies))
}

/// Takes the homes over that another process made, for this one and those that it forks.
pub(crate) fn adopt(places: Places) -> &'static Homes {
    HOMES.get_or_init(|| {
        let adopt = |(kind, path): (Kind, PathBuf)| {
            let lock = hold(&path).ok()?;
            Some(Home {
                kind,
                path,
                _lock: lock,
            })
        };
        Homes(places.into_iter().filter_map(adopt).collect())
    })
}

/// Of the v2 places the first that limits, or else the first that freezes; of the v1 places the first, where v2 has no
/// limits.
fn choose(hierarchies: &[Hierarchy]) -> Vec<Home> {
    let mut chosen: Vec<Home> = Vec::new();
    for hierarchy in hierarchies {
        let limited = chosen.iter().any(|home| home.kind.limits());
        let frozen = chosen.iter().any(|home| home.kind.freezes());
        let worth = match hierarchy.kind {
            Kind::V2 { .. } => !frozen || hierarchy.kind.limits() && !limited,
            Kind::V1 => !limited,
        };
        if !worth {
            continue;
        }
        let Some(home) = Home::make(hierarchy) else {
            continue;
        };
        if home.kind.freezes() && frozen {
            // The better place of the two.
            chosen.retain(|other| {
                let stays = !other.kind.freezes();
                if !stays {
                    other.end(Instant::now());
                }
                stays
            });
        }
        chosen.push(home);
    }
    chosen
}

impl Home {
    fn make(hierarchy: &Hierarchy) -> Option<Self> {
        let home = (0..NAMES_MAX).find_map(|number| {
            let path = hierarchy
                .path
                .join(format!("{NAME}{}-{number}", std::os::unix::process::parent_id()));
            fs::create_dir(&path).ok()?;
            let lock = hold(&path).ok()?;
            let kind = hierarchy.kind;
            Some(Self {
                kind,
                path,
                _lock: lock,
            })
        })?;
        if home.kind.prepare(&home.path) && home.admits() {
            return Some(home);
        }
        home.end(Instant::now());
        None
    }

    /// Whether a process of this user can be moved there, tried with one.
    fn admits(&self) -> bool {
        let trial = self.path.join("trial");
        if fs::create_dir(&trial).is_err() {
            return false;
        }
        // SAFETY: this process has one thread.
        let admitted = match unsafe { fork() } {
            Ok(ForkResult::Child) => {
                let moved = fs::write(trial.join("cgroup.procs"), "0");
                crate::supervisor::end(i32::from(moved.is_err()))
            }
            Ok(ForkResult::Parent { child }) => matches!(waitpid(child, None), Ok(WaitStatus::Exited(_, 0))),
            Err(_) => false,
        };
        admitted && remove(&trial, Instant::now() + EMPTY_WITHIN).is_ok()
    }

    fn end(&self, until: Instant) {
        let _ = remove(&self.path, until);
    }
}

impl Homes {
    /// Which they are, in words.
    pub(crate) fn places(&self) -> Places {
        self.0.iter().map(|home| (home.kind, home.path.clone())).collect()
    }

    /// Takes the homes away, as soon as nobody lives there any more.
    pub(crate) fn end(&self) {
        let until = Instant::now() + EMPTY_WITHIN;
        for home in &self.0 {
            home.end(until);
        }
    }
}

/// The groups of a node in the homes that there are.
pub(crate) fn of_node(name: &str) -> GroupsOfNode {
    let homes = HOMES.get().map_or(&[][..], |homes| &homes.0);
    let of_kind = |fits: fn(Kind) -> bool| {
        let home = homes.iter().find(|home| fits(home.kind))?;
        let path = home.path.join(name);
        // The home itself is not made again: where it is gone, this sandbox is over, and nobody would take it away.
        match fs::create_dir(&path) {
            // Another sandbox of this process has made it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.ok()?,
        }
        Some((home.kind, path))
    };
    GroupsOfNode {
        freezer: of_kind(Kind::freezes).map(|(_, path)| path),
        limiter: of_kind(Kind::limits),
    }
}

/// Takes away the homes in a place whose sandboxes are gone with all of their processes.
fn sweep(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(NAME) {
            continue;
        }
        let abandoned = File::open(entry.path()).and_then(|home| lock(&home, libc::LOCK_EX));
        if abandoned.is_ok() {
            let _ = remove(&entry.path(), Instant::now() + SWEPT_WITHIN);
        }
    }
}

/// Takes a share of the lock of a home, which keeps others from taking the home away.
fn hold(home: &Path) -> io::Result<File> {
    let file = File::open(home)?;
    lock(&file, libc::LOCK_SH)?;
    Ok(file)
}

/// Takes a lock, or fails where somebody has it.
fn lock(file: &File, kind: i32) -> io::Result<()> {
    // SAFETY: the descriptor is open.
    let locked = unsafe { libc::flock(file.as_raw_fd(), kind | libc::LOCK_NB) };
    nix::errno::Errno::result(locked)
        .map(drop)
        .map_err(io::Error::from)
}

/// Removes a group with all below it, and waits for its processes to be gone, who may still make groups until then. Its files are the
/// kernel's own.
fn remove(group: &Path, until: Instant) -> io::Result<()> {
    loop {
        let entries = match fs::read_dir(group) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                remove(&entry.path(), until)?;
            }
        }
        match fs::remove_dir(group) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) && Instant::now() < until => {
                thread::sleep(LOOK_EVERY);
            }
            outcome => return outcome,
        }
    }
}
