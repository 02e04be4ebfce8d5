//! Terms: which were raised for nothing, and which elections came after healing. Told, no violation: a node that
//! comes back may raise the term, which costs an election.

use std::fmt::Write as _;

use crate::context::Context;
use crate::outcome::Outcome;
use crate::text::count;

pub(super) fn note(context: &Context, outcome: &mut Outcome) {
    let terms: Vec<_> = context.quorums.terms.values().map(|(first, _)| *first).collect();
    let ([first, ..], [.., last]) = (terms.as_slice(), terms.as_slice()) else {
        return;
    };
    if first.term == last.term {
        return;
    }
    let faults = &context.timeline.faults;
    let (mut under, mut healed, mut calm, mut again) = (0_u64, 0_u64, 0_u64, 0_u64);
    for pair in terms.windows(2) {
        let [before, elected] = pair else { continue };
        let at = elected.time;
        if context.timeline.faults_at(at).next().is_some() {
            under += 1;
        } else if faults.iter().any(|fault| fault.to.is_some_and(|to| to <= at)) {
            healed += 1;
        } else {
            calm += 1;
        }
        again += u64::from(before.leader == elected.leader);
    }
    let elections = terms.len() as u64 - 1;
    let grown = u64::from(last.term.abs_diff(first.term));
    let mut parts = Vec::new();
    let mut part = |number: u64, what: &str| {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    };
    part(under, "while a fault was in force");
    part(healed, "after healing, with the quorum whole");
    part(calm, "before any fault, with the quorum whole");
    part(again, "of the same node again");
    let mut text = format!(
        "the quorum's term grew from {} to {} by {}: {}",
        first.term,
        last.term,
        count(elections, "election"),
        parts.join(", ")
    );
    let without = grown.saturating_sub(elections);
    if without > 0 {
        let without = count(without, "term");
        write!(text, "; {without} passed without a leader that was seen").expect("a string takes all");
    }
    outcome.note(text);
}
