//! What the faults of clocks have in common: clocks made wrong, what the brokers say of it, and clocks set right.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use async_trait::async_trait;
use cluster::{ClockReading, Skew, WallClock};
use history::NodeId;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::ending::{Endings, Means};
use crate::fault::{Action, Aim, Evidence, NoTarget, Scene};
use crate::target::node_list;

/// One answer of a broker to the question for its time, all its attempts included.
const READ_WITHIN: Duration = Duration::from_secs(5);
/// How far a reading may lie from what is expected: a clock that somebody else disciplines creeps.
const TOLERANCE: i64 = 3_000_000;
/// How long a strobe is looked at, in periods and in time, …
const STROBE_PERIODS: u32 = 6;
const STROBE_LOOK: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(3));
/// … and the pause between two readings.
const READ_EVERY: Duration = Duration::from_millis(15);
/// A clock that is set back by no more than this is forgotten soon. What a broker has put off until some time by its wall
/// clock, such as the next fetch after an error, it puts off for as long as that clock is set back: where it is more, only
/// starting the broker anew makes it whole at once.
const BACK_MAX: i64 = 5_000_000_000;
/// How long a broker that was started anew may take to answer again.
const SERVES_WITHIN: Duration = Duration::from_secs(20);
/// As many readings of either kind tell a strobe.
const STROBE_READINGS: u32 = 5;

/// Aims a skew of the clock at those of the nodes that run.
pub(crate) async fn aim(
    scene: &Scene,
    nodes: Vec<NodeId>,
    skew: Skew,
    restart: bool,
    what: &str,
) -> Result<Aim, NoTarget> {
    let runs = |state| state != 'T';
    let nodes = scene
        .in_state(nodes, runs, "no process runs whose clock could be read")
        .await?;
    Ok(Aim {
        detail: format!("{what} ({})", node_list(&nodes)),
        action: Box::new(Skewing {
            nodes: nodes.clone(),
            skew,
            restart,
            skewed: Vec::new(),
            to_restart: Vec::new(),
            endings: Endings::new(Means::Terminate),
            restarted: false,
        }),
        nodes,
    })
}

/// Makes the clocks of some nodes wrong in one way.
struct Skewing {
    nodes: Vec<NodeId>,
    skew: Skew,
    /// Whether brokers whose clock is set back are started anew.
    restart: bool,
    skewed: Vec<Skewed>,
    to_restart: Vec<NodeId>,
    endings: Endings,
    restarted: bool,
}

/// A clock that was made wrong.
#[derive(Clone)]
struct Skewed {
    node: NodeId,
    clock: Arc<dyn WallClock>,
    skew: Skew,
    /// The number of this way in which it is wrong, and since when it is.
    id: u64,
    since: Instant,
    restored: bool,
    seen: Seen,
}

/// What the broker said of its clock.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// Readings that are as they must be with this fault, and cannot be without.
    off: u32,
    /// Readings of a strobe's other half, in which the clock is right.
    right: u32,
    /// Readings that are not as they must be.
    strange: u32,
    /// The last reading that counted, and the time since the injection.
    last: Option<(ClockReading, Duration)>,
}

