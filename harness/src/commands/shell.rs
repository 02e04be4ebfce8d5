//! `tribunal shell`: a shell on a node of a run that goes on or is kept.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use anyhow::{Context, anyhow};
use sandbox::Visit;

use crate::cli::ShellOptions;
use crate::directory::{RunDirectory, shown};
use crate::exit::{self, Exit, Failure};

/// What is started where nobody names anything.
const SHELL: &str = "/bin/sh";

/// Enters a node and starts a shell, or the command that is named. Ends as that ends.
pub fn shell(options: &ShellOptions) -> Result<Exit, Failure> {
    let root = options
        .dir
        .canonicalize()
        .with_context(|| format!("open {}", options.dir.display()))
        .map_err(Failure::usage)?;
    let run = RunDirectory::open(&root).map_err(Failure::usage)?;
    let nodes = run.nodes();
    let node = options.node;
    let found = Visit::find(&nodes, node).map_err(|error| Failure::infrastructure(error.into()))?;
    let Some(visit) = found else {
        return Err(Failure::usage(anyhow!(
            "no node n{node} of {} runs: its cluster is down, or is another user's; `tribunal run … --keep` leaves one up",
            run.shown()
        )));
    };
    let home = nodes.join(format!("n{node}"));
    eprintln!(
        "tribunal: node n{node}, in {}; also by: {}",
        shown(&home),
        visit.nsenter()
    );
    let mut words = options.command.iter().cloned();
    let shell = || env::var_os("SHELL").unwrap_or_else(|| OsString::from(SHELL));
    let program = words.next().unwrap_or_else(shell);
    visit
        .enter()
        .map_err(|error| Failure::infrastructure(error.into()))?;
    let status = Command::new(&program)
        .args(words)
        .current_dir(&home)
        .env("TRIBUNAL_NODE", format!("n{node}"))
        .status()
        .with_context(|| format!("start {} on node n{node}", program.display()))
        .map_err(Failure::infrastructure)?;
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    exit::as_another_did(code.unwrap_or(1))
}
