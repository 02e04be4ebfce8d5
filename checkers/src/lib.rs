//! What it means: from a history to a verdict.
//!
//! The entry point is [`check`]. Every check is a pure function of the history: this crate opens no file,
//! reads no clock, draws no random number.

pub mod timeline;
mod verdict;

pub use timeline::{
    Deposed, FaultInterval, FaultOutcome, Lane, LeaderChange, Term, Timeline, View, ViewSpan, timeline,
};
pub use verdict::{CASES_MAX, Case, CheckResult, Findings, Stats, Validity, Verdict};

/// Judges a history by every check of the list.
pub fn check(_history: &history::History) -> Verdict {
    unimplemented!("being built")
}
