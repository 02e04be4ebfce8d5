//! Machines in namespaces of this host, joined by a switch in this process: the default environment.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::sandbox::{Deeds, DiskSpec, Effect, GroupId, Matcher, Rule, Sandbox, SandboxSpec, Switch};
use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use history::NodeId;
use tokio::sync::oneshot;

use crate::disk::{Disk, DiskStats, Files, Flip, Hook, HookCounts, HookId, Loss, Lost};
use crate::{
    Cut, Environment, Exit, ExitKind, Groups, Held, LinkRule, Links, Machine, Place, ProcessSpec, Skew,
    WallClock,
};

/// The directory of a node that can be a disk of its own: where brokers keep their data.
const DATA: &str = "data";

/// What a sandbox has beside its machines and their network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SandboxOptions {
    /// Whether each node's data lies on a disk that can fail.
    pub disks: bool,
}

/// A sandbox as an environment. Only the sandbox's conductor can make one (see [`sandbox::entry`]).
pub struct SandboxEnvironment {
    machines: Vec<Arc<dyn Machine>>,
    links: Arc<SwitchLinks>,
    sandbox: Sandbox,
}

impl SandboxEnvironment {
    /// Makes as many machines as asked for, numbered from 1, with their files in directories `n1`, `n2`, … of
    /// `directory`, which must exist. Blocks for some tens of milliseconds.
    pub fn create(nodes: u32, directory: &Path, options: &SandboxOptions) -> Result<Self> {
        let disk = options.disks.then(|| DiskSpec {
            directory: DATA.to_owned(),
            write_back: DiskSpec::WRITE_BACK,
        });
        let spec = SandboxSpec {
            nodes: (1..=nodes).collect(),
            directory: directory.to_owned(),
            disk,
        };
        let sandbox = Sandbox::create(&spec)?;
        let machine = |node: &Arc<sandbox::Node>| -> Arc<dyn Machine> {
            Arc::new(SandboxMachine {
                node: Arc::clone(node),
                process: Mutex::new(None),
            })
        };
        Ok(Self {
            machines: sandbox.nodes().iter().map(machine).collect(),
            links: Arc::new(SwitchLinks(Arc::clone(sandbox.switch()))),
            sandbox,
        })
    }

    /// The switch, for its statistics.
    pub fn switch(&self) -> &Arc<Switch> {
        self.sandbox.switch()
    }

    /// Calls back with the number of each machine that is lost whole: then the run cannot go on.
    pub fn on_loss(&self, callback: impl Fn(NodeId) + Send + Sync + 'static) {
        self.sandbox.on_loss(callback);
    }
}

impl Environment for SandboxEnvironment {
    fn machines(&self) -> &[Arc<dyn Machine>] {
        &self.machines
    }

    fn links(&self) -> Option<Arc<dyn Links>> {
        Some(Arc::clone(&self.links) as Arc<dyn Links>)
    }
}

struct SandboxMachine {
    node: Arc<sandbox::Node>,
    /// The newest process.
    process: Mutex<Option<sandbox::Process>>,
}

impl SandboxMachine {
    fn newest(&self) -> Option<sandbox::Process> {
        self.process
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn running(&self, what: &str) -> Result<sandbox::Process> {
        let number = self.node.number();
        self.newest()
            .with_context(|| format!("{what} node {number}: no process runs"))
    }
}

#[async_trait]
impl Machine for SandboxMachine {
    fn node(&self) -> NodeId {
        self.node.number()
    }

    fn host(&self) -> &str {
        self.node.host()
    }

    fn address(&self) -> Ipv4Addr {
        self.node.address()
    }

    fn side_address(&self) -> Ipv4Addr {
        self.node.side_address()
    }

    fn directory(&self) -> PathBuf {
        self.node.directory().to_owned()
    }

    fn clock(&self) -> Option<Arc<dyn WallClock>> {
        let clock = self.node.clock()?;
        Some(Arc::new(NodeClock(Arc::clone(clock))))
    }

    fn clock_environment(&self, directory: &Path) -> Vec<(String, String)> {
        self.node
            .clock()
            .map_or_else(Vec::new, |clock| clock.environment(directory))
    }

