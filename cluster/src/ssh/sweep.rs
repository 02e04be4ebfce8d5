//! Takes away what runs left on hosts that were killed: only where it is certain that nobody goes on with it.

use std::time::Duration;

use anyhow::{Context, Result};
use ssh2::Session;

use super::inventory::Host;
use super::session::{self, Pin, must, quoted};
use crate::agent::PROGRAM;
use crate::owner::Process;

/// The directory of a run without an agent lies there for a moment as it is made: after this time it is left over.
const MADE_WITHIN: Duration = Duration::from_secs(120);

/// What was found on a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// The runs that were ended, and taken away.
    pub removed: Vec<String>,
    /// Those that go on, or are of another machine: their leases will end them.
    pub left: Vec<String>,
    /// Whether the jars were taken away.
    pub jars: bool,
}

/// Sweeps a host whole, with the jars unless a run goes on.
///
/// # Errors
/// It cannot be reached, or something cannot be taken away.
pub fn sweep(host: &Host) -> Result<Swept> {
    let session = session::open(host, &Pin::default())?;
    let base = quoted(&host.directory);
    if session::run(&session, &format!("test -d {base}"), b"")?.status != 0 {
        return Ok(Swept::default());
    }
    let agent = format!("{}/sweeper-{}", host.directory, uuid::Uuid::new_v4().simple());
    let agent = quoted(&agent);
    must(
        &session,
        &format!("umask 077; cat >{agent} && chmod 700 {agent}"),
        PROGRAM,
    )
    .context("bring the agent")?;
    let sudo = if host.sudo { "sudo -n " } else { "" };
    let look = format!("{sudo}{agent} look {base}/runs");
    let swept = sweep_found(&session, host, &look, &format!("{sudo}{agent}"), None);
    let _ = session::run(&session, &format!("rm -f {agent}"), b"");
    let mut swept = swept?;
    if swept.left.is_empty() {
        let script = format!(
            "test ! -d {base}/jars || {{ rm -rf {base}/jars && echo jars; }}; rmdir {base}/runs {base} 2>/dev/null; true"
        );
        swept.jars = must(&session, &script, b"")?.contains("jars");
    }
    Ok(swept)
}

/// Sweeps away the other runs, by the agent of this one.
pub(super) fn sweep_runs(session: &Session, host: &Host, command: &str, run: &str) -> Result<Swept> {
    let (agent, _) = command
        .rsplit_once(" look ")
        .context("find the agent's program")?;
    let look = format!("{agent} look {}/runs", quoted(&host.directory));
    let own = run.rsplit('/').next();
    sweep_found(session, host, &look, agent, own)
}

fn sweep_found(session: &Session, host: &Host, look: &str, agent: &str, own: Option<&str>) -> Result<Swept> {
    let found = must(session, look, b"").context("look for what earlier runs left")?;
    let mut swept = Swept::default();
    for found in found.lines().filter_map(Found::parse) {
        if own == Some(found.run.as_str()) {
            continue;
        }
        if found.is_orphan() {
            let run = quoted(&format!("{}/runs/{}", host.directory, found.run));
            must(session, &format!("{agent} end {run}"), b"")
                .with_context(|| format!("end the run {}", found.run))?;
            swept.removed.push(found.run);
        } else {
            swept.left.push(found.run);
        }
    }
    Ok(swept)
}

/// A run that was found on a host.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    run: String,
    /// Whether its agent lives.
    lives: bool,
    /// Since it was heard of Tribunal, or since its directory was changed where there is no agent.
    since: Duration,
    owner: Option<Process>,
}

impl Found {
    /// By the agent's line about it.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(3, ' ');
        let (run, since) = (words.next()?, words.next()?);
        // It becomes part of a path.
        let is_ours = !run.is_empty() && run.bytes().all(|byte| byte.is_ascii_hexdigit());
        let milliseconds = since.trim_start_matches('-').parse().ok()?;
        is_ours.then(|| Self {
            run: run.to_owned(),
            lives: !since.starts_with('-'),
            since: Duration::from_millis(milliseconds),
            owner: words.next().and_then(Process::parse),
        })
    }

    /// Whether nobody goes on with it for certain. Of another machine's only what has lost its agent is known to be left.
    fn is_orphan(&self) -> bool {
        match &self.owner {
            Some(owner) if owner.is_here() => owner.is_gone(),
            _ => !self.lives && self.since > MADE_WITHIN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_goes_on_with_is_swept() {
        let own = Process::own();
        let found = |owner: &str, since: &str| Found::parse(&format!("ab12 {since} {owner}")).expect("known");
        assert!(!found(&own.to_string(), "5").is_orphan(), "it goes on");
        let (_, ticks) = own.started.rsplit_once('-').expect("a boot and ticks");
        let gone = own.to_string().replace(ticks, "1");
        assert!(found(&gone, "5").is_orphan());
        let elsewhere = own.to_string().replace(&own.started, "another-1");
        assert!(!found(&elsewhere, "5").is_orphan(), "its lease ends it");
        assert!(!found(&elsewhere, "-5").is_orphan(), "it may just be made");
        assert!(found(&elsewhere, "-500000").is_orphan());
        assert_eq!(Found::parse("../x 5 a b c"), None);
    }
}
