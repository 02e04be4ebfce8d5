//! The kernel's requests, one function each: what is asked is done on the [`Shared`] disk, unless a hook has it otherwise.

use std::ffi::OsStr;
use std::fs::{FileTimes, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    KernelConfig, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use nix::fcntl::RenameFlags as Renameat2;
use nix::sys::statvfs::statvfs;
use nix::unistd::{getegid, geteuid};

use super::content::Content;
use super::hooks::{Operation, Verdict};
use super::shared::{Open, Shared};
use super::volume::Ino;

/// How long the kernel may believe what it was told: nobody else changes anything while it is mounted.
const BELIEVED: Duration = Duration::from_secs(3600);
/// The longest write of one request.
const WRITE_MAX: u32 = 1024 * 1024;
/// How many writes and reads of its cache the kernel may have under way.
const BACKGROUND_MAX: u16 = 64;
/// What an opened file is to the kernel: cached, and not flushed because somebody closes it.
const CACHED: FopenFlags = FopenFlags::FOPEN_KEEP_CACHE.union(FopenFlags::FOPEN_NOFLUSH);

/// Serves one mount, from one switching on to the next.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    disk: Arc<Shared>,
    generation: u64,
    uid: u32,
    gid: u32,
}

impl Server {
    pub(crate) fn new(disk: Arc<Shared>, generation: u64) -> Self {
        // Everything belongs to the user who may see it: an owner whom his namespace does not know would be refused.
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        Self {
            disk,
            generation,
            uid,
            gid,
        }
    }

    fn attributes(&self, ino: Ino, found: &Metadata) -> FileAttr {
        let time = |seconds: i64, nanoseconds: i64| {
            SystemTime::UNIX_EPOCH + Duration::new(seconds.max(0) as u64, nanoseconds as u32)
        };
        let modified = time(found.mtime(), found.mtime_nsec());
        FileAttr {
            ino: INodeNo(ino),
            size: found.len(),
            blocks: found.blocks(),
            atime: time(found.atime(), found.atime_nsec()),
            mtime: modified,
            ctime: time(found.ctime(), found.ctime_nsec()),
            crtime: modified,
            kind: if found.is_dir() {
                FileType::Directory
            } else {
                FileType::RegularFile
            },
            perm: (found.mode() & 0o7777) as u16,
            nlink: if found.is_dir() { 2 } else { 1 },
            uid: self.uid,
            gid: self.gid,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }

    /// Does something with the power on.
    fn with_power<T>(&self, work: impl FnOnce(&Shared) -> io::Result<T>) -> io::Result<T> {
        let _power = self.disk.powered(self.generation)?;
        work(&self.disk)
    }

    /// Lets an operation be done as its hooks have it: at once, or later on a thread of its own, so that nobody else
    /// waits for it.
    fn as_judged(
        &self,
        (operation, ino): (Operation, Ino),
        verdict: Verdict,
        work: impl FnOnce(&Self, io::Result<()>) + Send + 'static,
    ) {
        let server = self.clone();
        let job = move || {
            let outcome = server.disk.carry_out(verdict, operation, ino);
            work(&server, outcome);
        };
        if verdict.delay.is_zero() {
            job();
        } else {
            // Where no thread can be had the request is dropped, which answers it with an error.
            let _ = thread::Builder::new().name("disk-wait".to_owned()).spawn(job);
        }
    }

    fn file(&self, handle: FileHandle) -> io::Result<(Ino, Arc<Content>)> {
        match self.disk.opened(handle.0)? {
            Open::File(ino, content) => Ok((ino, content)),
            Open::Directory(_) => Err(io::Error::from_raw_os_error(libc::EISDIR)),
        }
    }

    fn write_now(&self, handle: FileHandle, offset: u64, data: &[u8], sync: bool) -> io::Result<u32> {
        self.with_power(|disk| disk.write(&self.file(handle)?, offset, data, sync))?;
        Ok(data.len() as u32)
    }

    fn make(&self, directory: INodeNo, name: &OsStr, mode: u32, is_directory: bool) -> io::Result<FileAttr> {
        self.with_power(|disk| {
            disk.check_room(directory.0, name)?;
            let (ino, found) = disk.volume().make(directory.0, name, mode, is_directory)?;
            Ok(self.attributes(ino, &found))
        })
    }

    fn create_now(&self, directory: INodeNo, name: &OsStr, mode: u32) -> io::Result<(FileAttr, u64)> {
        self.with_power(|disk| {
            disk.check_room(directory.0, name)?;
            let mut volume = disk.volume();
            let (ino, found) = volume.make(directory.0, name, mode, false)?;
            Ok((self.attributes(ino, &found), disk.open_file(&volume, ino)?))
        })
    }

    fn change(&self, ino: Ino, size: Option<u64>, times: FileTimes, has_times: bool) -> io::Result<FileAttr> {
        self.with_power(|disk| {
            let volume = disk.volume();
            if let Some(size) = size {
                disk.resize(&volume, ino, size)?;
            }
            if has_times {
                OpenOptions::new()
                    .read(true)
                    .open(volume.path(ino)?)?
                    .set_times(times)?;
            }
            Ok(self.attributes(ino, &volume.metadata(ino)?))
        })
    }
}

fn reply_empty(reply: ReplyEmpty, outcome: io::Result<()>) {
    match outcome {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error.into()),
    }
}

