//! The story of one write that is gone: who acknowledged it, who led, what was wrong, what came after.

use std::collections::BTreeMap;

use history::{Key, NodeId, Offset, ProducerPromise, Value};

use crate::context::{Context, distinct};
use crate::evidence::{Pass, WriteStory};
use crate::index::Deleted;
use crate::text::{self, isr, nodes, seconds};
use crate::timeline::{Lane, LeaderChange, View, ViewSpan};

/// A write that certainly happened, and what shows that it is lost.
pub(super) fn lost(context: &Context, number: u32, write: &WriteStory) -> Vec<String> {
    let time = write.time();
    let mut story = if context.index.writes.is_acknowledged(number) {
        vec![acknowledgement(context, write)]
    } else {
        vec![
            begun(context, write, "never heard what became of it"),
            committed(context, number),
        ]
    };
    story.extend(leadership(context, write.key, write.broker, time));
    story.extend(context.faults_known(time));
    story.extend(next_leader(context, write.key, write.broker, time));
    story.push(match write.read {
        Some(read) => format!(
            "Client {} had read it, at offset {}{} (op {}): it was there, and then it was gone.",
            read.process,
            read.offset,
            context.at(read.time),
            read.op
        ),
        None => "No client ever read it.".to_owned(),
    });
    story.extend(copies(context, write));
    story.extend(repetition(context, number, write));
    story.push(proof(context, number, write));
    story
}

/// Where the acknowledged offset is that of an earlier write of the same idempotent producer: what makes brokers answer so (KIP-98).
fn repetition(context: &Context, number: u32, write: &WriteStory) -> Option<String> {
    let offset = write.offset?;
    if context.header.expect.producers != ProducerPromise::Idempotent {
        return None;
    }
    let there = context.index.at(write.key, offset as u64);
    let earlier = there
        .iter()
        .filter_map(|id| id.as_write())
        .filter(|other| *other != number)
        .map(|other| context.evidence.writes.of_number(other))
        .find(|other| other.process == write.process && other.invoked < write.invoked)?;
    Some(format!(
        "Offset {offset} is that of value {}, which client {} had written before (op {}): a broker that takes a write for a repetition, as its \
         producer id, epoch and sequence number say, acknowledges it with the first one's offset and writes nothing. Either the client used a \
         sequence number twice, or the broker took it for one; the headers of the batches on the disks tell which.",
        context.value(earlier.value),
        earlier.process,
        earlier.op
    ))
}

/// What proves that a write is gone.
pub(crate) fn proof(context: &Context, number: u32, write: &WriteStory) -> String {
    if context.index.complete(write.key) && context.index.deleted(number) == Deleted::No {
        return final_reads(context, write);
    }
    let passes = if context.index.phased {
        &context.tally.passed_over.passes
    } else {
        &context.evidence.passes
    };
    let offset = write.offset.or(write.place).unwrap_or_default();
    match passes.over(write.key, offset, write.invoked) {
        Some(pass) => passed_over(context, write, pass),
        None => below_what_was_read(context, write, offset),
    }
}

/// A write that nobody acknowledged, that a client read, and that the final reads do not hold.
pub(super) fn vanished(context: &Context, write: &WriteStory) -> Vec<String> {
    let told = begun(context, write, "never heard what became of it");
    let mut story = Vec::new();
    match write.read {
        None => story.push(told),
        Some(read) => {
            story.push(format!(
                "{}; client {} read it at offset {}{} (op {}), so it had been written.",
                told.trim_end_matches('.'),
                read.process,
                read.offset,
                context.at(read.time),
                read.op
            ));
            story.extend(context.faults_known(read.time));
            story.extend(next_leader(context, write.key, None, read.time));
        }
    }
    story.extend(copies(context, write));
    story.push(final_reads(context, write));
    story
}

fn begun(context: &Context, write: &WriteStory, end: &str) -> String {
    format!(
        "Client {} wrote value {} to {} (op {}, begun{}) and {end}.",
        write.process,
        context.value(write.value),
        context.name(write.key),
        write.op,
        context.at(write.invoked)
    )
}

/// Why a write of unknown outcome is known to have happened.
fn committed(context: &Context, number: u32) -> String {
    let writes = &context.index.writes;
    let in_doubt = &context.index.in_doubt;
    let own = in_doubt
        .iter()
        .find(|(first, count)| (*first..first + count).contains(&number));
    let mut of_same = own.into_iter().flat_map(|(first, count)| *first..first + count);
    let read = of_same.find(|other| writes.is_read(*other));
    let other = read.map_or_else(String::new, |read| {
        format!(
            ", value {} of {}",
            context.value(writes.value(read)),
            context.name(writes.key(read))
        )
    });
    format!("Another record of the same transaction was read{other}: so all of it happened.")
}

