//! The run that failed: its plan, and what was found.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use checkers::{Anomaly, Validity, Verdict};

use crate::child::verdict;
use crate::directory::RunDirectory;
use crate::plan::Plan;
use crate::shrink::Clue;

/// What is to be shrunk.
pub struct Case {
    /// The run's directory, as people name it.
    pub dir: String,
    /// Its plan, with nothing left to choose.
    pub plan: Plan,
    /// Its seed.
    pub seed: u64,
    /// The finding that has to come again.
    pub anomaly: String,
    /// What the finding points at.
    pub clue: Clue,
}

impl Case {
    /// Reads a run's directory. A run that found nothing is refused.
    pub fn open(dir: &Path, anomaly: Option<&str>) -> Result<Self> {
        let directory = RunDirectory::open(dir)?;
        let resolved = directory.resolved()?;
        let verdict = verdict(&directory.verdict())?;
        if verdict.valid != Validity::Invalid {
            bail!("{} is no run that failed: {}", directory.shown(), verdict.summary);
        }
        let anomaly = choose(&verdict, anomaly)?;
        Ok(Self {
            dir: directory.shown(),
            clue: clue(&verdict, &anomaly),
            anomaly,
            seed: resolved.seed,
            plan: resolved.plan,
        })
    }
}

/// The finding that was asked for, or the gravest.
fn choose(verdict: &Verdict, asked: Option<&str>) -> Result<String> {
    let mut found: Vec<&str> = verdict.anomalies.keys().map(String::as_str).collect();
    found.sort_by_key(|name| Anomaly::gravity(name));
    let chosen = match asked {
        Some(asked) => found.iter().find(|name| **name == asked),
        None => found.first(),
    };
    let chosen = chosen.ok_or_else(|| {
        let asked = asked.unwrap_or("any anomaly");
        anyhow!("the run did not find {asked}: it found {}", found.join(", "))
    })?;
    Ok((*chosen).to_owned())
}

fn clue(verdict: &Verdict, anomaly: &str) -> Clue {
    let cases = verdict
        .anomalies
        .get(anomaly)
        .map_or(&[][..], |found| &found.cases[..]);
    Clue {
        faults: cases
            .iter()
            .flat_map(|case| case.faults.iter().map(|fault| *fault as usize))
            .collect(),
        key: cases.first().and_then(|case| case.key),
    }
}
