//! Runs what a campaign still needs, as many runs at a time as the machine carries.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use report::{CampaignRun, RunState};
use statistics::Decision;

use super::folder::{Folder, RUNS};
use super::shown::Shown;
use super::summary;
use super::work::{SSH, Work};
use crate::campaign::{Entry, Expect, Job, Need, Outcome, Record, Role, Rules};
use crate::child::{Judged, Order, RunProcess, limit, remove, rough};
use crate::cli::CampaignOptions;
use crate::directory::write_whole;
use crate::interrupts::Interrupts;
use crate::judge::figures;
use crate::machine;
use crate::progress::Progress;

/// How often runs are asked whether they have ended.
const POLL: Duration = Duration::from_millis(20);
/// How often the view is made anew.
const LINE: Duration = Duration::from_secs(1);
/// How often it is said that the campaign goes on, where nobody sees a view.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// What a node of a real cluster and its share of clients and checks take, in bytes.
const NODE_MEMORY: u64 = 700 << 20;
/// A cluster of three brokers wants about so many cores while it starts.
const CORES_A_CLUSTER: usize = 2;

/// Why nothing more is run.
pub enum Stopped {
    /// Nothing is left to do.
    Done,
    /// Nothing that is left could change what the gate says.
    Decided,
    /// The time is over.
    OutOfTime,
    /// Somebody interrupted.
    Interrupted,
}

/// Runs a campaign.
pub struct Runner<'a> {
    options: &'a CampaignOptions,
    work: &'a Work,
    folder: &'a mut Folder,
    rules: Rules,
    /// The places of the runs that need something, in the order in which they get it.
    pending: VecDeque<usize>,
    running: Vec<Running>,
    parallel: usize,
    /// How many runs are this machine's.
    all: usize,
    /// How many of them the gate made needless.
    left_out: usize,
    interrupts: Interrupts,
    progress: Progress,
    begun: Instant,
    /// When the view was made last.
    told: Option<Instant>,
    beaten: Instant,
}

/// A run that goes on.
struct Running {
    place: usize,
    role: Role,
    dir: String,
    begun: Instant,
    process: RunProcess,
}

impl<'a> Runner<'a> {
    /// A runner that goes on from what a directory knows.
    pub fn new(
        options: &'a CampaignOptions,
        work: &'a Work,
        folder: &'a mut Folder,
        rules: Rules,
    ) -> Result<Self> {
        let ours: Vec<usize> = work.identity.ours().map(|(place, _)| place).collect();
        let mut runner = Self {
            options,
            work,
            folder,
            rules,
            pending: VecDeque::new(),
            running: Vec::new(),
            parallel: 1,
            all: ours.len(),
            left_out: 0,
            interrupts: Interrupts::listen()?,
            progress: Progress::new(options.plain),
            begun: Instant::now(),
            told: None,
            beaten: Instant::now(),
        };
        runner.parallel = runner.parallel();
        runner.pending = ours
            .into_iter()
            .filter(|place| runner.need(*place) != Need::Nothing)
            .collect();
        for cell in 0..work.identity.cells.len() {
            runner.leave_out(cell);
        }
        Ok(runner)
    }

    /// Runs until nothing is left to do, or something ends it. What goes on then is ended, and counts as not made.
    pub fn run(&mut self) -> Result<Stopped> {
        let stopped = loop {
            self.reap()?;
            self.fill()?;
            if self.running.is_empty() {
                break if self.pending.is_empty() && self.left_out > 0 {
                    Stopped::Decided
                } else if self.pending.is_empty() {
                    Stopped::Done
                } else {
                    Stopped::OutOfTime
                };
            }
            self.tell();
            if self.interrupts.within(POLL) {
                break Stopped::Interrupted;
            }
        };
        self.running.clear();
        self.progress.finish();
        if matches!(stopped, Stopped::Decided) {
            let left_out = self.left_out;
            eprintln!("tribunal: the gate has decided, {left_out} runs are not needed");
        }
        if matches!(stopped, Stopped::OutOfTime) {
            let left = self.pending.len();
            eprintln!(
                "tribunal: the time is over, {left} runs are left: --resume with more of it makes them"
            );
        }
        Ok(stopped)
    }

