//! What a replica's log holds, from the bytes of a fetch.
//!
//! The protocol lets a fetch end in the middle of a batch, and begin before the offset that was asked for
//! (a batch is sent whole): the first is left for the next fetch, the second is skipped.

use bytes::{Buf as _, Bytes};
use history::{Offset, Value, payload};
use kafka_protocol::records::{Record, RecordBatchDecoder};

use super::wire::WireError;

/// Bytes of a batch before those that its length counts: base offset and length.
const PREFIX: usize = 12;
/// Where in a batch the magic byte is.
const MAGIC: usize = 16;
/// Where in a batch its last offset, relative to its first, is.
const LAST_OFFSET_DELTA: usize = 23;
/// Bytes of a batch without records.
const SMALLEST: usize = 61;

/// The records of some bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Decoded {
    /// `(offset, value, leader epoch of its batch)`, without empty records and markers.
    pub records: Vec<(Offset, Value, i32)>,
    /// The offset after the last whole batch: where the next fetch begins.
    pub next: Offset,
}

/// Decodes the whole batches of a fetch at `from`, leaving out what lies before it or not before `until`.
pub(super) fn decode(mut bytes: Bytes, from: Offset, until: Offset) -> Result<Decoded, WireError> {
    let mut decoded = Decoded {
        records: Vec::new(),
        next: from,
    };
    while let Some(batch) = next_batch(&mut bytes)? {
        let end = batch.end;
        let set = RecordBatchDecoder::decode(&mut batch.bytes.clone())
            .map_err(|error| WireError::Protocol(format!("a batch that ends at {end}: {error:#}")))?;
        for record in &set.records {
            if (from..until).contains(&record.offset) {
                decoded.records.extend(value_of(record));
            }
        }
        decoded.next = decoded.next.max(end);
    }
    Ok(decoded)
}

struct Batch {
    bytes: Bytes,
    /// The offset after its last.
    end: Offset,
}

/// Takes the next batch off the front; `None` where no whole one is left.
fn next_batch(bytes: &mut Bytes) -> Result<Option<Batch>, WireError> {
    if bytes.len() <= MAGIC {
        return Ok(None);
    }
    let mut head = bytes.clone();
    let base = head.get_i64();
    let length = head.get_i32();
    let magic = bytes[MAGIC];
    let size = usize::try_from(length)
        .ok()
        .map(|length| length + PREFIX)
        .filter(|size| *size >= SMALLEST);
    let (2, Some(size)) = (magic, size) else {
        return Err(WireError::Protocol(format!(
            "no batch at offset {base}: magic {magic}, length {length}"
        )));
    };
    if bytes.len() < size {
        return Ok(None);
    }
    let batch = bytes.split_to(size);
    let delta = (&batch[LAST_OFFSET_DELTA..]).get_i32();
    Ok(Some(Batch {
        bytes: batch,
        end: base + i64::from(delta) + 1,
    }))
}

