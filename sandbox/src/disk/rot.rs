//! Bit rot: single bits of what lies on the disk are flipped behind everybody's back.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::Disk;
use super::dice::Dice;
use super::hooks::Files;
use super::unsynced::data_ranges;
use crate::error::Result;

/// How much of a file is looked at, from its end backwards, for where its data ends.
const LOOK: usize = 64 * 1024;

/// A bit that was flipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flip {
    /// The file, below the disk's root.
    pub file: PathBuf,
    /// The byte.
    pub offset: u64,
    /// The bit of it, as a mask.
    pub mask: u8,
    /// What the byte was before.
    pub was: u8,
}

impl Disk {
    /// Flips so many bits in files of a kind, all drawn from a seed, and has the kernel forget what it held of them.
    /// Fewer where there are no such files with data in them. Zeros that a file was filled up with beforehand are let alone.
    pub fn rot(&self, files: &Files, bits: u32, seed: u64) -> Result<Vec<Flip>> {
        self.rot_with(files, bits, seed)
            .map_err(|error| self.failed("flip bits", error))
    }

    /// Flips back those of the bits that are still as they were left; how many.
    pub fn mend(&self, flips: &[Flip]) -> Result<u32> {
        let mut mended = 0;
        for flip in flips {
            match self.mend_one(flip) {
                Ok(true) => mended += 1,
                Ok(false) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(self.failed("flip bits back", error)),
            }
        }
        if mended > 0 {
            self.drop_caches(&Files::any(), false);
        }
        Ok(mended)
    }

    fn rot_with(&self, files: &Files, bits: u32, seed: u64) -> io::Result<Vec<Flip>> {
        let mut dice = Dice::new(seed);
        // What the kernel has not written yet would otherwise be written over it.
        self.drop_caches(files, true);
        let known = self.shared.volume().files();
        let with_data = known
            .into_iter()
            .filter(|(_, name, content)| files.contain(name) && content.size() > 0);
        let candidates: Vec<PathBuf> = with_data.map(|(_, name, _)| name).collect();
        let mut flips: Vec<Flip> = Vec::new();
        let mut tries = 0;
        while flips.len() < bits as usize && !candidates.is_empty() && tries < bits.saturating_mul(4) {
            tries += 1;
            let name = &candidates[dice.below(candidates.len() as u64) as usize];
            let file = self.plain(name)?;
            let Some(end) = end_of_data(&file)? else { continue };
            let (offset, mask) = (dice.below(end), 1_u8 << dice.below(8));
            if flips
                .iter()
                .any(|flip| flip.file == *name && flip.offset == offset)
            {
                continue;
            }
            let was = flip(&file, offset, mask)?;
            flips.push(Flip {
                file: name.clone(),
                offset,
                mask,
                was,
            });
        }
        self.drop_caches(files, false);
        Ok(flips)
    }

    fn mend_one(&self, flipped: &Flip) -> io::Result<bool> {
        let file = self.plain(&flipped.file)?;
        let mut byte = [0];
        if file.read_at(&mut byte, flipped.offset)? == 0 || byte[0] != flipped.was ^ flipped.mask {
            return Ok(false);
        }
        flip(&file, flipped.offset, flipped.mask)?;
        Ok(true)
    }

    fn plain(&self, name: &std::path::Path) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(self.root.join(name))
    }
}

fn flip(file: &File, offset: u64, mask: u8) -> io::Result<u8> {
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset)?;
    file.write_all_at(&[byte[0] ^ mask], offset)?;
    Ok(byte[0])
}

/// Behind the last byte that is not zero.
fn end_of_data(file: &File) -> io::Result<Option<u64>> {
    let size = file.metadata()?.len();
    let mut buffer = vec![0; LOOK];
    for (from, to) in data_ranges(file, 0, size)?.into_iter().rev() {
        let mut end = to;
        while end > from {
            let begin = end.saturating_sub(LOOK as u64).max(from);
            let piece = &mut buffer[..(end - begin) as usize];
            file.read_exact_at(piece, begin)?;
            if let Some(last) = piece.iter().rposition(|byte| *byte != 0) {
                return Ok(Some(begin + last as u64 + 1));
            }
            end = begin;
        }
    }
    Ok(None)
}
