//! Who was elected, by the metadata log: an in-sync replica, an eligible one (KIP-966), or somebody else.
//!
//! Kafka's rules (`PartitionChangeBuilder`): a clean election takes a replica of the ISR or the ELR. Otherwise, where the topic
//! allows it or an operator asks for it, any replica; with ELRs also the last known leader, where both sets are empty. Such
//! an election makes the new leader the whole ISR and marks it as recovering. One thing looks like it and is none: a
//! leader's own report may bring a replica into the ISR and hand the leadership on to it in one record, as a reassignment
//! ends. So where there was a leader before, a new one that is not marked is only told of.

use history::NodeId;

use crate::anomaly::UNCLEAN_ELECTION;
use crate::context::{Context, distinct, with_faults};
use crate::outcome::Outcome;
use crate::rulings::{Election, Ruled, Standing};
use crate::text::{isr, seconds};
use crate::verdict::Case;

/// Faults that ask for unclean elections.
const ASKED_BY: [&str; 3] = ["elect-unclean", "election-storm", "unclean-config"];

/// What an election from outside the ISR and the ELR was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Marked as unclean.
    Marked,
    /// Not marked, though nobody led who could have vouched for the new leader.
    Unmarked,
    /// Not marked; the leader before may have vouched for the new one.
    Perhaps,
}

pub(super) fn find(context: &Context, outcome: &mut Outcome) {
    for key in 0..context.index.keys {
        for election in context.rulings.elections(key) {
            let Some((kind, before)) = kind_of(&election) else {
                continue;
            };
            let certain = kind != Kind::Perhaps && election.after.committed;
            if !certain {
                outcome.note(format!(
                    "perhaps unclean: {}",
                    sentence(context, &election, before)
                ));
                continue;
            }
            let promised = !is_allowed(context, &election, before);
            outcome.found_one(promised, UNCLEAN_ELECTION, || {
                case(context, &election, before, kind)
            });
        }
    }
}

/// What an election from outside was, and the state that it changed; nothing for a clean one.
fn kind_of<'r>(election: &Election<'r>) -> Option<(Kind, &'r Ruled)> {
    let before = election.before?;
    if election.standing() != Standing::Outside || !election.changes_leader() {
        return None;
    }
    let kind = if election.after.ruling.recovering {
        Kind::Marked
    } else if before.ruling.leader.is_none() {
        Kind::Unmarked
    } else {
        Kind::Perhaps
    };
    Some((kind, before))
}

fn is_allowed(context: &Context, election: &Election<'_>, before: &Ruled) -> bool {
    let ruling = &election.after.ruling;
    let of_topic = context.header.partition(ruling.key).is_some_and(|(name, _)| {
        let topics = &context.header.topics;
        topics
            .iter()
            .any(|topic| topic.name == name && topic.unclean_election)
    });
    let asked = context.timeline.faults.iter().any(|fault| {
        let acted = fault.may_have_acted_from();
        ASKED_BY.contains(&fault.kind.as_str()) && acted.is_some_and(|from| from <= latest(election))
    });
    // Nobody was in sync or eligible, and who led last came back (KIP-966).
    let none_left = before.ruling.isr.is_empty() && before.ruling.elr.is_empty();
    let known_last = ruling
        .leader
        .is_some_and(|leader| before.ruling.last_known_elr == [leader]);
    of_topic || asked || none_left && known_last
}

/// When an election had been made at the latest: what its record says may be wrong by the controller's clock, so a second is
/// allowed for.
fn latest(election: &Election<'_>) -> u64 {
    election.after.at.saturating_add(1_000_000_000)
}

fn sentence(context: &Context, election: &Election<'_>, before: &Ruled) -> String {
    let ruling = &election.after.ruling;
    format!(
        "node {} became leader of {} in epoch {}, though the state before had ISR {} and ELR {}",
        name(ruling.leader),
        context.name(ruling.key),
        ruling.epoch,
        isr(&before.ruling.isr),
        isr(&before.ruling.elr)
    )
}

fn name(node: Option<NodeId>) -> String {
    node.map_or_else(|| "none".to_owned(), |node| node.to_string())
}

fn case(context: &Context, election: &Election<'_>, before: &Ruled, kind: Kind) -> Case {
    let (after, ruling) = (election.after, &election.after.ruling);
    let first = sentence(context, election, before);
    let mark = match kind {
        Kind::Marked => "it is marked there as an unclean election (the leader has to recover)",
        _ => {
            "it is not marked there as an unclean election, and nobody led before who could have vouched for the new leader"
        }
    };
    let story = vec![
        format!("{}{}.", first[..1].to_uppercase(), &first[1..]),
        format!(
            "So it stands at offset {} of the metadata log, written in term {}, about {}, as held by {}; {mark}.",
            ruling.offset,
            ruling.term,
            seconds(after.at),
            crate::text::nodes(&after.nodes)
        ),
    ];
    Case {
        nodes: distinct(ruling.leader),
        epoch: Some(ruling.epoch),
        story: with_faults(context, after.at, story),
        ..context.case(after.at, ruling.key)
    }
}
