//! What Tribunal knows of the agent that holds a node's broker (`cluster/docker/agent.rs`), whether in a container or on a host.

#[path = "../docker/message.rs"]
pub(crate) mod message;
#[path = "../docker/tool.rs"]
pub(crate) mod tool;

use std::ffi::OsString;

use anyhow::{Context, Result, bail, ensure};

use crate::{ExitKind, ProcessSpec};
use message::Message;

/// The program; empty where Tribunal is not built for Linux.
pub(crate) const PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/agent"));

/// What a tool said that an agent ran.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Its exit status.
    pub(crate) status: i32,
    /// What it printed.
    pub(crate) output: String,
    /// What it complained of.
    pub(crate) complaint: String,
}

impl Ran {
    /// By what the agent answers.
    pub(crate) fn of(answer: &[Vec<u8>]) -> Result<Self> {
        Ok(Self {
            status: text(answer, 0)?.parse().context("understand a tool's status")?,
            output: text(answer, 1)?.to_owned(),
            complaint: text(answer, 2)?.trim().to_owned(),
        })
    }

    /// What it printed, where it is content.
    pub(crate) fn printed(self) -> Result<String> {
        ensure!(
            self.status == 0,
            "it ended with status {}: {}",
            self.status,
            self.complaint
        );
        Ok(self.output)
    }
}

/// Asks for a process to be started.
pub(crate) fn start_request(spec: &ProcessSpec, environment: &[(String, String)]) -> Vec<OsString> {
    let mut request: Vec<OsString> = vec![
        "start".into(),
        spec.output.clone().into(),
        spec.directory.clone().into(),
        spec.command.len().to_string().into(),
    ];
    request.extend(spec.command.iter().map(OsString::from));
    for (name, value) in environment {
        request.extend([name.into(), value.into()]);
    }
    request
}

/// What an answer holds, or the error that it is.
pub(crate) fn accepted(mut answer: Message) -> Result<Message> {
    match answer.first().map(Vec::as_slice) {
        Some(b"ok") => {
            answer.remove(0);
            Ok(answer)
        }
        Some(b"error") => bail!("{}", text(&answer, 1)?),
        _ => bail!("understand the agent: it is no answer"),
    }
}

pub(crate) fn text(answer: &[Vec<u8>], at: usize) -> Result<&str> {
    let field = answer
        .get(at)
        .context("understand the agent: it says too little")?;
    std::str::from_utf8(field).context("understand the agent: it is no text")
}

/// The end of a process as the kernel gives it to a parent.
pub(crate) fn end_of(word: &str) -> Result<ExitKind> {
    if word == "never" {
        return Ok(ExitKind::NeverStarted);
    }
    let raw: i32 = word.parse().context("understand the end of a process")?;
    Ok(match raw & 0x7f {
        0 => ExitKind::Status((raw >> 8) & 0xff),
        signal => ExitKind::Signal(signal),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_apart() {
        assert_eq!(end_of("never").expect("known"), ExitKind::NeverStarted);
        assert_eq!(
            end_of(&(143 << 8).to_string()).expect("known"),
            ExitKind::Status(143)
        );
        assert_eq!(end_of("9").expect("known"), ExitKind::Signal(9));
        assert_eq!(end_of("134").expect("with a core"), ExitKind::Signal(6));
        assert!(end_of("dead").is_err());
    }
}
