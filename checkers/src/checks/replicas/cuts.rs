//! Logs that were cut off while acknowledged records were in them: in which copy, and by which election.

use history::{Key, Moment, NodeId, Offset, Value};

use super::members::is_whole;
use crate::anomaly::TRUNCATED_WRITE;
use crate::context::{Context, with_faults};
use crate::disks::{Copied, DiskReplica, Held, LogState};
use crate::outcome::Outcome;
use crate::rulings::{Clock, Election, Standing};
use crate::text::{self, count, isr, seconds};
use crate::timeline::FaultInterval;
use crate::verdict::Case;

/// Values of a case that are named.
const VALUES_MAX: usize = 100;
/// Faults that take from a disk what was on it.
const HARMFUL: [&str; 5] = ["power-loss", "crash-at", "bit-rot", "disk-error", "wipe"];

/// Acknowledged records that one copy of a disk shows and the next one of the same disk lacks.
struct Cut<'c> {
    key: Key,
    node: NodeId,
    replica: &'c DiskReplica,
    /// The state that lacks them; the one before held them.
    state: usize,
    /// `(offset, value, epoch)`.
    records: Vec<(Offset, Value, i32)>,
}

/// Tells of all of them.
pub(super) fn tell(context: &Context, key: Key, outcome: &mut Outcome) {
    for (node, replica) in context.disks.replicas(key) {
        for state in 1..replica.states().len() {
            let cut = Cut {
                key,
                node,
                replica,
                state,
                records: acknowledged(context, key, replica, state),
            };
            if cut.records.is_empty() {
                continue;
            }
            match cut.cause(context) {
                Some(cause) => outcome.note(cut.note(context, &cause)),
                None => outcome.allowance(TRUNCATED_WRITE, || cut.case(context)),
            }
        }
    }
}

/// What a state lacks that the one before held and that was acknowledged where it stood.
fn acknowledged(
    context: &Context,
    key: Key,
    replica: &DiskReplica,
    state: usize,
) -> Vec<(Offset, Value, i32)> {
    let Some(from) = replica.cut(state) else {
        return Vec::new();
    };
    let (before, now) = (&replica.states()[state - 1], &replica.states()[state]);
    let damaged = !is_whole(context, key, now);
    let deleted = context.index.deletions.finally_below(key);
    let gone = replica
        .records(state - 1, from, before.end)
        .filter(|(offset, value, epoch)| replica.lacks(state, *offset, *value, *epoch))
        // Damage hides what lies behind it.
        .filter(|(offset, ..)| {
            let seen = matches!(replica.at(state, *offset), Held::Record { .. });
            *offset >= deleted && (seen || !damaged)
        })
        .filter(|record| !is_another(replica, record));
    gone.filter(|(offset, value, _)| {
        let writes = &context.index.writes;
        context.index.known(key, *value).is_some_and(|number| {
            writes.is_acknowledged(number) && writes.places(number) == Some((*offset, *offset))
        })
    })
    .collect()
}

/// Whether the record that was acknowledged is another one: of one that is sent again a deposed leader may have kept the
/// first try at the very offset at which the second came to stand in a later epoch.
fn is_another(replica: &DiskReplica, (offset, value, epoch): &(Offset, Value, i32)) -> bool {
    let last = replica.states().len() - 1;
    matches!(replica.at(last, *offset), Held::Record { value: held, epoch: of } if held == *value && of != *epoch)
}

/// A fault in a time that takes from a node's disk what was on it.
pub(super) fn harmed<'c>(
    context: &'c Context,
    node: NodeId,
    from: u64,
    to: u64,
) -> Option<&'c FaultInterval> {
    context.timeline.faults.iter().find(|fault| {
        let acted = fault.may_have_acted_from();
        HARMFUL.contains(&fault.kind.as_str())
            && fault.nodes.contains(&node)
            && acted.is_some_and(|acted| acted <= to && fault.to.is_none_or(|over| over >= from))
    })
}

