//! What people read: the page, the test results, the lines in a terminal.
//!
//! Three renderings of one judgement: [`html`] (a self-contained page, with its pictures drawn here as SVG), [`junit()`]
//! (for build servers) and [`text()`] (for a terminal). All are pure functions of a history and its verdict, and say
//! the same thing for the same run, to the byte.
//!
//! Absent on purpose: judging (that is `checkers`), files, clocks, and any script or style from elsewhere. What a
//! broker, a client or a plan said is hostile until escaped: it reaches a page only as text.

mod chart;
mod definitions;
mod first;
mod format;
mod junit;
mod page;
mod processes;
mod run;
mod series;
mod text;

pub use junit::{JunitInput, junit};
pub use page::html;
pub use text::text;

use checkers::Verdict;
use history::History;

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
