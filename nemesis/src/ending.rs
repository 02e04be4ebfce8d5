//! Ending brokers' processes and starting them again, for every fault that does so. Each end is taken down before
//! it is asked for, so that whatever stops an injection half-way, healing finishes what was begun and starts the node.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use cluster::{Exit, ExitKind};
use history::NodeId;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::fault::{Evidence, Scene};

/// How long a process may take to be gone after SIGKILL.
const GONE_WITHIN: Duration = Duration::from_secs(10);
/// How long a process may take to end by itself after SIGTERM, before it is killed.
const ENDS_WITHIN: Duration = Duration::from_secs(15);
/// How long starting a process may take; whether it serves is another question.
const STARTED_WITHIN: Duration = Duration::from_secs(10);
/// How long one question to a broker that comes up may take, …
const ANSWERS_WITHIN: Duration = Duration::from_millis(500);
/// … and how often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(20);
/// How often the ISRs are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How a process is ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// By asking it to end: SIGTERM. A broker hands its partitions over first.
    #[default]
    Terminate,
    /// By SIGKILL.
    Kill,
}

impl Means {
    /// The signal's name.
    pub(crate) fn signal(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Kill => "SIGKILL",
        }
    }

    /// Whether that is how a process ends that was ended so.
    fn explains(self, exit: Exit) -> bool {
        match self {
            Self::Terminate => matches!(exit.kind, ExitKind::Status(_)),
            Self::Kill => exit.kind == ExitKind::Signal(libc::SIGKILL),
        }
    }

    async fn end(self, scene: &Scene, node: NodeId) -> Result<Exit> {
        let cluster = &scene.cluster;
        let ended = match self {
            Self::Terminate => timeout(ENDS_WITHIN + GONE_WITHIN, cluster.stop_node(node, ENDS_WITHIN)).await,
            Self::Kill => timeout(GONE_WITHIN, cluster.kill_node(node)).await,
        };
        ended
            .with_context(|| format!("node {node} is not gone {GONE_WITHIN:?} after SIGKILL"))?
            .with_context(|| format!("node {node}"))
    }
}

/// The ends of processes that one fault brought about, and their new starts. A handle: its copies are the same.
#[derive(Clone)]
pub(crate) struct Endings {
    means: Means,
    nodes: Arc<Mutex<BTreeMap<NodeId, Story>>>,
}

/// What a fault did to one node's processes.
#[derive(Clone, Debug, Default)]
struct Story {
    /// It was asked to end, and how it ended is not known yet.
    ending: bool,
    /// When the newest process was started.
    started: Option<Instant>,
    exits: Vec<Exit>,
    /// When the newest of them was seen.
    ended: Option<Instant>,
    /// How long the node was down before each start that was not the healing's.
    down: Vec<Duration>,
    /// How long each process that was seen to serve took for it.
    served: Vec<Duration>,
}

impl Endings {
    pub(crate) fn new(means: Means) -> Self {
        Self {
            means,
            nodes: Arc::default(),
        }
    }

    /// Ends a node's process.
    pub(crate) async fn end(&self, scene: &Scene, node: NodeId) -> Result<Exit> {
        self.note(node, |story| story.ending = true);
        let exit = self.means.end(scene, node).await?;
        self.note(node, |story| {
            story.ending = false;
            story.exits.push(exit);
            story.ended = Some(Instant::now());
        });
        Ok(exit)
    }

    /// Ends the processes of these nodes at once.
    pub(crate) async fn end_all(&self, scene: &Scene, nodes: &[NodeId]) -> Result<()> {
        let each =
            |endings: Self, scene: Scene, node| async move { endings.end(&scene, node).await.map(drop) };
        self.at_once(scene, nodes, each).await
    }

