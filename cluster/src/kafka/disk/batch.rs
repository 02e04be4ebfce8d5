//! A record batch, as Kafka writes it since 0.11 (its "magic 2"), on disks and on the wire alike.
//!
//! Source: "Message Format" in Kafka's documentation, `DefaultRecordBatch` and `DefaultRecord`.

use history::Offset;

use super::codec::{Codec, Scratch};
use super::cursor::{Cursor, Wrong};

/// Bytes of a batch before those that its length counts: base offset and length.
pub(super) const PREFIX: usize = 12;
/// Where in a batch the magic byte is, in every format.
pub(super) const MAGIC: usize = 16;
/// Where in a batch begins what its sum is of.
const SUMMED: usize = 21;
/// Bytes of a batch without records.
pub(super) const SMALLEST: usize = 61;

/// What a batch says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The offset of its first record.
    pub first: Offset,
    /// The last offset that it takes up.
    pub last: Offset,
    /// Its length in bytes, all of it.
    pub size: u32,
    /// The epoch of the leader that appended it.
    pub epoch: i32,
    /// The sum (CRC-32C) of all that follows the sum itself. The epoch is not in it.
    pub crc: u32,
    /// How its records are compressed.
    pub codec: Codec,
    /// Its records are a marker of the broker's own: the end of a transaction, a change of the quorum's leader.
    pub control: bool,
    /// It belongs to a transaction.
    pub transactional: bool,
    /// Its times are those at which the broker appended, and not the producer's.
    pub log_append_time: bool,
    /// The time of its first record, in milliseconds since 1970.
    pub first_ms: i64,
    /// The latest time of its records.
    pub latest_ms: i64,
    /// The producer's number, −1 without one.
    pub producer: i64,
    /// The producer's epoch.
    pub producer_epoch: i16,
    /// The producer's number of the first record, −1 without one.
    pub sequence: i32,
    /// How many records it holds; compaction may have left fewer than it takes up offsets.
    pub count: u32,
}

impl Header {
    /// Reads a header. The bytes are those of one batch.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Wrong> {
        let mut cursor = Cursor::new(bytes);
        let first = cursor.i64()?;
        let _length = cursor.i32()?;
        let epoch = cursor.i32()?;
        let _magic = cursor.u8()?;
        let crc = cursor.i32()? as u32;
        let attributes = cursor.i16()?;
        let last_delta = cursor.i32()?;
        let (first_ms, latest_ms) = (cursor.i64()?, cursor.i64()?);
        let (producer, producer_epoch, sequence) = (cursor.i64()?, cursor.i16()?, cursor.i32()?);
        let count = cursor.i32()?;
        let last = first
            .checked_add(i64::from(last_delta))
            .filter(|_| last_delta >= 0);
        Ok(Self {
            first,
            last: last.ok_or_else(|| format!("a batch from offset {first} that is {last_delta} longer"))?,
            size: bytes.len() as u32,
            epoch,
            crc,
            codec: Codec::of(attributes).ok_or_else(|| format!("the unknown codec {}", attributes & 7))?,
            log_append_time: attributes & 1 << 3 != 0,
            transactional: attributes & 1 << 4 != 0,
            control: attributes & 1 << 5 != 0,
            first_ms,
            latest_ms,
            producer,
            producer_epoch,
            sequence,
            count: u32::try_from(count).map_err(|_| format!("a batch of {count} records"))?,
        })
    }
}

/// A batch whose sum is right.
#[derive(Clone, Copy)]
pub struct Batch<'bytes> {
    /// What it says of itself.
    pub header: Header,
    /// Where in its file it begins.
    pub position: u64,
    packed: &'bytes [u8],
}

impl<'bytes> Batch<'bytes> {
    /// Takes the bytes of one batch, and checks their sum and header.
    pub(super) fn read(bytes: &'bytes [u8], position: u64) -> Result<Self, Wrong> {
        let header = Header::read(bytes)?;
        let sum = crc32c::crc32c(&bytes[SUMMED..]);
        if sum != header.crc {
            return Err(format!(
                "the sum of the batch at offset {} is {sum:08x}, and it says {:08x}",
                header.first, header.crc
            ));
        }
        Ok(Self {
            header,
            position,
            packed: &bytes[SMALLEST..],
        })
    }

    /// How many of its records have a value that is not empty: all of them are read.
    pub fn count_values(&self, scratch: &mut Scratch) -> Result<u32, String> {
        let mut count = 0;
        self.each(scratch, |record| {
            count += u32::from(record.value.is_some_and(|value| !value.is_empty()));
            Ok(())
        })?;
        Ok(count)
    }

    /// Calls with each of its records, in order.
    pub(super) fn each<'batch>(
        &'batch self,
        scratch: &'batch mut Scratch,
        mut visit: impl FnMut(Record<'batch>) -> Result<(), Wrong>,
    ) -> Result<(), Wrong> {
        let plain = scratch.plain(self.header.codec, self.packed)?;
        let mut cursor = Cursor::new(plain);
        let mut next = self.header.first;
        for number in 0..self.header.count {
            let record = Record::read(&mut cursor, &self.header);
            let record = record.map_err(|wrong| self.wrong(number, &wrong))?;
            if record.offset < next || record.offset > self.header.last {
                return Err(self.wrong(number, &format!("it has the offset {}", record.offset)));
            }
            next = record.offset + 1;
            visit(record).map_err(|wrong| self.wrong(number, &wrong))?;
        }
        if !cursor.is_empty() {
            return Err(format!(
                "{} bytes follow the last record of the batch at offset {}",
                cursor.left(),
                self.header.first
            ));
        }
        Ok(())
    }

    fn wrong(&self, number: u32, wrong: &str) -> Wrong {
        format!(
            "record {number} of the batch at offset {}: {wrong}",
            self.header.first
        )
    }
}

/// A record, as it lies in its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'batch> {
    pub offset: Offset,
    /// In milliseconds since 1970.
    pub written_ms: i64,
    pub key: Option<&'batch [u8]>,
    pub value: Option<&'batch [u8]>,
}

impl<'batch> Record<'batch> {
    fn read(cursor: &mut Cursor<'batch>, header: &Header) -> Result<Self, Wrong> {
        let bytes = cursor.sized()?.ok_or("it has no length")?;
        let mut own = Cursor::new(bytes);
        let _attributes = own.u8()?;
        let later_ms = own.signed()?;
        let offset_delta = own.signed()?;
        let (key, value) = (own.sized()?, own.sized()?);
        for _ in 0..own.signed()? {
            own.sized()?.ok_or("a header without a key")?;
            own.sized()?;
        }
        if !own.is_empty() {
            return Err(format!("{} bytes follow its headers", own.left()));
        }
        let written_ms = if header.log_append_time {
            header.latest_ms
        } else {
            header.first_ms.wrapping_add(later_ms)
        };
        let offset = header.first.checked_add(offset_delta);
        Ok(Self {
            offset: offset.ok_or_else(|| format!("an offset {offset_delta} after its batch's"))?,
            written_ms,
            key,
            value,
        })
    }
}
