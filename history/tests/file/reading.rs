//! Whole files, whole and broken.

use std::io::{self, BufReader, Read};

use history::{Event, KEYS_MAX, Phase, VERSION, What, read_history, to_line};
use proptest::prelude::*;

use crate::arbitrary::events;
use crate::{complaint, header, read, with_lines, written};

proptest! {
    #[test]
    fn what_is_written_reads_back(events in events()) {
        let history = read(&written(&events)).expect("what was written reads back");
        prop_assert_eq!(history.header, header());
        prop_assert_eq!(history.events, events);
        prop_assert!(!history.truncated);
    }

    #[test]
    fn cut_at_any_byte_the_rest_is_read(events in events(), at: prop::sample::Index) {
        let bytes = written(&events);
        let first = written(&[]).len();
        let cut = first + at.index(bytes.len() - first + 1);
        let history = read(&bytes[..cut]).expect("a cut is no error");
        prop_assert_eq!(&history.events[..], &events[..history.events.len()]);
        let lines = bytes[..cut].split(|byte| *byte == b'\n').count() - 2;
        // Without its end the last line may still be whole.
        let whole = history.events.len() - lines;
        prop_assert!(whole <= 1);
        let rest = bytes[..cut].last() != Some(&b'\n');
        prop_assert_eq!(history.truncated, rest && whole == 0);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
        let _ = read(&bytes);
        let _ = read(&[written(&[]), bytes].concat());
    }

    #[test]
    fn a_damaged_byte_is_never_a_panic(events in events(), at: prop::sample::Index, byte: u8) {
        let mut bytes = written(&events);
        let index = at.index(bytes.len());
        bytes[index] = byte;
        let _ = read(&bytes);
    }
}

#[test]
fn cut_within_the_header_nothing_had_happened() {
    let bytes = written(&[]);
    assert_eq!(complaint(b""), "is empty: not even a header was written");
    for cut in 8..bytes.len() - 1 {
        let complaint = complaint(&bytes[..cut]);
        assert_eq!(
            complaint, "breaks off within its header: nothing had happened yet",
            "cut at {cut}"
        );
    }
    let whole = read(&bytes[..bytes.len() - 1]).expect("only the line's end is missing");
    assert_eq!((whole.header, whole.truncated), (header(), false));
}

#[test]
fn foreign_files_are_refused() {
    for (file, expected) in [
        (
            "\n",
            "is not a Tribunal history: line 1 holds no header (nothing stands in it)",
        ),
        (
            "{:type :invoke, :f :send}\n",
            "is not a Tribunal history: line 1 holds no header (key must be a string (column 2))",
        ),
        (
            "{\"time\":0,\"interrupted\":true}\n",
            "is not a Tribunal history: line 1 holds no header (the first event is another one)",
        ),
        (
            "\u{7f}ELF\u{2}\u{1}",
            "is not a Tribunal history: line 1 holds no header (expected value (column 1))",
        ),
    ] {
        assert_eq!(complaint(file), expected);
    }
    assert!(complaint([0xff, 0xfe, b'\n']).contains("invalid utf-8"));
    let mut header = header();
    header.format = "porcupine".to_owned();
    let line = to_line(&Event {
        time: 0,
        what: What::Header(Box::new(header)),
    });
    assert!(complaint(line).ends_with("(its format is `porcupine`)"));
}

#[test]
fn a_newer_version_is_told_before_what_it_holds() {
    for version in [u64::from(VERSION) + 1, u64::from(u32::MAX) + 2] {
        let line = format!("{{\"time\":0,\"header\":{{\"version\":{version},\"shape\":\"new\"}}}}\n");
        let found = version.min(u64::from(u32::MAX));
        let expected =
            format!("has format version {found}, and this Tribunal reads up to {VERSION}: use a newer one");
        assert_eq!(complaint(line), expected);
    }
}

#[test]
fn more_partitions_than_any_run_has_are_refused() {
    let mut header = header();
    header.topics[0].partitions = KEYS_MAX;
    let line = to_line(&Event {
        time: 0,
        what: What::Header(Box::new(header)),
    });
    assert_eq!(
        complaint(line),
        "line 1: its topics have 1048579 partitions, and at most 1048576 are read"
    );
}

#[test]
fn what_is_wrong_is_said_by_line() {
    let second_header = to_line(&Event {
        time: 9,
        what: What::Header(Box::new(header())),
    });
    for (lines, expected) in [
        (
            "{\"time\":5,\"phase\":\"heal\"}\n{\"time\":4,\"phase\":\"settle\"}\n",
            "line 3: its time 4 is before the line above (5): lines were moved or mixed",
        ),
        (
            "{\"time\":5,\"phase\":\"heal\"}\n\n{\"time\":6,\"interrupted\":true}\n",
            "line 3: nothing stands in it",
        ),
        ("{\"time\":5,\"phase\":\"he", ""),
        (
            "{\"time\":5,\"phase\":\"he\n{\"time\":6,\"interrupted\":true}\n",
            "line 2: EOF while parsing a string (column 21)",
        ),
        (
            "{\"time\":5,\"phase\":\"lunch\"}\n",
            "line 2: unknown variant `lunch`, expected one of `setup`, `steady`, `faults`, `heal`, `settle`, `final-reads`, `teardown` (column 25)",
        ),
        (
            second_header.as_str(),
            "line 2: a second header: two histories in one file",
        ),
    ] {
        match read(&with_lines(lines)) {
            Ok(history) => assert!(expected.is_empty() && history.truncated, "{lines}"),
            Err(error) => assert_eq!(error.to_string(), expected),
        }
    }
}

#[test]
fn line_ends_of_another_system_are_read() {
    let lines = "{\"time\":5,\"phase\":\"heal\"}\r\n{\"time\":6,\"interrupted\":true}\r\n";
    let history = read(&with_lines(lines)).expect("a carriage return is white space");
    assert_eq!(history.events[0].what, What::Phase(Phase::Heal));
    assert_eq!(history.events.len(), 2);
}

#[test]
fn a_line_without_end_takes_no_memory_without_bound() {
    let endless = BufReader::new(io::repeat(b'a'));
    let error = read_history(endless).expect_err("no line is that long");
    assert_eq!(error.to_string(), "line 1: is longer than 67108864 bytes");
}

/// A file that fails after its first bytes.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("the disk is gone")),
            read => Ok(read),
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let bytes = written(&[]);
    let error = read_history(BufReader::new(Failing(&bytes))).expect_err("it fails");
    assert_eq!(error.to_string(), "cannot be read: the disk is gone");
}
