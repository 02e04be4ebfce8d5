//! Histories in a line: `ax1 ry12 / rx1 > ry`.
//!
//! Transactions that `/` separates overlap; those left of `>` are over before those right of it begin. A step is a
//! letter for what is done, a letter for the key, and digits: `ax1` appends 1 to x, `rx12` reads x as [1 2], `rx` reads
//! it in its initial state, `rx_` reads nobody knows what, `wx1` sets a register. Behind the steps stands what becomes
//! of the transaction: nothing is `ok`, `!` is `fail`, `?` is `info`, `~` never completes. `3:` before them makes it one
//! of process 3; otherwise each has a process of its own.

use checkers::{Consistency, Model, Options, Validity, Verdict};
use history::{
    Event, Expectation, F, FORMAT, Header, History, MemorySource, Mop, Op, Seen, Txn, VERSION, What,
};

/// A transaction of a history: what is asked, what comes of it, and by whom.
#[derive(Clone, Debug)]
pub struct Spec {
    pub process: u32,
    pub outcome: char,
    pub mops: Vec<Mop>,
}

impl Spec {
    /// The invocation or completion of it as an event.
    pub fn event(&self, op: u64, time: u64, completion: bool) -> Event {
        let known = completion && self.outcome != '!';
        let mops = self.mops.iter().map(|mop| match mop {
            Mop::Read(key, _) if !known => Mop::Read(*key, Seen::Nothing),
            mop => mop.clone(),
        });
        let mops = mops.collect();
        let op = Op::new(self.process, op, F::Txn(Txn { mops }));
        let what = match (completion, self.outcome) {
            (false, _) => What::Invoke(op),
            (true, '!') => What::Fail(op),
            (true, '?') => What::Info(op),
            (true, _) => What::Ok(op),
        };
        Event { time, what }
    }
}

/// A header for histories of nothing but transactions.
pub fn header() -> Header {
    Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        plan: String::new(),
        seed: 0,
        broker: String::new(),
        client: None,
        started: String::new(),
        nodes: Vec::new(),
        controllers: Vec::new(),
        zookeepers: Vec::new(),
        topics: Vec::new(),
        expect: Expectation::default(),
    }
}

/// The history of some events.
pub fn history(events: Vec<Event>) -> History {
    History {
        header: header(),
        events,
        truncated: false,
    }
}

/// The history of a line. Events are a millisecond apart.
pub fn parse(text: &str, model: Model) -> History {
    let mut events = Vec::new();
    let mut op = 0;
    for group in text.split('>') {
        let group: Vec<Spec> = group
            .split('/')
            .zip(op..)
            .map(|(text, op)| spec(text.trim(), op as u32, model))
            .collect();
        for completion in [false, true] {
            for (spec, op) in group.iter().zip(op..) {
                if !completion || spec.outcome != '~' {
                    events.push(spec.event(op, events.len() as u64 * 1_000_000, completion));
                }
            }
        }
        op += group.len() as u64;
    }
    history(events)
}

fn spec(text: &str, process: u32, model: Model) -> Spec {
    let (process, text) = match text.split_once(':') {
        Some((process, text)) => (process.trim().parse().expect("a process"), text),
        None => (process, text),
    };
    let outcome = text.chars().last().filter(|last| "!?~".contains(*last));
    let text = text.trim_end_matches(['!', '?', '~']);
    Spec {
        process,
        outcome: outcome.unwrap_or(' '),
        mops: text.split_whitespace().map(|step| mop(step, model)).collect(),
    }
}

