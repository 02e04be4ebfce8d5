//! Segments that real brokers wrote, damaged: each damage is an error with file and place or the log's end, never a panic,
//! and what is whole before it is read all the same.
//!
//! The files below `tests/disks` are node 1's of `kafka_disks`, kept from a run of each version.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cluster::kafka::disk::node::{Contents, Look, Shown};
use cluster::kafka::disk::segment::{Ending, Tail, walk_bytes};
use cluster::kafka::disk::{Damage, Mark, Scratch, log};
use history::Topic;
use proptest::prelude::*;

const VERSIONS: [&str; 2] = ["3.9.2", "4.4.0"];
const CODECS: [&str; 5] = ["gzip", "snappy", "lz4", "zstd", "uncompressed"];

fn disk(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/disks")
        .join(version)
}

/// Every segment of the fixtures.
fn segments() -> Vec<PathBuf> {
    let directories = VERSIONS.iter().flat_map(|version| {
        let topics = CODECS.iter().map(|codec| format!("{codec}-0"));
        topics
            .chain(["__cluster_metadata-0".to_owned()])
            .map(|name| disk(version).join(name))
    });
    directories
        .flat_map(|directory| log::segments(&directory).expect("it is a log"))
        .map(|segment| segment.file)
        .collect()
}

fn walk(bytes: &[u8]) -> (Vec<Mark>, Result<Ending, Damage>) {
    let mut marks = Vec::new();
    let mut scratch = Scratch::default();
    let ended = walk_bytes(Path::new("damaged"), bytes, 0, &mut |batch| {
        batch.count_values(&mut scratch)?;
        marks.push(Mark::of(&batch.header));
        Ok(())
    });
    (marks, ended)
}

fn topics() -> Vec<Topic> {
    let topic = |name: &&str| Topic {
        name: (*name).to_owned(),
        partitions: 1,
        replication_factor: 3,
        min_insync_replicas: 1,
        unclean_election: false,
        config: BTreeMap::new(),
    };
    CODECS.iter().map(topic).collect()
}

fn look(data: &Path) -> Contents {
    let look = Look {
        data,
        root: data,
        topics: &topics(),
        starts: &BTreeMap::new(),
        threads: 1,
    };
    look.read(&mut Shown::default())
}

/// A copy of a fixture's directory.
fn copied(version: &str) -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("writable");
        for entry in fs::read_dir(from).expect("it is there") {
            let path = entry.expect("it can be listed").path();
            let target = to.join(path.file_name().expect("it has one"));
            if path.is_dir() {
                copy(&path, &target);
            } else {
                fs::copy(&path, &target).expect("writable");
            }
        }
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    copy(&disk(version), directory.path());
    directory
}

#[test]
fn what_brokers_wrote_is_whole() {
    for version in VERSIONS {
        let contents = look(&disk(version));
        assert_eq!(contents.problems, Vec::<String>::new(), "{version}");
        assert_eq!(contents.logs.len(), CODECS.len());
        for log in &contents.logs {
            let values: Vec<u64> = log.records.iter().map(|record| record.1).collect();
            assert_eq!(values, (0..200).collect::<Vec<u64>>());
            assert!(log.holes.is_empty());
        }
        let metadata = contents.metadata.expect("it is a controller");
        assert!(metadata.rulings.len() > CODECS.len());
    }
}

#[test]
fn a_segment_that_is_cut_anywhere_ends_with_its_last_whole_batch() {
    for file in segments() {
        let bytes = fs::read(&file).expect("it is there");
        let (whole, ended) = walk(&bytes);
        assert_eq!(
            ended.map(|ended| (ended.bytes, ended.tail)),
            Ok((bytes.len() as u64, Tail::Whole))
        );
        let step = (bytes.len() / 150).max(1);
        for cut in (0..bytes.len()).step_by(step) {
            let (marks, ended) = walk(&bytes[..cut]);
            assert!(whole.starts_with(&marks));
            let ended = ended.unwrap_or_else(|damage| panic!("{} at {cut}: {damage}", file.display()));
            match ended.tail {
                Tail::Whole => assert_eq!(ended.bytes, cut as u64),
                Tail::Cut { there, .. } => assert_eq!(ended.bytes + there, cut as u64),
                Tail::Zeros => panic!("no batch begins with so many zeros"),
            }
        }
    }
}

