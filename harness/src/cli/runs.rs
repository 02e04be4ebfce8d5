//! Runs: what starts a cluster.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cluster::sim::Bug;
use history::Span;

use crate::plan::{ClientName, DiskChoice, Shape};
use crate::run::capture::Links;
use crate::run::keep::KeepWhen;

/// Where the cluster lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum EnvironmentName {
    /// Namespaces of this machine: no Docker, no SSH, no root where the kernel allows it.
    #[default]
    Sandbox,
    /// Plain processes of this machine, each with an address on loopback: faults of networks, disks and clocks are skipped.
    Host,
    /// Containers of Docker or Podman on this machine, one a node: faults of disks, and of networks that do more than cut, are
    /// skipped.
    Docker,
    /// Hosts of an inventory, one a node, reached by SSH: faults of disks and clocks, freezes, and faults of networks that do more than
    /// cut are skipped.
    Ssh,
    /// A cluster that somebody else runs (--bootstrap): only faults of its administration that were allowed by name; topics with
    /// a prefix of their own, which are deleted at the end.
    Attached,
}

impl std::fmt::Display for EnvironmentName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = self.to_possible_value().expect("every one can be named");
        formatter.write_str(word.get_name())
    }
}

/// `tribunal run`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct RunOptions {
    /// A plan's file, or the name of a plan that ships (`tribunal list plans`).
    #[arg(default_value = "quick")]
    pub plan: String,
    /// Every random choice comes from it; drawn and printed where it is not given.
    #[arg(long)]
    pub seed: Option<u64>,
    /// The broker and its version instead of the plan's, such as kafka-4.3.1; `sim` is the simulated one.
    #[arg(long)]
    pub broker: Option<String>,
    /// The clients' library instead of the plan's: librdkafka, java, java:3.9.2, python, or 'exec:PROGRAM ARGUMENTS'.
    #[arg(long)]
    pub client: Option<ClientName>,
    /// Which nodes are controllers, instead of what the plan says.
    #[arg(long)]
    pub shape: Option<Shape>,
    /// How many brokers instead of the plan's, 1 to 9.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=9))]
    pub nodes: Option<u32>,
    /// A bug of the simulated broker (`tribunal list bugs`); may be given several times.
    #[arg(long = "bug", value_name = "BUG")]
    pub bugs: Vec<Bug>,
    /// Where the cluster lives.
    #[arg(long, value_enum, default_value_t)]
    pub env: EnvironmentName,
    /// The hosts of `--env ssh`: a TOML file (see the guide).
    #[arg(long, value_name = "FILE")]
    pub inventory: Option<PathBuf>,
    /// Where the brokers of --env attached are.
    #[arg(long, value_name = "HOST:PORT,…")]
    pub bootstrap: Option<String>,
    /// How to speak to them, in the form of Kafka's own tools: TLS and SASL. Nothing of it stands in a result.
    #[arg(long, value_name = "FILE")]
    pub client_properties: Option<PathBuf>,
    /// A fault of administration that may be injected there; several with commas between them.
    #[arg(long, value_name = "FAULT", value_delimiter = ',')]
    pub allow: Vec<String>,
    /// Whether each node's data lies on a disk that can fail, instead of what the plan says.
    #[arg(long, value_enum)]
    pub disk: Option<DiskChoice>,
    /// The length of a random schedule of faults instead of the plan's, such as 60s.
    #[arg(long, value_name = "SPAN")]
    pub time_limit: Option<Span>,
    /// So much time at least between the end of a fault and the beginning of the next, so that what each did can be told
    /// apart.
    #[arg(long, value_name = "SPAN")]
    pub rest: Option<Span>,
    /// The run's directory instead of one below results/.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print the verdict as JSON on standard output.
    #[arg(long)]
    pub json: bool,
    /// Download nothing: what the cache does not hold is an error.
    #[arg(long)]
    pub offline: bool,
    /// Keep the nodes' data directories also where nothing was found.
    #[arg(long)]
    pub keep_data: bool,
    /// Leave the cluster up after a violation, or always, and say how to get at it. Enter, ctrl-C or --keep-for ends it.
    #[arg(long, value_enum, value_name = "WHEN", num_args = 0..=1, default_missing_value = "violation")]
    pub keep: Option<KeepWhen>,
    /// How long it is left up at most.
    #[arg(long, value_name = "SPAN", default_value = "30m", requires = "keep")]
    pub keep_for: Span,
    /// Write the packets of a link, or of all, into pcap files of the run's directory: `all`, `n1-n2`, `n1-clients`;
    /// may be given several times.
    #[arg(long, value_name = "LINK")]
    pub pcap: Vec<Links>,
    /// Show a line a phase and a sign of life every ten seconds instead of a live view; so it is too without a terminal, with
    /// `NO_COLOR` and on a dumb terminal.
    #[arg(long)]
    pub plain: bool,
    /// Let the time of a simulated broker pass as ours does, to watch it: half a minute takes half a minute.
    #[arg(long)]
    pub real_time: bool,
}

