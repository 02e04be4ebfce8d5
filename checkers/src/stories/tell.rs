//! A lost range in plain sentences, each made only where its evidence is there.

use std::fmt::Write as _;

use history::{BrokerLine, NodeId, Offset};

use super::facts;
use super::quotes::{self, quoted};
use super::ranges::Range;
use crate::context::{Context, distinct, fault_since};
use crate::story::{Holder, Source, Story, StoryState, Why};
use crate::text::{self, count, isr, list, nodes, number, seconds};
use crate::timeline::{FaultInterval, FaultOutcome};

/// Why writing to a string cannot fail.
const TAKES: &str = "a string takes all";
/// Faults that are told of; of more it is said how many.
const FAULTS_MAX: usize = 4;
/// Starts and ends of processes that are told of.
const CHANGES_MAX: usize = 4;
/// Why a lost write happened although it was not acknowledged: there is no other reason.
const SURE: &str = "another record of the same transaction was read, so all of it happened";
/// Clients that are named, where there are no more.
const CLIENTS_MAX: usize = 6;

/// All of it.
pub(super) fn sentences(context: &Context, range: &Range, story: &Story) -> Vec<String> {
    let mut told = vec![what(context, range, story), acknowledged(context, range, story)];
    told.extend(states(story));
    told.extend(holders(context, range, story));
    told.extend(faults(context, range, story));
    told.extend(processes(context, range, story));
    told.extend(deposed(story));
    told.extend(election(context, story));
    told.extend(truncations(story));
    told.extend(removed(context, range, story));
    told.push(reads(context, range, story));
    told.extend(proof(context, range));
    told.extend(clocks(context, story));
    told.extend(missing(story));
    told
}

/// `offsets 120 to 340 of log-0`.
pub(super) fn place(story: &Story) -> String {
    match (story.first, story.last) {
        (Some(first), Some(last)) if first == last => format!("offset {first} of {}", story.partition),
        (Some(first), Some(last)) => format!("offsets {first} to {last} of {}", story.partition),
        _ => format!("{}, at offsets that nobody named", story.partition),
    }
}

fn what(context: &Context, range: &Range, story: &Story) -> String {
    let how = if heard(context, range) == range.writes.len() {
        "acknowledged"
    } else {
        "committed"
    };
    let are = if story.records == 1 { "is" } else { "are" };
    format!(
        "{} {how} {} {are} lost: {}.",
        number(story.records),
        if story.records == 1 { "write" } else { "writes" },
        place(story)
    )
}

/// Of how many the client heard that they were acknowledged.
pub(super) fn heard(context: &Context, range: &Range) -> usize {
    let writes = range.writes.iter();
    let acknowledged = writes.filter(|lost| context.index.writes.is_acknowledged(lost.number));
    acknowledged.count()
}

fn acknowledged(context: &Context, range: &Range, story: &Story) -> String {
    let heard = heard(context, range);
    if heard == 0 {
        return unheard(context, range, story);
    }
    let who = story
        .broker
        .map_or_else(|| "The cluster".to_owned(), |broker| format!("Node {broker}"));
    let clients = clients(range).map_or_else(String::new, |clients| format!(" to {clients}"));
    let when = when(context, story);
    let epoch = match story.epoch {
        Some(epoch) if story.epoch_inferred => {
            format!(
                ", as leader of epoch {epoch} (inferred from what it showed then: an acknowledgement names none)"
            )
        }
        Some(epoch) => format!(", as leader of epoch {epoch} (the epoch of their batches on disk)"),
        None => String::new(),
    };
    let others = range.writes.len() - heard;
    let them = match (others, story.records) {
        (0, 1) => "it".to_owned(),
        (0, _) => "them".to_owned(),
        _ => format!("{} of them", number(heard as u64)),
    };
    let rest = match others {
        0 => String::new(),
        1 => format!(" Of the other nobody heard, but {SURE}."),
        _ => format!(" Of the others nobody heard, but {SURE}."),
    };
    format!("{who} acknowledged {them}{clients}{when}{epoch}.{rest}")
}

/// The same of writes whose clients were told nothing.
fn unheard(context: &Context, range: &Range, story: &Story) -> String {
    let who = clients(range).map_or_else(String::new, |clients| format!(" by {clients}"));
    let (was, them) = if story.records == 1 {
        ("It was", "it")
    } else {
        ("They were", "them")
    };
    format!(
        "{was} written{who}{}, and nobody heard what became of {them}; {SURE}.",
        when(context, story)
    )
}

