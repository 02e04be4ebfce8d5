//! Files of a host, listed, read and written for Tribunal: what is written belongs to the user that the broker runs as.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, chown};
use std::path::Path;

use super::message::Message;
use super::{Owner, number};

/// What one answer holds at most of a file.
const PART_MAX: usize = 8 << 20;

/// Everything below a directory, in the order of a walk: of each `d` or `f`, its path below, its length, and when it changed. A
/// directory that is not there is empty; a file has one line, with no path.
pub(crate) fn list(fields: &[Vec<u8>]) -> io::Result<Message> {
    let [directory] = fields else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let mut found = Message::new();
    let path = Path::new(OsStr::from_bytes(directory));
    if let Ok(data) = fs::metadata(path)
        && data.is_file()
    {
        found.extend(["f".into(), Vec::new(), data.len().to_string().into(), changed(&data)]);
        return Ok(found);
    }
    walk(OsStr::from_bytes(directory).as_ref(), Path::new(""), &mut found)?;
    Ok(found)
}

fn walk(root: &Path, below: &Path, found: &mut Message) -> io::Result<()> {
    let entries = match fs::read_dir(root.join(below)) {
        // A broker that runs deletes as it likes.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = below.join(entry?.file_name());
        let Ok(data) = fs::symlink_metadata(root.join(&path)) else {
            continue;
        };
        let kind = match (data.is_dir(), data.is_file()) {
            (true, _) => "d",
            (_, true) => "f",
            _ => continue,
        };
        found.extend([
            kind.into(),
            path.as_os_str().as_bytes().to_vec(),
            data.len().to_string().into(),
            changed(&data),
        ]);
        if data.is_dir() {
            walk(root, &path, found)?;
        }
    }
    Ok(())
}

fn changed(data: &fs::Metadata) -> Vec<u8> {
    format!("{}.{:09}", data.mtime(), data.mtime_nsec()).into_bytes()
}

/// A part of a file: path, offset, length. Gives how long the part is, and its bytes but for the zeros at its end: much of what a
/// broker has on its disk is room that it may need one day.
pub(crate) fn get(fields: &[Vec<u8>]) -> io::Result<Message> {
    let [path, offset, length] = fields else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let file = fs::File::open(OsStr::from_bytes(path))?;
    let (offset, mut part) = (number(offset)? as u64, vec![0; number(length)?.min(PART_MAX)]);
    let mut filled = 0;
    while filled < part.len() {
        match file.read_at(&mut part[filled..], offset + filled as u64)? {
            0 => break,
            more => filled += more,
        }
    }
    let used = part[..filled].iter().rposition(|&byte| byte != 0).map_or(0, |at| at + 1);
    part.truncate(used);
    Ok(vec![filled.to_string().into(), part])
}

/// Writes a part of a file, and makes what is missing of it: path, offset, mode in decimal, bytes.
pub(crate) fn put(fields: &[Vec<u8>], owner: Owner) -> io::Result<Message> {
    let [path, offset, mode, bytes] = fields else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let path = Path::new(OsStr::from_bytes(path));
    if let Some(parent) = path.parent() {
        make(parent, owner)?;
    }
    let is_new = !path.exists();
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    if is_new {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(number(mode)? as u32);
        file.set_permissions(mode)?;
        give(path, owner)?;
    }
    file.write_all_at(bytes, number(offset)? as u64)?;
    Ok(Message::new())
}

/// Makes a directory, with those above it.
pub(crate) fn make(path: &Path, owner: Owner) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make(parent, owner)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.and_then(|()| give(path, owner)),
    }
}

/// Removes a file or a directory with everything in it; one that is not there is no error.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(data) if data.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn give(path: &Path, owner: Owner) -> io::Result<()> {
    // SAFETY: it cannot fail.
    if unsafe { super::geteuid() } == 0 {
        chown(path, Some(owner.0), Some(owner.1))?;
    }
    Ok(())
}
