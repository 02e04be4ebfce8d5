//! Campaigns, and what differs between two of them.

use std::path::PathBuf;

use clap::Args;
use history::Span;

use crate::campaign::Part;
use crate::store::Place;

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
