//! The transactions of a history, as columns.

use crate::cycles::{NEVER, Times, Vertex};

/// A transaction, by the order of invocations.
pub(super) type TxnId = u32;

/// No transaction.
pub(super) const NOBODY: TxnId = u32::MAX;

/// What became of a transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It never completed: it may have happened.
    #[default]
    Open,
    /// It happened.
    Ok,
    /// It certainly did not.
    Fail,
    /// It may have happened.
    Info,
}

/// Every transaction that was begun.
#[derive(Debug, Default)]
pub(super) struct Txns {
    process: Vec<u32>,
    /// Places of invocations and of completions among both together.
    invoked: Vec<u32>,
    completed: Vec<u32>,
    outcome: Vec<Outcome>,
    /// Those that completed and may have happened, in the order of completions.
    done: Vec<TxnId>,
    places: u32,
    vertices: Vec<Vertex>,
    /// How far the operations' numbers are from the transactions': `None` where it is not the same for all.
    shift: Option<u64>,
    doubtful_count: bool,
}

impl Txns {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.outcome.len()
    }

    /// One begins now.
    pub(super) fn begin(&mut self, process: u32, op: u64) -> TxnId {
        self.places += 1;
        self.add(process, op, self.places)
    }

    /// One completes whose beginning nobody saw: it may have begun at any time.
    pub(super) fn begin_unseen(&mut self, process: u32, op: u64) -> TxnId {
        self.add(process, op, 0)
    }

    fn add(&mut self, process: u32, op: u64, invoked: u32) -> TxnId {
        let txn = self.len() as TxnId;
        let shift = op.wrapping_sub(u64::from(txn));
        if txn == 0 {
            self.shift = Some(shift);
        }
        self.shift = self.shift.filter(|same| *same == shift);
        self.process.push(process);
        self.invoked.push(invoked);
        self.completed.push(NEVER);
        self.outcome.push(Outcome::Open);
        txn
    }

    /// One completes now.
    pub(super) fn complete(&mut self, txn: TxnId, outcome: Outcome) {
        self.places += 1;
        self.outcome[txn as usize] = outcome;
        if outcome == Outcome::Ok {
            self.completed[txn as usize] = self.places;
        }
        if outcome != Outcome::Fail {
            self.done.push(txn);
        }
    }

    /// The history is over: each transaction that may have happened becomes a vertex.
    pub(super) fn close(&mut self) {
        let open = (0..self.len() as TxnId).filter(|txn| self.outcome(*txn) == Outcome::Open);
        let open: Vec<TxnId> = open.collect();
        self.done.extend(open);
        self.vertices = vec![NOBODY; self.len()];
        for (vertex, txn) in self.done.iter().enumerate() {
            self.vertices[*txn as usize] = vertex as Vertex;
        }
    }

    /// The transaction of an operation's number, as far as it can be told by that alone: where not, any may be it.
    pub(super) fn numbered(&self, op: u64) -> Option<TxnId> {
        TxnId::try_from(op.wrapping_sub(self.shift?)).ok()
    }

    /// What became of one.
    pub(super) fn outcome(&self, txn: TxnId) -> Outcome {
        self.outcome[txn as usize]
    }

    /// Whether one certainly happened.
    pub(super) fn is_ok(&self, txn: TxnId) -> bool {
        self.outcome(txn) == Outcome::Ok
    }

    /// Whether one may be part of what happened. Of those in doubt that goes without saying only as long as nobody
    /// may read what was aborted: where a model permits that, that their writes were seen proves nothing.
    pub(super) fn counts(&self, txn: TxnId) -> bool {
        match self.outcome(txn) {
            Outcome::Ok => true,
            Outcome::Fail => false,
            Outcome::Open | Outcome::Info => self.doubtful_count,
        }
    }

    /// Those in doubt are to count as far as their writes were seen.
    pub(super) fn count_doubtful(&mut self, count: bool) {
        self.doubtful_count = count;
    }

    /// Whether one certainly did not happen.
    pub(super) fn failed(&self, txn: TxnId) -> bool {
        self.outcome(txn) == Outcome::Fail
    }

    /// Who did it.
    pub(super) fn process(&self, txn: TxnId) -> u32 {
        self.process[txn as usize]
    }

    /// The place of its beginning.
    pub(super) fn invoked(&self, txn: TxnId) -> u32 {
        self.invoked[txn as usize]
    }

    /// The place of its end, where it certainly happened; else [`NEVER`].
    pub(super) fn completed(&self, txn: TxnId) -> u32 {
        self.completed[txn as usize]
    }

    /// How many vertices there are.
    pub(super) fn vertices(&self) -> usize {
        self.done.len()
    }

    /// The vertex of one that may have happened.
    pub(super) fn vertex(&self, txn: TxnId) -> Vertex {
        self.vertices[txn as usize]
    }

    /// The transaction of a vertex.
    pub(super) fn of(&self, vertex: Vertex) -> TxnId {
        self.done[vertex as usize]
    }

    /// The vertices that are `ok`, each with its process.
    pub(super) fn processes(&self) -> impl Iterator<Item = (Vertex, u32)> {
        let vertices = (0..).zip(&self.done);
        vertices
            .filter(|(_, txn)| self.is_ok(**txn))
            .map(|(vertex, txn)| (vertex, self.process(*txn)))
    }

    /// When the vertices began and ended.
    pub(super) fn times(&self) -> Times {
        Times {
            invoked: self.done.iter().map(|txn| self.invoked(*txn)).collect(),
            completed: self.done.iter().map(|txn| self.completed(*txn)).collect(),
        }
    }

    /// Whether one that happened had completed before another that may have happened began.
    pub(super) fn any_in_order(&self) -> bool {
        let first = self.completed.iter().min().copied().unwrap_or(NEVER);
        let begun = self.done.iter().map(|txn| self.invoked(*txn));
        begun.max().is_some_and(|last| first < last)
    }
}

#[cfg(test)]
mod tests {
    use super::Txns;

    #[test]
    fn numbers_tell_transactions_where_they_run_alike() {
        let mut txns = Txns::default();
        assert_eq!(txns.numbered(7), None);
        txns.begin(0, 7);
        txns.begin(1, 8);
        assert_eq!((txns.numbered(7), txns.numbered(8)), (Some(0), Some(1)));
        assert_eq!(txns.numbered(6), None);
        txns.begin_unseen(2, 10);
        assert_eq!(txns.numbered(7), None);
    }
}
