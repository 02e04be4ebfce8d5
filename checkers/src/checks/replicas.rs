//! After the run every replica holds the same records in the same epochs below the lowest high watermark: as it serves them
//! itself, and as they lie on its disk.
//!
//! Followers serve a raw Fetch up to their own high watermark; what two of these copies hold below both must be the same,
//! offset by offset. So must what lay on their disks in the end, where those were copied, the leader epochs of the batches
//! included. Where a log was cut off while records that had been acknowledged were in it, that is told with the election
//! that did it, and is no violation: the loss is, and the check `log` finds it.

mod cuts;
mod fetched;
mod lineage;
mod logs;
mod members;

use history::{NodeId, Value};

use crate::context::{Context, distinct};
use crate::outcome::Outcome;
use crate::text;

pub(crate) use members::is_whole;

/// What each replica holds at an offset.
type Held = Vec<(NodeId, Option<Value>)>;

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    let diverging = fetched::compare(context, &mut outcome);
    if context.disks.is_empty() {
        return outcome;
    }
    note_disks(context, &mut outcome);
    for key in 0..crate::index::keys_of(context.header) {
        if let Some(members) = members::at_the_end(context, key, &mut outcome) {
            logs::compare(context, &members, &diverging, &mut outcome);
            if !context.removes_records(key) {
                lineage::compare(context, &members, &mut outcome);
            }
        }
        // Where brokers remove records, a log that lacks some was not cut off.
        if !context.removes_records(key) {
            cuts::tell(context, key, &mut outcome);
        }
    }
    outcome
}

/// What is missing of the disks' evidence.
fn note_disks(context: &Context, outcome: &mut Outcome) {
    let copies = context.disks.copies().iter();
    let problems = copies.flat_map(|copy| copy.problems.iter().map(move |problem| (copy, problem)));
    let count = problems.clone().count() as u64;
    if let Some((copy, problem)) = problems.clone().next() {
        outcome.note(format!(
            "not all of the copied disks could be read ({}); first, of node {}{}: {problem}",
            text::count(count, "place"),
            copy.node,
            context.at(copy.time)
        ));
    }
    if context.rulings.is_empty() {
        outcome.note("no copy of a disk says what the controllers decided".to_owned());
    }
}

/// What each value is held by, and who holds none: `value 1 in the copies of nodes 1 and 2; no record in the copy of
/// node 3`.
fn holding(at: &Held) -> String {
    let values = distinct(at.iter().filter_map(|(_, value)| *value));
    let holding: Vec<String> = values
        .iter()
        .map(|value| {
            format!(
                "value {value} in {}",
                having(at, Some(*value)).unwrap_or_default()
            )
        })
        .collect();
    let lacking = having(at, None).map_or_else(String::new, |copies| format!("; no record in {copies}"));
    text::list(&holding) + &lacking
}

fn having(at: &Held, wanted: Option<Value>) -> Option<String> {
    let nodes = at
        .iter()
        .filter(|(_, value)| *value == wanted)
        .map(|(node, _)| *node);
    let nodes: Vec<NodeId> = nodes.collect();
    (!nodes.is_empty()).then(|| text::copies_of(&nodes))
}
