//! `tribunal shell`: a shell on a node of a run that goes on or is kept.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, anyhow};
use cluster::docker;
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
    let Some((visit, other)) = find(&nodes, node).map_err(Failure::infrastructure)? else {
        return Err(Failure::usage(anyhow!(
            "no node n{node} of {} runs: its cluster is down, or is another user's; `tribunal run … --keep` leaves one up",
            run.shown()
        )));
    };
    let home = nodes.join(format!("n{node}"));
    eprintln!("tribunal: node n{node}, in {}; also by: {}", shown(&home), other);
    let mut words = options.command.iter().cloned();
    let shell = || env::var_os("SHELL").unwrap_or_else(|| OsString::from(SHELL));
    let program = words.next().unwrap_or_else(shell);
    visit
        .enter()
        .with_context(|| {
            format!("enter node n{node}: in containers this takes root; `{other}` may do without")
        })
        .map_err(Failure::infrastructure)?;
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

/// The way into a node that runs, in the sandbox or in a container, and the command of somebody else's that leads there too.
fn find(nodes: &Path, node: u32) -> anyhow::Result<Option<(Visit, String)>> {
    if let Some(visit) = Visit::find(nodes, node)? {
        let other = visit.nsenter();
        return Ok(Some((visit, other)));
    }
    let Some(found) = docker::find(nodes, node) else {
        return Ok(None);
    };
    let other = format!("docker exec -it {} sh", found.name);
    let visit = Visit::of(found.pid)
        .with_context(|| format!("look into node n{node}: this takes root; `{other}` may do without"))?;
    Ok(Some((visit, other)))
}
