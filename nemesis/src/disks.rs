//! What faults of disks have in common: hooks on the disks of nodes, power losses, and bringing back the brokers that
//! did not bear them.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result};
use cluster::{DiskEffect, Exit, FileKind, Hook, HookCounts, HookId, Loss, Lost, Operation};
use history::{Moment, NodeId};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::ending::{Endings, Means};
use crate::fault::{Evidence, Scene};

/// How long a broker whose disk works again may take to show that it lives, …
const BACK_WITHIN: Duration = Duration::from_secs(12);
/// … how long one question to it may take, …
const ANSWERS_WITHIN: Duration = Duration::from_millis(500);
/// … and how often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a broker asks of its disk, as plans say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskOperation {
    /// Reading what is in no cache.
    Read,
    /// Writing.
    Write,
    /// Bringing what was written to the disk: fsync, fdatasync, msync.
    Sync,
}

impl DiskOperation {
    /// Its word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "sync",
        }
    }
}

impl From<DiskOperation> for Operation {
    fn from(operation: DiskOperation) -> Self {
        match operation {
            DiskOperation::Read => Self::Read,
            DiskOperation::Write => Self::Write,
            DiskOperation::Sync => Self::Sync,
        }
    }
}

/// What a power loss leaves, drawn for each node from the fault's seed.
pub(crate) fn loss(torn: bool, strict: bool, seed: u32, node: NodeId) -> Loss {
    let seed = u64::from(seed) << 8 | u64::from(node);
    Loss {
        torn: torn.then_some(seed),
        strict,
    }
}

/// Which files, in words: `segment files`.
pub(crate) fn files(kind: FileKind) -> String {
    match kind {
        FileKind::Any => "all files".to_owned(),
        kind => format!("{} files", kind.word()),
    }
}

/// Hooks on the disks of nodes, which are taken away when the fault is over.
#[derive(Default)]
pub(crate) struct Hooks {
    set: Vec<(NodeId, HookId)>,
    over: Vec<(NodeId, HookCounts)>,
}

impl Hooks {
    /// Puts a hook on each of these operations of each of these nodes.
    pub(crate) fn set(
        &mut self,
        scene: &Scene,
        nodes: &[NodeId],
        kind: FileKind,
        operations: &[DiskOperation],
        effect: &DiskEffect,
    ) -> Result<()> {
        let files = scene.cluster.files_of(kind);
        for &node in nodes {
            let disk = scene.cluster.disk(node)?;
            for &operation in operations {
                let id = disk.hook(Hook {
                    files: files.clone(),
                    operation: operation.into(),
                    effect: effect.clone(),
                });
                self.set.push((node, id));
            }
        }
        Ok(())
    }

    /// What a node's hooks have done so far.
    pub(crate) fn counts(&self, scene: &Scene, node: NodeId) -> Result<HookCounts> {
        let disk = scene.cluster.disk(node)?;
        let own = self.set.iter().filter(|(of, _)| *of == node);
        Ok(own.fold(HookCounts::default(), |sum, (_, id)| add(sum, disk.counts(*id))))
    }

    /// Takes them away.
    pub(crate) fn remove(&mut self, scene: &Scene) -> Result<()> {
        while let Some((node, id)) = self.set.last().copied() {
            let counts = scene.cluster.disk(node)?.unhook(id);
            self.set.pop();
            match self.over.iter_mut().find(|(of, _)| *of == node) {
                Some((_, sum)) => *sum = add(*sum, counts),
                None => self.over.push((node, counts)),
            }
        }
        self.over.sort_unstable_by_key(|(node, _)| *node);
        Ok(())
    }

    /// What those that were taken away did: whether each of the nodes felt it, and it in words.
    pub(crate) fn evidence(&self, what: impl Fn(&HookCounts) -> String) -> Evidence {
        let texts: Vec<String> = self
            .over
            .iter()
            .map(|(node, counts)| format!("node {node}: {}", what(counts)))
            .collect();
        Evidence {
            bit: !self.over.is_empty() && self.over.iter().all(|(_, counts)| counts.hit > 0),
            text: if texts.is_empty() {
                "no disk was reached".to_owned()
            } else {
                texts.join(", ")
            },
        }
    }
}

fn add(one: HookCounts, other: HookCounts) -> HookCounts {
    HookCounts {
        seen: one.seen + other.seen,
        hit: one.hit + other.hit,
        bytes: one.bytes + other.bytes,
        waited: one.waited + other.waited,
    }
}

