//! What this machine can do, found out by doing it in a process that lives for a moment.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use serde::{Deserialize, Serialize};

use crate::address::Port;
use crate::card;
use crate::cards::Cards;
use crate::entry::{PROBE, SELF};
use crate::error::{EXIT_INFRASTRUCTURE, Error, Result};
use crate::namespaces;
use crate::supervisor::end;

/// How long all of it may take. It takes some 20 ms.
const PROBE_LIMIT: Duration = Duration::from_secs(10);

/// How often the end of the probe is looked for.
const PROBE_INTERVAL: Duration = Duration::from_millis(5);

/// A power of this machine, tried for real.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// Its name, for people.
    pub name: String,
    /// Whether it is there.
    pub ok: bool,
    /// Whether a sandbox needs it. Without the others it does, with less comfort or with fewer faults.
    pub needed: bool,
    /// What was tried and what came of it.
    pub detail: String,
    /// What to do where it is not there.
    pub hint: Option<String>,
}

/// Tries each power in a child of this program, whose `main` must begin with [`crate::entry()`].
pub fn probe() -> Result<Vec<Capability>> {
    let broken = |reason: String| Error::Probe { reason };
    let mut child = Command::new(SELF)
        .arg(PROBE)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| broken(format!("start this program again: {error}")))?;
    let ended = await_end(&mut child).map_err(|error| broken(format!("wait for it: {error}")))?;
    if !ended {
        let _ = child.kill();
        let _ = child.wait();
        return Err(broken(format!("it took longer than {PROBE_LIMIT:?}")));
    }
    let mut text = String::new();
    if let Some(mut output) = child.stdout.take() {
        output
            .read_to_string(&mut text)
            .map_err(|error| broken(format!("read what it found: {error}")))?;
    }
    serde_json::from_str(&text)
        .map_err(|_| broken(format!("it printed {text:?}, which is no list of powers")))
}

/// Whether the child ends in time. What it prints fits into a pipe.
fn await_end(child: &mut Child) -> std::io::Result<bool> {
    let begun = Instant::now();
    while begun.elapsed() < PROBE_LIMIT {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        thread::sleep(PROBE_INTERVAL);
    }
    Ok(false)
}

/// A power to try.
struct Trial {
    name: &'static str,
    needed: bool,
    /// What is tried.
    what: &'static str,
}

const USER: Trial = Trial {
    name: "user namespace",
    needed: true,
    what: "a user namespace, as this user",
};
const MACHINE: Trial = Trial {
    name: "namespaces",
    needed: true,
    what: "mount, pid, network, IPC and host name namespaces",
};
const CARD: Trial = Trial {
    name: "network card",
    needed: true,
    what: "a card",
};
const PROC: Trial = Trial {
    name: "/proc",
    needed: false,
    what: "a /proc that shows the sandbox's processes alone",
};

/// The role: tries everything, prints it as JSON, ends.
pub(crate) fn run() -> ! {
    let mut found = vec![control_group(), fuse()];
    let user = user_namespace();
    let machine = MACHINE.after(&user, namespaces::make_machine);
    let card = if machine.ok {
        network_card()
    } else {
        CARD.after(&machine, || Ok(()))
    };
    let proc = PROC.after(&machine, try_proc);
    found.splice(0..0, [user, machine, card, proc]);
    match serde_json::to_string(&found) {
        Ok(text) => {
            println!("{text}");
            end(0)
        }
        Err(_) => end(EXIT_INFRASTRUCTURE),
    }
}

/// A card of the kind that a sandbox would have; where that is not the better kind, why not.
fn network_card() -> Capability {
    let cards = match Cards::choose() {
        Ok(cards) => cards,
        Err(error) => return CARD.judge(Err(error)),
    };
    let port = Port::node(1);
    let made = cards
        .offer(port)
        .and_then(|offer| cards.create(vec![(port, offer)]))
        .and_then(|_card| card::bring_up(port.card()));
    let mut found = CARD.judge(made);
    if found.ok {
        found.detail = match (cards, card::open_tun()) {
            (Cards::Veth, Err(error)) => {
                let text = error.to_string();
                let reason = text.lines().next().unwrap_or_default();
                format!("one of a pair (veth), with all powers, instead of a TAP card: failed to {reason}")
            }
            (Cards::Veth, Ok(_)) => format!("one of a pair (veth), as {} asks for", Cards::VARIABLE),
            (Cards::Tap, _) => "a TAP card through /dev/net/tun".to_owned(),
        };
    }
    found
}

