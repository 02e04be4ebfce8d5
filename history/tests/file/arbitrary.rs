//! Events of every kind.

#[path = "evidence.rs"]
mod evidence;

use history::{
    Acknowledge, Acknowledged, Acquire, Acquired, Assign, Change, Claim, Commit, Committed, Deletion,
    DeletionStep, Event, F, Fate, Fault, FaultStep, FinalReads, Flight, GroupStep, Impairment, Load,
    LogChunk, LookUp, MemberId, Metadata, Mop, NodeChange, Observed, Op, Phase, Poll, Probe, Quantiles,
    Quorum, QuorumReplica, Rebalance, Record, Seen, Send, ShareStep, Silence, Stamp, Subscribe, TimeStep,
    Txn, What,
};
use proptest::option;
use proptest::prelude::*;

/// Any text: the broker's own words, quotes, line ends and all; half of the time plain words.
pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[ -~]{0,20}"]
}

/// Numbers of every length.
fn u64s() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64_u32).prop_map(|(bits, shift)| bits >> shift)
}

/// Numbers of every length.
fn u32s() -> impl Strategy<Value = u32> {
    (any::<u32>(), 0..32_u32).prop_map(|(bits, shift)| bits >> shift)
}

/// Numbers of every length, either side of 0.
fn i64s() -> impl Strategy<Value = i64> {
    (any::<i64>(), 0..64_u32).prop_map(|(bits, shift)| bits >> shift)
}

fn send() -> impl Strategy<Value = Send> {
    (u32s(), u64s(), option::of(i64s()), option::of(u32s())).prop_map(|(key, value, offset, broker)| Send {
        key,
        value,
        offset,
        broker,
    })
}

fn poll() -> impl Strategy<Value = Poll> {
    let record = (u32s(), i64s(), u64s()).prop_map(Record::from);
    few(record).prop_map(|records| Poll { records })
}

pub fn few<T: std::fmt::Debug>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    prop::collection::vec(of, 0..4)
}

fn function() -> impl Strategy<Value = F> {
    prop_oneof![
        send().prop_map(F::Send),
        poll().prop_map(F::Poll),
        (few(u32s()), any::<bool>())
            .prop_map(|(keys, from_beginning)| F::Assign(Assign { keys, from_beginning })),
        few(u32s()).prop_map(|keys| F::Subscribe(Subscribe { keys })),
        few(step()).prop_map(|mops| F::Txn(Txn { mops })),
        group().prop_map(F::Group),
        share().prop_map(F::Share),
        times().prop_map(F::Times),
        Just(F::Crash),
    ]
}

fn times() -> impl Strategy<Value = TimeStep> {
    let stamp = (u32s(), any::<i64>(), u64s(), any::<i64>()).prop_map(Stamp::from);
    prop_oneof![
        any::<i64>().prop_map(TimeStep::Clock),
        few(stamp).prop_map(TimeStep::Read),
        (u32s(), any::<i64>(), option::of(any::<i64>()))
            .prop_map(|(key, time, found)| TimeStep::LookUp(LookUp { key, time, found })),
    ]
}

fn group() -> impl Strategy<Value = GroupStep> {
    let member = || (text(), any::<i32>()).prop_map(|(id, generation)| MemberId { id, generation });
    let offsets = || any::<i64>();
    let change = prop_oneof![Just(Change::Given), Just(Change::Revoked), Just(Change::Lost)];
    prop_oneof![
        (member(), few((u32s(), offsets())))
            .prop_map(|(member, offsets)| GroupStep::Commit(Commit { member, offsets })),
        few((u32s(), option::of(offsets()))).prop_map(|offsets| GroupStep::Committed(Committed { offsets })),
        (change, few(u32s()), member())
            .prop_map(|(change, keys, member)| { GroupStep::Rebalance(Rebalance { change, keys, member }) }),
    ]
}

fn share() -> impl Strategy<Value = ShareStep> {
    let place = || (u32s(), any::<i64>());
    let fate = prop_oneof![Just(Fate::Accept), Just(Fate::Release), Just(Fate::Reject)];
    let acquired =
        (place(), option::of(u64s()), u32s()).prop_map(|((key, offset), value, deliveries)| Acquired {
            key,
            offset,
            value,
            deliveries,
        });
    let acknowledged =
        (place(), fate, option::of(any::<bool>())).prop_map(|((key, offset), fate, confirmed)| {
            Acknowledged {
                key,
                offset,
                fate,
                confirmed,
            }
        });
    prop_oneof![
        few(acquired).prop_map(|records| ShareStep::Acquire(Acquire { records })),
        few(acknowledged).prop_map(|records| ShareStep::Acknowledge(Acknowledge { records })),
    ]
}

fn load() -> impl Strategy<Value = Load> {
    let flight =
        any::<(Option<u32>, u64, u64)>().prop_map(|(requests, expired_unsent, expired_unknown)| Flight {
            requests,
            expired_unsent,
            expired_unknown,
        });
    (any::<[u64; 4]>(), any::<[u64; 4]>(), option::of(flight)).prop_map(
        |([due, late, withheld, latest], [p50, p99, p999, max], flight)| Load {
            due,
            late,
            withheld,
            latest,
            from_due: Quantiles { p50, p99, p999, max },
            from_begun: Quantiles::default(),
            flight,
        },
    )
}

