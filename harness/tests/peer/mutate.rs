//! What can go wrong with a history of transactions: one random change at a time.

use history::{Event, F, Key, Mop, Op, Seen, Value, What};
use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

/// A value that nobody writes.
const PHANTOM: Value = 1_000_000;

/// Changes a history in one place; it stays well formed. Nothing happens where there is no such place.
pub fn mutate(events: &mut Vec<Event>, random: &mut ChaCha8Rng) {
    match random.random_range(0..10) {
        0..5 => alter_read(events, random),
        5 => forget_value(events, random),
        6 | 7 => change_outcome(events, random),
        8 => complete_early(events, random),
        _ => begin_late(events, random),
    }
}

/// The steps of a transaction; of every other event none.
pub fn mops(event: &Event) -> &[Mop] {
    match &event.what {
        What::Invoke(op) | What::Ok(op) | What::Fail(op) | What::Info(op) => match &op.f {
            F::Txn(txn) => &txn.mops,
            _ => &[],
        },
        _ => &[],
    }
}

fn mops_mut(event: &mut Event) -> &mut [Mop] {
    match &mut event.what {
        What::Invoke(op) | What::Ok(op) | What::Fail(op) | What::Info(op) => match &mut op.f {
            F::Txn(txn) => &mut txn.mops,
            _ => &mut [],
        },
        _ => &mut [],
    }
}

fn number(event: &Event) -> Option<u64> {
    match &event.what {
        What::Invoke(op) | What::Ok(op) | What::Fail(op) | What::Info(op) => Some(op.op),
        _ => None,
    }
}

fn places(events: &[Event], test: impl Fn(&Event) -> bool) -> Vec<usize> {
    (0..events.len()).filter(|place| test(&events[*place])).collect()
}

/// Some value that somebody wrote to a key, whatever became of it.
fn written(events: &[Event], key: Key, random: &mut ChaCha8Rng) -> Option<Value> {
    let mops = events.iter().flat_map(mops);
    let values: Vec<Value> = mops
        .filter_map(|mop| match mop {
            Mop::Append(at, value) | Mop::Write(at, value) if *at == key => Some(*value),
            _ => None,
        })
        .collect();
    values.choose(random).copied()
}

/// One committed read returns something else.
fn alter_read(events: &mut [Event], random: &mut ChaCha8Rng) {
    let committed = places(events, |event| matches!(event.what, What::Ok(_)));
    let reads = |event: &Event| {
        let read = |place: &usize| matches!(mops(event)[*place], Mop::Read(..));
        (0..mops(event).len()).filter(read).collect::<Vec<_>>()
    };
    let all: Vec<(usize, usize)> = committed
        .iter()
        .flat_map(|event| reads(&events[*event]).into_iter().map(|mop| (*event, mop)))
        .collect();
    let Some((event, mop)) = all.choose(random).copied() else {
        return;
    };
    let Mop::Read(key, _) = mops(&events[event])[mop] else {
        return;
    };
    let other = if random.random_ratio(1, 8) {
        Some(PHANTOM)
    } else {
        written(events, key, random)
    };
    if let Mop::Read(_, seen) = &mut mops_mut(&mut events[event])[mop] {
        match seen {
            Seen::List(values) => alter_list(values, other, random),
            Seen::One(_) if random.random_bool(0.5) => *seen = Seen::Nothing,
            Seen::One(_) | Seen::Nothing => *seen = other.map_or(Seen::Nothing, Seen::One),
        }
    }
}

fn alter_list(values: &mut Vec<Value>, other: Option<Value>, random: &mut ChaCha8Rng) {
    let length = values.len();
    match random.random_range(0..6) {
        0 | 1 => {
            values.pop();
        }
        2 if length > 1 => {
            let place = random.random_range(1..length);
            values.swap(place - 1, place);
        }
        3 if length > 0 => {
            values.remove(random.random_range(0..length));
        }
        4 if length > 0 => values.push(values[random.random_range(0..length)]),
        _ => values.extend(other),
    }
}

/// A value that was written is nowhere to be read.
fn forget_value(events: &mut [Event], random: &mut ChaCha8Rng) {
    let keys = events.iter().flat_map(mops).filter_map(|mop| match mop {
        Mop::Read(key, Seen::List(_) | Seen::One(_)) => Some(*key),
        _ => None,
    });
    let keys: Vec<Key> = keys.collect();
    let Some(key) = keys.choose(random).copied() else {
        return;
    };
    let Some(lost) = written(events, key, random) else {
        return;
    };
    for event in events {
        for mop in mops_mut(event) {
            match mop {
                Mop::Read(at, Seen::List(values)) if *at == key => values.retain(|value| *value != lost),
                Mop::Read(at, seen) if *at == key && *seen == Seen::One(lost) => *seen = Seen::Nothing,
                _ => {}
            }
        }
    }
}

/// A transaction ended otherwise than its client was told, or told nobody.
fn change_outcome(events: &mut [Event], random: &mut ChaCha8Rng) {
    let ends = places(events, |event| {
        matches!(event.what, What::Ok(_) | What::Fail(_) | What::Info(_))
    });
    let Some(place) = ends.choose(random).copied() else {
        return;
    };
    let Some(process) = process(&events[place]) else {
        return;
    };
    // Whoever does not know what became of its transaction does nothing more.
    let last = !events[place + 1..]
        .iter()
        .any(|event| self::process(event) == Some(process));
    let (What::Ok(op) | What::Fail(op) | What::Info(op)) = &events[place].what else {
        return;
    };
    let mut op = op.clone();
    if !last {
        forget_reads(&mut op);
        events[place].what = What::Fail(op);
    } else if random.random_bool(0.5) {
        forget_reads(&mut op);
        events[place].what = What::Info(op);
    } else {
        events[place].what = What::Info(op);
    }
}

fn process(event: &Event) -> Option<u32> {
    match &event.what {
        What::Invoke(op) | What::Ok(op) | What::Fail(op) | What::Info(op) => Some(op.process),
        _ => None,
    }
}

fn forget_reads(op: &mut Op) {
    let F::Txn(txn) = &mut op.f else { return };
    for mop in &mut txn.mops {
        if let Mop::Read(_, seen) = mop {
            *seen = Seen::Nothing;
        }
    }
}

/// A transaction completes at once.
fn complete_early(events: &mut Vec<Event>, random: &mut ChaCha8Rng) {
    let ends = places(events, |event| matches!(event.what, What::Ok(_)));
    let Some(end) = ends.choose(random).copied() else {
        return;
    };
    let begin = events[..end]
        .iter()
        .position(|event| number(event) == number(&events[end]));
    if let Some(begin) = begin {
        let mut event = events.remove(end);
        event.time = events[begin].time;
        events.insert(begin + 1, event);
    }
}

/// A transaction begins only just before it completes.
fn begin_late(events: &mut Vec<Event>, random: &mut ChaCha8Rng) {
    let ends = places(events, |event| matches!(event.what, What::Ok(_)));
    let Some(end) = ends.choose(random).copied() else {
        return;
    };
    let begin = events[..end]
        .iter()
        .position(|event| number(event) == number(&events[end]));
    if let Some(begin) = begin {
        let mut event = events.remove(begin);
        event.time = events[end - 1].time;
        events.insert(end - 1, event);
    }
}
