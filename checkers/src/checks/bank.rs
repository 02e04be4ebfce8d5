//! Money is moved, and none is made or lost: the total of all accounts stays what it was.
//!
//! Each partition is an account, and each transaction a withdrawal from one and a deposit in another (Jepsen's bank test, on
//! transactions over topics, KIP-98). What counts is what the complete final reads hold: of each transfer both records once, or
//! none.

use std::collections::BTreeMap;

use history::{Application, Bank, Key, Offset, Value};

use crate::anomaly::{TORN_TRANSFER, TOTAL_CHANGED};
use crate::context::Context;
use crate::outcome::Outcome;
use crate::text::number;
use crate::verdict::Case;

/// Where the records of a transfer stand: withdrawals, and deposits.
#[derive(Default)]
struct Legs([Vec<(Key, Offset)>; 2]);

impl Legs {
    /// Not each once.
    fn are_torn(&self) -> bool {
        self.0.iter().any(|leg| leg.len() != 1)
    }
}

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    let Some(Application::Bank(bank)) = &context.header.expect.application else {
        return Outcome::not_asked();
    };
    let finals = &context.applications.finals;
    if !finals.are_complete() {
        outcome
            .unknown("the final reads are not complete: nobody knows what lies in the accounts".to_owned());
        return outcome;
    }
    let mut transfers: BTreeMap<Value, Legs> = BTreeMap::new();
    let mut balances = BTreeMap::new();
    for key in 0..context.index.keys {
        let balance = balances.entry(key).or_insert(bank.initial);
        for (offset, value) in finals.log(key) {
            *balance += Bank::amount(*value);
            let legs = transfers.entry(value / 2).or_default();
            legs.0[(value % 2) as usize].push((key, *offset));
        }
    }
    for (transfer, legs) in &transfers {
        if legs.are_torn() {
            outcome.violation(TORN_TRANSFER, || torn(context, *transfer, legs));
        }
    }
    let expected = bank.initial * i64::from(context.index.keys);
    let total: i64 = balances.values().sum();
    if total == expected {
        outcome.note(format!(
            "{} transfers; the total is {total}, as in the beginning",
            number(transfers.len() as u64)
        ));
    } else {
        let torn = transfers.values().filter(|legs| legs.are_torn()).count();
        outcome.violation(TOTAL_CHANGED, || Case {
            story: vec![
                format!(
                    "All accounts together held {expected} in the beginning, and hold {total} at the end."
                ),
                format!(
                    "Of {} transfers that left anything {} are not whole.",
                    number(transfers.len() as u64),
                    number(torn as u64)
                ),
            ],
            ..context.case_of_cluster(context.timeline.end)
        });
    }
    outcome
}

fn torn(context: &Context, transfer: Value, legs: &Legs) -> Case {
    let values = [transfer * 2, transfer * 2 + 1];
    let written = context.applications.sequences.written(values[0]);
    let (op, time) = written.map_or((None, 0), |(op, time)| (Some(op), time));
    let told = |value: Value, leg: &[(Key, Offset)]| {
        let what = if value.is_multiple_of(2) {
            "withdrawal"
        } else {
            "deposit"
        };
        let amount = Bank::amount(value).abs();
        match leg {
            [] => format!("The {what} of {amount} (value {value}) is nowhere."),
            places => {
                let places: Vec<String> = places
                    .iter()
                    .map(|(key, offset)| format!("offset {offset} of {}", context.name(*key)))
                    .collect();
                format!(
                    "The {what} of {amount} (value {value}) stands at {}.",
                    crate::text::list(&places)
                )
            }
        }
    };
    let [withdrawals, deposits] = &legs.0;
    let place = withdrawals.first().or(deposits.first());
    let mut story = vec![told(values[0], withdrawals), told(values[1], deposits)];
    story.extend(op.map(|op| format!("Both were to be written by op {op}, together or not at all.")));
    story.push(context.faults_sentence(time));
    Case {
        offset: place.map(|(_, offset)| *offset),
        values: values.to_vec(),
        ops: op.into_iter().collect(),
        story,
        ..match place {
            Some((key, _)) => context.case(time, *key),
            None => context.case_of_cluster(time),
        }
    }
}