#[async_trait]
impl Action for Skewing {
    fn restarts(&self) -> &[NodeId] {
        if self.restart { &self.nodes } else { &[] }
    }

    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        // The first question to a broker takes preparations that a wrong clock may disturb.
        let mut questions = JoinSet::new();
        for &node in &self.nodes {
            let scene = scene.clone();
            questions.spawn(async move { ask(&scene, node).await.map(drop) });
        }
        questions.join_all().await;
        for &node in &self.nodes {
            let clock = scene.cluster.machine(node)?.clock();
            let clock =
                clock.with_context(|| format!("shift the clock of node {node}: it cannot be shifted"))?;
            let id = clock.skew(self.skew)?;
            self.skewed.push(Skewed {
                node,
                clock,
                skew: self.skew,
                id,
                since: Instant::now(),
                restored: false,
                seen: Seen::default(),
            });
        }
        self.look(scene).await
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        self.look(scene).await?;
        for skewed in self.skewed.iter_mut().filter(|skewed| !skewed.restored) {
            let set_back = skewed.restore();
            if self.restart && set_back > BACK_MAX {
                self.to_restart.push(skewed.node);
            }
        }
        self.restart_brokers(scene).await?;
        let mut texts = Vec::new();
        for skewed in &self.skewed {
            texts.push(format!(
                "{}, {}",
                skewed.describe(),
                skewed.look_when_right(scene).await?
            ));
        }
        let evidence = Evidence {
            bit: !self.skewed.is_empty() && self.skewed.iter().all(Skewed::has_shown),
            text: if texts.is_empty() {
                "no clock was shifted".to_owned()
            } else {
                texts.join("; ")
            },
        };
        if self.restarted {
            let restarts = self.endings.evidence().text;
            return Ok(evidence.and(&format!("because its clock was set back, {restarts}")));
        }
        Ok(evidence)
    }
}

impl Skewing {
    /// Starts the brokers anew whose clock was set back far: one after the other, so that a majority is there.
    async fn restart_brokers(&mut self, scene: &Scene) -> Result<()> {
        // What an earlier try left half-way.
        self.endings.heal(scene).await?;
        while let Some(node) = self.to_restart.pop() {
            // One that another fault has ended, that one starts.
            if scene.cluster.machine(node)?.process_state().await?.is_some() {
                self.restarted = true;
                self.endings.end(scene, node).await?;
                self.endings.start(scene, node).await?;
                self.endings.serves(scene, node, SERVES_WITHIN).await;
            }
        }
        Ok(())
    }

    /// Reads, at once, those clocks that are wrong and have not shown it yet.
    async fn look(&mut self, scene: &Scene) -> Result<()> {
        let mut looks = JoinSet::new();
        for (index, skewed) in self.skewed.iter().enumerate() {
            if !skewed.restored && !skewed.has_shown() {
                let (mut skewed, scene) = (skewed.clone(), scene.clone());
                looks.spawn(async move {
                    skewed.look(&scene).await;
                    (index, skewed.seen)
                });
            }
        }
        while let Some(look) = looks.join_next().await {
            let (index, seen) = look?;
            self.skewed[index].seen = seen;
        }
        Ok(())
    }
}

impl Skewed {
    /// One reading is enough, but for a strobe.
    async fn look(&mut self, scene: &Scene) {
        let Skew::Strobe { period, .. } = self.skew else {
            return self.read(scene).await;
        };
        let until = Instant::now() + (period * STROBE_PERIODS).clamp(STROBE_LOOK.0, STROBE_LOOK.1);
        while Instant::now() < until && self.seen.off.min(self.seen.right) < STROBE_READINGS {
            self.read(scene).await;
            sleep(READ_EVERY).await;
        }
    }

    async fn read(&mut self, scene: &Scene) {
        let (since, offset) = (self.since.elapsed(), self.clock.offset());
        let Ok(reading) = ask(scene, self.node).await else {
            return;
        };
        let (elapsed, expected) = (self.since.elapsed(), between(offset, self.clock.offset()));
        let (own, later) = (self.own(since), self.own(elapsed));
        if matches!(self.skew, Skew::Strobe { .. }) && own != later {
            // It jumped while the question was under way.
            return;
        }
        let without = between(expected.least - own, expected.most - later);
        let kind = match (fits(reading, expected), fits(reading, without)) {
            (false, _) => &mut self.seen.strange,
            (true, false) => &mut self.seen.off,
            (true, true) if own == 0 => &mut self.seen.right,
            // Too little to tell.
            (true, true) => return,
        };
        *kind += 1;
        if own != 0 {
            self.seen.last = Some((reading, elapsed));
        }
    }