/// What a record carries, unless it is a marker or empty.
fn value_of(record: &Record) -> Option<(Offset, Value, i32)> {
    let value = record.value.as_deref().filter(|_| !record.control)?;
    Some((
        record.offset,
        payload::decode(value)?,
        record.partition_leader_epoch,
    ))
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use kafka_protocol::indexmap::IndexMap;
    use kafka_protocol::records::{Compression, RecordBatchEncoder, RecordEncodeOptions, TimestampType};

    use super::*;

    fn record(offset: Offset, value: &[u8], epoch: i32, control: bool) -> Record {
        Record {
            transactional: control,
            control,
            delete_horizon: false,
            partition_leader_epoch: epoch,
            producer_id: -1,
            producer_epoch: -1,
            timestamp_type: TimestampType::Creation,
            offset,
            sequence: offset as i32,
            timestamp: 1,
            key: None,
            value: Some(Bytes::copy_from_slice(value)),
            headers: IndexMap::new(),
        }
    }

    fn encode(records: &[Record], compression: Compression) -> Bytes {
        let mut bytes = BytesMut::new();
        let options = RecordEncodeOptions {
            version: 2,
            compression,
        };
        RecordBatchEncoder::encode(&mut bytes, records, &options).expect("it fits");
        bytes.freeze()
    }

    /// Offsets 0–2 in epoch 0, 3–4 in epoch 3, each value its offset plus 100.
    fn log(compression: Compression) -> Vec<Bytes> {
        let batch = |offsets: std::ops::Range<i64>, epoch| {
            let records: Vec<Record> = offsets
                .map(|offset| record(offset, &(offset as u64 + 100).to_be_bytes(), epoch, false))
                .collect();
            encode(&records, compression)
        };
        vec![batch(0..3, 0), batch(3..5, 3)]
    }

    fn check(bytes: &[u8], from: Offset, until: Offset, expected: &[(Offset, i32)], next: Offset) {
        let decoded = decode(Bytes::copy_from_slice(bytes), from, until).expect("it is a log");
        let expected = expected
            .iter()
            .map(|(offset, epoch)| (*offset, *offset as u64 + 100, *epoch))
            .collect();
        assert_eq!(
            decoded,
            Decoded {
                records: expected,
                next
            }
        );
    }

    #[test]
    fn every_compression() {
        for compression in [
            Compression::None,
            Compression::Gzip,
            Compression::Snappy,
            Compression::Lz4,
            Compression::Zstd,
        ] {
            check(
                &log(compression).concat(),
                0,
                9,
                &[(0, 0), (1, 0), (2, 0), (3, 3), (4, 3)],
                5,
            );
        }
    }

    #[test]
    fn nothing() {
        check(&[], 7, 9, &[], 7);
    }

    #[test]
    fn what_lies_outside_is_left_out() {
        let bytes = log(Compression::None).concat();
        check(&bytes, 2, 4, &[(2, 0), (3, 3)], 5);
    }

    #[test]
    fn a_batch_that_is_cut_short_is_left_for_the_next_fetch() {
        let batches = log(Compression::Gzip);
        let bytes = batches.concat();
        for end in batches[0].len()..bytes.len() {
            check(&bytes[..end], 0, 9, &[(0, 0), (1, 0), (2, 0)], 3);
        }
        check(&batches[0][..batches[0].len() - 1], 0, 9, &[], 0);
    }

    #[test]
    fn empty_records_and_markers_are_passed_over() {
        let marker = [0, 0, 0, 1, 0, 0];
        let bytes = [
            encode(&[record(0, &[], 0, false)], Compression::None),
            encode(&[record(1, &marker, 0, true)], Compression::None),
            encode(&[record(2, &102_u64.to_be_bytes(), 1, false)], Compression::None),
        ];
        check(&bytes.concat(), 0, 9, &[(2, 1)], 3);
        check(&bytes[..2].concat(), 0, 9, &[], 2);
    }

    #[test]
    fn damage_is_an_error() {
        let whole = log(Compression::None).concat();
        let error = |bytes: Vec<u8>| decode(bytes.into(), 0, 9).expect_err("it is damaged").to_string();
        let mut flipped = whole.clone();
        flipped[70] ^= 1;
        assert!(error(flipped).contains("Cyclic redundancy check failed"));
        let mut old = whole.clone();
        old[MAGIC] = 1;
        assert!(error(old).contains("magic 1"));
        let mut endless = whole;
        endless[8..12].fill(0xff);
        assert!(error(endless).contains("length -1"));
    }

    #[test]
    fn bytes_that_nobody_wrote_show_up_as_such() {
        let bytes = encode(&[record(0, b"hello", 0, false)], Compression::None);
        let decoded = decode(bytes, 0, 9).expect("it is whole");
        assert!(decoded.records[0].1 & payload::FOREIGN != 0);
    }
}
