//! What one fault put in force on links, cuts or more, and what that did.

use std::fmt;

use anyhow::{Context, Result};
use cluster::{Cut, Deeds, LinkRule, Links, Place};
use serde::{Deserialize, Serialize};

use crate::fault::{Evidence, Scene};

/// A service of a node, by which TCP connections are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// What clients and following replicas speak to.
    Client,
    /// What controllers, and brokers to them, speak to.
    Controller,
}

impl Service {
    /// Its port.
    pub(crate) fn port(self, scene: &Scene) -> u16 {
        let ports = scene.cluster.ports();
        match self {
            Self::Client => ports.client,
            Self::Controller => ports.controller,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Client => "client",
            Self::Controller => "controller",
        })
    }
}

/// What one fault has in force on links.
#[derive(Debug, Default)]
pub(crate) struct Cutting {
    id: Option<u64>,
}

impl Cutting {
    /// Puts these cuts in force at one instant.
    pub(crate) fn cut(&mut self, scene: &Scene, cuts: &[Cut]) -> Result<()> {
        self.put(scene, |links| links.cut(cuts))
    }

    /// Puts these rules in force at one instant; chance is drawn from the seed.
    pub(crate) fn shape(&mut self, scene: &Scene, rules: &[LinkRule], seed: u64) -> Result<()> {
        self.put(scene, |links| links.shape(rules, seed))
    }

    fn put(&mut self, scene: &Scene, put: impl FnOnce(&dyn Links) -> Result<u64>) -> Result<()> {
        let links = scene
            .cluster
            .links()
            .context("this environment cannot cut links")?;
        self.id = Some(put(&*links)?);
        Ok(())
    }

    /// Ends them, where they are in force, and says what they did.
    pub(crate) fn heal(&mut self, scene: &Scene) -> Deeds {
        match (self.id.take(), scene.cluster.links()) {
            (Some(id), Some(links)) => links.heal(id),
            _ => Deeds::default(),
        }
    }

    /// What was dropped, in words.
    pub(crate) fn describe(deeds: &Deeds) -> String {
        format!(
            "{} frames ({} bytes) dropped",
            deeds.dropped.frames, deeds.dropped.bytes
        )
    }

    /// The evidence of a fault that did nothing but cut.
    pub(crate) fn evidence(deeds: &Deeds) -> Evidence {
        Evidence {
            bit: deeds.dropped.frames > 0,
            text: Self::describe(deeds),
        }
    }
}

/// Everything that goes from one place to another.
pub(crate) fn whole(from: Place, to: Place) -> Cut {
    Cut {
        from,
        to,
        destination_port: None,
        source_port: None,
    }
}

/// What goes from one place to another over connections to this port, on whichever side it is; everything where none
/// is given.
pub(crate) fn service(from: Place, to: Place, port: Option<u16>) -> Vec<Cut> {
    let Some(port) = port else {
        return vec![whole(from, to)];
    };
    let to_it = Cut {
        destination_port: Some(port),
        ..whole(from, to)
    };
    let from_it = Cut {
        source_port: Some(port),
        ..whole(from, to)
    };
    vec![to_it, from_it]
}