    /// What this fault alone makes of the clock after that time.
    fn own(&self, elapsed: Duration) -> i64 {
        match self.skew {
            Skew::Jump { nanoseconds } => nanoseconds,
            Skew::Drift { ppm } => elapsed.as_micros() as i64 * ppm / 1000,
            Skew::Strobe { period, nanoseconds } => {
                let away = (elapsed.as_nanos() / period.as_nanos().max(1)).is_multiple_of(2);
                if away { nanoseconds } else { 0 }
            }
        }
    }

    /// Sets the clock right, and says by how much that sets it back.
    fn restore(&mut self) -> i64 {
        self.restored = true;
        self.clock.restore(self.id);
        match self.skew {
            Skew::Jump { nanoseconds } | Skew::Strobe { nanoseconds, .. } => nanoseconds,
            Skew::Drift { .. } => self.own(self.since.elapsed()),
        }
    }

    fn has_shown(&self) -> bool {
        let Seen {
            off, right, strange, ..
        } = self.seen;
        let both = off > 0 && (right > 0 || !matches!(self.skew, Skew::Strobe { .. }));
        both && strange == 0
    }

    /// Whether the clock is right again, by its broker's word where there is one to ask.
    async fn look_when_right(&self, scene: &Scene) -> Result<String> {
        let offset = self.clock.offset();
        let Ok(reading) = ask(scene, self.node).await else {
            return Ok("then nobody to ask".to_owned());
        };
        // Another fault's strobe may have jumped meanwhile.
        let expected = between(offset, self.clock.offset());
        if !fits(reading, expected) {
            bail!(
                "set the clock of node {} right: it is still {} off",
                self.node,
                seconds(reading)
            );
        }
        Ok(format!("then {}", seconds(reading)))
    }

    fn describe(&self) -> String {
        let Seen {
            off,
            right,
            strange,
            last,
        } = self.seen;
        let Some((reading, elapsed)) = last else {
            return format!("node {}: no answer with a time that tells", self.node);
        };
        let (node, reading) = (self.node, seconds(reading));
        let after = format!("{:.1} s after the injection", elapsed.as_secs_f64());
        let but = if strange > 0 {
            format!(", {strange} of them not as asked for")
        } else {
            String::new()
        };
        match self.skew {
            Skew::Strobe { nanoseconds, .. } => {
                let asked = seconds_of(nanoseconds);
                let all = off + right + strange;
                format!(
                    "node {node}: {asked} to and fro asked for, of {all} readings {off} were off, the last by {reading}, \
                     and {right} right{but}"
                )
            }
            Skew::Jump { .. } | Skew::Drift { .. } => {
                let asked = seconds_of(self.own(elapsed));
                let but = if strange > 0 {
                    ", which is not as asked for"
                } else {
                    ""
                };
                format!("node {node}: {asked} asked for {after}, {reading} read{but}")
            }
        }
    }
}

/// Asks a broker for its time.
async fn ask(scene: &Scene, node: NodeId) -> Result<ClockReading> {
    timeout(READ_WITHIN, scene.cluster.clock_reading(node)).await?
}

fn between(one: i64, other: i64) -> ClockReading {
    ClockReading {
        least: one.min(other),
        most: one.max(other),
    }
}

fn fits(reading: ClockReading, expected: ClockReading) -> bool {
    reading.least - TOLERANCE <= expected.most && expected.least <= reading.most + TOLERANCE
}

/// The middle of a reading, and how sure it is.
fn seconds(reading: ClockReading) -> String {
    let middle = i64::midpoint(reading.least, reading.most);
    let unsure_ms = (reading.most - reading.least) as f64 / 2e6;
    format!("{} (±{unsure_ms:.1} ms)", seconds_of(middle))
}

fn seconds_of(nanoseconds: i64) -> String {
    format!("{:+.3} s", nanoseconds as f64 / 1e9)
}
