//! What it means: from a history to a verdict.
//!
//! The entry point is [`check`]. Every check is a pure function of the history: this crate opens no file,
//! reads no clock, draws no random number. [`timeline()`] puts what was seen in order, for those who draw it;
//! [`disks()`] does so with what lay on the nodes' disks.

mod aftermath;
mod anomaly;
mod applications;
mod availability;
mod checks;
mod column;
mod consistency;
mod context;
mod cycles;
mod dense;
mod dependencies;
pub mod disks;
mod evidence;
mod index;
mod judge;
mod kafka;
mod list;
mod objects;
mod options;
mod outages;
mod outcome;
mod paged;
pub mod rulings;
mod stories;
mod story;
mod succession;
mod summary;
mod text;
pub mod timeline;
mod txn;
mod verdict;

pub use aftermath::{Aftermath, LeaderMove, Recovery, aftermaths};
pub use anomaly::{ANOMALIES, Anomaly};
pub use availability::{Availability, Outage, Spread, WithoutFault};
pub use checks::leadership::{Deposition, Depositions, ServedOn};
pub use consistency::{Consistency, UnknownConsistency};
pub use disks::{Disks, disks};
pub use judge::{check, check_history};
pub use list::{Check, LIST};
pub use options::{Model, Options, SubVia};
pub use outages::{Served, Unserved, served};
pub use stories::log_end;
pub use story::{DeposedLeader, Holder, Source, Story, StoryElection, StoryState, Truncation, Why};
pub use text::number;
pub use timeline::{
    Builder as TimelineBuilder, Deposed, FaultInterval, FaultOutcome, Lane, LeaderChange, Term, Timeline,
    View, ViewSpan, timeline,
};
pub use verdict::{
    CASES_MAX, Case, CheckResult, Cycle, CycleOperation, Edge, Findings, Rel, Stats, Validity, Verdict,
};
