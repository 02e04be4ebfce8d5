//! From a history to everything that people and machines read of it. Works years later, on another machine.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use checkers::{Options, SubVia, Verdict};
use history::{Format, Header, History, MemorySource, ReadError, Source};
use report::RunFigures;
use serde::{Deserialize, Serialize};

use crate::directory::{FIGURES, RunDirectory, write_whole};
use crate::exit::Failure;
use crate::plan::Resolved;

/// What a run was made of, for the report: written once, when it is known.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct MadeOf {
    /// Names and what they stand for: versions, sums, the machine.
    pub parts: Vec<(String, String)>,
    /// The command that runs it again.
    pub replay: String,
}

/// What a run took, beside its verdict: for benchmarks and for people who wonder.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Measured {
    /// From the start of the brokers' processes until all of them were registered, in milliseconds.
    pub launch_ms: u64,
    /// Frames that the switch forwarded.
    pub switch_frames: u64,
    /// Bytes that the switch forwarded.
    pub switch_bytes: u64,
    /// CPU time of the switch's thread, in microseconds.
    pub switch_cpu_us: u64,
    /// The length of the history, in microseconds.
    pub run_us: u64,
    /// CPU time of the thread that shows the run to people, in microseconds.
    #[serde(default)]
    pub view_cpu_us: u64,
    /// Lines of the brokers' own logs that went into the history.
    #[serde(default)]
    pub broker_lines: u64,
    /// Lines about leadership that did not, for want of room.
    #[serde(default)]
    pub broker_lines_left_out: u64,
}

/// Writes what a run took into its directory.
pub fn write_measured(directory: &RunDirectory, measured: &Measured) -> Result<()> {
    let json = serde_json::to_vec_pretty(measured).context("numbers always have a form in JSON")?;
    write_whole(&directory.measured(), &json)
}

/// The names of a history in a directory: ours, and those that Jepsen and others give theirs.
pub const HISTORY_NAMES: [&str; 3] = ["history.jsonl", "history.edn", "history.json"];

/// The history file that a path means: itself, or the one in that directory.
pub fn history_of(path: &Path) -> Result<PathBuf, Failure> {
    if !path.is_dir() {
        return Ok(path.to_path_buf());
    }
    let mut candidates = HISTORY_NAMES.iter().map(|name| path.join(name));
    candidates.find(|file| file.exists()).ok_or_else(|| {
        let names = HISTORY_NAMES.join(", ");
        Failure::usage(anyhow!("{} holds no history: none of {names}", path.display()))
    })
}

/// Opens a history of any format to walk through it.
pub fn open(path: &Path) -> Result<Box<dyn Source>, Failure> {
    history::open(path).map_err(|error| unreadable(path, &error))
}

/// A history that is written over while it is read, or afterwards, is gone.
pub fn refuse_itself(path: &Path, flag: &str, out: &Path) -> Result<(), Failure> {
    let same = path.canonicalize().ok().zip(out.canonicalize().ok());
    if same.is_some_and(|(path, out)| path == out) {
        let out = out.display();
        return Err(Failure::usage(anyhow!(
            "{flag} {out} is the history itself: name another file"
        )));
    }
    Ok(())
}

/// What is wrong with a history is the user's to know, by file and line.
pub fn unreadable(path: &Path, error: &ReadError) -> Failure {
    Failure::usage(anyhow!("{} {error}", path.display()))
}

/// The same, where its format was guessed from how it begins.
pub fn unreadable_as(path: &Path, format: Format, error: &ReadError) -> Failure {
    match format {
        Format::Tribunal => unreadable(path, error),
        guessed => Failure::usage(anyhow!("{}, read as {guessed}: {error}", path.display())),
    }
}

/// Reads a history of ours into memory.
pub fn read(path: &Path) -> Result<History, Failure> {
    let file = File::open(path)
        .with_context(|| format!("open {}", path.display()))
        .map_err(Failure::usage)?;
    history::read_history(BufReader::with_capacity(1 << 20, file)).map_err(|error| unreadable(path, &error))
}

/// Judges a run by what its plan says of its clients.
pub fn check(history: &History, resolved: &Resolved) -> Result<Verdict, Failure> {
    let subscribed = resolved.plan.workload.subscribes();
    let options = Options {
        sub_via: if subscribed {
            SubVia::Subscribe
        } else {
            SubVia::Assign
        },
        ..Options::default()
    };
    checkers::check(&mut MemorySource::new(history), &options)
        .map_err(|error| Failure::infrastructure(anyhow!("judge the history: {error}")))
}

/// Writes verdict, test results and page into a run's directory.
pub fn publish(directory: &RunDirectory, history: &History, verdict: &Verdict) -> Result<()> {
    let made_of = read_made_of(directory);
    let mut json = serde_json::to_vec_pretty(verdict).context("a verdict always has a form in JSON")?;
    json.push(b'\n');
    write_whole(&directory.verdict(), &json)?;
    let figures = RunFigures::of(history, verdict);
    let mut json = serde_json::to_vec_pretty(&figures).context("numbers always have a form in JSON")?;
    json.push(b'\n');
    write_whole(&directory.figures(), &json)?;
    let plan_text = std::fs::read_to_string(directory.plan()).unwrap_or_default();
    let input = report::ReportInput {
        history,
        verdict,
        replay: &made_of.replay,
        plan_text: &plan_text,
        versions: &made_of.parts,
        files: &directory.files(),
    };
    write_whole(
        &directory.junit(),
        report::junit(&report::JunitInput {
            header: &history.header,
            verdict,
            replay: &made_of.replay,
        })
        .as_bytes(),
    )?;
    write_whole(&directory.report(), report::html(&input).as_bytes())
}

/// What a run is compared by with others, as far as its directory says.
pub fn figures(root: &Path) -> Option<RunFigures> {
    let bytes = std::fs::read(root.join(FIGURES)).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The verdict as `--json` prints it: with the directory and the seed, so that scripts find the rest.
///
/// Thousands of findings go to the text as they are, and into no tree before.
#[derive(Serialize)]
pub struct Printed<'a> {
    #[serde(flatten)]
    verdict: &'a Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dir: Option<String>,
}

impl<'a> Printed<'a> {
    /// Of a verdict on a history, and on a run where it was one.
    pub fn new(verdict: &'a Verdict, header: &'a Header, directory: Option<&Path>) -> Self {
        // A history from elsewhere has neither plan nor seed.
        let ours = !header.plan.is_empty();
        Self {
            verdict,
            seed: ours.then_some(header.seed),
            plan: ours.then_some(&header.plan),
            dir: directory.map(|directory| directory.display().to_string()),
        }
    }
}

/// What the run was made of, as far as the directory still says.
pub fn read_made_of(directory: &RunDirectory) -> MadeOf {
    // A directory that somebody thinned out is still worth a report.
    std::fs::read(directory.made_of())
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}
