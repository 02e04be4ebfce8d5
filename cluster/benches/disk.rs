//! How fast a node's log is read: a gigabyte of segments, batches of 16 KB, each sum checked.
//!
//! `cargo bench -p cluster --bench disk`. It makes the log in a temporary directory (1 GB) and prints the seconds that it took to
//! read the batches, and those with all records' values, for one thread and for all processors.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use cluster::kafka::disk::{log, names};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::records::{Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType};

const SEGMENTS: u64 = 4;
const SEGMENT_BYTES: u64 = 256 << 20;
/// Records of a batch, …
const RECORDS: u64 = 120;
/// … and the bytes of each one's value.
const VALUE_BYTES: usize = 128;
const ROUNDS: usize = 3;

fn batch(first: u64, compression: Compression) -> Bytes {
    let record = |offset: u64| Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: 3,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset: offset as i64,
        sequence: (offset - first) as i32,
        timestamp: 1_700_000_000_000,
        key: None,
        value: Some(history::payload::encode(offset, VALUE_BYTES).into()),
        headers: IndexMap::new(),
    };
    let records: Vec<Record> = (first..first + RECORDS).map(record).collect();
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions {
        version: 2,
        compression,
    };
    RecordBatchEncoder::encode(&mut bytes, &records, &options).expect("it fits");
    bytes.freeze()
}

/// Writes segments until each has its size. How many records there are, and how many bytes.
fn write(directory: &Path, compression: Compression, segment_bytes: u64) -> (u64, u64) {
    let (mut next, mut all) = (0, 0);
    for _ in 0..SEGMENTS {
        let file = File::create(directory.join(names::segment_name(next as i64))).expect("writable");
        let mut file = BufWriter::with_capacity(1 << 20, file);
        let mut size = 0;
        while size < segment_bytes {
            let bytes = batch(next, compression);
            file.write_all(&bytes).expect("there is room");
            size += bytes.len() as u64;
            next += RECORDS;
        }
        file.flush().expect("there is room");
        all += size;
    }
    (next, all)
}

fn seconds<T>(mut work: impl FnMut() -> T) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            std::hint::black_box(work());
            begun.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}

fn main() {
    let all_threads = std::thread::available_parallelism().map_or(1, usize::from);
    println!("| codec | MB on disk | records | threads | batches, s | and values, s |");
    println!("|---|--:|--:|--:|--:|--:|");
    for (name, compression, share) in [
        ("none", Compression::None, 1),
        ("lz4", Compression::Lz4, 8),
        ("zstd", Compression::Zstd, 16),
    ] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (records, bytes) = write(directory.path(), compression, SEGMENT_BYTES / share);
        for threads in [1, all_threads] {
            let read = || log::read(log::segments(directory.path()).expect("it is a log"), threads);
            let whole = read();
            assert_eq!((whole.end, whole.problems.len()), (records as i64, 0));
            let (batches, values) = (seconds(read), seconds(|| read().values(0, threads).0.len()));
            println!(
                "| {name} | {} | {records} | {threads} | {batches:.2} | {values:.2} |",
                bytes >> 20
            );
        }
    }
}
