//! As whom a test runs.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

/// An ordinary user's number, and his group's.
const ORDINARY: u32 = 1000;

/// The device behind every card, and its number.
const TUN: &str = "/dev/net/tun";
const TUN_NUMBER: (u64, u64) = (10, 200);

/// As whom a test runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// As whoever started the tests.
    Same,
    /// As an ordinary user, where whoever started them is root.
    Ordinary,
}

impl User {
    /// All that this process can be.
    pub fn all() -> Vec<Self> {
        if nix::unistd::geteuid().is_root() {
            vec![Self::Same, Self::Ordinary]
        } else {
            vec![Self::Same]
        }
    }

    /// What its tests' names begin with.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same if nix::unistd::geteuid().is_root() => "root",
            Self::Same | Self::Ordinary => "user",
        }
    }

    /// This program again, as that user, in a directory that is his.
    pub fn program(self, directory: &Path) -> Command {
        let mut program = Command::new("/proc/self/exe");
        program.current_dir(directory);
        if self == Self::Ordinary {
            chown(directory, Some(ORDINARY), Some(ORDINARY)).expect("root can give a directory away");
            // SAFETY: the driver has one thread, so its child may do what it likes.
            unsafe { program.pre_exec(become_ordinary) };
        }
        program
    }
}

/// Where the device may be opened by root alone, lays one over it that everybody may open, in a mount namespace of its
/// own; then gives root up.
fn become_ordinary() -> io::Result<()> {
    if fs::metadata(TUN).is_ok_and(|node| node.mode() & 0o006 != 0o006) {
        unshare(CloneFlags::CLONE_NEWNS)?;
        mount(
            None::<&str>,
            "/",
            None::<&str>,
            MsFlags::MS_REC | MsFlags::MS_PRIVATE,
            None::<&str>,
        )?;
        mount(
            Some("tmpfs"),
            "/mnt",
            Some("tmpfs"),
            MsFlags::empty(),
            Some("mode=0755"),
        )?;
        let node = "/mnt/tun";
        let mode = Mode::from_bits_truncate(0o666);
        mknod(node, SFlag::S_IFCHR, mode, makedev(TUN_NUMBER.0, TUN_NUMBER.1))?;
        fs::set_permissions(node, std::os::unix::fs::PermissionsExt::from_mode(0o666))?;
        mount(Some(node), TUN, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    }
    setgroups(&[])?;
    let (user, group) = (Uid::from_raw(ORDINARY), Gid::from_raw(ORDINARY));
    setresgid(group, group, group)?;
    setresuid(user, user, user)?;
    Ok(())
}
