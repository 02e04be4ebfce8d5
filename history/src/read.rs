//! Reads a history line by line, and says by line number what is wrong with it.

use std::io::{self, BufRead};

pub(crate) use crate::error::ReadError;
use crate::event::{Event, What};
use crate::header::{FORMAT, Header, KEYS_MAX, VERSION};
use crate::line::from_line;

/// A line longer than this is not ours: no input makes the reader take memory without bound.
pub(crate) const LINE_BYTES_MAX: usize = 64 << 20;

/// What the first line of a history of ours begins with.
const HEADER_START: &[u8] = b"{\"time\":";

/// A whole history in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// What was run.
    pub header: Header,
    /// Everything after the header, in order of time.
    pub events: Vec<Event>,
    /// The last line had no end and was not whole: whoever wrote it was cut off. Not an error.
    pub truncated: bool,
}

/// Reads a history to its end.
pub fn read_history(mut input: impl BufRead) -> Result<History, ReadError> {
    let mut line = Vec::new();
    let header = first_line(&mut input, &mut line)?;
    let mut history = History {
        header,
        events: Vec::new(),
        truncated: false,
    };
    let (mut number, mut time) = (1, 0);
    loop {
        number += 1;
        let Some(whole) = next_line(&mut input, &mut line, number)? else {
            return Ok(history);
        };
        match read_line(&line) {
            Ok(event) => {
                check_order(&event, time).map_err(|reason| ReadError::Line { line: number, reason })?;
                time = event.time;
                history.events.push(event);
            }
            Err(_) if !whole => {
                history.truncated = true;
                return Ok(history);
            }
            Err(reason) => return Err(ReadError::Line { line: number, reason }),
        }
    }
}

/// The event that a line holds, given without its end; or what is wrong with it.
pub fn read_line(line: &[u8]) -> Result<Event, String> {
    if line.trim_ascii().is_empty() {
        return Err("nothing stands in it".to_owned());
    }
    let text = str::from_utf8(line).map_err(|error| error.to_string())?;
    from_line(text).map_err(|error| in_line(&error))
}

/// The error without its own count of lines: it saw one line only.
fn in_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((reason, _)) => format!("{reason} (column {})", error.column()),
        None => text,
    }
}

/// What is wrong with a line of so many bytes, its end among them.
pub(crate) fn check_length(bytes: usize) -> Result<(), String> {
    if bytes < LINE_BYTES_MAX {
        return Ok(());
    }
    Err(format!("is longer than {LINE_BYTES_MAX} bytes"))
}

/// What is wrong with an event after one of the time `before`.
pub(crate) fn check_order(event: &Event, before: u64) -> Result<(), String> {
    check_time(event.time, before)?;
    if matches!(event.what, What::Header(_)) {
        return Err("a second header: two histories in one file".to_owned());
    }
    Ok(())
}

/// What is wrong with a time after the time `before`.
pub(crate) fn check_time(time: u64, before: u64) -> Result<(), String> {
    if time >= before {
        return Ok(());
    }
    Err(format!(
        "its time {time} is before the line above ({before}): lines were moved or mixed"
    ))
}

/// The header, from the first line, which is left in `line` without its end.
pub(crate) fn first_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> Result<Header, ReadError> {
    let whole = next_line(input, line, 1)?.ok_or(ReadError::Empty)?;
    read_header(line, whole)
}

/// The next line without its end: `Some(false)` where the input ends before the line does.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>, number: u64) -> Result<Option<bool>, ReadError> {
    line.clear();
    let read = io::Read::take(&mut *input, LINE_BYTES_MAX as u64).read_until(b'\n', line)?;
    check_length(read).map_err(|reason| ReadError::Line { line: number, reason })?;
    if read == 0 {
        return Ok(None);
    }
    let whole = line.pop_if(|last| *last == b'\n').is_some();
    Ok(Some(whole))
}

fn read_header(line: &[u8], whole: bool) -> Result<Header, ReadError> {
    // The version first: a newer header may hold what this reader does not know.
    if let Some(found) = version_of(line).filter(|found| *found > VERSION) {
        return Err(ReadError::Newer { found });
    }
    let event = match read_line(line) {
        Ok(event) => event,
        Err(_) if !whole && line.starts_with(HEADER_START) => return Err(ReadError::CutOff),
        Err(reason) => return Err(ReadError::Foreign(reason)),
    };
    match event.what {
        What::Header(header) if header.format != FORMAT => {
            Err(ReadError::Foreign(format!("its format is `{}`", header.format)))
        }
        What::Header(header) if header.keys() > KEYS_MAX => Err(ReadError::Line {
            line: 1,
            reason: format!(
                "its topics have {} partitions, and at most {KEYS_MAX} are read",
                header.keys()
            ),
        }),
        What::Header(header) => Ok(*header),
        _ => Err(ReadError::Foreign("the first event is another one".to_owned())),
    }
}

fn version_of(line: &[u8]) -> Option<u32> {
    let line: serde_json::Value = serde_json::from_slice(line).ok()?;
    let version = line.get("header")?.get("version")?.as_u64()?;
    Some(u32::try_from(version).unwrap_or(u32::MAX))
}
