//! Stores that keep their promises, each of another kind: what they do is never accused of less.

use std::collections::BTreeMap;

use checkers::{Model, Validity};
use history::{Event, History, Mop, Seen};
use proptest::prelude::*;

use crate::dsl::{Spec, found, history, judge};

/// What a store keeps apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// A transaction happens at one moment.
    Serial,
    /// So does one that writes; one that only reads may see the past.
    Past,
    /// So does one that writes; one that only reads may see the past, but none that its process was later than.
    SessionPast,
    /// A transaction reads the state at its beginning, and fails where a key that it writes was written since.
    Snapshot,
    /// The same with a state before its beginning…
    PastSnapshot,
    /// …that its process was not later than.
    SessionSnapshot,
    /// A read sees what is committed; a write keeps others from writing until it is.
    Committed,
    /// A read sees what is committed and its own transaction's writes behind it; all of those come last when it is.
    Deferred,
    /// A read sees everything; a write keeps others from writing until it is committed.
    Uncommitted,
}

/// Each with the strongest models that it keeps to.
const KEPT: [(Isolation, &str); 9] = [
    (Isolation::Serial, "strict-serializable"),
    (Isolation::Past, "serializable"),
    (Isolation::SessionPast, "strong-session-serializable"),
    (Isolation::Snapshot, "strong-snapshot-isolation"),
    (Isolation::PastSnapshot, "snapshot-isolation"),
    (Isolation::SessionSnapshot, "strong-session-snapshot-isolation"),
    (Isolation::Committed, "strong-read-committed"),
    (Isolation::Deferred, "strong-read-uncommitted"),
    (Isolation::Uncommitted, "strong-read-uncommitted"),
];

/// How a history is made.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub isolation: Isolation,
    pub model: Model,
    pub seed: u64,
    pub transactions: usize,
    pub processes: usize,
    pub keys: u32,
    /// A last transaction reads all keys.
    pub final_read: bool,
}

/// Numbers that look random.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }
}

/// A value with the commit that wrote it.
type Versions = Vec<(usize, u64)>;

struct Store {
    plan: Plan,
    keys: BTreeMap<u32, Versions>,
    commits: usize,
    /// Who writes a key just now.
    locks: BTreeMap<u32, usize>,
    /// What a process knows to be committed.
    known: BTreeMap<u32, usize>,
}

/// A transaction under way.
struct Running {
    op: u64,
    spec: Spec,
    done: Vec<Mop>,
    snapshot: usize,
    writes: Vec<(u32, u64)>,
    failed: bool,
}

/// Makes a history.
pub fn make(plan: Plan) -> History {
    let mut dice = Dice::new(plan.seed);
    let mut store = Store {
        plan,
        keys: BTreeMap::new(),
        commits: 0,
        locks: BTreeMap::new(),
        known: BTreeMap::new(),
    };
    let mut events: Vec<Event> = Vec::new();
    let mut clients: Vec<(u32, Option<Running>)> = (0..plan.processes as u32).map(|p| (p, None)).collect();
    let (mut begun, mut value, mut fresh) = (0, 0, plan.processes as u32);
    while begun < plan.transactions || clients.iter().any(|(_, running)| running.is_some()) {
        let place = dice.below(clients.len());
        let time = events.len() as u64 * 1_000_000;
        let (process, client) = &mut clients[place];
        let Some(running) = client else {
            if begun < plan.transactions {
                let mops = ask(plan, &mut dice, &mut value);
                let running = store.begin(begun as u64, *process, mops, &mut dice);
                events.push(running.spec.event(running.op, time, false));
                *client = Some(running);
                begun += 1;
            }
            continue;
        };
        if store.step(running) {
            let mut running = client.take().expect("a transaction under way");
            store.end(&mut running, &mut dice);
            running.spec.mops = running.done;
            // One in doubt may not even complete.
            if running.spec.outcome != '?' || dice.below(2) == 0 {
                events.push(running.spec.event(running.op, time, true));
            }
            if running.spec.outcome == '?' {
                *process = fresh;
                fresh += 1;
            }
        }
    }
    if plan.final_read {
        let mops = (0..plan.keys)
            .map(|key| Mop::Read(key, store.seen(key, usize::MAX, &[])))
            .collect();
        let spec = Spec {
            process: fresh,
            outcome: ' ',
            mops,
        };
        for completion in [false, true] {
            events.push(spec.event(begun as u64, events.len() as u64 * 1_000_000, completion));
        }
    }
    history(events)
}

