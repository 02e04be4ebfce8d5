//! A host that is taken for a run: looked at, given the agent and the jars, and left as it was found.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, ensure};
use sha2::{Digest as _, Sha256};
use ssh2::Session;

use super::agent::Way;
use super::inventory::Host;
use super::session::{self, Pin, must, quoted};
use super::sweep;
use crate::agent::PROGRAM;
use crate::kafka::Java;
use crate::owner::Process;

/// What a host is, as it is found.
pub(super) struct Seen {
    pub(super) architecture: String,
    pub(super) java: Java,
    user: String,
    group: String,
}

impl Seen {
    /// Looks at a host, and changes nothing there.
    pub(super) fn new(host: &Host) -> Result<Self> {
        Self::by(&session::open(host, &Pin::default())?, host)
    }

    fn by(session: &Session, host: &Host) -> Result<Self> {
        let asked = must(session, "uname -s; uname -m; id -u; id -g", b"").context("ask what it is")?;
        let words: Vec<&str> = asked.lines().collect();
        let [system, architecture, user, group] = words[..] else {
            anyhow::bail!("ask what it is: it says {asked:?}");
        };
        let own = std::env::consts::ARCH;
        ensure!(
            system == "Linux" && architecture == own,
            "run a node on {system} {architecture}: this build of Tribunal is for Linux {own}, and so is the agent that it brings"
        );
        if host.sudo {
            must(session, "sudo -n true", b"").context(
                "become root there: `sudo` has to be allowed without a password, or leave `sudo` out of the inventory: links are \
                 not cut then",
            )?;
        }
        must(session, "command -v sha256sum", b"").context("find sha256sum there, which is in coreutils")?;
        Ok(Self {
            architecture: architecture.to_owned(),
            java: java(session, host)?,
            user: user.to_owned(),
            group: group.to_owned(),
        })
    }
}

/// The Java there, if brokers can run on it.
fn java(session: &Session, host: &Host) -> Result<Java> {
    let named = host.java.as_deref().map(quoted);
    let named = named.unwrap_or_else(|| "\"$(command -v java || echo \"$JAVA_HOME/bin/java\")\"".to_owned());
    let script = format!(
        "java={named}; test -x \"$java\" || exit 3; echo \"$java\"; \
         exec \"$java\" -XX:-UsePerfData -XX:TieredStopAtLevel=1 -XshowSettings:properties -version 2>&1"
    );
    let asked = must(session, &script, b"").context(
        "find Java there: install one (Debian, Ubuntu: `apt-get install openjdk-17-jre-headless`) or name it in the inventory \
         (`java`)",
    )?;
    let (program, text) = asked
        .split_once('\n')
        .context("find Java there: it says nothing")?;
    Java::judge(PathBuf::from(program), text)
}

/// A host that is held by an agent of ours; given back as this is dropped.
pub(super) struct Held {
    pub(super) way: Arc<Way>,
    pub(super) seen: Seen,
}

impl Held {
    /// Sweeps the host, and leaves the agent's program there.
    pub(super) fn new(host: &Host, run: &str) -> Result<Self> {
        ensure!(
            !PROGRAM.is_empty(),
            "this build of Tribunal has no agent for hosts"
        );
        let way = Arc::new(Way {
            run: format!("{}/runs/{run}", host.directory),
            host: host.clone(),
            pin: Pin::default(),
            closed: AtomicBool::new(false),
        });
        let session = session::open(host, &way.pin)?;
        let seen = Seen::by(&session, host)?;
        // From here on it is given back, also where the rest fails.
        let held = Self { way, seen };
        held.bring(&session)?;
        Ok(held)
    }

