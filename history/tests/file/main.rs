//! The file of a history: what is written reads back, and whatever is wrong with one is said by its line.

mod arbitrary;
mod lines;
mod reading;
mod recording;
mod walking;

use history::{
    Event, Expectation, FORMAT, Header, History, HistoryWriter, ReadError, Topic, VERSION, What, read_history,
};

fn header() -> Header {
    Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        plan: "quick".to_owned(),
        seed: 1,
        broker: "kafka-4.4.0".to_owned(),
        client: None,
        started: "2026-01-01T00:00:00Z".to_owned(),
        nodes: vec![1, 2, 3],
        controllers: Vec::new(),
        zookeepers: Vec::new(),
        topics: vec![topic("orders", 2), topic("log", 3)],
        expect: Expectation {
            minimum_acknowledged: 5_000,
            required_faults: vec!["kill".to_owned()],
            without_faults: false,
            ..Expectation::default()
        },
    }
}

fn topic(name: &str, partitions: u32) -> Topic {
    Topic {
        name: name.to_owned(),
        partitions,
        replication_factor: 3,
        min_insync_replicas: 2,
        unclean_election: false,
        config: std::collections::BTreeMap::new(),
    }
}

/// The bytes of a history's file.
fn written(events: &[Event]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = HistoryWriter::new(&mut bytes);
    let first = Event {
        time: 0,
        what: What::Header(Box::new(header())),
    };
    for event in std::iter::once(&first).chain(events) {
        writer.write(event).expect("memory takes all");
    }
    writer.flush().expect("memory takes all");
    bytes
}

fn read(bytes: &[u8]) -> Result<History, ReadError> {
    read_history(bytes)
}

/// What is said of a file that cannot be read.
fn complaint(bytes: impl AsRef<[u8]>) -> String {
    read(bytes.as_ref()).expect_err("this is no history").to_string()
}

/// A history of these lines after its header.
fn with_lines(lines: &str) -> Vec<u8> {
    let mut bytes = written(&[]);
    bytes.extend_from_slice(lines.as_bytes());
    bytes
}
