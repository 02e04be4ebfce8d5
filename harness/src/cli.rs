//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use checkers::{Consistency, Model};
use clap::{Args, Parser, Subcommand, ValueEnum};
use cluster::sim::Bug;
use history::Span;

use crate::bundle::Without;
use crate::campaign::Part;
use crate::commands::BrokerOptions;
use crate::plan::{ClientName, DiskChoice, Shape};
use crate::run::capture::Links;
use crate::run::keep::KeepWhen;
use crate::store::Place;

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

/// `tribunal clean`.
#[derive(Debug, Args)]
pub struct CleanOptions {
    /// The hosts that are to be cleaned, instead of this machine's container engine. The jars that runs copied there go as well.
    #[arg(long, value_name = "FILE")]
    pub inventory: Option<PathBuf>,
}

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

/// `tribunal campaign`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct CampaignOptions {
    /// The campaign's file.
    #[arg(value_name = "CAMPAIGN.toml")]
    pub file: PathBuf,
    /// The seed that each run's seed comes from, instead of the file's; drawn and printed where neither gives one.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Only this part of the runs: count:2/8 is the second of eight parts of one size, hash:2/8 stays the same when runs are added.
    /// Where it is not given, a Slurm array's task or the index of a Kubernetes Job names the part.
    #[arg(long, value_name = "PART")]
    pub partition: Option<Part>,
    /// Go on where an earlier call was ended, however it was.
    #[arg(long)]
    pub resume: bool,
    /// Make the runs again that did not come out as expected, and those that were not made.
    #[arg(long)]
    pub rerun_failed: bool,
    /// How many runs go on at one time [default: as many as cores and memory allow].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub parallel: Option<u32>,
    /// How often a run with a violation that nobody expected is made again, instead of what the file says.
    #[arg(long, value_name = "N")]
    pub confirm: Option<u32>,
    /// After this time nothing more is begun, instead of what the file says.
    #[arg(long, value_name = "SPAN")]
    pub time_budget: Option<Span>,
    /// The campaign's directory instead of results/campaign-NAME.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The hosts of those cells whose env is ssh, see tribunal run --help.
    #[arg(long, value_name = "HOSTS.toml")]
    pub inventory: Option<PathBuf>,
    /// Stop as soon as it is decided whether the campaign passes: by the file's `[gate]`, or by that table's defaults.
    #[arg(long)]
    pub gate: bool,
    /// Where earlier campaigns of this name lie, beside those in the same folder: a campaign's directory, or a folder of such. May be
    /// given several times.
    #[arg(long, value_name = "DIR")]
    pub trend: Vec<PathBuf>,
    /// Print the runs and their seeds on standard output, and run nothing.
    #[arg(long)]
    pub list: bool,
    /// Print what the runs came to as JSON on standard output.
    #[arg(long)]
    pub json: bool,
    /// Download nothing: what the cache does not hold is an error.
    #[arg(long)]
    pub offline: bool,
    /// Show a line a run and a sign of life every ten seconds instead of a live view.
    #[arg(long)]
    pub plain: bool,
}

impl CampaignOptions {
    /// Whether what an earlier call left is taken up.
    pub fn goes_on(&self) -> bool {
        self.resume || self.rerun_failed
    }
}

/// `tribunal merge`.
#[derive(Debug, Args)]
pub struct MergeOptions {
    /// The directories of the parts, on this machine or in object storage: `s3://BUCKET/…`, `gs://…`, `az://…`.
    #[arg(required = true, value_name = "DIR")]
    pub dirs: Vec<Place>,
    /// The directory of the whole, which must not hold anything yet; it may lie in object storage as well.
    #[arg(long, value_name = "DIR")]
    pub out: Place,
    /// Where earlier campaigns of this name lie, beside those in the same folder: a campaign's directory, or a folder of such. May be
    /// given several times.
    #[arg(long, value_name = "DIR")]
    pub trend: Vec<PathBuf>,
    /// Print what the runs came to as JSON on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `tribunal gate`.
#[derive(Debug, Args)]
pub struct GateOptions {
    /// The campaign's directory.
    pub dir: PathBuf,
    /// The directory of the campaign that it is compared with: only what is new fails.
    #[arg(long, value_name = "DIR")]
    pub baseline: Option<PathBuf>,
    /// What the baseline has as well fails too.
    #[arg(long, requires = "baseline")]
    pub strict: bool,
    /// Match the cells without this axis, such as the broker's version; may be given several times.
    #[arg(long, value_name = "AXIS", requires = "baseline")]
    pub ignore: Vec<String>,
    /// Fail where writes fail for so much longer than in the baseline after a fault, beyond chance.
    #[arg(long, value_name = "SPAN", requires = "baseline")]
    pub availability_slack: Option<Span>,
    /// The share of a cell's runs that may break a promise, instead of what the campaign's `[gate]` says [default: 0].
    #[arg(long, value_name = "SHARE")]
    pub tolerated: Option<f64>,
    /// The share of a cell's runs from which on it is to fail, likewise [default: 0.5].
    #[arg(long, value_name = "SHARE")]
    pub refused: Option<f64>,
    /// How often a campaign may fail that is to pass, likewise [default: 0.05].
    #[arg(long, value_name = "SHARE")]
    pub false_fail: Option<f64>,
    /// How often a campaign may pass that is to fail, likewise [default: 0.05].
    #[arg(long, value_name = "SHARE")]
    pub false_pass: Option<f64>,
    /// Write the findings as SARIF into this file instead of DIR/sarif.json.
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
    /// Print the decision, and what is new, still there and resolved, as JSON on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `tribunal compare`.
#[derive(Debug, Args)]
pub struct CompareOptions {
    /// The directory of a run or a campaign: what is compared with.
    pub base: PathBuf,
    /// The directory of another of its kind: what is looked at.
    pub dir: PathBuf,
    /// Match the cells of campaigns without this axis, such as the broker's version; may be given several times.
    #[arg(long, value_name = "AXIS")]
    pub ignore: Vec<String>,
    /// Of BASE only the runs with the first value of this axis, of DIR those with the second, matched without it: BASE and DIR may be
    /// one campaign.
    #[arg(long, value_name = "AXIS=BASE,DIR")]
    pub between: Option<String>,
    /// Write a page into this file too.
    #[arg(long, value_name = "FILE.html")]
    pub out: Option<PathBuf>,
    /// Print JSON on standard output instead of text.
    #[arg(long)]
    pub json: bool,
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
