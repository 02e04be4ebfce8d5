//! What the members of a group read, committed, and owned.

use std::collections::{BTreeMap, BTreeSet};

use history::{Change, Commit, Committed, Event, F, GroupStep, Key, Offset, Op, Phase, Value, What};

use super::claims::{Claim, Claims};
use crate::paged::Paged;

/// A commit of one partition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Committing {
    pub(crate) key: Key,
    /// The offset to read next.
    pub(crate) offset: Offset,
    pub(crate) op: u64,
    /// When it was begun, and when it was acknowledged; that never where nobody knows whether it happened.
    pub(crate) begun: u64,
    pub(crate) acknowledged: Option<u64>,
}

/// A look at what was committed of one partition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) key: Key,
    pub(crate) offset: Option<Offset>,
    pub(crate) op: u64,
    pub(crate) begun: u64,
    pub(crate) ended: u64,
}

/// Everything that members did.
#[derive(Default)]
pub(crate) struct Members {
    /// What they read, by value.
    read: Paged<bool>,
    /// Who joined a group, of processes.
    joined: BTreeSet<u32>,
    /// Commits that were acknowledged or of which nobody knows, in the order of their ends.
    pub(crate) commits: Vec<Committing>,
    pub(crate) looks: Vec<Look>,
    /// The last look at each partition once everything was whole again.
    finally: BTreeMap<Key, Look>,
    claims: Claims,
    /// Processes of which their library has said as which member they were given something.
    named: BTreeSet<u32>,
    /// Partitions that members found to have been taken from them without their doing: how often.
    lost: u64,
    /// When each process began what it is at.
    begun: BTreeMap<u32, (u64, u64)>,
    whole: bool,
    any: bool,
}

impl Members {
    pub(super) fn event(&mut self, event: &Event) {
        match &event.what {
            What::Phase(phase) => self.whole = *phase >= Phase::Settle,
            What::Invoke(op) => self.begin(event.time, op),
            What::Ok(op) => self.ok(event.time, op),
            What::Fail(op) => {
                self.begun.remove(&op.process);
            }
            What::Info(op) => self.unknown(op),
            _ => {}
        }
    }

    fn begin(&mut self, time: u64, op: &Op) {
        match &op.f {
            F::Subscribe(_) => {
                self.joined.insert(op.process);
            }
            F::Group(_) => {
                self.any = true;
                self.begun.insert(op.process, (op.op, time));
            }
            _ => {}
        }
    }

    /// When it was begun; where the history does not say, nothing is known of it.
    fn begun(&mut self, op: &Op) -> Option<u64> {
        let (number, time) = self.begun.remove(&op.process)?;
        (number == op.op).then_some(time)
    }

    fn ok(&mut self, time: u64, op: &Op) {
        match &op.f {
            F::Poll(poll) if self.joined.contains(&op.process) => {
                for record in &poll.records {
                    *self.read.slot(record.value) = true;
                }
            }
            F::Group(step) => {
                let Some(begun) = self.begun(op) else { return };
                match step {
                    GroupStep::Commit(commit) => {
                        self.claims.commits(op.process, commit);
                        // Of who is no member any more a coordinator takes it only while the group has none: then it may go back.
                        let stranger = commit.member.generation < 0 && self.named.contains(&op.process);
                        let acknowledged = Some(time).filter(|_| !stranger);
                        self.commit(op.op, begun, acknowledged, commit);
                    }
                    GroupStep::Committed(committed) => self.look(op.op, begun, time, committed),
                    GroupStep::Rebalance(rebalance) => {
                        if rebalance.member.generation >= 0 {
                            self.named.insert(op.process);
                        }
                        self.lost += u64::from(rebalance.change == Change::Lost);
                        self.claims.rebalanced(time, op.process, op.op, rebalance);
                    }
                }
            }
            F::Subscribe(_) | F::Crash => self.claims.left(op.process),
            _ => {}
        }
    }

    fn unknown(&mut self, op: &Op) {
        match &op.f {
            F::Group(GroupStep::Commit(commit)) => {
                if let Some(begun) = self.begun(op) {
                    self.commit(op.op, begun, None, commit);
                }
            }
            F::Crash => self.claims.left(op.process),
            _ => {
                self.begun.remove(&op.process);
            }
        }
    }

    fn commit(&mut self, op: u64, begun: u64, acknowledged: Option<u64>, commit: &Commit) {
        for (key, offset) in &commit.offsets {
            self.commits.push(Committing {
                key: *key,
                offset: *offset,
                op,
                begun,
                acknowledged,
            });
        }
    }

    fn look(&mut self, op: u64, begun: u64, ended: u64, committed: &Committed) {
        for (key, offset) in &committed.offsets {
            let look = Look {
                key: *key,
                offset: *offset,
                op,
                begun,
                ended,
            };
            self.looks.push(look);
            if self.whole {
                self.finally.insert(*key, look);
            }
        }
    }

    /// Whether there was a group at all.
    pub(crate) fn are_there(&self) -> bool {
        self.any
    }

    /// How often members found that their group had given them up, and their partitions to others.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// Whether a member read a value.
    pub(crate) fn read(&self, value: Value) -> bool {
        self.read.get(value)
    }

    /// What was committed of a partition once everything was whole again, as far as that was asked for.
    pub(crate) fn finally(&self, key: Key) -> Option<Look> {
        self.finally.get(&key).copied()
    }

    /// Two members each of which owned one partition in one generation.
    pub(crate) fn contradictions(&self) -> Vec<(Claim, Claim)> {
        self.claims.contradictions()
    }

    /// How many times a partition was given to a member of whom is known who it was.
    pub(crate) fn claims(&self) -> usize {
        self.claims.count()
    }
}
