//! Whether what a run left is whole: its verdict and both ends of its history, without reading all of it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::SystemTime;

use history::{Event, ReadError};

use super::campaign::is_held;
use crate::child::verdict;
use crate::directory::RunDirectory;
use crate::judge::HISTORY_NAMES;

/// What is read at once, from the end of a history towards its start.
const BLOCK: u64 = 64 << 10;
/// A line longer than this is none of ours.
const LINE_MAX: u64 = 64 << 20;

/// Whether a directory is a run's, whole or not.
pub fn is_run(dir: &Path) -> bool {
    let is_file = |name: &str| dir.join(name).is_file();
    is_file("verdict.json") || is_file("resolved.toml") || is_file("history.jsonl")
}

/// What is damaged in a run's directory, and where; `None` where it is whole, or goes on.
pub fn damage(dir: &Path) -> Option<String> {
    let run = RunDirectory::open(dir).ok()?;
    let path = run.verdict();
    if !path.is_file() {
        return unjudged(&run);
    }
    let verdict = match verdict(&path) {
        Ok(verdict) => verdict,
        Err(error) => return Some(cause("verdict.json", &error)),
    };
    let history = run.history();
    if !history.is_file() {
        // A history from elsewhere, which is judged where it lies, has a name of its own.
        let other = HISTORY_NAMES.iter().any(|name| dir.join(name).is_file());
        return (!other).then(|| "history.jsonl is missing".to_owned());
    }
    if let Err(error) = head(&history) {
        return Some(format!("history.jsonl {error}"));
    }
    match last_event(&history) {
        Err(what) => Some(what),
        Ok(event) if event.time != verdict.stats.duration => Some(format!(
            "history.jsonl ends at {:.3} s, and the verdict is of {:.3} s: lines are missing at its end, or it is another run's",
            event.time as f64 / 1e9,
            verdict.stats.duration as f64 / 1e9
        )),
        Ok(_) => None,
    }
}

/// A run without a verdict may be as short as it likes, as long as it begins like one.
fn unjudged(run: &RunDirectory) -> Option<String> {
    let history = run.history();
    if history.metadata().is_ok_and(|meta| meta.len() == 0) || !history.exists() {
        return None;
    }
    match head(&history) {
        Ok(()) | Err(ReadError::CutOff) => None,
        Err(error) => Some(format!("history.jsonl {error}")),
    }
}

/// The first line has to be a header.
fn head(path: &Path) -> Result<(), ReadError> {
    let mut line = Vec::new();
    BufReader::new(File::open(path)?)
        .take(LINE_MAX)
        .read_until(b'\n', &mut line)?;
    history::read_history(line.as_slice()).map(drop)
}

/// The last line has to be whole, and an event.
fn last_event(path: &Path) -> Result<Event, String> {
    let line = last_line(path).map_err(|error| format!("history.jsonl cannot be read: {error}"))?;
    let Some(line) = line.strip_suffix(b"\n") else {
        return Err("history.jsonl is cut off within its last line".to_owned());
    };
    history::read_line(line).map_err(|reason| format!("history.jsonl: its last line: {reason}"))
}

/// The last line of a file, with its end where it has one.
fn last_line(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut from = file.metadata()?.len();
    let mut tail: Vec<u8> = Vec::new();
    while from > 0 && (tail.len() as u64) < LINE_MAX {
        let length = from.min(BLOCK);
        from -= length;
        file.seek(SeekFrom::Start(from))?;
        let mut block = vec![0; length as usize];
        file.read_exact(&mut block)?;
        // The end of the last line is not the end of the one before.
        let is_first = tail.is_empty();
        let seen = if is_first { block.len() - 1 } else { block.len() };
        if let Some(end) = block[..seen].iter().rposition(|byte| *byte == b'\n') {
            let mut line = block.split_off(end + 1);
            line.append(&mut tail);
            return Ok(line);
        }
        block.append(&mut tail);
        tail = block;
    }
    Ok(tail)
}

/// How long ago a run's history was last written, in seconds; `None` where there is none, or where a process still has the run in hand.
pub fn quiet_seconds(dir: &Path) -> Option<u64> {
    if is_held(&dir.join("resolved.toml")) {
        return None;
    }
    let written = fs::metadata(dir.join("history.jsonl")).ok()?.modified().ok()?;
    let quiet = SystemTime::now().duration_since(written);
    Some(quiet.map_or(0, |quiet| quiet.as_secs()))
}

/// The innermost reason, after the file's name.
fn cause(name: &str, error: &anyhow::Error) -> String {
    format!("{name}: {}", error.root_cause())
}

#[cfg(test)]
mod tests {
    use super::last_line;

    #[test]
    fn the_last_line_is_found_wherever_blocks_end() {
        let file = tempfile::NamedTempFile::new().expect("a file can be made");
        let long = "x".repeat(200_000);
        for (content, last) in [
            (String::new(), String::new()),
            ("one\n".to_owned(), "one\n".to_owned()),
            ("one\ntwo".to_owned(), "two".to_owned()),
            ("one\n\n".to_owned(), "\n".to_owned()),
            (format!("one\n{long}\n"), format!("{long}\n")),
            (
                format!("{}\nend\n", "x".repeat((64 << 10) - 4)),
                "end\n".to_owned(),
            ),
            (
                format!("{}\nend\n", "x".repeat((64 << 10) - 5)),
                "end\n".to_owned(),
            ),
        ] {
            std::fs::write(file.path(), &content).expect("it can be written");
            let found = last_line(file.path()).expect("it can be read");
            assert_eq!(String::from_utf8_lossy(&found), last);
        }
    }
}