    /// Begins runs as long as there is room and time for another.
    fn fill(&mut self) -> Result<()> {
        while self.running.len() < self.parallel && !self.pending.is_empty() && !self.is_late() {
            if let Some(place) = self.pending.pop_front() {
                self.start(place)?;
            }
        }
        Ok(())
    }

    fn job(&self, place: usize) -> (&'a Job, Expect) {
        let work = self.work;
        let job = &work.identity.jobs[place];
        (job, work.identity.cell(job).expect)
    }

    fn need(&self, place: usize) -> Need {
        let (job, expect) = self.job(place);
        let standing = self.folder.standings.of(&job.name);
        standing.map_or(Need::Run, |standing| standing.need(expect, self.rules))
    }

    /// Begins what a run needs.
    fn start(&mut self, place: usize) -> Result<()> {
        let role = match self.need(place) {
            Need::Run => Role::Run,
            Need::Confirm => Role::Confirm,
            Need::Nothing => return Ok(()),
        };
        let (job, _) = self.job(place);
        let standing = self.folder.standings.of(&job.name);
        let made = standing.map_or(0, |standing| standing.made);
        // What was made before keeps its directory; what was under way as somebody killed the campaign does not.
        let name = match made {
            0 => job.name.clone(),
            made => format!("{}~{}", job.name, made + 1),
        };
        let dir = format!("{RUNS}/{name}");
        let root = self.folder.root();
        let out = root.join(&dir);
        remove(&out)?;
        let file = root.join(format!("{RUNS}/{name}.toml"));
        let resolved = &self.work.plans[place];
        write_whole(&file, resolved.to_toml()?.as_bytes())?;
        let env = self.work.identity.cell(job).env.as_deref();
        let process = RunProcess::start(&Order {
            file: &file,
            out: &out,
            log: &root.join(format!("{RUNS}/{name}.log")),
            seed: job.seed,
            env,
            // The others do not know what to do with it.
            inventory: self.options.inventory.as_deref().filter(|_| env == Some(SSH)),
            offline: self.options.offline,
            limit: limit(&resolved.plan),
        })
        .with_context(|| format!("start the run {name}"))?;
        self.running.push(Running {
            place,
            role,
            dir,
            begun: Instant::now(),
            process,
        });
        Ok(())
    }

    /// Writes down what ended, and has made what follows from it.
    fn reap(&mut self) -> Result<()> {
        let mut index = 0;
        while index < self.running.len() {
            let Some(judged) = self.running[index].process.ended()? else {
                index += 1;
                continue;
            };
            let ended = self.running.remove(index);
            self.keep(&ended, judged)?;
        }
        Ok(())
    }

    fn keep(&mut self, ended: &Running, judged: Result<Judged>) -> Result<()> {
        let (job, expect) = self.job(ended.place);
        let dir = ended.dir.clone();
        let record = match judged {
            Ok(Judged { verdict, took }) => {
                let figures = figures(&self.folder.root().join(&dir)).map(Box::new);
                let seconds = took.as_secs_f64();
                let record = Record::judged(&job.name, ended.role, dir, seconds, &verdict);
                Record { figures, ..record }
            }
            Err(error) => {
                let seconds = ended.begun.elapsed().as_secs_f64();
                Record::failed(&job.name, ended.role, dir, seconds, format!("{error:#}"))
            }
        };
        self.say(&record, expect);
        self.folder.append(Entry::Ended(record))?;
        if self.need(ended.place) != Need::Nothing {
            self.pending.push_front(ended.place);
        }
        self.leave_out(job.cell);
        Ok(())
    }

