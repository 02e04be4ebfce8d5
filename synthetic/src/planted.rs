//! Anomalies that are planted into a history: on keys of their own, so that each is the one that it is named after.

use history::{Key, Mop, Seen, Value};

use crate::transactions::Data;

/// A step of a planted transaction, by the place of its key and its value.
#[derive(Clone, Copy)]
enum Step {
    /// Append an element or set a register.
    Put(Key, Value),
    /// Read a list; of a register the last element.
    Get(Key, &'static [Value]),
}

use Step::{Get, Put};

/// Transactions that together break a promise.
struct Planted {
    name: &'static str,
    /// For each whether it commits, and its steps.
    transactions: &'static [(bool, &'static [Step])],
}

/// Every kind, after Adya, "Weak Consistency" (1999), and Elle's names.
const PLANTED: &[Planted] = &[
    Planted {
        name: "G1a",
        transactions: &[(false, &[Put(0, 1)]), (true, &[Get(0, &[1])])],
    },
    Planted {
        name: "G1b",
        transactions: &[(true, &[Put(0, 1), Put(0, 2)]), (true, &[Get(0, &[1])])],
    },
    Planted {
        name: "G1c",
        transactions: &[
            (true, &[Put(0, 1), Get(1, &[1])]),
            (true, &[Put(1, 1), Get(0, &[1])]),
        ],
    },
    Planted {
        name: "G-single-item",
        transactions: &[
            (true, &[Put(0, 1), Put(1, 1)]),
            (true, &[Get(0, &[]), Get(1, &[1])]),
        ],
    },
    Planted {
        name: "lost-update",
        transactions: &[
            (true, &[Get(0, &[]), Put(0, 1)]),
            (true, &[Get(0, &[]), Put(0, 2)]),
            (true, &[Get(0, &[1, 2])]),
        ],
    },
    Planted {
        name: "G2-item",
        transactions: &[
            (true, &[Get(0, &[]), Get(1, &[]), Put(0, 1)]),
            (true, &[Get(0, &[]), Get(1, &[]), Put(1, 1)]),
        ],
    },
    Planted {
        name: "internal",
        transactions: &[(true, &[Put(0, 1), Get(0, &[])]), (true, &[Get(0, &[1])])],
    },
    Planted {
        name: "G0",
        transactions: &[
            (true, &[Put(0, 1), Put(1, 1)]),
            (true, &[Put(1, 2), Put(0, 2)]),
            (true, &[Get(0, &[1, 2])]),
            (true, &[Get(1, &[2, 1])]),
        ],
    },
];

/// What can be planted into a history of lists; into one of registers all but the last, which registers do not show.
pub fn planted_names() -> impl Iterator<Item = &'static str> {
    PLANTED.iter().map(|planted| planted.name)
}

/// A transaction whose results were decided beforehand.
pub(crate) struct Prepared {
    pub(crate) commits: bool,
    pub(crate) asked: Vec<Mop>,
    pub(crate) done: Vec<Mop>,
}

/// How many keys an anomaly takes.
pub(crate) const KEYS: u32 = 2;

/// The transactions of a kind of anomaly, its keys from `first` on.
pub(crate) fn prepare(kind: usize, data: Data, first: Key) -> Vec<Prepared> {
    let kinds = match data {
        Data::Lists => PLANTED.len(),
        Data::Registers => PLANTED.len() - 1,
    };
    let planted = &PLANTED[kind % kinds];
    let prepared = planted.transactions.iter().map(|(commits, steps)| Prepared {
        commits: *commits,
        asked: steps.iter().map(|step| asked(*step, data, first)).collect(),
        done: steps.iter().map(|step| done(*step, data, first)).collect(),
    });
    prepared.collect()
}

fn asked(step: Step, data: Data, first: Key) -> Mop {
    match step {
        Put(key, value) => data.write(first + key, value),
        Get(key, _) => Mop::Read(first + key, Seen::Nothing),
    }
}

fn done(step: Step, data: Data, first: Key) -> Mop {
    match step {
        Put(key, value) => data.write(first + key, value),
        Get(key, values) => Mop::Read(first + key, data.seen(values.iter().copied())),
    }
}