/// `tribunal conduct`, hidden: everything it needs was written into the directory.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct ConductOptions {
    /// The run's directory, with its resolved plan.
    pub dir: PathBuf,
    /// The cluster, where it is somebody else's: never on a command line, as it may hold secrets.
    #[arg(skip)]
    pub attached: Option<cluster::Attachment>,
    /// See [`RunOptions::env`].
    #[arg(long, value_enum, default_value_t)]
    pub env: EnvironmentName,
    /// See [`RunOptions::inventory`].
    #[arg(long)]
    pub inventory: Option<PathBuf>,
    /// See [`RunOptions::json`].
    #[arg(long)]
    pub json: bool,
    /// See [`RunOptions::keep_data`].
    #[arg(long)]
    pub keep_data: bool,
    /// See [`RunOptions::pcap`].
    #[arg(long)]
    pub pcap: Vec<Links>,
    /// See [`RunOptions::plain`].
    #[arg(long)]
    pub plain: bool,
    /// See [`RunOptions::keep`].
    #[arg(long)]
    pub keep: Option<KeepWhen>,
    /// See [`RunOptions::keep_for`].
    #[arg(long, default_value = "30m")]
    pub keep_for: Span,
    /// See [`RunOptions::real_time`].
    #[arg(long)]
    pub real_time: bool,
}

/// `tribunal replay`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct ReplayOptions {
    /// The bundle.
    pub bundle: PathBuf,
    /// Judge the bundle's history instead of running its plan.
    #[arg(long, conflicts_with_all = ["out", "offline"])]
    pub judge: bool,
    /// Only check all sums and write the bundle's files to this new directory, which is a run's then.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["judge", "out", "offline", "json"])]
    pub unpack: Option<PathBuf>,
    /// The directory of the new run instead of one below results/.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What a bundle's files may have together, in GiB.
    #[arg(long, value_name = "GIB", default_value = "16")]
    pub size_max: u64,
    /// Download nothing: what the cache does not hold is an error.
    #[arg(long)]
    pub offline: bool,
    /// Show plain lines instead of a live view.
    #[arg(long)]
    pub plain: bool,
    /// Print what came out as JSON on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `tribunal shrink`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct ShrinkOptions {
    /// The directory of a run that failed.
    pub dir: PathBuf,
    /// What has to be found again [default: the gravest of what the run found].
    #[arg(long, value_name = "NAME")]
    pub anomaly: Option<String>,
    /// How often a plan has to fail to count as failing, from 0 to 1.
    #[arg(long, default_value = "0.8")]
    pub rate: f64,
    /// How often a candidate is run at most; as soon as the rate is reached or out of reach, no more.
    #[arg(long, value_name = "N", default_value = "5")]
    pub runs: u32,
    /// How often the smallest plan is run at the end, by which its rate is known.
    #[arg(long, value_name = "N", default_value = "10")]
    pub confirm: u32,
    /// All runs together, those that confirm and those before a --resume included.
    #[arg(long, value_name = "N", default_value = "300")]
    pub runs_max: u32,
    /// After this time the smallest plan so far is confirmed; what that takes is set aside.
    #[arg(long, value_name = "SPAN")]
    pub time_limit: Option<Span>,
    /// Go on where an earlier search was ended, however it was.
    #[arg(long)]
    pub resume: bool,
    /// Give each run the failing run's seed instead of one of its own.
    #[arg(long)]
    pub same_seed: bool,
    /// Where the search is kept instead of in DIR/shrink.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print what was found as JSON on standard output.
    #[arg(long)]
    pub json: bool,
    /// Download nothing: what the cache does not hold is an error.
    #[arg(long)]
    pub offline: bool,
}
