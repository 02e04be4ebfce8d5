//! The command line.

mod campaigns;
mod judging;
mod runs;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::BrokerOptions;

pub use campaigns::{CampaignOptions, CompareOptions, GateOptions, MergeOptions};
pub use judging::{
    BundleOptions, CheckOptions, ExportFormat, ExportOptions, FailoverBy, ReportOptions, SubViaName,
};
pub use runs::{ConductOptions, EnvironmentName, ReplayOptions, RunOptions, ShrinkOptions};

/// Puts a message broker on trial: a real cluster, real clients, real faults, and a verdict with evidence.
#[derive(Debug, Parser)]
#[command(
    name = "tribunal",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
#[command(after_help = "\
Exit codes: 0 valid, 1 violation, 2 usage, 3 unknown, 4 infrastructure, 130 interrupted twice.
Begin with `tribunal run`: it needs no plan. `tribunal doctor` says what this machine can do.")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring a cluster up, work it, break it, heal it, judge it, and write a report.
    Run(RunOptions),
    /// The part of `run` that happens inside the sandbox.
    #[command(hide = true)]
    Conduct(ConductOptions),
    /// Judge a history again: a run's directory or a history file.
    Check(CheckOptions),
    /// Write a history in a form that other checkers read.
    Export(ExportOptions),
    /// Make one file of a run: plan, versions and sums, history, verdict, logs and evidence.
    Bundle(BundleOptions),
    /// Run the plan of a bundle again, or judge its history again, and say whether it comes out as it did.
    Replay(ReplayOptions),
    /// Judge run directories again and write their pages anew.
    Report(ReportOptions),
    /// Find the smallest plan that still fails as a run did that failed.
    Shrink(ShrinkOptions),
    /// Run a matrix of plans, or what is left of it, or one part of it; say what came out otherwise than expected.
    Campaign(CampaignOptions),
    /// Join the parts of a campaign that several machines ran.
    Merge(MergeOptions),
    /// Say whether a campaign lets a release pass: by itself, or by what is new in it against an earlier one.
    Gate(GateOptions),
    /// Say how two runs, or two campaigns, differ: what they found and how they behaved.
    Compare(CompareOptions),
    /// Open a shell on a node of a run that goes on, or whose cluster is kept.
    Shell(ShellOptions),
    /// List what lies in results/, show what a run came to, remove runs that found nothing.
    Results(ResultsOptions),
    /// Show a folder of results over HTTP: runs, campaigns, and what goes on; nothing can be changed there.
    Serve(ServeOptions),
    /// Add a version of a broker that does not ship: its jars are resolved with Maven, and their sums pinned.
    Broker(BrokerOptions),
    /// List what can be named in a plan: plans, brokers, workloads, faults, bugs, checks.
    List(ListOptions),
    /// Say what this machine can do, and what to install for the rest.
    Doctor(DoctorOptions),
    /// Take away the containers, networks and images of runs with `--env docker` that were killed, or, with an inventory, what runs
    /// with `--env ssh` left on its hosts. What is not Tribunal's, or belongs to a run that goes on, stays.
    Clean(CleanOptions),
}

/// `tribunal clean`.
#[derive(Debug, Args)]
pub struct CleanOptions {
    /// The hosts that are to be cleaned, instead of this machine's container engine. The jars that runs copied there go as well.
    #[arg(long, value_name = "FILE")]
    pub inventory: Option<PathBuf>,
}

/// `tribunal shell`.
#[derive(Debug, Args)]
pub struct ShellOptions {
    /// The run's directory.
    pub dir: PathBuf,
    /// The node: n1, n2 and so on.
    #[arg(value_parser = parse_node)]
    pub node: u32,
    /// What is started instead of a shell, after `--`.
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

fn parse_node(word: &str) -> Result<u32, String> {
    let number = word.strip_prefix('n').unwrap_or(word).parse();
    number
        .ok()
        .filter(|number| (1..=sandbox::NODE_MAX).contains(number))
        .ok_or_else(|| "nodes are called n1, n2 and so on".to_owned())
}

/// `tribunal results`.
#[derive(Debug, Args)]
pub struct ResultsOptions {
    /// What to do [default: list].
    #[command(subcommand)]
    pub command: Option<ResultsCommand>,
}

/// What is done with results.
#[derive(Debug, Subcommand)]
pub enum ResultsCommand {
    /// List runs and campaigns, the newest first, with what they came to and their sizes.
    List {
        /// The folder.
        #[arg(default_value = crate::directory::RESULTS)]
        dir: PathBuf,
        /// Print JSON on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Print what a run or a campaign came to.
    Show {
        /// Its directory.
        dir: PathBuf,
    },
    /// Remove runs that found nothing, but for the newest. Violations, what is unknown, unfinished or damaged, and campaigns stay.
    Prune {
        /// The folder.
        #[arg(default_value = crate::directory::RESULTS)]
        dir: PathBuf,
        /// How many of the valid runs stay.
        #[arg(long, value_name = "N", default_value = "10")]
        keep: usize,
        /// Only say what would be removed.
        #[arg(long)]
        dry_run: bool,
    },
}

/// `tribunal serve`.
#[derive(Debug, Args)]
pub struct ServeOptions {
    /// The folder.
    #[arg(default_value = crate::directory::RESULTS)]
    pub dir: PathBuf,
    /// The address and port to listen on; port 0 takes a free one and prints it. Whoever reaches an address that is not this
    /// machine's own (such as 127.0.0.1) can read everything in the folder.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
}

/// `tribunal list`.
#[derive(Debug, Args)]
pub struct ListOptions {
    /// Only this list.
    #[arg(value_enum)]
    pub what: Option<ListName>,
    /// Print JSON on standard output.
    #[arg(long)]
    pub json: bool,
}

/// The lists there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListName {
    /// The plans that ship.
    Plans,
    /// The brokers and their versions.
    Brokers,
    /// The workloads.
    Workloads,
    /// The kinds of fault.
    Faults,
    /// The bugs of the simulated broker.
    Bugs,
    /// The checks.
    Checks,
    /// What the checks find, by the names in a verdict.
    Anomalies,
    /// The consistency models that `check --consistency` takes.
    Consistency,
}

/// `tribunal doctor`.
#[derive(Debug, Args)]
pub struct DoctorOptions {
    /// Print JSON on standard output.
    #[arg(long)]
    pub json: bool,
}
