//! The run put something to the test: enough was acknowledged, every required fault bit, and the schedule ran to its end.
//!
//! A run in which nothing happened proves nothing, so this check is never invalid: it makes a verdict unknown
//! that would be valid for want of a trial.

use history::{Phase, Quantiles, Topic};

use super::log::NO_FINAL_READS;
use crate::context::Context;
use crate::index;
use crate::options::Model;
use crate::outcome::Outcome;
use crate::text::{count, number, seconds};
use crate::timeline::{FaultInterval, FaultOutcome};

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    acknowledged(context, &mut outcome);
    load(context, &mut outcome);
    flight(context, &mut outcome);
    faults(context, &mut outcome);
    ending(context, &mut outcome);
    if context.model != Model::Kafka {
        read_back(context, &mut outcome);
        cleaned(context, &mut outcome);
    }
    outcome
}

fn acknowledged(context: &Context, outcome: &mut Outcome) {
    let index = &context.index;
    let total = context.tally.acknowledged;
    let minimum = context.header.expect.minimum_acknowledged;
    // Who polls only is judged as well, in a history of others.
    let minimum = if index.phased { minimum.max(1) } else { minimum };
    if total < minimum {
        outcome.unknown(format!(
            "{} acknowledged, where the plan asks for at least {}: too little was put to the test",
            if total == 1 {
                "1 write was".to_owned()
            } else {
                format!("{} writes were", number(total))
            },
            number(minimum),
        ));
    } else if index.counts.succeeded == 0 {
        outcome.unknown("no send, poll or transaction succeeded: nothing was put to the test".to_owned());
    }
    let last = index.last_acknowledged;
    let first_fault = context
        .timeline
        .faults
        .iter()
        .filter_map(|fault| fault.from)
        .min();
    if let Some(from) = first_fault.filter(|from| total > 0 && last < *from) {
        outcome.unknown(format!(
            "nothing was acknowledged after the faults began at {}; the last acknowledgement came at {}",
            seconds(from),
            seconds(last)
        ));
    }
}

/// A load that was not there puts less to the test than was asked for.
fn load(context: &Context, outcome: &mut Outcome) {
    let asked = context.header.expect.load.map(u64::from);
    let Some(load) = &context.index.load else {
        if let Some(percent) = asked {
            outcome.unknown(format!(
                "nobody counted whether the load was what was asked for, where the plan asks for {percent} % of the writes in time"
            ));
        }
        return;
    };
    let (late, withheld) = (number(load.late), number(load.withheld));
    let told = format!(
        "{} due: {late} began late, the latest by {}, and {withheld} could not begin as too many were open",
        count(load.due, "write"),
        seconds(load.latest)
    );
    match asked.filter(|percent| load.percent() < *percent) {
        Some(percent) => outcome.unknown(format!(
            "the load was not what was asked for: {} % of the writes began in time, where the plan asks for {percent} %; {told}",
            load.percent()
        )),
        None => outcome.note(told),
    }
    let took = |quantiles: &Quantiles| {
        let Quantiles { p50, p99, p999, max } = quantiles;
        let times = [p50, p99, p999, max].map(|time| seconds(*time));
        let [p50, p99, p999, max] = times;
        format!("{p50} (p50), {p99} (p99), {p999} (p99.9), {max} at most")
    };
    if load.from_due.max > 0 {
        outcome.note(format!(
            "acknowledged writes took {} from when they were due, and {} from when they began",
            took(&load.from_due),
            took(&load.from_begun)
        ));
    }
}

/// Producers with one request at a time, or that gave nothing up, are no trial of those that are to do both.
fn flight(context: &Context, outcome: &mut Outcome) {
    let expect = &context.header.expect;
    let flight = context.index.load.and_then(|load| load.flight);
    let requests = flight.and_then(|flight| flight.requests);
    if let Some(least) = expect.in_flight {
        match requests {
            None => outcome.unknown(format!(
                "nobody told how many requests a producer had under way at one broker at once, where the plan asks for {least}"
            )),
            Some(most) if most < least => outcome.unknown(format!(
                "no producer was seen to have more than {} under way at one broker at once, where the plan asks for {least}",
                count(most.into(), "request")
            )),
            Some(_) => {}
        }
    }
    let expired = flight.map_or(0, |flight| flight.expired());
    if let Some(least) = expect.expired.filter(|least| expired < *least) {
        outcome.unknown(format!(
            "the clients gave up {} as their time was over, where the plan asks for at least {}",
            count(expired, "write"),
            number(least)
        ));
    }
    let Some(flight) = flight else { return };
    if let Some(most) = requests {
        outcome.note(format!(
            "producers had up to {} under way at one broker at once",
            count(most.into(), "request")
        ));
    }
    if flight.expired() > 0 {
        outcome.note(format!(
            "the clients gave up {} as their time was over: {} certainly not written, {} of unknown outcome",
            count(flight.expired(), "write"),
            number(flight.expired_unsent),
            number(flight.expired_unknown)
        ));
    }
}

