//! Ends a broker's session with `ZooKeeper`: the broker is cut from `ZooKeeper` alone, or paused, until its session has ended and with it
//! its registration; when the fault is over it registers by a new session.
//!
//! What shows it is the registration itself, `/brokers/ids/N`, which belongs to a session: it went away, and came again with another.

use std::time::Duration;

use anyhow::{Result, bail};
use async_trait::async_trait;
use cluster::{Cut, Place};
use history::{Impairment, Key, NodeId, Span};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::config::Invalid;
use crate::cuts::{Cutting, whole};
use crate::draw::Draw;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::faults::Pause;
use crate::target::{Target, node_list};

/// A broker that reaches `ZooKeeper` again is registered again within this time.
const BACK_WITHIN: Duration = Duration::from_secs(30);
/// What is done to it takes no longer than this.
const DONE_WITHIN: Duration = Duration::from_secs(10);
/// How often it is looked whether a session has ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Ends sessions. Configured by whose, how, and how long that may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SessionExpiry {
    /// Whose.
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// What keeps the broker from its session.
    pub by: By,
    /// How long it may take until the session has ended, else the injection has failed.
    pub within: Span,
}

/// What keeps a broker from its session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// It is cut from `ZooKeeper`'s nodes, and from nobody else: it goes on serving who asks it.
    #[default]
    Cut,
    /// Its process is stopped.
    Pause,
}

impl Default for SessionExpiry {
    fn default() -> Self {
        Self {
            target: Target::One,
            key: None,
            by: By::Cut,
            within: Span::from_secs(60),
        }
    }
}

#[async_trait]
impl FaultKind for SessionExpiry {
    fn needs(&self) -> &'static [Power] {
        match self.by {
            By::Cut => &[Power::ZooKeeper, Power::Network],
            By::Pause => &[Power::ZooKeeper, Power::Process],
        }
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        if self.target.is_of_zookeeper() {
            return Err(Invalid::new(&["target"], "it is brokers that have sessions: aim at one"));
        }
        if self.within.is_zero() {
            return Err(Invalid::new(&["within"], "no session ends in no time"));
        }
        draw.aim_at_brokers(&mut self.target, &mut self.key)
    }

    fn describe(&self, scene: &Scene) -> String {
        let target = scene.target_name(&self.target, self.key);
        match self.by {
            By::Cut => format!("{target} cut from ZooKeeper alone until its session has ended"),
            By::Pause => format!("{target} paused until its session with ZooKeeper has ended"),
        }
    }

    /// One that is cut from `ZooKeeper` alone is no longer counted on, and still speaks with everybody.
    fn impairs(&self, nodes: &[NodeId], _others: &[NodeId]) -> Impairment {
        Impairment {
            degrades: self.by == By::Cut,
            ..Impairment::down(nodes)
        }
    }

    fn target(&self) -> Option<Target> {
        Some(self.target.clone())
    }

    fn inject_within(&self) -> Duration {
        self.within.duration() + DONE_WITHIN
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene.running(&self.target, self.key).await?;
        let sessions = scene.cluster.view().sessions();
        let mut expiring = Vec::new();
        for &node in &nodes {
            let Some(&session) = sessions.get(&node) else {
                return Err(NoTarget(format!("ZooKeeper is not seen to hold a session of node {node}")));
            };
            expiring.push(Expiring {
                node,
                session,
                ended: None,
                next: None,
            });
        }
        let means = match self.by {
            By::Cut => Means::Cut(cuts(&nodes, &scene.cluster.zookeepers()), Cutting::default()),
            By::Pause => {
                let pause = Pause {
                    target: Target::Nodes(nodes.clone()),
                    ..Pause::default()
                };
                Means::Pause(pause.aim(scene).await?.action)
            }
        };
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            nodes,
            action: Box::new(Expiry {
                means,
                within: self.within.duration(),
                expiring,
            }),
        })
    }
}

/// Both directions between each of the first and each of the others.
fn cuts(nodes: &[NodeId], zookeepers: &[NodeId]) -> Vec<Cut> {
    let pairs = nodes
        .iter()
        .flat_map(|&node| zookeepers.iter().map(move |&other| (Place::Node(node), Place::Node(other))));
    pairs
        .flat_map(|(node, other)| [whole(node, other), whole(other, node)])
        .collect()
}