#[test]
fn zeros_at_the_end_are_no_damage_and_what_follows_them_is() {
    let mut bytes = fs::read(&segments()[0]).expect("it is there");
    let length = bytes.len() as u64;
    bytes.resize(bytes.len() + (3 << 20), 0);
    let (_, ended) = walk(&bytes);
    assert_eq!(
        ended.map(|ended| (ended.bytes, ended.tail)),
        Ok((length, Tail::Zeros))
    );
    bytes.push(7);
    let (_, ended) = walk(&bytes);
    assert_eq!(ended.expect_err("it is damaged").position, length + (3 << 20));
}

#[test]
fn a_length_that_lies_takes_no_memory() {
    let mut bytes = fs::read(&segments()[0]).expect("it is there");
    for length in [i32::MAX, 200 << 20, 1 << 24, 60, 0, -1, i32::MIN] {
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        let (marks, ended) = walk(&bytes);
        assert_eq!(marks, []);
        match ended {
            Err(damage) => assert_eq!(damage.position, 0, "{damage}"),
            Ok(ended) => assert!(matches!(ended.tail, Tail::Cut { .. }), "{length}: {ended:?}"),
        }
    }
}

/// A batch with these records' bytes, compressed, and a right sum.
fn batch(attributes: u8, count: u32, packed: &[u8]) -> Vec<u8> {
    let mut after = vec![0, attributes];
    after.extend(count.saturating_sub(1).to_be_bytes());
    after.extend([0; 16]);
    after.extend([0xff; 14]);
    after.extend(count.to_be_bytes());
    after.extend(packed);
    let mut bytes = vec![0; 8];
    bytes.extend((after.len() as u32 + 9).to_be_bytes());
    bytes.extend([0, 0, 0, 0, 2]);
    bytes.extend(crc32c::crc32c(&after).to_be_bytes());
    bytes.extend(after);
    bytes
}

#[test]
fn what_unpacks_to_far_more_than_it_is_is_damage() {
    use std::io::Write as _;

    let zeros = vec![0; 1 << 20];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut zstd = zstd::stream::write::Encoder::new(Vec::new(), 3).expect("it is a level");
    for _ in 0..160 {
        gzip.write_all(&zeros).expect("memory takes all");
        zstd.write_all(&zeros).expect("memory takes all");
    }
    // One that says that it makes four gigabytes of nothing.
    let snappy = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0];
    let bombs = [
        (1, gzip.finish().expect("memory takes all")),
        (4, zstd.finish().expect("memory takes all")),
        (2, snappy.to_vec()),
    ];
    for (codec, packed) in bombs {
        let (_, ended) = walk(&batch(codec, 1, &packed));
        let damage = ended.expect_err("it is too much");
        assert!(damage.to_string().contains("does not unpack"), "{damage}");
    }
    // So many records in no bytes at all.
    let (_, ended) = walk(&batch(0, i32::MAX as u32, &[]));
    assert!(
        ended
            .expect_err("it lies")
            .what
            .starts_with("record 0 of the batch at offset 0")
    );
}

#[test]
fn old_formats_and_foreign_files_are_named() {
    let error = |bytes: &[u8]| walk(bytes).1.expect_err("it is no segment").to_string();
    // Kafka 0.10: offset, size, sum, magic 1, attributes, time, no key, a value of one byte.
    let old = [
        &[0; 8][..],
        &[0, 0, 0, 23],
        &[1, 2, 3, 4],
        &[1, 0],
        &[0; 8],
        &[0xff; 4],
        &[0, 0, 0, 1],
        b"x",
    ]
    .concat();
    assert!(error(&old).contains("old format 1"), "{}", error(&old));
    assert!(error(b"{\"leaderId\":1,\"leaderEpoch\":2}").starts_with("damaged: at byte 0: no batch"));
    assert!(error(&[0xff; 4096]).contains("no batch"));
}

