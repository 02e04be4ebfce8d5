//! Writes that a deposed leader acknowledged and that were lost: who, when, and how that is known.
//!
//! The loss itself is `lost-write`; this explains it. A write counts where it was begun after another broker had shown a newer
//! epoch, so that it was acknowledged after that too, and where the one that acknowledged was not seen as a leader of a newer
//! epoch up to then. Anything less is no certainty.

use std::collections::BTreeMap;

use history::{Key, NodeId, Offset, Value};

use super::deposed::{Deposition, Depositions};
use crate::anomaly::SPLIT_BRAIN_LOSS;
use crate::context::{Context, with_faults};
use crate::evidence::WriteStory;
use crate::outcome::{Kept, Outcome};
use crate::text::{count as counted, seconds};
use crate::verdict::Case;

/// A change is seen a moment after it was made: whatever is seen so soon after a time counts as made by then.
const SOON: u64 = 1_000_000_000;
/// Values of one deposed leader that a case names.
const VALUES_MAX: usize = 100;

/// The acknowledged writes that were lost and of which the evidence was kept, by partition and by who acknowledged.
pub(super) struct Lost(BTreeMap<(Key, NodeId), Vec<WriteStory>>);

impl Lost {
    pub(super) fn of(context: &Context) -> Self {
        let mut lost: BTreeMap<_, Vec<WriteStory>> = BTreeMap::new();
        let writes = context.tally.lost_all.iter();
        for number in writes.filter(|number| context.index.writes.is_acknowledged(**number)) {
            let write = context.evidence.writes.of_number(*number);
            if let Some(broker) = write.broker {
                lost.entry((write.key, broker)).or_default().push(write);
            }
        }
        Self(lost)
    }

    /// Those that were acknowledged by a leader after it had been deposed, beyond doubt.
    fn by(&self, context: &Context, deposition: &Deposition) -> Vec<&WriteStory> {
        let again = leads_again(context, deposition);
        let is_by = |write: &&WriteStory| {
            write.completed.is_some_and(|completed| {
                let deposed = again.is_none_or(|again| again > completed.saturating_add(SOON));
                write.invoked > deposition.since && (deposition.until() >= completed || deposed)
            })
        };
        let writes = self.0.get(&(deposition.key, deposition.node));
        writes.into_iter().flatten().filter(is_by).collect()
    }
}

/// When the deposed leader was first seen to lead in a newer epoch.
fn leads_again(context: &Context, deposition: &Deposition) -> Option<u64> {
    let lane = context.timeline.lanes.get(deposition.key as usize)?;
    let again = lane
        .changes
        .iter()
        .filter(|change| change.epoch > deposition.epoch && change.leader == Some(deposition.node));
    again.map(|change| change.time).min()
}

/// Counts what each lost, and what was read of it.
pub(super) fn count(context: &Context, lost: &Lost, deposed: &mut [Deposition]) {
    for deposition in deposed {
        deposition.lost = lost.by(context, deposition).len() as u64;
        let vanished = context.tally.vanished.first.iter();
        let reads = vanished.filter_map(|number| {
            let write = context.evidence.writes.of_number(*number);
            write.read.filter(|_| write.key == deposition.key)
        });
        let meanwhile = deposition.since..=deposition.until();
        deposition.vanished = reads.filter(|read| meanwhile.contains(&read.time)).count() as u64;
    }
}

pub(super) fn find(context: &Context, lost: &Lost, all: &Depositions, outcome: &mut Outcome) {
    let mut found = Kept::default();
    for deposition in all.leaders.iter().filter(|deposition| deposition.lost > 0) {
        found.push(|| case(context, deposition, lost.by(context, deposition)));
    }
    // With any other number of acknowledgements the leader's word alone is what was asked for: that it may be lost with
    // the leader is known, and the loss is a finding of its own.
    let promised = context.header.expect.acks == "all";
    outcome.found(promised, SPLIT_BRAIN_LOSS, &found, Case::clone);
    for deposition in all.leaders.iter().filter(|deposition| deposition.vanished > 0) {
        outcome.note(format!(
            "{} of {} that clients read between {} and {}, while node {}, deposed, still showed itself as leader in epoch {}, {} gone",
            counted(deposition.vanished, "record"),
            deposition.partition,
            seconds(deposition.since),
            seconds(deposition.until()),
            deposition.node,
            deposition.epoch,
            if deposition.vanished == 1 { "is" } else { "are" }
        ));
    }
}

fn case(context: &Context, deposition: &Deposition, mut lost: Vec<&WriteStory>) -> Case {
    lost.sort_by_key(|write| (write.time(), write.op));
    let time = lost.first().map_or(deposition.since, |write| write.time());
    let until = lost.last().map_or(time, |write| write.time());
    let offsets: Vec<Offset> = lost.iter().filter_map(|write| write.offset).collect();
    let values: Vec<Value> = lost.iter().map(|write| write.value).take(VALUES_MAX).collect();
    Case {
        offset: offsets.iter().min().copied(),
        values,
        nodes: vec![deposition.node],
        epoch: Some(deposition.epoch),
        ops: lost.iter().map(|write| write.op).take(VALUES_MAX).collect(),
        story: with_faults(
            context,
            time,
            story(deposition, lost.len() as u64, &offsets, (time, until)),
        ),
        ..context.case(time, deposition.key)
    }
}

fn story(deposition: &Deposition, lost: u64, offsets: &[Offset], (from, to): (u64, u64)) -> Vec<String> {
    let Deposition {
        node,
        partition,
        epoch,
        newer_epoch,
        ..
    } = deposition;
    let places = match (offsets.iter().min(), offsets.iter().max()) {
        (Some(lowest), Some(highest)) if lowest < highest => format!(", at offsets {lowest} to {highest}"),
        (Some(lowest), _) => format!(", at offset {lowest}"),
        _ => String::new(),
    };
    let newer = deposition.newer_leader.map_or_else(
        || "without a leader".to_owned(),
        |leader| format!("led by node {leader}"),
    );
    let mut story = vec![
        format!(
            "Node {node}, deposed, acknowledged {} to {partition}{places}, between {} and {}, and the log does not hold {} any more.",
            counted(lost, "write"),
            seconds(from),
            seconds(to),
            if lost == 1 { "it" } else { "them" }
        ),
        format!(
            "Epoch {newer_epoch}, {newer}, had first been shown at {}; each of these writes was begun after that.",
            seconds(deposition.since)
        ),
    ];
    if let Some(until) = deposition.named_until {
        story.push(format!(
            "Node {node} named itself leader in epoch {epoch} until {}.",
            seconds(until)
        ));
    }
    if let Some(until) = deposition.answered_until {
        story.push(format!(
            "Asked in epoch {epoch}, node {node} answered as leader until {}.",
            seconds(until)
        ));
    }
    story
}
