//! Hostile histories: nothing panics, and the work stays in proportion to what was written down.

use checkers::{Model, Validity, Verdict};
use history::{Event, F, Mop, Op, Seen, Txn, What};
use proptest::prelude::*;

use crate::dsl::{Spec, found, history, judge};

/// Transactions one after the other.
fn sequence(specs: impl Iterator<Item = Vec<Mop>>) -> Vec<Event> {
    let events = specs.zip(0..).flat_map(|(mops, op)| {
        let spec = Spec {
            process: 0,
            outcome: ' ',
            mops,
        };
        [spec.event(op, 2 * op, false), spec.event(op, 2 * op + 1, true)]
    });
    events.collect()
}

/// All transactions at once.
fn overlapping(specs: &[Vec<Mop>]) -> Vec<Event> {
    let count = specs.len() as u64;
    let spec = |mops: &Vec<Mop>, process: u64| Spec {
        process: process as u32,
        outcome: ' ',
        mops: mops.clone(),
    };
    let begin = specs
        .iter()
        .zip(0..)
        .map(|(mops, op)| spec(mops, op).event(op, op, false));
    let end = specs
        .iter()
        .zip(0..)
        .map(|(mops, op)| spec(mops, op).event(op, count + op, true));
    begin.chain(end).collect()
}

fn strict(events: Vec<Event>, model: Model) -> Verdict {
    judge(&history(events), model, "strict-serializable")
}

#[test]
fn one_long_list_that_is_read_again_and_again() {
    let reads = (0..300).map(|_| vec![Mop::Read(0, Seen::List((0..20_000).collect()))]);
    let appends = (0..20_000).map(|value| vec![Mop::Append(0, value)]);
    let verdict = strict(sequence(appends.chain(reads)), Model::ListAppend);
    assert_eq!(verdict.valid, Validity::Valid);
}

#[test]
fn reads_of_which_none_continues_another() {
    let reads = (0..20_000).map(|value| vec![Mop::Read(0, Seen::List(vec![value, 1]))]);
    let verdict = strict(sequence(reads), Model::ListAppend);
    assert_eq!(verdict.anomalies["incompatible-order"].count, 19_999);
    assert_eq!(
        verdict.anomalies["incompatible-order"].cases.len(),
        checkers::CASES_MAX
    );
}

#[test]
fn numbers_far_apart() {
    let far = |number: u64| number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let pairs = (0..20_000).flat_map(|number| {
        let (key, value) = (far(number) as u32, far(number));
        [
            vec![Mop::Append(key, value)],
            vec![Mop::Read(key, Seen::List(vec![value]))],
        ]
    });
    assert_eq!(strict(sequence(pairs), Model::ListAppend).valid, Validity::Valid);
    let one_key = (0..20_000).map(|number| vec![Mop::Write(7, far(number))]);
    assert_eq!(
        strict(sequence(one_key), Model::RwRegister).valid,
        Validity::Valid
    );
}

#[test]
fn many_readers_of_the_first_state_and_many_writers() {
    for (model, write) in [
        (Model::ListAppend, Mop::Append as fn(u32, u64) -> Mop),
        (Model::RwRegister, Mop::Write),
    ] {
        let reads = (0..5_000).map(|_| vec![Mop::Read(0, Seen::Nothing)]);
        let writes = (0..5_000).map(|value| vec![write(0, value)]);
        let verdict = strict(overlapping(&reads.chain(writes).collect::<Vec<_>>()), model);
        // Not all of 25 million dependencies were gone through, and that is said.
        assert_eq!(verdict.valid, Validity::Unknown);
        assert!(verdict.checks[0].reasons[0].contains("were not gone through"));
    }
}

#[test]
fn everybody_overlaps_everybody_round_after_round() {
    let mut events = Vec::new();
    for round in 0..4_u64 {
        for completion in [false, true] {
            for process in 0..2_000_u32 {
                let value = round * 2_000 + u64::from(process);
                let mops = vec![Mop::Write(process % 3, value)];
                let op = Op::new(process, value, F::Txn(Txn { mops }));
                let what = if completion {
                    What::Ok(op)
                } else {
                    What::Invoke(op)
                };
                events.push(Event {
                    time: events.len() as u64,
                    what,
                });
            }
        }
    }
    assert_ne!(strict(events, Model::RwRegister).valid, Validity::Invalid);
}

