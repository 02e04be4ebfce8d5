//! `tribunal replay`: what is in a bundle, run or judged again, and whether it came out as it did there.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Serialize;
use serde_json::Value;

use crate::bundle::compare::{Outcome, parts_that_differ, versions_that_differ};
use crate::bundle::{Limits, Manifest, unpack};
use crate::child::POLL;
use crate::cli::ReplayOptions;
use crate::directory::{RunDirectory, create_empty, shown, write_whole};
use crate::exit::{Exit, Failure};
use crate::interrupts::Interrupts;
use crate::judge::{self, MadeOf};
use crate::print;

/// What is compared, all of it small but the history.
const COMPARED: [&str; 4] = ["resolved.toml", "verdict.json", "made-of.json", "history.jsonl"];

/// What a replay came to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Replay {
    /// Whether it came out as in the bundle; nothing where the bundle has no verdict.
    same: Option<bool>,
    /// What the bundle says.
    bundled: Option<Outcome>,
    /// What came out now.
    again: Outcome,
    /// Whether the histories are the same, event for event: only of simulated brokers, whose time is not ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    same_history: Option<bool>,
    /// What is not the same: versions, parts of the verdict.
    differences: Vec<String>,
    /// The directory of what came out, where it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    dir: Option<PathBuf>,
}

/// A bundle that was unpacked.
struct Unpacked {
    manifest: Manifest,
    run: RunDirectory,
    verdict: Option<Value>,
}

/// Unpacks, judges or runs a bundle.
pub fn replay(options: &ReplayOptions) -> Result<Exit, Failure> {
    if let Some(dir) = &options.unpack {
        create_empty(dir).map_err(Failure::usage)?;
        let bundle = open(options, dir, &|_| true)?;
        announce(&bundle.manifest);
        print::data(&shown(dir)).map_err(Failure::infrastructure)?;
        return Ok(Exit::Valid);
    }
    let folder = tempfile::Builder::new()
        .prefix("tribunal-replay-")
        .tempdir()
        .context("make a temporary directory")
        .map_err(Failure::infrastructure)?;
    let bundle = open(options, folder.path(), &|path| COMPARED.contains(&path))?;
    announce(&bundle.manifest);
    let replayed = if options.judge {
        judge_again(&bundle)?
    } else {
        run_again(options, &bundle)?
    };
    if options.json {
        print::json(&replayed).map_err(Failure::infrastructure)?;
    }
    tell(&replayed, options.judge);
    Ok(exit(&replayed))
}

