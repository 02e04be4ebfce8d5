//! The table: models, what each forbids and implies, and which anomaly proves which.
//!
//! Sources: Adya, "Weak Consistency: A Generalized Theory and Optimistic Implementations for Distributed
//! Transactions" (1999); Bailis et al., "Highly Available Transactions: Virtues and Limitations" (2013); Cerone,
//! Bernardi and Gotsman, "A Framework for Transactional Consistency Models with Atomic Visibility" (2015); Cerone and
//! Gotsman, "Analysing Snapshot Isolation" (2016); Daudjee and Salem, "Lazy Database Replication with Ordering
//! Guarantees" (2004) and "… with Snapshot Isolation" (2006); Liu et al., "ROLA: A New Distributed Transaction
//! Protocol and Its Formal Analysis" (2018); Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from
//! Experimental Observations" (2020), and Elle's `consistency_model`, whose relations these are.
//!
//! Left out are anomalies that no check of ours can find (G-cursor, G-monotonic, phantoms, …), and models that
//! would then forbid nothing, such as those of single objects: to be asked for them would be to call anything valid.

/// A row: a model.
pub(super) struct Model {
    pub(super) name: &'static str,
    pub(super) aliases: &'static [&'static str],
    pub(super) meaning: &'static str,
    /// What it forbids beyond what the models that it implies forbid.
    pub(super) forbids: &'static [&'static str],
    /// The next weaker models.
    pub(super) implies: &'static [&'static str],
}