fn step() -> impl Strategy<Value = Mop> {
    let seen = prop_oneof![
        Just(Seen::Nothing),
        u64s().prop_map(Seen::One),
        few(u64s()).prop_map(Seen::List),
    ];
    prop_oneof![
        send().prop_map(Mop::Send),
        poll().prop_map(Mop::Poll),
        (u32s(), u64s()).prop_map(|(key, value)| Mop::Append(key, value)),
        (u32s(), u64s()).prop_map(|(key, value)| Mop::Write(key, value)),
        (u32s(), seen).prop_map(|(key, seen)| Mop::Read(key, seen)),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let who = (u32s(), u64s());
    (
        who,
        function(),
        option::of(text()),
        few(u32s()),
        option::of(u32s()),
    )
        .prop_map(|((process, op), f, error, rebalanced, producer)| Op {
            error,
            rebalanced,
            producer,
            ..Op::new(process, op, f)
        })
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
    let fault = (
        any::<u32>(),
        text(),
        few(any::<u32>()),
        text(),
        option::of(impairment()),
        step,
    );
    fault.prop_map(|(id, kind, nodes, detail, impairs, step)| Fault {
        id,
        kind,
        nodes,
        detail,
        impairs,
        step,
    })
}

fn impairment() -> impl Strategy<Value = Impairment> {
    let pair = (any::<u32>(), any::<u32>());
    (few(any::<u32>()), few(pair), any::<bool>()).prop_map(|(down, apart, degrades)| Impairment {
        down,
        apart,
        degrades,
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
        evidence::answer(),
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

fn deletion_step() -> impl Strategy<Value = DeletionStep> {
    prop_oneof![
        Just(DeletionStep::Asking),
        any::<i64>().prop_map(|low_watermark| DeletionStep::Done { low_watermark }),
        text().prop_map(|reason| DeletionStep::Refused { reason }),
        text().prop_map(|reason| DeletionStep::Unknown { reason }),
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
    let deletion =
        (any::<(u32, i64)>(), deletion_step()).prop_map(|((key, below), step)| Deletion { key, below, step });
    prop_oneof![
        phase().prop_map(What::Phase),
        op().prop_map(What::Invoke),
        op().prop_map(What::Ok),
        op().prop_map(What::Fail),
        op().prop_map(What::Info),
        fault().prop_map(What::Fault),
        observed().prop_map(What::Observed),
        node.prop_map(What::Node),
        deletion.prop_map(What::Deletion),
        final_reads.prop_map(What::FinalReads),
        load().prop_map(What::Load),
        evidence::what(),
        Just(What::Interrupted),
    ]
}

/// An operation's event, as most lines are.
pub fn operation() -> impl Strategy<Value = Event> {
    let kind = prop_oneof![
        Just(What::Invoke as fn(Op) -> What),
        Just(What::Ok as fn(Op) -> What),
        Just(What::Fail as fn(Op) -> What),
        Just(What::Info as fn(Op) -> What),
    ];
    (u64s(), kind, op()).prop_map(|(time, kind, op)| Event { time, what: kind(op) })
}

/// Something that was done to some bytes.
#[derive(Clone, Debug)]
pub enum Damage {
    /// A byte stands for another.
    Change(prop::sample::Index, u8),
    /// A byte came in between.
    Insert(prop::sample::Index, u8),
    /// Bytes were lost.
    Remove(prop::sample::Index, usize),
    /// Bytes stand twice.
    Repeat(prop::sample::Index, usize),
}

impl Damage {
    /// What is left of the bytes.
    pub fn to(&self, bytes: &mut Vec<u8>) {
        let stretch = |at: &prop::sample::Index, length: usize| {
            let start = at.index(bytes.len());
            start..(start + length).min(bytes.len())
        };
        match self {
            _ if bytes.is_empty() => {}
            Self::Change(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Insert(at, byte) => bytes.insert(at.index(bytes.len()), *byte),
            Self::Remove(at, length) => drop(bytes.drain(stretch(at, *length))),
            Self::Repeat(at, length) => {
                let range = stretch(at, *length);
                let again = bytes[range.clone()].to_vec();
                bytes.splice(range.end..range.end, again);
            }
        }
    }
}

/// Damage of the kinds that a format may overlook.
pub fn damage() -> impl Strategy<Value = Damage> {
    let telling = prop::sample::select(b" \t\r\n0123456789-+.eE{}[]:,\"\\nulltruefalse\0\xff".to_vec());
    let byte = prop_oneof![4 => telling, 1 => any::<u8>()].boxed();
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), byte.clone()).prop_map(|(at, byte)| Damage::Change(at, byte)),
        (at(), byte).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        (at(), 1..40_usize).prop_map(|(at, length)| Damage::Remove(at, length)),
        (at(), 1..40_usize).prop_map(|(at, length)| Damage::Repeat(at, length)),
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
