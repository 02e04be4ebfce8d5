//! Histories of transactions on lists and registers, judged as Elle judges them.
//!
//! One walk through the history takes down what transactions wrote and read. Then each key is worked through by
//! itself: what is wrong with its reads, and which transaction depends on which by it. The dependencies make a graph,
//! whose cycles are anomalies, and the consistency model that is asked for says which anomalies break it. A second
//! walk fetches what is to be told of the transactions in question.
//!
//! What certainly failed has no part in the graph. What may have happened has: where its writes were seen, it did
//! happen, and where they were not, nothing depends on it.

mod data;
mod explain;
mod found;
mod groups;
mod lists;
mod pairs;
mod registers;
mod tell;
mod txns;
mod verdict;
mod walk;
mod writes;

use history::{ReadError, Source};

use crate::anomaly;
use crate::consistency::Consistency;
use crate::cycles::{self, Edges, Graph};
use crate::judge::nothing_judged;
use crate::list::guarded;
use crate::options::{Model, Options};
use crate::verdict::{Rel, Verdict};
use data::Keys;
use found::{Finding, Found, Listener, Why};
use registers::{Assumptions, Clients};
use txns::{Outcome, TxnId, Txns};
use walk::Walk;
use writes::Write;

/// The name of this check in a verdict.
const CHECK: &str = "txn";
/// Transactions of one finding that are told.
const TOLD_MAX: usize = 8;
/// Threads that work through keys.
const THREADS: usize = 2;

/// Judges a history of transactions by a consistency model.
pub(crate) fn judge(source: &mut dyn Source, model: Model, options: &Options) -> Result<Verdict, ReadError> {
    let consistency = match asked(source, options) {
        Ok(consistency) => consistency,
        Err(reason) => return Ok(nothing_judged(model.name(), &reason)),
    };
    let judged = guarded(CHECK, || match model {
        Model::RwRegister => registers(source, consistency),
        Model::Kafka | Model::ListAppend => lists(source, consistency),
    });
    judged.unwrap_or_else(|reason| Ok(nothing_judged(model.name(), &reason)))
}

/// What a history is held to: whoever judges it says so, or else its header does.
pub(crate) fn asked(source: &dyn Source, options: &Options) -> Result<Consistency, String> {
    let named = source.header().expect.consistency.as_deref();
    match (options.consistency, named) {
        (Some(asked), _) => Ok(asked),
        (None, None) => Ok(Consistency::default()),
        (None, Some(name)) => name
            .parse()
            .map_err(|error| format!("the history's header asks for `{name}`: {error}")),
    }
}

fn lists(source: &mut dyn Source, consistency: Consistency) -> Result<Verdict, ReadError> {
    let mut collector = lists::Collector::new(consistency);
    let mut walk = Walk::through(source, &mut collector)?;
    walk.txns.count_doubtful(consistency.forbids(anomaly::G1A));
    let mut lists = collector.close(&walk.txns);
    let found = std::mem::take(&mut lists.found);
    let misfits = walk.misfits + lists.misfits;
    conclude(
        source,
        &lists,
        &walk,
        &Question::new(Model::ListAppend, consistency, misfits),
        found,
    )
}

fn registers(source: &mut dyn Source, consistency: Consistency) -> Result<Verdict, ReadError> {
    let mut collector = registers::Collector::default();
    let mut walk = Walk::through(source, &mut collector)?;
    walk.txns.count_doubtful(consistency.forbids(anomaly::G1A));
    let mut question = Question::new(Model::RwRegister, consistency, walk.misfits);
    let mut registers = collector.close(question.assumptions, &walk.txns);
    let found = std::mem::take(&mut registers.found);
    question.misfits += registers.misfits;
    conclude(source, &registers, &walk, &question, found)
}

/// What is asked of a history.
struct Question {
    model: Model,
    consistency: Consistency,
    /// The order of clients that the consistency model speaks of.
    clients: Option<Clients>,
    assumptions: Assumptions,
    /// Steps that the model does not know.
    misfits: u64,
}

impl Question {
    fn new(model: Model, consistency: Consistency, misfits: u64) -> Self {
        let clients = if consistency.forbids(anomaly::G0_REALTIME) {
            Some(Clients::Realtime)
        } else if consistency.forbids(anomaly::G0_PROCESS) {
            Some(Clients::Process)
        } else {
            None
        };
        Self {
            model,
            consistency,
            clients,
            assumptions: Assumptions::of(consistency, clients),
            misfits,
        }
    }
}

/// A history after the first walk, key by key.
trait History: Sync {
    /// Its keys.
    fn keys(&self) -> &Keys;

