//! The order of a register's versions, as far as it can be known.

use history::Value;

use super::Touch;
use crate::anomaly;
use crate::consistency::Consistency;
use crate::cycles::{Components, Digraph};
use crate::txn::found::Source;
use crate::txn::txns::{TxnId, Txns};

/// A version of a register: 0 is the initial state, others are one more than the place of their write.
pub(super) type Version = u32;
/// The initial state.
pub(super) const INITIAL: Version = 0;

/// Whose order versions are taken to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::txn) enum Clients {
    /// That of each process.
    Process,
    /// That of real time.
    Realtime,
}

/// From what the order of versions is inferred. Nothing is assumed whose contrary would not break the consistency
/// model that is asked for.
///
/// - Nothing comes before the initial state.
/// - A transaction that read one version and then wrote another wrote a later one. The contrary is a G1c: it would
///   depend on a write that overwrites its own.
/// - Of two transactions of which one comes first for their clients, the later one comes upon no earlier version. The
///   contrary is a G-single of that client order, where the later one only reads, and a G0 where both write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::txn) struct Assumptions {
    within: bool,
    clients: Option<(Clients, Assumed)>,
}

/// Of which transactions a client order is taken to order the versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assumed {
    /// Of those that write.
    Writes,
    /// Of all.
    All,
}

impl Assumptions {
    /// What a model permits to assume.
    pub(in crate::txn) fn of(consistency: Consistency, clients: Option<Clients>) -> Self {
        let (all, writes) = match clients {
            Some(Clients::Process) => (anomaly::G_SINGLE_ITEM_PROCESS, anomaly::G0_PROCESS),
            Some(Clients::Realtime) => (anomaly::G_SINGLE_ITEM_REALTIME, anomaly::G0_REALTIME),
            None => ("", ""),
        };
        let assumed = match (consistency.forbids(all), consistency.forbids(writes)) {
            (true, _) => Some(Assumed::All),
            (false, true) => Some(Assumed::Writes),
            (false, false) => None,
        };
        Self {
            within: consistency.forbids(anomaly::G1C),
            clients: clients.zip(assumed),
        }
    }

    /// Whose order versions are taken to follow.
    pub(in crate::txn) fn clients(self) -> Option<Clients> {
        self.clients.map(|(clients, _)| clients)
    }
}

/// One version comes before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Before {
    pub(super) from: Version,
    pub(super) to: Version,
    pub(super) source: Source,
}

/// Steps of going through what overlaps, for each touch and for each key.
const OVERLAP_EACH: usize = 256;
const OVERLAP_MIN: usize = 1 << 16;

/// What is known of the order of one key's versions.
#[derive(Default)]
pub(super) struct Versions {
    /// Without repetition, in order, and without circles once [`Versions::circles`] has been called.
    pub(super) edges: Vec<Before>,
    /// An edge to the initial state, which cannot be.
    pub(super) to_initial: Option<Before>,
    /// Operations that overlap so many others that what orders them was not gone through.
    pub(super) left_out: u64,
    components: Components,
    moments: Vec<(u32, Moment)>,
}

/// What happens at a place of the history.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// A transaction came upon a version, and is over.
    Left(TxnId, Version),
    /// A transaction is to come upon a version.
    Entered(TxnId, Version),
}

/// A touch with the versions that it came upon, where those are known.
pub(super) struct Known {
    pub(super) txn: TxnId,
    pub(super) read: Option<Version>,
    pub(super) wrote: Option<Version>,
}

impl Known {
    /// What a touch came upon.
    pub(super) fn of(touch: Touch, version: impl Fn(Value) -> Option<Version>) -> Self {
        let initial = touch.reads_initial().then_some(INITIAL);
        Self {
            txn: touch.txn(),
            read: initial.or_else(|| touch.read().and_then(&version)),
            wrote: touch.wrote().and_then(version),
        }
    }
}

impl Versions {
    /// Goes on to another key.
    pub(super) fn clear(&mut self) {
        self.edges.clear();
        self.moments.clear();
        self.to_initial = None;
        self.left_out = 0;
    }

    /// Works out what the transactions of a key tell. `in_doubt` are the writes of those that may have happened.
    pub(super) fn infer(
        &mut self,
        known: &[Known],
        in_doubt: &[(TxnId, Version)],
        assumptions: Assumptions,
        txns: &Txns,
    ) {
        if assumptions.within {
            for touch in known {
                if let (Some(from), Some(to)) = (touch.read, touch.wrote) {
                    self.add(from, to, Source::Within(touch.txn));
                }
            }
        }
        match assumptions.clients {
            Some((Clients::Realtime, assumed)) => self.realtime(known, in_doubt, assumed, txns),
            Some((Clients::Process, assumed)) => self.process(known, assumed, txns),
            None => {}
        }
        self.edges.sort_unstable();
        self.edges.dedup_by_key(|edge| (edge.from, edge.to));
    }

    fn add(&mut self, from: Version, to: Version, source: Source) {
        let edge = Before { from, to, source };
        if from == to || from == INITIAL {
            // Nothing is told by that.
        } else if to == INITIAL {
            self.to_initial.get_or_insert(edge);
        } else {
            self.edges.push(edge);
        }
    }

