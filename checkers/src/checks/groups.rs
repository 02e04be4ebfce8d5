//! Members of a consumer group read every record at least once, and what they committed stays committed.
//!
//! Three promises. *At least once*: no record that the log holds lies below a committed offset without a member having read it
//! (a member that commits what it has not read yet breaks this by itself). *Commits*: an offset whose commit was acknowledged is not followed by a
//! lower one, and is there when everything is whole again. A commit of unknown outcome may take effect at any time, so
//! whatever such a commit explains is no violation; and a look at what is committed while the cluster is not whole may be answered by a
//! deposed coordinator, so it is told and breaks no promise. *Ownership*: no two members own a partition in one generation (see
//! `applications/claims.rs`).
//!
//! Kafka's consumer groups: KIP-62, KIP-429 (cooperative), KIP-345 (static members), KIP-848.

use history::{Application, Key, Offset, Value};

use crate::anomaly::{COMMIT_WENT_BACK, LOST_COMMIT, SKIPPED_RECORD, STALE_COMMITTED, TWO_OWNERS};
use crate::applications::{Claim, Committing};
use crate::context::Context;
use crate::outcome::Outcome;
use crate::text::{count, seconds};
use crate::verdict::Case;

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    let members = &context.applications.members;
    if !members.are_there() {
        if context.header.expect.application != Some(Application::Group) {
            return Outcome::not_asked();
        }
        outcome.unknown("no member of a group did anything".to_owned());
        return outcome;
    }
    for (first, second) in members.contradictions() {
        outcome.violation(TWO_OWNERS, || two_owners(context, &first, &second));
    }
    if members.claims() == 0 {
        outcome.note(
            "the client library does not say in which generation a member owns what: ownership is not judged"
                .to_owned(),
        );
    }
    if members.lost() > 0 {
        let lost = count(members.lost(), "time");
        outcome.note(format!("{lost} a member found that its group had given it up"));
    }
    let commits = by_key(context);
    for (key, commits) in commits.iter().enumerate() {
        let key = key as Key;
        went_back(context, commits, &mut outcome);
        stale(context, key, commits, &mut outcome);
        judge_end(context, key, commits, &mut outcome);
    }
    outcome
}

fn by_key(context: &Context) -> Vec<Vec<Committing>> {
    let mut commits = vec![Vec::new(); context.index.keys as usize];
    for commit in &context.applications.members.commits {
        if let Some(of_key) = commits.get_mut(commit.key as usize) {
            of_key.push(*commit);
        }
    }
    commits
}

/// Whether a commit of unknown outcome explains that no more than that is committed.
fn explained(commits: &[Committing], offset: Offset) -> bool {
    let unknown = commits.iter().filter(|commit| commit.acknowledged.is_none());
    unknown.into_iter().any(|commit| commit.offset <= offset)
}

/// The highest acknowledged commit that was over before a time.
fn highest_before(commits: &[Committing], time: u64) -> Option<Committing> {
    let over = commits
        .iter()
        .filter(|commit| commit.acknowledged.is_some_and(|at| at < time));
    over.max_by_key(|commit| commit.offset).copied()
}

fn went_back(context: &Context, commits: &[Committing], outcome: &mut Outcome) {
    // In the order in which they were begun, with the highest that was over by then.
    let mut begun: Vec<&Committing> = commits.iter().filter(|one| one.acknowledged.is_some()).collect();
    begun.sort_by_key(|commit| commit.begun);
    let mut over = begun.clone();
    over.sort_by_key(|commit| commit.acknowledged);
    let mut over = over.into_iter().peekable();
    let mut highest: Option<&Committing> = None;
    for commit in begun {
        while let Some(before) = over.next_if(|before| before.acknowledged < Some(commit.begun)) {
            if highest.is_none_or(|highest| before.offset > highest.offset) {
                highest = Some(before);
            }
        }
        let Some(before) = highest.filter(|before| before.offset > commit.offset) else {
            continue;
        };
        if !explained(commits, commit.offset) {
            outcome.violation(COMMIT_WENT_BACK, || back(context, before, commit));
        }
    }
}

fn back(context: &Context, before: &Committing, after: &Committing) -> Case {
    Case {
        offset: Some(after.offset),
        ops: vec![before.op, after.op],
        story: vec![
            format!(
                "Offset {} of {} was committed (op {}) and acknowledged at {}.",
                before.offset,
                context.name(after.key),
                before.op,
                seconds(before.acknowledged.unwrap_or_default())
            ),
            format!(
                "After that a member went on from further back and committed offset {} (op {}), acknowledged as well: what was committed before had gone.",
                after.offset, after.op
            ),
            context.faults_sentence(after.begun),
        ],
        ..context.case(after.begun, after.key)
    }
}

