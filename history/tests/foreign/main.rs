//! Histories that others wrote: what is read, what is refused and where, and what is written for others to read.

mod arbitrary;
mod forms;
mod mutated;
mod names;
mod operations;
mod pairs;
mod refused;
mod sniffed;
mod steps;
mod streams;
mod written;

use std::io::Cursor;
use std::ops::ControlFlow;

use history::Format::{ElleJson, JepsenEdn};
use history::foreign::ForeignSource;
use history::{Event, Format, Names, ReadError, Scanned, Source, to_line};

/// What a walk through a foreign history showed.
#[derive(Debug, PartialEq)]
struct Seen {
    events: Vec<Event>,
    names: Names,
    scanned: Scanned,
}

fn opened(format: Format, text: impl AsRef<[u8]>) -> ForeignSource<Cursor<Vec<u8>>> {
    let input = Cursor::new(text.as_ref().to_vec());
    ForeignSource::new(input, format).expect("it is a format of others")
}

fn read(format: Format, text: impl AsRef<[u8]>) -> Result<Seen, ReadError> {
    walked(&mut opened(format, text))
}

/// Walks through a source once.
fn walked(source: &mut impl Source) -> Result<Seen, ReadError> {
    let mut events = Vec::new();
    let scanned = source.scan(&mut |stretch| {
        events.extend_from_slice(stretch);
        ControlFlow::Continue(())
    })?;
    Ok(Seen {
        events,
        names: source.names().clone(),
        scanned,
    })
}

fn seen(format: Format, text: impl AsRef<[u8]>) -> Seen {
    read(format, text).expect("this is a history")
}

/// The events, one a line, as a history of ours would have them.
fn lines(format: Format, text: &str) -> Vec<String> {
    seen(format, text).events.iter().map(to_line).collect()
}

/// Asserts what the only event of a history is.
fn is(format: Format, text: &str, expected: &str) {
    assert_eq!(lines(format, text), [expected], "{text}");
}

/// Asserts that EDN and JSON say the same, and what.
fn both(edn: &str, json: &str, expected: &str) {
    is(JepsenEdn, edn, expected);
    is(ElleJson, json, expected);
}

/// What is said of a text that cannot be read.
fn complaint(format: Format, text: impl AsRef<[u8]>) -> String {
    read(format, text).expect_err("this is no history").to_string()
}