fn faults(context: &Context, outcome: &mut Outcome) {
    let expect = &context.header.expect;
    let all = &context.timeline.faults;
    for kind in &expect.required_faults {
        let of_kind: Vec<&FaultInterval> = all.iter().filter(|fault| fault.kind == *kind).collect();
        if of_kind.iter().any(|fault| fault.bit()) {
            continue;
        }
        let why = match of_kind.first() {
            None => "none was injected".to_owned(),
            Some(first) if of_kind.len() == 1 => became(first),
            Some(first) => format!("{} of them, the first: {}", of_kind.len(), became(first)),
        };
        outcome.unknown(format!("no fault of kind `{kind}` bit: {why}"));
    }
    for (name, id) in &expect.required_steps {
        let fault = all.iter().find(|fault| fault.id == *id);
        if fault.is_some_and(FaultInterval::bit) {
            continue;
        }
        let why = fault.map_or("it was not injected".to_owned(), became);
        outcome.unknown(format!("the step `{name}`, which has to bite, did not: {why}"));
    }
    if !expect.without_faults && !all.iter().any(FaultInterval::bit) {
        outcome.unknown(format!(
            "the plan does not declare a run without faults, and no fault bit: {}",
            if all.is_empty() {
                "none was injected".to_owned()
            } else {
                count(all.len() as u64, "fault") + " in vain"
            },
        ));
    }
    for fault in all.iter().filter(|fault| !fault.bit()) {
        outcome.note(format!(
            "fault {} ({}) did not bite: {}",
            fault.id,
            fault.kind,
            became(fault)
        ));
    }
}

fn became(fault: &FaultInterval) -> String {
    match &fault.outcome {
        FaultOutcome::Unfinished if fault.from.is_some() => {
            "it was never healed, so nobody looked".to_owned()
        }
        FaultOutcome::Unfinished => "it never came into force".to_owned(),
        FaultOutcome::Healed { evidence, .. } if evidence.is_empty() => "no evidence".to_owned(),
        FaultOutcome::Healed { evidence, .. } => evidence.clone(),
        FaultOutcome::Skipped { reason } => format!("skipped: {reason}"),
        FaultOutcome::Failed { error } => format!("failed: {error}"),
    }
}

/// Lists and registers are read back at the end, or nobody looked at what became of the last writes. Of logs another check says so.
fn read_back(context: &Context, outcome: &mut Outcome) {
    match &context.index.final_reads {
        _ if !context.index.phased => {}
        None => outcome.unknown(NO_FINAL_READS.to_owned()),
        Some(reads) if !reads.complete => outcome.unknown(format!(
            "the final reads are not complete: {}",
            reads.reason.as_deref().unwrap_or("no reason was given")
        )),
        Some(_) => {}
    }
}

/// Where objects live in compacted topics, something was removed from them: fewer values stand in any replica than were acknowledged.
fn cleaned(context: &Context, outcome: &mut Outcome) {
    let keys = (0..index::keys_of(context.header)).filter(|key| {
        let topic = context.header.topic(*key);
        topic.is_some_and(Topic::is_compacted)
    });
    let copies = keys.map(|key| context.index.copies_of(key).map(|(_, copy)| copy.records).max());
    let Some(held) = copies
        .sum::<Option<u64>>()
        .filter(|_| context.has_compacted_topics())
    else {
        return;
    };
    let removed = context.tally.acknowledged.saturating_sub(held);
    if removed == 0 {
        outcome.unknown(
            "the cleaner removed nothing from the compacted topics: it was not put to the test".to_owned(),
        );
    } else {
        outcome.note(format!(
            "the cleaner removed {} of {}",
            number(removed),
            count(context.tally.acknowledged, "acknowledged value")
        ));
    }
}

fn ending(context: &Context, outcome: &mut Outcome) {
    for time in &context.interrupted.first {
        outcome.unknown(format!(
            "somebody ended the run at {}, before its schedule was over",
            seconds(*time)
        ));
    }
    if context.truncated {
        outcome.unknown(format!(
            "the history breaks off in the middle of a line{}: whoever wrote it was cut off",
            context.after(context.timeline.end)
        ));
    }
    let ended = context.timeline.phase_start(Phase::Heal).is_some();
    if context.index.phased && !ended && !context.truncated {
        outcome.unknown(format!(
            "the history ends at {}, before the schedule of faults did",
            seconds(context.timeline.end)
        ));
    }
}