fn ask(plan: Plan, dice: &mut Dice, value: &mut u64) -> Vec<Mop> {
    let steps = 1 + dice.below(4);
    let reads_only = dice.below(4) == 0;
    let step = |_| {
        let key = dice.below(plan.keys as usize) as u32;
        if reads_only || dice.below(2) == 0 {
            return Mop::Read(key, Seen::Nothing);
        }
        *value += 1;
        match plan.model {
            Model::RwRegister => Mop::Write(key, *value),
            _ => Mop::Append(key, *value),
        }
    };
    (0..steps).map(step).collect()
}

impl Store {
    fn begin(&mut self, op: u64, process: u32, mops: Vec<Mop>, dice: &mut Dice) -> Running {
        let earliest = match self.plan.isolation {
            Isolation::Past | Isolation::PastSnapshot => 0,
            Isolation::SessionPast | Isolation::SessionSnapshot => {
                self.known.get(&process).copied().unwrap_or(0)
            }
            _ => self.commits,
        };
        let lag = dice.below(self.commits - earliest + 1).min(3);
        Running {
            op,
            spec: Spec {
                process,
                outcome: ' ',
                mops,
            },
            done: Vec::new(),
            snapshot: self.commits - lag,
            writes: Vec::new(),
            failed: false,
        }
    }

    /// Does a step of a transaction; of some all at once. Says whether it is at its end.
    fn step(&mut self, running: &mut Running) -> bool {
        let writes = running.spec.mops.iter().any(|mop| !matches!(mop, Mop::Read(..)));
        let at_once = match self.plan.isolation {
            Isolation::Serial => Some(self.commits),
            Isolation::Past | Isolation::SessionPast if writes => Some(self.commits),
            Isolation::Past | Isolation::SessionPast => Some(running.snapshot),
            _ => None,
        };
        if let Some(snapshot) = at_once {
            running.snapshot = snapshot;
            while running.done.len() < running.spec.mops.len() {
                self.one(running);
            }
            return true;
        }
        if running.failed || running.done.len() == running.spec.mops.len() {
            return true;
        }
        self.one(running);
        false
    }

    fn one(&mut self, running: &mut Running) {
        let mop = running.spec.mops[running.done.len()].clone();
        match mop {
            Mop::Read(key, _) => {
                let own: Vec<u64> = running
                    .writes
                    .iter()
                    .filter(|(k, _)| *k == key)
                    .map(|(_, v)| *v)
                    .collect();
                let seen = match self.plan.isolation {
                    Isolation::Committed | Isolation::Deferred => self.seen(key, self.commits, &own),
                    Isolation::Uncommitted => self.seen(key, usize::MAX, &[]),
                    _ => self.seen(key, running.snapshot, &own),
                };
                running.done.push(Mop::Read(key, seen));
            }
            Mop::Append(key, value) | Mop::Write(key, value) => {
                let locks = matches!(self.plan.isolation, Isolation::Committed | Isolation::Uncommitted);
                let holder = self.locks.get(&key).copied();
                if locks && holder.is_some_and(|holder| holder != running.op as usize) {
                    running.failed = true;
                    return;
                }
                self.locks.insert(key, running.op as usize);
                running.writes.push((key, value));
                if self.plan.isolation == Isolation::Uncommitted {
                    self.keys.entry(key).or_default().push((usize::MAX, value));
                }
                running.done.push(mop);
            }
            _ => unreachable!("no other steps are asked"),
        }
    }

    /// The state of a key as of a commit, and own writes behind it.
    fn seen(&self, key: u32, until: usize, own: &[u64]) -> Seen {
        let versions = self.keys.get(&key).map_or(&[][..], Vec::as_slice);
        let values = versions
            .iter()
            .filter(|(commit, _)| *commit <= until)
            .map(|(_, value)| *value);
        let values: Vec<u64> = values.chain(own.iter().copied()).collect();
        match self.plan.model {
            Model::RwRegister => values.last().map_or(Seen::Nothing, |value| Seen::One(*value)),
            _ => Seen::List(values),
        }
    }

