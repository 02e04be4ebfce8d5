//! Planted anomalies: each is called by its name.

use checkers::Model;
use history::{Event, F, History, Mop, Seen, What};

use crate::dsl::{found, judge};
use crate::store::{Dice, Isolation, Plan, make};

fn mops(event: &Event) -> Option<&Vec<Mop>> {
    match &event.what {
        What::Ok(op) => match &op.f {
            F::Txn(txn) => Some(&txn.mops),
            _ => None,
        },
        _ => None,
    }
}

fn mops_mut(event: &mut Event) -> Option<&mut Vec<Mop>> {
    match &mut event.what {
        What::Ok(op) => match &mut op.f {
            F::Txn(txn) => Some(&mut txn.mops),
            _ => None,
        },
        _ => None,
    }
}

/// The places of the reads of committed transactions: of the event and of the step.
fn reads(history: &History) -> Vec<(usize, usize)> {
    let events = history.events.iter().enumerate();
    let reads = events.flat_map(|(place, event)| {
        let mops = mops(event).into_iter().flatten().enumerate();
        mops.filter(|(_, mop)| matches!(mop, Mop::Read(..)))
            .map(move |(step, _)| (place, step))
    });
    reads.collect()
}

/// Whether any committed transaction read anything.
pub fn has_reads(history: &History) -> bool {
    !reads(history).is_empty()
}

/// Changes what some read of a committed transaction shows: to less, to more, or to what another read of the key shows.
pub fn change(history: &mut History, number: u64) {
    let mut dice = Dice::new(number);
    let reads = reads(history);
    let (event, step) = reads[dice.below(reads.len())];
    let key = match &mops(&history.events[event]).expect("a transaction")[step] {
        Mop::Read(key, _) => *key,
        _ => unreachable!("a read"),
    };
    let others = reads
        .iter()
        .filter_map(|(event, step)| match &mops(&history.events[*event])?[*step] {
            Mop::Read(other, seen) if *other == key => Some(seen.clone()),
            _ => None,
        });
    let others: Vec<Seen> = others.collect();
    let other = others[dice.below(others.len())].clone();
    let Some(Mop::Read(_, seen)) = mops_mut(&mut history.events[event]).map(|mops| &mut mops[step]) else {
        unreachable!("a read");
    };
    match (seen, dice.below(3)) {
        (Seen::List(values), 0) => {
            values.pop();
        }
        (Seen::List(values), 1) => values.reverse(),
        (seen, _) => *seen = other,
    }
}

fn plan(model: Model, seed: u64) -> Plan {
    Plan {
        isolation: Isolation::Serial,
        model,
        seed,
        transactions: 120,
        processes: 4,
        keys: 3,
        final_read: true,
    }
}

/// Plants an anomaly into many histories, and counts how often it is called by its name.
#[track_caller]
fn planted(model: Model, name: &str, plant: impl Fn(&mut History, &mut Dice) -> bool) {
    let (mut tried, mut named) = (0, 0);
    for seed in 0..60 {
        let mut history = make(plan(model, seed));
        if plant(&mut history, &mut Dice::new(seed)) {
            tried += 1;
            let verdict = judge(&history, model, "strict-serializable");
            let found = found(&verdict);
            // A graver form of it is as good.
            let is_named = |found: &str| found == name || name.strip_suffix("-realtime") == Some(found);
            named += u32::from(found.split_whitespace().any(is_named));
        }
    }
    assert!(tried > 40, "{name} could be planted {tried} times");
    assert_eq!(named, tried, "{name}");
}

/// Changes the first list of at least so many elements that a committed transaction which appends nothing read, from
/// some place of the history on.
fn change_list(history: &mut History, dice: &mut Dice, least: usize, change: impl Fn(&mut Vec<u64>)) -> bool {
    let from = dice.below(history.events.len() / 2);
    for event in &mut history.events[from..] {
        let Some(mops) = mops_mut(event).filter(|mops| mops.iter().all(|mop| matches!(mop, Mop::Read(..))))
        else {
            continue;
        };
        // Only one read of each key, so that nothing is contradicted within.
        let [Mop::Read(_, Seen::List(values))] = mops.as_mut_slice() else {
            continue;
        };
        if values.len() >= least {
            change(values);
            return true;
        }
    }
    false
}

#[test]
fn a_value_from_nowhere() {
    planted(Model::ListAppend, "garbage-read", |history, dice| {
        change_list(history, dice, 1, |values| {
            *values.last_mut().expect("one") = 1_000_000;
        })
    });
}