    /// Does the same with each of these nodes at once; the error is the first node's that had one.
    pub(crate) async fn at_once<F>(
        &self,
        scene: &Scene,
        nodes: &[NodeId],
        each: impl Fn(Self, Scene, NodeId) -> F,
    ) -> Result<()>
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let mut all = JoinSet::new();
        for &node in nodes {
            all.spawn(each(self.clone(), scene.clone(), node));
        }
        let mut outcome = Ok(());
        while let Some(one) = all.join_next().await {
            outcome = outcome.and(one.unwrap_or_else(|panic| Err(panic.into())));
        }
        outcome
    }

    /// Starts a node's process, unless one runs, and takes down how long it was down.
    pub(crate) async fn start(&self, scene: &Scene, node: NodeId) -> Result<()> {
        self.note(node, |story| {
            story.down.extend(story.ended.map(|at| at.elapsed()));
        });
        self.start_now(scene, node).await
    }

    async fn start_now(&self, scene: &Scene, node: NodeId) -> Result<()> {
        if runs(scene, node).await? {
            return Ok(());
        }
        self.note(node, |story| story.started = Some(Instant::now()));
        let cluster = scene.cluster.clone();
        // A task of its own: a start that is dropped half-way would leave a process that nobody knows of.
        let start = tokio::spawn(async move { cluster.start_node(node).await });
        let started = timeout(STARTED_WITHIN, start)
            .await
            .with_context(|| format!("not started within {STARTED_WITHIN:?}"))?
            .context("a bug in Tribunal (panic)")?;
        match started {
            // Somebody else was faster, such as the start of an injection that was broken off.
            Err(_) if runs(scene, node).await? => Ok(()),
            other => other,
        }
    }

    /// Waits until the newest process of a node serves: how long after its start it did.
    pub(crate) async fn serves(&self, scene: &Scene, node: NodeId, within: Duration) -> Option<Duration> {
        let until = Instant::now() + within;
        while !scene.cluster.answers(node, ANSWERS_WITHIN).await {
            if Instant::now() + ASK_EVERY >= until {
                return None;
            }
            sleep(ASK_EVERY).await;
        }
        let took = self.with(|nodes| nodes.get(&node)?.started)?.elapsed();
        self.note(node, |story| story.served.push(took));
        Some(took)
    }

    /// Waits until the newest process of a node serves and is in the ISR of every partition that it holds.
    pub(crate) async fn is_back(&self, scene: &Scene, node: NodeId, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        if self.serves(scene, node, left).await.is_none() {
            return false;
        }
        while !in_every_isr(scene, node) {
            if Instant::now() + LOOK_EVERY >= until {
                return false;
            }
            sleep(LOOK_EVERY).await;
        }
        true
    }

    /// Finishes every end that was begun, and starts every node that does not run.
    pub(crate) async fn heal(&self, scene: &Scene) -> Result<()> {
        let mut starts = JoinSet::new();
        for node in self.with(|nodes| nodes.keys().copied().collect::<Vec<_>>()) {
            let (endings, scene) = (self.clone(), scene.clone());
            starts.spawn(async move { (node, endings.bring_back(&scene, node).await) });
        }
        let mut errors: Vec<_> = starts
            .join_all()
            .await
            .into_iter()
            .filter_map(|(node, started)| Some((node, started.err()?)))
            .collect();
        if errors.is_empty() {
            return Ok(());
        }
        errors.sort_by_key(|(node, _)| *node);
        let texts: Vec<_> = errors
            .iter()
            .map(|(node, error)| format!("node {node}: {error:#}"))
            .collect();
        bail!("start again: {}", texts.join("; "))
    }

    async fn bring_back(&self, scene: &Scene, node: NodeId) -> Result<()> {
        let half_way = self.with(|nodes| nodes.get(&node).is_some_and(|story| story.ending));
        if half_way {
            // The signal may be on its way: a process that has it must not pass for one that runs.
            // Where it cannot be ended it goes on, which is as good.
            let _ = self.end(scene, node).await;
        }
        self.start_now(scene, node).await
    }

    /// Whether every process that was to end did, and in that way; and how.
    pub(crate) fn evidence(&self) -> Evidence {
        let stories = self.with(Clone::clone);
        let ended = || stories.values().flat_map(|story| &story.exits);
        let texts: Vec<_> = stories
            .iter()
            .filter(|(_, story)| !story.exits.is_empty())
            .map(|(node, story)| format!("node {node} {}", story.describe()))
            .collect();
        Evidence {
            bit: ended().next().is_some() && ended().all(|exit| self.means.explains(*exit)),
            text: if texts.is_empty() {
                "no process ended".to_owned()
            } else {
                texts.join(", ")
            },
        }
    }

    fn note(&self, node: NodeId, change: impl FnOnce(&mut Story)) {
        change(self.lock().entry(node).or_default());
    }

    fn with<T>(&self, look: impl FnOnce(&BTreeMap<NodeId, Story>) -> T) -> T {
        look(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<NodeId, Story>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the node is in sync in every partition that it holds, and each of them has a leader.
fn in_every_isr(scene: &Scene, node: NodeId) -> bool {
    let partitions = scene.cluster.view().partitions();
    let mut held = partitions.values().filter(|view| view.replicas.contains(&node));
    held.all(|view| view.leader.is_some() && view.isr.contains(&node))
}

async fn runs(scene: &Scene, node: NodeId) -> Result<bool> {
    Ok(scene.cluster.machine(node)?.process_state().await?.is_some())
}

impl Story {
    /// `killed by signal 9 (3 times), down for 0.0 s, served again after 2.9 to 3.4 s`.
    fn describe(&self) -> String {
        let mut kinds: Vec<(String, usize)> = Vec::new();
        for exit in self.exits.iter().map(ToString::to_string) {
            match kinds.iter_mut().find(|(kind, _)| *kind == exit) {
                Some((_, count)) => *count += 1,
                None => kinds.push((exit, 1)),
            }
        }
        let kinds: Vec<_> = kinds
            .into_iter()
            .map(|(kind, count)| match count {
                1 => kind,
                more => format!("{kind} ({more} times)"),
            })
            .collect();
        let mut text = kinds.join(" and ");
        for (what, times) in [("down for", &self.down), ("served again after", &self.served)] {
            if let Some(range) = range(times) {
                let _ = write!(text, ", {what} {range} s");
            }
        }
        text
    }
}

/// The shortest and the longest of some times, in seconds: `0.1`, `2.9 to 3.4`.
fn range(times: &[Duration]) -> Option<String> {
    let seconds = |time: &Duration| format!("{:.1}", time.as_secs_f64());
    let (least, most) = (seconds(times.iter().min()?), seconds(times.iter().max()?));
    Some(if least == most {
        least
    } else {
        format!("{least} to {most}")
    })
}
