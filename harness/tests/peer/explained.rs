//! Whether any order of a few transactions explains what their clients saw, tried one by one: the judge where
//! two judges disagree.

use std::collections::{BTreeMap, BTreeSet};

use history::{Event, F, Key, Mop, Op, Seen, Value, What};

/// More transactions than this have too many orders.
pub const TRANSACTIONS_MAX: usize = 9;

/// A transaction that happened or may have.
struct Transaction {
    certain: bool,
    mops: Vec<Mop>,
    /// Places in the history; the end is only known of one that certainly happened.
    begin: usize,
    end: usize,
}

/// Whether there is an order of all that happened, and of some of what may have, in which every read is right:
/// with `strict` one in which nothing comes before what had completed when it began. `None` where there are too
/// many to try.
pub fn explained(events: &[Event], strict: bool) -> Option<bool> {
    let transactions = transactions(events);
    if transactions.len() > TRANSACTIONS_MAX {
        return None;
    }
    let all = (1_u32 << transactions.len()) - 1;
    let certain = (0..transactions.len()).filter(|place| transactions[*place].certain);
    let goal = certain.fold(0_u32, |goal, place| goal | 1 << place);
    // The orders so far, as which transactions they hold and what they wrote: no need to go through two alike.
    let mut open: BTreeSet<(u32, Lists)> = BTreeSet::from([(0, Lists::new())]);
    for _ in 0..=transactions.len() {
        if open.iter().any(|(done, _)| done & goal == goal) {
            return Some(true);
        }
        let mut next = BTreeSet::new();
        for (done, lists) in &open {
            for place in 0..transactions.len() {
                let free = done & (1 << place) == 0 && all & (1 << place) != 0;
                if free && (!strict || in_time(&transactions, *done, place)) {
                    let mut lists = lists.clone();
                    if apply(&transactions[place], &mut lists) {
                        next.insert((done | 1 << place, lists));
                    }
                }
            }
        }
        open = next;
    }
    Some(false)
}

type Lists = BTreeMap<Key, Vec<Value>>;

fn transactions(events: &[Event]) -> Vec<Transaction> {
    let mut transactions = Vec::new();
    let mut open: BTreeMap<u64, (usize, &Op)> = BTreeMap::new();
    for (place, event) in events.iter().enumerate() {
        match &event.what {
            What::Invoke(op) => {
                open.insert(op.op, (place, op));
            }
            What::Ok(op) | What::Info(op) => {
                if let Some((begin, _)) = open.remove(&op.op) {
                    let certain = matches!(event.what, What::Ok(_));
                    transactions.push(transaction(op, certain, begin, place));
                }
            }
            What::Fail(op) => {
                open.remove(&op.op);
            }
            _ => {}
        }
    }
    for (begin, op) in open.into_values() {
        transactions.push(transaction(op, false, begin, usize::MAX));
    }
    transactions
}

fn transaction(op: &Op, certain: bool, begin: usize, end: usize) -> Transaction {
    let mops = match &op.f {
        F::Txn(txn) => txn.mops.clone(),
        _ => Vec::new(),
    };
    Transaction {
        certain,
        mops,
        begin,
        end,
    }
}

/// Whether a transaction may come next: none that is still to come had completed when it began.
fn in_time(transactions: &[Transaction], done: u32, next: usize) -> bool {
    transactions.iter().enumerate().all(|(place, other)| {
        let to_come = done & (1 << place) == 0 && place != next;
        !(to_come && other.certain && other.end < transactions[next].begin)
    })
}

/// Does a transaction, and says whether it could read what it read.
fn apply(transaction: &Transaction, lists: &mut Lists) -> bool {
    for mop in &transaction.mops {
        match mop {
            Mop::Append(key, value) => lists.entry(*key).or_default().push(*value),
            Mop::Write(key, value) => *lists.entry(*key).or_default() = vec![*value],
            Mop::Read(key, seen) => {
                let list = lists.get(key).map_or(&[][..], Vec::as_slice);
                let right = match seen {
                    Seen::Nothing => !transaction.certain || list.is_empty(),
                    Seen::One(value) => list.last() == Some(value),
                    Seen::List(values) => list == values,
                };
                if !right {
                    return false;
                }
            }
            Mop::Send(_) | Mop::Poll(_) => {}
        }
    }
    true
}
