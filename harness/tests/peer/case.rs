//! One random history, and what each judge says of it.

use std::collections::BTreeSet;
use std::fmt;

use checkers::{Consistency, Model, Options, Validity};
use history::{Event, F, History, Key, MemorySource, Mop, Op, Seen, Value, What};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use synthetic::{Data, Isolation, Transactions, elle_line};

use crate::explained::TRANSACTIONS_MAX;
use crate::mutate::{mops, mutate};

/// A history, and what it is of.
pub struct Case {
    pub data: Data,
    pub history: History,
}

/// A verdict, for comparing.
#[derive(Clone, Debug)]
pub struct Judged {
    /// By this consistency model.
    pub model: String,
    pub valid: Validity,
    /// The anomalies that make it.
    pub found: BTreeSet<String>,
}

impl Case {
    /// A history of some dozen transactions.
    pub fn random(data: Data, seed: u64) -> Self {
        Self::new(data, seed, 40)
    }

    /// One of which all orders can be tried.
    pub fn tiny(data: Data, seed: u64) -> Self {
        Self::new(data, seed, TRANSACTIONS_MAX as u64)
    }

    /// One of which all orders can be tried, of a store that keeps its promises.
    pub fn clean(data: Data, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let plan = Transactions {
            isolation: Isolation::StrictSerializable,
            ..plan(data, seed, TRANSACTIONS_MAX as u64, &mut random)
        };
        let history = history(&plan);
        Self { data, history }
    }

    fn new(data: Data, seed: u64, transactions_max: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut history = history(&plan(data, seed, transactions_max, &mut random));
        for _ in 0..random.random_range(0..=3) {
            mutate(&mut history.events, &mut random);
        }
        Self { data, history }
    }

    /// Whether a transaction whose client does not know what became of it says what it read.
    pub fn has_doubtful_reads(&self) -> bool {
        self.in_doubt()
            .any(|mop| matches!(mop, Mop::Read(_, Seen::List(_) | Seen::One(_))))
    }

    /// Whether such a transaction writes.
    pub fn has_doubtful_writes(&self) -> bool {
        self.in_doubt()
            .any(|mop| matches!(mop, Mop::Append(..) | Mop::Write(..)))
    }

    /// Whether a committed transaction saw a list, its own appends at the end aside, end in what another one had
    /// appended before it appended more.
    pub fn shows_states_on_their_way(&self) -> bool {
        let on_the_way: BTreeSet<(Key, Value)> = self.history.events.iter().flat_map(on_the_way).collect();
        self.history.events.iter().any(|event| {
            let What::Ok(_) = &event.what else { return false };
            let own = |key: Key, value: Value| mops(event).contains(&Mop::Append(key, value));
            mops(event).iter().any(|mop| {
                let Mop::Read(key, Seen::List(values)) = mop else {
                    return false;
                };
                let others = values.iter().rev().find(|value| !own(*key, **value));
                others.is_some_and(|value| on_the_way.contains(&(*key, *value)))
            })
        })
    }

    /// Whether nobody wrote or saw anything.
    pub fn speaks_of_nothing(&self) -> bool {
        let mut mops = self.history.events.iter().flat_map(mops);
        mops.all(|mop| matches!(mop, Mop::Read(_, Seen::Nothing)))
    }

    fn in_doubt(&self) -> impl Iterator<Item = &Mop> {
        let infos = self.history.events.iter().filter_map(|event| match &event.what {
            What::Info(Op { f: F::Txn(txn), .. }) => Some(&txn.mops),
            _ => None,
        });
        infos.flatten()
    }

    /// Whether a committed transaction reads a key between two writes of it.
    pub fn has_reads_of_own_writes(&self) -> bool {
        self.history.events.iter().any(|event| {
            let What::Ok(Op { f: F::Txn(txn), .. }) = &event.what else {
                return false;
            };
            let writes = |mop: &Mop, key| matches!(mop, Mop::Append(at, _) | Mop::Write(at, _) if *at == key);
            txn.mops.iter().enumerate().any(|(place, mop)| {
                let Mop::Read(key, _) = mop else { return false };
                let (before, after) = txn.mops.split_at(place);
                before.iter().any(|mop| writes(mop, *key)) && after.iter().any(|mop| writes(mop, *key))
            })
        })
    }

    /// What we say.
    pub fn ours(&self, model: &str) -> Judged {
        let options = Options {
            model: Some(match self.data {
                Data::Lists => Model::ListAppend,
                Data::Registers => Model::RwRegister,
            }),
            consistency: Some(Consistency::named(model).expect("a model that we know")),
            ..Options::default()
        };
        let mut source = MemorySource::new(&self.history);
        let verdict = checkers::check(&mut source, &options).expect("memory can be read");
        judged(model, verdict.valid, verdict.anomalies.keys().map(String::as_str))
    }

    /// What the peer says.
    pub fn theirs(&self, model: &str) -> Judged {
        let lines = self.history.events.iter().zip(0..);
        let lines: Vec<String> = lines
            .filter_map(|(event, index)| elle_line(event, index))
            .collect();
        let history = adya::History::from_json(&lines.join("\n")).expect("a history that it reads");
        let workload = match self.data {
            Data::Lists => adya::Workload::ListAppend,
            Data::Registers => adya::Workload::RwRegister,
        };
        let options = adya::Opts {
            models: vec![model.to_owned()],
            // What we assume of registers where the model permits it.
            wfr_keys: true,
            linearizable_keys: model.starts_with("strict"),
            ..adya::Opts::default()
        };
        let report = adya::check(&history, workload, &options);
        let valid = match report.valid {
            adya::Valid::True => Validity::Valid,
            adya::Valid::Unknown => Validity::Unknown,
            adya::Valid::False => Validity::Invalid,
        };
        judged(model, valid, report.anomaly_types.iter().map(String::as_str))
    }
}

