//! Takes brokers out of the cluster in an orderly way: all their replicas, those of internal topics too, are reassigned
//! to others, the process is ended with SIGTERM, and the broker is unregistered; when the fault is over it joins again and
//! gets its replicas back, waited for until all are in sync. It needs more nodes than a topic has replicas.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use async_trait::async_trait;
use cluster::{PartitionView, RegisteredBroker, TopicPartition};
use history::{Impairment, Key, NodeId, Span};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::asked::unanswered;
use crate::config::Invalid;
use crate::draw::Draw;
use crate::ending::{Endings, Means};
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::replicas::{Move, reassign};
use crate::target::{Target, node_list};

/// Nobody lists a broker any more within this time of its end.
const GONE_WITHIN: Duration = Duration::from_secs(10);
/// It is registered, and all its replicas are in sync again, within this time of one try to heal.
const BACK_WITHIN: Duration = Duration::from_secs(28);
/// How long ending a process and ending its registration may take besides.
const LEAVES_WITHIN: Duration = Duration::from_secs(60);
/// How often the brokers are asked again.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Partitions of all topics.
type Partitions = BTreeMap<TopicPartition, PartitionView>;

/// Removes brokers and adds them again. Configured by whom, and how long moving their replicas may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ChangeBrokers {
    /// Whom.
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// How long it may take until their replicas are on other nodes, else the injection has failed.
    pub within: Span,
}

impl Default for ChangeBrokers {
    fn default() -> Self {
        Self {
            target: Target::One,
            key: None,
            within: Span::from_secs(60),
        }
    }
}

#[async_trait]
impl FaultKind for ChangeBrokers {
    fn needs(&self) -> &'static [Power] {
        &[Power::Process, Power::Admin]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        if self.within.is_zero() {
            return Err(Invalid::new(&["within"], "no replica moves in no time"));
        }
        draw.aim_at_brokers(&mut self.target, &mut self.key)?;
        let leaving = match &self.target {
            Target::Nodes(nodes) => nodes.len(),
            _ => 1,
        };
        let all = draw.brokers();
        if draw.members().voters() != draw.members().brokers.as_slice() || is_majority(all.saturating_sub(leaving), all) {
            return Ok(());
        }
        let reason = format!("{leaving} of {all} nodes leave: the rest is no majority of the controllers");
        Err(Invalid::new(&["target"], reason))
    }

    fn describe(&self, scene: &Scene) -> String {
        let whom = scene.target_name(&self.target, self.key);
        format!("{whom} taken out of the cluster")
    }

    fn impairs(&self, nodes: &[NodeId], _others: &[NodeId]) -> Impairment {
        Impairment::down(nodes)
    }

    fn inject_within(&self) -> Duration {
        self.within.duration() + LEAVES_WITHIN
    }

    fn target(&self) -> Option<Target> {
        Some(self.target.clone())
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene.running(&self.target, self.key).await?;
        let others = scene.others(&nodes);
        let mut staying = scene
            .in_state(others, |state| state != 'T', "none of them goes on")
            .await?;
        majority_stays(scene, &staying).await?;
        // Controllers of their own hold no replicas.
        let brokers = scene.cluster.brokers();
        staying.retain(|node| brokers.contains(node));
        let all = partitions(scene, &staying).await;
        let all = all.map_err(|error| unanswered(&error))?;
        let moves = away(&all, &nodes, &staying).map_err(NoTarget)?;
        let admin = scene.admin().map_err(|error| unanswered(&error))?;
        let under_way = admin.reassignments().await.map_err(|error| unanswered(&error))?;
        let mut changing = under_way.iter().map(|change| &change.partition);
        if let Some(at) = changing.find(|at| moves.iter().any(|(moved, _)| moved == *at)) {
            return Err(NoTarget(format!("the replicas of {at} are being changed already")));
        }
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            action: Box::new(Leaving {
                nodes: nodes.clone(),
                staying,
                within: self.within.duration(),
                begun: false,
                replicas: BTreeMap::new(),
                moved_in: Duration::ZERO,
                endings: Endings::new(Means::Terminate),
                before: Vec::new(),
                without: None,
            }),
            nodes,
        })
    }
}

/// Whether so many of all are more than half.
fn is_majority(some: usize, all: usize) -> bool {
    some * 2 > all
}

/// Whether the controllers can do without those that do not stay.
async fn majority_stays(scene: &Scene, staying: &[NodeId]) -> Result<(), NoTarget> {
    let admin = scene.admin().map_err(|error| unanswered(&error))?;
    let quorum = admin.quorum().await.map_err(|error| unanswered(&error))?;
    let voters = quorum.voters.iter().map(|voter| voter.node);
    let (stay, leave): (Vec<NodeId>, Vec<NodeId>) = voters.partition(|node| staying.contains(node));
    if is_majority(stay.len(), quorum.voters.len()) {
        return Ok(());
    }
    Err(NoTarget(format!(
        "without {} the rest is no majority of the controllers' {} voters",
        node_list(&leave),
        quorum.voters.len()
    )))
}

