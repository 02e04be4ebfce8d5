//! Makes the wall clock of nodes go too fast or too slow by so many parts in a million, and sets it right when the fault is over; monotonic
//! clocks stay true.

use std::fmt;

use async_trait::async_trait;
use cluster::Skew;
use history::Key;
use serde::{Deserialize, Serialize};

use crate::clocks;
use crate::config::Invalid;
use crate::draw::Draw;
use crate::fault::{Aim, FaultKind, NoTarget, Power, Scene};
use crate::target::Target;

/// A clock that stands still, or goes twice as fast, is no clock that drifts.
const PPM_MAX: i64 = 999_999;

/// Makes wall clocks drift. Configured by whose, and how fast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ClockDrift {
    /// Whose.
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// So many microseconds a second too fast, or, negative, too slow.
    pub ppm: Ppm,
}

impl Default for ClockDrift {
    fn default() -> Self {
        Self {
            target: Target::One,
            key: None,
            ppm: Ppm(100_000),
        }
    }
}

#[async_trait]
impl FaultKind for ClockDrift {
    fn needs(&self) -> &'static [Power] {
        &[Power::Clock]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        draw.aim(&mut self.target, &mut self.key)
    }

    fn describe(&self, scene: &Scene) -> String {
        let whose = scene.target_name(&self.target, self.key);
        format!("wall clock of {whose} {}", self.ppm)
    }

    fn target(&self) -> Option<Target> {
        Some(self.target.clone())
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene.find(&self.target, self.key)?;
        let Ppm(ppm) = self.ppm;
        clocks::aim(scene, nodes, Skew::Drift { ppm }, true, &self.describe(scene)).await
    }
}

/// Parts per million, never none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Ppm(i64);

impl TryFrom<i64> for Ppm {
    type Error = String;

    fn try_from(ppm: i64) -> Result<Self, String> {
        if ppm == 0 || ppm.abs() > PPM_MAX {
            return Err(format!(
                "a clock drifts by 1 to {PPM_MAX} parts per million, too fast or (negative) too slow, not by {ppm}"
            ));
        }
        Ok(Self(ppm))
    }
}

impl From<Ppm> for i64 {
    fn from(ppm: Ppm) -> Self {
        ppm.0
    }
}

impl fmt::Display for Ppm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.0 < 0 { "slow" } else { "fast" };
        write!(formatter, "too {how} by {} ppm", self.0.abs())
    }
}
