//! The roles in which one binary runs, told by a hidden first argument.

use std::convert::Infallible;
use std::ffi::{CString, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::unistd::execv;

use crate::error::{Error, Result};
use crate::{agent, probe, supervisor};

/// This program's own image, also where its file was replaced or removed.
pub(crate) const SELF: &str = "/proc/self/exe";

/// Makes the namespaces, with what `reexec` was given as further arguments.
const SUPERVISOR: &str = "__sandbox-supervisor";
/// Makes a node, with the number of its socket as further argument.
pub(crate) const NODE: &str = "__sandbox-node";
/// Tries this machine's powers and prints them.
pub(crate) const PROBE: &str = "__sandbox-probe";

/// Whether this process is the conductor.
static INSIDE: AtomicBool = AtomicBool::new(false);

/// Where [`entry`] found itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entered {
    /// In a process that the user started.
    Outside,
    /// In the conductor, inside of the namespaces.
    Inside {
        /// What [`reexec`] was given, without the program's name. (`std::env::args` shows the hidden role instead.)
        arguments: Vec<OsString>,
    },
}

/// The first call of `main`, while the process has one thread. Hidden roles never return from it, and an error means
/// that the namespaces cannot be had: the process should end with [`crate::EXIT_INFRASTRUCTURE`].
pub fn entry() -> Result<Entered> {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next().as_ref().and_then(|role| role.to_str()) {
        Some(SUPERVISOR) => {
            let arguments = supervisor::supervise(arguments.collect())?;
            INSIDE.store(true, Ordering::Release);
            Ok(Entered::Inside { arguments })
        }
        Some(NODE) => {
            let socket = arguments.next().and_then(|number| number.to_str()?.parse().ok());
            agent::launch(socket.ok_or(Error::NotInside)?)
        }
        Some(PROBE) => probe::run(),
        _ => Ok(Entered::Outside),
    }
}

/// Starts this program again, alone in its process and inside of namespaces of its own; there [`entry`] returns
/// [`Entered::Inside`] with these arguments. The process stays the same, so all of its threads end here: files that
/// are open must be flushed before. Returns on failure only.
pub fn reexec(arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Error {
    match exec(arguments.into_iter().map(Into::into)) {
        Ok(never) => match never {},
        Err(errno) => Error::Process {
            step: "start this program again",
            errno,
        },
    }
}

fn exec(arguments: impl Iterator<Item = OsString>) -> nix::Result<Infallible> {
    let program = std::env::args_os().next().unwrap_or_else(|| OsString::from(SELF));
    let all = [program, OsString::from(SUPERVISOR)].into_iter().chain(arguments);
    let all: std::result::Result<Vec<CString>, _> = all.map(|one| CString::new(one.into_vec())).collect();
    let all = all.map_err(|_| nix::errno::Errno::EINVAL)?;
    let path = CString::new(OsString::from(SELF).as_bytes()).map_err(|_| nix::errno::Errno::EINVAL)?;
    execv(&path, &all)
}

/// Fails outside of the conductor.
pub(crate) fn require_inside() -> Result<()> {
    if INSIDE.load(Ordering::Acquire) {
        Ok(())
    } else {
        Err(Error::NotInside)
    }
}