/// What is done to the files of a disk.
#[derive(Clone, Debug)]
enum Harm {
    Flip(usize, u8),
    Cut(usize),
    Zero(usize, usize),
    Insert(usize, Vec<u8>),
    Repeat(usize, usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    let place = 0..1_000_000_usize;
    prop_oneof![
        (place.clone(), 0..8_u8).prop_map(|(at, bit)| Harm::Flip(at, bit)),
        place.clone().prop_map(Harm::Cut),
        (place.clone(), 0..300_usize).prop_map(|(at, length)| Harm::Zero(at, length)),
        (place.clone(), prop::collection::vec(any::<u8>(), 1..80))
            .prop_map(|(at, bytes)| Harm::Insert(at, bytes)),
        (place, 0..2000_usize).prop_map(|(at, length)| Harm::Repeat(at, length)),
    ]
}

impl Harm {
    fn done_to(&self, bytes: &mut Vec<u8>) {
        let within = |at: usize| at % bytes.len().max(1);
        match *self {
            Self::Flip(at, bit) => {
                let at = within(at);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            Self::Cut(at) => bytes.truncate(within(at)),
            Self::Zero(at, length) => {
                let at = within(at);
                bytes.iter_mut().skip(at).take(length).for_each(|byte| *byte = 0);
            }
            Self::Insert(at, ref more) => {
                let at = within(at);
                bytes.splice(at..at, more.iter().copied());
            }
            Self::Repeat(at, length) => {
                let at = within(at);
                let more: Vec<u8> = bytes[at..].iter().take(length).copied().collect();
                bytes.splice(at..at, more);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..ProptestConfig::default() })]

    /// Only what a sum does not cover may be taken for something else: the place, the length, the epoch.
    #[test]
    fn a_harmed_segment_shows_nothing_that_nobody_wrote(which in 0..1000_usize, harms in prop::collection::vec(harm(), 1..4)) {
        let files = segments();
        let file = &files[which % files.len()];
        let mut bytes = fs::read(file).expect("it is there");
        let (whole, _) = walk(&bytes);
        for harm in &harms {
            harm.done_to(&mut bytes);
        }
        let (marks, ended) = walk(&bytes);
        for mark in marks {
            prop_assert!(whole.iter().any(|known| known.crc == mark.crc), "{mark:?}");
        }
        if let Err(damage) = ended {
            prop_assert!(damage.position <= bytes.len() as u64, "{damage}");
            prop_assert!(damage.to_string().starts_with("damaged: at byte "));
        }
    }

    /// Any file of a disk may be harmed: everything that can be read is, and what cannot is said.
    #[test]
    fn a_harmed_disk_is_read_as_far_as_it_can_be(
        version in 0..VERSIONS.len(), which in 0..1000_usize, harms in prop::collection::vec(harm(), 1..4)
    ) {
        fn files(directory: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(directory).expect("it is there") {
                let path = entry.expect("it can be listed").path();
                if path.is_dir() { files(&path, found) } else { found.push(path) }
            }
        }
        let directory = copied(VERSIONS[version]);
        let mut found = Vec::new();
        files(directory.path(), &mut found);
        found.sort();
        let file = &found[which % found.len()];
        let mut bytes = fs::read(file).expect("it is there");
        for harm in &harms {
            harm.done_to(&mut bytes);
        }
        fs::write(file, &bytes).expect("writable");
        let contents = look(directory.path());
        let name = file.file_name().expect("it has one").to_string_lossy();
        for problem in &contents.problems {
            prop_assert!(problem.contains(&*name) || problem.contains(".log: at byte "), "{problem}");
        }
        prop_assert_eq!(contents.logs.len(), CODECS.len());
        for log in &contents.logs {
            for (_, value, _) in &log.records {
                prop_assert!(*value < 200);
            }
        }
    }
}
