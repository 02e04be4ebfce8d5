//! The history is well formed, so that what the other checks read in it can be trusted.
//!
//! A process has at most one operation open, a completion follows its invocation, no value is sent twice,
//! keys are within the header's, times and phases are in order. Where this fails the verdict is unknown;
//! writes that a flaw touches are not judged by any check.

use crate::context::Context;
use crate::outcome::Outcome;
use crate::text::{count, number};

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    let flaws = &context.index.flaws;
    for (time, text) in &flaws.texts {
        outcome.unknown(format!(
            "the history is not well formed{}: {text}",
            context.at(*time)
        ));
    }
    let more = flaws.count - flaws.texts.len() as u64;
    if more > 0 {
        outcome.unknown(format!(
            "the history is not well formed in {} more places",
            number(more)
        ));
    }
    if context.skipped > 0 {
        outcome.note(format!(
            "{} of a kind that no check knows: nothing was made of them",
            count(context.skipped, "operation")
        ));
    }
    outcome
}