/// All partitions in the eyes of the first of these nodes that answers.
async fn partitions(scene: &Scene, nodes: &[NodeId]) -> Result<Partitions> {
    let admin = scene.admin()?;
    let mut last = anyhow!("there is no node");
    for node in nodes {
        match admin.all_partitions(*node).await {
            Ok(partitions) => return Ok(partitions),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Whose replicas go where, so that none is left on the nodes that leave: each stand-in takes the place, and so the
/// rank, of what it stands in for, and all that stay take turns. The error names a partition that has no place to go.
fn away(all: &Partitions, leaving: &[NodeId], staying: &[NodeId]) -> Result<Vec<Move>, String> {
    let mut turns = staying.iter().copied().cycle();
    let mut moves = Vec::new();
    for (at, view) in all {
        let mut replicas = view.replicas.clone();
        for place in 0..replicas.len() {
            if !leaving.contains(&replicas[place]) {
                continue;
            }
            let mut candidates = turns.by_ref().take(staying.len());
            let stand_in = candidates.find(|node| !replicas.contains(node));
            replicas[place] = stand_in.ok_or_else(|| {
                let (whom, replicas) = (node_list(leaving), &view.replicas);
                format!("{at} has replicas {replicas:?}, and without {whom} no other node to go to")
            })?;
        }
        if replicas != view.replicas {
            moves.push((at.clone(), replicas));
        }
    }
    Ok(moves)
}

/// Waits until the brokers that these nodes know are as they should be in the eyes of all that answer: who they are, and
/// how long that took.
async fn all_list(
    scene: &Scene,
    nodes: &[NodeId],
    within: Duration,
    what: &str,
    fits: impl Fn(&[RegisteredBroker]) -> bool + Sync,
) -> Result<(Vec<NodeId>, Duration)> {
    let begun = Instant::now();
    let admin = scene.admin()?;
    loop {
        let (mut fitting, mut misfit, mut silent) = (None, None, None);
        for &node in nodes {
            match admin.registered(node).await {
                Ok(known) if fits(&known) => {
                    fitting = Some(known.iter().map(|broker| broker.node).collect());
                }
                Ok(known) => misfit = Some(anyhow!("node {node} knows {}", shown(&known))),
                Err(error) => silent = silent.or(Some(error)),
            }
        }
        // Who does not answer counts only where nobody does.
        if fitting.is_none() {
            misfit = misfit.or(silent);
        }
        match (fitting, misfit) {
            (Some(known), None) => return Ok((known, begun.elapsed())),
            (_, Some(error)) if begun.elapsed() >= within => {
                return Err(error.context(format!("not {what} within {within:?}")));
            }
            (None, None) => bail!("ask which brokers there are: there is no node"),
            _ => sleep(AGAIN_AFTER).await,
        }
    }
}

/// `brokers 1, 2 (fenced), 3`
fn shown(known: &[RegisteredBroker]) -> String {
    let one = |broker: &RegisteredBroker| {
        let fenced = if broker.fenced { " (fenced)" } else { "" };
        format!("{}{fenced}", broker.node)
    };
    let all: Vec<String> = known.iter().map(one).collect();
    format!("brokers {}", all.join(", "))
}

struct Leaving {
    nodes: Vec<NodeId>,
    staying: Vec<NodeId>,
    within: Duration,
    begun: bool,
    /// The replicas before, of every partition that was moved, or is about to be.
    replicas: BTreeMap<TopicPartition, Vec<NodeId>>,
    moved_in: Duration,
    endings: Endings,
    /// The brokers before, …
    before: Vec<NodeId>,
    /// … and meanwhile, with how long it took after the end of the process.
    without: Option<(Vec<NodeId>, Duration)>,
}

impl Leaving {
    /// Moves replicas away until there are none: a topic may be made meanwhile.
    async fn move_away(&mut self, scene: &Scene) -> Result<()> {
        let begun = Instant::now();
        loop {
            let all = partitions(scene, &self.staying).await?;
            let moves = away(&all, &self.nodes, &self.staying).map_err(|reason| anyhow!(reason))?;
            if moves.is_empty() {
                self.moved_in = begun.elapsed();
                return Ok(());
            }
            for (at, _) in &moves {
                let before = all[at].replicas.clone();
                self.replicas.entry(at.clone()).or_insert(before);
            }
            reassign(scene, &moves, self.within.saturating_sub(begun.elapsed())).await?;
        }
    }

    /// Gives back what was moved, of the topics that are still there.
    async fn move_back(&self, scene: &Scene, within: Duration) -> Result<Duration> {
        let there = partitions(scene, &self.staying).await?;
        let moves: Vec<Move> = self
            .replicas
            .iter()
            .filter(|(at, _)| there.contains_key(at))
            .map(|(at, replicas)| (at.clone(), replicas.clone()))
            .collect();
        if moves.is_empty() {
            return Ok(Duration::ZERO);
        }
        reassign(scene, &moves, within).await
    }

    fn of_ours(&self) -> usize {
        let replicas = self.replicas.values().flatten();
        replicas.filter(|node| self.nodes.contains(node)).count()
    }
}

#[async_trait]
impl Action for Leaving {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        self.begun = true;
        let listed = |known: &[RegisteredBroker]| self.nodes.iter().all(|node| serves(known, *node));
        let whom = node_list(&self.nodes);
        let before = all_list(scene, &self.staying, GONE_WITHIN, &format!("{whom} listed"), listed).await?;
        self.before = before.0;
        self.move_away(scene).await?;
        self.endings.end_all(scene, &self.nodes).await?;
        let ended = Instant::now();
        let admin = scene.admin()?;
        for &node in &self.nodes {
            admin.unregister(node).await?;
        }
        let gone = |known: &[RegisteredBroker]| {
            known.iter().all(|broker| !self.nodes.contains(&broker.node))
        };
        let (known, _) = all_list(scene, &self.staying, GONE_WITHIN, &format!("without {whom}"), gone).await?;
        self.without = Some((known, ended.elapsed()));
        Ok(())
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        self.endings.heal(scene).await?;
        if !self.begun {
            return Ok(Evidence {
                bit: false,
                text: "no broker was taken out".to_owned(),
            });
        }
        let again = |known: &[RegisteredBroker]| self.nodes.iter().all(|node| serves(known, *node));
        let what = format!("{} registered again", node_list(&self.nodes));
        let (after, came) = all_list(scene, &self.staying, BACK_WITHIN, &what, again).await?;
        let back = self.move_back(scene, BACK_WITHIN.saturating_sub(came)).await?;
        let ended = self.endings.evidence();
        let Some((without, gone)) = &self.without else {
            return Ok(Evidence {
                bit: false,
                text: format!("{} was not seen to have left", node_list(&self.nodes)),
            });
        };
        let has = |list: &[NodeId], node: &NodeId| list.contains(node);
        let left = |node: &NodeId| has(&self.before, node) && !has(without, node) && has(&after, node);
        Ok(Evidence {
            bit: ended.bit && self.nodes.iter().all(left),
            text: format!(
                "{} replicas moved away in {:.1} s; {}; registered {}, then {} {:.1} s after the end, then {} {:.1} s \
                 after the start; the replicas back and in sync after {:.1} s",
                self.of_ours(),
                self.moved_in.as_secs_f64(),
                ended.text,
                node_list(&self.before),
                node_list(without),
                gone.as_secs_f64(),
                node_list(&after),
                came.as_secs_f64(),
                back.as_secs_f64()
            ),
        })
    }
}

/// Whether a node's broker is registered and not fenced.
fn serves(known: &[RegisteredBroker], node: NodeId) -> bool {
    known.iter().any(|broker| broker.node == node && !broker.fenced)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions(replicas: &[&[NodeId]]) -> Partitions {
        let one = |(number, replicas): (usize, &&[NodeId])| {
            let at = TopicPartition {
                topic: "log".to_owned(),
                partition: number as u32,
            };
            let view = PartitionView {
                leader: None,
                epoch: 0,
                isr: Vec::new(),
                replicas: replicas.to_vec(),
            };
            (at, view)
        };
        replicas.iter().enumerate().map(one).collect()
    }

    #[track_caller]
    fn check(replicas: &[&[NodeId]], leaving: &[NodeId], staying: &[NodeId], expected: &[&[NodeId]]) {
        let moves = away(&partitions(replicas), leaving, staying).expect("there is room");
        let wanted: Vec<&[NodeId]> = moves.iter().map(|(_, replicas)| replicas.as_slice()).collect();
        assert_eq!(wanted, expected);
    }

    #[test]
    fn what_leaves_is_stood_in_for_and_all_take_turns() {
        check(&[&[1, 2, 3], &[1, 2, 4]], &[3], &[1, 2, 4], &[&[1, 2, 4]]);
        check(&[&[3], &[3], &[3]], &[3], &[1, 2], &[&[1], &[2], &[1]]);
        check(&[&[4, 1, 5]], &[4, 5], &[1, 2, 3], &[&[2, 1, 3]]);
        check(&[&[1, 2]], &[3], &[1, 2], &[]);
    }

    #[test]
    fn where_every_other_node_is_a_replica_there_is_no_room() {
        let none = away(&partitions(&[&[1, 2, 3]]), &[3], &[1, 2]).expect_err("no room");
        assert_eq!(
            none,
            "log-0 has replicas [1, 2, 3], and without node 3 no other node to go to"
        );
    }
}
