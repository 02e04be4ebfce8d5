//! Ranges that hold two records at one offset, and ranges that were written twice.

use history::{Key, NodeId, Offset};

use super::tell;
use crate::anomaly::{DUPLICATE, INCONSISTENT_OFFSETS, LOST_WRITE};
use crate::context::{Context, distinct};
use crate::story::Story;
use crate::text::{count, list, nodes, seconds};
use crate::verdict::{Case, Verdict};

/// Findings of one kind that are looked at, over all partitions.
const LOOKED_AT_MAX: usize = 100_000;

/// Neighbouring offsets that held two values each, no more stories than there is room for.
pub(super) fn diverged(context: &Context, verdict: &Verdict, lost: &[Story], room: usize) -> Vec<Story> {
    if !verdict.anomalies.contains_key(INCONSISTENT_OFFSETS) {
        return Vec::new();
    }
    let index = &context.index;
    let logs = index.logs();
    let all = logs.flat_map(|(key, log)| log.divided().map(move |offset| (key, offset)));
    let all = all.filter(|(key, offset)| index.at(*key, *offset).len() > 1);
    let places = all.map(|(key, offset)| (key, offset as Offset));
    let mut stories = joined(context, INCONSISTENT_OFFSETS, places.take(LOOKED_AT_MAX), room);
    for story in &mut stories {
        story.sentences = two_values(context, verdict, story, lost);
    }
    stories
}

/// Writes that stand at two places, neighbours by the later one, no more stories than there is room for.
pub(super) fn duplicates(context: &Context, verdict: &Verdict, room: usize) -> Vec<Story> {
    if !verdict.anomalies.contains_key(DUPLICATE) {
        return Vec::new();
    }
    let writes = &context.index.writes;
    let repeated = writes
        .repeated()
        .filter(|(number, _)| !writes.is_suspect(*number));
    let last = repeated.filter_map(|(number, offsets)| Some((writes.key(number), *offsets.iter().max()?)));
    let mut places: Vec<(Key, Offset)> = last.take(LOOKED_AT_MAX).collect();
    places.sort_unstable();
    let mut stories = joined(context, DUPLICATE, places.into_iter(), room);
    for story in &mut stories {
        let mut told = vec![format!(
            "{} written a second time: {}.",
            if story.records == 1 {
                "1 record was".to_owned()
            } else {
                count(story.records, "record") + " were"
            },
            tell::place(story)
        )];
        told.extend(circumstances(context, verdict, story));
        story.sentences = told;
    }
    stories
}

/// The first stories of findings in the order of their places: each is of the story before where it adjoins that, or of a
/// new one.
fn joined(
    context: &Context,
    anomaly: &str,
    places: impl Iterator<Item = (Key, Offset)>,
    room: usize,
) -> Vec<Story> {
    let mut stories: Vec<Story> = Vec::new();
    for (key, offset) in places {
        if let Some(last) = stories.last_mut()
            && last.key == key
            && last.last.is_some_and(|last| offset == last.saturating_add(1))
        {
            last.last = Some(offset);
            last.records += 1;
            continue;
        }
        if stories.len() >= room {
            break;
        }
        stories.push(Story {
            anomaly: anomaly.to_owned(),
            key,
            partition: context.name(key),
            first: Some(offset),
            last: Some(offset),
            records: 1,
            ..Story::default()
        });
    }
    stories
}

/// The cases of a story that are told in full.
fn cases<'v>(verdict: &'v Verdict, story: &Story) -> impl Iterator<Item = &'v Case> + Clone {
    let (key, first, last) = (story.key, story.first, story.last);
    let findings = verdict.anomalies.get(&story.anomaly);
    let cases = findings.into_iter().flat_map(|findings| &findings.cases);
    cases.filter(move |case| case.key == Some(key) && case.offset >= first && case.offset <= last)
}

fn two_values(context: &Context, verdict: &Verdict, story: &mut Story, lost: &[Story]) -> Vec<String> {
    let mut told = vec![format!(
        "{} held two records or more: {}.",
        if story.records == 1 {
            "1 offset".to_owned()
        } else {
            count(story.records, "offset")
        },
        tell::place(story)
    )];
    let overlaps = |other: &&Story| {
        other.anomaly == LOST_WRITE
            && other.key == story.key
            && other.first <= story.last
            && other.last >= story.first
    };
    let same: Vec<&Story> = lost.iter().filter(overlaps).collect();
    if same.is_empty() {
        told.extend(circumstances(context, verdict, story));
    } else {
        let places: Vec<String> = same.iter().map(|story| tell::place(story)).collect();
        told.push(format!(
            "One record of each was acknowledged and lost: see the story of {}.",
            list(&places)
        ));
        let faults = same.iter().flat_map(|story| story.faults.iter().copied());
        story.faults = distinct(faults);
        story.from = same.iter().map(|story| story.from).min().unwrap_or_default();
        story.until = same.iter().map(|story| story.until).max().unwrap_or_default();
    }
    told.extend(now(context, story));
    told
}

/// What stands there now.
fn now(context: &Context, story: &Story) -> Option<String> {
    let first = story.first?;
    let place = u64::try_from(first).ok()?;
    let copies = context.index.copies_of(story.key);
    let held: Vec<(NodeId, i32)> = copies
        .filter_map(|(node, copy)| Some((node, copy.at(&context.index, story.key, place)?.1)))
        .collect();
    let epochs = distinct(held.iter().map(|(_, epoch)| *epoch));
    let [epoch] = epochs.as_slice() else { return None };
    let of: Vec<NodeId> = held.iter().map(|(node, _)| *node).collect();
    Some(format!(
        "What stands from offset {first} on after the run, on {}, was written in epoch {epoch}.",
        nodes(&of)
    ))
}

/// When, and what was wrong then, as far as the cases that were kept tell.
fn circumstances(context: &Context, verdict: &Verdict, story: &mut Story) -> Vec<String> {
    let times = cases(verdict, story).map(|case| case.time);
    let (first, last) = (times.clone().min(), times.max());
    let (Some(first), Some(last)) = (first, last) else {
        return Vec::new();
    };
    story.faults = distinct(cases(verdict, story).flat_map(|case| case.faults.iter().copied()));
    (story.from, story.until) = (first, last);
    let mut told = vec![if first == last {
        format!("That was seen at {}.", seconds(first))
    } else {
        format!("That was seen from {} to {}.", seconds(first), seconds(last))
    }];
    told.extend(context.faults_known(first));
    let lane = context.timeline.lanes.get(story.key as usize);
    let before = lane.and_then(|lane| lane.at(first));
    if let Some(leader) = before.and_then(|state| state.leader) {
        let epoch = before.map_or(0, |state| state.epoch);
        told.push(format!(
            "By the brokers' metadata node {leader} led then, in epoch {epoch}."
        ));
    }
    told
}