/// `client 2`, `clients 2 and 3`; nothing where there are many.
fn clients(range: &Range) -> Option<String> {
    let clients = distinct(range.writes.iter().map(|lost| lost.write.process));
    match clients.as_slice() {
        [one] => Some(format!("client {one}")),
        some if some.len() <= CLIENTS_MAX => Some(format!("clients {}", list(some))),
        _ => None,
    }
}

fn when(context: &Context, story: &Story) -> String {
    if story.from == story.until {
        context.at(story.from)
    } else {
        format!(" from {} to {}", seconds(story.from), seconds(story.until))
    }
}

fn by(source: Source) -> &'static str {
    match source {
        Source::MetadataLog => "By the metadata log",
        Source::Partitions => "By what brokers answered of the partition",
        Source::Metadata => "By the brokers' metadata",
    }
}

fn elr(state: &StoryState) -> String {
    match state.elr.as_deref() {
        None => String::new(),
        Some([]) => " and the ELR empty".to_owned(),
        Some(elr) => format!(" and the ELR {}", isr(elr)),
    }
}

fn states(story: &Story) -> Option<String> {
    let first = story.state.as_ref()?;
    let words = |state: &StoryState| format!("{}{}", isr(&state.isr), elr(state));
    let changed = story
        .last_state
        .as_ref()
        .filter(|last| words(last) != words(first));
    let then = if story.records == 1 {
        "then"
    } else {
        "at the first of them"
    };
    Some(match changed {
        Some(last) => format!(
            "{} the ISR was {} {then}, and {} at the last.",
            by(first.source),
            words(first),
            words(last)
        ),
        None if story.records == 1 => format!("{} the ISR was {} then.", by(first.source), words(first)),
        None => format!("{} the ISR was {} all that time.", by(first.source), words(first)),
    })
}

/// Which replicas had them on disk, until when.
fn holders(context: &Context, range: &Range, story: &Story) -> Option<String> {
    if story.holders.is_empty() {
        return by_own_lines(context, range);
    }
    let (held, never): (Vec<&Holder>, Vec<&Holder>) =
        story.holders.iter().partition(|holder| holder.records > 0);
    let all = range.records().count() as u64;
    let mut parts: Vec<String> = held.iter().map(|holder| holding(holder, all)).collect();
    if !never.is_empty() {
        let never: Vec<NodeId> = never.iter().map(|holder| holder.node).collect();
        parts.push(format!("no copy of {} holds any", nodes(&never)));
    }
    Some(format!("On the disks, {}.", parts.join("; ")))
}

fn holding(holder: &Holder, all: u64) -> String {
    let share = if holder.records >= all {
        "all of them".to_owned()
    } else {
        format!("{} of them", number(holder.records))
    };
    let mut text = format!("node {} had {share}", holder.node);
    if let (Some(at), Some(moment)) = (holder.held_until, &holder.held_moment) {
        write!(text, " in the copy made {moment}, at {}", seconds(at)).expect(TAKES);
    }
    if let (Some(at), Some(moment)) = (holder.gone_by, &holder.gone_moment) {
        write!(text, ", and not in that made {moment}, at {}", seconds(at)).expect(TAKES);
    }
    text
}

/// Without copies, what the replicas said themselves.
fn by_own_lines(context: &Context, range: &Range) -> Option<String> {
    let ended = |node: &NodeId| Some((*node, facts::ended_at(context, range, *node)?));
    let ended: Vec<String> = context
        .header
        .nodes
        .iter()
        .filter_map(ended)
        .map(|(node, (at, end))| format!("node {node}'s ended at offset {end} at {}", seconds(at)))
        .collect();
    (!ended.is_empty()).then(|| {
        format!(
            "Of the replicas' logs, by their own word, {}: so there were records of the range there.",
            list(&ended)
        )
    })
}

fn faults(context: &Context, range: &Range, story: &Story) -> Option<String> {
    let until = story
        .election
        .as_ref()
        .map_or(story.until, |election| election.time);
    let mut found = facts::faults(context, range, until);
    if found.is_empty() {
        return context.faults_known(story.from);
    }
    let on = |fault: &&FaultInterval| story.broker.is_some_and(|broker| fault.nodes.contains(&broker));
    found.sort_by_key(|fault| (!on(fault), fault.start()));
    let more = found.len().saturating_sub(FAULTS_MAX);
    found.truncate(FAULTS_MAX);
    found.sort_by_key(|fault| fault.start());
    let mut told: Vec<String> = found.into_iter().map(in_force).collect();
    if more > 0 {
        told.push(format!("{more} more"));
    }
    Some(format!("What was wrong: {}.", told.join("; ")))
}

