//! Fetches what is to be told of what was found: the reason of each step of a cycle, and what the transactions in
//! question did.

use std::collections::{BTreeMap, BTreeSet};

use history::{Mop, ReadError, Seen, Source, Value};

use super::History;
use super::found::{Brief, Finding, Found, Listener, Source as From, State, Why};
use super::txns::{Outcome, TxnId, Txns};
use super::walk::{Line, Scribe, Walk};
use super::writes::Announced;
use crate::cycles::Ring;
use crate::verdict::Rel;

/// Steps of all cycles together that are told.
const STEPS_MAX: usize = 50_000;
/// Steps of one transaction that are told.
const MOPS_MAX: usize = 12;

/// What is told of a transaction.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) op: u64,
    pub(super) process: u32,
    pub(super) outcome: Outcome,
    pub(super) invoked: u64,
    pub(super) completed: Option<u64>,
    pub(super) mops: Vec<Shown>,
    /// How many more steps it has.
    pub(super) more: usize,
}

/// A step of a transaction, with raw keys.
#[derive(Clone, Debug)]
pub(super) enum Shown {
    Append(history::Key, Value),
    Write(history::Key, Value),
    /// `None` where nobody knows what was read.
    Read(history::Key, Option<State>),
    Other,
}

/// A step of a cycle: from whom to whom, and of which kind.
pub(super) type Edge = (TxnId, TxnId, Rel);

/// All that is told.
#[derive(Debug, Default)]
pub(super) struct Explained {
    pub(super) txns: BTreeMap<TxnId, Told>,
    /// By step its key and its reason.
    pub(super) reasons: BTreeMap<Edge, Option<(u32, Why)>>,
}

/// Fetches what is to be told.
pub(super) fn explain(
    source: &mut dyn Source,
    history: &impl History,
    txns: &Txns,
    found: &Found,
) -> Result<Explained, ReadError> {
    let mut wanted = Wanted::default();
    let findings = found.names.values().flat_map(|kept| &kept.first);
    for finding in findings {
        wanted.finding(finding, txns);
    }
    if !wanted.reasons.is_empty() {
        reasons(history, txns, &mut wanted);
    }
    if wanted.txns.is_empty() {
        return Ok(Explained::default());
    }
    let mut in_question = vec![false; txns.len()];
    for txn in &wanted.txns {
        in_question[*txn as usize] = true;
    }
    let mut fetcher = Fetcher {
        left: wanted.txns.len(),
        wanted: &in_question,
        told: BTreeMap::new(),
    };
    let may_be = |op| {
        let txn = txns.numbered(op);
        txn.is_none_or(|txn| in_question.get(txn as usize) == Some(&true))
    };
    Walk::through_again(source, &may_be, &mut fetcher)?;
    Ok(Explained {
        txns: fetcher.told,
        reasons: wanted.reasons,
    })
}

/// What is to be fetched.
#[derive(Default)]
struct Wanted {
    txns: BTreeSet<TxnId>,
    reasons: BTreeMap<Edge, Option<(u32, Why)>>,
    steps: usize,
}

impl Wanted {
    fn finding(&mut self, finding: &Finding, txns: &Txns) {
        match finding {
            Finding::Read(read) => self.txns.extend(read.writer.iter().chain([&read.reader])),
            Finding::IncompatibleOrder { longest, other, .. } => self.txns.extend([longest.0, other.0]),
            Finding::DirtyUpdate { failed, then, .. } => self.txns.extend([failed.0, then.0]),
            Finding::LostUpdate { txns, .. } => self.txns.extend(txns),
            Finding::Internal { txn, .. } => {
                self.txns.insert(*txn);
            }
            Finding::DuplicateWrites { one, other, .. } => self.txns.extend([one, other]),
            Finding::CyclicVersions { versions, .. } => {
                for (_, source) in versions {
                    self.source(*source);
                }
            }
            Finding::Cycle(ring) => self.ring(ring, txns),
            Finding::Timeout(timeout) => {
                self.txns.insert(txns.of(timeout.first));
            }
            Finding::NoGraph => {}
        }
    }

    fn ring(&mut self, ring: &Ring, txns: &Txns) {
        if self.steps + ring.steps.len() > STEPS_MAX {
            return;
        }
        self.steps += ring.steps.len();
        for step in &ring.steps {
            let (from, to) = (txns.of(step.from), txns.of(step.to));
            self.txns.insert(from);
            if !matches!(step.rel, Rel::Process | Rel::Realtime) {
                self.reasons.insert((from, to, step.rel), None);
            }
        }
    }

