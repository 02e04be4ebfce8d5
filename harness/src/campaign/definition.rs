//! The file of a campaign.

use history::Span;
use report::GateRule;
use serde::{Deserialize, Serialize};
use toml::Table;

use crate::plan::{Wrong, check_name};

/// How often a run is tried again that the machine would not do, where the file does not say.
const RETRIES: u32 = 2;
/// How often a run that found a violation is made again, where the file does not say.
const CONFIRM: u32 = 3;

/// A campaign, as the user wrote it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Definition {
    /// Its name, which its directory carries.
    pub name: String,
    /// What it is for, in a sentence.
    #[serde(default)]
    pub about: String,
    /// The plan that every cell begins with: a file, named from the campaign's own, or one that ships.
    #[serde(default = "quick")]
    pub plan: String,
    /// Each run's seed comes from it, where the command line gives none.
    #[serde(default)]
    pub seed: Option<u64>,
    /// How often each cell is run, each time with another seed.
    #[serde(default = "once")]
    pub repeats: u32,
    /// After this time nothing more is begun.
    #[serde(default)]
    pub time_budget: Option<Span>,
    /// How many runs go on at one time; as many as cores and memory allow where it is not given.
    #[serde(default)]
    pub parallel: Option<u32>,
    /// How often a run is tried again that the machine would not do.
    #[serde(default = "retries")]
    pub retries: u32,
    /// How often a run that found a violation nobody expected is made again, to know its rate.
    #[serde(default = "confirm")]
    pub confirm: u32,
    /// What every run is expected to come to.
    #[serde(default)]
    pub expect: Expect,
    /// By what it passes, and stops as soon as that is decided; without it every run is made.
    #[serde(default)]
    pub gate: Option<GateRule>,
    /// What every cell sets over its plan.
    #[serde(default)]
    pub set: Table,
    /// The axes: a list of values of one of the plan's settings, or a table of named changes to the plan.
    #[serde(default)]
    pub matrix: Table,
    /// Cells that are left out: those that have all of these values.
    #[serde(default)]
    pub exclude: Vec<Table>,
    /// Cells beside those of the matrix.
    #[serde(default)]
    pub include: Vec<Include>,
}

impl Definition {
    /// What is wrong with it beside its cells.
    pub(super) fn check(&self) -> Result<(), Wrong> {
        check_name(&self.name)?;
        if self.parallel == Some(0) {
            return Err(Wrong::new(
                &["parallel"],
                "at least one run has to go on at a time",
            ));
        }
        Ok(())
    }
}

/// A cell that the matrix does not make.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Include {
    /// What it is called.
    pub name: String,
    /// Its plan instead of the campaign's.
    #[serde(default)]
    pub plan: Option<String>,
    /// What it is expected to come to instead of what the campaign is.
    #[serde(default)]
    pub expect: Option<Expect>,
    /// How often it is run instead of what the campaign says.
    #[serde(default)]
    pub repeats: Option<u32>,
    /// What it sets over its plan.
    #[serde(default)]
    pub set: Table,
}

/// What a run is to come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expect {
    /// Every promise kept.
    #[default]
    Valid,
    /// A promise broken: for controls, which show that the harness would see it.
    Violation,
}

impl Expect {
    /// Its word in a file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Violation => "violation",
        }
    }
}

fn quick() -> String {
    "quick".to_owned()
}

fn once() -> u32 {
    1
}

fn retries() -> u32 {
    RETRIES
}

fn confirm() -> u32 {
    CONFIRM
}
