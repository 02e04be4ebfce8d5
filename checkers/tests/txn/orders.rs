//! Tiny histories against all orders of their transactions.

use std::collections::{BTreeMap, BTreeSet};

use checkers::{Model, Validity};
use history::{F, History, Mop, Seen, What};
use proptest::prelude::*;

use crate::dsl::{found, judge};
use crate::mutations::{change, has_reads};
use crate::store::{Isolation, Plan, make};

/// A transaction that may have happened.
struct Transaction {
    certain: bool,
    mops: Vec<Mop>,
    begin: usize,
    end: usize,
}

fn transactions(history: &History) -> Vec<Transaction> {
    let mut transactions: BTreeMap<u64, Transaction> = BTreeMap::new();
    for (place, event) in history.events.iter().enumerate() {
        let (What::Invoke(op) | What::Ok(op) | What::Fail(op) | What::Info(op)) = &event.what else {
            continue;
        };
        let F::Txn(txn) = &op.f else {
            continue;
        };
        match &event.what {
            What::Invoke(_) => {
                transactions.insert(
                    op.op,
                    Transaction {
                        certain: false,
                        mops: txn.mops.clone(),
                        begin: place,
                        end: usize::MAX,
                    },
                );
            }
            What::Fail(_) => {
                transactions.remove(&op.op);
            }
            outcome => {
                let known = transactions.get_mut(&op.op).expect("a completion of something");
                known.certain = matches!(outcome, What::Ok(_));
                // What is not told of it any more was still meant to be done.
                let done = txn.mops.len().min(known.mops.len());
                known.mops.splice(..done, txn.mops.iter().cloned());
                known.end = if known.certain { place } else { usize::MAX };
            }
        }
    }
    transactions.into_values().collect()
}

type State = BTreeMap<u32, Vec<u64>>;

/// Whether some order of all that happened, and of some that may have, explains every read.
fn explained(history: &History, strict: bool) -> bool {
    let transactions = transactions(history);
    let all: Vec<usize> = (0..transactions.len()).collect();
    let mut seen = BTreeSet::new();
    let mut open: Vec<(u32, State)> = vec![(0, State::new())];
    while let Some((done, state)) = open.pop() {
        let missing = |place: &usize| done & 1 << place == 0;
        if !all
            .iter()
            .filter(|place| missing(place))
            .any(|place| transactions[*place].certain)
        {
            return true;
        }
        for place in all.iter().filter(|place| missing(place)) {
            let next = &transactions[*place];
            let too_early = |other: &usize| missing(other) && transactions[*other].end < next.begin;
            if strict && all.iter().any(too_early) {
                continue;
            }
            let mut state = state.clone();
            if apply(next, &mut state) && seen.insert((done | 1 << place, state.clone())) {
                open.push((done | 1 << place, state));
            }
        }
    }
    false
}

fn apply(transaction: &Transaction, state: &mut State) -> bool {
    transaction.mops.iter().all(|mop| match mop {
        Mop::Append(key, value) => {
            state.entry(*key).or_default().push(*value);
            true
        }
        Mop::Write(key, value) => {
            state.insert(*key, vec![*value]);
            true
        }
        Mop::Read(key, seen) => {
            let list = state.get(key).map_or(&[][..], Vec::as_slice);
            match seen {
                // Of one in doubt that says that nothing is known.
                Seen::Nothing => !transaction.certain || list.is_empty(),
                Seen::One(value) => list.last() == Some(value),
                Seen::List(values) => list == values,
            }
        }
        _ => true,
    })
}

fn tiny(model: Model, isolation: Isolation, (seed, changes): (u64, usize)) -> History {
    let mut history = make(Plan {
        isolation,
        model,
        seed,
        transactions: 6,
        processes: 3,
        keys: 2,
        final_read: true,
    });
    for change_seed in 0..changes {
        if has_reads(&history) {
            change(&mut history, seed.wrapping_add(change_seed as u64));
        }
    }
    history
}

fn isolation() -> impl Strategy<Value = Isolation> {
    prop_oneof![
        Just(Isolation::Serial),
        Just(Isolation::Past),
        Just(Isolation::Snapshot),
        Just(Isolation::Committed),
        Just(Isolation::Uncommitted)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// All keys are read in the end, so that everything is known of the order of versions.
    #[test]
    fn lists_are_accused_exactly_where_no_order_explains_them(
        isolation in isolation(), seed in any::<u64>(), changes in 0..3_usize, strict in any::<bool>()
    ) {
        let history = tiny(Model::ListAppend, isolation, (seed, changes));
        let consistency = if strict { "strict-serializable" } else { "serializable" };
        let verdict = judge(&history, Model::ListAppend, consistency);
        prop_assert_eq!(
            verdict.valid == Validity::Invalid, !explained(&history, strict),
            "{}: {} {:?}", consistency, found(&verdict), history.events
        );
    }

    #[test]
    fn registers_are_not_accused_where_an_order_explains_them(
        isolation in isolation(), seed in any::<u64>(), changes in 0..3_usize, strict in any::<bool>()
    ) {
        let history = tiny(Model::RwRegister, isolation, (seed, changes));
        let consistency = if strict { "strict-serializable" } else { "serializable" };
        let verdict = judge(&history, Model::RwRegister, consistency);
        prop_assert!(
            verdict.valid != Validity::Invalid || !explained(&history, strict),
            "{}: {} {:?}", consistency, found(&verdict), history.events
        );
    }
}

#[test]
fn most_registers_that_no_order_explains_are_accused() {
    let (mut wrong, mut accused) = (0, 0);
    for seed in 0..600 {
        let history = tiny(Model::RwRegister, Isolation::Uncommitted, (seed, 2));
        if !explained(&history, true) {
            wrong += 1;
            let verdict = judge(&history, Model::RwRegister, "strict-serializable");
            accused += u32::from(verdict.valid == Validity::Invalid);
        }
    }
    assert!(wrong > 300 && accused * 100 > wrong * 95, "{accused} of {wrong}");
}