    fn bring(&self, session: &Session) -> Result<()> {
        let host = &self.way.host;
        let (base, run) = (quoted(&host.directory), quoted(&self.way.run));
        let make = format!(
            "set -e; umask 077; mkdir -p {base}; test -O {base} || {{ echo 'the directory belongs to somebody else' >&2; exit 3; }}; \
             mkdir -p {base}/jars {base}/runs; mkdir {run}; echo {} >{run}/owner; cat >{run}/agent; chmod 700 {run}/agent",
            quoted(&Process::own().to_string())
        );
        must(session, &make, PROGRAM).with_context(|| format!("make the directory {}", host.directory))?;
        sweep::sweep_runs(session, host, &self.way.command("look"), &self.way.run)?;
        Ok(())
    }

    /// Starts the agent: from here on it has to be heard of.
    pub(super) fn begin(&self) -> Result<()> {
        let host = &self.way.host;
        let session = session::open(host, &self.way.pin)?;
        let begin = format!(
            "{} {} {} {}",
            self.way.command("begin"),
            host.lease.as_secs(),
            self.seen.user,
            self.seen.group
        );
        must(&session, &begin, b"").context("start the agent there")?;
        Ok(())
    }

    /// Copies the jars that are not there yet, and makes sure of all of them.
    pub(super) fn copy(&self, jars: &Jars) -> Result<()> {
        let session = session::open(&self.way.host, &self.way.pin)?;
        let directory = format!("{}/jars", self.way.host.directory);
        for (name, (path, _)) in jars.missing(&session, &directory)? {
            let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
            let (part, whole) = (format!("{}/part", self.way.run), format!("{directory}/{name}"));
            let script = format!("cat >{0} && mv {0} {1}", quoted(&part), quoted(&whole));
            must(&session, &script, &bytes).with_context(|| format!("copy {}", path.display()))?;
        }
        let left = jars.missing(&session, &directory)?;
        ensure!(
            left.is_empty(),
            "{} jars came there damaged: is its disk full?",
            left.len()
        );
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.way.closed.store(true, Ordering::SeqCst);
        // Where it cannot be reached, it gives itself back as its lease ends.
        if let Ok(session) = session::open(&self.way.host, &self.way.pin) {
            let _ = session::run(&session, &self.way.command("end"), b"");
            let (run, base) = (quoted(&self.way.run), quoted(&self.way.host.directory));
            // What was made before there was an agent; what is not empty stays.
            let script = format!("rm -rf {run}; rmdir {base}/runs {base}/jars {base} 2>/dev/null; true");
            let _ = session::run(&session, &script, b"");
        }
    }
}

/// Files of ours by the names that they have on hosts: their sums, so that another version is another file.
pub(super) struct Jars(BTreeMap<String, (PathBuf, String)>);

impl Jars {
    pub(super) fn of(files: &[PathBuf]) -> Result<Self> {
        let named = files.iter().map(|path| {
            let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
            let sum = format!("{:x}", Sha256::digest(&bytes));
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Ok((format!("{sum}-{name}"), (path.clone(), sum)))
        });
        Ok(Self(named.collect::<Result<_>>()?))
    }

    /// Where each is on a host.
    pub(super) fn paths(&self, directory: &str) -> impl Iterator<Item = (PathBuf, String)> {
        self.0
            .iter()
            .map(move |(name, (path, _))| (path.clone(), format!("{directory}/jars/{name}")))
    }

    /// Those that are not there whole.
    fn missing(&self, session: &Session, directory: &str) -> Result<Vec<(&String, &(PathBuf, String))>> {
        let script = format!("cd {} && sha256sum -- * 2>/dev/null; true", quoted(directory));
        let sums = must(session, &script, b"").context("look for the jars there")?;
        let there: BTreeMap<&str, &str> = sums
            .lines()
            .filter_map(|line| line.split_once(char::is_whitespace))
            .map(|(sum, name)| (name.trim_start_matches([' ', '*']), sum))
            .collect();
        let lacks = |(name, (_, sum)): &(&String, &(PathBuf, String))| {
            there.get(name.as_str()) != Some(&sum.as_str())
        };
        Ok(self.0.iter().filter(lacks).collect())
    }
}
