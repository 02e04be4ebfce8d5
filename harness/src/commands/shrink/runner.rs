//! Runs candidates: one process a run, counted, within the budget, and told as one line a candidate.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::case::Case;
use super::state::{Run, State, Tried, entry, text};
use crate::child::{Judged, Order, POLL, RunProcess, limit, remove, rough};
use crate::cli::ShrinkOptions;
use crate::directory::{RunDirectory, shown, write_whole};
use crate::interrupts::Interrupts;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::shrink::{Candidate, Decision, Rule, steps_of};

/// Runs in a row that may come to no verdict because the machine would not do it.
const ATTEMPTS_MAX: u32 = 3;
/// The runs that a time that is left is guessed from.
const RECENT: usize = 10;

/// The directory of a run that only counts.
const RUN: &str = "run";
/// The directory of the run that is kept.
const EXAMPLE: &str = "example";

/// Why there is no answer.
pub enum Stop {
    /// Somebody interrupted.
    Interrupted,
    /// There is no room for another run beside those that confirm.
    Budget,
    /// The machine would not do it.
    Broken(anyhow::Error),
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Broken(error)
    }
}

/// Runs candidates and keeps what came of them.
pub struct Runner<'a> {
    options: &'a ShrinkOptions,
    case: &'a Case,
    work: PathBuf,
    /// What was run so far.
    pub state: State,
    rule: Rule,
    progress: Progress,
    interrupts: Interrupts,
    begun: Instant,
}

/// Which of the lists a run counts in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Tried,
    Confirmed,
}

impl<'a> Runner<'a> {
    /// A runner that goes on from a state, in a directory of its own.
    pub fn new(options: &'a ShrinkOptions, case: &'a Case, work: &Path, state: State) -> Result<Self> {
        let work = work
            .canonicalize()
            .with_context(|| format!("find {}", shown(work)))?;
        Ok(Self {
            options,
            case,
            work,
            state,
            rule: Rule::of_rate(options.runs, options.rate),
            progress: Progress::new(false),
            interrupts: Interrupts::listen()?,
            begun: Instant::now(),
        })
    }

    /// What is about to be done.
    pub fn announce(&self) {
        let Rule { runs, needed } = self.rule;
        let known = match self.runs() {
            0 => String::new(),
            runs => format!(", {runs} runs are known"),
        };
        self.say(&format!(
            "tribunal: shrinking {} ({} faults): a plan counts where {} comes in {needed} of {runs} runs{known}",
            self.case.dir,
            steps_of(&self.case.plan).len(),
            self.case.anomaly,
        ));
    }

    /// A line that stays.
    pub fn say(&self, line: &str) {
        self.progress.say(line);
    }

    /// The arguments that name this search.
    pub fn named(&self) -> String {
        let out = self
            .options
            .out
            .as_ref()
            .map(|out| format!(" --out {}", shown(out)));
        format!("{}{}", self.case.dir, out.unwrap_or_default())
    }

    /// How many runs came to a verdict.
    pub fn runs(&self) -> usize {
        self.state.runs().count()
    }

    /// Where everything lies.
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// The run that shows what a confirmed plan does.
    pub fn example(&self) -> PathBuf {
        self.work.join(EXAMPLE)
    }

    /// Whether a candidate fails often enough: from what is known, and from as many runs as that leaves open.
    pub fn fails(&mut self, candidate: &Candidate) -> Result<bool, Stop> {
        let index = entry(&mut self.state.tried, text(&candidate.plan)?, &candidate.what);
        let known = self.state.tried[index].runs.len();
        loop {
            let (failed, passed) = self.state.tried[index].counts();
            let decision = self.rule.decide(failed, passed);
            if decision != Decision::Open {
                let holds = decision == Decision::Holds;
                if self.state.tried[index].runs.len() > known || known == 0 {
                    self.tell(index, holds, candidate.ahead);
                }
                return Ok(holds);
            }
            self.room_for_another()?;
            let about = format!("{}: {failed} of {} so far", candidate.what, failed + passed);
            self.progress.now(format!("candidate {}: {about}", index + 1));
            let run = self.run(&candidate.plan, RUN)?;
            self.keep(List::Tried, index, run)?;
        }
    }

