//! What one transaction can be found to have seen wrongly by itself.

use history::{Mop, Value};

use crate::txn::data::{Steps, list};
use crate::txn::found::{Brief, Finding, State};
use crate::txn::txns::TxnId;

/// Transactions with more steps than this are gone through with sorted appends.
const FEW_STEPS: usize = 32;

/// Looks for the first read that contradicts what the transaction read and appended before (`internal`).
pub(super) fn internal(txn: TxnId, mops: &[Mop], steps: &Steps) -> Option<Finding> {
    (1..mops.len()).find_map(|place| contradiction(txn, place, mops, steps))
}

/// Looks for the first append of what the transaction had read before (`future-read`): its key and its value.
pub(super) fn future(mops: &[Mop], steps: &Steps) -> Option<(u32, Value)> {
    let future = match mops.len() {
        0..2 => None,
        2..=FEW_STEPS => future_of_few(mops, steps),
        _ => future_of_many(mops, steps),
    };
    future.and_then(|(place, value)| Some((steps.key(place)?, value)))
}

fn contradiction(txn: TxnId, place: usize, mops: &[Mop], steps: &Steps) -> Option<Finding> {
    let (Mop::Read(_, seen), Some(key)) = (&mops[place], steps.key(place)) else {
        return None;
    };
    let seen = list(seen);
    let mut appended: Vec<Value> = Vec::new();
    let mut before = steps.before(place);
    while let Some(step) = before {
        match &mops[step] {
            Mop::Append(_, value) => appended.push(*value),
            Mop::Read(_, earlier) => {
                appended.reverse();
                let earlier = list(earlier);
                let rest = seen.strip_prefix(earlier);
                return (rest != Some(&appended)).then(|| {
                    let expected = State::List(Brief::of(&[earlier, &appended].concat()));
                    finding(txn, key, seen, expected)
                });
            }
            _ => {}
        }
        before = steps.before(step);
    }
    appended.reverse();
    let expected = || State::Ending(Brief::of(&appended));
    (!seen.ends_with(&appended)).then(|| finding(txn, key, seen, expected()))
}

fn finding(txn: TxnId, key: u32, seen: &[Value], expected: State) -> Finding {
    let read = State::List(Brief::of(seen));
    Finding::Internal {
        txn,
        key,
        read,
        expected,
    }
}

/// The place of an append and its value, which the transaction had read before.
fn future_of_few(mops: &[Mop], steps: &Steps) -> Option<(usize, Value)> {
    for (place, mop) in mops.iter().enumerate() {
        let Mop::Append(_, value) = mop else {
            continue;
        };
        let mut before = steps.before(place);
        while let Some(step) = before {
            if matches!(&mops[step], Mop::Read(_, seen) if list(seen).contains(value)) {
                return Some((place, *value));
            }
            before = steps.before(step);
        }
    }
    None
}

fn future_of_many(mops: &[Mop], steps: &Steps) -> Option<(usize, Value)> {
    let appends = mops.iter().enumerate().filter_map(|(place, mop)| match mop {
        Mop::Append(_, value) => Some((steps.key(place)?, *value, place)),
        _ => None,
    });
    let mut appends: Vec<(u32, Value, usize)> = appends.collect();
    appends.sort_unstable();
    let future = mops.iter().enumerate().filter_map(|(place, mop)| {
        let (Mop::Read(_, seen), Some(key)) = (mop, steps.key(place)) else {
            return None;
        };
        let later = list(seen).iter().filter_map(|value| {
            let append = appends.partition_point(|append| (append.0, append.1) <= (key, *value));
            let append = appends.get(append.checked_sub(1)?)?;
            (append.0 == key && append.1 == *value && append.2 > place).then_some((append.2, *value))
        });
        later.min()
    });
    future.min()
}
