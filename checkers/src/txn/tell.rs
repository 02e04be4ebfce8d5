//! Findings as cases: data, and the story in plain sentences.

mod because;
mod words;

use history::{Names, Value};

use super::data::Keys;
use super::explain::{Explained, Told};
use super::found::{BadRead, Brief, Finding, Source, State, Why, Wrong};
use super::txns::{Outcome, TxnId, Txns};
use crate::cycles::{Naming, Ring, Timeout};
use crate::text;
use crate::verdict::{Case, Cycle, CycleOperation, Edge, Rel};

/// More operations than this are not named one by one in a sentence.
const NAMED_MAX: usize = 8;

/// Tells of findings.
pub(super) struct Teller<'t> {
    keys: &'t Keys,
    txns: &'t Txns,
    explained: &'t Explained,
    names: &'t Names,
}

impl<'t> Teller<'t> {
    pub(super) fn new(keys: &'t Keys, txns: &'t Txns, explained: &'t Explained, names: &'t Names) -> Self {
        Self {
            keys,
            txns,
            explained,
            names,
        }
    }

    /// Whether the order of two registers' versions that a cycle goes by may be known from the order of clients alone.
    pub(super) fn rests_on_clients(&self, ring: &Ring) -> bool {
        ring.steps.iter().any(|step| {
            let edge = (self.txns.of(step.from), self.txns.of(step.to), step.rel);
            match (step.rel, self.explained.reasons.get(&edge)) {
                (Rel::Wr | Rel::Process | Rel::Realtime, _) => false,
                (_, Some(Some((_, Why::Earlier { source, .. } | Why::Later { source, .. })))) => {
                    matches!(source, Source::Process(..) | Source::Realtime(..))
                }
                _ => true,
            }
        })
    }

    /// A finding as a case.
    pub(super) fn case(&self, finding: &Finding) -> Case {
        match finding {
            Finding::Read(read) => self.read(*read),
            Finding::Internal {
                txn,
                key,
                read,
                expected,
            } => self.internal(*txn, *key, read, expected),
            Finding::IncompatibleOrder { key, longest, other } => self.incompatible(*key, longest, other),
            Finding::DirtyUpdate { key, failed, then } => self.dirty(*key, *failed, *then),
            Finding::LostUpdate {
                key,
                read,
                txns,
                count,
            } => self.lost(*key, read, txns, *count),
            Finding::DuplicateWrites {
                key,
                value,
                one,
                other,
            } => self.duplicate(*key, *value, *one, *other),
            Finding::CyclicVersions { key, versions } => self.versions(*key, versions),
            Finding::Cycle(ring) => self.ring(ring),
            Finding::Timeout(timeout) => self.timeout(timeout),
            Finding::NoGraph => Case {
                story: vec!["No transaction read or followed what another one wrote.".to_owned()],
                ..Case::default()
            },
        }
    }

    /// What one read should not have shown.
    fn read(&self, read: BadRead) -> Case {
        let reader = self.op(read.reader);
        let writer = read
            .writer
            .map_or_else(String::new, |writer| self.op_inside(writer));
        let (key, value) = (self.key(read.key), self.value(read.value));
        let sentence = match read.wrong {
            Wrong::Aborted => format!(
                "{reader} read {value} from {key} and is committed; but {writer}, which had written it, failed."
            ),
            Wrong::Intermediate => format!(
                "{reader} read {value} as the state of {key}, which {writer} had only on its way: it wrote the key \
                 again later."
            ),
            Wrong::Garbage => {
                format!("{reader} read {value} from {key}, and nobody ever wrote that there.")
            }
            Wrong::Unobservable => format!(
                "{reader} read {value} from {key} and was over before {writer}, which wrote it, had begun."
            ),
            Wrong::Twice => format!("{reader} read {key} with {value} twice, which was appended once."),
            Wrong::Future => format!("{reader} read {value} from {key} and wrote it only afterwards."),
        };
        let txns: Vec<TxnId> = [Some(read.reader), read.writer].into_iter().flatten().collect();
        self.case_of(read.key, Some(read.value), &txns, vec![sentence])
    }

