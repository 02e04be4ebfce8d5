//! Runs a tool to its end, with an input: the same in a container, by its agent, and from the host that entered its network.
//!
//! Both sides are built with this file.

use std::io::{self, Write as _};
use std::process::{Command, Output, Stdio};

/// What it printed, and how it ended.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> io::Result<Output> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        // A tool that does not read to the end says by its status what it thinks of it.
        let _ = pipe.write_all(input);
    }
    child.wait_with_output()
}
