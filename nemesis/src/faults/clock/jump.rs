//! Sets the wall clock of nodes forward or back by a fixed time, at one instant, and sets it right when the fault is over; monotonic clocks stay
//! true.

use async_trait::async_trait;
use cluster::Skew;
use history::{Key, Span};
use serde::{Deserialize, Serialize};

use crate::clocks;
use crate::config::Invalid;
use crate::draw::Draw;
use crate::fault::{Aim, FaultKind, NoTarget, Power, Scene};
use crate::shift::Shift;
use crate::target::Target;

/// How far a clock jumps where the plan does not say.
const SHORTEST_AND_LONGEST: (Span, Span) = (Span::from_secs(1), Span::from_secs(3_600));

/// Makes wall clocks jump. Configured by whose, and how far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ClockJump {
    /// Whose.
    pub target: Target,
    /// The partition whose leader or follower is meant; drawn from the seed where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// How far, forward (`+300s`) or back (`-1h`); drawn from the seed where not given: a second to an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<Shift>,
    /// Whether a broker whose clock is set back when the fault is over, by more than 5 s, is started anew: what it has put
    /// off until some time it would put off for that much longer.
    pub restart: bool,
}

impl Default for ClockJump {
    fn default() -> Self {
        Self {
            target: Target::One,
            key: None,
            offset: None,
            restart: true,
        }
    }
}

#[async_trait]
impl FaultKind for ClockJump {
    fn needs(&self) -> &'static [Power] {
        &[Power::Clock]
    }

    fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        draw.aim(&mut self.target, &mut self.key)?;
        self.offset.get_or_insert_with(|| {
            let span = Span::from_secs(draw.between(SHORTEST_AND_LONGEST) / 1000);
            if draw.coin() { Shift::ahead(span) } else { Shift::behind(span) }
        });
        Ok(())
    }

    fn describe(&self, scene: &Scene) -> String {
        let whose = scene.target_name(&self.target, self.key);
        let offset = self.offset.map(|offset| offset.to_string()).unwrap_or_default();
        format!("wall clock of {whose} set {offset}")
    }

    fn target(&self) -> Option<Target> {
        Some(self.target.clone())
    }

    async fn aim(&self, scene: &Scene) -> Result<Aim, NoTarget> {
        let nodes = scene.find(&self.target, self.key)?;
        let offset = self
            .offset
            .ok_or_else(|| NoTarget("the offset was never drawn: resolve the schedule first".to_owned()))?;
        let nanoseconds = offset.nanoseconds();
        clocks::aim(scene, nodes, Skew::Jump { nanoseconds }, self.restart, &self.describe(scene)).await
    }
}