    fn process(&mut self, known: &[Known], assumed: Assumed, txns: &Txns) {
        let mut order: Vec<(u32, u32, &Known)> = known
            .iter()
            .filter(|touch| touch.last(assumed).is_some())
            .map(|touch| (txns.process(touch.txn), txns.completed(touch.txn), touch))
            .collect();
        order.sort_unstable_by_key(|(process, completed, _)| (*process, *completed));
        for pair in order.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            let (one, other) = (pair[0].2, pair[1].2);
            if let (Some(from), Some(to)) = (one.last(assumed), other.first(assumed)) {
                self.add(from, to, Source::Process(one.txn, other.txn));
            }
        }
    }

    /// Goes through the history once, with those that were over and that no later one which was over had followed.
    fn realtime(&mut self, known: &[Known], in_doubt: &[(TxnId, Version)], assumed: Assumed, txns: &Txns) {
        let mut moments = std::mem::take(&mut self.moments);
        for touch in known {
            let first = touch
                .first(assumed)
                .map(|version| Moment::Entered(touch.txn, version));
            let last = touch
                .last(assumed)
                .map(|version| Moment::Left(touch.txn, version));
            moments.extend(first.map(|moment| (txns.invoked(touch.txn), moment)));
            moments.extend(last.map(|moment| (txns.completed(touch.txn), moment)));
        }
        for (txn, version) in in_doubt {
            moments.push((txns.invoked(*txn), Moment::Entered(*txn, *version)));
        }
        moments.sort_unstable();
        let mut latest: Vec<(TxnId, Version)> = Vec::new();
        let mut steps = OVERLAP_MIN + OVERLAP_EACH * moments.len();
        for (_, moment) in &moments {
            if steps < latest.len() {
                self.left_out += 1;
                latest.clear();
            }
            steps -= latest.len();
            match *moment {
                Moment::Entered(txn, to) => {
                    let mut told = to;
                    for (before, from) in &latest {
                        if *from != told && *from != to {
                            told = *from;
                            self.add(*from, to, Source::Realtime(*before, txn));
                        }
                    }
                }
                Moment::Left(txn, version) => {
                    latest.retain(|(before, _)| txns.completed(*before) > txns.invoked(txn));
                    latest.push((txn, version));
                }
            }
        }
        moments.clear();
        self.moments = moments;
    }

    /// Takes out circles, and shows the edges of one of each.
    pub(super) fn circles(&mut self, versions: usize, mut show: impl FnMut(&[Before])) {
        if self.edges.is_empty() {
            return;
        }
        let mut dropped: Vec<u32> = Vec::new();
        for round in 0..2 {
            let mut components = std::mem::take(&mut self.components);
            let mut count = 0;
            components.each(&self.digraph(versions), |members| {
                count += 1;
                dropped.resize(versions, 0);
                for member in members {
                    dropped[*member as usize] = count;
                }
                if round == 0 {
                    show(&circle(&self.edges, &dropped, count));
                }
            });
            self.components = components;
            if count == 0 {
                return;
            }
            // What one transaction did is kept, as far as that does not go in a circle by itself.
            self.edges.retain(|edge| {
                let component = dropped[edge.from as usize];
                component == 0
                    || component != dropped[edge.to as usize]
                    || round == 0 && matches!(edge.source, Source::Within(_))
            });
            dropped.clear();
        }
    }

    fn digraph(&self, versions: usize) -> Adjacent<'_> {
        let mut starts = vec![0; versions + 1];
        for edge in &self.edges {
            starts[edge.from as usize + 1] += 1;
        }
        for version in 1..starts.len() {
            starts[version] += starts[version - 1];
        }
        Adjacent {
            edges: &self.edges,
            starts,
        }
    }
}

impl Known {
    /// The version that others' are not to come after: the first that it came upon.
    fn first(&self, assumed: Assumed) -> Option<Version> {
        match assumed {
            Assumed::All => self.read.or(self.wrote),
            Assumed::Writes => self.wrote,
        }
    }

    /// The version that others' are not to come before: the last that it came upon.
    fn last(&self, assumed: Assumed) -> Option<Version> {
        match assumed {
            Assumed::All => self.wrote.or(self.read),
            Assumed::Writes => self.wrote,
        }
    }
}

/// Edges in order as a graph.
struct Adjacent<'e> {
    edges: &'e [Before],
    starts: Vec<u32>,
}

impl Digraph for Adjacent<'_> {
    fn vertices(&self) -> usize {
        self.starts.len() - 1
    }

    fn edges(&self, vertex: u32) -> std::ops::Range<u32> {
        self.starts[vertex as usize]..self.starts[vertex as usize + 1]
    }

    fn target(&self, _: u32, edge: u32) -> Option<u32> {
        Some(self.edges[edge as usize].to)
    }
}

/// The edges of a shortest circle through the first version of a component.
fn circle(edges: &[Before], component_of: &[u32], component: u32) -> Vec<Before> {
    let within = |version: Version| component_of[version as usize] == component;
    let from = |version: Version| {
        let first = edges.partition_point(|edge| edge.from < version);
        edges[first..].iter().take_while(move |edge| edge.from == version)
    };
    let start = component_of.iter().position(|other| *other == component);
    let start = start.expect("a component has members") as Version;
    let mut came: Vec<Option<Before>> = vec![None; component_of.len()];
    let mut queue = vec![start];
    let mut head = 0;
    while came[start as usize].is_none() {
        let version = queue[head];
        head += 1;
        for edge in from(version).filter(|edge| within(edge.to)) {
            if came[edge.to as usize].is_none() {
                came[edge.to as usize] = Some(*edge);
                queue.push(edge.to);
            }
        }
    }
    let mut way = Vec::new();
    let mut version = start;
    while way.is_empty() || version != start {
        let edge = came[version as usize].expect("an edge that leads back");
        way.push(edge);
        version = edge.from;
    }
    way.reverse();
    way
}
