//! Writing to standard output: data only, and a reader who goes away is no error.

use std::io::{BufWriter, ErrorKind, Write};

use anyhow::{Context, Result};
use serde::Serialize;

/// Bytes that are written at once.
const BUFFERED: usize = 64 << 10;

/// Prints data and a line end to standard output.
pub fn data(text: &str) -> Result<()> {
    print(|out| out.write_all(text.as_bytes()))
}

/// Prints JSON and a line end to standard output.
pub fn json(value: &impl Serialize) -> Result<()> {
    print(|out| Ok(serde_json::to_writer_pretty(out, value)?))
}

fn print(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    let mut out = BufWriter::with_capacity(BUFFERED, std::io::stdout().lock());
    match write(&mut out)
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush())
    {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.context("write to standard output"),
    }
}
