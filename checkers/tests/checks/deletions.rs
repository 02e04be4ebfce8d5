//! Records that were deleted by request: below the point nobody is accused, above it everybody as before.

use checkers::{Validity, check_history};
use history::{Deletion, DeletionStep, Event, History, Key, Observed, Offset, Phase, Probe, Record, What};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::simulation::{FINAL, simulate, steps};
use crate::{Rows, dsl, table, told};

const DELETED: Rows = &[
    (
        "what lay below is gone by right",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 0:3 -> ok @2
            deletion 0 below=2 asking
            deletion 0 below=2 done=2
            finally 0@2=3",
        "valid",
    ),
    (
        "whatever became of the answer",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:3 -> ok @1
            deletion 0 below=1 asking
            deletion 0 below=1 unknown
            finally 0@1=3",
        "valid",
    ),
    (
        "and if there was none",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:3 -> ok @1
            deletion 0 below=1 asking
            finally 0@1=3",
        "valid",
    ),
    (
        "the whole log",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            deletion 0 below=2 asking
            deletion 0 below=2 done=2
            phase heal
            phase final-reads
            p9 assign 0 1 from-beginning -> ok
            node1 log 0 hw=2 last
            node1 log 1 hw=0 last
            final p9 complete 2,0",
        "valid",
    ),
    (
        "what lay at the point is lost",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 0:3 -> ok @2
            deletion 0 below=1 asking
            deletion 0 below=1 done=1
            finally 0@2=3",
        "invalid: lost-write 1",
    ),
    (
        "a low watermark above what was asked for excuses nothing more",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 0:3 -> ok @2
            deletion 0 below=1 asking
            deletion 0 below=1 done=2
            finally 0@2=3",
        "invalid: lost-write 1",
    ),
    (
        "what another partition lost is lost",
        "
            phase steady
            p0 send 1:1 -> ok @0
            p0 send 1:2 -> ok @1
            deletion 0 below=9 asking
            deletion 0 below=9 done=9
            finally 1@1=2",
        "invalid: lost-write 1",
    ),
    (
        "what was refused excuses nothing",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            deletion 0 below=1 asking
            deletion 0 below=1 refused
            finally 0@1=2",
        "invalid: lost-write 1",
    ),
    (
        "refused once, and then done",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            deletion 0 below=1 asking
            deletion 0 below=1 refused
            deletion 0 below=1 asking
            deletion 0 below=1 done=1
            finally 0@1=2",
        "valid",
    ),
    (
        "a client passed over it before anybody deleted anything",
        "
            phase steady
            p1 assign 0 1 from-beginning -> ok
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 0:3 -> ok @2
            p1 poll -> ok 0@0=1 0@2=3
            deletion 0 below=3 asking
            deletion 0 below=3 done=3
            p0 send 0:4 -> ok @3
            finally 0@3=4",
        "invalid: int-poll-skip 1, lost-write 1",
    ),
    (
        "a client passes over it after",
        "
            phase steady
            p1 assign 0 1 from-beginning -> ok
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 0:3 -> ok @2
            p1 poll -> ok 0@0=1
            deletion 0 below=2 asking
            deletion 0 below=2 done=2
            p1 poll -> ok 0@2=3
            finally 0@2=3",
        "valid",
    ),
    (
        "a client passes over it while it is asked for",
        "
            phase steady
            p1 assign 0 1 from-beginning -> ok
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 0:3 -> ok @2
            p1 poll
            deletion 0 below=2 asking
            p1 ok poll 0@0=1 0@2=3
            deletion 0 below=2 done=2
            finally 0@2=3",
        "valid",
    ),
    (
        "a client passes over more than was deleted",
        "
            phase steady
            p1 assign 0 1 from-beginning -> ok
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 0:3 -> ok @2
            p0 send 0:4 -> ok @3
            p1 poll -> ok 0@0=1
            deletion 0 below=2 asking
            deletion 0 below=2 done=2
            p1 poll -> ok 0@3=4
            finally 0@2=3 0@3=4",
        "invalid: poll-skip 1",
    ),
    (
        "read, of unknown outcome, and deleted",
        "
            phase steady
            p0 send 0:1 -> info
            p0 send 0:2 -> ok @1
            p1 poll -> ok 0@0=1
            deletion 0 below=1 asking
            deletion 0 below=1 done=1
            finally 0@1=2",
        "valid",
    ),
    (
        "read above the point, of unknown outcome, and gone",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> info
            p0 send 0:3 -> ok @2
            p1 poll -> ok 0@0=1 0@1=2
            deletion 0 below=1 asking
            deletion 0 below=1 done=1
            finally 0@2=3",
        "invalid: vanished-read 1",
    ),
    (
        "it stood twice, and one of the places lay above",
        "
            topics log:2 rf=1 at-least-once
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @2
            p0 send 0:3 -> ok @3
            p1 poll -> ok 0@0=1 0@1=2 0@2=2
            deletion 0 below=2 asking
            deletion 0 below=2 done=2
            finally 0@3=3",
        "invalid: lost-write 1 (allowed duplicate 1)",
    ),
    (
        "where it stood nobody knows",
        "
            phase steady
            p0 send 0:1 -> ok
            p0 send 0:2 -> ok @1
            deletion 0 below=1 asking
            deletion 0 below=1 done=1
            finally 0@1=2",
        "unknown: log",
    ),
    (
        "deleted once everything was read back: no excuse",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            finally 0@1=2
            deletion 0 below=1 asking
            deletion 0 below=1 done=1",
        "invalid: lost-write 1",
    ),
    (
        "of a partition that there is not",
        "
            phase steady
            p0 send 0:1 -> ok @0
            deletion 7 below=1 asking
            finally 0@0=1",
        "unknown: assumptions",
    ),
];

