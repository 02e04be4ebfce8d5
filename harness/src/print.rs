//! Writing to standard output: data only, and a reader who goes away is no error.

use std::io::{ErrorKind, Write};

use anyhow::{Context, Result};

/// Prints data and a line end to standard output.
pub fn data(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out
        .write_all(text.as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush())
    {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.context("write to standard output"),
    }
}
