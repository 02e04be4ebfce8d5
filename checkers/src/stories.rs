//! Findings that belong together are told as one story: what was lost, who had acknowledged it, who held it, what was
//! wrong, who was elected and why, who threw it away, and what proves it.
//!
//! Everything here is made from what the walks through the history kept. A story judges nothing: it explains findings
//! that the checks have made.

mod facts;
mod others;
mod quotes;
mod ranges;
mod scene;
mod tell;

pub use quotes::log_end;
pub(crate) use scene::Scene;

use history::BrokerLine;

use crate::anomaly::LOST_WRITE;
use crate::context::Context;
use crate::story::{Story, Truncation};
use crate::verdict::Verdict;
use ranges::Range;

/// Stories that are told of one verdict; of more ranges the first.
const STORIES_MAX: usize = 100;

/// The stories of what was found, the gravest first and each kind in the order of time.
pub(crate) fn of(context: &Context, verdict: &Verdict) -> Vec<Story> {
    if !context.index.phased {
        // Of a history from elsewhere nothing is known beside its operations, which the cases tell.
        return Vec::new();
    }
    let lost = ranges::lost(context);
    let mut stories: Vec<Story> = lost
        .iter()
        .take(STORIES_MAX)
        .map(|range| lost_range(context, range))
        .collect();
    let room = STORIES_MAX - stories.len();
    stories.extend(others::diverged(context, verdict, &stories, room));
    let room = STORIES_MAX - stories.len();
    stories.extend(others::duplicates(context, verdict, room));
    stories
}

fn lost_range(context: &Context, range: &Range) -> Story {
    let (from, until) = range.times();
    let offsets = range.offsets();
    let truncations = facts::truncations(context, range);
    let election = facts::election(context, range);
    let faults = facts::faults(
        context,
        range,
        election.as_ref().map_or(until, |election| election.time),
    );
    let mut story = Story {
        anomaly: LOST_WRITE.to_owned(),
        key: range.key,
        partition: context.name(range.key),
        first: offsets.map(|offsets| offsets.0),
        last: offsets.map(|offsets| offsets.1),
        records: range.writes.len() as u64,
        read: range
            .writes
            .iter()
            .filter(|lost| lost.write.read.is_some())
            .count() as u64,
        broker: range.broker,
        epoch: range.epoch,
        epoch_inferred: range.inferred,
        from,
        until,
        state: facts::state(context, range, from),
        last_state: facts::state(context, range, until),
        holders: facts::holders(context, range),
        faults: faults.iter().map(|fault| fault.id).collect(),
        deposed: facts::deposed(context, range),
        election,
        truncations: Vec::new(),
        lines: Vec::new(),
        sentences: Vec::new(),
        missing: Vec::new(),
    };
    story.lines = lines(context, &story, &truncations);
    story.truncations = truncations
        .into_iter()
        .map(|(truncation, _)| truncation)
        .collect();
    story.missing = missing(context, range, &story);
    story.sentences = tell::sentences(context, range, &story);
    story
}

/// The lines that belong to a story: the election, the new leader's first word, and what was cut off.
fn lines(context: &Context, story: &Story, truncations: &[(Truncation, BrokerLine)]) -> Vec<BrokerLine> {
    let mut lines: Vec<BrokerLine> = truncations.iter().map(|(_, line)| line.clone()).collect();
    if let Some(election) = &story.election {
        let own = |line: &&BrokerLine| {
            let unclean = quotes::is_unclean(line, election.leader) && line.at >= story.from;
            let begins = quotes::leads(line) && line.node == election.leader;
            unclean || begins && quotes::begins(line).is_some_and(|(epoch, _)| epoch == election.epoch)
        };
        lines.extend(context.scene.lines_of(story.key).filter(own).cloned());
    }
    lines.sort_by_key(|line| (line.at, line.node));
    lines
}

/// What nothing recorded shows, as the ends of a sentence.
fn missing(context: &Context, range: &Range, story: &Story) -> Vec<String> {
    let mut missing = Vec::new();
    let mut lacks = |lacks: bool, what: &str| {
        if lacks {
            missing.push(what.to_owned());
        }
    };
    let acknowledged = tell::heard(context, range) > 0;
    lacks(acknowledged && story.broker.is_none(), "who acknowledged them");
    let epoch = if acknowledged {
        "in which epoch that was"
    } else {
        "in which epoch they were written"
    };
    lacks(story.epoch.is_none(), epoch);
    lacks(story.state.is_none(), "who was in the ISR then");
    // With `ZooKeeper` there is neither an ELR nor a log of the controllers.
    let quorum = context.header.zookeepers.is_empty();
    let elr = |state: &crate::story::StoryState| state.elr.is_some();
    lacks(
        quorum && story.state.is_some() && !story.state.as_ref().is_some_and(elr),
        "who was in the ELR then",
    );
    lacks(context.disks.is_empty(), "what lay on the disks (no copies)");
    lacks(
        quorum && context.rulings.is_empty(),
        "what the controllers' log says",
    );
    let cut = facts::beginnings(context, range, story).is_empty();
    lacks(cut && story.election.is_none(), "an election after it");
    lacks(context.scene.lines.is_empty(), "what the brokers' own logs say");
    lacks(
        cut && story.truncations.is_empty() && !context.scene.lines.is_empty(),
        "a line about the truncation",
    );
    let unasked = story
        .deposed
        .as_ref()
        .is_some_and(|deposed| deposed.answered_until.is_none());
    lacks(
        unasked && !context.scene.asked_leaders,
        "whether the deposed leader answered other requests",
    );
    missing
}
