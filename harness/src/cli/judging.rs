//! What is made of a run that there is: judged again, exported, bundled, told anew.

use std::path::PathBuf;

use checkers::{Consistency, Model};
use clap::{Args, ValueEnum};

use crate::bundle::Without;

/// `tribunal check`.
#[derive(Debug, Args)]
pub struct CheckOptions {
    /// A run's directory, or a history file: ours, Jepsen's EDN, or the JSON that elle-cli reads.
    pub path: PathBuf,
    /// The model to judge by; what the history's operations speak of where it is not given.
    #[arg(long, value_parser = parse_model)]
    pub model: Option<Model>,
    /// What list-append and rw-register histories are held to [default: strict-serializable].
    #[arg(long, value_name = "MODEL", value_parser = parse_consistency)]
    pub consistency: Option<Consistency>,
    /// How the consumers of a Kafka history came to their partitions: where their group gave them, skipped and
    /// repeated polls are allowed [default: assign].
    #[arg(long, value_enum)]
    pub sub_via: Option<SubViaName>,
    /// Order a Kafka history's writes by their offsets too when looking for cycles; G1c is then allowed.
    #[arg(long)]
    pub ww_deps: bool,
    /// Only read the history, and say how many events it holds.
    #[arg(long, conflicts_with_all = ["model", "consistency", "sub_via", "ww_deps", "report"])]
    pub parse_only: bool,
    /// Write the verdict as a page to this file too.
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Print the verdict as JSON on standard output.
    #[arg(long)]
    pub json: bool,
}

/// How consumers came to their partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SubViaName {
    /// They named the partitions themselves.
    Assign,
    /// Their group gave them.
    Subscribe,
}

fn parse_model(word: &str) -> Result<Model, String> {
    let names = Model::ALL.map(Model::name);
    let model = Model::ALL.into_iter().find(|model| model.name() == word);
    model.ok_or_else(|| format!("the models are {}", names.join(", ")))
}

fn parse_consistency(word: &str) -> Result<Consistency, String> {
    word.parse::<Consistency>().map_err(|error| error.to_string())
}

/// `tribunal export`.
#[derive(Debug, Args)]
pub struct ExportOptions {
    /// A run's directory, or a history file of any format that `check` reads.
    pub path: PathBuf,
    /// What to write.
    #[arg(long, value_enum)]
    pub format: ExportFormat,
    /// The file to write instead of standard output; for Parquet a new directory.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// The formats that others read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// EDN, one operation a line, for Jepsen's and Elle's checkers.
    Edn,
    /// JSON, one operation a line.
    Jsonl,
    /// JSON, one array, for elle-cli.
    Json,
    /// A trace for ui.perfetto.dev: operations, leaders, controllers, faults, replicas in sync, brokers' log lines.
    Perfetto,
    /// Three tables in a directory, which --out names: operations, the records that they wrote and read, all other events.
    Parquet,
}

/// `tribunal bundle`.
#[derive(Debug, Args)]
pub struct BundleOptions {
    /// The run's directory.
    pub dir: PathBuf,
    /// The file instead of DIR.bundle.tar.zst.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// What is left out to make it small; may be given several times.
    #[arg(long, value_enum, value_name = "PART")]
    pub without: Vec<Without>,
    /// Bundle what there is of a damaged run.
    #[arg(long)]
    pub force: bool,
}

/// `tribunal report`.
#[derive(Debug, Args)]
pub struct ReportOptions {
    /// The runs' directories.
    #[arg(required = true)]
    pub dirs: Vec<PathBuf>,
    /// Print what each fault did as a table in Markdown on standard output: target, evidence, effect on leadership, time
    /// to recover.
    #[arg(long)]
    pub faults: bool,
    /// Print how long writes failed after a fault, over all these runs, as a table in Markdown on standard output: by kind of
    /// fault and what it took away, by the cluster's size and the delay of its links, or by its shape.
    #[arg(long, value_name = "BY", conflicts_with = "faults")]
    pub failover: Option<FailoverBy>,
    /// Draw the same into this file (SVG).
    #[arg(long, value_name = "FILE", requires = "failover")]
    pub plot: Option<PathBuf>,
}

/// What failovers are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailoverBy {
    /// The kind of fault, what it took away, and the brokers' timeouts.
    Faults,
    /// The cluster's size and the delay of its links.
    Sizes,
    /// The kind of fault, what it took away, and the cluster's shape.
    Shapes,
}
