//! What the evidence shows of a lost range.

use history::{Key, Moment, NodeId, Offset, Value};

use super::quotes;
use super::ranges::Range;
use crate::checks::replicas::is_whole;
use crate::context::{Context, distinct};
use crate::disks::{Copied, DiskReplica, Held};
use crate::rulings::{Clock, Ruled};
use crate::story::{DeposedLeader, Holder, Source, Story, StoryElection, StoryState, Truncation, Why};
use crate::timeline::FaultInterval;

/// Kinds of faults by which somebody asks for elections.
const ASKING: [&str; 6] = [
    "elect-unclean",
    "elect-preferred",
    "election-storm",
    "move-leaders",
    "reassign",
    "unclean-config",
];

/// Records of a range, in the order of their offsets.
type Records = Vec<(Offset, Value)>;

/// Who might lead the partition at a time in the range's epoch.
pub(super) fn state(context: &Context, range: &Range, time: u64) -> Option<StoryState> {
    let rulings = context.rulings.of_epoch(range.key, range.epoch?);
    let ruled = rulings.iter().rfind(|ruled| ruled.at <= time).or(rulings.first());
    if let Some(Ruled { ruling, .. }) = ruled {
        return Some(StoryState {
            isr: sorted(&ruling.isr),
            elr: Some(sorted(&ruling.elr)),
            source: Source::MetadataLog,
        });
    }
    shown_state(context, range.key, time, range.epoch?, range.broker)
}

/// The same by what brokers showed.
fn shown_state(
    context: &Context,
    key: Key,
    time: u64,
    epoch: i32,
    node: Option<NodeId>,
) -> Option<StoryState> {
    if let Some(shown) = context.scene.shown(key, time, epoch, node) {
        return Some(StoryState {
            isr: sorted(&shown.isr),
            elr: Some(sorted(&shown.elr)),
            source: Source::Partitions,
        });
    }
    let claimed = node.and_then(|node| crate::checks::log::claim_of(context, key, node, time));
    let isr = if let Some(claim) = claimed.filter(|claim| claim.epoch == epoch) {
        &claim.isr
    } else {
        let changes = &context.timeline.lanes.get(key as usize)?.changes;
        let known = |change: &&crate::LeaderChange| change.time <= time && change.epoch <= epoch;
        &changes.iter().rfind(known)?.isr
    };
    Some(StoryState {
        isr: sorted(isr),
        elr: None,
        source: Source::Metadata,
    })
}

fn sorted(nodes: &[NodeId]) -> Vec<NodeId> {
    distinct(nodes.iter().copied())
}

/// What each replica had of the range, of which a copy is known.
pub(super) fn holders(context: &Context, range: &Range) -> Vec<Holder> {
    let replicas = context.disks.replicas(range.key);
    replicas
        .map(|(node, replica)| holder(context, range, node, replica))
        .collect()
}

fn holder(context: &Context, range: &Range, node: NodeId, replica: &DiskReplica) -> Holder {
    let all = range.records().count();
    let mut never: Records = range.records().collect();
    let mut last = None;
    for state in (0..replica.states().len()).rev() {
        let (held, others) = parted(replica, state, never);
        never = others;
        if last.is_none() && !held.is_empty() {
            last = Some((state, held));
        }
    }
    let copy = |state: usize| context.disks.copy_of(&replica.states()[state]);
    let held = last.as_ref().map(|(state, _)| copy(*state));
    let gone = last.and_then(|(state, held)| gone(context, range.key, replica, state, &held));
    let gone = gone.map(copy);
    Holder {
        node,
        records: (all - never.len()) as u64,
        held_until: held.map(|copy| copy.begun),
        held_moment: held.map(moment),
        gone_by: gone.map(|copy| copy.begun),
        gone_moment: gone.map(moment),
    }
}

/// Where the log of every replica begins, as its disk was seen last, where that is behind all of the range and nothing shows that the
/// records were cut off before: they went as the beginning of their partition, by retention or on request.
pub(super) fn beginnings(context: &Context, range: &Range, story: &Story) -> Vec<(NodeId, Offset)> {
    let gone = story.holders.iter().any(|holder| holder.gone_by.is_some());
    if gone || story.election.is_some() || !story.truncations.is_empty() {
        return Vec::new();
    }
    let last = range.offsets().map_or(Offset::MAX, |offsets| offsets.1);
    let replicas = context.disks.replicas(range.key);
    let seen = replicas.filter_map(|(node, replica)| Some((node, replica.states().last()?.start)));
    let all: Vec<(NodeId, Offset)> = seen.collect();
    if all.iter().all(|(_, start)| *start > last) {
        all
    } else {
        Vec::new()
    }
}

/// Which of some records a state holds, and the others.
fn parted(replica: &DiskReplica, state: usize, records: Records) -> (Records, Records) {
    let from = records.first().map_or(0, |first| first.0);
    let to = records.last().map_or(0, |last| last.0.saturating_add(1));
    let mut there = replica.records(state, from, to).peekable();
    records.into_iter().partition(|(offset, value)| {
        while there.next_if(|record| record.0 < *offset).is_some() {}
        let record = there.peek();
        record.is_some_and(|record| (record.0, record.1) == (*offset, *value))
    })
}

