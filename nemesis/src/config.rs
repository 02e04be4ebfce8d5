//! What a plan says of its faults: nothing, a random schedule, or the steps one by one.

use std::fmt;
use std::ops::RangeInclusive;

use history::Span;
use serde::{Deserialize, Serialize};

use crate::faults::FaultSpec;

/// The `nemesis` of a plan: `nemesis = "none"`, `[nemesis.random]` or `[[nemesis.steps]]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NemesisConfig {
    /// A run without faults, declared as such.
    #[default]
    None,
    /// Faults one after the other, with rests between, all drawn from the seed.
    Random(RandomConfig),
    /// These steps. Those whose times overlap are in force together.
    Steps(Vec<Step>),
}

/// A random schedule: each fault of the list at least once, then drawn again until the time is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RandomConfig {
    /// What may go wrong: a word for a fault as it is by default, or a table with its configuration.
    pub faults: Vec<FaultSpec>,
    /// How long a fault stays in force: the shortest and the longest time.
    #[serde(default = "RandomConfig::default_lasts")]
    pub lasts: (Span, Span),
    /// How long nothing is wrong before a fault and after the last: the shortest and the longest time.
    #[serde(default = "RandomConfig::default_rest")]
    pub rest: (Span, Span),
    /// How long the schedule goes on.
    pub duration: Span,
}

impl RandomConfig {
    const fn default_lasts() -> (Span, Span) {
        (Span::from_secs(2), Span::from_secs(5))
    }

    const fn default_rest() -> (Span, Span) {
        (Span::from_secs(1), Span::from_secs(3))
    }
}

/// One fault at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Step {
    /// When it is injected, from the schedule's start.
    pub at: Span,
    /// How long it stays in force once it is injected; where not given, until every other step is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Span>,
    /// What goes wrong.
    pub fault: FaultSpec,
}

/// A setting that contradicts the rest of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The keys that lead to it from the nemesis on, a number for an item of a list: `steps`, `2`, `fault`, …
    pub path: Vec<String>,
    /// What is wrong with it, and what to do.
    pub reason: String,
}

impl Invalid {
    pub(crate) fn new(path: &[&str], reason: impl Into<String>) -> Self {
        Self {
            path: path.iter().map(|&key| key.to_owned()).collect(),
            reason: reason.into(),
        }
    }

    /// The same, seen from a place further out.
    pub(crate) fn inside(mut self, place: &[&str]) -> Self {
        self.path.splice(0..0, place.iter().map(|&key| key.to_owned()));
        self
    }
}

/// Refuses a number that is out of range.
pub(crate) fn in_range(field: &str, value: u32, range: &RangeInclusive<u32>) -> Result<(), Invalid> {
    if range.contains(&value) {
        return Ok(());
    }
    let (least, most) = (range.start(), range.end());
    let reason = format!("{value} is out of range: give {least} to {most}");
    Err(Invalid::new(&[field], reason))
}

impl fmt::Display for Invalid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path.join("."), self.reason)
    }
}

impl std::error::Error for Invalid {}