    fn disk(&self) -> Option<Arc<dyn Disk>> {
        let disk = Arc::clone(self.node.disk()?);
        Some(Arc::new(SandboxDisk(disk)))
    }

    async fn start(&self, spec: &ProcessSpec) -> Result<()> {
        if self.newest().is_some_and(|process| process.exit().is_none()) {
            bail!("start a process on node {}: one is running", self.node.number());
        }
        let command = sandbox::Command {
            argv: spec.command.clone(),
            environment: spec.environment.clone(),
            directory: spec.directory.clone(),
            output: spec.output.clone(),
        };
        let node = Arc::clone(&self.node);
        let start = move || {
            if let Some(disk) = node.disk() {
                // Whoever starts a machine switches it on. And its data may have been formatted since.
                disk.restore()?;
                disk.refresh()?;
            }
            node.start(&command)
        };
        let process = blocking(start).await?;
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
        Ok(())
    }

    async fn signal(&self, signal: i32) -> Result<()> {
        let process = self.running("signal")?;
        blocking(move || process.signal(signal)).await
    }

    async fn process_state(&self) -> Result<Option<char>> {
        let Some(process) = self.newest() else {
            return Ok(None);
        };
        Ok(blocking(move || process.state()).await?.map(|state| state.state))
    }

    async fn cpu_time(&self) -> Result<Option<Duration>> {
        let Some(process) = self.newest() else {
            return Ok(None);
        };
        Ok(blocking(move || process.state()).await?.map(|state| state.cpu))
    }

    fn groups(&self) -> Option<&dyn Groups> {
        Some(self)
    }

    async fn exited(&self) -> Result<Exit> {
        let Some(process) = self.newest() else {
            return Ok(Exit {
                kind: ExitKind::NeverStarted,
            });
        };
        let (ended, end) = oneshot::channel();
        process.on_exit(move |exit| {
            // Whoever asked may have given up.
            let _ = ended.send(exit);
        });
        let exit = end
            .await
            .context("watch a process: its node's thread is gone")??;
        Ok(Exit {
            kind: match exit {
                sandbox::Exit::Status(status) => ExitKind::Status(status),
                sandbox::Exit::Signal(signal) => ExitKind::Signal(signal),
            },
        })
    }
}

#[async_trait]
impl Groups for SandboxMachine {
    fn can_freeze(&self) -> bool {
        self.node.can_freeze()
    }

    fn can_limit_cpu(&self) -> bool {
        self.node.can_limit_cpu()
    }

    async fn freeze(&self) -> Result<()> {
        let process = self.running("freeze")?;
        blocking(move || process.freeze()).await
    }

    async fn thaw(&self) -> Result<()> {
        let node = Arc::clone(&self.node);
        blocking(move || node.thaw()).await
    }

    async fn limit_cpu(&self, percent: u32) -> Result<()> {
        let process = self.running("limit the CPU time of")?;
        blocking(move || process.limit_cpu(percent * 10)).await
    }

    async fn unlimit_cpu(&self) -> Result<()> {
        let node = Arc::clone(&self.node);
        blocking(move || node.unlimit_cpu()).await
    }

    async fn held(&self) -> Result<Held> {
        let node = Arc::clone(&self.node);
        let state = blocking(move || node.groups()).await?;
        let throttled = state.throttled.unwrap_or_default();
        Ok(Held {
            frozen: state.frozen == Some(true),
            throttled_periods: throttled.periods,
            throttled: throttled.time,
        })
    }
}

/// Asks an agent, which takes milliseconds, off the threads that must not wait.
async fn blocking<T: Send + 'static>(ask: impl FnOnce() -> sandbox::Result<T> + Send + 'static) -> Result<T> {
    let answer = tokio::task::spawn_blocking(ask).await;
    Ok(answer.context("ask a node's agent: a bug in Tribunal (panic)")??)
}

/// The clock of a node, in a sandbox or a container.
pub(crate) struct NodeClock(pub(crate) Arc<sandbox::Clock>);

