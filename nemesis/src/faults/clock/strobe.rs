//! Makes the wall clock of nodes jump to and fro, a period ahead or behind and a period right, and sets it right when the fault is over;
//! monotonic clocks stay true.

use async_trait::async_trait;
use cluster::Skew;
use history::{Key, Span};
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};

use crate::clocks;
use crate::config::Invalid;
use crate::draw::Draw;
use crate::fault::{Aim, FaultKind, NoTarget, Power, Scene};
use crate::shift::Shift;
use crate::target::Target;

/// Makes wall clocks jump to and fro. Configured by whose, how often and how far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ClockStrobe {
    /// Whose.
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// How long a clock stays at either.
    #[serde(deserialize_with = "some_time")]
    pub period: Span,
    /// How far it jumps, ahead (`+300s`) or behind (`-300s`).
    pub amplitude: Shift,
    /// Whether a broker whose clock is set back when the fault is over, by more than 5 s, is started anew: what it has put
    /// off until some time it would put off for that much longer.
    pub restart: bool,
}

impl Default for ClockStrobe {
    fn default() -> Self {
        Self {
            target: Target::One,
            key: None,
            period: Span::from_millis(200),
            amplitude: Shift::behind(Span::from_secs(300)),
            restart: true,
        }
    }
}

#[async_trait]
impl FaultKind for ClockStrobe {
    fn needs(&self) -> &'static [Power] {
        &[Power::Clock]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        draw.aim(&mut self.target, &mut self.key)
    }

    fn describe(&self, scene: &Scene) -> String {
        let whose = scene.target_name(&self.target, self.key);
        format!("wall clock of {whose} set {} and back every {}", self.amplitude, self.period)
    }

    fn target(&self) -> Option<Target> {
        Some(self.target.clone())
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene.find(&self.target, self.key)?;
        let skew = Skew::Strobe {
            period: self.period.duration(),
            nanoseconds: self.amplitude.nanoseconds(),
        };
        clocks::aim(scene, nodes, skew, self.restart, &self.describe(scene)).await
    }
}

fn some_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
    let span = Span::deserialize(deserializer)?;
    if span.is_zero() {
        return Err(de::Error::custom("a period of no time is none: at least \"1ms\""));
    }
    Ok(span)
}
