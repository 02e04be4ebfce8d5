//! Makes a partition's leader slow: whoever leads at the moment of injection gets and sends everything late, from and to
//! its followers and the clients, but nothing is lost.

use async_trait::async_trait;
use history::{Key, Span};
use serde::{Deserialize, Serialize};

use super::delay::{Delay, Distribution};
use crate::config::Invalid;
use crate::cuts::Service;
use crate::draw::Draw;
use crate::fault::{Aim, FaultKind, NoTarget, Power, Scene};
use crate::target::Target;

/// Delays all that a leader sends and gets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SlowLeader {
    /// The partition; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// By how long, in each direction.
    pub by: Span,
    /// How far that varies.
    pub jitter: Span,
    /// In which way: `uniform` where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// Whether it is slow for clients too, and not for its followers alone.
    pub clients: bool,
    /// The service that alone is slow; all of them where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<Service>,
    /// Where the random numbers of the links begin; drawn from the run's seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u32>,
}

impl Default for SlowLeader {
    fn default() -> Self {
        Self {
            key: None,
            by: Span::from_millis(200),
            jitter: Span::from_millis(0),
            distribution: None,
            clients: true,
            port: None,
            seed: None,
        }
    }
}

impl SlowLeader {
    /// The fault that it is a case of.
    fn delay(&self) -> Delay {
        Delay {
            by: self.by,
            jitter: self.jitter,
            distribution: self.distribution,
            target: Target::Leader,
            key: self.key,
            clients: self.clients,
            port: self.port,
            seed: self.seed,
            ..Delay::default()
        }
    }
}

#[async_trait]
impl FaultKind for SlowLeader {
    fn needs(&self) -> &'static [Power] {
        &[Power::Shaping]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        let mut delay = self.delay();
        delay.resolve(draw)?;
        (self.key, self.seed) = (delay.key, delay.seed);
        Ok(())
    }

    fn describe(&self, scene: &Scene) -> String {
        self.delay().describe(scene)
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        self.delay().aim(scene).await
    }

    fn target(&self) -> Option<Target> {
        Some(Target::Leader)
    }
}