impl WallClock for NodeClock {
    fn skew(&self, skew: Skew) -> Result<u64> {
        let skew = match skew {
            Skew::Jump { nanoseconds } => sandbox::Skew::Jump { nanoseconds },
            Skew::Drift { ppm } => sandbox::Skew::Drift { ppm },
            Skew::Strobe { period, nanoseconds } => sandbox::Skew::Strobe { period, nanoseconds },
        };
        Ok(self.0.apply(skew)?.0)
    }

    fn restore(&self, id: u64) {
        self.0.remove(sandbox::SkewId(id));
    }

    fn offset(&self) -> i64 {
        self.0.offset()
    }
}

struct SandboxDisk(Arc<sandbox::Disk>);

#[async_trait]
impl Disk for SandboxDisk {
    fn cut(&self) -> bool {
        self.0.cut()
    }

    fn is_on(&self) -> bool {
        self.0.is_on()
    }

    async fn lose(&self, how: Loss) -> Result<Lost> {
        let disk = Arc::clone(&self.0);
        blocking(move || disk.lose(how)).await
    }

    async fn restore(&self) -> Result<()> {
        let disk = Arc::clone(&self.0);
        blocking(move || disk.restore()).await
    }

    fn hook(&self, hook: Hook) -> HookId {
        self.0.hook(hook)
    }

    fn counts(&self, id: HookId) -> HookCounts {
        self.0.counts(id)
    }

    fn unhook(&self, id: HookId) -> HookCounts {
        self.0.unhook(id)
    }

    async fn rot(&self, files: &Files, bits: u32, seed: u64) -> Result<Vec<Flip>> {
        let (disk, files) = (Arc::clone(&self.0), files.clone());
        blocking(move || disk.rot(&files, bits, seed)).await
    }

    async fn mend(&self, flips: &[Flip]) -> Result<u32> {
        let (disk, flips) = (Arc::clone(&self.0), flips.to_vec());
        blocking(move || disk.mend(&flips)).await
    }

    fn stats(&self) -> DiskStats {
        self.0.stats()
    }
}

struct SwitchLinks(Arc<Switch>);

impl Links for SwitchLinks {
    fn cut(&self, cuts: &[Cut]) -> Result<u64> {
        let rules: Vec<Rule> = cuts.iter().map(rule).collect();
        Ok(self.0.apply(&rules)?.0)
    }

    fn can_shape(&self) -> bool {
        true
    }

    fn shape(&self, rules: &[LinkRule], seed: u64) -> Result<u64> {
        let rules: Vec<Rule> = rules.iter().map(shaping).collect();
        Ok(self.0.apply_seeded(&rules, seed)?.0)
    }

    fn report(&self, id: u64) -> Deeds {
        self.0.deeds(GroupId(id)).unwrap_or_default()
    }

    fn heal(&self, id: u64) -> Deeds {
        self.0.remove(GroupId(id)).unwrap_or_default()
    }
}

fn shaping(rule: &LinkRule) -> Rule {
    Rule {
        from: place(rule.from),
        to: place(rule.to),
        matcher: rule.service.map_or(Matcher::All, Matcher::Service),
        effect: rule.effect,
    }
}

fn rule(cut: &Cut) -> Rule {
    Rule {
        from: place(cut.from),
        to: place(cut.to),
        matcher: match (cut.source_port, cut.destination_port) {
            (None, None) => Matcher::All,
            (source, destination) => Matcher::Tcp { source, destination },
        },
        effect: Effect::Drop,
    }
}

fn place(place: Place) -> sandbox::Place {
    match place {
        Place::Node(node) => sandbox::Place::Node(node),
        Place::Clients => sandbox::Place::Clients,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_the_switchs_rule() {
        let whole = Cut {
            from: Place::Node(1),
            to: Place::Clients,
            destination_port: None,
            source_port: None,
        };
        let rules = [
            whole,
            Cut {
                destination_port: Some(9092),
                ..whole
            },
        ]
        .map(|cut| rule(&cut));
        let expected = |matcher| Rule {
            from: sandbox::Place::Node(1),
            to: sandbox::Place::Clients,
            matcher,
            effect: Effect::Drop,
        };
        let tcp = Matcher::Tcp {
            source: None,
            destination: Some(9092),
        };
        assert_eq!(rules, [expected(Matcher::All), expected(tcp)]);
    }
}
