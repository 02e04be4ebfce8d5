//! Leaves the broker's process little CPU time: a few per cent of one processor, by its control group, or by stopping it
//! for most of each tenth of a second where there is none.

use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use cluster::Held;
use history::{Key, NodeId};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::config::{Invalid, in_range};
use crate::draw::Draw;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::stillness::let_go_on;
use crate::target::{Target, node_list};

/// For how long it is measured what a process gets by itself.
const MEASURED_FOR: Duration = Duration::from_secs(1);
/// Where signals do it: the time in which a process runs for its share, and is stopped for the rest.
const PERIOD: Duration = Duration::from_millis(100);
/// How much more than its share a process may have got by the clock of signals: each comes when the machine likes, and a
/// process has more than one processor while it runs.
const SIGNALS_MISS_BY: f64 = 4.0;

/// Starves broker processes. Configured by whom it hits, and what is left to them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Starve {
    /// Whom.
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// How many per cent of one processor are left to each.
    pub cpu_percent: u32,
}

impl Default for Starve {
    fn default() -> Self {
        Self {
            target: Target::default(),
            key: None,
            cpu_percent: 5,
        }
    }
}

#[async_trait]
impl FaultKind for Starve {
    fn needs(&self) -> &'static [Power] {
        &[Power::Process]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        in_range("cpu-percent", self.cpu_percent, &(1..=90))?;
        draw.aim(&mut self.target, &mut self.key)
    }

    fn describe(&self, scene: &Scene) -> String {
        let target = scene.target_name(&self.target, self.key);
        format!("{target} held down to {} % of one CPU", self.cpu_percent)
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let found = scene.find(&self.target, self.key)?;
        let nodes = scene
            .in_state(found, |state| state != 'T', "no process runs that is not stopped already")
            .await?;
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(Starving {
                percent: self.cpu_percent,
                nodes: nodes.iter().map(|&node| Diet::new(node)).collect(),
            }),
            nodes,
        })
    }

    fn target(&self) -> Option<Target> {
        Some(self.target.clone())
    }
}

struct Starving {
    percent: u32,
    nodes: Vec<Diet>,
}

/// What one node's process got.
struct Diet {
    node: NodeId,
    /// Its share of one CPU by itself.
    before: Option<f64>,
    held: Option<Hold>,
    /// Whether it was held down, and what shows it, once that was measured.
    outcome: Option<(bool, String)>,
}

/// What holds a process down, from when on, and what it had used by then.
struct Hold {
    since: Instant,
    used: Option<Duration>,
    by: By,
}

enum By {
    /// Its control group, which had been held back so often by then.
    Group(Held),
    /// Signals, from a task that goes on until it is told to end.
    Signals(CancellationToken, Option<JoinHandle<u32>>),
}

#[async_trait]
impl Action for Starving {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        let mut before = Vec::new();
        for diet in &self.nodes {
            before.push(used(scene, diet.node).await?);
        }
        let begun = Instant::now();
        sleep(MEASURED_FOR).await;
        for (diet, before) in self.nodes.iter_mut().zip(before) {
            diet.before = share(before, used(scene, diet.node).await?, begun);
        }
        for diet in &mut self.nodes {
            diet.begin(scene, self.percent).await?;
        }
        Ok(())
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        let mut outcomes = Vec::new();
        for diet in &mut self.nodes {
            if diet.outcome.is_none() {
                diet.outcome = diet.measure(scene, self.percent).await?;
            }
            outcomes.extend(diet.outcome.clone());
        }
        let nodes: Vec<_> = self.nodes.iter().filter(|diet| diet.held.is_some()).map(|diet| diet.node).collect();
        let_go_on(scene, &nodes, |scene, node| async move { feed(&scene, node).await }).await?;
        let texts: Vec<_> = outcomes.iter().map(|(_, text)| text.as_str()).collect();
        Ok(Evidence {
            bit: !outcomes.is_empty() && outcomes.iter().all(|(bit, _)| *bit),
            text: if texts.is_empty() {
                "no process was held down".to_owned()
            } else {
                texts.join(", ")
            },
        })
    }
}

impl Diet {
    fn new(node: NodeId) -> Self {
        Self {
            node,
            before: None,
            held: None,
            outcome: None,
        }
    }

