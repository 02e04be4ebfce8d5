//! The client library's own log lines: into a file of the run, never onto the terminal.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use history::Recorder;

/// More bytes than this are not kept: a client that cannot connect says so for ever.
const BYTES_MAX: u64 = 16 << 20;

/// Where the lines go.
#[derive(Debug)]
pub(crate) struct ClientLog {
    file: Option<Mutex<Kept>>,
}

#[derive(Debug)]
struct Kept {
    file: File,
    bytes: u64,
}

impl ClientLog {
    /// A log that is appended to that file, or that drops every line.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self> {
        let open = |path: &Path| {
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| format!("open the clients' log {}", path.display()))
        };
        let file = path.map(open).transpose()?;
        Ok(Self {
            file: file.map(|file| Mutex::new(Kept { file, bytes: 0 })),
        })
    }

    /// Appends one line with the time of the history's clock.
    pub(crate) fn line(&self, recorder: &dyn Recorder, client: &str, text: &str) {
        let Some(kept) = &self.file else { return };
        let seconds = recorder.now() as f64 / 1e9;
        let line = format!("{seconds:.6} {client} {text}\n");
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + line.len() as u64 <= BYTES_MAX {
            kept.bytes += line.len() as u64;
            // A log that cannot be written must not stop the run: the history is what counts.
            let _ = kept.file.write_all(line.as_bytes());
        }
    }
}