/// The first state after one that certainly lacks all of these records. What was deleted, or lies where a copy could not be
/// read, may have been there.
fn gone(
    context: &Context,
    key: Key,
    replica: &DiskReplica,
    last: usize,
    records: &[(Offset, Value)],
) -> Option<usize> {
    (last + 1..replica.states().len()).find(|state| {
        let whole = is_whole(context, key, &replica.states()[*state]);
        let lacks = |(offset, value): &(Offset, Value)| match replica.at(*state, *offset) {
            Held::Record { value: held, .. } => held != *value,
            Held::Nothing | Held::Beyond => whole,
            Held::Before | Held::Unknown => false,
        };
        records.iter().all(lacks)
    })
}

/// Why a copy was made, as the rest of a sentence.
fn moment(copy: &Copied) -> String {
    match copy.moment {
        Moment::BeforeHeal(fault) => format!("before fault {fault} was healed"),
        Moment::BeforeStart => "before its process was started".to_owned(),
        Moment::BeforePowerLoss => "before it lost its power".to_owned(),
        Moment::BeforeWipe => "before its disk was emptied".to_owned(),
        Moment::AtTheEnd => "at the end of the run".to_owned(),
    }
}

/// Where a node's log ended by its own lines, as it stood last before records of the range were thrown away: at a time.
pub(super) fn ended_at(context: &Context, range: &Range, node: NodeId) -> Option<(u64, Offset)> {
    let (first, _) = range.offsets()?;
    let from = range.times().0;
    let lines = context.scene.lines_of(range.key);
    let own = lines.filter(|line| line.node == node && line.at >= from);
    let mut ends = own.filter_map(|line| Some((line.at, quotes::begins(line)?.1)));
    ends.find(|(_, end)| *end > first)
}

/// A change of epoch after which another led, or nobody.
struct Deposal {
    epoch: i32,
    leader: Option<NodeId>,
    time: u64,
}

/// The first epoch after the range's.
fn deposal(context: &Context, range: &Range) -> Option<Deposal> {
    let epoch = range.epoch?;
    let lane = context.timeline.lanes.get(range.key as usize);
    let shown = lane.and_then(|lane| lane.changes.iter().find(|change| change.epoch > epoch));
    let mut elections = context.rulings.elections(range.key);
    let ruled = elections.find(|election| election.after.ruling.epoch > epoch);
    let ruled = ruled.filter(|election| election.after.clock == Clock::Controller || shown.is_none());
    match (ruled, shown) {
        (Some(election), _) => Some(Deposal {
            epoch: election.after.ruling.epoch,
            leader: election.leader(),
            time: election.after.at,
        }),
        (None, shown) => shown.map(|change| Deposal {
            epoch: change.epoch,
            leader: change.leader,
            time: change.time,
        }),
    }
}

/// That the one who acknowledged had been deposed before the last of it, if that is so.
pub(super) fn deposed(context: &Context, range: &Range) -> Option<DeposedLeader> {
    let (node, epoch) = (range.broker?, range.epoch?);
    let newer = deposal(context, range)?;
    let after = range.writes.iter().map(|lost| lost.write.time());
    let after = after.filter(|time| *time > newer.time);
    let acknowledged = after.clone().count() as u64;
    let last = after.max()?;
    let views = context.timeline.views_of(range.key);
    let own = views
        .iter()
        .filter(|view| view.node == node)
        .flat_map(|view| &view.spans);
    let named = own.filter(|span| span.epoch == epoch && span.leader == Some(node));
    let later = |time: &u64| *time > newer.time;
    Some(DeposedLeader {
        node,
        epoch,
        newer_epoch: newer.epoch,
        newer_leader: newer.leader,
        since: newer.time,
        acknowledged_for: last - newer.time,
        acknowledged,
        named_itself_until: named.map(|span| span.until_asked).max().filter(later),
        answered_until: context.scene.stood(range.key, node, epoch).filter(later),
    })
}

/// An election as it is known, from the metadata log or from what brokers showed.
struct Candidate {
    epoch: i32,
    leader: NodeId,
    time: u64,
    before: Option<StoryState>,
    recovering: bool,
}

