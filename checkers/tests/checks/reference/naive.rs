//! Jepsen's definitions, word for word, over plain maps; where the reference is wrong, the right rule.

use std::collections::{BTreeMap, BTreeSet};

use checkers::{Options, SubVia};
use history::{F, History, Key, Mop, Op, Record, Send, What};

type Offset = i64;
type Value = u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Ok,
    Fail,
    /// Completed so, or never completed.
    Info,
}

/// An operation with its completion.
struct Operation {
    process: u32,
    f: F,
    outcome: Outcome,
    invoked: usize,
    completed: Option<usize>,
    sends: Vec<Send>,
    reads: Vec<Record>,
    rebalanced: Vec<Key>,
}

pub struct Naive {
    ops: Vec<Operation>,
    options: Options,
    /// By key and value: the operation that sent it.
    writers: BTreeMap<(Key, Value), usize>,
    /// Keys and values that an `ok` operation read.
    read_ok: BTreeSet<(Key, Value)>,
    /// By key and offset: the values.
    log: BTreeMap<(Key, Offset), BTreeSet<Value>>,
    /// By key and value: the offsets.
    places: BTreeMap<(Key, Value), BTreeSet<Offset>>,
}

impl Naive {
    pub fn of(history: &History, options: &Options) -> Self {
        let mut ops: Vec<Operation> = Vec::new();
        let mut open: BTreeMap<u32, usize> = BTreeMap::new();
        for (event, what) in history.events.iter().map(|event| &event.what).enumerate() {
            let (op, outcome) = match what {
                What::Invoke(op) => {
                    open.insert(op.process, ops.len());
                    ops.push(Operation {
                        process: op.process,
                        f: op.f.clone(),
                        outcome: Outcome::Info,
                        invoked: event,
                        completed: None,
                        sends: sends(op),
                        reads: Vec::new(),
                        rebalanced: Vec::new(),
                    });
                    continue;
                }
                What::Ok(op) => (op, Outcome::Ok),
                What::Fail(op) => (op, Outcome::Fail),
                What::Info(op) => (op, Outcome::Info),
                _ => continue,
            };
            let of = &mut ops[open.remove(&op.process).expect("it is open")];
            of.f = op.f.clone();
            of.outcome = outcome;
            of.completed = Some(event);
            of.sends = sends(op);
            of.reads = reads(op);
            of.rebalanced.clone_from(&op.rebalanced);
        }
        let mut naive = Self {
            ops,
            options: options.clone(),
            writers: BTreeMap::new(),
            read_ok: BTreeSet::new(),
            log: BTreeMap::new(),
            places: BTreeMap::new(),
        };
        naive.writers = naive.all_writers();
        naive.read_ok = naive.all_read_ok();
        naive.log = naive.whole_log();
        naive.places = naive.all_places();
        naive
    }

    pub fn anything_succeeded(&self) -> bool {
        let ok = self.ops.iter().filter(|op| op.outcome == Outcome::Ok);
        ok.map(|op| &op.f)
            .any(|f| matches!(f, F::Send(_) | F::Poll(_) | F::Txn(_)))
    }

    fn completed(&self) -> Vec<&Operation> {
        let mut completed: Vec<&Operation> = self.ops.iter().filter(|op| op.completed.is_some()).collect();
        completed.sort_by_key(|op| op.completed);
        completed
    }

    fn all_writers(&self) -> BTreeMap<(Key, Value), usize> {
        let ops = self.ops.iter().enumerate();
        ops.flat_map(|(number, op)| op.sends.iter().map(move |send| ((send.key, send.value), number)))
            .collect()
    }

    fn writer(&self, key: Key, value: Value) -> Option<usize> {
        self.writers.get(&(key, value)).copied()
    }

    fn all_read_ok(&self) -> BTreeSet<(Key, Value)> {
        let ok = self.ops.iter().filter(|op| op.outcome == Outcome::Ok);
        ok.flat_map(|op| op.reads.iter().map(|record| (record.key, record.value)))
            .collect()
    }

    fn committed(&self, op: &Operation) -> bool {
        let mut sends = op.sends.iter();
        match op.outcome {
            Outcome::Ok => true,
            Outcome::Info => sends.any(|send| self.read_ok.contains(&(send.key, send.value))),
            Outcome::Fail => false,
        }
    }