    fn internal(&self, txn: TxnId, key: u32, read: &State, expected: &State) -> Case {
        let sentence = format!(
            "{} read {} as {}, though after its own steps before it was to be {}.",
            self.op(txn),
            self.key(key),
            self.state(read),
            self.state(expected)
        );
        self.case_of(key, None, &[txn], vec![sentence])
    }

    fn incompatible(&self, key: u32, longest: &(TxnId, Brief), other: &(TxnId, Brief)) -> Case {
        let state = |brief: &Brief| self.state(&State::List(brief.clone()));
        let sentence = format!(
            "{} read {} as {}, and {} read it as {}: neither continues the other.",
            self.op(longest.0),
            self.key(key),
            state(&longest.1),
            self.op_inside(other.0),
            state(&other.1)
        );
        self.case_of(key, None, &[longest.0, other.0], vec![sentence])
    }

    fn dirty(&self, key: u32, failed: (TxnId, Value), then: (TxnId, Value)) -> Case {
        let sentence = format!(
            "{} failed, and yet the {} that it appended to {} stayed, and {}, which is committed, appended {} behind it.",
            self.op(failed.0),
            self.value(failed.1),
            self.key(key),
            self.op_inside(then.0),
            self.value(then.1)
        );
        let mut case = self.case_of(key, Some(failed.1), &[failed.0, then.0], vec![sentence]);
        case.values.push(then.1);
        case
    }

    fn lost(&self, key: u32, read: &State, txns: &[TxnId], count: usize) -> Case {
        let sentence = format!(
            "{} each read {} as {} and then wrote it: all but one of these writes were made without seeing the others.",
            self.ops(txns, count),
            self.key(key),
            self.state(read)
        );
        let value = match read {
            State::Register(value) => *value,
            State::List(brief) | State::Ending(brief) => brief.tail.last().copied(),
        };
        self.case_of(key, value, txns, vec![sentence])
    }

    fn duplicate(&self, key: u32, value: Value, one: TxnId, other: TxnId) -> Case {
        let (name, value_name) = (self.key(key), self.value(value));
        let sentence = if one == other {
            format!("{} wrote {value_name} to {name} twice.", self.op(one))
        } else {
            format!(
                "{} and {} both wrote {value_name} to {name}.",
                self.op(one),
                self.op_inside(other)
            )
        };
        self.case_of(key, Some(value), &[one, other], vec![sentence])
    }

    fn versions(&self, key: u32, versions: &[(Option<Value>, Source)]) -> Case {
        let name = self.key(key);
        let mut story = vec![format!(
            "The versions of {name} come before each other in a circle."
        )];
        let mut txns = Vec::new();
        let next = versions.iter().cycle().skip(1);
        for ((version, source), (next, _)) in versions.iter().zip(next) {
            let first = version.map_or_else(|| "The initial state".to_owned(), |value| self.value(value));
            story.push(format!(
                "{first} comes before {}: {}.",
                self.version(*next),
                self.source(*source, *version, *next, &[])
            ));
            match *source {
                Source::Initial | Source::Unread => {}
                Source::Within(txn) | Source::Wrote(txn) | Source::Shown(txn) => txns.push(txn),
                Source::Process(one, other) | Source::Realtime(one, other) => txns.extend([one, other]),
            }
        }
        txns.sort_unstable();
        txns.dedup();
        let mut case = self.case_of(key, None, &txns, story);
        case.values = versions.iter().filter_map(|(version, _)| *version).collect();
        case
    }

    fn timeout(&self, timeout: &Timeout) -> Case {
        let first = self.txns.of(timeout.first);
        let name = timeout.kind.name(Naming::Item);
        let sentence = format!(
            "Among {} that depend on each other in circles, from {} on, not every circle was looked at that could be {name}.",
            text::count(timeout.size as u64, "operation"),
            self.op_inside(first)
        );
        self.case_with(&[first], vec![sentence])
    }