    async fn begin(&mut self, scene: &Scene, percent: u32) -> Result<()> {
        let machine = scene.cluster.machine(self.node)?;
        let groups = machine.groups().filter(|groups| groups.can_limit_cpu());
        let (since, used) = (Instant::now(), machine.cpu_time().await?);
        let Some(groups) = groups else {
            let over = CancellationToken::new();
            let task = tokio::spawn(stop_and_go(scene.clone(), self.node, percent, over.clone()));
            let by = By::Signals(over, Some(task));
            self.held = Some(Hold { since, used, by });
            return Ok(());
        };
        let by = By::Group(groups.held().await?);
        self.held = Some(Hold { since, used, by });
        let limited = groups.limit_cpu(percent).await;
        limited.with_context(|| format!("node {}", self.node))
    }

    /// What it got until now, and whether that shows that it was held down; nothing where that never began. What stops
    /// and starts it is at an end after this.
    async fn measure(&mut self, scene: &Scene, percent: u32) -> Result<Option<(bool, String)>> {
        let Some(hold) = &mut self.held else {
            return Ok(None);
        };
        let got = share(hold.used, used(scene, self.node).await?, hold.since);
        let allowed = f64::from(percent) / 100.0;
        let (held_down, how, margin) = match &mut hold.by {
            By::Group(before) => {
                let groups = scene.cluster.machine(self.node)?.groups();
                let now = groups.context("this environment has no control groups")?.held().await?;
                let periods = now.throttled_periods - before.throttled_periods;
                let waited = now.throttled.saturating_sub(before.throttled);
                let how = format!("held back in {periods} periods, its threads for {:.1} s", waited.as_secs_f64());
                (periods > 0, how, 1.5)
            }
            By::Signals(over, task) => {
                over.cancel();
                let stops = match task.take() {
                    Some(task) => task.await.unwrap_or_default(),
                    None => 0,
                };
                let how = format!("stopped {stops} times, as there is no control group to hold it down");
                (stops > 0, how, SIGNALS_MISS_BY)
            }
        };
        let less = got.is_none_or(|got| got <= allowed * margin && self.before.is_none_or(|before| got < before));
        let text = format!(
            "node {} got {} of a CPU, and {} before: {how}",
            self.node,
            in_percent(got),
            in_percent(self.before)
        );
        Ok(Some((held_down && less, text)))
    }
}

/// Stops a process for most of each period, until it is over; how often that was. It is left running.
async fn stop_and_go(scene: Scene, node: NodeId, percent: u32, over: CancellationToken) -> u32 {
    let runs = PERIOD * percent / 100;
    let mut stops = 0;
    let Ok(machine) = scene.cluster.machine(node) else {
        return stops;
    };
    while !over.is_cancelled() {
        // A process that is being started anew takes no signal yet.
        stops += u32::from(machine.signal(libc::SIGSTOP).await.is_ok());
        let _ = over.run_until_cancelled(sleep(PERIOD.saturating_sub(runs))).await;
        let _ = machine.signal(libc::SIGCONT).await;
        let _ = over.run_until_cancelled(sleep(runs)).await;
    }
    stops
}

/// Gives a node's process all that it wants.
async fn feed(scene: &Scene, node: NodeId) -> Result<()> {
    let machine = scene.cluster.machine(node)?;
    if let Some(groups) = machine.groups().filter(|groups| groups.can_limit_cpu()) {
        return groups.unlimit_cpu().await;
    }
    if machine.process_state().await? == Some('T') {
        return machine.signal(libc::SIGCONT).await;
    }
    Ok(())
}

async fn used(scene: &Scene, node: NodeId) -> Result<Option<Duration>> {
    scene.cluster.machine(node)?.cpu_time().await
}

/// The share of one CPU since then; nothing where the process is another one by now.
fn share(before: Option<Duration>, now: Option<Duration>, since: Instant) -> Option<f64> {
    let used = now?.checked_sub(before?)?;
    Some(used.as_secs_f64() / since.elapsed().as_secs_f64().max(0.001))
}

fn in_percent(share: Option<f64>) -> String {
    share.map_or("an unknown share".to_owned(), |share| format!("{:.1} %", share * 100.0))
}