    /// How much is known of the keys before this one together.
    fn weight_before(&self, key: u32) -> u64;

    /// Works through some keys and says what follows.
    fn analyse(&self, keys: &mut dyn Iterator<Item = u32>, txns: &Txns, listener: &mut impl Listener);

    /// Whether any of some transactions has to do with a key.
    fn touches(&self, key: u32, any: &dyn Fn(TxnId) -> bool) -> bool;

    /// How much was written and read.
    fn counts(&self, txns: &Txns) -> Counts;
}

/// How much was written, by what became of it, and read.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    writes: u64,
    acknowledged: u64,
    failed: u64,
    unknown: u64,
    read: u64,
}

impl Counts {
    fn of(writes: &[Write], read: usize, txns: &Txns) -> Self {
        let mut counts = Self {
            writes: writes.len() as u64,
            read: read as u64,
            ..Self::default()
        };
        for write in writes {
            let count = match txns.outcome(write.writer()) {
                Outcome::Ok => &mut counts.acknowledged,
                Outcome::Fail => &mut counts.failed,
                Outcome::Info | Outcome::Open => &mut counts.unknown,
            };
            *count += 1;
        }
        counts
    }
}

fn conclude(
    source: &mut dyn Source,
    history: &impl History,
    walk: &Walk,
    question: &Question,
    found: Found,
) -> Result<Verdict, ReadError> {
    if walk.too_many {
        let reason = format!("more than {} transactions cannot be judged", cycles::VERTICES_MAX);
        return Ok(nothing_judged(question.model.name(), &reason));
    }
    let txns = &walk.txns;
    let (dependencies, found) = search(history, txns, question, found);
    let told = explain::explain(source, history, txns, &found)?;
    let names = source.names();
    let teller = tell::Teller::new(history.keys(), txns, &told, names);
    Ok(verdict::verdict(
        question,
        history,
        walk,
        dependencies,
        &found,
        &teller,
    ))
}

/// Finds everything that is wrong. Also returns how many dependencies there are.
fn search(history: &impl History, txns: &Txns, question: &Question, found: Found) -> (u64, Found) {
    let (mut lists, mut found) = dependencies(history, txns, found);
    if question.clients == Some(Clients::Process) {
        let mut process = Edges::default();
        process.add_process_order(txns.processes());
        lists.push(process);
    }
    let graph = Graph::new(txns.vertices(), lists);
    let realtime = question.clients == Some(Clients::Realtime);
    if graph.edges() == 0 && !(realtime && txns.any_in_order()) {
        found.add(Finding::NoGraph);
    }
    let cycles = cycles::search(&graph, realtime.then(|| txns.times()).as_ref());
    for ring in cycles.rings {
        found.add(Finding::Cycle(ring));
    }
    for kind in cycles::Kind::all() {
        let name = kind.name(cycles::Naming::Item);
        let told = found.names.get(name).map_or(0, |kept| kept.count);
        found.count(name, cycles.counts[kind.index()] - told);
    }
    for timeout in cycles.timeouts {
        if question
            .consistency
            .forbids(timeout.kind.name(cycles::Naming::Item))
        {
            found.add(Finding::Timeout(timeout));
        }
    }
    (graph.edges(), found)
}

/// Works through all keys, with both cores.
fn dependencies(history: &impl History, txns: &Txns, found: Found) -> (Vec<Edges>, Found) {
    let keys = history.keys().len() as u32;
    let half = history.weight_before(keys) / THREADS as u64;
    let (mut low, mut high) = (0, keys);
    while low < high {
        let middle = low.midpoint(high);
        if history.weight_before(middle) < half {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let work = |keys: std::ops::Range<u32>| {
        let mut gatherer = Gatherer {
            txns,
            edges: Edges::default(),
            found: Found::default(),
        };
        history.analyse(&mut keys.into_iter(), txns, &mut gatherer);
        (gatherer.edges, gatherer.found)
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| work(low..keys));
        let (edges, one) = work(0..low);
        match other.join() {
            Ok((more, other)) => (vec![edges, more], found.and(one).and(other)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Gathers dependencies and findings.
struct Gatherer<'t> {
    txns: &'t Txns,
    edges: Edges,
    found: Found,
}

impl Listener for Gatherer<'_> {
    fn key(&mut self, _: u32) {}

    fn edge(&mut self, from: TxnId, to: TxnId, rel: Rel, _: impl FnOnce() -> Why) {
        self.edges.add(self.txns.vertex(from), self.txns.vertex(to), rel);
    }

    fn found(&mut self) -> &mut Found {
        &mut self.found
    }
}