    fn ring(&self, ring: &Ring) -> Case {
        let txns: Vec<TxnId> = ring.steps.iter().map(|step| self.txns.of(step.from)).collect();
        if txns.iter().any(|txn| !self.explained.txns.contains_key(txn)) {
            let sentence = format!(
                "{} depend on each other in one circle, too many to be told.",
                text::count(txns.len() as u64, "operation")
            );
            return self.case_with(&[], vec![sentence]);
        }
        let rels = ring.steps.iter().map(|step| step.rel);
        let pairs = txns.iter().copied().zip(txns.iter().copied().cycle().skip(1));
        let edges = pairs.zip(rels).map(|((from, to), rel)| {
            let (key, because) = self.because((from, to, rel), &txns);
            Edge {
                from: self.told(from).map_or(0, |told| told.op),
                to: self.told(to).map_or(0, |told| told.op),
                rel,
                key,
                because,
            }
        });
        let edges: Vec<Edge> = edges.collect();
        let mut story = vec![self.round(&txns)];
        story.extend(edges.iter().map(|edge| edge.because.clone()));
        let mut case = self.case_with(&txns, story);
        let operations = txns.iter().filter_map(|txn| self.operation(*txn)).collect();
        case.cycle = Some(Cycle { operations, edges });
        case
    }

    /// What a cycle comes to.
    fn round(&self, txns: &[TxnId]) -> String {
        let named = txns.iter().enumerate().take(NAMED_MAX);
        let mut named: Vec<String> = named
            .map(|(place, txn)| format!("T{} ({})", place + 1, self.op_inside(*txn)))
            .collect();
        if txns.len() > NAMED_MAX {
            named.push(text::count((txns.len() - NAMED_MAX) as u64, "more operation"));
        }
        let circle = if txns.len() == 2 {
            "each came before the other"
        } else {
            "came before each other in a circle"
        };
        format!("{} {circle}.", text::list(&named))
    }

    fn operation(&self, txn: TxnId) -> Option<CycleOperation> {
        let told = self.told(txn)?;
        Some(CycleOperation {
            op: told.op,
            process: told.process,
            outcome: outcome(told.outcome).to_owned(),
            text: self.mops(told),
            invoked: told.invoked,
            completed: told.completed,
        })
    }

    fn case_of(&self, key: u32, value: Option<Value>, txns: &[TxnId], story: Vec<String>) -> Case {
        Case {
            key: Some(self.keys.key(key)),
            partition: Some(self.key(key)),
            values: value.into_iter().collect(),
            ..self.case_with(txns, self.with_operations(txns, story))
        }
    }

    /// A story, and after it what each of its operations did.
    fn with_operations(&self, txns: &[TxnId], mut story: Vec<String>) -> Vec<String> {
        for (place, txn) in txns.iter().enumerate() {
            if let Some(told) = self.told(*txn).filter(|_| !txns[..place].contains(txn)) {
                story.push(format!(
                    "{} of process {} ({}): {}.",
                    self.op(*txn),
                    told.process,
                    outcome(told.outcome),
                    self.mops(told)
                ));
            }
        }
        story
    }

    /// A case of some operations, at the time at which the last of them was over.
    fn case_with(&self, txns: &[TxnId], story: Vec<String>) -> Case {
        let mut told: Vec<(u64, &Told)> = Vec::new();
        for (place, txn) in txns.iter().enumerate() {
            if !txns[..place.min(NAMED_MAX)].contains(txn) {
                told.extend(self.told(*txn).map(|told| (told.op, told)));
            }
        }
        let times = told
            .iter()
            .map(|(_, told)| told.completed.unwrap_or(told.invoked));
        Case {
            time: times.max().unwrap_or(0),
            ops: told.iter().map(|(op, _)| *op).collect(),
            story,
            ..Case::default()
        }
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Fail => "fail",
        Outcome::Info | Outcome::Open => "info",
    }
}
