//! A `tribunal run` as a process of its own: which the kernel ends when this one ends, and whose interrupts are ours to send.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use checkers::Verdict;

use crate::directory::shown;
use crate::plan::Plan;
use crate::shrink::steps_of;

/// How often a child is asked whether it has ended.
pub const POLL: Duration = Duration::from_millis(10);
/// What a run may take beyond the limits of its plan before it counts as stuck.
const RUN_SLACK: Duration = Duration::from_secs(300);
/// Lines of a run's output that are shown where it came to nothing.
const LINES_SHOWN: usize = 5;

/// What is to be run, and where it is kept.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The plan's file.
    pub file: &'a Path,
    /// The run's directory, which must not hold anything yet.
    pub out: &'a Path,
    /// The file for what it says.
    pub log: &'a Path,
    /// Its seed.
    pub seed: u64,
    /// Where its cluster lives, where that is said.
    pub env: Option<&'a str>,
    /// The hosts that it may live on.
    pub inventory: Option<&'a Path>,
    /// Whether it may download nothing.
    pub offline: bool,
    /// After this time it counts as stuck.
    pub limit: Duration,
}

/// A run that goes on; dropped, it is ended, and with it its namespaces.
pub struct RunProcess {
    child: Child,
    out: PathBuf,
    log: PathBuf,
    begun: Instant,
    limit: Duration,
}

/// A run that came to a verdict.
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// How long the run took.
    pub took: Duration,
}

impl RunProcess {
    /// Starts it. To be called from the main thread, with whose end it ends.
    pub fn start(order: &Order<'_>) -> Result<Self> {
        let program = std::env::current_exe().context("find this program")?;
        let log = File::create(order.log).with_context(|| format!("create {}", shown(order.log)))?;
        let mut command = Command::new(program);
        command.arg("run").arg(order.file).arg("--out").arg(order.out);
        command.args(["--seed", &order.seed.to_string()]);
        if let Some(env) = order.env {
            command.args(["--env", env]);
        }
        if let Some(inventory) = order.inventory {
            command.arg("--inventory").arg(inventory);
        }
        if order.offline {
            command.arg("--offline");
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        // An interrupt from the terminal is for this process alone, which then ends the run.
        command.process_group(0);
        Ok(Self {
            child: cluster::kafka::spawn_bound(&mut command).context("start a run")?,
            out: order.out.to_owned(),
            log: order.log.to_owned(),
            begun: Instant::now(),
            limit: order.limit,
        })
    }

    /// What came of it, where it has ended: its verdict, or why there is none.
    pub fn ended(&mut self) -> Result<Option<Result<Judged>>> {
        let took = self.begun.elapsed();
        let Some(status) = self.child.try_wait().context("wait for a run")? else {
            let stuck = || {
                Err(anyhow!(
                    "the run was stuck for {} s and was ended",
                    took.as_secs()
                ))
            };
            return Ok((took >= self.limit).then(stuck));
        };
        if !matches!(status.code(), Some(0 | 1 | 3)) {
            let tail = tail(&self.log);
            return Ok(Some(Err(anyhow!("the run ended with {status}: {tail}"))));
        }
        let judged = verdict(&self.out.join("verdict.json")).map(|verdict| Judged { verdict, took });
        Ok(Some(judged))
    }
}

impl Drop for RunProcess {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            // Whatever it was about to do: with the process its namespaces end.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A verdict as a run left it.
pub fn verdict(path: &Path) -> Result<Verdict> {
    let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("read {} as a verdict", path.display()))
}

/// Removes what a run left, where it left anything.
pub fn remove(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.with_context(|| format!("remove {}", shown(directory))),
    }
}

/// What a run of a resolved plan may take.
pub fn limit(plan: &Plan) -> Duration {
    let limits = &plan.limits;
    let phases = [
        limits.bring_up,
        limits.steady,
        limits.recover,
        limits.settle,
        limits.final_reads,
    ];
    let phases: Duration = phases.iter().map(|span| span.duration()).sum();
    phases + nemesis::length(&steps_of(plan)) + RUN_SLACK
}

/// The end of a run's output, in one line.
fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LINES_SHOWN)..].join(" / ")
}

/// A time in seconds, as people say it.
pub fn rough(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match seconds {
        0..100 => format!("{seconds} s"),
        _ => format!("{} min", (seconds + 30) / 60),
    }
}
