//! What was found, as far as it is kept: the first of each name, and how many there are.

use std::collections::BTreeMap;

use history::Value;

use super::txns::TxnId;
use crate::anomaly;
use crate::cycles::{Naming, Ring, Timeout};
use crate::verdict::{CASES_MAX, Rel};

/// A few values of a list that may be long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Brief {
    pub(super) head: Vec<Value>,
    pub(super) tail: Vec<Value>,
    /// How many values there are between.
    pub(super) between: usize,
}

const HEAD: usize = 3;
const TAIL: usize = 9;

impl Brief {
    /// The first and the last values of a list.
    pub(super) fn of(list: &[Value]) -> Self {
        let (head, rest) = list.split_at(if list.len() > HEAD + TAIL + 1 { HEAD } else { 0 });
        let (between, tail) = rest.split_at(if head.is_empty() { 0 } else { rest.len() - TAIL });
        Self {
            head: head.to_vec(),
            tail: tail.to_vec(),
            between: between.len(),
        }
    }
}

/// What a read showed or should have shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// A list.
    List(Brief),
    /// A list whose beginning nobody knows.
    Ending(Brief),
    /// A register; `None` is its initial state.
    Register(Option<Value>),
}

/// What the order of two versions is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// Nothing comes before the initial state.
    Initial,
    /// A transaction read the one and then wrote the other.
    Within(TxnId),
    /// A transaction wrote the one and then the other.
    Wrote(TxnId),
    /// A transaction read the one before the other, in one list.
    Shown(TxnId),
    /// Nobody read the other, so it comes after all that were read.
    Unread,
    /// The one process came upon the one and then upon the other.
    Process(TxnId, TxnId),
    /// One transaction had come upon the one before another began, which came upon the other.
    Realtime(TxnId, TxnId),
}

/// Why one transaction came before another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// ww: its element follows directly.
    Follows { before: Value, value: Value },
    /// ww: nobody read its element, so it follows all that were read.
    FollowsAll { last: Value, value: Value },
    /// wr: it read a state that the other's write is part of; `ends` where it is the last.
    Saw { state: State, value: Value, ends: bool },
    /// rw: it read a state without the element that came next.
    Missed { state: State, value: Value },
    /// rw: it read the last state that anybody read, and nobody read the element.
    MissedUnread { state: State, value: Value },
    /// ww: it set a register to a later version.
    Later {
        before: Value,
        value: Value,
        source: Source,
    },
    /// rw: it read a version before the one that the other wrote.
    Earlier {
        seen: Option<Value>,
        value: Value,
        source: Source,
    },
}

impl Why {
    /// What the order of a register's versions is known from.
    pub(super) fn source(&self) -> Option<Source> {
        match self {
            Self::Later { source, .. } | Self::Earlier { source, .. } => Some(*source),
            _ => None,
        }
    }
}

/// What is wrong with a value that a committed transaction read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Its writer failed.
    Aborted,
    /// Its writer wrote the key again later.
    Intermediate,
    /// Nobody wrote it.
    Garbage,
    /// Its writer had not begun.
    Unobservable,
    /// It stands there twice.
    Twice,
    /// The reader wrote it, but later.
    Future,
}

/// A value that a committed transaction must not have read.
#[derive(Clone, Copy, Debug)]
pub(super) struct BadRead {
    pub(super) wrong: Wrong,
    pub(super) reader: TxnId,
    /// Who wrote it, where that is another transaction.
    pub(super) writer: Option<TxnId>,
    pub(super) key: u32,
    pub(super) value: Value,
}

/// Something that was found.
#[derive(Clone, Debug)]
pub(super) enum Finding {
    Read(BadRead),
    Internal {
        txn: TxnId,
        key: u32,
        read: State,
        expected: State,
    },
    IncompatibleOrder {
        key: u32,
        longest: (TxnId, Brief),
        other: (TxnId, Brief),
    },
    DirtyUpdate {
        key: u32,
        failed: (TxnId, Value),
        then: (TxnId, Value),
    },
    LostUpdate {
        key: u32,
        read: State,
        txns: Vec<TxnId>,
        count: usize,
    },
    DuplicateWrites {
        key: u32,
        value: Value,
        one: TxnId,
        other: TxnId,
    },
    CyclicVersions {
        key: u32,
        versions: Vec<(Option<Value>, Source)>,
    },
    Cycle(Ring),
    Timeout(Timeout),
    NoGraph,
}

impl Finding {
    /// Its name in a verdict.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Read(read) => read.wrong.name(),
            Self::Internal { .. } => anomaly::INTERNAL,
            Self::IncompatibleOrder { .. } => anomaly::INCOMPATIBLE_ORDER,
            Self::DirtyUpdate { .. } => anomaly::DIRTY_UPDATE,
            Self::LostUpdate { .. } => anomaly::LOST_UPDATE,
            Self::DuplicateWrites { .. } => anomaly::DUPLICATE_APPENDS,
            Self::CyclicVersions { .. } => anomaly::CYCLIC_VERSIONS,
            Self::Cycle(ring) => ring.kind.name(Naming::Item),
            Self::Timeout(_) => anomaly::CYCLE_SEARCH_TIMEOUT,
            Self::NoGraph => anomaly::EMPTY_TRANSACTION_GRAPH,
        }
    }
}

impl Wrong {
    /// Its name in a verdict.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Aborted => anomaly::G1A,
            Self::Intermediate => anomaly::G1B,
            Self::Garbage => anomaly::GARBAGE_READ,
            Self::Unobservable => anomaly::UNOBSERVABLE_READ,
            Self::Twice => anomaly::DUPLICATE_ELEMENTS,
            Self::Future => anomaly::FUTURE_READ,
        }
    }
}

/// All findings of one name.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) count: u64,
    pub(super) first: Vec<Finding>,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) names: BTreeMap<&'static str, Kept>,
    /// Dependencies that are so many that some were left out.
    pub(super) left_out: u64,
}

impl Found {
    /// Something was found.
    pub(super) fn add(&mut self, finding: Finding) {
        let kept = self.names.entry(finding.name()).or_default();
        kept.count += 1;
        if kept.first.len() < CASES_MAX {
            kept.first.push(finding);
        }
    }

    /// More of a name was found than is kept.
    pub(super) fn count(&mut self, name: &'static str, more: u64) {
        if more > 0 {
            self.names.entry(name).or_default().count += more;
        }
    }

    /// Whether more of a name need not be told in full.
    pub(super) fn is_full(&self, name: &'static str) -> bool {
        self.names
            .get(name)
            .is_some_and(|kept| kept.first.len() >= CASES_MAX)
    }

    /// This, and what another thread found.
    pub(super) fn and(mut self, other: Self) -> Self {
        for (name, more) in other.names {
            let kept = self.names.entry(name).or_default();
            kept.count += more.count;
            let room = CASES_MAX - kept.first.len();
            kept.first.extend(more.first.into_iter().take(room));
        }
        self.left_out += other.left_out;
        self
    }
}

/// Who hears what is found out about a key.
pub(super) trait Listener {
    /// What follows is about this key.
    fn key(&mut self, key: u32);

    /// One transaction came before another. Why is only worked out for those who ask.
    fn edge(&mut self, from: TxnId, to: TxnId, rel: Rel, why: impl FnOnce() -> Why);

    /// What was found.
    fn found(&mut self) -> &mut Found;
}