    /// Takes out what nothing hangs on any more, as one cell stands: the runs of a cell that the gate has decided, and all but confirmations where
    /// that fails. What was begun is ended as it is, so that what is decided does not hang on who is quick.
    fn leave_out(&mut self, cell: usize) {
        let identity = &self.work.identity;
        let valid = identity.cells.iter().filter(|cell| cell.expect == Expect::Valid);
        let cells = valid.count();
        let rule = identity.gate.filter(|_| identity.part.is_none());
        let Some(rule) = rule.filter(|_| identity.cells[cell].expect == Expect::Valid) else {
            return;
        };
        let jobs = identity.jobs.iter().enumerate();
        let runs: Vec<CampaignRun> = jobs
            .filter(|(_, job)| job.cell == cell)
            .map(|(place, job)| {
                let mut run = summary::named(identity, &self.folder.standings, job);
                // What the machine would not do is no outcome yet while it is tried again.
                if self.need(place) == Need::Run {
                    run.state = RunState::NotMade;
                }
                run
            })
            .collect();
        let decision = rule.decide(cells, &runs).decision;
        let mut pending = std::mem::take(&mut self.pending);
        let before = pending.len();
        pending.retain(|place| match decision {
            Decision::Open => true,
            Decision::Passes => {
                let job = &identity.jobs[*place];
                job.cell != cell || self.folder.standings.of(&job.name).is_some()
            }
            Decision::Fails => self.need(*place) == Need::Confirm,
        });
        self.left_out += before - pending.len();
        self.pending = pending;
    }

    /// One line for a run that ended.
    fn say(&self, record: &Record, expect: Expect) {
        let done = self.folder.standings.done() + usize::from(record.role == Role::Run);
        let word = match record.outcome {
            Outcome::Valid => "valid",
            Outcome::Unknown => "unknown",
            Outcome::Violation => "violation",
            Outcome::Infrastructure => "no verdict",
        };
        let what = match record.role {
            Role::Run => String::new(),
            Role::Confirm => ", made again to confirm".to_owned(),
        };
        let told = match record.outcome {
            Outcome::Valid => String::new(),
            outcome if outcome.is(expect) => ", as expected".to_owned(),
            _ => format!(": {}", record.summary),
        };
        self.progress.say(&format!(
            "[{:>width$}/{}] {word:<10} {}{what} ({}){told}",
            done.min(self.all),
            self.all,
            record.run,
            rough(record.seconds),
            width = self.all.to_string().len(),
        ));
    }

    /// A view where there is a terminal, a sign of life where there is none.
    fn tell(&mut self) {
        if self.told.is_some_and(|told| told.elapsed() < LINE) {
            return;
        }
        self.told = Some(Instant::now());
        let shown = self.shown();
        if self.progress.is_live() {
            let (width, height) = Progress::size();
            self.progress.view(&shown.lines(width, height), width);
        } else if self.beaten.elapsed() >= HEARTBEAT {
            self.progress.say(&shown.line());
            self.beaten = Instant::now();
        }
    }

    fn shown(&self) -> Shown {
        let name = |run: &Running| self.work.identity.jobs[run.place].name.clone();
        let running = self.running.iter();
        Shown {
            done: self.folder.standings.done(),
            all: self.all,
            pending: self.pending.len(),
            elapsed: self.begun.elapsed().as_secs_f64(),
            left: self.left(),
            running: running
                .map(|run| {
                    let seconds = run.begun.elapsed().as_secs_f64();
                    (name(run), run.role == Role::Confirm, seconds)
                })
                .collect(),
        }
    }

    /// How long the rest takes, in seconds, from how long runs took so far.
    fn left(&self) -> Option<f64> {
        let mean = self.folder.standings.mean_seconds()?;
        let going: f64 = self
            .running
            .iter()
            .map(|run| (mean - run.begun.elapsed().as_secs_f64()).max(0.0))
            .sum();
        Some((going + mean * self.pending.len() as f64) / self.parallel as f64)
    }

    /// Whether a run that began now would not end within the time.
    fn is_late(&self) -> bool {
        let budget = self.options.time_budget.or(self.work.definition.time_budget);
        let Some(budget) = budget else { return false };
        let run = Duration::from_secs_f64(self.folder.standings.mean_seconds().unwrap_or(0.0));
        self.begun.elapsed() + run > budget.duration()
    }

    /// As many as was asked for, else as cores and memory allow.
    fn parallel(&self) -> usize {
        if let Some(asked) = self.options.parallel.or(self.work.definition.parallel) {
            return asked as usize;
        }
        let cores = machine::cores();
        let nodes = u64::from(self.work.nodes_max());
        if nodes == 0 {
            return cores;
        }
        let memory = machine::memory_available().map_or(1, |bytes| bytes / (nodes * NODE_MEMORY));
        (cores / CORES_A_CLUSTER).min(memory as usize).max(1)
    }
}
