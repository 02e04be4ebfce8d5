//! Any evidence of leadership: answers, copies of disks, what the prober got done.

use history::{
    Answer, BrokerLine, DiskCopy, DiskLog, Eligible, MetadataBatch, MetadataLog, Metric, Metrics, Moment,
    OpenTransaction, Partitions, Probe, ProbeOf, Probed, QuorumState, Ruling, Served, Service, Stand, Stands,
    Told, Undecided, What,
};
use proptest::collection::btree_map;
use proptest::option;
use proptest::prelude::*;

use super::{few, text};

fn eligible() -> impl Strategy<Value = Eligible> {
    let numbers = any::<(u32, Option<u32>, i32)>();
    let nodes = (few(any::<u32>()), few(any::<u32>()), few(any::<u32>()));
    (numbers, nodes).prop_map(|((key, leader, epoch), (isr, elr, last_known))| Eligible {
        key,
        leader,
        epoch,
        isr,
        elr,
        last_known,
    })
}

fn stand() -> impl Strategy<Value = Stand> {
    let numbers = any::<(u32, i32, Option<i64>, Option<i64>)>();
    (numbers, option::of(text())).prop_map(|((key, epoch, high_watermark, end), refused)| Stand {
        key,
        epoch,
        high_watermark,
        end,
        refused,
    })
}

fn reply() -> impl Strategy<Value = Answer> {
    prop_oneof![
        any::<i64>().prop_map(Answer::Done),
        text().prop_map(Answer::Refused)
    ]
}

fn service() -> impl Strategy<Value = Service> {
    (any::<(u32, i32)>(), reply(), reply()).prop_map(|((partition, epoch), write, read)| Service {
        partition,
        epoch,
        write,
        read,
    })
}

fn undecided() -> impl Strategy<Value = Undecided> {
    let words = (option::of(text()), option::of(text()));
    let open = (any::<(i64, i32, i64)>(), words).prop_map(
        |((producer, epoch, first), (transactional_id, state))| OpenTransaction {
            producer,
            epoch,
            first,
            transactional_id,
            state,
        },
    );
    let told = prop_oneof![
        Just(Told::All),
        Just(Told::CannotTell),
        text().prop_map(Told::Silent)
    ];
    (any::<(u32, i64, i64)>(), few(open), told).prop_map(
        |((key, last_stable, high_watermark), open, told)| Undecided {
            key,
            last_stable,
            high_watermark,
            open,
            told,
        },
    )
}

/// Any answer about leadership.
pub fn answer() -> impl Strategy<Value = Probe> {
    let values = btree_map(proptest::sample::select(&Metric::ALL[..]), any::<i64>(), 0..4);
    prop_oneof![
        few(eligible()).prop_map(|partitions| Probe::Partitions(Partitions { partitions })),
        few(stand()).prop_map(|stands| Probe::Stands(Stands { stands })),
        few(service()).prop_map(|served| Probe::Served(Served { served })),
        values.prop_map(|values| Probe::Metrics(Metrics { values })),
        undecided().prop_map(Probe::Undecided),
    ]
}

fn ruling() -> impl Strategy<Value = Ruling> {
    let numbers = any::<(i64, i32, i64, u32, Option<u32>, i32, i32, bool)>();
    let nodes = (few(any::<u32>()), few(any::<u32>()), few(any::<u32>()));
    (numbers, nodes).prop_map(|(numbers, (isr, elr, last_known_elr))| {
        let (offset, term, written_ms, key, leader, epoch, partition_epoch, recovering) = numbers;
        Ruling {
            offset,
            term,
            written_ms,
            key,
            leader,
            epoch,
            partition_epoch,
            isr,
            elr,
            last_known_elr,
            recovering,
        }
    })
}

fn metadata() -> impl Strategy<Value = MetadataLog> {
    let batch = any::<(i64, i64, i32, u32)>().prop_map(MetadataBatch::from);
    (any::<(i64, i64, Option<i64>)>(), few(batch), few(ruling())).prop_map(
        |((start, end, high_watermark), batches, rulings)| MetadataLog {
            start,
            end,
            high_watermark,
            batches,
            rulings,
        },
    )
}

fn log() -> impl Strategy<Value = DiskLog> {
    let numbers = any::<(u32, i64, i64, Option<i64>, Option<i64>, i64, bool)>();
    let epochs = (few(any::<(i32, i64)>()), few(any::<(i32, i64)>()));
    let rest = (few(any::<(i64, u64, i32)>()), few(any::<(i64, i64)>()));
    (numbers, epochs, rest).prop_map(|(numbers, (noted_epochs, epochs), (records, holes))| {
        let (key, start, end, high_watermark, recovery_point, from, unread) = numbers;
        DiskLog {
            key,
            start,
            end,
            high_watermark,
            recovery_point,
            noted_epochs,
            epochs,
            from,
            records,
            unread,
            holes,
        }
    })
}

fn moment() -> impl Strategy<Value = Moment> {
    prop_oneof![
        any::<u32>().prop_map(Moment::BeforeHeal),
        Just(Moment::BeforeStart),
        Just(Moment::BeforePowerLoss),
        Just(Moment::BeforeWipe),
        Just(Moment::AtTheEnd),
    ]
}

fn disk() -> impl Strategy<Value = DiskCopy> {
    let quorum = any::<(i32, Option<u32>, Option<u32>)>().prop_map(|(term, leader, voted)| QuorumState {
        term,
        leader,
        voted,
    });
    let contents = (few(log()), option::of(metadata()), option::of(quorum));
    (
        any::<(u32, u32, u64)>(),
        moment(),
        option::of(text()),
        contents,
        few(text()),
    )
        .prop_map(
            |((node, incarnation, begun), moment, directory, (logs, metadata, quorum), problems)| DiskCopy {
                node,
                incarnation,
                begun,
                moment,
                directory,
                logs,
                metadata,
                quorum,
                problems,
            },
        )
}

/// Any event that is evidence by itself.
pub fn what() -> impl Strategy<Value = What> {
    let f = prop_oneof![Just(ProbeOf::Write), Just(ProbeOf::Read)];
    let probed = (any::<(u32, u64, u64, u64)>(), f, option::of(text())).prop_map(
        |((key, from, until, attempts), f, failed)| Probed {
            key,
            f,
            from,
            until,
            attempts,
            failed,
        },
    );
    let line = (any::<(u32, u64, Option<u32>)>(), text()).prop_map(|((node, at, key), text)| BrokerLine {
        node,
        at,
        key,
        text,
    });
    prop_oneof![
        probed.prop_map(What::Probed),
        disk().prop_map(|copy| What::Disk(Box::new(copy))),
        line.prop_map(What::Line),
    ]
}