    fn end(&mut self, running: &mut Running, dice: &mut Dice) {
        let overtaken = |(key, _): &(u32, u64)| {
            let last = self.keys.get(key).and_then(|versions| versions.last());
            last.is_some_and(|(commit, _)| *commit > running.snapshot)
        };
        let snapshot = matches!(
            self.plan.isolation,
            Isolation::Snapshot | Isolation::PastSnapshot | Isolation::SessionSnapshot
        );
        let commits =
            !running.failed && dice.below(10) != 0 && !(snapshot && running.writes.iter().any(overtaken));
        self.locks.retain(|_, holder| *holder != running.op as usize);
        let dirty = self.plan.isolation == Isolation::Uncommitted;
        self.commits += 1;
        for (key, value) in &running.writes {
            let versions = self.keys.entry(*key).or_default();
            match (commits, dirty) {
                (true, true) => {
                    let version = versions.iter_mut().find(|version| version.1 == *value);
                    version.expect("a write that shows").0 = self.commits;
                }
                (true, false) => versions.push((self.commits, *value)),
                (false, true) => versions.retain(|version| version.1 != *value),
                (false, false) => {}
            }
        }
        running.spec.outcome = match (dice.below(12) == 0, commits) {
            (true, _) => '?',
            (false, true) => ' ',
            (false, false) => '!',
        };
        if running.spec.outcome == '?' && dice.below(2) == 0 {
            // A client in doubt may have heard nothing.
            for mop in &mut running.done {
                if let Mop::Read(_, seen) = mop {
                    *seen = Seen::Nothing;
                }
            }
        }
        if running.spec.outcome == ' ' {
            let seen = if running.writes.is_empty() {
                running.snapshot
            } else {
                self.commits
            };
            let known = self.known.entry(running.spec.process).or_default();
            *known = seen.max(*known);
        }
    }
}

fn plan(isolation: Isolation, model: Model) -> impl Strategy<Value = Plan> {
    (any::<u64>(), 1..60_usize, 1..6_usize, 1..4_u32, any::<bool>()).prop_map(
        move |(seed, transactions, processes, keys, final_read)| Plan {
            isolation,
            model,
            seed,
            transactions,
            processes,
            keys,
            final_read,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_store_that_keeps_its_promise_is_not_accused(
        plans in KEPT.map(|(isolation, _)| [plan(isolation, Model::ListAppend), plan(isolation, Model::RwRegister)])
    ) {
        for (plans, (_, kept)) in plans.into_iter().zip(KEPT) {
            for plan in plans {
                let history = make(plan);
                let verdict = judge(&history, plan.model, kept);
                prop_assert_ne!(verdict.valid, Validity::Invalid, "{:?}: {} {:?}", plan, found(&verdict), history.events);
            }
        }
    }
}

/// The stores do differ: each is caught at more than it promises.
#[test]
fn a_store_is_caught_at_what_it_does_not_promise() {
    let caught = |isolation, model, consistency| {
        let histories = (0..40).map(|seed| Plan {
            isolation,
            model,
            seed,
            transactions: 200,
            processes: 5,
            keys: 3,
            final_read: true,
        });
        let verdicts = histories.map(|plan| judge(&make(plan), model, consistency).valid);
        verdicts.filter(|valid| *valid == Validity::Invalid).count()
    };
    for model in [Model::ListAppend, Model::RwRegister] {
        for (isolation, more) in [
            (Isolation::Past, "strong-session-serializable"),
            (Isolation::SessionPast, "strict-serializable"),
            (Isolation::Snapshot, "serializable"),
            (Isolation::PastSnapshot, "strong-session-snapshot-isolation"),
            (Isolation::SessionSnapshot, "strong-snapshot-isolation"),
            (Isolation::Committed, "consistent-view"),
            (Isolation::Deferred, "consistent-view"),
            (Isolation::Uncommitted, "read-committed"),
        ] {
            let caught = caught(isolation, model, more);
            // Registers show little of the order of their versions.
            let least = if model == Model::ListAppend { 30 } else { 5 };
            assert!(
                caught > least,
                "{isolation:?} of {model:?} was caught {caught} times of 40 at {more}"
            );
        }
    }
}