/// Brings back the brokers that ended because of their disks, which work again: some take a moment to notice that they
/// cannot go on. Says how they ended.
pub(crate) async fn revive(scene: &Scene, nodes: &[NodeId]) -> Result<Vec<(NodeId, Exit)>> {
    let ended = await_back(scene, nodes).await?;
    let endings = Endings::new(Means::Kill);
    for (node, _) in &ended {
        endings
            .start(scene, *node)
            .await
            .with_context(|| format!("start node {node} again"))?;
    }
    Ok(ended)
}

/// Waits until each of these brokers answers, or has ended: those, and how.
pub(crate) async fn await_back(scene: &Scene, nodes: &[NodeId]) -> Result<Vec<(NodeId, Exit)>> {
    let until = Instant::now() + BACK_WITHIN;
    let mut ended = Vec::new();
    for &node in nodes {
        let machine = scene.cluster.machine(node)?;
        loop {
            if machine.process_state().await?.is_none() {
                ended.push((node, machine.exited().await?));
                break;
            }
            if scene.cluster.answers(node, ANSWERS_WITHIN).await || Instant::now() + LOOK_EVERY >= until {
                break;
            }
            sleep(LOOK_EVERY).await;
        }
    }
    Ok(ended)
}

/// Adds how brokers ended to an evidence.
pub(crate) fn and_ends(evidence: Evidence, ends: &[(NodeId, Exit)]) -> Evidence {
    if ends.is_empty() {
        return evidence;
    }
    let texts: Vec<_> = ends
        .iter()
        .map(|(node, exit)| format!("the broker of node {node} {exit}"))
        .collect();
    evidence.and(&texts.join(", "))
}

/// Power losses of nodes, of which each is taken down before it is brought about.
pub(crate) struct PowerLosses {
    torn: bool,
    strict: bool,
    seed: u32,
    /// Nodes whose power was cut and that have not lost what was not synced yet.
    cut: Vec<NodeId>,
    lost: Vec<(NodeId, Lost)>,
}

impl PowerLosses {
    pub(crate) fn new(torn: bool, strict: bool, seed: Option<u32>) -> Self {
        Self {
            torn,
            strict,
            seed: seed.unwrap_or_default(),
            cut: Vec::new(),
            lost: Vec::new(),
        }
    }

    /// The power of all of these fails at one instant.
    pub(crate) fn cut(&mut self, scene: &Scene, nodes: &[NodeId]) -> Result<()> {
        self.cut.extend(
            nodes
                .iter()
                .filter(|node| !self.cut.contains(node))
                .copied()
                .collect::<Vec<_>>(),
        );
        scene.cluster.cut_power(nodes)
    }

    /// Those of these nodes that have not lost anything yet.
    pub(crate) fn without_loss(&self, nodes: &[NodeId]) -> Vec<NodeId> {
        let has_lost = |node: &NodeId| self.lost.iter().any(|(of, _)| of == node);
        nodes.iter().copied().filter(|node| !has_lost(node)).collect()
    }

    /// Ends the processes of those whose power was cut, and has their disks lose what was not synced.
    pub(crate) async fn finish(&mut self, scene: &Scene, endings: &Endings) -> Result<()> {
        endings.end_all(scene, &self.cut).await?;
        scene.cluster.keep(&self.cut, Moment::BeforePowerLoss).await;
        while let Some(&node) = self.cut.last() {
            let lost = scene
                .cluster
                .disk(node)?
                .lose(loss(self.torn, self.strict, self.seed, node))
                .await?;
            self.cut.pop();
            self.lost.push((node, lost));
        }
        self.lost.sort_unstable_by_key(|(node, _)| *node);
        Ok(())
    }

    /// What was lost, beside how the processes ended.
    pub(crate) fn evidence(&self, ended: Evidence) -> Evidence {
        let mut text = String::new();
        for (node, lost) in &self.lost {
            let comma = if text.is_empty() { "" } else { ", " };
            let Lost {
                files,
                bytes,
                pages,
                operations,
            } = lost;
            let _ = write!(
                text,
                "{comma}node {node} lost {bytes} bytes at the ends and {pages} pages within {files} files, and \
                 {operations} changes of names"
            );
        }
        let bit = ended.bit && !self.lost.is_empty();
        let evidence = Evidence { bit, ..ended };
        if text.is_empty() {
            evidence.and("no disk lost anything")
        } else {
            evidence.and(&text)
        }
    }
}
