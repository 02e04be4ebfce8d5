//! Events of every kind.

use history::{
    Assign, Claim, Event, F, Fault, FaultStep, FinalReads, LogChunk, Metadata, Mop, NodeChange, Observed, Op,
    Phase, Poll, Probe, Quorum, QuorumReplica, Record, Seen, Send, Silence, Subscribe, Txn, What,
};
use proptest::option;
use proptest::prelude::*;

/// Any text: the broker's own words, quotes, line ends and all.
fn text() -> impl Strategy<Value = String> {
    any::<String>()
}

fn few<T: std::fmt::Debug>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    prop::collection::vec(of, 0..4)
}

fn function() -> impl Strategy<Value = F> {
    let send = any::<(u32, u64, Option<i64>, Option<u32>)>();
    let record = any::<(u32, i64, u64)>().prop_map(Record::from);
    prop_oneof![
        send.prop_map(|(key, value, offset, broker)| F::Send(Send {
            key,
            value,
            offset,
            broker
        })),
        few(record).prop_map(|records| F::Poll(Poll { records })),
        (few(any::<u32>()), any::<bool>())
            .prop_map(|(keys, from_beginning)| F::Assign(Assign { keys, from_beginning })),
        few(any::<u32>()).prop_map(|keys| F::Subscribe(Subscribe { keys })),
        few(step()).prop_map(|mops| F::Txn(Txn { mops })),
        Just(F::Crash),
    ]
}

fn step() -> impl Strategy<Value = Mop> {
    let send = any::<(u32, u64, Option<i64>, Option<u32>)>();
    let record = any::<(u32, i64, u64)>().prop_map(Record::from);
    let seen = prop_oneof![
        Just(Seen::Nothing),
        any::<u64>().prop_map(Seen::One),
        few(any::<u64>()).prop_map(Seen::List),
    ];
    prop_oneof![
        send.prop_map(|(key, value, offset, broker)| Mop::Send(Send {
            key,
            value,
            offset,
            broker
        })),
        few(record).prop_map(|records| Mop::Poll(Poll { records })),
        any::<(u32, u64)>().prop_map(|(key, value)| Mop::Append(key, value)),
        any::<(u32, u64)>().prop_map(|(key, value)| Mop::Write(key, value)),
        (any::<u32>(), seen).prop_map(|(key, seen)| Mop::Read(key, seen)),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let who = (any::<u32>(), any::<u64>());
    (who, function(), option::of(text()), few(any::<u32>())).prop_map(
        |((process, op), f, error, rebalanced)| Op {
            error,
            rebalanced,
            ..Op::new(process, op, f)
        },
    )
}

fn fault() -> impl Strategy<Value = Fault> {
    let step = prop_oneof![
        Just(FaultStep::Injecting),
        Just(FaultStep::Injected),
        Just(FaultStep::Healing),
        (any::<bool>(), text()).prop_map(|(bit, evidence)| FaultStep::Healed { bit, evidence }),
        text().prop_map(|reason| FaultStep::Skipped { reason }),
        text().prop_map(|error| FaultStep::Failed { error }),
    ];
    (any::<u32>(), text(), few(any::<u32>()), text(), step).prop_map(|(id, kind, nodes, detail, step)| {
        Fault {
            id,
            kind,
            nodes,
            detail,
            step,
        }
    })
}

fn answer() -> impl Strategy<Value = Probe> {
    let claim = (
        any::<u32>(),
        option::of(any::<u32>()),
        any::<i32>(),
        few(any::<u32>()),
    )
        .prop_map(|(key, leader, epoch, isr)| Claim {
            key,
            leader,
            epoch,
            isr,
        });
    let voter = any::<(u32, i64)>().prop_map(|(node, end)| QuorumReplica { node, end });
    let quorum =
        (any::<(u32, i32, i64)>(), few(voter)).prop_map(|((leader, epoch, high_watermark), voters)| Quorum {
            leader,
            epoch,
            high_watermark,
            voters,
        });
    let chunk = (any::<(u32, i64, bool)>(), few(any::<(i64, u64, i32)>()));
    prop_oneof![
        few(claim).prop_map(|claims| Probe::Metadata(Metadata { claims })),
        quorum.prop_map(Probe::Quorum),
        Just(Probe::NotLeader),
        (text(), text()).prop_map(|(asked_for, reason)| Probe::Silent(Silence { asked_for, reason })),
        chunk.prop_map(|((key, high_watermark, last), records)| {
            Probe::Log(LogChunk {
                key,
                high_watermark,
                last,
                records,
            })
        }),
    ]
}

fn observed() -> impl Strategy<Value = Observed> {
    (any::<(u32, u32, u64)>(), answer()).prop_map(|((node, incarnation, asked), answer)| Observed {
        node,
        incarnation,
        asked,
        answer,
    })
}

fn phase() -> impl Strategy<Value = Phase> {
    prop_oneof![
        Just(Phase::Setup),
        Just(Phase::Steady),
        Just(Phase::Faults),
        Just(Phase::Heal),
        Just(Phase::Settle),
        Just(Phase::FinalReads),
        Just(Phase::Teardown),
    ]
}

/// Anything that may come after a header.
pub fn what() -> impl Strategy<Value = What> {
    let node =
        (any::<(u32, u32, bool)>(), text()).prop_map(|((node, incarnation, running), state)| NodeChange {
            node,
            incarnation,
            state,
            running,
        });
    let final_reads = (any::<bool>(), option::of(text()), few(any::<i64>()), any::<u32>()).prop_map(
        |(complete, reason, ends, process)| FinalReads {
            complete,
            reason,
            ends,
            process,
        },
    );
    prop_oneof![
        phase().prop_map(What::Phase),
        op().prop_map(What::Invoke),
        op().prop_map(What::Ok),
        op().prop_map(What::Fail),
        op().prop_map(What::Info),
        fault().prop_map(What::Fault),
        observed().prop_map(What::Observed),
        node.prop_map(What::Node),
        final_reads.prop_map(What::FinalReads),
        Just(What::Interrupted),
    ]
}

/// Events in order of time.
pub fn events() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec((any::<u32>(), what()), 0..12).prop_map(|steps| {
        let mut time = 0;
        let ordered = steps.into_iter().map(|(pause, what)| {
            time += u64::from(pause);
            Event { time, what }
        });
        ordered.collect()
    })
}