#[test]
fn one_transaction_of_many_steps() {
    let mut mops: Vec<Mop> = Vec::new();
    for value in 0..3_000 {
        mops.push(Mop::Append(0, value));
        mops.push(Mop::Read(0, Seen::List((0..=value).collect())));
    }
    let verdict = strict(
        sequence([mops, vec![Mop::Read(0, Seen::List((0..3_000).collect()))]].into_iter()),
        Model::ListAppend,
    );
    assert_eq!(verdict.valid, Validity::Valid);
    let mops = (0..30_000)
        .map(|value| Mop::Write(value as u32 % 2, value))
        .collect();
    assert_eq!(
        found(&strict(sequence([mops].into_iter()), Model::RwRegister)),
        ""
    );
}

#[test]
fn everybody_depends_on_everybody() {
    // Each reads what the next one writes, and the last what the first one writes.
    let ring: Vec<Vec<Mop>> = (0..20_000_u32)
        .map(|key| {
            let next = (key + 1) % 20_000;
            vec![Mop::Append(key, 1), Mop::Read(next, Seen::List(vec![1]))]
        })
        .collect();
    let verdict = strict(overlapping(&ring), Model::ListAppend);
    assert_eq!(found(&verdict), "G1c");
    let cycle = verdict.anomalies["G1c"].cases[0].cycle.as_ref().expect("a cycle");
    assert_eq!(cycle.operations.len(), 20_000);
    // All miss what all the others did.
    let skew: Vec<Vec<Mop>> = (0..120_u32)
        .map(|own| {
            let reads = (0..120)
                .filter(|key| *key != own)
                .map(|key| Mop::Read(key, Seen::Nothing));
            reads.chain([Mop::Append(own, 1)]).collect()
        })
        .collect();
    let verdict = judge(&history(overlapping(&skew)), Model::ListAppend, "serializable");
    assert_eq!(found(&verdict), "G2-item");
    assert_eq!(verdict.anomalies["G2-item"].count, 60);
}

#[test]
fn completions_of_nobody_and_processes_with_two_at_once() {
    let event = |time, what| Event { time, what };
    let op = |process, op, mops| Op::new(process, op, F::Txn(Txn { mops }));
    let append = || vec![Mop::Append(0, 1)];
    let read = || vec![Mop::Read(0, Seen::List(vec![1]))];
    let events = vec![
        event(0, What::Ok(op(0, 0, append()))),
        event(1, What::Invoke(op(1, 1, vec![Mop::Read(0, Seen::Nothing)]))),
        event(2, What::Invoke(op(1, 2, vec![Mop::Read(0, Seen::Nothing)]))),
        event(3, What::Ok(op(1, 2, read()))),
        event(4, What::Ok(op(1, 1, read()))),
    ];
    assert_eq!(strict(events, Model::ListAppend).valid, Validity::Valid);
}

fn mop() -> impl Strategy<Value = Mop> {
    let value = prop_oneof![0..6_u64, any::<u64>()];
    let key = prop_oneof![0..3_u32, any::<u32>()];
    let seen = prop_oneof![
        Just(Seen::Nothing),
        value.clone().prop_map(Seen::One),
        prop::collection::vec(value.clone(), 0..6).prop_map(Seen::List),
    ];
    prop_oneof![
        (key.clone(), value.clone()).prop_map(|(key, value)| Mop::Append(key, value)),
        (key.clone(), value).prop_map(|(key, value)| Mop::Write(key, value)),
        (key, seen).prop_map(|(key, seen)| Mop::Read(key, seen)),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let op = (0..4_u32, 0..12_u64, prop::collection::vec(mop(), 0..40))
        .prop_map(|(process, op, mops)| Op::new(process, op, F::Txn(Txn { mops })));
    let what = (op, 0..4_u8).prop_map(|(op, what)| match what {
        0 => What::Invoke(op),
        1 => What::Ok(op),
        2 => What::Fail(op),
        _ => What::Info(op),
    });
    (any::<u64>(), what).prop_map(|(time, what)| Event { time, what })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn nothing_panics(events in prop::collection::vec(event(), 0..40), model in 0..2_usize, consistency in 0..25_usize) {
        let model = [Model::ListAppend, Model::RwRegister][model];
        let all: Vec<_> = checkers::Consistency::all().collect();
        let consistency = all[consistency % all.len()];
        let history = history(events);
        let verdict = judge(&history, model, consistency.name());
        let again = judge(&history, model, consistency.name());
        prop_assert_eq!(verdict, again, "two threads or not, the verdict is the same");
    }
}
