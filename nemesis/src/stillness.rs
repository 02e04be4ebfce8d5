//! A process that stands still: waiting until it does, and what shows it.

use std::time::Duration;

use anyhow::{Result, bail};
use history::NodeId;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::fault::{Evidence, Scene};

/// How long a process that stands still is asked for an answer that must not come.
const SILENT_FOR: Duration = Duration::from_millis(500);
/// How long a process may take to stand still: each of its threads has to be told.
const STILL_WITHIN: Duration = Duration::from_secs(3);
/// How often it is looked whether it does.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How much CPU time it may use meanwhile: the last of its threads may stop a moment after the first, and the kernel
/// counts in hundredths of a second.
const USED_MAX: Duration = Duration::from_millis(20);

/// What a process looked like that was to stand still.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) node: NodeId,
    /// Whether the kernel says that it stands still, and its words for it.
    still: bool,
    word: String,
    answered: bool,
    /// The CPU time that it used while it was asked, where that is known.
    used: Option<Duration>,
}

/// How a fault makes a process stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Means {
    /// A signal to it.
    Stopped,
    /// Its control group.
    Frozen,
}

impl Means {
    /// Whether a node's process stands still now, in the kernel's words.
    async fn look(self, scene: &Scene, node: NodeId) -> Result<(bool, String)> {
        let machine = scene.cluster.machine(node)?;
        let Some(state) = machine.process_state().await? else {
            return Ok((false, "gone".to_owned()));
        };
        match (self, machine.groups()) {
            (Self::Stopped, _) => Ok((state == 'T', format!("in state {state}"))),
            (Self::Frozen, Some(groups)) if groups.held().await?.frozen => Ok((true, "frozen".to_owned())),
            (Self::Frozen, _) => Ok((false, format!("not frozen but in state {state}"))),
        }
    }
}

/// Waits until the processes of these nodes stand still, and asks each of them something.
pub(crate) async fn see(scene: &Scene, nodes: &[NodeId], means: Means) -> Result<Vec<Seen>> {
    let mut looks = JoinSet::new();
    for &node in nodes {
        let scene = scene.clone();
        looks.spawn(async move { see_one(&scene, node, means).await });
    }
    let mut all = Vec::new();
    while let Some(seen) = looks.join_next().await {
        all.push(seen??);
    }
    all.sort_unstable_by_key(|seen| seen.node);
    Ok(all)
}

async fn see_one(scene: &Scene, node: NodeId, means: Means) -> Result<Seen> {
    let until = Instant::now() + STILL_WITHIN;
    let (mut still, mut word) = means.look(scene, node).await?;
    while !still && word != "gone" && Instant::now() < until {
        sleep(LOOK_EVERY).await;
        (still, word) = means.look(scene, node).await?;
    }
    let machine = scene.cluster.machine(node)?;
    let before = machine.cpu_time().await?;
    let answered = scene.cluster.answers(node, SILENT_FOR).await;
    let after = machine.cpu_time().await?;
    Ok(Seen {
        node,
        still,
        word,
        answered,
        used: before
            .zip(after)
            .map(|(before, after)| after.saturating_sub(before)),
    })
}

/// Whether all of them stood still; `otherwise` is what is said where there is none.
pub(crate) fn evidence(seen: &[Seen], otherwise: &str) -> Evidence {
    let texts: Vec<_> = seen.iter().map(Seen::describe).collect();
    Evidence {
        bit: !seen.is_empty() && seen.iter().all(Seen::stood_still),
        text: if texts.is_empty() {
            otherwise.to_owned()
        } else {
            texts.join(", ")
        },
    }
}

/// Lets every one of these go on that still lives; all of them are tried.
pub(crate) async fn let_go_on<F>(
    scene: &Scene,
    nodes: &[NodeId],
    go_on: impl Fn(Scene, NodeId) -> F,
) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    let mut errors = Vec::new();
    for &node in nodes {
        if let Err(error) = go_on(scene.clone(), node).await {
            errors.push(format!("{error:#}"));
        }
    }
    if errors.is_empty() {
        return Ok(());
    }
    bail!("let go on: {}", errors.join("; "))
}

impl Seen {
    fn stood_still(&self) -> bool {
        self.still && !self.answered && self.used.is_none_or(|used| used <= USED_MAX)
    }

    fn describe(&self) -> String {
        let answer = if self.answered {
            "answered".to_owned()
        } else {
            format!("no answer in {} ms", SILENT_FOR.as_millis())
        };
        let used = match self.used {
            Some(used) if !used.is_zero() => format!(", {} ms of CPU time meanwhile", used.as_millis()),
            _ => String::new(),
        };
        format!("node {} {}, {answer}{used}", self.node, self.word)
    }
}
