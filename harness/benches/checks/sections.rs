//! What is measured, in its order: one history at a time lies on the disk.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tempfile::TempDir;

use crate::child::Kind;
use crate::figures::{Doing, Figures, Row};
use crate::measure::{Usage, median, run};

/// Histories of the peer longer than this are measured once: it takes too long.
const PEER_ONCE: u64 = 200_000;

/// Until so much time was spent in all, and at most so many times as many rounds as asked for, a measurement goes on.
const HASTY: Duration = Duration::from_secs(2);
const HASTY_ROUNDS: usize = 5;

/// How long the histories are.
pub struct Sizes {
    /// Of a log's clients, ascending; the last one is held to the goals.
    pub kafka: Vec<u64>,
    /// Of lists, ascending; the last two are held to the goals.
    pub lists: Vec<u64>,
    /// The length up to which the peer judges them too.
    pub peer: u64,
    /// Of registers.
    pub registers: u64,
    /// Of lists with anomalies, and of the clean ones that they are compared with.
    pub planted: u64,
}

impl Sizes {
    /// The sizes that the goals are set for.
    pub fn full() -> Self {
        Self {
            kafka: vec![100_000, 300_000, 1_000_000, 3_000_000, 10_000_000],
            lists: vec![100_000, 300_000, 1_000_000, 4_000_000],
            peer: 1_000_000,
            registers: 1_000_000,
            planted: 100_000,
        }
    }

    /// The same in small.
    pub fn quick() -> Self {
        Self {
            kafka: vec![100_000, 300_000, 1_000_000],
            lists: vec![100_000, 400_000],
            peer: 100_000,
            registers: 100_000,
            planted: 100_000,
        }
    }
}

/// The measuring, and what it found so far.
pub struct Bench {
    pub sizes: Sizes,
    pub rounds: usize,
    /// Whether the peer is measured.
    pub peer: bool,
    pub scratch: TempDir,
    pub figures: Figures,
}

impl Bench {
    /// Logs of growing length; the longest also line by line.
    pub fn kafka(&mut self) -> Result<()> {
        let sizes = self.sizes.kafka.clone();
        for operations in &sizes {
            let history = self.make(Kind::Kafka, *operations, None)?;
            self.tribunal(Kind::Kafka, *operations, &history, 0)?;
            if Some(operations) == sizes.last() {
                let mut reference = this()?;
                reference.arg("serde").arg(&history);
                self.measure(
                    Kind::Kafka,
                    *operations,
                    Doing::Serde,
                    0,
                    self.rounds,
                    &mut reference,
                )?;
            }
            remove(&history)?;
        }
        Ok(())
    }

    /// Transactions of lists in growing numbers, and of registers.
    pub fn transactions(&mut self) -> Result<()> {
        for operations in self.sizes.lists.clone() {
            let peer = self.peer && operations <= self.sizes.peer;
            let elle = self.scratch.path().join("elle.jsonl");
            let history = self.make(Kind::ListAppend, operations, peer.then_some(&elle))?;
            self.tribunal(Kind::ListAppend, operations, &history, 0)?;
            if peer {
                let rounds = if operations > PEER_ONCE { 1 } else { self.rounds };
                let mut adya = this()?;
                adya.arg("peer").arg(&elle);
                self.measure(Kind::ListAppend, operations, Doing::Peer, 0, rounds, &mut adya)?;
                remove(&elle)?;
            }
            remove(&history)?;
        }
        let operations = self.sizes.registers;
        let history = self.make(Kind::RwRegister, operations, None)?;
        self.tribunal(Kind::RwRegister, operations, &history, 0)?;
        remove(&history)
    }

    /// Transactions that break promises. The clean ones of their number were measured before.
    pub fn planted(&mut self) -> Result<()> {
        for kind in [Kind::Planted, Kind::Snapshot] {
            let operations = self.sizes.planted;
            let history = self.make(kind, operations, None)?;
            self.tribunal(kind, operations, &history, 1)?;
            remove(&history)?;
        }
        Ok(())
    }

