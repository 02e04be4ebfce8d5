//! What was run so far, as a file that is whole at any time: whatever ends a search, this is where it goes on.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::case::Case;
use crate::directory::{shown, write_whole};
use crate::plan::Plan;

/// The file's name.
const FILE: &str = "state.json";
/// The version of its form.
const VERSION: u32 = 1;

/// Every run of every candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct State {
    version: u32,
    /// The finding that has to come again.
    pub anomaly: String,
    /// The plan that is shrunk.
    original: String,
    /// How many runs were begun, those that came to nothing included: each has a seed of its own.
    pub begun: u64,
    /// The candidates, in the order in which they were tried.
    pub tried: Vec<Tried>,
    /// The plans that were confirmed, or were to be, by further runs.
    pub confirmed: Vec<Tried>,
    /// The seed of the run that is kept to show what a plan does.
    pub example: Option<u64>,
    #[serde(skip)]
    path: PathBuf,
}

/// A plan and its runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tried {
    /// What it has less of.
    pub what: String,
    /// The plan.
    pub plan: String,
    /// Its runs.
    pub runs: Vec<Run>,
}

/// A run that came to a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Run {
    /// Its seed.
    pub seed: u64,
    /// Whether the finding came again.
    pub failed: bool,
    /// How long it took.
    pub seconds: f64,
    /// How many writes were acknowledged.
    pub acknowledged: u64,
}

impl Tried {
    /// How many runs failed, and how many did not.
    pub fn counts(&self) -> (u32, u32) {
        let failed = self.runs.iter().filter(|run| run.failed).count();
        (failed as u32, (self.runs.len() - failed) as u32)
    }
}

impl State {
    /// What an earlier search left, where it is to go on; else nothing yet.
    pub fn open(work: &Path, case: &Case, resume: bool) -> Result<Self> {
        let path = work.join(FILE);
        let original = text(&case.plan)?;
        if !path.exists() {
            fs::create_dir_all(work).with_context(|| format!("create {}", shown(work)))?;
            return Ok(Self {
                version: VERSION,
                anomaly: case.anomaly.clone(),
                original,
                begun: 0,
                tried: Vec::new(),
                confirmed: Vec::new(),
                example: None,
                path,
            });
        }
        if !resume {
            bail!(
                "{} holds a search already: --resume goes on with it, --out begins another elsewhere",
                shown(work)
            );
        }
        let bytes = fs::read(&path).with_context(|| format!("read {}", shown(&path)))?;
        let mut state: Self =
            serde_json::from_slice(&bytes).with_context(|| format!("read {}", shown(&path)))?;
        if state.version != VERSION {
            bail!(
                "{} is of version {}, and this is {VERSION}",
                shown(&path),
                state.version
            );
        }
        if state.original != original {
            bail!("{} shrinks another plan than {} holds", shown(&path), case.dir);
        }
        if state.anomaly != case.anomaly {
            bail!(
                "{} looks for {}, not for {}",
                shown(&path),
                state.anomaly,
                case.anomaly
            );
        }
        state.path = path;
        Ok(state)
    }

    /// Writes it, whole or not at all.
    pub fn save(&self) -> Result<()> {
        let json = serde_json::to_vec_pretty(self).context("numbers and texts always have a form in JSON")?;
        write_whole(&self.path, &json)
    }

    /// All runs that came to a verdict.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = &Run> {
        self.tried
            .iter()
            .chain(&self.confirmed)
            .flat_map(|tried| &tried.runs)
    }
}

/// The runs of a plan in one of the lists: from now on, where it is new there.
pub fn entry(list: &mut Vec<Tried>, plan: String, what: &str) -> usize {
    let known = list.iter().position(|tried| tried.plan == plan);
    known.unwrap_or_else(|| {
        let what = what.to_owned();
        list.push(Tried {
            what,
            plan,
            runs: Vec::new(),
        });
        list.len() - 1
    })
}

/// A plan as text.
pub fn text(plan: &Plan) -> Result<String> {
    toml::to_string(plan).context("a plan always has a form in TOML")
}