fn open(options: &ReplayOptions, into: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Unpacked, Failure> {
    let limits = Limits {
        bytes: options.size_max.saturating_mul(1 << 30),
    };
    let manifest = unpack(&options.bundle, into, limits, wanted).map_err(Failure::usage)?;
    let run = RunDirectory::open(into).map_err(Failure::infrastructure)?;
    let verdict = fs::read(run.verdict())
        .ok()
        .and_then(|json| serde_json::from_slice(&json).ok());
    Ok(Unpacked {
        manifest,
        run,
        verdict,
    })
}

fn announce(manifest: &Manifest) {
    let own = env!("CARGO_PKG_VERSION");
    eprintln!(
        "tribunal: a bundle of plan {}, seed {}, {}, made by Tribunal {}",
        safe(&manifest.plan),
        manifest.seed,
        safe(&manifest.broker),
        safe(&manifest.tribunal)
    );
    if manifest.tribunal != own {
        eprintln!(
            "tribunal: this is Tribunal {own}: where plans or checks have changed since, so may what comes out"
        );
    }
    for damage in &manifest.damage {
        eprintln!(
            "tribunal: the run was damaged as it was bundled: {}",
            safe(damage)
        );
    }
    if !manifest.without.is_empty() {
        let without: Vec<String> = manifest.without.iter().map(|part| safe(part)).collect();
        eprintln!("tribunal: it was bundled without {}", without.join(", "));
    }
}

/// What others wrote moves no cursor.
fn safe(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect()
}

/// Judges the bundle's history.
fn judge_again(bundle: &Unpacked) -> Result<Replay, Failure> {
    let resolved = bundle
        .run
        .resolved()
        .context("read the plan in the bundle")
        .map_err(Failure::usage)?;
    let history = judge::read(&judge::history_of(bundle.run.root())?)?;
    let verdict = judge::check(&history, &resolved)?;
    let again = serde_json::to_value(&verdict)
        .context("a verdict always has a form in JSON")
        .map_err(Failure::infrastructure)?;
    let bundled = bundle.verdict.as_ref();
    let differences: Vec<String> = bundled
        .map(|bundled| parts_that_differ(bundled, &again))
        .unwrap_or_default()
        .into_iter()
        .map(|part| format!("verdict: {} differs", safe(&part)))
        .collect();
    Ok(Replay {
        same: bundled.map(|_| differences.is_empty()),
        bundled: bundled.and_then(Outcome::of),
        again: outcome(&again)?,
        same_history: None,
        differences,
        dir: None,
    })
}

fn outcome(verdict: &Value) -> Result<Outcome, Failure> {
    Outcome::of(verdict)
        .ok_or_else(|| Failure::infrastructure(anyhow!("read a verdict of this Tribunal's own")))
}

/// Runs the bundle's plan with the bundle's seed, in a process of its own.
fn run_again(options: &ReplayOptions, bundle: &Unpacked) -> Result<Replay, Failure> {
    let resolved = bundle
        .run
        .resolved()
        .context("read the plan in the bundle")
        .map_err(Failure::usage)?;
    let run = RunDirectory::create(options.out.as_deref(), &resolved.plan.name, resolved.seed)
        .map_err(Failure::usage)?;
    run_there(options, &bundle.run.plan(), run.root())?;
    // The plan that it was started with goes away; the run's own copy stays.
    mend_replay_line(&run).map_err(Failure::infrastructure)?;
    let verdict = fs::read(run.verdict())
        .context("read the verdict")
        .and_then(|json| serde_json::from_slice::<Value>(&json).context("read the verdict"))
        .map_err(Failure::infrastructure)?;
    let again = outcome(&verdict)?;
    let bundled = bundle.verdict.as_ref().and_then(Outcome::of);
    let (there, here) = (judge::read_made_of(&bundle.run), judge::read_made_of(&run));
    let same_history = resolved
        .plan
        .is_simulated()
        .then(|| same_events(&bundle.run.history(), &run.history()))
        .transpose()
        .map_err(Failure::infrastructure)?;
    Ok(Replay {
        same: bundled.as_ref().map(|bundled| bundled.is_like(&again)),
        bundled,
        again,
        same_history,
        differences: versions_that_differ(&there.parts, &here.parts)
            .iter()
            .map(|line| safe(line))
            .collect(),
        dir: Some(run.root().to_owned()),
    })
}

fn run_there(options: &ReplayOptions, plan: &Path, out: &Path) -> Result<(), Failure> {
    let started = || -> Result<std::process::Child> {
        let mut command = Command::new(std::env::current_exe().context("find this program")?);
        command.arg("run").arg(plan).arg("--out").arg(out);
        if options.offline {
            command.arg("--offline");
        }
        if options.plain {
            command.arg("--plain");
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        // An interrupt from the terminal is for this process alone, which passes it on once.
        command.process_group(0);
        cluster::kafka::spawn_bound(&mut command).context("start the run")
    };
    let mut interrupts = Interrupts::listen().map_err(Failure::infrastructure)?;
    let mut child = started().map_err(Failure::infrastructure)?;
    let status = loop {
        if interrupts.within(POLL) {
            let _ = kill(Pid::from_raw(child.id() as i32), Signal::SIGINT);
        }
        let ended = child
            .try_wait()
            .context("wait for the run")
            .map_err(Failure::infrastructure)?;
        if let Some(status) = ended {
            break status;
        }
    };
    match status.code() {
        Some(0 | 1 | 3) => Ok(()),
        Some(2) => Err(Failure::usage(anyhow!(
            "the plan in the bundle cannot be run here"
        ))),
        _ => Err(Failure::infrastructure(anyhow!(
            "run the plan of the bundle: the run ended with {status}"
        ))),
    }
}

/// What runs it again is the plan in its own directory, also where that was named by another path.
fn mend_replay_line(run: &RunDirectory) -> Result<()> {
    let made_of = MadeOf {
        replay: format!("tribunal run {}", shown(&run.plan())),
        ..judge::read_made_of(run)
    };
    let json = serde_json::to_vec_pretty(&made_of).context("names always have a form in JSON")?;
    write_whole(&run.made_of(), &json)
}

/// Whether two histories hold the same events; their headers name the times at which they began.
fn same_events(one: &Path, other: &Path) -> Result<bool> {
    let open = |path: &Path| -> Result<BufReader<File>> {
        let file = File::open(path).with_context(|| format!("open {}", path.display()))?;
        let mut lines = BufReader::with_capacity(1 << 20, file);
        lines
            .skip_until(b'\n')
            .with_context(|| format!("read {}", path.display()))?;
        Ok(lines)
    };
    let (mut one, mut other) = (open(one)?, open(other)?);
    loop {
        let (left, right) = (
            one.fill_buf().context("read a history")?,
            other.fill_buf().context("read a history")?,
        );
        let both = left.len().min(right.len());
        if both == 0 {
            return Ok(left.len() == right.len());
        }
        if left[..both] != right[..both] {
            return Ok(false);
        }
        one.consume(both);
        other.consume(both);
    }
}

fn tell(replay: &Replay, judged: bool) {
    for difference in &replay.differences {
        eprintln!("tribunal: {difference}");
    }
    match replay.same_history {
        Some(true) => eprintln!("tribunal: the history is the same, event for event"),
        Some(false) => eprintln!("tribunal: the history is not the same"),
        None => {}
    }
    let what = if judged { "judged again" } else { "run again" };
    let again = replay.again.words();
    match (&replay.bundled, replay.same) {
        (Some(bundled), Some(true)) => {
            eprintln!(
                "tribunal: {what}, the verdict is the same: {again}, and {} in the bundle",
                safe(&bundled.words())
            );
        }
        (Some(bundled), _) => {
            eprintln!(
                "tribunal: {what}, the verdict is NOT the same: {again}, and {} in the bundle",
                safe(&bundled.words())
            );
        }
        (None, _) => eprintln!("tribunal: {what}: {again}; the bundle has no verdict to compare with"),
    }
    if let Some(dir) = &replay.dir {
        eprintln!("tribunal: the run lies in {}", shown(dir));
    }
}

/// The same, something else, or, where nobody can say what came out now, unknown.
fn exit(replay: &Replay) -> Exit {
    match replay.same {
        Some(true) => Exit::Valid,
        _ if replay.again.valid == "unknown" => Exit::Unknown,
        None if replay.again.valid == "valid" => Exit::Valid,
        Some(false) | None => Exit::Violation,
    }
}
