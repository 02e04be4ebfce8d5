//! Walks through a history in blocks and by threads: whatever their size and number, the same is seen.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use history::{
    BytesSource, Event, F, FileSource, Format, Op, Poll, ReadError, Reading, Record, Scanned, Source, Txn,
    What, open,
};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use proptest::prelude::*;

use crate::arbitrary::{damage, events};
use crate::{read, with_lines, written};

/// Everything that a walk shows, and how it ends.
fn walk(source: &mut dyn Source) -> (Vec<Event>, Result<Scanned, String>) {
    let mut seen = Vec::new();
    let end = source.scan(&mut |events| {
        seen.extend_from_slice(events);
        ControlFlow::Continue(())
    });
    (seen, end.map_err(|error| error.to_string()))
}

/// What is wrong with these bytes, or everything in them.
fn walk_bytes(bytes: &[u8], reading: Reading) -> Result<(Vec<Event>, Scanned), String> {
    let mut source = BytesSource::with(bytes, reading).map_err(|error| error.to_string())?;
    let (seen, end) = walk(&mut source);
    let scanned = end?;
    assert_eq!(scanned.events, seen.len() as u64);
    Ok((seen, scanned))
}

/// What reading line by line says of these bytes.
fn expected(bytes: &[u8]) -> Result<(Vec<Event>, Scanned), String> {
    let history = read(bytes).map_err(|error| error.to_string())?;
    let scanned = Scanned {
        events: history.events.len() as u64,
        truncated: history.truncated,
        ..Scanned::default()
    };
    Ok((history.events, scanned))
}

/// An event without what a transaction or a poll did that is not wanted.
fn left_out(event: &Event, wanted: impl Fn(u64) -> bool) -> Event {
    let mut event = event.clone();
    if let What::Invoke(op) | What::Ok(op) | What::Fail(op) | What::Info(op) = &mut event.what
        && !wanted(op.op)
        && matches!(op.f, F::Poll(_) | F::Txn(_))
    {
        let f = match op.f {
            F::Poll(_) => F::Poll(Poll::default()),
            _ => F::Txn(Txn::default()),
        };
        *op = Op::new(op.process, op.op, f);
    }
    event
}

fn reading() -> impl Strategy<Value = Reading> {
    let block_bytes = prop_oneof![1..40_usize, 40..2_000_usize];
    (block_bytes, 1..4_usize).prop_map(|(block_bytes, threads)| Reading { block_bytes, threads })
}

