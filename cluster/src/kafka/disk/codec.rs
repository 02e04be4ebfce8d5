//! The codecs of record batches, each held to a bound: a batch of a few bytes may say that it is gigabytes.

use std::io::{self, Read};

use flate2::read::GzDecoder;
use zstd::zstd_safe::{DCtx, InBuffer, OutBuffer, ResetDirective, get_error_name};

use super::cursor::{Cursor, Wrong};

/// No batch is taken apart that is longer than this without its codec. Brokers take none of more than a megabyte as
/// they ship, before it is decompressed.
const PLAIN_MAX: usize = 128 << 20;
/// Snappy's longest copy makes 64 bytes of 3, so no block grows more than this.
const SNAPPY_GROWTH_MAX: usize = 22;
/// What the plain bytes begin with and grow by, at least.
const ROOM: usize = 64 << 10;
/// What the Java library for Snappy puts before its blocks: a magic, a version, and the oldest that can read it.
const XERIAL: &[u8; 8] = b"\x82SNAPPY\0";

/// How the records of a batch are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    None,
    /// As one member of a gzip file.
    Gzip,
    /// As blocks of Snappy, or as one.
    Snappy,
    /// As a frame of LZ4.
    Lz4,
    /// As a frame of Zstandard.
    Zstd,
}

impl Codec {
    /// The codec of a batch's attributes; none where Kafka has no such.
    pub(super) fn of(attributes: i16) -> Option<Self> {
        match attributes & 7 {
            0 => Some(Self::None),
            1 => Some(Self::Gzip),
            2 => Some(Self::Snappy),
            3 => Some(Self::Lz4),
            4 => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Its word in Kafka's configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

/// What decompressing needs again and again: a buffer for the plain bytes, and Zstandard's tables.
#[derive(Default)]
pub struct Scratch {
    plain: Vec<u8>,
    zstd: Option<DCtx<'static>>,
}

impl Scratch {
    /// The plain bytes of what a codec made.
    pub(super) fn plain<'scratch>(
        &'scratch mut self,
        codec: Codec,
        packed: &'scratch [u8],
    ) -> Result<&'scratch [u8], Wrong> {
        self.plain.clear();
        let unpacked = match codec {
            Codec::None => return Ok(packed),
            Codec::Gzip => read_all(GzDecoder::new(packed), &mut self.plain),
            Codec::Snappy => snappy(packed, &mut self.plain),
            Codec::Lz4 => lz4(packed, &mut self.plain),
            Codec::Zstd => {
                let context = self.zstd.get_or_insert_with(DCtx::create);
                zstd(context, packed, &mut self.plain)
            }
        };
        unpacked.map_err(|error| format!("its {} does not unpack: {error}", codec.word()))?;
        Ok(&self.plain)
    }
}

fn wrong(error: &io::Error) -> Wrong {
    error.to_string()
}

fn read_all(reader: impl Read, plain: &mut Vec<u8>) -> Result<(), Wrong> {
    let mut bounded = reader.take(PLAIN_MAX as u64 + 1);
    bounded.read_to_end(plain).map_err(|error| wrong(&error))?;
    within(plain.len())
}

fn within(length: usize) -> Result<(), Wrong> {
    if length > PLAIN_MAX {
        return Err(format!("it is longer than {} MiB", PLAIN_MAX >> 20));
    }
    Ok(())
}

fn lz4(packed: &[u8], plain: &mut Vec<u8>) -> Result<(), Wrong> {
    let mut decoder = lz4::Decoder::new(packed).map_err(|error| wrong(&error))?;
    read_all(&mut decoder, plain)?;
    // A frame that is cut short ends without an error until it is asked whether it was whole.
    decoder.finish().1.map_err(|error| wrong(&error))
}

/// Frame by frame, with the same tables for all batches.
fn zstd(context: &mut DCtx<'_>, packed: &[u8], plain: &mut Vec<u8>) -> Result<(), Wrong> {
    let name = |code| get_error_name(code).to_owned();
    context.reset(ResetDirective::SessionOnly).map_err(name)?;
    let mut input = InBuffer::around(packed);
    loop {
        if plain.len() == plain.capacity() {
            within(plain.len() + 1)?;
            plain.reserve(plain.len().max(packed.len()).max(ROOM));
        }
        let room = plain.capacity();
        let mut output = OutBuffer::around_pos(plain, plain.len());
        let wants = context.decompress_stream(&mut output, &mut input).map_err(name)?;
        let (at_end, is_full) = (input.pos() == packed.len(), output.pos() == room);
        match (wants, at_end) {
            (0, true) => return within(plain.len()),
            (_, true) if !is_full => return Err("it is cut short".to_owned()),
            _ => {}
        }
    }
}

fn snappy(packed: &[u8], plain: &mut Vec<u8>) -> Result<(), Wrong> {
    let mut cursor = Cursor::new(packed);
    if !packed.starts_with(XERIAL) {
        return snappy_block(packed, plain);
    }
    cursor.take(XERIAL.len())?;
    cursor.i32()?;
    cursor.i32()?;
    while !cursor.is_empty() {
        let length = cursor.i32()?;
        let length = usize::try_from(length).map_err(|_| format!("a block of {length} bytes"))?;
        snappy_block(cursor.take(length)?, plain)?;
    }
    Ok(())
}

fn snappy_block(packed: &[u8], plain: &mut Vec<u8>) -> Result<(), Wrong> {
    let length = snap::raw::decompress_len(packed).map_err(|error| error.to_string())?;
    if length / SNAPPY_GROWTH_MAX > packed.len() {
        return Err(format!("{length} bytes from {}", packed.len()));
    }
    let start = plain.len();
    within(start.saturating_add(length))?;
    plain.resize(start + length, 0);
    let unpacked = snap::raw::Decoder::new().decompress(packed, &mut plain[start..]);
    unpacked.map(drop).map_err(|error| error.to_string())
}
