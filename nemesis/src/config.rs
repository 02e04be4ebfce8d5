//! What a plan says of its faults: nothing, a random schedule, a rotation of mixes, or the steps one by one; and
//! the limits that hold for all of them.

use std::fmt;
use std::ops::RangeInclusive;

use history::Span;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::limits::FaultLimits;
use crate::step::Step;
use crate::weighted::Weighted;

/// The `nemesis` of a plan: `nemesis = "none"`, or a table with one schedule, and with limits where there are any.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NemesisConfig {
    /// What goes wrong when.
    pub schedule: Schedule,
    /// What the faults in force together may not take away.
    pub limits: FaultLimits,
    /// The kinds of fault that swarm testing switched off in this run: what a resolved plan says of them.
    pub off: Vec<String>,
}

/// What goes wrong when: `[nemesis.random]`, `[nemesis.rotation]` or `[[nemesis.steps]]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Schedule {
    /// A run without faults, declared as such.
    #[default]
    None,
    /// Faults drawn from one mix until the time is over.
    Random(RandomConfig),
    /// One period after the other, each with a mix of its own and a quiet time after it.
    Rotation(RotationConfig),
    /// These steps. Those whose times overlap are in force together.
    Steps(Vec<Step>),
}

impl From<Schedule> for NemesisConfig {
    fn from(schedule: Schedule) -> Self {
        Self {
            schedule,
            ..Self::default()
        }
    }
}

/// A random schedule: each fault of the list at least once, then drawn again until the time is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RandomConfig {
    /// What may go wrong: a word for a fault as it is by default, or a table with its configuration and its weight.
    pub faults: Vec<Weighted>,
    /// How long a fault stays in force: the shortest and the longest time.
    #[serde(default = "default_lasts")]
    pub lasts: (Span, Span),
    /// How long nothing is wrong before a fault and after the last: the shortest and the longest time. Where
    /// several may be in force together, each of them keeps its own rests.
    #[serde(default = "default_rest")]
    pub rest: (Span, Span),
    /// How many faults may be in force together.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub at_most: u32,
    /// Whether a coin of the seed switches each kind of fault on or off for the whole run; one at least stays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub swarm: bool,
    /// How long the schedule goes on.
    pub duration: Span,
}

/// Periods one after the other, and again from the first, until the time is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RotationConfig {
    /// How long the schedule goes on.
    pub duration: Span,
    /// Whether a coin of the seed switches each kind of fault on or off for the whole run; one at least stays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub swarm: bool,
    /// The periods, in their order.
    pub periods: Vec<Period>,
}

/// A stretch of time with one mix of faults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Period {
    /// How long it goes on.
    pub length: Span,
    /// How long nothing is wrong after it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub quiet_after: Span,
    /// What may go wrong in it, each at least once.
    pub faults: Vec<Weighted>,
    /// How long a fault stays in force: the shortest and the longest time.
    #[serde(default = "default_lasts")]
    pub lasts: (Span, Span),
    /// How long nothing is wrong before a fault and after the last: the shortest and the longest time.
    #[serde(default = "default_rest")]
    pub rest: (Span, Span),
    /// How many faults may be in force together.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub at_most: u32,
}

const fn default_lasts() -> (Span, Span) {
    (Span::from_secs(2), Span::from_secs(5))
}

const fn default_rest() -> (Span, Span) {
    (Span::from_secs(1), Span::from_secs(3))
}

const fn one() -> u32 {
    1
}

pub(crate) const fn is_zero(span: &Span) -> bool {
    span.is_zero()
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature is that of serde's `skip_serializing_if`"
)]
const fn is_one(number: &u32) -> bool {
    *number == 1
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

impl Serialize for NemesisConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.schedule == Schedule::None {
            return serializer.serialize_str("none");
        }
        let mut map = serializer.serialize_map(None)?;
        if !self.off.is_empty() {
            map.serialize_entry("off", &self.off)?;
        }
        if self.limits != FaultLimits::default() {
            map.serialize_entry("limits", &self.limits)?;
        }
        match &self.schedule {
            Schedule::None => {}
            Schedule::Random(random) => map.serialize_entry("random", random)?,
            Schedule::Rotation(rotation) => map.serialize_entry("rotation", rotation)?,
            Schedule::Steps(steps) => map.serialize_entry("steps", steps)?,
        }
        map.end()
    }
}

/// The keys of a plan's `nemesis`.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Random,
    Rotation,
    Steps,
    Limits,
    Off,
}

const SCHEDULES: &[&str] = &["none", "random", "rotation", "steps"];

struct NemesisVisitor;

impl<'de> Visitor<'de> for NemesisVisitor {
    type Value = NemesisConfig;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("\"none\", or a table with `random`, `rotation` or `steps`, and with `limits`")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<NemesisConfig, E> {
        match word {
            "none" => Ok(NemesisConfig::default()),
            other => Err(E::unknown_variant(other, SCHEDULES)),
        }
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<NemesisConfig, M::Error> {
        let mut config = NemesisConfig::default();
        while let Some(word) = map.next_key::<Word>()? {
            let schedule = match word {
                Word::Limits => {
                    config.limits = map.next_value()?;
                    continue;
                }
                Word::Off => {
                    config.off = map.next_value()?;
                    continue;
                }
                Word::Random => Schedule::Random(map.next_value()?),
                Word::Rotation => Schedule::Rotation(map.next_value()?),
                Word::Steps => Schedule::Steps(map.next_value()?),
            };
            if config.schedule != Schedule::None {
                return Err(de::Error::custom(
                    "a second schedule: choose one of `random`, `rotation` and `steps`",
                ));
            }
            config.schedule = schedule;
        }
        if config.schedule == Schedule::None {
            return Err(de::Error::custom(
                "no schedule: give `random`, `rotation` or `steps`, or write nemesis = \"none\"",
            ));
        }
        Ok(config)
    }
}

impl<'de> Deserialize<'de> for NemesisConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NemesisVisitor)
    }
}