#[test]
fn deleted() {
    table(DELETED);
}

/// A run of two replicas, of which one deleted its first two records and the other holds these.
fn copies(of_other: &str) -> String {
    format!(
        "
        topics log:1 rf=2
        phase steady
        p0 send 0:1 -> ok @0
        p0 send 0:2 -> ok @1
        p0 send 0:3 -> ok @2
        deletion 0 below=2 asking
        deletion 0 below=2 done=2
        phase heal
        phase final-reads
        p9 assign 0 from-beginning -> ok
        p9 poll -> ok 0@2=3
        node1 log 0 hw=3 2=3/e0 last
        node2 log 0 hw=3 {of_other} last
        final p9 complete 3"
    )
}

#[test]
fn replicas_that_begin_elsewhere_are_the_same_above() {
    let judged = |of_other: &str| crate::brief(&check_history(&dsl::history(&copies(of_other))));
    assert_eq!(judged("2=3/e0"), "valid");
    assert_eq!(judged("1=2/e0 2=3/e0"), "valid");
    assert_eq!(judged("0=1/e0 1=2/e0 2=3/e0"), "valid");
    assert_eq!(judged("1=2/e0"), "invalid: replica-divergence 1");
}

#[test]
fn what_two_replicas_still_hold_below_has_to_be_the_same() {
    let text =
        copies("1=2/e0 2=3/e0").replace("2=3/e0 last\n        node2", "1=1/e0 2=3/e0 last\n        node2");
    let judged = crate::brief(&check_history(&dsl::history(&text)));
    assert!(judged.contains("replica-divergence 1"), "{judged}");
}

/// Deletes what a log holds below an offset once the clients are done: from the final reads and the copies.
fn delete(history: &mut History, key: Key, below: Offset) {
    let at = history
        .events
        .iter()
        .position(|event| event.what == What::Phase(Phase::Heal))
        .expect("the simulation heals");
    let time = history.events[at].time;
    let deletion = |step| Event {
        time,
        what: What::Deletion(Deletion { key, below, step }),
    };
    let done = DeletionStep::Done { low_watermark: below };
    history
        .events
        .splice(at..at, [deletion(DeletionStep::Asking), deletion(done)]);
    let gone = |record: &Record| record.key == key && record.offset < below;
    final_records(history, |records| records.retain(|record| !gone(record)));
    for event in &mut history.events {
        if let What::Observed(Observed {
            answer: Probe::Log(chunk),
            ..
        }) = &mut event.what
            && chunk.key == key
        {
            chunk.records.retain(|(offset, ..)| *offset >= below);
        }
    }
}

/// Shows the records of each final poll.
fn final_records(history: &mut History, mut show: impl FnMut(&mut Vec<Record>)) {
    for event in &mut history.events {
        if let What::Ok(op) = &mut event.what
            && op.process == FINAL
            && let history::F::Poll(poll) = &mut op.f
        {
            show(&mut poll.records);
        }
    }
}

/// Everything that the final reads read.
fn read_finally(history: &mut History) -> Vec<Record> {
    let mut all = Vec::new();
    final_records(history, |records| all.extend(records.iter().copied()));
    all
}

proptest! {
    #[test]
    fn what_is_deleted_accuses_nobody(steps in steps(), which: Index) {
        let mut history = simulate(&steps);
        let records = read_finally(&mut history);
        let point = which.get(&records);
        delete(&mut history, point.key, point.offset);
        let verdict = check_history(&history);
        // Of a write that happened, and of which no offset is known, nobody knows whether it stood below: of an
        // acknowledgement that names none, and of those of a transaction, which may be known by another of its writes.
        let placed = |what: &What| match what {
            What::Ok(op) => !matches!(&op.f, history::F::Send(send) if send.offset.is_none()),
            What::Invoke(op) => !matches!(op.f, history::F::Txn(_)),
            _ => true,
        };
        let all_placed = history.events.iter().all(|event| placed(&event.what));
        let fine = verdict.valid == Validity::Valid || verdict.valid == Validity::Unknown && !all_placed;
        prop_assert!(fine && verdict.anomalies.is_empty(), "{}", told(&verdict));
    }

    #[test]
    fn what_is_lost_above_the_point_is_caught(steps in steps(), which: Index, lost: Index) {
        let mut history = simulate(&steps);
        let records = read_finally(&mut history);
        let point = *which.get(&records);
        let above: Vec<Record> = records
            .into_iter()
            .filter(|record| record.key != point.key || record.offset >= point.offset)
            .collect();
        let lost = *lost.get(&above);
        delete(&mut history, point.key, point.offset);
        final_records(&mut history, |records| records.retain(|record| record.value != lost.value));
        // A reader that got nothing at all contradicts its own end.
        prop_assume!(!read_finally(&mut history).is_empty());
        let verdict = check_history(&history);
        let found: Vec<u64> = ["lost-write", "vanished-read"]
            .iter()
            .filter_map(|name| verdict.anomalies.get(*name))
            .flat_map(|findings| findings.cases.iter().flat_map(|case| case.values.clone()))
            .collect();
        // What nobody had acknowledged nor read before is not missed.
        let missed = history.events.iter().any(|event| match &event.what {
            What::Ok(op) => match &op.f {
                history::F::Send(send) => send.value == lost.value,
                history::F::Poll(poll) => poll.records.iter().any(|record| record.value == lost.value),
                _ => false,
            },
            _ => false,
        });
        prop_assert!(!missed || found == [lost.value], "{found:?}: {}", told(&verdict));
    }
}