    /// Whether a plan fails often enough in runs that nothing was chosen by; all of them are made.
    pub fn confirms(&mut self, plan: &Plan, rule: Rule) -> Result<bool, Stop> {
        let index = entry(&mut self.state.confirmed, text(plan)?, "confirmation");
        loop {
            let (failed, passed) = self.state.confirmed[index].counts();
            let all = failed + passed;
            if all >= rule.runs || rule.decide(failed, passed) == Decision::FallsShort {
                self.say(&format!("confirmation: {failed} of {all} runs fail"));
                return Ok(rule.decide(failed, passed) == Decision::Holds);
            }
            let late = self.time_left().is_some_and(|left| left.is_zero());
            if late || self.runs() >= self.options.runs_max as usize {
                return Err(Stop::Budget);
            }
            self.progress.now(format!(
                "confirmation: {failed} of {all} so far, {} to go",
                rule.runs - all
            ));
            // The first that fails is kept, where it says of itself that it lies.
            let shows = self.state.confirmed[index]
                .runs
                .iter()
                .any(|run| run.failed && Some(run.seed) == self.state.example);
            let run = self.run(plan, if shows { RUN } else { EXAMPLE })?;
            if run.failed && !shows {
                self.state.example = Some(run.seed);
                let nodes: Vec<u32> = (1..=plan.all_nodes()).collect();
                RunDirectory::open(&self.example())?.remove_data(&nodes)?;
            }
            self.keep(List::Confirmed, index, run)?;
        }
    }

    /// The runs that confirmed a plan.
    pub fn confirmed(&self, plan: &Plan) -> Result<Option<&Tried>> {
        let text = text(plan)?;
        Ok(self.state.confirmed.iter().find(|tried| tried.plan == text))
    }

    fn keep(&mut self, list: List, index: usize, run: Run) -> Result<(), Stop> {
        let list = match list {
            List::Tried => &mut self.state.tried,
            List::Confirmed => &mut self.state.confirmed,
        };
        list[index].runs.push(run);
        self.state.save()?;
        remove(&self.work.join(RUN))?;
        Ok(())
    }

    /// Runs that confirm have to fit in as well.
    fn room_for_another(&self) -> Result<(), Stop> {
        let reserve = self.options.confirm as usize;
        if self.runs() + reserve >= self.options.runs_max as usize {
            return Err(Stop::Budget);
        }
        match self.time_left() {
            Some(left) if left < self.mean_run() * self.options.confirm => Err(Stop::Budget),
            _ => Ok(()),
        }
    }

    fn time_left(&self) -> Option<Duration> {
        let limit = self.options.time_limit?;
        Some(limit.duration().saturating_sub(self.begun.elapsed()))
    }

    /// How long a run takes, from the last ones.
    fn mean_run(&self) -> Duration {
        let recent: Vec<f64> = self
            .state
            .runs()
            .rev()
            .take(RECENT)
            .map(|run| run.seconds)
            .collect();
        Duration::from_secs_f64(recent.iter().sum::<f64>() / recent.len().max(1) as f64)
    }

    /// One line for a candidate that is decided.
    fn tell(&self, index: usize, kept: bool, ahead: usize) {
        let tried = &self.state.tried[index];
        let (failed, passed) = tried.counts();
        let each = self
            .state
            .tried
            .iter()
            .map(|tried| tried.runs.len())
            .sum::<usize>() as f64
            / self.state.tried.len().max(1) as f64;
        let left = ahead as f64 * each + f64::from(self.options.confirm);
        let spent: f64 = self.state.runs().map(|run| run.seconds).sum();
        self.say(&format!(
            "{:>4}  {:<8}  {failed} of {} failed  {}  ({} so far, some {} left)",
            index + 1,
            if kept { "kept" } else { "not kept" },
            failed + passed,
            tried.what,
            rough(spent),
            rough(left * self.mean_run().as_secs_f64()),
        ));
    }

    /// One run that comes to a verdict. What the machine would not do is tried again, and never counts.
    fn run(&mut self, plan: &Plan, name: &str) -> Result<Run, Stop> {
        for attempt in 1.. {
            self.state.begun += 1;
            let seed = if self.options.same_seed {
                self.case.seed
            } else {
                self.case.seed.wrapping_add(self.state.begun)
            };
            match self.once(plan, name, seed)? {
                Ok(run) => return Ok(run),
                Err(error) if attempt >= ATTEMPTS_MAX => return Err(Stop::Broken(error)),
                Err(error) => self.say(&format!("again, as it came to no verdict: {error:#}")),
            }
        }
        Err(Stop::Interrupted)
    }

    /// One run, and why it came to no verdict where it did not.
    fn once(&mut self, plan: &Plan, name: &str, seed: u64) -> Result<Result<Run>, Stop> {
        let (file, out) = (self.work.join("candidate.toml"), self.work.join(name));
        write_whole(&file, text(plan)?.as_bytes())?;
        remove(&out)?;
        let mut process = RunProcess::start(&Order {
            file: &file,
            out: &out,
            log: &self.work.join("run.log"),
            seed,
            env: None,
            inventory: None,
            offline: self.options.offline,
            limit: limit(plan),
        })?;
        let judged = loop {
            if let Some(judged) = process.ended()? {
                break judged;
            }
            if self.interrupts.within(POLL) {
                return Err(Stop::Interrupted);
            }
        };
        Ok(judged.map(|Judged { verdict, took }| Run {
            seed,
            failed: verdict.anomalies.contains_key(&self.case.anomaly),
            seconds: took.as_secs_f64(),
            acknowledged: verdict.stats.acknowledged,
        }))
    }
}