/// Who acknowledged what, where and when.
pub(super) fn acknowledgement(context: &Context, write: &WriteStory) -> String {
    let by = write
        .broker
        .map_or_else(|| "the cluster".to_owned(), |broker| format!("node {broker}"));
    let at = write.offset.map_or_else(
        || "without naming an offset".to_owned(),
        |offset| format!("at offset {offset}"),
    );
    format!(
        "Client {} wrote value {} to {} (op {}); {by} acknowledged it {at}{}.",
        write.process,
        context.value(write.value),
        context.name(write.key),
        write.op,
        context.at(write.time())
    )
}

/// What a broker said last of a partition before a time.
pub(crate) fn claim_of<'a>(context: &'a Context, key: Key, node: NodeId, time: u64) -> Option<&'a ViewSpan> {
    let views = context
        .timeline
        .views_of(key)
        .iter()
        .filter(|view| view.node == node);
    views
        .filter_map(|view| view.at(time))
        .max_by_key(|span| span.from)
}

/// Who led at that time, by the metadata of the one that acknowledged and of the others.
fn leadership(context: &Context, key: Key, broker: Option<NodeId>, time: u64) -> Vec<String> {
    let views = context.timeline.views_of(key);
    let askable = distinct(views.iter().map(|view: &View| view.node));
    let mut groups: BTreeMap<String, Vec<NodeId>> = BTreeMap::new();
    let mut sentences = Vec::new();
    for node in askable {
        let Some(span) = claim_of(context, key, node, time) else {
            continue;
        };
        if Some(node) == broker {
            sentences.push(format!(
                "Node {node} itself showed {} at that time (inferred from its metadata, last asked for at {}: an acknowledgement does not name its epoch).",
                state(span.leader, span.epoch, &span.isr),
                seconds(span.until_asked.min(time))
            ));
        } else {
            groups
                .entry(state(span.leader, span.epoch, &span.isr))
                .or_default()
                .push(node);
        }
    }
    let others = groups
        .iter()
        .map(|(state, by)| format!("{} showed {state}", nodes(by)));
    let others: Vec<String> = others.collect();
    if !others.is_empty() {
        sentences.push(format!("By their metadata at that time, {}.", others.join("; ")));
    } else if sentences.is_empty() && context.knows_cluster() {
        sentences.push("No broker's metadata from before that time is known.".to_owned());
    }
    sentences
}

fn state(leader: Option<NodeId>, epoch: i32, in_sync: &[NodeId]) -> String {
    let leader = leader.map_or_else(
        || "no leader".to_owned(),
        |leader| format!("node {leader} as leader"),
    );
    format!("{leader} in epoch {epoch} with ISR {}", isr(in_sync))
}

/// The change of leader that followed, or had already happened unknown to the one that acknowledged.
fn next_leader(context: &Context, key: Key, broker: Option<NodeId>, time: u64) -> Vec<String> {
    let Some(lane) = context.timeline.lanes.get(key as usize) else {
        return Vec::new();
    };
    let now = lane.at(time);
    let claimed = broker.and_then(|broker| claim_of(context, key, broker, time));
    let epoch = claimed.map(|span| span.epoch);
    let mut sentences = Vec::new();
    if let (Some(now), Some(claimed), Some(broker)) = (now, claimed, broker)
        && now.epoch > claimed.epoch
        && now.leader != Some(broker)
    {
        sentences.push(format!(
            "Node {broker} had been deposed by then: {}.",
            shown(
                lane.changes
                    .iter()
                    .find(|change| change.epoch > claimed.epoch)
                    .unwrap_or(now)
            )
        ));
    }
    let epoch = epoch.max(now.map(|now| now.epoch));
    match epoch.and_then(|epoch| lane.next_leader(time, epoch)) {
        Some(next) => {
            sentences.push(format!("The next leader came after it: {}.", shown(next)));
            sentences.extend(begun_before(context, time, next.time));
            sentences.extend(from_outside(context, lane, next));
        }
        None if sentences.is_empty() && now.is_some() => {
            sentences.push("No other epoch of this partition was seen after it.".to_owned());
        }
        None => {}
    }
    sentences
}

/// The faults that began between a write and the change of leader that followed it.
fn begun_before(context: &Context, time: u64, change: u64) -> Option<String> {
    let begun = context
        .timeline
        .faults
        .iter()
        .filter_map(|fault| Some((fault.start()?, fault)));
    let between = begun.filter(|(start, _)| *start > time && *start < change);
    let between: Vec<String> = between
        .map(|(start, fault)| format!("{} at {}", text::fault(fault), seconds(start)))
        .collect();
    (!between.is_empty()).then(|| {
        format!(
            "Between the write and that election began {}.",
            text::list(&between)
        )
    })
}