fn reply_entry(reply: ReplyEntry, outcome: io::Result<FileAttr>) {
    match outcome {
        Ok(attributes) => reply.entry(&BELIEVED, &attributes, Generation(0)),
        Err(error) => reply.error(error.into()),
    }
}

fn reply_attributes(reply: ReplyAttr, outcome: io::Result<FileAttr>) {
    match outcome {
        Ok(attributes) => reply.attr(&BELIEVED, &attributes),
        Err(error) => reply.error(error.into()),
    }
}

fn reply_open(reply: ReplyOpen, flags: FopenFlags, outcome: io::Result<u64>) {
    match outcome {
        Ok(handle) => reply.opened(FileHandle(handle), flags),
        Err(error) => reply.error(error.into()),
    }
}

fn time_of(time: TimeOrNow) -> SystemTime {
    match time {
        TimeOrNow::SpecificTime(time) => time,
        TimeOrNow::Now => SystemTime::now(),
    }
}

impl Filesystem for Server {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let _ = config.set_max_write(WRITE_MAX);
        let _ = config.set_max_background(BACKGROUND_MAX);
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.with_power(|disk| disk.volume().lookup(parent.0, name));
        reply_entry(reply, found.map(|(ino, found)| self.attributes(ino, &found)));
    }

    fn forget(&self, _: &Request, ino: INodeNo, times: u64) {
        let _ = self.with_power(|disk| {
            disk.volume().forget(ino.0, times);
            Ok(())
        });
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let found = self.with_power(|disk| disk.volume().metadata(ino.0));
        reply_attributes(reply, found.map(|found| self.attributes(ino.0, &found)));
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        _mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        accessed: Option<TimeOrNow>,
        modified: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _handle: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let has_times = accessed.is_some() || modified.is_some();
        let mut times = FileTimes::new();
        if let Some(accessed) = accessed {
            times = times.set_accessed(time_of(accessed));
        }
        if let Some(modified) = modified {
            times = times.set_modified(time_of(modified));
        }
        if size.is_none() {
            return reply_attributes(reply, self.change(ino.0, None, times, has_times));
        }
        let verdict = self.disk.judge(Operation::Write, ino.0, 0..0);
        self.as_judged((Operation::Write, ino.0), verdict, move |server, outcome| {
            reply_attributes(
                reply,
                outcome.and_then(|()| server.change(ino.0, size, times, has_times)),
            );
        });
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, _umask: u32, reply: ReplyEntry) {
        reply_entry(reply, self.make(parent, name, mode, true));
    }

    fn mknod(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        _rdev: u32,
        reply: ReplyEntry,
    ) {
        if mode & libc::S_IFMT == libc::S_IFREG {
            reply_entry(reply, self.make(parent, name, mode, false));
        } else {
            reply.error(Errno::EPERM);
        }
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        match self.create_now(parent, name, mode) {
            Ok((attributes, handle)) => {
                reply.created(&BELIEVED, &attributes, Generation(0), FileHandle(handle), CACHED);
            }
            Err(error) => reply.error(error.into()),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        reply_empty(
            reply,
            self.with_power(|disk| disk.volume().remove(parent.0, name, false)),
        );
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        reply_empty(
            reply,
            self.with_power(|disk| disk.volume().remove(parent.0, name, true)),
        );
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let flags = flags.bits();
        if flags & !Renameat2::RENAME_NOREPLACE.bits() != 0 {
            return reply.error(Errno::EINVAL);
        }
        let rename = |disk: &Shared| {
            disk.volume()
                .rename((parent.0, name), (new_parent.0, new_name), flags == 0)
        };
        reply_empty(reply, self.with_power(rename));
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply_open(
            reply,
            CACHED,
            self.with_power(|disk| disk.open_file(&disk.volume(), ino.0)),
        );
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let verdict = self
            .disk
            .judge(Operation::Read, ino.0, offset..offset + u64::from(size));
        self.as_judged((Operation::Read, ino.0), verdict, move |server, outcome| {
            let read = |disk: &Shared| disk.read(&server.file(handle)?.1, offset, size as usize);
            match outcome.and_then(|()| server.with_power(read)) {
                Ok(data) => reply.data(&data),
                Err(error) => reply.error(error.into()),
            }
        });
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        handle: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        flags: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let sync = flags.0 & libc::O_DSYNC != 0;
        let answer = |reply: ReplyWrite, outcome: io::Result<u32>| match outcome {
            Ok(written) => reply.written(written),
            Err(error) => reply.error(error.into()),
        };
        let bytes = offset..offset + data.len() as u64;
        let verdict = self.disk.judge(Operation::Write, ino.0, bytes);
        if verdict.is_plain() {
            return answer(reply, self.write_now(handle, offset, data, sync));
        }
        let data = data.to_vec();
        self.as_judged((Operation::Write, ino.0), verdict, move |server, outcome| {
            answer(
                reply,
                outcome.and_then(|()| server.write_now(handle, offset, &data, sync)),
            );
        });
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        let closed = self.with_power(|disk| {
            disk.close(handle.0);
            Ok(())
        });
        reply_empty(reply, closed);
    }

    fn fsync(&self, _: &Request, ino: INodeNo, handle: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        let verdict = self.disk.judge(Operation::Sync, ino.0, 0..0);
        self.as_judged((Operation::Sync, ino.0), verdict, move |server, outcome| {
            let sync = |disk: &Shared| {
                disk.sync_file(ino.0, &server.file(handle)?.1);
                Ok(())
            };
            reply_empty(reply, outcome.and_then(|()| server.with_power(sync)));
        });
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let opened = self.with_power(|disk| disk.open_directory(&disk.volume(), ino.0));
        reply_open(reply, FopenFlags::empty(), opened);
    }

    fn readdir(&self, _: &Request, ino: INodeNo, handle: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let entries = self.with_power(|disk| match disk.opened(handle.0)? {
            Open::Directory(entries) => Ok(entries),
            Open::File(..) => Err(io::Error::from_raw_os_error(libc::ENOTDIR)),
        });
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => return reply.error(error.into()),
        };
        // The parent's number is of no use to anybody: the kernel knows its own.
        let dots = [(ino.0, true, OsStr::new(".")), (ino.0, true, OsStr::new(".."))];
        let listed = entries
            .iter()
            .map(|(ino, is_directory, name)| (*ino, *is_directory, name.as_os_str()));
        for (index, (ino, is_directory, name)) in
            dots.into_iter().chain(listed).enumerate().skip(offset as usize)
        {
            let kind = if is_directory {
                FileType::Directory
            } else {
                FileType::RegularFile
            };
            if reply.add(INodeNo(ino), index as u64 + 1, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(&self, _: &Request, _: INodeNo, handle: FileHandle, _: OpenFlags, reply: ReplyEmpty) {
        self.disk.close(handle.0);
        reply.ok();
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        let verdict = self.disk.judge(Operation::Sync, ino.0, 0..0);
        self.as_judged((Operation::Sync, ino.0), verdict, move |server, outcome| {
            let sync = |disk: &Shared| {
                disk.sync_directory(ino.0);
                Ok(())
            };
            reply_empty(reply, outcome.and_then(|()| server.with_power(sync)));
        });
    }

    fn statfs(&self, _: &Request, ino: INodeNo, reply: ReplyStatfs) {
        let found = self.with_power(|disk| Ok((statvfs(&disk.volume().path(ino.0)?)?, disk.hooks.is_full())));
        match found {
            Ok((found, is_full)) => {
                let free = |blocks: u64| if is_full { 0 } else { blocks };
                reply.statfs(
                    found.blocks(),
                    free(found.blocks_free()),
                    free(found.blocks_available()),
                    found.files(),
                    found.files_free(),
                    found.block_size() as u32,
                    found.name_max() as u32,
                    found.fragment_size() as u32,
                );
            }
            Err(error) => reply.error(error.into()),
        }
    }
}
