//! What it means: from a history to a verdict.
//!
//! The entry point is [`check`]. Every check is a pure function of the history: this crate opens no file,
//! reads no clock, draws no random number. [`timeline()`] puts what was seen in order, for those who draw it.

mod checks;
mod context;
mod dense;
mod index;
mod judge;
mod list;
mod outcome;
mod succession;
mod summary;
mod text;
pub mod timeline;
mod verdict;

pub use judge::check;
pub use list::{Check, LIST};
pub use text::number;
pub use timeline::{
    Deposed, FaultInterval, FaultOutcome, Lane, LeaderChange, Term, Timeline, View, ViewSpan, timeline,
};
pub use verdict::{CASES_MAX, Case, CheckResult, Findings, Stats, Validity, Verdict};