    fn whole_log(&self) -> BTreeMap<(Key, Offset), BTreeSet<Value>> {
        let mut log: BTreeMap<(Key, Offset), BTreeSet<Value>> = BTreeMap::new();
        for op in &self.ops {
            for record in op.reads.iter().filter(|record| record.offset >= 0) {
                log.entry((record.key, record.offset))
                    .or_default()
                    .insert(record.value);
            }
            for send in op.sends.iter().filter(|_| self.committed(op)) {
                if let Some(offset) = send.offset {
                    log.entry((send.key, offset)).or_default().insert(send.value);
                }
            }
        }
        log
    }

    fn all_places(&self) -> BTreeMap<(Key, Value), BTreeSet<Offset>> {
        let mut places: BTreeMap<(Key, Value), BTreeSet<Offset>> = BTreeMap::new();
        for ((key, offset), values) in &self.log {
            for value in values {
                places.entry((*key, *value)).or_default().insert(*offset);
            }
        }
        places
    }

    pub fn violations(&self) -> BTreeMap<String, u64> {
        let mut found = BTreeMap::new();
        self.contents(&mut found);
        self.losses(&mut found);
        self.order(&mut found, false);
        found
    }

    pub fn allowed(&self) -> BTreeMap<String, u64> {
        let mut found = BTreeMap::new();
        self.order(&mut found, true);
        found
    }

    fn contents(&self, found: &mut BTreeMap<String, u64>) {
        let (log, places, read_ok) = (&self.log, &self.places, &self.read_ok);
        for values in log.values() {
            add(found, "inconsistent-offsets", values.len() > 1);
        }
        let mut seen: BTreeSet<(Key, Value)> = places.keys().copied().collect();
        for op in &self.ops {
            seen.extend(op.reads.iter().map(|record| (record.key, record.value)));
            let own = |record: &Record| {
                let mut sends = op.sends.iter();
                sends.any(|send| (send.key, send.value) == (record.key, record.value))
            };
            add(found, "precommitted-read", op.reads.iter().any(own));
        }
        for (key, value) in seen {
            let writer = self.writer(key, value);
            let elsewhere = self
                .ops
                .iter()
                .any(|op| op.sends.iter().any(|send| send.value == value));
            add(found, "phantom-read", writer.is_none() && !elsewhere);
            add(found, "misplaced-record", writer.is_none() && elsewhere);
            let offsets = places.get(&(key, value)).map_or(0, BTreeSet::len);
            add(found, "duplicate", writer.is_some() && offsets > 1);
            let failed = writer.is_some_and(|writer| self.ops[writer].outcome == Outcome::Fail);
            add(found, "G1a", failed && read_ok.contains(&(key, value)));
        }
    }

    fn losses(&self, found: &mut BTreeMap<String, u64>) {
        let (places, read_ok) = (&self.places, &self.read_ok);
        for op in &self.ops {
            for send in &op.sends {
                if read_ok.contains(&(send.key, send.value)) {
                    continue;
                }
                let of_key = read_ok.iter().filter(|(key, _)| *key == send.key);
                let firsts = of_key.filter_map(|read| places.get(read)?.first());
                let last = places.get(&(send.key, send.value)).and_then(BTreeSet::last);
                let below = last.is_some_and(|last| firsts.max().is_some_and(|bound| last <= bound));
                let gone = below && self.committed(op);
                add(found, "lost-write", gone);
                add(found, "unseen", !gone && op.outcome == Outcome::Ok);
            }
        }
    }

    /// What was read and sent out of order: what breaks a promise, or what does not.
    fn order(&self, found: &mut BTreeMap<String, u64>, allowed: bool) {
        let lenient = self.options.sub_via == SubVia::Subscribe;
        self.poll_order(&mut |name, within| add(found, name, (lenient && !within) == allowed));
        self.send_order(&mut |name| add(found, name, (name == "int-send-skip") == allowed));
    }

