//! Histories of ours that others can read, and what is the same in two histories.

#[path = "../file/arbitrary.rs"]
mod ours;

use std::collections::BTreeMap;

use history::{Event, F, Mop, Names, Op, Seen, What};
use proptest::prelude::*;

pub use ours::damage;

/// Events of all kinds, of few processes, whose completions belong to their invocations where there are any.
pub fn histories() -> impl Strategy<Value = Vec<Event>> {
    let events = prop_oneof![ours::events(), prop::collection::vec(ours::operation(), 0..20)];
    events.prop_map(|mut events| {
        let mut time = 0;
        let mut open = BTreeMap::new();
        for (number, event) in events.iter_mut().enumerate() {
            time = event.time.min(1 << 40).max(time);
            event.time = time;
            if let Some((begins, certain, op)) = operation(&mut event.what) {
                pair(number as u64, begins, certain, op, &mut open);
            }
        }
        events
    })
}

/// The operation of an event, and whether it begins it and whether it ends it `ok`.
fn operation(what: &mut What) -> Option<(bool, bool, &mut Op)> {
    match what {
        What::Invoke(op) => Some((true, false, op)),
        What::Ok(op) => Some((false, true, op)),
        What::Fail(op) | What::Info(op) => Some((false, false, op)),
        _ => None,
    }
}

/// Gives an operation the process and the number that it can have, and a transaction all its steps.
fn pair(number: u64, begins: bool, certain: bool, op: &mut Op, open: &mut BTreeMap<u32, Op>) {
    op.process %= 5;
    // What only our own format can say.
    op.producer = None;
    if matches!(op.f, F::Group(_) | F::Share(_) | F::Times(_)) {
        op.f = F::Crash;
    }
    op.op = number;
    let begun = open.remove(&op.process);
    if begins {
        open.insert(op.process, op.clone());
    } else if let Some(begun) = begun {
        op.op = begun.op;
        if let (F::Txn(done), F::Txn(begun), false) = (&mut op.f, begun.f, certain) {
            let rest = begun.mops.into_iter().skip(done.mops.len());
            done.mops.extend(rest);
        }
    }
}

/// What a history says to its checks: operations alone, numbered as they come, keys and values by their names, the
/// records of a poll by key.
pub fn normal(events: &[Event], names: &Names) -> Vec<Event> {
    let mut numbers = BTreeMap::new();
    let mut normal = Vec::new();
    for event in events {
        let mut event = event.clone();
        let Some((_, _, op)) = operation(&mut event.what) else {
            continue;
        };
        let next = numbers.len() as u64;
        op.op = *numbers.entry(op.op).or_insert(next);
        let called = Named { names };
        op.rebalanced.iter_mut().for_each(|key| called.key(key));
        called.work(&mut op.f);
        normal.push(event);
    }
    normal
}

struct Named<'n> {
    names: &'n Names,
}

impl Named<'_> {
    fn key(&self, key: &mut u32) {
        if let Some(name) = self.names.key(*key) {
            *key = name.parse().expect("our keys are numbers");
        }
    }

    fn value(&self, value: &mut u64) {
        if let Some(name) = self.names.values.get(value) {
            *value = name.parse().expect("our values are numbers");
        }
    }

    fn work(&self, f: &mut F) {
        match f {
            F::Send(send) => self.send(send),
            F::Poll(poll) => self.poll(poll),
            F::Assign(assign) => assign.keys.iter_mut().for_each(|key| self.key(key)),
            F::Subscribe(subscribe) => subscribe.keys.iter_mut().for_each(|key| self.key(key)),
            F::Txn(txn) => txn.mops.iter_mut().for_each(|mop| self.mop(mop)),
            F::Group(_) | F::Share(_) | F::Times(_) | F::Crash => {}
        }
    }

    fn send(&self, send: &mut history::Send) {
        self.key(&mut send.key);
        self.value(&mut send.value);
        send.broker = None;
    }

    fn poll(&self, poll: &mut history::Poll) {
        for record in &mut poll.records {
            self.key(&mut record.key);
            self.value(&mut record.value);
        }
        poll.records.sort_by_key(|record| record.key);
    }

    fn mop(&self, mop: &mut Mop) {
        match mop {
            Mop::Send(send) => self.send(send),
            Mop::Poll(poll) => self.poll(poll),
            Mop::Append(key, value) | Mop::Write(key, value) => {
                self.key(key);
                self.value(value);
            }
            Mop::Read(key, seen) => {
                self.key(key);
                match seen {
                    Seen::Nothing => {}
                    Seen::One(value) => self.value(value),
                    Seen::List(values) => values.iter_mut().for_each(|value| self.value(value)),
                }
            }
        }
    }
}