fn in_force(fault: &FaultInterval) -> String {
    let did = match &fault.outcome {
        FaultOutcome::Healed { bit: true, evidence } => format!(" ({evidence})"),
        FaultOutcome::Healed { bit: false, .. } => " (without an effect that can be shown)".to_owned(),
        _ => String::new(),
    };
    fault_since(fault) + &did
}

/// Processes that ended or started meanwhile.
fn processes(context: &Context, range: &Range, story: &Story) -> Option<String> {
    let until = story
        .election
        .as_ref()
        .map_or(story.until, |election| election.time);
    let from = range.times().0;
    let changes = context.scene.processes.iter();
    let changes = changes.filter(|change| (from..=until.max(story.until)).contains(&change.time));
    let told: Vec<String> = changes
        .take(CHANGES_MAX)
        .map(|change| {
            let did = if change.running {
                "started".to_owned()
            } else {
                format!("ended ({})", change.state)
            };
            format!("that of node {} {did} at {}", change.node, seconds(change.time))
        })
        .collect();
    (!told.is_empty()).then(|| format!("Of the brokers' processes, {}.", list(&told)))
}

fn deposed(story: &Story) -> Option<String> {
    let deposed = story.deposed.as_ref()?;
    let by = deposed.newer_leader.map_or_else(
        || format!("epoch {}, which had no leader", deposed.newer_epoch),
        |leader| format!("node {leader} in epoch {}", deposed.newer_epoch),
    );
    let mut text = format!(
        "Node {} was deposed by {by} at {}, and went on acknowledging for {}: {} of these {} came after",
        deposed.node,
        seconds(deposed.since),
        seconds(deposed.acknowledged_for),
        number(deposed.acknowledged),
        count(story.records, "write"),
    );
    let mut still = Vec::new();
    if let Some(until) = deposed.named_itself_until {
        still.push(format!("named itself leader until {}", seconds(until)));
    }
    if let Some(until) = deposed.answered_until {
        still.push(format!("answered as leader until {}", seconds(until)));
    }
    if !still.is_empty() {
        write!(text, "; it {}, at least", list(&still)).expect(TAKES);
    }
    Some(text + ".")
}

fn election(context: &Context, story: &Story) -> Vec<String> {
    let Some(election) = &story.election else {
        return Vec::new();
    };
    let leader = election.leader;
    let why = match (election.why, election.only_one) {
        (Why::InIsr, true) => {
            "it was all that was left of the ISR, so by the rules it might lead, whatever it had"
        }
        (Why::InIsr, false) => "it was in the ISR",
        (Why::InElr, true) => "nobody else was in ISR or ELR",
        (Why::InElr, false) => "it was in the ELR",
        (Why::Unclean, _) => "an unclean election, from outside ISR and ELR",
        (Why::OutsideIsr, _) => "it was not in the ISR that had been shown last",
        (Why::Unknown, _) => "nothing shows why",
    };
    let before = election.before.as_ref().map_or_else(String::new, |before| {
        format!(
            " ({}: ISR {}{})",
            text::uncapitalised(by(before.source)),
            isr(&before.isr),
            elr(before)
        )
    });
    let mut told = vec![format!(
        "After that node {leader} was elected, in epoch {}, no later than {}: {why}{before}.",
        election.epoch,
        seconds(election.time)
    )];
    told.extend(alone(context, story, leader));
    if let Some(id) = election.asked_by
        && let Some(fault) = context.timeline.faults.iter().find(|fault| fault.id == id)
    {
        told.push(format!(
            "Somebody asked for elections then: {}.",
            text::fault(fault)
        ));
    }
    let mut lines = story.lines.iter();
    let began = lines.rfind(|line| line.node == leader && quotes::leads(line));
    if let (Some(at), Some(line)) = (election.begins_at, began) {
        told.push(format!(
            "Its own log ended at offset {at} then, so {}: {} at {}.",
            lacked(story, at),
            quoted(&line.text),
            seconds(line.at)
        ));
    }
    told
}