    fn poll_order(&self, found: &mut impl FnMut(&str, bool)) {
        let mut last: BTreeMap<(u32, Key), Offset> = BTreeMap::new();
        for op in self.completed() {
            let mut of_op: BTreeMap<Key, Offset> = BTreeMap::new();
            for record in &op.reads {
                let within = of_op.get(&record.key).copied();
                let from = within.or_else(|| last.get(&(op.process, record.key)).copied());
                of_op.insert(record.key, record.offset);
                let excused = within.is_some() && op.rebalanced.contains(&record.key);
                let known = from.filter(|from| *from >= 0 && record.offset >= 0 && !excused);
                match known.map(|from| self.step(op, record.key, from, record.offset)) {
                    Some(Step::Back) if within.is_some() => found("int-nonmonotonic-poll", true),
                    Some(Step::Back) => found("nonmonotonic-poll", false),
                    Some(Step::Over) if within.is_some() => found("int-poll-skip", true),
                    Some(Step::Over) => found("poll-skip", false),
                    _ => {}
                }
            }
            if op.outcome == Outcome::Ok {
                last.extend(of_op.into_iter().map(|(key, offset)| ((op.process, key), offset)));
            }
            let kept = match &op.f {
                F::Assign(assign) if assign.from_beginning => Vec::new(),
                F::Assign(assign) => assign.keys.clone(),
                F::Subscribe(subscribe) => subscribe.keys.clone(),
                F::Crash => Vec::new(),
                _ => continue,
            };
            if op.outcome != Outcome::Fail {
                last.retain(|(process, key), _| *process != op.process || kept.contains(key));
            }
        }
    }

    /// From one offset to another, by an operation.
    fn step(&self, op: &Operation, key: Key, from: Offset, to: Offset) -> Step {
        let log = &self.log;
        let divided = |offset| log.get(&(key, offset)).is_some_and(|values| values.len() > 1);
        let rewritten = divided(from) || divided(to);
        // Where the log was written anew, what was sent later was not passed over.
        let sent_by_then = |value: &Value| {
            let writer = self.writer(key, *value).map(|writer| self.ops[writer].invoked);
            writer.is_none_or(|invoked| Some(invoked) < op.completed)
        };
        let holds = |offset: &Offset| {
            let values = log.get(&(key, *offset));
            values.is_some_and(|values| !rewritten || values.iter().any(sent_by_then))
        };
        if to <= from {
            Step::Back
        } else if (from + 1..to).any(|offset| holds(&offset)) {
            Step::Over
        } else {
            Step::On
        }
    }

    fn send_order(&self, found: &mut impl FnMut(&str)) {
        let places = &self.places;
        let place = |send: &Send| places.get(&(send.key, send.value))?.first().copied();
        let mut last: BTreeMap<(u32, Key), Send> = BTreeMap::new();
        for op in self.completed() {
            let mut of_op: BTreeMap<Key, &Send> = BTreeMap::new();
            for send in &op.sends {
                let (within, before) = match of_op.insert(send.key, send) {
                    Some(before) => (true, Some(before)),
                    None => (false, last.get(&(op.process, send.key))),
                };
                let (Some(from), Some(to)) = (before.and_then(place), place(send)) else {
                    continue;
                };
                match (within, self.step(op, send.key, from, to)) {
                    (true, Step::Back) => found("int-nonmonotonic-send"),
                    (true, Step::Over) => found("int-send-skip"),
                    (false, Step::Back) if op.outcome != Outcome::Fail => found("nonmonotonic-send"),
                    _ => {}
                }
            }
            if op.outcome != Outcome::Fail {
                last.extend(
                    of_op
                        .into_iter()
                        .map(|(key, send)| ((op.process, key), send.clone())),
                );
            }
        }
    }

    pub fn cycles(&self) -> Cycles {
        let mut edges = Cycles::new(self.ops.len());
        for (reader, op) in self.ops.iter().enumerate() {
            for record in &op.reads {
                if let Some(writer) = self.writer(record.key, record.value) {
                    edges.add(Kind::Wr, writer, reader);
                }
            }
            for (later, other) in self.ops.iter().enumerate() {
                if op.outcome == Outcome::Ok
                    && op.completed.is_some_and(|completed| completed < other.invoked)
                {
                    edges.add(Kind::Realtime, reader, later);
                    let both = op.process == other.process && other.outcome == Outcome::Ok;
                    edges.add_if(both, Kind::Process, reader, later);
                }
            }
        }
        self.version_edges(&mut edges);
        edges
    }

    /// By key, the writers of the offsets that hold one value, in order.
    fn version_edges(&self, edges: &mut Cycles) {
        let log = &self.log;
        let alone = log.iter().filter(|(_, values)| values.len() == 1);
        let versions = alone.filter_map(|((key, offset), values)| {
            let writer = self.writer(*key, *values.first()?)?;
            Some((*key, *offset, writer))
        });
        let versions: Vec<(Key, Offset, usize)> = versions.collect();
        for pair in versions.windows(2) {
            edges.add_if(pair[0].0 == pair[1].0, Kind::Ww, pair[0].2, pair[1].2);
        }
        for (reader, op) in self.ops.iter().enumerate().filter(|(_, op)| !op.sends.is_empty()) {
            let mut last: BTreeMap<Key, Offset> = BTreeMap::new();
            for record in &op.reads {
                last.insert(record.key, record.offset);
            }
            for (key, offset) in last.into_iter().filter(|(_, offset)| *offset >= 0) {
                let mut next = versions
                    .iter()
                    .filter(|version| version.0 == key && version.1 > offset);
                if let Some((_, _, writer)) = next.next() {
                    edges.add(Kind::Rw, reader, *writer);
                }
            }
        }
    }
}

