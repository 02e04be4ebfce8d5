//! Files that end early, long files, and readers that are slow.

use std::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::rc::Rc;

use history::Format::{self, ElleJson, JepsenEdn};
use history::foreign::ForeignSource;
use history::{ReadError, Reading, Source};

use crate::{Seen, complaint, opened, read, seen, walked};

const EDN: &str = "#jepsen.history.Op{:process 0 :type :invoke :f :txn :value [[:w \"a\\\"b\" \\c]]}\n";
const JSON: &str =
    "{\"process\":0,\"type\":\"invoke\",\"f\":\"txn\",\"value\":[[\"w\",\"a\\\"b\",-1.5e3]],\"x\":true}\n";

/// Asserts that wherever the second operation is cut off, the first one is read.
fn cut_anywhere(format: Format, before: &str, operation: &str, separator: &str) {
    let first = format!("{before}{operation}{separator}");
    let whole = format!("{first}{}", operation.trim_end());
    for end in first.len() + 1..whole.len() {
        let text = &whole[..end];
        let seen = read(format, text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!((seen.events.len(), seen.scanned.truncated), (1, true), "{text}");
    }
}

#[test]
fn a_last_operation_that_is_cut_off_is_no_error() {
    cut_anywhere(JepsenEdn, "", EDN, "");
    cut_anywhere(JepsenEdn, "[", EDN, "");
    cut_anywhere(ElleJson, "", JSON, "");
    cut_anywhere(ElleJson, "[", JSON, ",");
}

#[test]
fn a_bracket_that_is_not_closed_is_cut_off() {
    for (format, text) in [
        (JepsenEdn, format!("[{EDN}")),
        (ElleJson, format!("[{JSON}")),
        (ElleJson, format!("[{JSON},")),
    ] {
        let seen = seen(format, &text);
        assert_eq!((seen.events.len(), seen.scanned.truncated), (1, true), "{text}");
    }
}

#[test]
fn a_first_operation_may_be_cut_off() {
    let seen = seen(JepsenEdn, "{:process 0\n :type");
    assert_eq!((seen.events.len(), seen.scanned.truncated), (0, true));
}

#[test]
fn what_swallows_the_lines_after_it_is_no_cut() {
    let text = format!(
        "{EDN}{{:process 0 :error \"no end}}\n{}",
        "{:process 0 :type :info :f :crash}\n".repeat(5)
    );
    assert_eq!(
        complaint(JepsenEdn, text),
        "line 2: the operation that begins here has no end (column 1)"
    );
}

#[test]
fn operations_over_several_lines_may_be_cut_off() {
    let whole = "{:process 0\n :type :invoke\n :f :crash}\n";
    let seen = seen(JepsenEdn, format!("{whole}{}", &whole[..20]));
    assert_eq!((seen.events.len(), seen.scanned.truncated), (1, true));
}

/// Gives a few bytes at a time, and now and then an interrupt.
struct Slow<'t> {
    text: &'t [u8],
    place: usize,
    reads: usize,
}

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads += 1;
        if self.reads.is_multiple_of(7) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = buffer
            .len()
            .min(self.reads % 5 + 1)
            .min(self.text.len() - self.place);
        buffer[..count].copy_from_slice(&self.text[self.place..][..count]);
        self.place += count;
        Ok(count)
    }
}

impl Seek for Slow<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.place = match to {
            SeekFrom::Start(place) => place as usize,
            SeekFrom::End(_) => self.text.len(),
            SeekFrom::Current(_) => self.place,
        };
        Ok(self.place as u64)
    }
}

/// Reads what comes in small pieces, and as little at once as can be.
pub fn slowly(format: Format, text: &[u8]) -> Result<Seen, ReadError> {
    let slow = Slow {
        text,
        place: 0,
        reads: 0,
    };
    let reading = Reading {
        block_bytes: 1,
        threads: 1,
    };
    walked(&mut ForeignSource::with(slow, format, reading)?)
}