fn lacked(story: &Story, end: Offset) -> String {
    match (story.first, story.last) {
        (Some(first), _) if end <= first => "it had none of them".to_owned(),
        (_, Some(last)) if end <= last => format!("it had none from offset {end} on"),
        _ => "it reached beyond them".to_owned(),
    }
}

/// That nobody else of those that might be elected ran.
fn alone(context: &Context, story: &Story, leader: NodeId) -> Option<String> {
    let election = story.election.as_ref()?;
    let down = context.header.nodes.iter().copied();
    let down = down.filter(|node| *node != leader && context.scene.runs(*node, election.time) == Some(false));
    let down: Vec<NodeId> = down.collect();
    let ran = if down.len() == 1 { "was" } else { "were" };
    (!down.is_empty()).then(|| format!("The {} {ran} down at that time.", brokers(&down)))
}

fn brokers(of: &[NodeId]) -> String {
    if of.len() == 1 {
        format!("broker of {}", nodes(of))
    } else {
        format!("brokers of {}", nodes(of))
    }
}

fn truncations(story: &Story) -> Option<String> {
    let told: Vec<String> = story
        .truncations
        .iter()
        .filter_map(|truncation| {
            let same = |line: &&BrokerLine| {
                (line.node, line.at) == (truncation.node, truncation.at)
                    && quotes::truncated_to(line) == Some(truncation.to)
            };
            let line = story.lines.iter().find(same)?;
            Some(format!(
                "node {}, at {}: {}",
                truncation.node,
                seconds(truncation.at),
                quoted(&line.text)
            ))
        })
        .collect();
    (!told.is_empty()).then(|| format!("Then they were thrown away by {}.", told.join("; by ")))
}

fn reads(context: &Context, range: &Range, story: &Story) -> String {
    let first = range.writes.iter().filter_map(|lost| lost.write.read);
    let first = first.min_by_key(|read| read.time);
    match first {
        Some(read) => format!(
            "Clients had read {} of them, first client {}{}: they were there, and then they were gone.",
            if story.read == story.records {
                "all".to_owned()
            } else {
                number(story.read)
            },
            read.process,
            context.at(read.time)
        ),
        None => "No client ever read any of them.".to_owned(),
    }
}

/// That they were removed from the beginning of their partition.
fn removed(context: &Context, range: &Range, story: &Story) -> Option<String> {
    let beginnings = facts::beginnings(context, range, story);
    let lowest = beginnings.iter().map(|(_, start)| *start).min()?;
    let own: Vec<NodeId> = beginnings.iter().map(|(node, _)| *node).collect();
    Some(format!(
        "On the {} of {} {} begins at offset {lowest} or later by now: what is gone went from its beginning, as by retention or a deletion, and nothing shows that it was cut off its end.",
        if own.len() == 1 { "disk" } else { "disks" },
        nodes(&own),
        context.name(range.key)
    ))
}

/// What proves it.
fn proof(context: &Context, range: &Range) -> Option<String> {
    let first = range.writes.first()?;
    let reads = context.index.final_reads.as_ref();
    let finally = context.index.complete(range.key) && range.writes.len() > 1;
    match reads.filter(|_| finally) {
        Some(reads) => Some(format!(
            "The proof: with every producer closed and every replica back in the ISR, client {} read {} from its start through its end offset {}, and none of these values was there.",
            reads.process,
            context.name(range.key),
            reads.ends.get(range.key as usize).copied().unwrap_or_default()
        )),
        None => Some(crate::checks::log::proof(context, first.number, &first.write)),
    }
}

/// That the clock of a node which is quoted was wrong.
fn clocks(context: &Context, story: &Story) -> Option<String> {
    let quoted = distinct(story.lines.iter().map(|line| line.node));
    let faults = context.timeline.faults.iter();
    let clock = faults.filter(|fault| fault.is_of_clock() && fault.from.is_some());
    let wrong = clock.filter(|fault| quoted.iter().any(|node| fault.nodes.contains(node)));
    let wrong: Vec<String> = wrong
        .map(|fault| format!("{} by fault {}", nodes(&fault.nodes), fault.id))
        .collect();
    (!wrong.is_empty()).then(|| {
        format!(
            "The clock of {} was made wrong in this run, so the times of these nodes' own lines are not to be trusted.",
            list(&wrong)
        )
    })
}

fn missing(story: &Story) -> Option<String> {
    (!story.missing.is_empty()).then(|| format!("Nothing recorded shows {}.", list(&story.missing)))
}