impl Cut<'_> {
    fn before(&self) -> &LogState {
        &self.replica.states()[self.state - 1]
    }

    fn now(&self) -> &LogState {
        &self.replica.states()[self.state]
    }

    fn copies<'c>(&self, context: &'c Context) -> (&'c Copied, &'c Copied) {
        let of = |state| context.disks.copy_of(state);
        (of(self.before()), of(self.now()))
    }

    /// What else than an election took the records: then nothing was cut off.
    fn cause(&self, context: &Context) -> Option<String> {
        let (held, lacking) = self.copies(context);
        match held.moment {
            Moment::BeforePowerLoss => {
                return Some("power was lost, and with it what was not synced".to_owned());
            }
            Moment::BeforeWipe => return Some("its data was removed".to_owned()),
            Moment::BeforeHeal(_) | Moment::BeforeStart | Moment::AtTheEnd => {}
        }
        let fault = harmed(context, self.node, held.begun, lacking.time)?;
        Some(format!("there was {}", text::fault(fault)))
    }

    fn range(&self, context: &Context) -> String {
        let first = self.records.first().map_or(0, |record| record.0);
        let last = self.records.last().map_or(0, |record| record.0);
        let writes = count(self.records.len() as u64, "acknowledged write");
        let name = context.name(self.key);
        if first == last {
            format!("{writes} at offset {first} of {name}")
        } else {
            format!("{writes} at offsets {first} to {last} of {name}")
        }
    }

    fn note(&self, context: &Context, cause: &str) -> String {
        let (held, lacking) = self.copies(context);
        format!(
            "node {} held {} on its disk{} and no more{}: {cause}",
            self.node,
            self.range(context),
            context.at(held.begun),
            context.at(lacking.begun)
        )
    }

    fn case(&self, context: &Context) -> Case {
        let (held, lacking) = self.copies(context);
        let epoch = self.records.last().map_or(0, |record| record.2);
        let election = self.election(context, epoch);
        let time = election.map_or(held.begun, |election| {
            election.after.at.max(held.begun).min(lacking.time)
        });
        let mut story = vec![format!(
            "Node {} held {}, written in epoch {epoch}, on its disk{} ({}); its copy{} ({}) lacks them, its log being cut off at offset {}.",
            self.node,
            self.range(context),
            context.at(held.begun),
            moment(&held.moment),
            context.at(lacking.begun),
            moment(&lacking.moment),
            self.replica.cut(self.state).unwrap_or_default()
        )];
        story.extend(election.map(|election| elected(&election)));
        story.push(self.elsewhere(context));
        Case {
            offset: self.records.first().map(|record| record.0),
            values: self
                .records
                .iter()
                .map(|record| record.1)
                .take(VALUES_MAX)
                .collect(),
            nodes: vec![self.node],
            epoch: Some(epoch),
            story: with_faults(context, time, story),
            ..context.case(time, self.key)
        }
    }

    /// The election that began the epoch which the log went on with.
    fn election<'c>(&self, context: &'c Context, epoch: i32) -> Option<Election<'c>> {
        let at = self.replica.cut(self.state)?;
        let next = self.replica.records(self.state, at, self.now().end).next();
        let follows = next.filter(|record| record.2 > epoch);
        let by_records = follows.and_then(|record| context.rulings.election(self.key, record.2));
        by_records.or_else(|| context.rulings.next_leader(self.key, epoch))
    }

    /// Whose disks held the records at the end.
    fn elsewhere(&self, context: &Context) -> String {
        let Some((offset, value, _)) = self.records.first().copied() else {
            return String::new();
        };
        let ends = context.disks.replicas(self.key).filter_map(|(node, replica)| {
            let last = replica.states().len().checked_sub(1)?;
            let copy = context.disks.copy_of(&replica.states()[last]);
            (copy.moment == Moment::AtTheEnd).then(|| (node, replica.holds(last, offset, value)))
        });
        let (holding, lacking): (Vec<_>, Vec<_>) = ends.partition(|(_, holds)| *holds);
        let nodes = |of: &[(NodeId, bool)]| of.iter().map(|(node, _)| *node).collect::<Vec<_>>();
        match (nodes(&holding), nodes(&lacking)) {
            (holding, _) if !holding.is_empty() => {
                format!(
                    "At the end the first of them is on the disks of {}.",
                    text::nodes(&holding)
                )
            }
            (_, lacking) if !lacking.is_empty() => {
                format!(
                    "At the end the first of them is on none of the disks of {}.",
                    text::nodes(&lacking)
                )
            }
            _ => "No disk was copied at the end.".to_owned(),
        }
    }
}

fn moment(moment: &Moment) -> String {
    match moment {
        Moment::BeforeHeal(fault) => format!("before fault {fault} was healed"),
        Moment::BeforeStart => "before it was started".to_owned(),
        Moment::BeforePowerLoss => "before power was lost".to_owned(),
        Moment::BeforeWipe => "before its data was removed".to_owned(),
        Moment::AtTheEnd => "at the end".to_owned(),
    }
}

fn elected(election: &Election) -> String {
    let ruling = &election.after.ruling;
    let when = seconds(election.after.at);
    let when = match election.after.clock {
        Clock::Controller => format!("at {when} by its own clock"),
        Clock::Observation | Clock::Copy => format!("no later than {when}"),
    };
    let was = election
        .before
        .map(|before| (isr(&before.ruling.isr), isr(&before.ruling.elr)));
    let standing = match (election.standing(), was) {
        (Standing::InSync, Some((isr, _))) => format!("which was in the ISR {isr}"),
        (Standing::Eligible, Some((isr, elr))) => {
            format!("which was an eligible leader replica ({elr}) outside the ISR {isr}")
        }
        (Standing::Outside, Some((isr, elr))) => {
            format!("which was neither in the ISR {isr} nor eligible ({elr}): an unclean election")
        }
        _ => "and what that had been before is not known".to_owned(),
    };
    let leader = ruling
        .leader
        .map_or_else(|| "no node".to_owned(), |leader| format!("node {leader}"));
    format!(
        "The controller of term {} made {leader} leader in epoch {} {when}, {standing}.",
        ruling.term, ruling.epoch
    )
}