proptest! {
    #[test]
    fn blocks_and_threads_make_no_difference(events in events(), reading in reading()) {
        let bytes = written(&events);
        prop_assert_eq!(walk_bytes(&bytes, reading), expected(&bytes));
    }

    #[test]
    fn what_is_wanted_is_whole_on_another_walk(events in events(), reading in reading(), rest in 0..3_u64) {
        let bytes = written(&events);
        let mut source = BytesSource::with(&bytes, reading).expect("a header");
        let wanted = |op: u64| op % 3 == rest;
        let mut seen = Vec::new();
        let scanned = source.scan_again(&wanted, &mut |events| {
            seen.extend_from_slice(events);
            ControlFlow::Continue(())
        });
        prop_assert_eq!(scanned.expect("it is whole").events, events.len() as u64);
        for (seen, event) in seen.iter().zip(&events) {
            prop_assert!(seen == event || *seen == left_out(event, wanted), "{:?} of {:?}", seen, event);
        }
    }

    #[test]
    fn nor_do_they_to_what_is_damaged(
        events in events(),
        damage in prop::collection::vec(damage(), 1..4),
        reading in reading(),
    ) {
        let mut bytes = written(&events);
        let first = written(&[]).len();
        let mut rest = bytes.split_off(first);
        for damage in damage {
            damage.to(&mut rest);
        }
        bytes.append(&mut rest);
        prop_assert_eq!(walk_bytes(&bytes, reading), expected(&bytes));
    }

    #[test]
    fn nor_do_they_to_lines_in_another_order(
        events in events(),
        moves in prop::collection::vec(any::<(prop::sample::Index, prop::sample::Index)>(), 1..4),
        reading in reading(),
    ) {
        let bytes = written(&events);
        let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        for (from, to) in moves {
            // A header in the middle, too.
            let line = lines[from.index(lines.len())];
            lines.insert(1 + to.index(lines.len()), line);
        }
        let bytes = lines.concat();
        prop_assert_eq!(walk_bytes(&bytes, reading), expected(&bytes));
    }

    #[test]
    fn nor_do_they_to_a_file_that_breaks_off(events in events(), at: prop::sample::Index, reading in reading()) {
        let mut bytes = written(&events);
        bytes.truncate(at.index(bytes.len() + 1));
        prop_assert_eq!(walk_bytes(&bytes, reading), expected(&bytes));
    }

    #[test]
    fn nor_do_they_to_any_bytes(bytes: Vec<u8>, reading in reading()) {
        prop_assert_eq!(walk_bytes(&bytes, reading), expected(&bytes));
        let after_header = [written(&[]), bytes].concat();
        prop_assert_eq!(walk_bytes(&after_header, reading), expected(&after_header));
    }

    #[test]
    fn a_second_walk_sees_what_the_first_saw(events in events(), reading in reading()) {
        let bytes = written(&events);
        let mut source = BytesSource::with(&bytes, reading).expect("its header is right");
        let first = walk(&mut source);
        prop_assert_eq!(&first.0, &events);
        prop_assert_eq!(walk(&mut source), first);
    }

    #[test]
    fn whoever_breaks_off_sees_no_more(events in events(), stretches in 1..5_usize, reading in reading()) {
        let bytes = written(&events);
        let mut source = BytesSource::with(&bytes, reading).expect("its header is right");
        let (mut seen, mut left) = (Vec::new(), stretches);
        let scanned = source.scan(&mut |events| {
            seen.extend_from_slice(events);
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let scanned = scanned.expect("to break off is no error");
        prop_assert_eq!(scanned.events, seen.len() as u64);
        prop_assert_eq!(&seen[..], &events[..seen.len()]);
        prop_assert!(left == 0 || seen.len() == events.len());
    }
}

/// Polls of one record each, at the times 0, 1, 2, …
fn polls(count: u64) -> Vec<Event> {
    let poll = |time| {
        let records = vec![Record::from((0, time as i64, time))];
        let what = What::Ok(Op::new(0, time, F::Poll(Poll { records })));
        Event { time, what }
    };
    (0..count).map(poll).collect()
}

fn reading_by(threads: usize) -> Reading {
    Reading {
        block_bytes: 10_000,
        threads,
    }
}

#[test]
fn many_blocks_come_in_their_order() {
    let events = polls(50_000);
    let bytes = written(&events);
    for threads in 1..=4 {
        let (seen, scanned) = walk_bytes(&bytes, reading_by(threads)).expect("nothing is wrong with it");
        assert_eq!(seen, events, "{threads} threads");
        assert!(!scanned.truncated);
    }
}

#[test]
fn a_line_is_named_by_its_number_in_the_file() {
    let mut bytes = written(&polls(50_000));
    let third = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .nth(33_332);
    let (end, _) = third.expect("there are as many lines");
    bytes[end - 1] = b'x';
    for threads in 1..=3 {
        let mut source = BytesSource::with(&bytes, reading_by(threads)).expect("its header is right");
        let (seen, end) = walk(&mut source);
        assert_eq!(seen.len(), 33_331);
        let complaint = end.expect_err("a line is wrong");
        assert!(
            complaint.starts_with("line 33333: expected `,` or `}`"),
            "{complaint}"
        );
    }
}

#[test]
fn what_stands_after_an_event_in_its_line_is_wrong_wherever_a_block_ends() {
    for op in [1, 10, 100, 1_000] {
        let event = format!("{{\"time\":0,\"info\":{{\"process\":1,\"op\":{op},\"f\":\"crash\"}}}}");
        let bytes = with_lines(&format!("{event}}}\n"));
        let expected = format!("line 2: trailing characters (column {})", event.len() + 1);
        for block_bytes in 1..200 {
            let reading = Reading {
                block_bytes,
                threads: 1,
            };
            assert_eq!(
                walk_bytes(&bytes, reading),
                Err(expected.clone()),
                "{block_bytes}"
            );
        }
    }
}

#[test]
fn a_panic_of_whoever_looks_ends_the_threads() {
    let bytes = written(&polls(50_000));
    for threads in 1..=3 {
        let mut source = BytesSource::with(&bytes, reading_by(threads)).expect("its header is right");
        let scan = || source.scan(&mut |_| panic!("enough"));
        assert!(catch_unwind(AssertUnwindSafe(scan)).is_err());
    }
}

/// A poll of so many records, which makes a line of about ten times as many bytes.
fn long_poll(time: u64, records: u64) -> Event {
    let records = (0..records).map(|value| Record::from((0, 1, value)));
    let poll = Poll {
        records: records.collect(),
    };
    Event {
        time,
        what: What::Ok(Op::new(0, time, F::Poll(poll))),
    }
}

#[test]
fn a_line_may_be_longer_than_many_blocks() {
    let mut events = polls(1_000);
    events.insert(500, long_poll(499, 600_000));
    events.push(long_poll(2_000, 500_000));
    let bytes = written(&events);
    assert!(bytes.len() > 2 * (5 << 20));
    for threads in 1..=3 {
        let (seen, _) = walk_bytes(&bytes, reading_by(threads)).expect("nothing is wrong with it");
        assert!(seen == events, "{threads} threads");
    }
}

#[test]
fn a_line_that_never_ends_is_an_error_before_it_is_in_memory() {
    let mut bytes = with_lines("{\"time\":0,\"phase\":\"heal\"}\n");
    bytes.resize(bytes.len() + (70 << 20), b' ');
    let complaint = walk_bytes(&bytes, Reading::default()).expect_err("no line is that long");
    assert_eq!(complaint, "line 3: is longer than 67108864 bytes");
}

/// A file of a test's own, gone when the test is over.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("tribunal-history-{}-{name}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn with(name: &str, bytes: &[u8]) -> Self {
        let scratch = Self::new(name);
        std::fs::write(scratch.path(), bytes).expect("the directory for temporary files takes one");
        scratch
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_file_is_as_long_as_it_was_when_it_was_opened() {
    let events = polls(3_000);
    let bytes = written(&events);
    let cut = bytes.len() - 10;
    let scratch = Scratch::with("growing", &bytes[..cut]);
    let mut source = FileSource::open_with(scratch.path(), reading_by(2)).expect("its header is right");
    let mut file = OpenOptions::new()
        .append(true)
        .open(scratch.path())
        .expect("it is there");
    file.write_all(&bytes[cut..]).expect("it takes more");
    file.write_all(b"{\"time\":0,\"interrupted\":true}\n")
        .expect("it takes more");
    for _ in 0..2 {
        let (seen, end) = walk(&mut source);
        assert_eq!(seen, events[..2_999]);
        let scanned = end.expect("what was written later is not looked at");
        assert!(scanned.truncated);
    }
}

#[test]
fn a_file_that_becomes_shorter_is_an_error() {
    let bytes = written(&polls(3_000));
    let scratch = Scratch::with("shrinking", &bytes);
    let mut source = FileSource::open_with(scratch.path(), reading_by(1)).expect("its header is right");
    let file = OpenOptions::new()
        .write(true)
        .open(scratch.path())
        .expect("it is there");
    file.set_len(1_000).expect("it can be cut");
    let complaint = walk(&mut source).1.expect_err("most of it is gone");
    let expected = format!(
        "has become shorter since it was opened (1000 bytes are left of {}): read it again, or a copy of it, when \
         nothing writes to it",
        bytes.len()
    );
    assert_eq!(complaint, expected);
}

#[test]
fn only_a_regular_file_can_be_walked_through_twice() {
    let pipe = Scratch::new("pipe");
    mkfifo(pipe.path(), Mode::S_IRWXU).expect("a pipe can be made");
    for path in [Path::new("/"), pipe.path()] {
        let error = open(path).err().expect("it is no file");
        assert!(matches!(error, ReadError::NotAFile), "{error}");
    }
    let missing = Scratch::new("missing");
    let error = open(missing.path()).err().expect("it is not there");
    assert!(matches!(error, ReadError::Io(_)), "{error}");
}

/// The format that a file with these bytes is taken for, or why it is for none.
fn format_of(name: &str, bytes: &[u8]) -> Result<Format, String> {
    let scratch = Scratch::with(name, bytes);
    open(scratch.path())
        .map(|source| source.format())
        .map_err(|error| error.to_string())
}

#[test]
fn a_file_is_opened_by_what_it_begins_with() {
    let ours = written(&[]);
    let spaced =
        String::from_utf8(ours.clone())
            .expect("JSON is text")
            .replacen("{\"time\":0,", "{ \"time\" : 0,", 1);
    for (index, (bytes, expected)) in [
        (ours.as_slice(), Ok(Format::Tribunal)),
        (spaced.as_bytes(), Ok(Format::Tribunal)),
        (
            b"{:type :invoke, :f :send, :value 1, :process 0, :index 0}\n",
            Ok(Format::JepsenEdn),
        ),
        (
            b"[{:type :invoke, :f :send, :value 1, :process 0, :index 0}]",
            Ok(Format::JepsenEdn),
        ),
        (
            b"{\"type\":\"invoke\",\"f\":\"txn\",\"value\":[[\"append\",1,1]],\"process\":0,\"index\":0}\n",
            Ok(Format::ElleJson),
        ),
        (b"", Err("is empty: not even a header was written")),
        (
            &ours[..60],
            Err("breaks off within its header: nothing had happened yet"),
        ),
        (
            b"{\"time\":0,\"interrupted\":true}\n",
            Err("is not a Tribunal history: line 1 holds no header (the first event is another one)"),
        ),
        (
            b"\x7fELF\x02\x01",
            Err("is no history that can be read: it is neither tribunal-history, jepsen-edn nor elle-json"),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let expected = expected.map_err(str::to_owned);
        assert_eq!(
            format_of(&format!("kind-{index}"), bytes),
            expected,
            "{}",
            bytes.escape_ascii()
        );
    }
}

#[test]
fn a_file_can_be_read_to_the_end_by_default() {
    let events = polls(20_000);
    let scratch = Scratch::with("default", &written(&events));
    let mut source = open(scratch.path()).expect("its header is right");
    assert_eq!(walk(source.as_mut()).0, events);
    assert_eq!(source.header(), &crate::header());
    let length = File::open(scratch.path())
        .and_then(|file| file.metadata())
        .expect("it is there")
        .len();
    assert!(length > 1 << 20, "more than one block");
}