/// Looks that show less than was acknowledged before they were begun, while not everything was whole.
fn stale(context: &Context, key: Key, commits: &[Committing], outcome: &mut Outcome) {
    let members = &context.applications.members;
    let last = members.finally(key).map(|look| look.op);
    for look in members
        .looks
        .iter()
        .filter(|look| look.key == key && Some(look.op) != last)
    {
        let seen = look.offset.unwrap_or(-1);
        let Some(before) = highest_before(commits, look.begun).filter(|before| before.offset > seen) else {
            continue;
        };
        if !explained(commits, seen) {
            outcome.allowance(STALE_COMMITTED, || Case {
                offset: Some(before.offset),
                ops: vec![before.op, look.op],
                story: vec![
                    format!(
                        "A member was told that {} is committed of {} (op {}, ended at {}), after offset {} had been acknowledged (op {}).",
                        shown(look.offset),
                        context.name(key),
                        look.op,
                        seconds(look.ended),
                        before.offset,
                        before.op
                    ),
                    "A coordinator that was deposed may answer so; it breaks no promise unless a commit follows it.".to_owned(),
                ],
                ..context.case(look.begun, key)
            });
        }
    }
}

fn shown(offset: Option<Offset>) -> String {
    offset.map_or("nothing".to_owned(), |offset| format!("offset {offset}"))
}

/// What was committed at the end, and what lies below it.
fn judge_end(context: &Context, key: Key, commits: &[Committing], outcome: &mut Outcome) {
    let applications = &context.applications;
    let consumed = context.header.expect.application == Some(Application::Group);
    let Some(look) = applications.members.finally(key) else {
        if consumed {
            outcome.unknown(format!(
                "what the group has committed of {} was not asked for at the end",
                context.name(key)
            ));
        }
        return;
    };
    let end = look.offset.unwrap_or(0);
    if let Some(before) = highest_before(commits, look.begun)
        && before.offset > end
        && !explained(commits, end)
    {
        outcome.violation(LOST_COMMIT, || Case {
            offset: Some(before.offset),
            ops: vec![before.op, look.op],
            story: vec![
                format!(
                    "Offset {} of {} was committed (op {}) and acknowledged at {}.",
                    before.offset,
                    context.name(key),
                    before.op,
                    seconds(before.acknowledged.unwrap_or_default())
                ),
                format!(
                    "When everything was whole again, {} was committed (op {}).",
                    shown(look.offset),
                    look.op
                ),
            ],
            ..context.case(look.begun, key)
        });
    }
    if !consumed || !applications.finals.are_complete() {
        return;
    }
    // What was acknowledged counts too, though it be lost: a member took these records for read.
    let committed = highest_before(commits, u64::MAX).map_or(end, |commit| commit.offset.max(end));
    for (offset, value) in applications.finals.log(key) {
        if *offset < committed && !applications.members.read(*value) {
            outcome.violation(SKIPPED_RECORD, || {
                skipped(context, key, (*offset, *value), commits)
            });
        }
    }
    let last = applications.finals.log(key).last().map(|(offset, _)| offset + 1);
    if let Some(last) = last.filter(|last| committed < *last) {
        outcome.unknown(format!(
            "the group had read {} up to offset {committed} of {last} when the run ended",
            context.name(key)
        ));
    }
}

fn skipped(context: &Context, key: Key, (offset, value): (Offset, Value), commits: &[Committing]) -> Case {
    let by = commits
        .iter()
        .filter(|commit| commit.offset > offset)
        .min_by_key(|commit| commit.begun);
    let time = by.map_or(0, |commit| commit.begun);
    let mut story = vec![format!(
        "Value {} stands at offset {offset} of {}, and no member of the group ever read it.",
        context.value(value),
        context.name(key)
    )];
    if let Some(by) = by {
        story.push(format!(
            "Offset {} was committed past it at {} (op {}), so that no member will.",
            by.offset,
            seconds(by.begun),
            by.op
        ));
        story.push(context.faults_sentence(time));
    }
    Case {
        offset: Some(offset),
        values: vec![value],
        ops: by.map(|commit| commit.op).into_iter().collect(),
        story,
        ..context.case(time, key)
    }
}

fn two_owners(context: &Context, first: &Claim, second: &Claim) -> Case {
    let owned = |claim: &Claim| {
        let generations = if claim.from == claim.to {
            format!("generation {}", claim.from)
        } else {
            format!("generations {} to {}", claim.from, claim.to)
        };
        format!(
            "Member {} (client {}) was given {} at {} (op {}) and had it in {generations}.",
            claim.member,
            claim.process,
            context.name(claim.key),
            seconds(claim.time),
            claim.op
        )
    };
    Case {
        epoch: Some(second.from),
        ops: vec![first.op, second.op],
        story: vec![
            owned(first),
            owned(second),
            format!(
                "In generation {} both of {} owned it.",
                second.from,
                count(2, "member")
            ),
        ],
        ..context.case(second.time, second.key)
    }
}