/// Every model, the weakest first.
pub(super) const MODELS: &[Model] = &[
    Model {
        name: "read-uncommitted",
        aliases: &["PL-1"],
        meaning: "Writes of transactions do not interleave (Adya: PL-1).",
        // An execution in which a value comes from nowhere or stands twice has no version order at all.
        forbids: &["G0", "duplicate-elements", "cyclic-versions", "garbage-read"],
        implies: &[],
    },
    Model {
        name: "strong-session-read-uncommitted",
        aliases: &["strong-session-PL-1"],
        meaning: "As read-uncommitted, in an order that agrees with that of each process (Elle).",
        forbids: &["G0-process"],
        implies: &["read-uncommitted"],
    },
    Model {
        name: "strong-read-uncommitted",
        aliases: &["strong-PL-1"],
        meaning: "As read-uncommitted, in an order that agrees with real time (Elle).",
        forbids: &["G0-realtime"],
        implies: &["strong-session-read-uncommitted"],
    },
    Model {
        name: "read-committed",
        aliases: &["PL-2"],
        meaning: "Nobody reads what is aborted or in the making, and information flows in no circle (Adya: PL-2).",
        forbids: &["G1"],
        implies: &["read-uncommitted"],
    },
    Model {
        name: "strong-session-read-committed",
        aliases: &["strong-session-PL-2"],
        meaning: "As read-committed, in an order that agrees with that of each process (Elle).",
        forbids: &["G1c-process"],
        implies: &["read-committed", "strong-session-read-uncommitted"],
    },
    Model {
        name: "strong-read-committed",
        aliases: &["strong-PL-2"],
        meaning: "As read-committed, in an order that agrees with real time (Elle).",
        forbids: &["G1c-realtime"],
        implies: &["strong-session-read-committed", "strong-read-uncommitted"],
    },
    Model {
        name: "monotonic-atomic-view",
        aliases: &["MAV"],
        meaning: "Who saw one write of a transaction goes on to see all of them (Bailis et al.).",
        forbids: &[],
        implies: &["read-committed"],
    },
    Model {
        name: "monotonic-view",
        aliases: &["PL-2L"],
        meaning: "What one transaction sees of others only grows (Adya: PL-2L).",
        forbids: &[],
        implies: &["read-committed"],
    },
    Model {
        name: "monotonic-snapshot-read",
        aliases: &["PL-MSR"],
        meaning: "Each read sees a snapshot, and never an earlier one than the read before (Adya: PL-MSR).",
        forbids: &[],
        implies: &["read-committed"],
    },
    Model {
        name: "cursor-stability",
        aliases: &["PL-CS"],
        meaning: "An object that is read and then written was not written by others meanwhile (Adya: PL-CS; Bailis et al.).",
        forbids: &["lost-update"],
        implies: &["read-committed"],
    },
    Model {
        name: "consistent-view",
        aliases: &["PL-2+"],
        meaning: "Each transaction sees a consistent state (Adya: PL-2+).",
        forbids: &["G-single"],
        implies: &["cursor-stability", "monotonic-view"],
    },
    Model {
        name: "forward-consistent-view",
        aliases: &["PL-FCV"],
        meaning: "Each transaction sees a consistent state, possibly of a later time than its start (Adya: PL-FCV).",
        forbids: &[],
        implies: &["consistent-view"],
    },
    Model {
        name: "read-atomic",
        aliases: &[],
        meaning: "Each transaction's writes are seen together or not at all (Cerone, Bernardi, Gotsman).",
        forbids: &["internal", "G1a", "future-read"],
        implies: &["monotonic-atomic-view"],
    },
    Model {
        name: "update-atomic",
        aliases: &["ROLA"],
        meaning: "As read-atomic, and no update is lost (Liu et al.).",
        forbids: &["lost-update"],
        implies: &["read-atomic"],
    },
    Model {
        name: "causal",
        aliases: &["causal-cerone", "transactional-causal"],
        meaning: "As read-atomic, and what is seen includes all that it depends on (Cerone, Bernardi, Gotsman).",
        forbids: &[],
        implies: &["read-atomic"],
    },
    Model {
        name: "prefix",
        aliases: &["prefix-consistency"],
        meaning: "As causal, and everybody sees transactions come in one order (Cerone, Bernardi, Gotsman).",
        forbids: &[],
        implies: &["causal"],
    },
    Model {
        name: "parallel-snapshot-isolation",
        aliases: &["PSI"],
        meaning: "As causal, and of two that write one object one sees the other (Cerone, Bernardi, Gotsman).",
        forbids: &[],
        implies: &["causal", "update-atomic"],
    },
    Model {
        name: "snapshot-isolation",
        aliases: &["PL-SI", "SI"],
        meaning: "Each transaction reads one snapshot, and of two that write one object one sees the other (Adya: PL-SI; \
                  Cerone, Gotsman).",
        forbids: &["G-nonadjacent"],
        implies: &[
            "forward-consistent-view",
            "monotonic-snapshot-read",
            "parallel-snapshot-isolation",
            "prefix",
        ],
    },
    Model {
        name: "strong-session-snapshot-isolation",
        aliases: &["strong-session-SI", "strong-session-PL-SI"],
        meaning: "As snapshot-isolation, and a snapshot holds what its process did before (Daudjee, Salem).",
        forbids: &["G1-process", "G-nonadjacent-process"],
        implies: &["snapshot-isolation", "strong-session-read-committed"],
    },
    Model {
        name: "strong-snapshot-isolation",
        aliases: &["strong-SI", "strong-PL-SI"],
        meaning: "As snapshot-isolation, and a snapshot holds all that had completed (Daudjee, Salem).",
        forbids: &["G1-realtime", "G-nonadjacent-realtime"],
        implies: &["strong-session-snapshot-isolation", "strong-read-committed"],
    },
    Model {
        name: "repeatable-read",
        aliases: &["PL-2.99"],
        meaning: "Some order of the transactions explains all reads of items (Adya: PL-2.99).",
        forbids: &["G2-item"],
        implies: &["cursor-stability", "monotonic-atomic-view"],
    },
    Model {
        name: "update-serializable",
        aliases: &["PL-3U"],
        meaning: "Some order of the transactions that write explains them and any one reader (Adya: PL-3U).",
        forbids: &[],
        implies: &["forward-consistent-view"],
    },
    Model {
        name: "serializable",
        aliases: &["PL-3", "conflict-serializable"],
        meaning: "Some order of the transactions explains all that was seen (Adya: PL-3).",
        forbids: &["G2", "internal"],
        implies: &["repeatable-read", "update-serializable", "snapshot-isolation"],
    },
    Model {
        name: "strong-session-serializable",
        aliases: &["strong-session-PL-3"],
        meaning: "As serializable, in an order that agrees with that of each process (Daudjee, Salem).",
        forbids: &["G1-process", "G2-process"],
        implies: &["serializable", "strong-session-snapshot-isolation"],
    },
    Model {
        name: "strict-serializable",
        aliases: &["strong-serializable", "PL-SS", "strong-PL-3"],
        meaning: "As serializable, in an order that agrees with real time (Adya: PL-SS).",
        forbids: &["G1-realtime", "G2-realtime"],
        implies: &["strong-session-serializable", "strong-snapshot-isolation"],
    },
];