fn user_namespace() -> Capability {
    if namespaces::privileged() {
        return USER.found(
            true,
            "not needed: this user may make the other namespaces without one",
            None,
        );
    }
    USER.judge(namespaces::become_root())
}

impl Trial {
    /// Tries it, if the power that it builds on is there.
    fn after(&self, before: &Capability, attempt: impl FnOnce() -> Result<()>) -> Capability {
        if before.ok {
            return self.judge(attempt());
        }
        self.found(false, &format!("not tried: it needs {}", before.name), None)
    }

    fn judge(&self, outcome: Result<()>) -> Capability {
        let Err(error) = outcome else {
            return self.found(true, self.what, None);
        };
        let text = error.to_string();
        let (reason, hint) = match text.split_once("\nhint: ") {
            Some((reason, hint)) => (reason, Some(hint.to_owned())),
            None => (text.as_str(), None),
        };
        self.found(false, &format!("failed to {reason}"), hint)
    }

    fn found(&self, ok: bool, detail: &str, hint: Option<String>) -> Capability {
        let (name, detail) = (self.name.to_owned(), detail.to_owned());
        Capability {
            name,
            ok,
            needed: self.needed,
            detail,
            hint,
        }
    }
}

/// Mounts a `/proc` as a member of the new pid namespace, which this process itself is not.
fn try_proc() -> Result<()> {
    // SAFETY: the probe has one thread.
    match unsafe { fork() }.map_err(Error::step("fork"))? {
        ForkResult::Child => end(i32::from(namespaces::mount_proc().is_err())),
        ForkResult::Parent { child } => match waitpid(child, None) {
            Ok(WaitStatus::Exited(_, 0)) => Ok(()),
            _ => Err(Error::Probe {
                reason: "mount it: refused, as in containers that mask parts of it".to_owned(),
            }),
        },
    }
}

fn fuse() -> Capability {
    let path = "/dev/fuse";
    let opened = OpenOptions::new().read(true).write(true).open(path);
    let (ok, detail, hint) = match opened {
        Ok(_) => (true, format!("{path} opens"), None),
        Err(error) => {
            let hint = "`sudo modprobe fuse`, or in a container `--device /dev/fuse`; where it is there, \
                        `sudo chmod 0666 /dev/fuse` or run as root";
            (
                false,
                format!("failed to open {path}: {error}"),
                Some(hint.to_owned()),
            )
        }
    };
    Capability {
        name: "FUSE".to_owned(),
        ok,
        needed: false,
        detail,
        hint,
    }
}

fn control_group() -> Capability {
    let (ok, detail) = match own_group() {
        None => (false, "no cgroup v2 hierarchy is mounted".to_owned()),
        Some(group) => {
            let attempt = group.join(format!("sandbox-probe-{}", std::process::id()));
            match fs::create_dir(&attempt).and_then(|()| fs::remove_dir(&attempt)) {
                Ok(()) => (true, format!("{} can be divided", group.display())),
                Err(error) => (false, format!("failed to divide {}: {error}", group.display())),
            }
        }
    };
    let hint = "run below a delegated one: `systemd-run --user --scope -p Delegate=yes …`, or as root";
    let hint = (!ok).then(|| hint.to_owned());
    Capability {
        name: "cgroup v2".to_owned(),
        ok,
        needed: false,
        detail,
        hint,
    }
}

/// The directory of this process's own group in the cgroup v2 hierarchy.
fn own_group() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mut roots = mounts.lines().filter(|line| line.contains(" - cgroup2 "));
    let root = roots.next()?.split(' ').nth(4)?.to_owned();
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(Path::new(&root).join(path))
}
