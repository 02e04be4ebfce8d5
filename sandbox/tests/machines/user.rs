//! As whom a test runs.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
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

/// The device behind every disk, and its number.
const FUSE: &str = "/dev/fuse";
const FUSE_NUMBER: (u64, u64) = (10, 229);

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
        match self {
            Self::Same => prepared(directory, || Ok(())),
            Self::Ordinary => {
                give_away(directory);
                prepared(directory, become_ordinary)
            }
        }
    }
}

/// Gives a directory to the ordinary user.
pub fn give_away(directory: &Path) {
    chown(directory, Some(ORDINARY), Some(ORDINARY)).expect("root can give a directory away");
}

/// This program again, in a directory, in a process that was prepared like this.
pub fn prepared(directory: &Path, prepare: fn() -> io::Result<()>) -> Command {
    let mut program = Command::new("/proc/self/exe");
    program.current_dir(directory);
    // SAFETY: the driver has one thread, so its child may do what it likes.
    unsafe { program.pre_exec(prepare) };
    program
}

/// Where the device may be opened by root alone, lays one over it that everybody may open; then gives root up.
fn become_ordinary() -> io::Result<()> {
    if fs::metadata(TUN).is_ok_and(|node| node.mode() & 0o006 != 0o006) {
        own_mounts()?;
        lay_tun(Some(0o666))?;
        lay_fuse()?;
    }
    give_root_up()
}

/// Keeps the mounts that follow to this process and its children.
pub fn own_mounts() -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, flags, None::<&str>)?;
    Ok(())
}

/// Lays an empty directory over the device's, with a device of that mode in it, or none.
pub fn lay_tun(mode: Option<u32>) -> io::Result<()> {
    let none = MsFlags::empty();
    mount(Some("tmpfs"), "/dev/net", Some("tmpfs"), none, Some("mode=0755"))?;
    if let Some(mode) = mode {
        let (major, minor) = TUN_NUMBER;
        mknod(TUN, SFlag::S_IFCHR, Mode::empty(), makedev(major, minor))?;
        fs::set_permissions(TUN, fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Lays a device over that of file systems which everybody may open. It lies where that of cards does: see [`lay_tun`].
fn lay_fuse() -> io::Result<()> {
    let (major, minor) = FUSE_NUMBER;
    let laid = "/dev/net/fuse";
    mknod(laid, SFlag::S_IFCHR, Mode::empty(), makedev(major, minor))?;
    fs::set_permissions(laid, fs::Permissions::from_mode(0o666))?;
    match mount(Some(laid), FUSE, None::<&str>, MsFlags::MS_BIND, None::<&str>) {
        // A machine without it: the tests that need it say so.
        Err(nix::errno::Errno::ENOENT) => Ok(()),
        laid => Ok(laid?),
    }
}

/// Becomes the ordinary user for good.
pub fn give_root_up() -> io::Result<()> {
    setgroups(&[])?;
    let (user, group) = (Uid::from_raw(ORDINARY), Gid::from_raw(ORDINARY));
    setresgid(group, group, group)?;
    setresuid(user, user, user)?;
    Ok(())
}
