//! Where the two judges are known to differ, and which of them is right.

use synthetic::Data;

use crate::case::{Case, Judged, is_cycle};

/// A reason for which one judge finds what the other does not.
pub struct Difference {
    /// What it is about.
    pub name: &'static str,
    /// Whether it is at work in a history.
    applies: fn(&Case, &Judged, &Judged) -> bool,
    /// What we alone may find for it.
    ours: fn(&str) -> bool,
    /// What the peer alone may find for it.
    theirs: fn(&str) -> bool,
}

/// All of them.
pub const DIFFERENCES: &[Difference] = &[
    // The peer leaves them out of the graph without a word.
    Difference {
        name: "values that nobody wrote",
        applies: |_, _, _| true,
        ours: |name| name == "garbage-read",
        theirs: |_| false,
    },
    // The peer finds the cycle of this read and its writer only where nothing else is found in the component.
    Difference {
        name: "values that were written after they were read",
        applies: |_, _, _| true,
        ours: |name| name == "unobservable-read",
        theirs: |_| false,
    },
    // Which of two orders is that of the versions, nobody can know: we take none of the reads that do not fit the
    // longest as a state that others missed, and the peer takes them by their last element alone. Of several that
    // are longest each takes another.
    Difference {
        name: "reads of which neither continues the other",
        applies: |_, ours, theirs| ours.has("incompatible-order") && theirs.has("incompatible-order"),
        ours: |name| is_cycle(name) || ["dirty-update", "empty-transaction-graph"].contains(&name),
        theirs: |name| is_cycle(name) || name == "dirty-update",
    },
    // What follows an element that stands twice in one read is not known either: we take nothing to follow it,
    // and the peer what follows the first.
    Difference {
        name: "elements that stand twice",
        applies: |_, _, theirs| theirs.has("duplicate-elements"),
        ours: is_cycle,
        theirs: is_cycle,
    },
    // A transaction that may have failed may have read anything; we take its word where its writes were seen, and then
    // as that of any other.
    Difference {
        name: "reads of transactions that may have failed",
        applies: |case, _, _| case.has_doubtful_reads(),
        ours: |_| true,
        theirs: |name| {
            is_cycle(name) || ["dirty-update", "duplicate-elements", "incompatible-order"].contains(&name)
        },
    },
    // The peer knows no such anomaly of registers, and takes such a version as one that follows itself.
    Difference {
        name: "registers that were read before they were written",
        applies: |case, ours, _| case.data == Data::Registers && ours.has("future-read"),
        ours: |name| name == "future-read",
        theirs: |name| is_cycle(name) || name == "lost-update",
    },
    // A store that reads what is committed may show a transaction its own appends last, wherever they come to stand. The
    // peer takes what the transaction saw for the order. What it saw of others must not be the state of one on its way,
    // and the peer looks at the last element alone.
    Difference {
        name: "the place of one's own appends",
        applies: |case, ours, _| {
            ours.model == "read-committed" && (ours.has("G1b") || !case.shows_states_on_their_way())
        },
        ours: |name| name == "G1b",
        theirs: |name| is_cycle(name) || name == "incompatible-order",
    },
    // The peer looks no further in a transaction that contradicts itself.
    Difference {
        name: "lists that were read before they were appended to",
        applies: |case, _, _| case.data == Data::Lists,
        ours: |name| name == "future-read",
        theirs: |_| false,
    },
    // What a transaction appended first and nobody read follows all that was read, what it appended later included: no
    // order of versions has that. The peer does not look at the order within one transaction.
    Difference {
        name: "own appends in another order",
        applies: |case, _, _| case.data == Data::Lists,
        ours: |name| name == "cyclic-versions",
        theirs: |_| false,
    },
    // Of such a history nothing says what it is of: we say that, and the peer that it has no dependencies.
    Difference {
        name: "nothing but reads of nothing",
        applies: |case, ours, _| ours.found.is_empty() && case.speaks_of_nothing(),
        ours: |_| false,
        theirs: |name| name == "empty-transaction-graph",
    },
    // The peer passes over what a transaction wrote whose client does not know what became of it, though it was seen.
    Difference {
        name: "registers that may have been written",
        applies: |case, _, _| case.data == Data::Registers && case.has_doubtful_writes(),
        ours: is_cycle,
        theirs: |name| name == "empty-transaction-graph",
    },
    // One transaction may come before another for several reasons, each of which makes a cycle of its own kind. The
    // peer looks at the first alone, and where time orders two by way of a third, at no other way.
    Difference {
        name: "dependencies that hide behind another",
        applies: |_, _, theirs| theirs.found.iter().any(|name| is_cycle(name)),
        ours: is_cycle,
        theirs: |_| false,
    },
    // Who read what a transaction had written on its way depends on it.
    Difference {
        name: "registers that were read in the making",
        applies: |case, ours, _| case.data == Data::Registers && ours.has("G1b"),
        ours: is_cycle,
        theirs: |name| name == "empty-transaction-graph",
    },
    // What failed or was never written is no version: we look at the version before it instead, while the peer
    // has it among the versions of registers, and takes no other in its place among those of lists.
    Difference {
        name: "versions that were never committed",
        applies: |_, ours, _| ours.has("G1a") || ours.has("garbage-read"),
        ours: |name| is_cycle(name) || name == "empty-transaction-graph",
        theirs: |name| {
            is_cycle(name) || ["cyclic-versions", "empty-transaction-graph", "lost-update"].contains(&name)
        },
    },
    // We leave the circle out of the order of versions, and the peer all that was inferred in the same way.
    Difference {
        name: "versions in a circle",
        applies: |_, _, theirs| theirs.has("cyclic-versions"),
        ours: is_cycle,
        theirs: |_| false,
    },
    // Who writes a key before reading it reads a state of its own making, which nobody else can have read before
    // it was committed: no update is lost on it.
    Difference {
        name: "reads of one's own writes",
        applies: |case, _, _| case.has_reads_of_own_writes(),
        ours: |_| false,
        theirs: |name| name == "lost-update",
    },
];

/// The reasons that together account for a difference; `None` where they do not.
pub fn reasons(case: &Case, ours: &Judged, theirs: &Judged) -> Option<Vec<&'static str>> {
    let at_work = DIFFERENCES
        .iter()
        .filter(|difference| (difference.applies)(case, ours, theirs));
    let at_work: Vec<&Difference> = at_work.collect();
    let of_ours = |name: &str| at_work.iter().find(|difference| (difference.ours)(name));
    let of_theirs = |name: &str| at_work.iter().find(|difference| (difference.theirs)(name));
    let mut reasons = Vec::new();
    for name in ours.more_than(theirs) {
        reasons.push(of_ours(name)?.name);
    }
    for name in theirs.more_than(ours) {
        reasons.push(of_theirs(name)?.name);
    }
    // Without all that is accounted for, both come to the same.
    let ours_left = ours.violations().any(|name| of_ours(name).is_none());
    let theirs_left = theirs.violations().any(|name| of_theirs(name).is_none());
    (ours.valid == theirs.valid || ours_left == theirs_left).then_some(reasons)
}