    fn source(&mut self, source: From) {
        match source {
            From::Initial | From::Unread => {}
            From::Within(txn) | From::Wrote(txn) | From::Shown(txn) => {
                self.txns.insert(txn);
            }
            From::Process(one, other) | From::Realtime(one, other) => self.txns.extend([one, other]),
        }
    }
}

/// Infers the dependencies in question again, this time with their reasons.
fn reasons(history: &impl History, txns: &Txns, wanted: &mut Wanted) {
    let mut in_question = vec![false; txns.len()];
    for (from, to, _) in wanted.reasons.keys() {
        in_question[*from as usize] = true;
        in_question[*to as usize] = true;
    }
    let any = |txn: TxnId| in_question[txn as usize];
    let mut keys = (0..history.keys().len() as u32).filter(|key| history.touches(*key, &any));
    let mut reasoner = Reasoner {
        in_question: &in_question,
        key: 0,
        reasons: &mut wanted.reasons,
        found: Found::default(),
    };
    history.analyse(&mut keys, txns, &mut reasoner);
    let sources: Vec<From> = wanted
        .reasons
        .values()
        .flatten()
        .filter_map(|(_, why)| why.source())
        .collect();
    for source in sources {
        wanted.source(source);
    }
}

struct Reasoner<'r> {
    in_question: &'r [bool],
    key: u32,
    reasons: &'r mut BTreeMap<Edge, Option<(u32, Why)>>,
    found: Found,
}

impl Listener for Reasoner<'_> {
    fn key(&mut self, key: u32) {
        self.key = key;
        // What is wrong with a key is known already.
        self.found = Found::default();
    }

    fn edge(&mut self, from: TxnId, to: TxnId, rel: Rel, why: impl FnOnce() -> Why) {
        if !self.in_question[from as usize] || !self.in_question[to as usize] {
            return;
        }
        if let Some(reason @ None) = self.reasons.get_mut(&(from, to, rel)) {
            *reason = Some((self.key, why()));
        }
    }

    fn found(&mut self) -> &mut Found {
        &mut self.found
    }
}

/// Takes down what some transactions did.
struct Fetcher<'w> {
    wanted: &'w [bool],
    told: BTreeMap<TxnId, Told>,
    /// How many of them have not completed yet.
    left: usize,
}

impl Scribe for Fetcher<'_> {
    fn invoke(&mut self, txn: TxnId, line: Line<'_>) -> Announced {
        if self.wanted.get(txn as usize) == Some(&true) {
            let told = Told {
                op: line.op.op,
                process: line.op.process,
                outcome: Outcome::Open,
                invoked: line.time,
                completed: None,
                mops: shown(line.mops, Outcome::Open),
                more: line.mops.len().saturating_sub(MOPS_MAX),
            };
            self.told.insert(txn, told);
        }
        Announced::default()
    }

    fn complete(&mut self, txn: TxnId, outcome: Outcome, line: Line<'_>, _: Announced) {
        if self.wanted.get(txn as usize) != Some(&true) {
            return;
        }
        if let Some(told) = self.told.get_mut(&txn) {
            told.outcome = outcome;
            told.completed = Some(line.time);
            told.mops = shown(line.mops, outcome);
            told.more = line.mops.len().saturating_sub(MOPS_MAX);
            self.left -= 1;
        }
    }

    fn is_done(&self) -> bool {
        self.left == 0
    }
}

fn shown(mops: &[Mop], outcome: Outcome) -> Vec<Shown> {
    let shown = mops.iter().take(MOPS_MAX).map(|mop| match mop {
        Mop::Append(key, value) => Shown::Append(*key, *value),
        Mop::Write(key, value) => Shown::Write(*key, *value),
        Mop::Read(key, Seen::List(values)) => Shown::Read(*key, Some(State::List(Brief::of(values)))),
        Mop::Read(key, Seen::One(value)) => Shown::Read(*key, Some(State::Register(Some(*value)))),
        Mop::Read(key, Seen::Nothing) if outcome == Outcome::Ok => {
            Shown::Read(*key, Some(State::Register(None)))
        }
        Mop::Read(key, Seen::Nothing) => Shown::Read(*key, None),
        Mop::Send(_) | Mop::Poll(_) => Shown::Other,
    });
    shown.collect()
}