#[test]
fn how_the_bytes_arrive_does_not_matter() {
    for (format, text) in [(JepsenEdn, EDN.repeat(100)), (ElleJson, JSON.repeat(100))] {
        let slow = slowly(format, text.as_bytes()).expect("it can be read");
        assert_eq!(slow, seen(format, &text));
    }
}

/// A history of half a megabyte in one bracket, in operations of very different length.
fn long(format: Format) -> String {
    let (open, separator, close) = match format {
        JepsenEdn => ("[", "\n", "]"),
        _ => ("[", ",\n", "]"),
    };
    let operation = |number: usize| {
        let list = vec!["7"; number * number % 5_000];
        if format == JepsenEdn {
            format!(
                "{{:process {number} :type :ok :f :txn :value [[:r 1 [{}]]]}}",
                list.join(" ")
            )
        } else {
            let list = list.join(",");
            format!("{{\"process\":{number},\"type\":\"ok\",\"f\":\"txn\",\"value\":[[\"r\",1,[{list}]]]}}")
        }
    };
    let operations: Vec<String> = (0..100).map(operation).collect();
    format!("{open}{}{close}", operations.join(separator))
}

#[test]
fn operations_are_read_across_the_edges_of_the_window() {
    let (edn, json) = (seen(JepsenEdn, long(JepsenEdn)), seen(ElleJson, long(ElleJson)));
    assert_eq!(edn.events, json.events);
    assert_eq!((edn.events.len(), edn.scanned.truncated), (100, false));
}

#[test]
fn one_operation_may_be_longer_than_the_window() {
    let list = "123456 ".repeat(200_000);
    let text = format!("{EDN}{{:process 0 :type :ok :value [[:r 1 [{list}]]]}}\n{EDN}");
    assert_eq!(seen(JepsenEdn, text).events.len(), 3);
}

#[test]
fn blanks_need_no_memory() {
    let text = format!("{EDN}{}{EDN}", " ".repeat(20 << 20));
    assert_eq!(seen(JepsenEdn, text).events.len(), 2);
}

#[test]
fn whoever_has_seen_enough_breaks_off() {
    let text = "{:process 0 :type :invoke :f :crash}\n".repeat(10_000);
    let mut source = opened(JepsenEdn, text);
    let mut calls = 0;
    let scanned = source.scan(&mut |stretch| {
        calls += 1;
        assert!(!stretch.is_empty());
        ControlFlow::Break(())
    });
    let scanned = scanned.expect("it can be read");
    assert_eq!(calls, 1);
    assert!(scanned.events < 10_000 && !scanned.truncated);
}

/// A file that somebody else writes.
struct Shared {
    text: Rc<RefCell<String>>,
    place: usize,
}

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.text.borrow().as_bytes()[self.place..]
            .as_ref()
            .read(buffer)?;
        self.place += count;
        Ok(count)
    }
}

impl Seek for Shared {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.place = match to {
            SeekFrom::End(_) => self.text.borrow().len(),
            _ => 0,
        };
        Ok(self.place as u64)
    }
}

#[test]
fn what_is_written_after_the_opening_is_not_looked_at() {
    let text = Rc::new(RefCell::new(EDN.to_owned()));
    let shared = Shared {
        text: Rc::clone(&text),
        place: 0,
    };
    let mut source = ForeignSource::new(shared, JepsenEdn).expect("it can be opened");
    text.replace(EDN.repeat(3));
    assert_eq!(walked(&mut source).expect("it can be read").events.len(), 1);
    text.replace(String::new());
    let shrunk = walked(&mut source).expect_err("nothing is left");
    assert!(matches!(shrunk, ReadError::Shrunk { found: 0, .. }), "{shrunk}");
}

#[test]
fn a_history_of_ours_is_for_its_own_reader() {
    let refused = ForeignSource::new(io::Cursor::new(""), Format::Tribunal);
    assert!(refused.is_err_and(|error| error.to_string().contains("Tribunal's own")));
}