#[test]
fn an_element_twice() {
    planted(Model::ListAppend, "duplicate-elements", |history, dice| {
        change_list(history, dice, 1, |values| values.push(values[0]))
    });
}

#[test]
fn elements_in_another_order() {
    planted(Model::ListAppend, "incompatible-order", |history, dice| {
        change_list(history, dice, 2, |values| values.swap(0, 1))
    });
}

#[test]
fn a_read_of_the_past() {
    planted(Model::ListAppend, "G-single-item-realtime", |history, dice| {
        change_list(history, dice, 20, |values| values.truncate(1))
    });
}

/// The place of the completion of a committed transaction whose write a later one of another process read.
fn read_writer(history: &History) -> Option<(usize, u64)> {
    let writes = history.events.iter().enumerate().filter_map(|(place, event)| {
        let mops = mops(event)?;
        let written = mops.iter().find_map(|mop| match mop {
            Mop::Append(key, value) | Mop::Write(key, value) => Some((*key, *value)),
            _ => None,
        })?;
        Some((place, written))
    });
    let mut read = writes.filter(|(place, (key, value))| {
        let later = history.events[place + 1..].iter().filter_map(mops).flatten();
        later.clone().any(|mop| match mop {
            Mop::Read(other, Seen::List(values)) => other == key && values.contains(value),
            Mop::Read(other, Seen::One(other_value)) => other == key && other_value == value,
            _ => false,
        })
    });
    read.nth(3).map(|(place, (_, value))| (place, value))
}

#[test]
fn an_abort_that_showed() {
    for model in [Model::ListAppend, Model::RwRegister] {
        planted(model, "G1a", |history, _| {
            let Some((place, _)) = read_writer(history) else {
                return false;
            };
            let What::Ok(op) = history.events[place].what.clone() else {
                return false;
            };
            history.events[place].what = What::Fail(op);
            true
        });
    }
}

#[test]
fn an_own_write_that_was_not_seen() {
    planted(Model::ListAppend, "internal", |history, _| {
        for event in &mut history.events {
            let Some(mops) = mops_mut(event) else { continue };
            for place in 1..mops.len() {
                let (before, rest) = mops.split_at_mut(place);
                match (&before[place - 1], &mut rest[0]) {
                    (Mop::Append(key, _), Mop::Read(other, Seen::List(values))) if key == other => {
                        values.pop();
                        return true;
                    }
                    _ => {}
                }
            }
        }
        false
    });
}

#[test]
fn an_update_that_was_lost() {
    for model in [Model::ListAppend, Model::RwRegister] {
        planted(model, "lost-update", |history, _| {
            // Of two that read a key and then wrote it, the later one sees what the earlier one saw.
            let mut first: Option<(u32, Seen)> = None;
            for event in &mut history.events {
                let Some(mops) = mops_mut(event) else { continue };
                let [Mop::Read(key, seen), rest @ ..] = mops.as_mut_slice() else {
                    continue;
                };
                let writes =
                    |mop: &Mop| matches!(mop, Mop::Append(other, _) | Mop::Write(other, _) if other == key);
                let reads = |mop: &Mop| matches!(mop, Mop::Read(other, _) if other == key);
                if !rest.iter().any(writes) || rest.iter().any(reads) {
                    continue;
                }
                match &first {
                    None => first = Some((*key, seen.clone())),
                    Some((other, earlier)) if other == key => {
                        *seen = earlier.clone();
                        return true;
                    }
                    Some(_) => {}
                }
            }
            false
        });
    }
}

#[test]
fn a_value_of_the_future() {
    planted(Model::RwRegister, "cyclic-versions", |history, _| {
        // Read-only transactions far apart change places.
        let only_reads = |event: &Event| {
            mops(event).is_some_and(|mops| matches!(mops.as_slice(), [Mop::Read(_, Seen::One(_))]))
        };
        let places: Vec<usize> = (0..history.events.len())
            .filter(|place| only_reads(&history.events[*place]))
            .collect();
        let key = |place: usize| match mops(&history.events[place]).expect("a transaction")[0] {
            Mop::Read(key, _) => key,
            _ => unreachable!("a read"),
        };
        let Some(first) = places.first() else { return false };
        let Some(last) = places
            .iter()
            .rev()
            .find(|last| key(**last) == key(*first) && **last > first + 80)
        else {
            return false;
        };
        let seen = mops(&history.events[*first]).expect("a transaction").clone();
        *mops_mut(&mut history.events[*last]).expect("a transaction") = seen;
        true
    });
}
