//! How long each fault kept each partition from being written and read, from a leader and from all its replicas.
//!
//! Measured by a prober's attempts, and by what brokers answered of leaders and in-sync replicas; never by gaps in what
//! clients did. It is figures first, and breaks no promise: a violation is only what the plan limits
//! (`limits.availability`). A limit is asked for as progress is: in stretches of time in which no node is taken away or
//! given back and the faults leave each partition enough to go on. What of an outage lies outside of such a stretch
//! counts for nothing; and all replicas in sync are asked for only while no fault keeps a node away.

mod attempts;
mod losses;
mod rows;

use history::{Key, ProbeOf, Span};

pub(crate) use attempts::Attempts;
pub(crate) use losses::Losses;

use crate::anomaly::{ELECTED_TOO_LATE, LOST_TOO_MUCH, RECOVERED_TOO_LATE, UNAVAILABLE_TOO_LONG};
use crate::availability::{Availability, Outage, Spread};
use crate::context::{Context, with_faults};
use crate::outcome::Outcome;
use crate::text::{self, seconds};
use crate::verdict::Case;
use attempts::Gap;
use rows::Row;

/// More rows than this are not held against limits.
const JUDGED_MAX: usize = 1 << 20;

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    let keys = rows::keys(context);
    if keys.is_empty() {
        return outcome;
    }
    let mut rows = rows::rows(context, &keys);
    let first: Vec<Row> = rows.by_ref().take(Outage::ROWS_MAX).collect();
    let count = rows::count(context, &keys);
    let outages = first.iter().map(|row| row.outage.clone()).collect();
    let left_out = count.saturating_sub(Outage::ROWS_MAX);
    let measured = Availability {
        without_fault: rows::without_fault(context, &keys),
        ..measured(context, outages, left_out)
    };
    tell(context, &measured, &mut outcome);
    if !context.header.expect.availability.is_empty() {
        untried(context, measured.probed, &mut outcome);
        if count > JUDGED_MAX {
            outcome.unknown("there are too many faults and partitions to hold all against limits".to_owned());
        }
        hold(
            context,
            first.into_iter().chain(rows).take(JUDGED_MAX),
            &mut outcome,
        );
    }
    outcome.availability = Some(measured);
    outcome
}

/// The figures of these rows.
fn measured(context: &Context, outages: Vec<Outage>, left_out: usize) -> Availability {
    let spread = |time: fn(&Outage) -> Option<u64>| {
        Spread::of(outages.iter().filter_map(time).filter(|time| *time > 0))
    };
    Availability {
        probed: context.attempts.probed().len() as u32,
        partitions: context.index.keys,
        writes: spread(|row| row.write_outage),
        reads: spread(|row| row.read_outage),
        leaders: spread(|row| row.leader),
        full_isr: Spread::of(outages.iter().filter_map(|row| row.full_isr)),
        recovery: Spread::of(outages.iter().filter_map(|row| row.recovery)),
        left_out: left_out as u64,
        outages,
        without_fault: None,
    }
}

/// Holds what was measured against the plan's limits.
fn hold(context: &Context, rows: impl Iterator<Item = Row>, outcome: &mut Outcome) {
    let limits = &context.header.expect.availability;
    if context.attempts.overflowed() {
        outcome.unknown(
            "faults and nodes changed too often for all outages to be held against limits".to_owned(),
        );
    }
    if context.attempts.left_out() > 0 && limits.probed().next().is_some() {
        outcome.unknown("there were too many outages for all of them to be held against limits".to_owned());
    }
    for (f, limit) in [
        (ProbeOf::Write, limits.write_outage),
        (ProbeOf::Read, limits.read_outage),
    ] {
        let Some(limit) = limit else { continue };
        for (key, gap) in context.attempts.gaps(f) {
            if owed(context, key, (gap.from, gap.to)) >= limit.as_nanos() {
                outcome.violation(UNAVAILABLE_TOO_LONG, || unavailable(context, f, key, gap, limit));
            }
        }
    }
    for row in rows {
        judge(context, &row, outcome);
    }
}

/// Says which limits cannot be held, because nobody tried.
fn untried(context: &Context, probed: u32, outcome: &mut Outcome) {
    let limits = &context.header.expect.availability;
    if probed == 0 && limits.probed().next().is_some() {
        outcome.unknown("the plan limits outages, and no partition was probed".to_owned());
        return;
    }
    let keys = context.attempts.probed();
    let asked_for = [
        (
            ProbeOf::Write,
            limits.write_outage.or(limits.recovery_time),
            "write to",
        ),
        (ProbeOf::Read, limits.read_outage, "read"),
    ];
    for (f, _, what) in asked_for.into_iter().filter(|(_, limit, _)| limit.is_some()) {
        let untried = keys
            .iter()
            .find(|key| context.attempts.gaps_of(**key, f).is_none());
        if let Some(key) = untried {
            outcome.unknown(format!(
                "the plan limits outages, and the prober did not try to {what} {}",
                context.name(*key)
            ));
        }
    }
}

