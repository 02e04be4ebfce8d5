//! After the run every replica's own copy holds the same records below the lowest high watermark.
//!
//! Followers serve a raw Fetch up to their own high watermark; what two copies hold below both must be the
//! same, offset by offset.

use std::iter::Peekable;

use history::{Key, NodeId, Offset, Phase, Value};

use crate::context::Context;
use crate::index::{ReplicaCopy, keys_of};
use crate::outcome::Outcome;
use crate::text::{self, count};
use crate::verdict::Case;

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    if context.index.copies.is_empty() && context.timeline.phase_start(Phase::FinalReads).is_none() {
        outcome.note("no replica's own copy was read".to_owned());
        return outcome;
    }
    for key in 0..keys_of(context.header) {
        let copies: Vec<(NodeId, &ReplicaCopy)> = context.index.copies_of(key).collect();
        check_presence(context, key, &copies, &mut outcome);
        compare(context, key, &copies, &mut outcome);
    }
    outcome
}

fn check_presence(context: &Context, key: Key, copies: &[(NodeId, &ReplicaCopy)], outcome: &mut Outcome) {
    let topic = context.header.partition(key).map(|(topic, _)| topic);
    let topic = context
        .header
        .topics
        .iter()
        .find(|candidate| Some(candidate.name.as_str()) == topic);
    let wanted = topic.map_or(0, |topic| topic.replication_factor as usize);
    let whole = copies.iter().filter(|(_, copy)| copy.whole).count();
    if whole < wanted {
        outcome.unknown(format!(
            "of {wanted} replicas of {} the own copies of {whole} were read to their end",
            context.name(key)
        ));
    }
}

fn compare(context: &Context, key: Key, copies: &[(NodeId, &ReplicaCopy)], outcome: &mut Outcome) {
    // A copy that was not read to its end says nothing of what lies beyond.
    let limit = |copy: &ReplicaCopy| {
        if copy.whole {
            copy.high_watermark
        } else {
            copy.high_watermark.min(copy.end())
        }
    };
    let Some(below) = copies.iter().map(|(_, copy)| limit(copy)).min() else {
        return;
    };
    let mut cursors: Vec<_> = copies
        .iter()
        .map(|(node, copy)| (*node, copy.records().peekable()))
        .collect();
    let mut at: Vec<(NodeId, Option<Value>)> = Vec::with_capacity(cursors.len());
    while let Some(offset) = next_offset(&mut cursors).filter(|offset| *offset < below) {
        at.clear();
        at.extend(cursors.iter_mut().map(|(node, records)| {
            let record = records.next_if(|record| record.0 == offset);
            (*node, record.map(|record| record.1))
        }));
        if at.iter().any(|(_, value)| *value != at[0].1) {
            let time = copies.iter().map(|(_, copy)| copy.time).max().unwrap_or_default();
            outcome.violation("replica-divergence", || {
                case(context, time, key, offset, &at, below)
            });
        }
    }
}

fn next_offset(cursors: &mut [(NodeId, Peekable<impl Iterator<Item = (Offset, Value)>>)]) -> Option<Offset> {
    cursors
        .iter_mut()
        .filter_map(|(_, records)| records.peek().map(|record| record.0))
        .min()
}

fn case(
    context: &Context,
    time: u64,
    key: Key,
    offset: Offset,
    at: &[(NodeId, Option<Value>)],
    below: Offset,
) -> Case {
    let mut values: Vec<Value> = at.iter().filter_map(|(_, value)| *value).collect();
    values.sort_unstable();
    values.dedup();
    let holding: Vec<String> = values
        .iter()
        .map(|value| {
            format!(
                "value {value} in {}",
                having(at, Some(*value)).unwrap_or_default()
            )
        })
        .collect();
    let mut story = vec![format!(
        "Offset {offset} of {} is not the same in all replicas: {}{}.",
        context.name(key),
        text::list(&holding),
        match having(at, None) {
            None => String::new(),
            Some(copies) => format!("; no record in {copies}"),
        },
    )];
    story.push(format!(
        "{} compared, each read from its replica alone after the run; all of them are committed up to offset {below}.",
        count(at.len() as u64, "copy").replace("copys", "copies")
    ));
    Case {
        offset: Some(offset),
        values,
        nodes: at.iter().map(|(node, _)| *node).collect(),
        story,
        ..context.case(time, key)
    }
}

fn having(at: &[(NodeId, Option<Value>)], wanted: Option<Value>) -> Option<String> {
    let nodes = at
        .iter()
        .filter(|(_, value)| *value == wanted)
        .map(|(node, _)| *node);
    let nodes: Vec<NodeId> = nodes.collect();
    (!nodes.is_empty()).then(|| text::copies_of(&nodes))
}
