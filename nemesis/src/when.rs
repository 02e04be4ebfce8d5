//! What a step waits for where it has no time of its own.

use history::{Key, Span};
use serde::{Deserialize, Serialize};

use crate::config::{Invalid, is_zero};
use crate::draw::Draw;

/// A condition, and how long a step waits for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct When {
    /// What has to be seen.
    pub seen: Condition,
    /// From when on it is looked for, from the schedule's start.
    pub from: Span,
    /// How long it is looked for; then the step is skipped.
    pub timeout: Span,
}

/// What has to be seen.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// `isr-of`: a partition's ISR has a size.
    IsrOf(IsrOf),
    /// `election`: a partition has a leader in a newer epoch.
    Election(Election),
    /// `controller-changed`: a controller is active in a newer term.
    ControllerChanged(ControllerChanged),
    /// `after`: another step began or ended.
    After(After),
}

/// The size of a partition's ISR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct IsrOf {
    /// The partition; drawn from the seed where not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// It has at most so many members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u32>,
    /// It has at least so many members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<u32>,
}

/// A newer leader epoch of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Election {
    /// The partition; drawn from the seed where not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// How long after it was seen the injection may begin; where that is over, the next one is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}

/// A newer term of the controllers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ControllerChanged {
    /// How long after it was seen the injection may begin; where that is over, the next one is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}

/// Another step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct After {
    /// Its `name`.
    pub step: String,
    /// What of it is waited for.
    #[serde(default)]
    pub is: Moment,
    /// How much later this one begins.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delay: Span,
}

/// A moment in the life of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// Its fault came into force.
    Injected,
    /// Its fault was healed.
    #[default]
    Healed,
}

/// As it stands in a plan.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Written {
    #[serde(skip_serializing_if = "is_zero")]
    from: Span,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    isr_of: Option<IsrOf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    election: Option<Election>,
    #[serde(skip_serializing_if = "Option::is_none")]
    controller_changed: Option<ControllerChanged>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<After>,
}

impl When {
    /// How long a step waits where its plan does not say.
    const DEFAULT_TIMEOUT: Span = Span::from_secs(30);

    /// Draws which partition is meant where the plan left it to the seed, and refuses what can never be seen.
    pub(crate) fn resolve(&mut self, draw: &mut Draw<'_>) -> Result<(), Invalid> {
        if self.timeout.is_zero() {
            let reason = "a condition that is waited for no time is never seen";
            return Err(Invalid::new(&["timeout"], reason));
        }
        match &mut self.seen {
            Condition::IsrOf(isr) => {
                let key = draw.key(isr.key).map_err(|error| error.inside(&["isr-of"]))?;
                isr.key = Some(key);
            }
            Condition::Election(election) => {
                let key = draw
                    .key(election.key)
                    .map_err(|error| error.inside(&["election"]))?;
                election.key = Some(key);
            }
            Condition::ControllerChanged(_) | Condition::After(_) => {}
        }
        Ok(())
    }

    /// How long after it was seen the injection may begin.
    pub(crate) fn within(&self) -> Option<Span> {
        match &self.seen {
            Condition::Election(election) => election.within,
            Condition::ControllerChanged(changed) => changed.within,
            Condition::IsrOf(_) | Condition::After(_) => None,
        }
    }

    /// The step that is waited for.
    pub(crate) fn after(&self) -> Option<&After> {
        match &self.seen {
            Condition::After(after) => Some(after),
            _ => None,
        }
    }
}

impl TryFrom<Written> for When {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let conditions = [
            written.isr_of.map(Condition::IsrOf),
            written.election.map(Condition::Election),
            written.controller_changed.map(Condition::ControllerChanged),
            written.after.map(Condition::After),
        ];
        let mut conditions = conditions.into_iter().flatten();
        let (Some(seen), None) = (conditions.next(), conditions.next()) else {
            return Err(
                "a step waits for one thing: give one of `isr-of`, `election`, `controller-changed` and `after`"
                    .to_owned(),
            );
        };
        if let Condition::IsrOf(isr) = &seen {
            match (isr.at_most, isr.at_least) {
                (Some(0), None) => {
                    return Err("an ISR of no node is never seen: `at-most` is 1 or more".to_owned());
                }
                (Some(_), None) | (None, Some(_)) => {}
                _ => return Err("`isr-of` takes one of `at-most` and `at-least`".to_owned()),
            }
        }
        Ok(Self {
            seen,
            from: written.from,
            timeout: written.timeout.unwrap_or(Self::DEFAULT_TIMEOUT),
        })
    }
}

impl From<When> for Written {
    fn from(when: When) -> Self {
        let written = Self {
            from: when.from,
            timeout: Some(when.timeout),
            ..Self::default()
        };
        match when.seen {
            Condition::IsrOf(isr) => Self {
                isr_of: Some(isr),
                ..written
            },
            Condition::Election(election) => Self {
                election: Some(election),
                ..written
            },
            Condition::ControllerChanged(changed) => Self {
                controller_changed: Some(changed),
                ..written
            },
            Condition::After(after) => Self {
                after: Some(after),
                ..written
            },
        }
    }
}
