//! What of one file is not synced: enough to bring back what would be there had the power failed.
//!
//! The backing file holds what the processes see. Beside it lies what they overwrote since the last sync, a page at a
//! time, and the length that the file then had. A sync forgets it; a power loss writes it back.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use nix::errno::Errno;
use nix::unistd::{Whence, lseek};

use super::dice::Dice;

/// What is kept at a time, as a kernel's page cache does.
pub(crate) const PAGE: u64 = 4096;
/// What a disk writes whole or not at all.
pub(crate) const SECTOR: u64 = 512;

/// What was dropped of one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dropped {
    /// Bytes by which it had grown.
    pub bytes: u64,
    /// Pages that had been overwritten or cut off, and are as before.
    pub pages: u64,
}

/// The part of a file that a power loss would undo.
#[derive(Debug)]
pub(crate) struct Unsynced {
    /// Its length now.
    size: u64,
    /// Its length at the last sync.
    durable: u64,
    /// The pages below that length that have changed, as they were. What is missing at a page's end is zeros.
    old: BTreeMap<u64, Box<[u8]>>,
    /// When it first changed after the last sync.
    since: Option<Instant>,
}

impl Unsynced {
    /// A file that is as it is on the disk.
    pub(crate) fn none(size: u64) -> Self {
        Self {
            size,
            durable: size,
            old: BTreeMap::new(),
            since: None,
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn since(&self) -> Option<Instant> {
        self.since
    }

    /// How many pages are kept for it.
    pub(crate) fn pages(&self) -> u64 {
        self.old.len() as u64
    }

    /// All of it is on the disk.
    pub(crate) fn sync(&mut self) {
        *self = Self::none(self.size);
    }

    /// Writes, and keeps what was there.
    pub(crate) fn write(&mut self, file: &File, offset: u64, data: &[u8], now: Instant) -> io::Result<()> {
        let end = offset + data.len() as u64;
        self.keep(file, offset, end.min(self.durable))?;
        self.since.get_or_insert(now);
        let written = file.write_all_at(data, offset);
        // Even a write that failed may have changed some of it.
        self.size = self.size.max(if written.is_ok() {
            end
        } else {
            file.metadata()?.len()
        });
        written
    }

    /// Sets the length, and keeps what that cuts off.
    pub(crate) fn resize(&mut self, file: &File, size: u64, now: Instant) -> io::Result<()> {
        if size == self.size {
            return Ok(());
        }
        for (from, to) in data_ranges(file, size, self.durable.min(self.size))? {
            self.keep(file, from, to)?;
        }
        file.set_len(size)?;
        self.since.get_or_insert(now);
        self.size = size;
        Ok(())
    }

    /// Keeps the pages of this range, unless they are kept already.
    fn keep(&mut self, file: &File, from: u64, to: u64) -> io::Result<()> {
        if from >= to {
            return Ok(());
        }
        for page in from / PAGE..=(to - 1) / PAGE {
            if !self.old.contains_key(&page) {
                let length = PAGE.min(self.durable - page * PAGE);
                self.old.insert(page, read_page(file, page, length)?);
            }
        }
        Ok(())
    }

    /// Undoes all that was not synced; with dice, what luck did not bring to the disk before the power failed.
    pub(crate) fn lose(&mut self, file: &File, torn: Option<&mut Dice>) -> io::Result<Dropped> {
        let dropped = match torn {
            None => self.lose_all(file)?,
            Some(dice) => self.lose_some(file, dice)?,
        };
        *self = Self::none(file.metadata()?.len());
        Ok(dropped)
    }

    fn lose_all(&self, file: &File) -> io::Result<Dropped> {
        // Not what was merely made longer: an index is, and holds nothing there.
        let grown = data_ranges(file, self.durable, self.size)?;
        file.set_len(self.durable)?;
        for (page, old) in &self.old {
            file.write_all_at(old, page * PAGE)?;
        }
        Ok(Dropped {
            bytes: grown.iter().map(|(from, to)| to - from).sum(),
            pages: self.pages(),
        })
    }

    fn lose_some(&self, file: &File, dice: &mut Dice) -> io::Result<Dropped> {
        // Where the file had become shorter, either that reached the disk or not.
        let cut = self.size < self.durable && dice.coin();
        let mut dropped = Dropped::default();
        if self.size < self.durable && !cut {
            file.set_len(self.durable)?;
        }
        for (page, old) in &self.old {
            let mut changed = false;
            for (index, sector) in old.chunks(SECTOR as usize).enumerate() {
                let at = page * PAGE + index as u64 * SECTOR;
                let gone = cut && at >= self.size;
                // What was cut off whole, and is not, is as it was.
                let restored = !cut && at + sector.len() as u64 > self.size;
                if !gone && (restored || dice.coin()) {
                    let length = if cut {
                        (self.size - at).min(sector.len() as u64)
                    } else {
                        sector.len() as u64
                    };
                    file.write_all_at(&sector[..length as usize], at)?;
                    changed = true;
                }
            }
            dropped.pages += u64::from(changed);
        }
        dropped.bytes = self.lose_growth(file, dice)?;
        Ok(dropped)
    }

    /// Of what was written behind the old end each sector survives or is zeros; the file ends with the last survivor.
    fn lose_growth(&self, file: &File, dice: &mut Dice) -> io::Result<u64> {
        if self.size <= self.durable {
            return Ok(0);
        }
        let mut end = self.durable;
        let mut lost = 0;
        for (from, to) in data_ranges(file, self.durable, self.size)? {
            let mut at = from;
            while at < to {
                let next = (at / SECTOR * SECTOR + SECTOR).min(to);
                if dice.coin() {
                    end = next;
                } else {
                    file.write_all_at(&[0; SECTOR as usize][..(next - at) as usize], at)?;
                    lost += next - at;
                }
                at = next;
            }
        }
        file.set_len(end)?;
        Ok(lost)
    }
}

fn read_page(file: &File, page: u64, length: u64) -> io::Result<Box<[u8]>> {
    let mut bytes = vec![0; length as usize].into_boxed_slice();
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], page * PAGE + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

/// The parts of a range that hold data: an index that was made long beforehand is a hole but for its beginning.
pub(crate) fn data_ranges(file: &File, from: u64, to: u64) -> io::Result<Vec<(u64, u64)>> {
    let mut ranges = Vec::new();
    let mut at = from;
    while at < to {
        let Some(data) = seek(file, at, Whence::SeekData)? else {
            break;
        };
        if data >= to {
            break;
        }
        let hole = seek(file, data, Whence::SeekHole)?.unwrap_or(to).min(to);
        ranges.push((data, hole));
        at = hole;
    }
    Ok(ranges)
}

fn seek(file: &File, from: u64, whence: Whence) -> io::Result<Option<u64>> {
    match lseek(file, from as i64, whence) {
        Ok(found) => Ok(Some(found as u64)),
        Err(Errno::ENXIO) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}
