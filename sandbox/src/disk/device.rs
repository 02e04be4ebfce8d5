//! The kernel's side of a disk: the device, and the mount in a node's mount namespace.

use std::fs::{File, OpenOptions};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{getegid, geteuid};

use crate::error::{Error, Hint, Result};
use crate::namespaces::errno_of;

/// The device by which the kernel speaks to a file system in user space.
const DEVICE: &str = "/dev/fuse";
/// What the list of mounts calls it.
const SOURCE: &str = "sandbox-disk";

/// Opens the device: no process but ours must ever get it, since the disk lives while it is open.
pub(crate) fn open() -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(DEVICE)
        .map_err(|error| {
            let errno = errno_of(&error);
            Error::FuseDevice {
                detail: std::fs::metadata(DEVICE).map_or_else(
                    |_| String::new(),
                    |found| format!(" (mode {:03o})", found.permissions().mode() & 0o777),
                ),
                errno,
                hint: hint(errno),
            }
        })
}

fn hint(errno: Errno) -> Hint {
    Hint(Some(
        match errno {
            Errno::ENOENT | Errno::ENODEV | Errno::ENXIO => {
                "`sudo modprobe fuse`; in a container start it with `--device /dev/fuse`"
            }
            _ => "`sudo chmod 0666 /dev/fuse`, or run as root; in a container start it with `--device /dev/fuse`",
        }
        .to_owned(),
    ))
}

/// Mounts a file system there, for this mount namespace alone; who has the device serves it.
pub(crate) fn mount_at(target: &Path) -> Result<OwnedFd> {
    let device = open()?;
    let options = format!(
        "fd={},rootmode=40000,user_id={},group_id={}",
        device.as_raw_fd(),
        geteuid(),
        getegid()
    );
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOATIME;
    mount(Some(SOURCE), target, Some("fuse"), flags, Some(options.as_str())).map_err(|errno| {
        Error::Mount {
            what: SOURCE.to_owned(),
            target: target.to_owned(),
            errno,
            hint: match errno {
                Errno::ENODEV => Hint(Some("this kernel has no FUSE: `sudo modprobe fuse`".to_owned())),
                _ => Hint(None),
            },
        }
    })?;
    Ok(device.into())
}

/// Has the kernel forget what it holds of a file: what it has written, and nobody maps.
pub(crate) fn drop_cache(path: &Path, flush: bool) {
    let Ok(file) = File::open(path) else { return };
    if flush {
        let flags = libc::SYNC_FILE_RANGE_WRITE | libc::SYNC_FILE_RANGE_WAIT_AFTER;
        // SAFETY: a system call on a descriptor that is open. It writes pages, and syncs nothing.
        unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, flags) };
    }
    let _ = posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
}

/// Takes the mount away at once: what is asked of it fails, and what the kernel holds for it is dropped.
pub(crate) fn tear_off(target: &Path) {
    // Ends the connection; the mount itself may still be in use.
    let _ = umount2(target, MntFlags::MNT_FORCE);
    let _ = umount2(target, MntFlags::MNT_DETACH);
}

/// Takes the mount away once the kernel has written back what it holds.
pub(crate) fn unmount(target: &Path) {
    if umount2(target, MntFlags::empty()).is_err() {
        let _ = umount2(target, MntFlags::MNT_DETACH);
    }
}
