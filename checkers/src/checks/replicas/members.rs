//! Whose disks are compared in the end, and how far.

use history::{Key, Moment, NodeId, Offset};

use crate::context::Context;
use crate::disks::{DiskReplica, Held, LogState};
use crate::outcome::Outcome;

/// The replicas of a partition whose disks were copied at the end.
pub(super) struct Members<'c> {
    pub(super) key: Key,
    /// Below it all of them have to hold the same.
    pub(super) below: Offset,
    /// When the last of the copies was made.
    pub(super) time: u64,
    pub(super) each: Vec<Member<'c>>,
}

/// A replica whose disk was copied at the end.
pub(super) struct Member<'c> {
    pub(super) node: NodeId,
    pub(super) replica: &'c DiskReplica,
    /// The number of its last state.
    pub(super) state: usize,
    /// All of the log could be read: what was not seen in it is not there.
    pub(super) whole: bool,
}

impl Member<'_> {
    /// The log as the last copy found it.
    pub(super) fn log(&self) -> &LogState {
        &self.replica.states()[self.state]
    }

    /// What it holds at an offset; `None` where it says nothing of it.
    pub(super) fn at(&self, offset: Offset) -> Option<Held> {
        match self.replica.at(self.state, offset) {
            Held::Before | Held::Unknown => None,
            Held::Beyond | Held::Nothing if !self.whole && !self.has_hole(offset) => None,
            held => Some(held),
        }
    }

    /// Whether an offset lies in a hole of it.
    pub(super) fn has_hole(&self, offset: Offset) -> bool {
        let mut holes = self.log().holes.iter();
        holes.any(|(from, to)| (*from..*to).contains(&offset))
    }
}

/// The replicas of a partition at the end. `None` where there is nothing to compare, or no telling how far.
///
/// A node that is no replica any more, or not in sync, may hold anything: those count that were last known to be in the
/// ISR, by the controllers' rulings or else by what brokers said. Committed is what lay below the end that all replicas
/// were seen to have before the final reads, or what all of them had noted as committed and still held.
pub(super) fn at_the_end<'c>(context: &'c Context, key: Key, outcome: &mut Outcome) -> Option<Members<'c>> {
    let isr = last_isr(context, key)?;
    let all: Vec<Member> = context
        .disks
        .replicas(key)
        .filter(|(node, _)| isr.contains(node))
        .filter_map(|(node, replica)| member(context, key, node, replica))
        .collect();
    if all.is_empty() {
        return None;
    }
    if all.len() < isr.len() {
        outcome.note(format!(
            "of {} replicas in the ISR of {} the disks of {} were copied at the end",
            isr.len(),
            context.name(key),
            all.len()
        ));
    }
    let reads = context.index.final_reads.as_ref();
    let settled = reads
        .filter(|reads| reads.complete)
        .and_then(|reads| reads.ends.get(key as usize).copied());
    let noted = all.iter().map(|member| {
        let log = member.log();
        log.high_watermark.map(|end| end.min(log.end))
    });
    let noted: Option<Offset> = noted.min().flatten();
    let time = |member: &Member| context.disks.copy_of(member.log()).time;
    Some(Members {
        key,
        below: settled.max(noted)?,
        time: all.iter().map(time).max().unwrap_or_default(),
        each: all,
    })
}

fn member<'c>(context: &'c Context, key: Key, node: NodeId, replica: &'c DiskReplica) -> Option<Member<'c>> {
    let state = replica.states().len().checked_sub(1)?;
    let last = &replica.states()[state];
    let copy = context.disks.copy_of(last);
    (copy.moment == Moment::AtTheEnd).then(|| Member {
        node,
        replica,
        state,
        whole: is_whole(context, key, last),
    })
}

/// Whether nothing of a log was hidden from a copy by damage or by a write that was under way.
pub(crate) fn is_whole(context: &Context, key: Key, state: &LogState) -> bool {
    let log = context.header.key_name(key);
    let problems = &context.disks.copy_of(state).problems;
    !state.unread && !problems.iter().any(|problem| hides(problem, &log))
}

/// Whether a problem is of a file in a log's directory, or is that the log could not be copied.
fn hides(problem: &str, log: &str) -> bool {
    let uncopied = problem
        .strip_prefix("copy ")
        .and_then(|what| what.strip_prefix(log));
    let mut named = problem.match_indices(log);
    uncopied.is_some_and(|rest| rest.starts_with(':'))
        || named.any(|(at, _)| {
            let (before, rest) = (&problem[..at], &problem[at + log.len()..]);
            (before.is_empty() || before.ends_with(['/', ' '])) && rest.starts_with('/')
        })
}

fn last_isr(context: &Context, key: Key) -> Option<Vec<NodeId>> {
    if let Some(last) = context.rulings.of(key).last() {
        return Some(last.ruling.isr.clone());
    }
    let lane = context.timeline.lanes.get(key as usize)?;
    lane.changes.last().map(|change| change.isr.clone())
}