/// The figures, in sentences.
fn tell(context: &Context, measured: &Availability, outcome: &mut Outcome) {
    if measured.probed > 0 && measured.probed < measured.partitions {
        outcome.note(format!(
            "{} of {} were probed",
            measured.probed,
            text::count(u64::from(measured.partitions), "partition")
        ));
    }
    let of = [
        ("without a successful write", &measured.writes),
        ("without a successful read", &measured.reads),
        ("until a new leader was seen", &measured.leaders),
        ("from a healing to all replicas in sync", &measured.full_isr),
        ("from a healing until all was served again", &measured.recovery),
    ];
    for (what, spread) in of {
        let Some(spread) = spread else { continue };
        outcome.note(format!(
            "{what}: {} at least, {} in the middle, {} at most, over {} of a fault and a partition",
            seconds(spread.least),
            seconds(spread.median),
            seconds(spread.most),
            text::count(spread.count, "pair")
        ));
    }
    if let Some(without) = measured.without_fault.filter(|without| without.count > 0) {
        outcome.note(format!(
            "without a successful write though no fault was to blame: {}, {} at most, {} in all",
            text::count(without.count, "time"),
            seconds(without.longest),
            seconds(without.total)
        ));
    }
    if measured.left_out > 0 {
        outcome.note(format!(
            "of {} of a fault and a partition the figures are left out",
            text::count(measured.left_out, "more pair")
        ));
    }
    let left_out = context.attempts.left_out();
    if left_out > 0 {
        outcome.note(format!(
            "{} of a partition are left out of the figures",
            text::count(left_out, "more outage")
        ));
    }
    let known = context.tally.lost_all.len() as u64;
    if context.tally.lost.count > known {
        outcome.note(format!(
            "of the lost writes the first {} are put down to faults",
            text::number(known)
        ));
    }
}

/// The longest part of a time in which the partition owed service.
fn owed(context: &Context, key: Key, (from, to): (u64, u64)) -> u64 {
    context.attempts.owed(|stand| stand.asks(key), from, to)
}

/// The same of service by all its replicas: not while a fault keeps a node away.
fn owed_by_all(context: &Context, key: Key, (from, to): (u64, u64)) -> u64 {
    context.attempts.owed(|stand| stand.asks_all(key), from, to)
}

fn judge(context: &Context, row: &Row, outcome: &mut Outcome) {
    let limits = &context.header.expect.availability;
    let Row { outage, .. } = row;
    let name = &outage.partition;
    if let (Some(limit), Some((from, to))) = (limits.leader, row.without_leader)
        && owed(context, outage.key, (from, to)) >= limit.as_nanos()
    {
        outcome.violation(ELECTED_TOO_LATE, || {
            let sentence = format!(
                "{name} lost its leader to fault {} at {} and had no other {} later; the plan allows {}.",
                outage.fault,
                seconds(from),
                seconds(to.saturating_sub(from)),
                seconds(limit.as_nanos())
            );
            case(context, outage.key, from, vec![sentence])
        });
    }
    let recovered = [
        (limits.full_isr, row.without_isr, "all its replicas were in sync"),
        (
            limits.recovery_time,
            row.unrecovered,
            "it was served by all its replicas in sync",
        ),
    ];
    for (limit, time, what) in recovered {
        let (Some(limit), Some((from, to))) = (limit, time) else {
            continue;
        };
        if owed_by_all(context, outage.key, (from, to)) >= limit.as_nanos() {
            outcome.violation(RECOVERED_TOO_LATE, || {
                let sentence = format!(
                    "Fault {} was healed at {}, and {} later it was not so that {what}, for {name}; the plan allows {}.",
                    outage.fault,
                    seconds(from),
                    seconds(to.saturating_sub(from)),
                    seconds(limit.as_nanos())
                );
                case(context, outage.key, from, vec![sentence])
            });
        }
    }
    let too_many = limits.lost_records.is_some_and(|limit| outage.lost > limit);
    let too_long = limits
        .lost_time
        .is_some_and(|limit| outage.lost > 0 && outage.lost_time > limit.as_nanos());
    if too_many || too_long {
        outcome.violation(LOST_TOO_MUCH, || {
            let sentence = format!(
                "{} of {name} were lost to fault {}, acknowledged over {}; the plan allows less.",
                text::count(outage.lost, "acknowledged write"),
                outage.fault,
                seconds(outage.lost_time)
            );
            case(context, outage.key, row.start, vec![sentence])
        });
    }
}

fn unavailable(context: &Context, f: ProbeOf, key: Key, gap: &Gap, limit: Span) -> Case {
    let (name, done) = match f {
        ProbeOf::Write => ("written with acks=all", "write"),
        ProbeOf::Read => ("read", "read"),
    };
    let until = if gap.ended {
        format!("to {}", seconds(gap.to))
    } else {
        format!("and not before {}, when the prober ended", seconds(gap.to))
    };
    let story = vec![
        format!(
            "{} could not be {name} for {}, from {} {until}; the plan allows {}.",
            context.name(key),
            seconds(gap.to - gap.from),
            seconds(gap.from),
            seconds(limit.as_nanos())
        ),
        format!(
            "{} to {done} failed meanwhile, the last of them because of this: {}.",
            text::count(gap.attempts, "attempt"),
            gap.why
        ),
        format!(
            "For {} of that time nothing changed and enough was left for the partition to go on.",
            seconds(owed(context, key, (gap.from, gap.to)))
        ),
    ];
    case(context, key, gap.from, story)
}

fn case(context: &Context, key: Key, time: u64, story: Vec<String>) -> Case {
    Case {
        story: with_faults(context, time, story),
        ..context.case(time, key)
    }
}