/// Which anomalies each anomaly proves to be there as well. `G1` and `G2` are Adya's unions, which no check finds
/// under these names; what is there without an order of clients is there with one.
pub(super) const IMPLIED: &[(&str, &[&str])] = &[
    ("G0", &["G1c", "G0-process"]),
    ("G0-process", &["G1c-process", "G0-realtime"]),
    ("G0-realtime", &["G1c-realtime"]),
    ("G1a", &["G1"]),
    ("G1b", &["G1"]),
    ("G1c", &["G1", "G1c-process"]),
    ("G1c-process", &["G1-process", "G1c-realtime"]),
    ("G1c-realtime", &["G1-realtime"]),
    ("G1", &["G1-process"]),
    ("G1-process", &["G1-realtime"]),
    // One anti-dependency: no two of it follow each other.
    (
        "G-single-item",
        &["G-single", "G-nonadjacent-item", "G-single-item-process"],
    ),
    (
        "G-single-item-process",
        &[
            "G-single-process",
            "G-nonadjacent-item-process",
            "G-single-item-realtime",
        ],
    ),
    (
        "G-single-item-realtime",
        &["G-single-realtime", "G-nonadjacent-item-realtime"],
    ),
    ("G-single", &["G-nonadjacent", "G-single-process"]),
    (
        "G-single-process",
        &["G-nonadjacent-process", "G-single-realtime"],
    ),
    ("G-single-realtime", &["G-nonadjacent-realtime"]),
    (
        "G-nonadjacent-item",
        &["G-nonadjacent", "G2-item", "G-nonadjacent-item-process"],
    ),
    (
        "G-nonadjacent-item-process",
        &[
            "G-nonadjacent-process",
            "G2-item-process",
            "G-nonadjacent-item-realtime",
        ],
    ),
    (
        "G-nonadjacent-item-realtime",
        &["G-nonadjacent-realtime", "G2-item-realtime"],
    ),
    ("G-nonadjacent", &["G2", "G-nonadjacent-process"]),
    ("G-nonadjacent-process", &["G2-process", "G-nonadjacent-realtime"]),
    ("G-nonadjacent-realtime", &["G2-realtime"]),
    ("G2-item", &["G2", "G2-item-process"]),
    ("G2-item-process", &["G2-process", "G2-item-realtime"]),
    ("G2-item-realtime", &["G2-realtime"]),
    ("G2", &["G2-process"]),
    ("G2-process", &["G2-realtime"]),
    // Two committed states of which neither holds the other: one of them was never committed (Elle).
    ("incompatible-order", &["G1a"]),
    // A committed transaction built on an aborted one (Elle).
    ("dirty-update", &["G1a"]),
    // A transaction depends on itself (Elle).
    ("future-read", &["G1c"]),
    // Two that read one version and both replaced it: each missed the other's write (Bailis et al.).
    ("lost-update", &["G2-item"]),
    // The writer, which the reader depends on, had not begun.
    ("unobservable-read", &["G1c-realtime"]),
];