/// The election after which the records were gone: the first whose leader lacked some of them, as far as that is known.
pub(super) fn election(context: &Context, range: &Range) -> Option<StoryElection> {
    let epoch = range.epoch?;
    let candidates = candidates(context, range, epoch);
    let begins_at = |candidate: &Candidate| {
        let mut lines = context
            .scene
            .lines_of(range.key)
            .filter(|line| quotes::leads(line));
        lines.find_map(|line| {
            let (epoch, offset) = quotes::begins(line)?;
            (line.node == candidate.leader && epoch == candidate.epoch).then_some(offset)
        })
    };
    let last = range.offsets().map(|offsets| offsets.1);
    let lacks = |candidate: &&Candidate| match (begins_at(candidate), last) {
        (Some(end), Some(last)) => end <= last,
        _ => true,
    };
    let chosen = candidates.iter().find(lacks).or(candidates.first())?;
    let leader = chosen.leader;
    let (why, only_one) = why(context, range, chosen);
    let asked = |fault: &&FaultInterval| ASKING.contains(&fault.kind.as_str());
    Some(StoryElection {
        time: chosen.time,
        epoch: chosen.epoch,
        leader,
        why,
        only_one,
        asked_by: context
            .timeline
            .faults_at(chosen.time)
            .find(asked)
            .map(|fault| fault.id),
        begins_at: begins_at(chosen),
        before: chosen.before.clone(),
    })
}

/// Every later epoch with a leader, in order: by the metadata log where it is known.
fn candidates(context: &Context, range: &Range, epoch: i32) -> Vec<Candidate> {
    let elections = context.rulings.elections(range.key);
    let ruled = elections.filter_map(|election| {
        let after = election.after;
        Some(Candidate {
            epoch: after.ruling.epoch,
            leader: after.ruling.leader?,
            time: shown_first(context, range.key, after.ruling.epoch)
                .map_or(after.at, |shown| shown.min(after.at)),
            before: election.before.map(|before| StoryState {
                isr: sorted(&before.ruling.isr),
                elr: Some(sorted(&before.ruling.elr)),
                source: Source::MetadataLog,
            }),
            recovering: after.ruling.recovering,
        })
    });
    let ruled: Vec<Candidate> = ruled.filter(|candidate| candidate.epoch > epoch).collect();
    if !ruled.is_empty() {
        return ruled;
    }
    let changes = context
        .timeline
        .lanes
        .get(range.key as usize)
        .map(|lane| &lane.changes);
    let mut found: Vec<Candidate> = Vec::new();
    for change in changes
        .into_iter()
        .flatten()
        .filter(|change| change.epoch > epoch)
    {
        let Some(leader) = change.leader else { continue };
        if found.last().is_some_and(|last| last.epoch == change.epoch) {
            continue;
        }
        found.push(Candidate {
            epoch: change.epoch,
            leader,
            time: change.time,
            before: shown_state(
                context,
                range.key,
                change.time.saturating_sub(1),
                change.epoch.saturating_sub(1),
                None,
            ),
            recovering: false,
        });
    }
    found
}

fn shown_first(context: &Context, key: Key, epoch: i32) -> Option<u64> {
    let lane = context.timeline.lanes.get(key as usize)?;
    lane.changes
        .iter()
        .find(|change| change.epoch == epoch)
        .map(|change| change.time)
}

/// Why a node was elected, and whether it was the only one that might be.
fn why(context: &Context, range: &Range, chosen: &Candidate) -> (Why, bool) {
    let said = |line: &history::BrokerLine| quotes::is_unclean(line, chosen.leader);
    let from = range.times().0;
    let mut lines = context.scene.lines_of(range.key).filter(|line| line.at >= from);
    if chosen.recovering || lines.any(said) {
        return (Why::Unclean, false);
    }
    let Some(before) = &chosen.before else {
        return (Why::Unknown, false);
    };
    let elr = before.elr.as_deref().unwrap_or_default();
    let eligible = distinct(before.isr.iter().chain(elr).copied());
    let only = eligible == [chosen.leader];
    if before.isr.contains(&chosen.leader) {
        (Why::InIsr, only)
    } else if elr.contains(&chosen.leader) {
        (Why::InElr, only)
    } else if before.elr.is_none() {
        (Why::OutsideIsr, false)
    } else {
        (Why::Unclean, false)
    }
}

/// Who threw records of the range away, by its own word: each node's first line that says so.
pub(super) fn truncations(context: &Context, range: &Range) -> Vec<(Truncation, history::BrokerLine)> {
    let Some((_, last)) = range.offsets() else {
        return Vec::new();
    };
    let from = range.times().0;
    let mut found: Vec<(Truncation, history::BrokerLine)> = Vec::new();
    let lines = context.scene.lines_of(range.key);
    for line in lines.filter(|line| line.at >= from && line.text.contains("Truncating to offset")) {
        let Some(to) = quotes::truncated_to(line).filter(|to| *to <= last) else {
            continue;
        };
        if found.iter().all(|(known, _)| known.node != line.node) {
            let truncation = Truncation {
                node: line.node,
                at: line.at,
                to,
            };
            found.push((truncation, line.clone()));
        }
    }
    found
}

/// The faults that belong to a range: in force while it was acknowledged, or begun before the election.
pub(super) fn faults<'c>(context: &'c Context, range: &Range, until: u64) -> Vec<&'c FaultInterval> {
    let (from, last) = range.times();
    let until = until.max(last);
    let met = |fault: &&FaultInterval| {
        let start = fault.start().unwrap_or(u64::MAX);
        start <= until && fault.to.is_none_or(|to| to >= from)
    };
    context.timeline.faults.iter().filter(met).collect()
}
