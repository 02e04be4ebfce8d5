//! Every record of the first topic became exactly one record of the second, in order.
//!
//! Read, process, write: transactions that send what they make of what they polled, and commit with it how far they have read
//! (KIP-98, KIP-447). Which record was made of which is known from the transactions themselves, whatever became of
//! them; what counts is what the complete final reads hold. A record that has no output is a violation where the group has committed that it
//! is done with it; where the group never got that far nobody knows.

use history::{Application, Key, Offset, Value};

use crate::anomaly::{NEVER_PROCESSED, PROCESSED_OUT_OF_ORDER, PROCESSED_TWICE};
use crate::applications::{Committing, Made};
use crate::context::Context;
use crate::outcome::Outcome;
use crate::text::seconds;
use crate::verdict::Case;

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    if context.header.expect.application != Some(Application::ExactlyOnce) {
        return Outcome::not_asked();
    }
    let applications = &context.applications;
    if !applications.finals.are_complete() {
        outcome.unknown("the final reads are not complete: nobody knows what was processed".to_owned());
        return outcome;
    }
    for input in applications.processed.inputs() {
        let outputs = outputs(context, input);
        judge_outputs(context, &outputs, &mut outcome);
        judge_inputs(context, input, &outputs, &mut outcome);
    }
    outcome
}

/// A record of the second topic.
struct Output {
    key: Key,
    offset: Offset,
    value: Value,
    made: Made,
}

fn outputs(context: &Context, input: Key) -> Vec<Output> {
    let applications = &context.applications;
    let key = applications.processed.output(input);
    let output = |(offset, value): &(Offset, Value)| {
        let made = applications.processed.of(*value)?;
        Some(Output {
            key,
            offset: *offset,
            value: *value,
            made,
        })
    };
    // What no transaction of ours made is told by the check `log`.
    applications.finals.log(key).iter().filter_map(output).collect()
}

fn judge_outputs(context: &Context, outputs: &[Output], outcome: &mut Outcome) {
    let mut furthest: Option<&Output> = None;
    let mut seen = std::collections::BTreeMap::new();
    for output in outputs {
        if let Some(first) = seen.insert(output.made.of.value, output) {
            outcome.violation(PROCESSED_TWICE, || twice(context, first, output));
            continue;
        }
        match furthest {
            Some(before) if before.made.of.offset > output.made.of.offset => {
                outcome.violation(PROCESSED_OUT_OF_ORDER, || disordered(context, before, output));
            }
            _ => furthest = Some(output),
        }
    }
}

fn judge_inputs(context: &Context, input: Key, outputs: &[Output], outcome: &mut Outcome) {
    let applications = &context.applications;
    let done: std::collections::BTreeSet<Value> = outputs.iter().map(|output| output.made.of.value).collect();
    let committed = applications
        .members
        .finally(input)
        .map(|look| look.offset.unwrap_or(0));
    let Some(committed) = committed else {
        outcome.unknown(format!(
            "how far the workers have read {} was not asked for at the end",
            context.name(input)
        ));
        return;
    };
    let mut left = 0_u64;
    for (offset, value) in applications.finals.log(input) {
        if done.contains(value) {
            continue;
        }
        if *offset < committed {
            outcome.violation(NEVER_PROCESSED, || {
                never(context, input, (*offset, *value), committed)
            });
        } else {
            left += 1;
        }
    }
    if left > 0 {
        outcome.unknown(format!(
            "{left} records of {} were not processed yet when the run ended: the workers had committed offset {committed}",
            context.name(input)
        ));
    }
}

fn told(context: &Context, output: &Output) -> String {
    let Made {
        of,
        op,
        time,
        committed,
    } = output.made;
    format!(
        "Value {} at offset {} of {} was made of value {} at offset {} of {} by op {op}, which ended at {}{}.",
        context.value(output.value),
        output.offset,
        context.name(output.key),
        context.value(of.value),
        of.offset,
        context.name(of.key),
        seconds(time),
        if committed {
            ""
        } else {
            " without its client knowing that it was committed"
        }
    )
}

fn twice(context: &Context, first: &Output, second: &Output) -> Case {
    let of = &second.made.of;
    let claim = format!(
        "Value {} at offset {} of {} was processed twice: values {} and {} were made of it.",
        context.value(of.value),
        of.offset,
        context.name(of.key),
        context.value(first.value),
        context.value(second.value)
    );
    Case {
        offset: Some(second.offset),
        values: vec![first.value, second.value],
        ops: vec![first.made.op, second.made.op],
        story: vec![
            claim,
            told(context, first),
            told(context, second),
            context.faults_sentence(second.made.time),
        ],
        ..context.case(second.made.time, second.key)
    }
}

fn disordered(context: &Context, before: &Output, after: &Output) -> Case {
    Case {
        offset: Some(after.offset),
        values: vec![before.value, after.value],
        ops: vec![before.made.op, after.made.op],
        story: vec![
            told(context, before),
            told(context, after),
            "The order of the first topic is not that of the second.".to_owned(),
        ],
        ..context.case(after.made.time, after.key)
    }
}

fn never(context: &Context, input: Key, (offset, value): (Offset, Value), committed: Offset) -> Case {
    let past = |commit: &&Committing| commit.key == input && commit.offset > offset;
    let commits = context.applications.members.commits.iter().filter(past);
    let time = commits.map(|commit| commit.begun).min().unwrap_or_default();
    Case {
        offset: Some(offset),
        values: vec![value],
        story: vec![
            format!(
                "Value {} stands at offset {offset} of {}, and nothing in the second topic was made of it.",
                context.value(value),
                context.name(input)
            ),
            format!("The workers have committed offset {committed}: they are done with it."),
        ],
        ..context.case(time, input)
    }
}