/// What keeps brokers from their sessions.
enum Means {
    Cut(Vec<Cut>, Cutting),
    Pause(Box<dyn Action>),
}

/// One broker's session, and what became of it.
struct Expiring {
    node: NodeId,
    session: i64,
    /// After which time it was gone.
    ended: Option<Duration>,
    /// The session that it is registered by now, and how long that took from healing on.
    next: Option<(i64, Duration)>,
}

struct Expiry {
    means: Means,
    within: Duration,
    expiring: Vec<Expiring>,
}

#[async_trait]
impl Action for Expiry {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        let begun = Instant::now();
        match &mut self.means {
            Means::Cut(cuts, cutting) => cutting.cut(scene, cuts)?,
            Means::Pause(pause) => pause.inject(scene).await?,
        }
        while begun.elapsed() < self.within {
            let sessions = scene.cluster.view().sessions();
            for one in &mut self.expiring {
                if one.ended.is_none() && sessions.get(&one.node) != Some(&one.session) {
                    one.ended = Some(begun.elapsed());
                }
            }
            if self.expiring.iter().all(|one| one.ended.is_some()) {
                return Ok(());
            }
            sleep(LOOK_EVERY).await;
        }
        let left = self.expiring.iter().filter(|one| one.ended.is_none());
        let left: Vec<NodeId> = left.map(|one| one.node).collect();
        bail!("the session of {} did not end within {:?}", node_list(&left), self.within)
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        let begun = Instant::now();
        let done = match &mut self.means {
            Means::Cut(_, cutting) => Cutting::describe(&cutting.heal(scene)),
            Means::Pause(pause) => pause.heal(scene).await?.text,
        };
        while begun.elapsed() < BACK_WITHIN && self.expiring.iter().any(|one| one.next.is_none()) {
            let sessions = scene.cluster.view().sessions();
            for one in self.expiring.iter_mut().filter(|one| one.next.is_none()) {
                let session = sessions.get(&one.node).copied();
                one.next = session.map(|session| (session, begun.elapsed()));
            }
            sleep(LOOK_EVERY).await;
        }
        let told: Vec<String> = self.expiring.iter().map(Expiring::told).collect();
        Ok(Evidence {
            bit: self.expiring.iter().all(Expiring::is_another),
            text: format!("{}; {done}", told.join("; ")),
        })
    }
}

impl Expiring {
    fn is_another(&self) -> bool {
        let next = self.next.map(|(session, _)| session);
        self.ended.is_some() && next.is_some_and(|session| session != self.session)
    }

    fn told(&self) -> String {
        let (node, session) = (self.node, self.session);
        let Some(ended) = self.ended else {
            return format!("broker {node}'s session {session:#x} did not end");
        };
        let ended = format!(
            "broker {node}'s session {session:#x} had ended after {:.1} s",
            ended.as_secs_f64()
        );
        match self.next {
            Some((next, after)) => format!(
                "{ended}, and it was registered by session {next:#x} {:.1} s after healing",
                after.as_secs_f64()
            ),
            None => format!("{ended}, and it was not registered again within {BACK_WITHIN:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ended: Option<u64>, next: Option<i64>, bit: bool, told: &str) {
        let one = Expiring {
            node: 2,
            session: 0x1a,
            ended: ended.map(Duration::from_millis),
            next: next.map(|session| (session, Duration::from_millis(400))),
        };
        assert_eq!((one.is_another(), one.told().as_str()), (bit, told));
    }

    #[test]
    fn a_session_has_ended_where_another_took_its_place() {
        check(None, Some(0x1a), false, "broker 2's session 0x1a did not end");
        check(
            Some(2_100),
            Some(0x1b),
            true,
            "broker 2's session 0x1a had ended after 2.1 s, and it was registered by session 0x1b 0.4 s after healing",
        );
        check(
            Some(2_100),
            None,
            false,
            "broker 2's session 0x1a had ended after 2.1 s, and it was not registered again within 30s",
        );
    }

    #[test]
    fn both_directions_are_cut_between_brokers_and_zookeepers_alone() {
        let cuts = cuts(&[1], &[4, 5]);
        assert_eq!(cuts.len(), 4);
        assert!(cuts.iter().all(|cut| cut.from == Place::Node(1) || cut.to == Place::Node(1)));
    }
}
