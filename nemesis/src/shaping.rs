//! Faults that shape what passes on links: what all of them have in common. Each is its own settings, an effect and
//! the words for it; whose links, which direction of them and which service is the same for all.

use anyhow::Result;
use async_trait::async_trait;
use cluster::effect::Effect;
use cluster::{Deeds, LinkRule, Place, Waits};
use history::{Impairment, Key, NodeId};
use serde::{Deserialize, Serialize};

use crate::amount::Percent;
use crate::config::Invalid;
use crate::cuts::{Cutting, Service};
use crate::draw::Draw;
use crate::fault::{Action, Aim, Evidence, FaultKind, NoTarget, Power, Scene};
use crate::target::{Target, node_list};

/// Which directions of a node's links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Directions {
    /// What is sent to it.
    In,
    /// What it sends.
    Out,
    /// Both.
    #[default]
    Both,
}

/// Whose links are shaped, and what of them: the settings that all such faults have.
#[derive(Clone, Copy, Debug)]
pub struct On<'a> {
    pub(crate) target: &'a Target,
    pub(crate) key: Option<Key>,
    pub(crate) direction: Directions,
    pub(crate) clients: bool,
    pub(crate) port: Option<Service>,
    pub(crate) seed: Option<u32>,
}

/// Declares the configuration of a fault that shapes links: its own settings with their defaults, and those that all
/// have.
macro_rules! shaping {
    ($(#[$about:meta])* pub struct $name:ident {
        $($(#[$field_about:meta])* pub $field:ident: $kind:ty = $default:expr,)*
    }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
        pub struct $name {
            $($(#[$field_about])* pub $field: $kind,)*
            /// Whose links.
            pub target: $crate::target::Target,
            /// The partition whose leader or follower is meant; drawn from the seed where not given.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub key: Option<history::Key>,
            /// Which directions of them, as the target sees it.
            pub direction: $crate::shaping::Directions,
            /// Whether its links to the clients are meant too.
            pub clients: bool,
            /// The service whose connections alone are meant; all of them where not given.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub port: Option<$crate::cuts::Service>,
            /// Where the random numbers of the links begin; drawn from the run's seed where not given.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub seed: Option<u32>,
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($field: $default,)*
                    target: $crate::target::Target::One,
                    key: None,
                    direction: $crate::shaping::Directions::Both,
                    clients: false,
                    port: None,
                    seed: None,
                }
            }
        }

        impl $crate::shaping::OnLinks for $name {
            fn on(&self) -> $crate::shaping::On<'_> {
                $crate::shaping::On {
                    target: &self.target,
                    key: self.key,
                    direction: self.direction,
                    clients: self.clients,
                    port: self.port,
                    seed: self.seed,
                }
            }

            fn draw(&mut self, draw: &mut $crate::draw::Draw<'_>) -> Result<(), $crate::config::Invalid> {
                draw.aim(&mut self.target, &mut self.key)?;
                self.seed.get_or_insert_with(|| draw.seed());
                Ok(())
            }
        }
    };
}
pub(crate) use shaping;

/// Has the settings that all faults on links have.
pub trait OnLinks: Send + Sync {
    /// Those settings.
    fn on(&self) -> On<'_>;
    /// Draws what they leave open.
    fn draw(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid>;
}

/// Shapes what passes on links.
pub trait Shaping: OnLinks {
    /// What is wrong with its own settings, if anything is.
    fn check(&self) -> Result<(), Invalid>;
    /// What happens to what passes.
    fn effect(&self) -> Effect;
    /// The same in words that follow `packets`: `delayed by 100ms`.
    fn words(&self) -> String;
    /// Whether it bit.
    fn evidence(deeds: &Deeds) -> Evidence;
    /// Whether so little passes that the ends of the links may as well be cut from each other.
    fn parts(&self) -> bool {
        false
    }
}

#[async_trait]
impl<T: Shaping> FaultKind for T {
    fn needs(&self) -> &'static [Power] {
        &[Power::Shaping]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        self.check()?;
        self.draw(draw)
    }

    fn describe(&self, scene: &Scene) -> String {
        let on = self.on();
        let target = scene.target_name(on.target, on.key);
        let clients = if on.clients { " and clients" } else { "" };
        let way = match on.direction {
            Directions::In => format!("from its peers{clients} to {target}"),
            Directions::Out => format!("from {target} to its peers{clients}"),
            Directions::Both => format!("between {target} and its peers{clients}"),
        };
        let port = on
            .port
            .map(|port| format!(", {port} port alone"))
            .unwrap_or_default();
        format!("packets {} {way}{port}", self.words())
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let on = self.on();
        let nodes = scene.find(on.target, on.key)?;
        let service = on.port.map(|service| service.port(scene));
        let effect = self.effect();
        let ways = ways(&on, &nodes, &scene.cluster.nodes());
        if ways.is_empty() {
            return Err(NoTarget(format!("{} has no peer", node_list(&nodes))));
        }
        let rule = |&(from, to)| LinkRule {
            from,
            to,
            service,
            effect,
        };
        Ok(Aim {
            detail: format!("{} ({})", self.describe(scene), node_list(&nodes)),
            nodes,
            action: Box::new(Shape {
                rules: ways.iter().map(rule).collect(),
                seed: on.seed.unwrap_or_default(),
                cutting: Cutting::default(),
                evidence: T::evidence,
            }),
        })
    }

    fn impairs(&self, nodes: &[NodeId], others: &[NodeId]) -> Impairment {
        let parted = if self.parts() {
            Impairment::apart(nodes, others)
        } else {
            Impairment::default()
        };
        Impairment {
            degrades: true,
            ..parted
        }
    }

    fn target(&self) -> Option<Target> {
        Some(self.on().target.clone())
    }
}

/// The directions of links that are meant, each once.
fn ways(on: &On<'_>, targets: &[NodeId], all: &[NodeId]) -> Vec<(Place, Place)> {
    let mut places: Vec<_> = all.iter().copied().map(Place::Node).collect();
    places.extend(on.clients.then_some(Place::Clients));
    let is_target = |place| matches!(place, Place::Node(node) if targets.contains(&node));
    let meant = |&(from, to): &(Place, Place)| {
        let (sent, received) = (is_target(from), is_target(to));
        from != to
            && match on.direction {
                Directions::In => received,
                Directions::Out => sent,
                Directions::Both => sent || received,
            }
    };
    let pairs = places
        .iter()
        .flat_map(|&from| places.iter().map(move |&to| (from, to)));
    pairs.filter(meant).collect()
}

struct Shape {
    rules: Vec<LinkRule>,
    seed: u32,
    cutting: Cutting,
    evidence: fn(&Deeds) -> Evidence,
}

#[async_trait]
impl Action for Shape {
    async fn inject(&mut self, scene: &Scene) -> Result<()> {
        self.cutting.shape(scene, &self.rules, self.seed.into())
    }

    async fn heal(&mut self, scene: &Scene) -> Result<Evidence> {
        Ok((self.evidence)(&self.cutting.heal(scene)))
    }
}

/// Whether a share is that of most packets: what is lost so often hardly gets through by being sent again.
pub(crate) fn is_most(share: Percent) -> bool {
    share.share().fraction() >= 0.5
}

/// Refuses a share of nothing.
pub(crate) fn some(share: Percent) -> Result<(), Invalid> {
    if share.is_zero() {
        return Err(Invalid::new(&["share"], "a share of nothing is no fault"));
    }
    Ok(())
}

/// How long packets waited, in words.
pub(crate) fn waited(waits: &Waits) -> String {
    let milliseconds = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    format!(
        "{:.1} ms on average, {:.1} ms at most",
        milliseconds(waits.mean()),
        milliseconds(waits.longest)
    )
}

/// The evidence of a fault that takes a share of the packets: `12 of 640 packets lost (1.9 %)`.
pub(crate) fn of_all(deeds: &Deeds, frames: u64, what: &str) -> Evidence {
    let seen = deeds.seen.frames;
    let share = 100.0 * frames as f64 / seen.max(1) as f64;
    Evidence {
        bit: frames > 0,
        text: format!("{frames} of {seen} packets {what} ({share:.1} %)"),
    }
}
