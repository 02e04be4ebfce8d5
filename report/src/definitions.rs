//! What each name of a finding means, in one plain sentence. A name that is not here still shows, undefined.

/// A finding's name explained.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Definition {
    /// The name in a verdict.
    pub(crate) name: &'static str,
    /// The check that finds it.
    check: &'static str,
    /// What it means.
    pub(crate) meaning: &'static str,
}

const fn define(name: &'static str, check: &'static str, meaning: &'static str) -> Definition {
    Definition { name, check, meaning }
}

const DEFINITIONS: &[Definition] = &[
    define(
        "lost-write",
        "log",
        "The broker acknowledged the write, and complete final reads of the healed cluster do not hold it.",
    ),
    define(
        "unseen",
        "log",
        "The broker acknowledged the write, and no reader has seen it so far: it may be lost or late.",
    ),
    define(
        "duplicate",
        "log",
        "One write stands at two offsets of its partition.",
    ),
    define(
        "inconsistent-offsets",
        "log",
        "Two different values were seen at one offset of one partition.",
    ),
    define(
        "aborted-read",
        "log",
        "A reader saw a write that certainly failed or was aborted.",
    ),
    define(
        "phantom-read",
        "log",
        "A reader saw a value that nobody wrote, or that belongs to another partition.",
    ),
    define(
        "precommitted-read",
        "log",
        "A reader saw a write of a transaction that was not yet committed.",
    ),
    define(
        "nonmonotonic-poll",
        "log",
        "A consumer's later read returned an offset at or before one that it had already read.",
    ),
    define(
        "int-nonmonotonic-poll",
        "log",
        "Within one read, a later record has an offset at or before an earlier one.",
    ),
    define(
        "poll-skip",
        "log",
        "Between two reads a consumer passed over records that were there.",
    ),
    define(
        "int-poll-skip",
        "log",
        "Within one read a consumer passed over records that were there.",
    ),
    define(
        "nonmonotonic-send",
        "log",
        "A producer's later write went to an offset at or before its earlier one.",
    ),
    define(
        "int-nonmonotonic-send",
        "log",
        "Within one transaction a later write went to an offset at or before an earlier one.",
    ),
    define(
        "send-skip",
        "log",
        "Between two writes of one transaction's producer other records were placed.",
    ),
    define(
        "int-send-skip",
        "log",
        "Within one transaction other records were placed between two of its writes.",
    ),
    define(
        "two-leaders",
        "leadership",
        "Two brokers claimed to lead one partition in one leader epoch.",
    ),
    define(
        "epoch-went-back",
        "leadership",
        "One broker process named an epoch lower than one that it had named before.",
    ),
    define(
        "two-controllers",
        "leadership",
        "Two controllers claimed to lead the metadata quorum in one term.",
    ),
    define(
        "split-brain",
        "leadership",
        "A leader that had been replaced acknowledged writes that the new leader does not hold.",
    ),
    define(
        "divergent-replicas",
        "replicas",
        "Below the high watermark two replicas hold different records at one offset.",
    ),
    define(
        "G0",
        "txn",
        "Write cycle: transactions overwrote each other in a circle.",
    ),
    define(
        "G1a",
        "txn",
        "Aborted read: a transaction read what an aborted one wrote.",
    ),
    define(
        "G1b",
        "txn",
        "Intermediate read: a transaction read a state that another one had not finished.",
    ),
    define(
        "G1c",
        "txn",
        "Circular information flow: writes and reads depend on each other in a circle.",
    ),
    define(
        "G-single",
        "txn",
        "Read skew: a circle with exactly one read that another transaction overwrote.",
    ),
    define(
        "G2-item",
        "txn",
        "Write skew: a circle with at least one read that another transaction overwrote.",
    ),
];

/// What a name means.
pub(crate) fn definition(name: &str) -> Option<&'static Definition> {
    DEFINITIONS.iter().find(|definition| definition.name == name)
}

/// Whether a check is the one that finds this. A name nobody defined is shown with every check that failed.
pub(crate) fn belongs_to(name: &str, check: &str) -> bool {
    definition(name).is_none_or(|definition| definition.check == check)
}
