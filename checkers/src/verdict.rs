//! What a judgement says: data first, of which every text and page is a rendering.

use std::collections::BTreeMap;

use history::{Key, NodeId, Offset, Value};
use serde::{Deserialize, Serialize};

use crate::availability::Availability;
use crate::checks::leadership::Depositions;
use crate::story::Story;

/// Whether promises were kept. Ordered by weight: joining two judgements takes the heavier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Validity {
    /// Every promise was put to the test and kept.
    Valid,
    /// Something that the judgement needs is missing.
    Unknown,
    /// A promise was broken, with evidence.
    Invalid,
}

/// The whole judgement of a history, as `verdict.json` and `check --json` hold it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The heaviest of all checks.
    pub valid: Validity,
    /// The model that the history was judged by: `kafka`.
    pub model: String,
    /// The verdict in one sentence.
    pub summary: String,
    /// The violations by their name in the field (`lost-write`, …).
    pub anomalies: BTreeMap<String, Findings>,
    /// What was found but breaks no promise that this run made, in the same form.
    pub allowed: BTreeMap<String, Findings>,
    /// The stories of what was found: one for each range of records of one fate, at most a hundred.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stories: Vec<Story>,
    /// Each check, in the order in which they ran.
    pub checks: Vec<CheckResult>,
    /// Leaders that went on after they had been deposed: figures, and no judgement.
    #[serde(default, skip_serializing_if = "Depositions::is_empty")]
    pub depositions: Depositions,
    /// How long what clients need was missing, where that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability: Option<Availability>,
    /// Counts for people and for comparing runs.
    pub stats: Stats,
}

/// One check's part of the verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Its word in the list of checkers.
    pub name: String,
    /// Its judgement.
    pub valid: Validity,
    /// Whether the run promised anything that it judges, or did anything to which its promise applies; where not, it is valid and says
    /// nothing.
    #[serde(default = "asked", skip_serializing_if = "is_asked")]
    pub asked: bool,
    /// Why it is unknown, or what it found, a sentence each.
    pub reasons: Vec<String>,
}

fn asked() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_asked(asked: &bool) -> bool {
    *asked
}

/// All findings of one name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// How many there are.
    pub count: u64,
    /// The first of them, explained; at most [`CASES_MAX`].
    pub cases: Vec<Case>,
}

/// How many findings of one name are kept in full: the count goes on.
pub const CASES_MAX: usize = 1_000;

/// One finding with its evidence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// When it happened or began to, in nanoseconds of the history's clock.
    pub time: u64,
    /// The partition, by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// The partition, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// The offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<Offset>,
    /// The values in question.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
    /// The nodes in question: who acknowledged, who claimed to lead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeId>,
    /// The leader epoch or term in question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i32>,
    /// The operations in question, by their number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ops: Vec<u64>,
    /// The faults in force at that time, by their number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<u32>,
    /// The cycle, where the finding is one: what has to have happened before what, all the way round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycle: Option<Cycle>,
    /// The story in plain sentences, in order.
    pub story: Vec<String>,
}

/// Operations each of which must have happened before the next, and the last before the first: a contradiction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cycle {
    /// The operations, in the order of the cycle.
    pub operations: Vec<CycleOperation>,
    /// Why each came before the next: as many as operations, the last leading back to the first.
    pub edges: Vec<Edge>,
}

/// An operation of a cycle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CycleOperation {
    /// Its number in the history.
    pub op: u64,
    /// Who did it.
    pub process: u32,
    /// `ok`, `info` or `fail`.
    pub outcome: String,
    /// What it did, in short: `append x 5, read y [1 2]`.
    pub text: String,
    /// When it was invoked, in nanoseconds of the history's clock.
    pub invoked: u64,
    /// When it completed; `None` where it never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed: Option<u64>,
}

/// Why one operation came before another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// The operation that came first, by its number.
    pub from: u64,
    /// The one that came later.
    pub to: u64,
    /// The kind of dependency.
    pub rel: Rel,
    /// The key, as its history calls it, where the dependency is one of data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The reason in one plain sentence.
    pub because: String,
}

/// The kinds of dependency between operations, after Adya, "Weak Consistency" (1999), and Elle's process and
/// realtime orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rel {
    /// The second wrote the version that follows the first's.
    Ww,
    /// The second read what the first wrote.
    Wr,
    /// The second wrote the version that follows the one that the first read.
    Rw,
    /// One process did the first before the second.
    Process,
    /// The first had completed before the second was invoked.
    Realtime,
}

/// Counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Operations that were begun.
    pub operations: u64,
    /// Of these, transactions.
    #[serde(default)]
    pub transactions: u64,
    /// Writes begun, acknowledged, certainly failed, and of unknown outcome.
    pub writes: u64,
    /// Acknowledged writes.
    pub acknowledged: u64,
    /// Writes that certainly failed.
    pub failed: u64,
    /// Writes of which nobody knows.
    pub unknown: u64,
    /// Records that were read, final reads included.
    pub read: u64,
    /// Acknowledged writes that no client ever read and that are not proven lost.
    #[serde(default)]
    pub unseen: u64,
    /// Acknowledged writes that are lost.
    pub lost: u64,
    /// Faults injected.
    pub faults_injected: u64,
    /// Faults with evidence that they bit.
    pub faults_bitten: u64,
    /// Faults skipped, or gone wrong.
    pub faults_skipped: u64,
    /// Changes of a partition's leader that were observed.
    pub leader_changes: u64,
    /// Deposed leaders that went on claiming themselves after another broker had shown a newer epoch.
    #[serde(default)]
    pub deposed_leaders: u64,
    /// How long the most stubborn of them was seen to do so, in nanoseconds.
    #[serde(default)]
    pub deposed_longest: u64,
    /// Length of the history in nanoseconds.
    pub duration: u64,
    /// Dependencies among transactions.
    #[serde(default)]
    pub dependencies: u64,
    /// The weakest consistency models that a history of transactions refutes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not: Vec<String>,
    /// The strongest models, of the one that it was held to and those that this implies, that it does not refute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub possible: Vec<String>,
}

/// What is left out where it is nothing.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
pub(crate) fn is_zero(number: &u64) -> bool {
    *number == 0
}