enum Step {
    On,
    Back,
    Over,
}

fn add(found: &mut BTreeMap<String, u64>, name: &str, really: bool) {
    if really {
        *found.entry(name.to_owned()).or_default() += 1;
    }
}

fn sends(op: &Op) -> Vec<Send> {
    match &op.f {
        F::Send(send) => vec![send.clone()],
        F::Txn(txn) => {
            let sends = txn.mops.iter().filter_map(|mop| match mop {
                Mop::Send(send) => Some(send.clone()),
                _ => None,
            });
            sends.collect()
        }
        _ => Vec::new(),
    }
}

fn reads(op: &Op) -> Vec<Record> {
    match &op.f {
        F::Poll(poll) => poll.records.clone(),
        F::Txn(txn) => {
            let polls = txn.mops.iter().filter_map(|mop| match mop {
                Mop::Poll(poll) => Some(poll.records.clone()),
                _ => None,
            });
            polls.flatten().collect()
        }
        _ => Vec::new(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Ww,
    Wr,
    Rw,
    Process,
    Realtime,
}

/// Who comes before whom.
pub struct Cycles {
    operations: usize,
    edges: BTreeSet<(Kind, usize, usize)>,
}

impl Cycles {
    fn new(operations: usize) -> Self {
        Self {
            operations,
            edges: BTreeSet::new(),
        }
    }

    fn add(&mut self, kind: Kind, from: usize, to: usize) {
        self.add_if(true, kind, from, to);
    }

    fn add_if(&mut self, really: bool, kind: Kind, from: usize, to: usize) {
        if really && from != to {
            self.edges.insert((kind, from, to));
        }
    }

    fn of(&self, kinds: &[Kind]) -> impl Iterator<Item = (usize, usize)> {
        let of = self.edges.iter().filter(|(kind, _, _)| kinds.contains(kind));
        of.map(|(_, from, to)| (*from, *to))
    }

    /// Whether one leads to the other by edges of these kinds.
    fn leads(&self, kinds: &[Kind], from: usize, to: usize) -> bool {
        let mut reached = vec![false; self.operations];
        let mut queue = vec![from];
        while let Some(at) = queue.pop() {
            if at == to {
                return true;
            }
            for (_, next) in self.of(kinds).filter(|(from, _)| *from == at) {
                if !std::mem::replace(&mut reached[next], true) {
                    queue.push(next);
                }
            }
        }
        false
    }

    /// Whether a cycle of these kinds goes through an edge of this one.
    fn through(&self, kind: Kind, kinds: &[Kind]) -> bool {
        self.of(&[kind]).any(|(from, to)| self.leads(kinds, to, from))
    }

    /// Which names, of which at least one is to be found, or none.
    pub fn presence(&self, ordered: bool) -> Vec<(Vec<&'static str>, bool)> {
        use Kind::{Process, Realtime, Rw, Wr, Ww};
        let data: &[Kind] = if ordered { &[Ww, Wr] } else { &[Wr] };
        let by_process = [data, &[Process][..]].concat();
        let by_time = [data, &[Realtime][..]].concat();
        let any = |kinds: &[Kind]| data.iter().any(|kind| self.through(*kind, kinds));
        let mut names = Vec::new();
        let mut levels = Vec::new();
        for (more, kinds) in [
            (["G0", "G1c"], data),
            (["G0-process", "G1c-process"], &by_process),
            (["G0-realtime", "G1c-realtime"], &by_time),
        ] {
            names.extend(more);
            levels.push((names.clone(), any(kinds)));
        }
        levels.push((vec!["G0"], ordered && self.through(Ww, &[Ww])));
        levels.push((vec!["G-single"], ordered && self.through(Rw, data)));
        let missed = ordered && self.through(Rw, &[Ww, Wr, Rw]);
        levels.push((vec!["G-single", "G-nonadjacent", "G2"], missed));
        levels
    }

    /// Whether they break a promise.
    pub fn violate(&self, ordered: bool) -> bool {
        !ordered && self.through(Kind::Wr, &[Kind::Wr, Kind::Realtime])
    }
}