    /// Makes a history, and one in Elle's JSON where that is asked for, in a process of its own: a child's
    /// figures begin with what its parent had in memory.
    fn make(&self, kind: Kind, operations: u64, elle: Option<&PathBuf>) -> Result<PathBuf> {
        let path = self.scratch.path().join("history.jsonl");
        let mut maker = this()?;
        maker.arg("make").arg(kind.argument()).arg(operations.to_string());
        maker.arg(&path).args(elle);
        let (status, _) = run(&mut maker, &self.scratch.path().join("output"))?;
        ensure!(status.success(), "making a history: {status}");
        Ok(path)
    }

    /// Measures the binary at a history, reading only and judging; `exit` is the status of the right verdict.
    fn tribunal(&mut self, kind: Kind, operations: u64, history: &Path, exit: i32) -> Result<()> {
        let tribunal = |arguments: &[&OsStr]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tribunal"));
            command.arg("check").arg(history).args(arguments);
            // For people.
            command.stderr(Stdio::null());
            command
        };
        let mut parse = tribunal(&["--parse-only".as_ref()]);
        self.measure(kind, operations, Doing::ParseOnly, 0, self.rounds, &mut parse)?;
        let mut check = tribunal(&["--model".as_ref(), kind.model().as_ref(), "--json".as_ref()]);
        self.measure(kind, operations, Doing::Check, exit, self.rounds, &mut check)
    }

    /// What takes a moment is measured more often: the machine has other things to do, too.
    fn is_hasty(&self, usages: &[Usage], rounds: usize) -> bool {
        let taken: Duration = usages.iter().map(|usage| usage.cpu).sum();
        rounds == self.rounds && usages.len() < HASTY_ROUNDS * rounds && taken < HASTY
    }

    fn measure(
        &mut self,
        kind: Kind,
        operations: u64,
        doing: Doing,
        exit: i32,
        rounds: usize,
        command: &mut Command,
    ) -> Result<()> {
        let output = self.scratch.path().join("output");
        let mut usages: Vec<Usage> = Vec::new();
        let mut wrong = None;
        while usages.len() < rounds || self.is_hasty(&usages, rounds) {
            let (status, usage) = run(command, &output)?;
            usages.push(usage);
            if status.code() != Some(exit) {
                wrong = Some(format!("ended with {status} instead of {exit}"));
            }
        }
        let found = names(&output);
        let row = Row {
            kind,
            operations,
            doing,
            usage: median(&usages),
            wrong,
        };
        eprintln!(
            "{row}: {:.2} s, {:.0} MB{found}{}",
            row.usage.cpu.as_secs_f64(),
            row.usage.memory as f64 / 1e6,
            row.wrong
                .as_deref()
                .map_or(String::new(), |wrong| format!(" ({wrong})"))
        );
        self.figures.rows.push(row);
        Ok(())
    }
}

impl Kind {
    fn model(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::ListAppend | Self::Planted | Self::Snapshot => "list-append",
            Self::RwRegister => "rw-register",
        }
    }

    fn argument(self) -> String {
        use clap::ValueEnum;
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// A verdict as far as it matters here.
#[derive(Default, Deserialize)]
struct Verdict {
    #[serde(default)]
    anomalies: BTreeMap<String, Findings>,
}

#[derive(Deserialize)]
struct Findings {
    count: u64,
}

/// What a verdict found, each with its count; nothing where the output is none.
fn names(output: &Path) -> String {
    let verdict = File::open(output).map(BufReader::new);
    let verdict = verdict.map(|file| serde_json::from_reader(file).unwrap_or_default());
    let Verdict { anomalies } = verdict.unwrap_or_default();
    let names: Vec<String> = anomalies
        .iter()
        .map(|(name, findings)| format!(", {name} {}", findings.count))
        .collect();
    names.concat()
}

/// This binary, to be executed again.
fn this() -> Result<Command> {
    let path = std::env::current_exe().context("find this binary")?;
    Ok(Command::new(path))
}

fn remove(path: &Path) -> Result<()> {
    std::fs::remove_file(path).with_context(|| format!("remove {}", path.display()))
}
