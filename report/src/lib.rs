//! What people read: the page, the test results, the lines in a terminal.
//!
//! Renderings of one judgement: [`html`] (a self-contained page of a run, with its pictures drawn here as SVG),
//! [`verdict_page`] (the same without the history, for those too big to hold or written by somebody else), [`junit()`]
//! (for build servers), [`text()`] (for a terminal), [`fault_table()`] (what each fault did, in Markdown), [`failover_table()`] (how long
//! writes failed, over many runs), [`trace()`] and [`tables()`] (the history for other people's tools), and [`CampaignSummary`] with its renderings (what many runs came to). All are pure functions of what they are given, and say the
//! same thing for the same run, to the byte.
//!
//! Absent on purpose: judging (that is `checkers`), files, clocks, and any script or style from elsewhere. What a
//! broker, a client or a plan said is hostile until escaped: it reaches a page only as text.

mod aftermath;
mod base64;
mod broker_lines;
mod campaign;
mod chart;
mod compare;
mod cycle;
mod errors;
mod export;
mod failover;
mod fault_table;
mod figures;
mod findings;
mod first;
mod format;
mod junit;
mod lag;
mod live;
mod operations;
mod page;
mod processes;
mod run;
mod series;
mod shelf;
mod text;

pub use campaign::{
    CampaignInput, CampaignRun, CampaignSummary, CampaignTotals, CellDecision, GateDecision, GateRule,
    RunNote, RunState, TrendPoint, annotations, campaign_junit, campaign_markdown, campaign_page,
    campaign_sarif, gate_markdown,
};
pub use compare::{
    Behaviour, Change, ClientError, Comparison, Difference, Finding, Levels, Setting, Settings, Side, Unit,
    compare, compare_page, compare_text,
};
pub use errors::ClientErrors;
pub use export::{TableFiles, TablesError, tables, trace};
pub use failover::{
    FailoverRun, failover_plot, failover_table, shape_plot, shape_table, sweep_plot, sweep_table,
};
pub use fault_table::fault_table;
pub use figures::RunFigures;
pub use junit::{JunitInput, junit};
pub use live::{LiveInput, LiveRun, live_page};
pub use page::{html, verdict_page};
pub use shelf::{Shelf, Shelved, ShelvedKind, Standing, encoded, files_page, message_page, shelf_page};
pub use text::text;

use checkers::Verdict;
use history::{Format, Header, History, Scanned};

/// Everything that the page of one run is made from.
#[derive(Clone, Copy, Debug)]
pub struct ReportInput<'a> {
    /// What was seen.
    pub history: &'a History,
    /// What it means.
    pub verdict: &'a Verdict,
    /// The command line that runs it again.
    pub replay: &'a str,
    /// The resolved plan, as `resolved.toml` holds it.
    pub plan_text: &'a str,
    /// What was used: name and version or checksum, in the order of the page.
    pub versions: &'a [(String, String)],
    /// Files of the run directory to link, as paths relative to the page, with `/` between their parts.
    pub files: &'a [String],
}

/// Everything that the page of a verdict alone is made from.
#[derive(Clone, Copy, Debug)]
pub struct VerdictInput<'a> {
    /// What was run, as far as the history says.
    pub header: &'a Header,
    /// What it means.
    pub verdict: &'a Verdict,
    /// The history as its reader called it: a file or a directory.
    pub name: &'a str,
    /// How the history was written down.
    pub format: Format,
    /// What reading it came through.
    pub scanned: Scanned,
    /// The command line that judges it again.
    pub again: &'a str,
}