fn mop(step: &str, model: Model) -> Mop {
    let mut letters = step.chars();
    let what = letters.next().expect("what is done");
    let key = letters.next().expect("a key") as u32 - 'a' as u32;
    let rest = letters.as_str();
    let values: Vec<u64> = rest
        .chars()
        .filter_map(|digit| digit.to_digit(10))
        .map(u64::from)
        .collect();
    match (what, model) {
        ('a', _) => Mop::Append(key, values[0]),
        ('w', _) => Mop::Write(key, values[0]),
        ('r', _) if rest == "_" => Mop::Read(key, Seen::Nothing),
        ('r', Model::RwRegister) => Mop::Read(
            key,
            values.first().map_or(Seen::Nothing, |value| Seen::One(*value)),
        ),
        ('r', _) => Mop::Read(key, Seen::List(values)),
        _ => panic!("{step} is no step"),
    }
}

/// The verdict on a history.
pub fn judge(history: &History, model: Model, consistency: &str) -> Verdict {
    let options = Options {
        model: Some(model),
        consistency: Some(consistency.parse().expect("a consistency model")),
        ..Options::default()
    };
    let verdict = checkers::check(&mut MemorySource::new(history), &options).expect("memory can be read");
    well_formed(&verdict, options.consistency.unwrap_or_default());
    verdict
}

/// What every verdict keeps to, whatever the history.
fn well_formed(verdict: &Verdict, consistency: Consistency) {
    assert!(!verdict.summary.contains("bug of its own"), "{}", verdict.summary);
    let unknown = [
        "cycle-search-timeout",
        "duplicate-appends",
        "empty-transaction-graph",
    ];
    let forbidden = verdict
        .anomalies
        .keys()
        .filter(|name| !unknown.contains(&name.as_str()));
    assert_eq!(
        verdict.valid == Validity::Invalid,
        forbidden.clone().count() > 0,
        "{verdict:#?}"
    );
    assert!(forbidden.clone().all(|name| consistency.forbids(name)));
    assert!(verdict.allowed.keys().all(|name| !consistency.forbids(name)));
    for (name, findings) in verdict.anomalies.iter().chain(&verdict.allowed) {
        assert!(checkers::Anomaly::named(name).is_some(), "{name} has no meaning");
        assert!(
            findings.count >= findings.cases.len() as u64 && !findings.cases.is_empty(),
            "{name}"
        );
        for case in &findings.cases {
            assert!(!case.story.is_empty(), "{name}");
            if let Some(cycle) = &case.cycle {
                assert_eq!(cycle.operations.len(), cycle.edges.len());
                for (place, edge) in cycle.edges.iter().enumerate() {
                    let next = (place + 1) % cycle.edges.len();
                    assert_eq!(
                        (edge.from, edge.to),
                        (cycle.operations[place].op, cycle.operations[next].op)
                    );
                    assert!(
                        edge.because.ends_with('.') && !edge.because.contains("depends on"),
                        "{edge:?}"
                    );
                }
            }
        }
    }
}

/// What was found, in order of name: violations as they are, what is allowed in brackets. That too little was done
/// to judge is left out.
pub fn found(verdict: &Verdict) -> String {
    let names = verdict
        .anomalies
        .keys()
        .filter(|name| *name != "empty-transaction-graph")
        .cloned();
    let allowed = verdict.allowed.keys().map(|name| format!("({name})"));
    let names: Vec<String> = names.chain(allowed).collect();
    names.join(" ")
}

/// Judges a line of lists, and compares what is found.
#[track_caller]
pub fn lists(text: &str, consistency: &str, expected: &str) {
    compare(text, Model::ListAppend, consistency, expected);
}

/// Judges a line of registers, and compares what is found.
#[track_caller]
pub fn registers(text: &str, consistency: &str, expected: &str) {
    compare(text, Model::RwRegister, consistency, expected);
}

#[track_caller]
fn compare(text: &str, model: Model, consistency: &str, expected: &str) {
    let verdict = judge(&parse(text, model), model, consistency);
    let mut expected: Vec<&str> = expected.split_whitespace().collect();
    let found = found(&verdict);
    let mut names: Vec<&str> = found.split_whitespace().collect();
    expected.sort_unstable();
    names.sort_unstable();
    assert_eq!(names, expected, "{text} under {consistency}");
}
