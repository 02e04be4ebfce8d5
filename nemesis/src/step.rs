//! One fault at its time: when it begins, how long it lasts, what goes wrong.

use history::Span;
use serde::{Deserialize, Serialize};

use crate::faults::FaultSpec;
use crate::when::When;

/// One fault at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Step {
    /// What the steps that wait for it call it.
    pub name: Option<String>,
    /// When it is injected.
    pub start: Start,
    /// How long it stays in force once it is injected; where not given, until every other step is over.
    pub lasts: Option<Span>,
    /// Whether it is injected even where that breaks a limit, on purpose.
    pub exceed: bool,
    /// What goes wrong.
    pub fault: FaultSpec,
}

/// When a step begins.
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// That long after the schedule's start.
    At(Span),
    /// Once something is seen.
    When(When),
}

/// As it stands in a plan.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<Span>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lasts: Option<Span>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    exceed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    when: Option<When>,
    fault: FaultSpec,
}

impl Step {
    /// A fault from a time on, for a time.
    pub fn at(at: Span, lasts: Option<Span>, fault: FaultSpec) -> Self {
        Self {
            name: None,
            start: Start::At(at),
            lasts,
            exceed: false,
            fault,
        }
    }

    /// The earliest time at which it can begin, from the schedule's start.
    pub fn earliest(&self) -> Span {
        match &self.start {
            Start::At(at) => *at,
            Start::When(when) => when.from,
        }
    }

    /// Moves that time.
    pub fn set_earliest(&mut self, time: Span) {
        match &mut self.start {
            Start::At(at) => *at = time,
            Start::When(when) => when.from = time,
        }
    }

    /// The name of the step that it waits for.
    pub fn waits_for(&self) -> Option<&str> {
        match &self.start {
            Start::At(_) => None,
            Start::When(when) => when.after().map(|after| after.step.as_str()),
        }
    }
}

impl TryFrom<Written> for Step {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, &'static str> {
        let start = match (written.at, written.when) {
            (Some(at), None) => Start::At(at),
            (None, Some(when)) => Start::When(when),
            (Some(_), Some(_)) => {
                return Err("a step begins `at` a time or `when` something is seen, not both");
            }
            (None, None) => return Err("a step without a beginning: give `at` or `when`"),
        };
        Ok(Self {
            name: written.name,
            start,
            lasts: written.lasts,
            exceed: written.exceed,
            fault: written.fault,
        })
    }
}

impl From<Step> for Written {
    fn from(step: Step) -> Self {
        let (at, when) = match step.start {
            Start::At(at) => (Some(at), None),
            Start::When(when) => (None, Some(when)),
        };
        Self {
            name: step.name,
            at,
            lasts: step.lasts,
            exceed: step.exceed,
            when,
            fault: step.fault,
        }
    }
}