/// That a leader was elected from outside the ISR, as far as that had been shown.
fn from_outside(context: &Context, lane: &Lane, next: &LeaderChange) -> Option<String> {
    let leader = next.leader?;
    let before = lane
        .changes
        .iter()
        .rfind(|change| change.time < next.time && change.epoch < next.epoch)?;
    if before.isr.is_empty() || before.isr.contains(&leader) {
        return None;
    }
    let (topic, _) = context.header.partition(lane.key)?;
    let unclean = context
        .header
        .topics
        .iter()
        .any(|known| known.name == topic && known.unclean_election);
    // A replica outside the ISR may still have been eligible (KIP-966), and the metadata does not say so.
    let how = if unclean {
        "the topic allows unclean elections"
    } else {
        "the topic allows no unclean election, so an operator asked for one (`elect-unclean`), it was an eligible replica, or the broker is at fault"
    };
    Some(format!(
        "Node {leader} was not in the ISR that had been shown last before that, {}: {how}.",
        isr(&before.isr)
    ))
}

fn shown(change: &LeaderChange) -> String {
    format!(
        "{}, first shown by node {} at {}",
        state(change.leader, change.epoch, &change.isr),
        change.node,
        seconds(change.time)
    )
}

/// Where each replica's own copy ends, and what stands at the write's offset now.
fn copies(context: &Context, write: &WriteStory) -> Vec<String> {
    let place = write.offset.or(write.place);
    let mut groups: BTreeMap<_, Vec<NodeId>> = BTreeMap::new();
    for (node, copy) in context.index.copies_of(write.key) {
        let held = place
            .filter(|offset| *offset < copy.end())
            .map(|offset| (offset, copy.at(&context.index, write.key, offset as u64)));
        groups.entry((held, copy.end())).or_default().push(node);
    }
    let groups: Vec<String> = groups
        .iter()
        .map(|((record, end), by)| copy_in_words(write, *record, *end, by))
        .collect();
    if groups.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "Of the replicas' own copies after the run, {}.",
        groups.join("; ")
    )]
}

/// What stands at the write's offset in the copies of these nodes, and where they end.
fn copy_in_words(
    write: &WriteStory,
    record: Option<(Offset, Option<(Value, i32)>)>,
    end: Offset,
    by: &[NodeId],
) -> String {
    let one = by.len() == 1;
    let what = match record {
        Some((offset, Some((value, _)))) if value == write.value => {
            format!("this very value at offset {offset}")
        }
        Some((offset, Some((value, epoch)))) => {
            format!("value {value} at offset {offset} (written in epoch {epoch})")
        }
        Some((offset, None)) => format!("no record at offset {offset}"),
        None => String::new(),
    };
    let holding = match (what.is_empty(), one) {
        (true, _) => String::new(),
        (false, true) => format!("holds {what} and "),
        (false, false) => format!("hold {what} and "),
    };
    let (these, ending) = if one { ("that", "ends") } else { ("those", "end") };
    format!("{these} of {} {holding}{ending} before offset {end}", nodes(by))
}

fn final_reads(context: &Context, write: &WriteStory) -> String {
    let reads = context.index.final_reads.as_ref();
    let end: Offset = reads
        .and_then(|reads| reads.ends.get(write.key as usize).copied())
        .unwrap_or_default();
    let process = reads.map_or(0, |reads| reads.process);
    format!(
        "The final reads were complete: with every producer closed and every replica back in the ISR, client {process} read {} from its start through its end offset {end}, and value {} was not there.",
        context.name(write.key),
        write.value
    )
}

fn passed_over(context: &Context, write: &WriteStory, pass: Pass) -> String {
    format!(
        "Client {} read {} from offset {} to offset {}, which it reached{}, and value {} was not among what it got.",
        pass.process,
        context.name(write.key),
        pass.began,
        pass.to,
        context.at(pass.time),
        context.value(write.value)
    )
}

/// A record at a higher offset was read, as Jepsen counts it.
fn below_what_was_read(context: &Context, write: &WriteStory, offset: Offset) -> String {
    let Some((bound, id)) = context.tally.bound(write.key) else {
        return format!("It stood at offset {offset}.");
    };
    let value = context.index.value_of(id);
    let read = id
        .as_write()
        .and_then(|number| context.evidence.writes.of_number(number).read);
    let by = read.map_or_else(String::new, |read| {
        format!(
            " by client {}{} (op {})",
            read.process,
            context.at(read.time),
            read.op
        )
    });
    format!(
        "It stood at offset {offset} of {}, and offset {bound} was read{by}, which holds value {}.",
        context.name(write.key),
        context.value(value)
    )
}
