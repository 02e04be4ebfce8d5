//! The processes that are measured and are not Tribunal: the makers of histories, the reference and the peer.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::{Subcommand, ValueEnum};
use history::{Event, HistoryWriter};
use synthetic::{Data, Isolation, Kafka, Transactions, elle_line};

/// The seed of every history.
const SEED: u64 = 20;

/// What a child does.
#[derive(Debug, Subcommand)]
pub enum Child {
    /// Makes a history.
    Make {
        /// Of what.
        kind: Kind,
        /// How many operations.
        operations: u64,
        /// Where to.
        path: PathBuf,
        /// Where to in Elle's JSON too.
        elle: Option<PathBuf>,
    },
    /// Reads a history line by line with `serde_json` into our own events, and forgets them.
    Serde {
        /// The history.
        path: PathBuf,
    },
    /// Judges a history of lists in Elle's JSON with the crate `adya`.
    Peer {
        /// The history.
        path: PathBuf,
    },
}

/// The kinds of history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// A log's clients.
    Kafka,
    /// Transactions of lists.
    ListAppend,
    /// Transactions of registers.
    RwRegister,
    /// Transactions of lists, one in ten operations with an anomaly.
    Planted,
    /// Transactions of lists under snapshot isolation.
    Snapshot,
}

impl Child {
    /// Does it.
    pub fn run(&self) -> Result<()> {
        match self {
            Self::Make {
                kind,
                operations,
                path,
                elle,
            } => make(*kind, *operations, path, elle.as_deref()),
            Self::Serde { path } => serde(path),
            Self::Peer { path } => peer(path),
        }
    }
}

fn create(path: &Path) -> Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| format!("make {}", path.display()))?;
    Ok(BufWriter::with_capacity(1 << 20, file))
}

fn make(kind: Kind, operations: u64, path: &Path, elle: Option<&Path>) -> Result<()> {
    let mut ours = HistoryWriter::new(create(path)?);
    let mut elle = elle.map(create).transpose()?;
    let mut index = 0;
    let mut sink = |event: &Event| {
        ours.write(event)?;
        if let Some(out) = &mut elle
            && let Some(line) = elle_line(event, index)
        {
            writeln!(out, "{line}")?;
            index += 1;
        }
        Ok(())
    };
    let transactions = Transactions {
        transactions: operations,
        seed: SEED,
        ..Transactions::default()
    };
    match kind {
        Kind::Kafka => Kafka {
            operations,
            seed: SEED,
            ..Kafka::default()
        }
        .write(&mut sink)?,
        Kind::ListAppend => transactions.write(&mut sink)?,
        Kind::RwRegister => Transactions {
            data: Data::Registers,
            ..transactions
        }
        .write(&mut sink)?,
        Kind::Planted => Transactions {
            anomalies: operations / 10,
            ..transactions
        }
        .write(&mut sink)?,
        Kind::Snapshot => Transactions {
            isolation: Isolation::Snapshot,
            ..transactions
        }
        .write(&mut sink)?,
    }
    ours.flush()?;
    elle.map_or(Ok(()), |mut out| out.flush())?;
    Ok(())
}

fn serde(path: &Path) -> Result<()> {
    let file = File::open(path).with_context(|| format!("open {}", path.display()))?;
    let mut input = BufReader::with_capacity(1 << 20, file);
    let (mut line, mut events) = (String::new(), 0_u64);
    while input.read_line(&mut line)? > 0 {
        history::from_line(&line)?;
        events += 1;
        line.clear();
    }
    ensure!(events > 0, "there is nothing in {}", path.display());
    println!("{events}");
    Ok(())
}

/// As the peer's own command line does it.
fn peer(path: &Path) -> Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let history = match adya::History::parse(&text) {
        Ok(history) => history,
        Err(error) => bail!("the peer cannot read {}: {error}", path.display()),
    };
    drop(text);
    let report = adya::check(&history, adya::Workload::ListAppend, &adya::Opts::default());
    ensure!(
        report.valid == adya::Valid::True,
        "the peer says {:?}",
        report.valid
    );
    Ok(())
}
