//! Histories that still grow: read on from where the last reader of the page left off, and never held.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use report::LiveRun;

/// So many runs are followed at one time; of more, the one that nobody has asked for longest is forgotten and read anew.
const FOLLOWED: usize = 32;
/// What is read for one page at most: a history that is there already is caught up with in several.
const BYTES_A_PAGE: u64 = 64 << 20;
/// What is read at once.
const BLOCK: usize = 256 << 10;
/// A line longer than this is none of ours.
const LINE_MAX: usize = 64 << 20;

/// The runs that somebody looks at.
#[derive(Default)]
pub struct Followers {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    turn: u64,
    followed: HashMap<PathBuf, (u64, Arc<Mutex<Follower>>)>,
}

impl Followers {
    /// The follower of a run's directory.
    pub fn of(&self, dir: &Path) -> Arc<Mutex<Follower>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.turn += 1;
        let turn = inner.turn;
        if !inner.followed.contains_key(dir) && inner.followed.len() >= FOLLOWED {
            let oldest = inner.followed.iter().min_by_key(|(_, (turn, _))| *turn);
            if let Some(oldest) = oldest.map(|(dir, _)| dir.clone()) {
                inner.followed.remove(&oldest);
            }
        }
        let known = inner.followed.entry(dir.to_owned()).or_default();
        known.0 = turn;
        Arc::clone(&known.1)
    }
}

/// What was read of one history.
#[derive(Default)]
pub struct Follower {
    /// The sums so far.
    pub run: LiveRun,
    /// How many bytes were read, half a line at the end included.
    pub read: u64,
    /// How many there were when it was last looked at.
    pub length: u64,
    /// What is wrong with it, and where; nothing is read after that.
    pub damage: Option<String>,
    file: u64,
    lines: u64,
    half: Vec<u8>,
}

impl Follower {
    /// Reads what came since the last time. The run notices nothing: its file is opened to be read, and closed again.
    pub fn go_on(&mut self, history: &mut File) -> std::io::Result<()> {
        let meta = history.metadata()?;
        if meta.ino() != self.file || meta.len() < self.read {
            // Another run lies there now.
            *self = Self {
                file: meta.ino(),
                ..Self::default()
            };
        }
        self.length = meta.len();
        history.seek(SeekFrom::Start(self.read))?;
        let mut left = BYTES_A_PAGE;
        let mut block = vec![0; BLOCK];
        while left > 0 && self.damage.is_none() {
            let read = history.read(&mut block)?;
            if read == 0 {
                break;
            }
            self.read += read as u64;
            left = left.saturating_sub(read as u64);
            self.take(&block[..read]);
        }
        Ok(())
    }

    /// The next bytes: whole lines are added up, half of one waits for its rest.
    fn take(&mut self, bytes: &[u8]) {
        let mut pieces = bytes.split_inclusive(|byte| *byte == b'\n');
        for piece in &mut pieces {
            let Some(end) = piece.strip_suffix(b"\n") else {
                self.half.extend_from_slice(piece);
                break;
            };
            self.lines += 1;
            let outcome = if self.half.is_empty() {
                history::read_line(end)
            } else {
                self.half.extend_from_slice(end);
                let outcome = history::read_line(&self.half);
                self.half.clear();
                outcome
            };
            match outcome {
                Ok(event) => self.run.add(&event),
                Err(reason) => {
                    self.damage = Some(format!("history.jsonl line {}: {reason}", self.lines));
                    return;
                }
            }
        }
        if self.half.len() > LINE_MAX {
            self.damage = Some(format!(
                "history.jsonl line {} is longer than {LINE_MAX} bytes",
                self.lines + 1
            ));
            self.half = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const LINES: &str = "{\"time\":1,\"phase\":\"setup\"}\n{\"time\":2,\"phase\":\"steady\"}\n{\"time\":3,\"phase\":\"faults\"}\n";

    #[test]
    fn a_line_may_come_in_pieces_and_is_read_once() {
        let mut file = tempfile::NamedTempFile::new().expect("it can be made");
        let mut follower = Follower::default();
        for piece in LINES.as_bytes().chunks(7) {
            file.write_all(piece).expect("it can be written");
            let mut history = File::open(file.path()).expect("it is there");
            follower.go_on(&mut history).expect("it can be read");
        }
        assert_eq!(
            (follower.lines, follower.read, &follower.damage),
            (3, LINES.len() as u64, &None)
        );
        file.write_all(b"nonsense\n").expect("it can be written");
        let mut history = File::open(file.path()).expect("it is there");
        follower.go_on(&mut history).expect("it can be read");
        assert!(
            follower
                .damage
                .is_some_and(|damage| damage.starts_with("history.jsonl line 4: "))
        );
    }

    #[test]
    fn another_run_in_its_place_is_read_from_its_start() {
        let file = tempfile::NamedTempFile::new().expect("it can be made");
        let mut follower = Follower::default();
        for content in [LINES, &LINES[..27]] {
            std::fs::write(file.path(), content).expect("it can be written");
            let mut history = File::open(file.path()).expect("it is there");
            follower.go_on(&mut history).expect("it can be read");
        }
        assert_eq!((follower.lines, follower.read), (1, 27));
    }

    #[test]
    fn few_are_followed() {
        let followers = Followers::default();
        for run in 0..100 {
            followers.of(Path::new(&run.to_string()));
        }
        assert_eq!(
            followers.inner.lock().expect("it is whole").followed.len(),
            FOLLOWED
        );
    }
}