fn plan(data: Data, seed: u64, transactions_max: u64, random: &mut ChaCha8Rng) -> Transactions {
    let isolations = [
        Isolation::StrictSerializable,
        Isolation::Snapshot,
        Isolation::ReadCommitted,
        Isolation::ReadUncommitted,
    ];
    Transactions {
        data,
        isolation: isolations[random.random_range(0..isolations.len())],
        transactions: random.random_range(3..=transactions_max),
        anomalies: 0,
        seed,
        processes: random.random_range(2..=5),
        keys: random.random_range(1..=4),
        writes_per_key: random.random_range(3..=12),
        mops_max: random.random_range(1..=4),
        failed: random.random_range(0..100),
        unknown: random.random_range(0..100),
    }
}

fn judged<'a>(model: &str, valid: Validity, names: impl Iterator<Item = &'a str>) -> Judged {
    // That there is a cycle of some kind says no more than the cycle that is shown.
    let names: Vec<&str> = names.filter(|name| !name.ends_with("-cycle-exists")).collect();
    Judged {
        model: model.to_owned(),
        valid,
        found: names.into_iter().map(str::to_owned).collect(),
    }
}

/// What a transaction appends before it appends more to the same list.
fn on_the_way(event: &Event) -> Vec<(Key, Value)> {
    let mut states = Vec::new();
    for (place, mop) in mops(event).iter().enumerate() {
        if let Mop::Append(key, value) = mop {
            let mut later = mops(event)[place + 1..].iter();
            let more = |mop: &Mop| matches!(mop, Mop::Append(other, _) if other == key);
            if later.any(more) {
                states.push((*key, *value));
            }
        }
    }
    states
}

fn history(plan: &Transactions) -> History {
    let mut events: Vec<Event> = Vec::new();
    let mut sink = |event: &Event| {
        events.push(event.clone());
        Ok(())
    };
    plan.write(&mut sink).expect("memory takes all");
    let What::Header(header) = events.remove(0).what else {
        panic!("the first event is the header");
    };
    History {
        header: *header,
        events,
        truncated: false,
    }
}

/// Whether a name is that of a cycle.
pub fn is_cycle(name: &str) -> bool {
    ["G0", "G1c", "G-", "G2"]
        .iter()
        .any(|start| name.starts_with(start))
}

impl Judged {
    /// Whether both say the same by what implies the same.
    pub fn agrees(&self, other: &Self) -> bool {
        self.valid == other.valid && self.more_than(other).is_empty() && other.more_than(self).is_empty()
    }

    /// Whether it found this.
    pub fn has(&self, name: &str) -> bool {
        self.found.contains(name)
    }

    /// What it found that breaks a promise.
    pub fn violations(&self) -> impl Iterator<Item = &str> {
        let found = self.found.iter().map(String::as_str);
        found.filter(|name| !["empty-transaction-graph", "cycle-search-timeout"].contains(name))
    }

    /// What it found and nothing that the other found implies: of cycles, those that refute models which the other
    /// does not refute, since which of several cycles are told depends on the way of searching.
    pub fn more_than(&self, other: &Self) -> BTreeSet<&str> {
        let found: Vec<&str> = other.found.iter().map(String::as_str).collect();
        let implied = adya::model::implied(&found);
        let refuted = adya::model::impossible_models(&found);
        let as_bad =
            |name: &str| is_cycle(name) && adya::model::impossible_models(&[name]).is_subset(&refuted);
        let found = self.found.iter().map(String::as_str);
        found
            .filter(|name| !implied.contains(*name) && !as_bad(name))
            .collect()
    }

    /// In what it differs from another.
    pub fn against(&self, other: &Self) -> String {
        let more = |one: &Self, than: &Self| one.more_than(than).into_iter().collect::<Vec<_>>().join(" ");
        let (ours, theirs) = (more(self, other), more(other, self));
        format!(
            "{:?} and {:?}, ours alone: {ours}; theirs alone: {theirs}",
            self.valid, other.valid
        )
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.found.iter().map(String::as_str).collect();
        write!(formatter, "{:?} ({})", self.valid, names.join(" "))
    }
}

impl fmt::Display for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for event in &self.history.events {
            let (kind, op) = match &event.what {
                What::Invoke(op) => ("invoke", op),
                What::Ok(op) => ("ok    ", op),
                What::Fail(op) => ("fail  ", op),
                What::Info(op) => ("info  ", op),
                _ => continue,
            };
            write!(formatter, "{kind} process {} op {}:", op.process, op.op)?;
            operation(formatter, op)?;
            writeln!(formatter)?;
        }
        Ok(())
    }
}

fn operation(formatter: &mut fmt::Formatter<'_>, op: &Op) -> fmt::Result {
    let F::Txn(txn) = &op.f else { return Ok(()) };
    for mop in &txn.mops {
        match mop {
            Mop::Append(key, value) => write!(formatter, " append {key} {value};")?,
            Mop::Write(key, value) => write!(formatter, " write {key} {value};")?,
            Mop::Read(key, Seen::Nothing) => write!(formatter, " read {key} nothing;")?,
            Mop::Read(key, Seen::One(value)) => write!(formatter, " read {key} {value};")?,
            Mop::Read(key, Seen::List(values)) => write!(formatter, " read {key} {values:?};")?,
            Mop::Send(_) | Mop::Poll(_) => {}
        }
    }
    Ok(())
}
