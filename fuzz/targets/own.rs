//! Our own file: the scanner that knows how our lines look must say what the plain reader says, line by line.

#![no_main]

use history::{BytesSource, History, read_history};

/// So that most of what is tried gets past the first line.
const HEADER: &str = concat!(
    r#"{"time":0,"header":{"format":"tribunal-history","version":1,"plan":"p","seed":1,"broker":"b","started":"s","nodes":[1],"#,
    r#""topics":[{"name":"t","partitions":2,"replication_factor":1,"min_insync_replicas":1,"unclean_election":false}],"#,
    r#""expect":{"minimum_acknowledged":0,"required_faults":[],"without_faults":true,"producers":"idempotent","acks":"all"}}}"#,
    "\n"
);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    same(bytes, 1 << 16);
    if let Some((block, rest)) = bytes.split_first() {
        let file = [HEADER.as_bytes(), rest].concat();
        same(&file, usize::from(*block) + 1);
    }
});

/// Reads a file in both ways.
fn same(bytes: &[u8], block: usize) {
    let fast = BytesSource::with(bytes, fuzz::blocks(block)).and_then(|mut source| {
        let header = history::Source::header(&source).clone();
        let (events, scanned) = fuzz::walked(&mut source)?;
        Ok(History {
            header,
            events,
            truncated: scanned.truncated,
        })
    });
    match (fast, read_history(bytes)) {
        (Ok(fast), Ok(plain)) => assert_eq!(fast, plain),
        (Err(fast), Err(plain)) => assert_eq!(fast.to_string(), plain.to_string()),
        (fast, plain) => panic!("{fast:?}, but line by line {plain:?}"),
    }
}
