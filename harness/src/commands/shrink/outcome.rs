//! What a search came to: the plan as a file that says what it is, its rate, and what it shows.

use std::path::PathBuf;

use anyhow::{Context, Result};
use checkers::Verdict;
use serde::Serialize;

use super::case::Case;
use super::runner::Runner;
use crate::child::verdict;
use crate::directory::{shown, write_whole};
use crate::plan::Plan;
use crate::print;
use crate::shrink::{Smaller, steps_of};
use statistics::{CONFIDENCE, Interval, METHOD};

/// Sentences of the story that the plan's file holds.
const SENTENCES_MAX: usize = 12;

/// A plan that was confirmed, and everything that is said of it.
pub struct Outcome {
    said: Said,
    plan: Plan,
    /// What was taken away, step by step.
    taken: Vec<String>,
    /// A run that shows it.
    example: Verdict,
    /// The seed of a run that showed it.
    seed: Option<u64>,
}

/// What is said as JSON.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Said {
    /// The file with the plan.
    plan: PathBuf,
    anomaly: String,
    /// In how many of the runs that confirm it came.
    failed: u32,
    /// How many runs confirm.
    runs: u32,
    /// The rates that this does not contradict.
    interval: Interval,
    confidence: f64,
    method: &'static str,
    faults: usize,
    faults_before: usize,
    /// How many candidates were tried.
    candidates: usize,
    /// How many runs that took, those that confirm included.
    runs_all: usize,
    seconds: f64,
    /// The directory of a run that shows it.
    example: PathBuf,
}

impl Outcome {
    /// Of the last plan of a chain, which was confirmed.
    pub fn new(case: &Case, runner: &Runner<'_>, chain: &[Smaller]) -> Result<Self> {
        let smallest = chain.last().context("find the plan that was confirmed")?;
        let confirmed = runner
            .confirmed(&smallest.plan)?
            .context("find the runs that confirm")?;
        let (failed, passed) = confirmed.counts();
        let example = runner.example();
        let mut plan = smallest.plan.clone();
        // Fewer clients in a shorter time write less, and a run that loses nothing any more must not be unknown for it.
        let least = confirmed
            .runs
            .iter()
            .map(|run| run.acknowledged)
            .min()
            .unwrap_or(0);
        plan.about = format!(
            "known to fail, shrunk from {} faults: {}",
            steps_of(&case.plan).len(),
            case.anomaly
        );
        plan.limits.minimum_acknowledged = plan.limits.minimum_acknowledged.min(least / 2);
        Ok(Self {
            said: Said {
                plan: runner.work().join("smallest.toml"),
                anomaly: case.anomaly.clone(),
                failed,
                runs: failed + passed,
                interval: Interval::of(failed, failed + passed),
                confidence: CONFIDENCE,
                method: METHOD,
                faults: steps_of(&plan).len(),
                faults_before: steps_of(&case.plan).len(),
                candidates: runner.state.tried.len(),
                runs_all: runner.runs(),
                seconds: runner.state.runs().map(|run| run.seconds).sum(),
                example: example.clone(),
            },
            plan,
            taken: chain.iter().map(|smaller| smaller.what.clone()).collect(),
            example: verdict(&example.join("verdict.json"))?,
            seed: confirmed
                .runs
                .iter()
                .rev()
                .find(|run| run.failed)
                .map(|run| run.seed),
        })
    }

    /// Writes the plan's file and says what it is: to people, and as JSON where that is asked for.
    pub fn publish(&self, json: bool) -> Result<()> {
        let text = self.file()?;
        write_whole(&self.said.plan, text.as_bytes())?;
        if json {
            print::json(&self.said)?;
        }
        eprint!("{}", report::text(&self.example));
        eprintln!("report: {}", shown(&self.said.example.join("report.html")));
        eprintln!("tribunal: {}", self.rate());
        eprintln!(
            "tribunal: {} of {} faults left · {} candidates, {} runs · {} · again: tribunal run {}",
            self.said.faults,
            self.said.faults_before,
            self.said.candidates,
            self.said.runs_all,
            shown(&self.said.plan),
            shown(&self.said.plan),
        );
        Ok(())
    }

    fn rate(&self) -> String {
        let Interval { low, high } = self.said.interval;
        format!(
            "{} in {} of {} runs ({:.0} % {METHOD} interval: {:.1} % to {:.1} %)",
            self.said.anomaly,
            self.said.failed,
            self.said.runs,
            CONFIDENCE * 100.0,
            low * 100.0,
            high * 100.0
        )
    }

    /// The plan, with what it is in comments before it.
    fn file(&self) -> Result<String> {
        let mut lines = vec![
            "The smallest plan that `tribunal shrink` found to fail still.".to_owned(),
            String::new(),
            self.rate(),
            "Each run had a seed of its own: the plan holds none.".to_owned(),
        ];
        lines.extend(
            self.seed
                .map(|seed| format!("One that showed it: `--seed {seed}`.")),
        );
        lines.push(String::new());
        lines.push("What was taken away, one after the other:".to_owned());
        lines.extend(self.taken.iter().map(|what| format!("- {what}")));
        lines.push(String::new());
        lines.push("What it shows:".to_owned());
        lines.extend(self.story().into_iter().map(|sentence| format!("- {sentence}")));
        let comments: String = lines.iter().map(|line| comment(line)).collect();
        let body = toml::to_string(&self.plan).context("a plan always has a form in TOML")?;
        Ok(format!("{comments}\n{body}"))
    }

    /// The first story of the finding.
    fn story(&self) -> Vec<String> {
        let first = self
            .example
            .anomalies
            .get(&self.said.anomaly)
            .and_then(|found| found.cases.first());
        let Some(case) = first else { return Vec::new() };
        let reasons = case
            .cycle
            .iter()
            .flat_map(|cycle| cycle.edges.iter().map(|edge| edge.because.clone()));
        case.story
            .iter()
            .cloned()
            .chain(reasons)
            .take(SENTENCES_MAX)
            .collect()
    }
}

/// A line of comment, whatever a broker said in it.
fn comment(line: &str) -> String {
    let text: String = line
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    format!("# {text}").trim_end().to_owned() + "\n"
}
