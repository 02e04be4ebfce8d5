//! What is made is what it says: the same from the same seed, well formed, and clean where it is called clean.

use std::collections::{BTreeMap, BTreeSet};

use checkers::{Options, Validity};
use history::{BytesSource, Event, F, History, HistoryWriter, MemorySource, Mop, Op, Seen, What};
use synthetic::{Data, Isolation, Kafka, Sink, Transactions};

fn collect(write: impl FnOnce(&mut Sink) -> std::io::Result<()>) -> History {
    let mut events: Vec<Event> = Vec::new();
    let mut sink = |event: &Event| {
        events.push(event.clone());
        Ok(())
    };
    write(&mut sink).expect("memory takes all");
    let What::Header(header) = events.remove(0).what else {
        panic!("the first event is the header");
    };
    History {
        header: *header,
        events,
        truncated: false,
    }
}

fn kafka(plan: Kafka) -> History {
    collect(|sink| plan.write(sink))
}

fn transactions(plan: Transactions) -> History {
    collect(|sink| plan.write(sink))
}

fn operation(event: &Event) -> Option<&Op> {
    match &event.what {
        What::Invoke(op) | What::Ok(op) | What::Fail(op) | What::Info(op) => Some(op),
        _ => None,
    }
}

/// Each operation begins and ends once, its process does nothing else meanwhile, and times go up.
fn well_formed(history: &History) {
    let mut open: BTreeMap<u32, u64> = BTreeMap::new();
    let mut begun = 0;
    let mut time = 0;
    for event in &history.events {
        assert!(event.time > time);
        time = event.time;
        let Some(op) = operation(event) else { continue };
        if matches!(event.what, What::Invoke(_)) {
            assert_eq!(op.op, begun);
            begun += 1;
            assert_eq!(open.insert(op.process, op.op), None);
        } else {
            assert_eq!(open.remove(&op.process), Some(op.op));
        }
    }
    assert!(open.is_empty());
}

#[test]
fn a_seed_makes_one_history() {
    let plan = Kafka {
        operations: 2_000,
        ..Kafka::default()
    };
    assert_eq!(kafka(plan), kafka(plan));
    assert_ne!(kafka(plan), kafka(Kafka { seed: 2, ..plan }));
    let plan = Transactions {
        transactions: 2_000,
        ..Transactions::default()
    };
    assert_eq!(transactions(plan), transactions(plan));
    assert_ne!(transactions(plan), transactions(Transactions { seed: 2, ..plan }));
}

#[test]
fn a_log_keeps_its_promises() {
    for seed in 0..20 {
        let history = kafka(Kafka {
            operations: 5_000,
            seed,
            ..Kafka::default()
        });
        well_formed(&history);
        let verdict = checkers::check_history(&history);
        assert_eq!(verdict.valid, Validity::Valid, "seed {seed}: {}", verdict.summary);
        assert!(verdict.stats.acknowledged > 2_000 && verdict.stats.unknown > 0);
    }
}

#[test]
fn a_store_keeps_its_promises() {
    for seed in 0..20 {
        for data in [Data::Lists, Data::Registers] {
            let history = transactions(Transactions {
                data,
                transactions: 2_000,
                seed,
                ..Transactions::default()
            });
            let verdict = checkers::check_history(&history);
            assert_eq!(verdict.valid, Validity::Valid, "seed {seed}: {}", verdict.summary);
        }
    }
}

#[test]
fn half_of_a_log_s_operations_write() {
    let history = kafka(Kafka::default());
    let ops = history.events.iter().filter_map(operation);
    let sends = ops.filter(|op| matches!(op.f, F::Send(_))).count() / 2;
    assert!((4_800..5_200).contains(&sends), "{sends}");
}

#[test]
fn transactions_are_well_formed_under_every_isolation() {
    for isolation in [
        Isolation::StrictSerializable,
        Isolation::Snapshot,
        Isolation::ReadCommitted,
        Isolation::ReadUncommitted,
    ] {
        for data in [Data::Lists, Data::Registers] {
            well_formed(&transactions(Transactions {
                data,
                isolation,
                transactions: 2_000,
                anomalies: 200,
                ..Transactions::default()
            }));
        }
    }
}

/// The lists that committed transactions read, by key.
fn lists(history: &History) -> BTreeMap<u32, BTreeSet<Vec<u64>>> {
    let mut lists: BTreeMap<u32, BTreeSet<Vec<u64>>> = BTreeMap::new();
    for event in &history.events {
        let What::Ok(op) = &event.what else { continue };
        let F::Txn(txn) = &op.f else { continue };
        for mop in &txn.mops {
            if let Mop::Read(key, Seen::List(values)) = mop {
                lists.entry(*key).or_default().insert(values.clone());
            }
        }
    }
    lists
}

#[test]
fn reads_of_a_list_agree_on_its_order() {
    let history = transactions(Transactions::default());
    let lists = lists(&history);
    assert!(lists.len() > 100);
    for read in lists.values() {
        let longest = read.iter().max_by_key(|list| list.len()).expect("a read");
        assert!(longest.len() <= 32);
        assert!(read.iter().all(|list| longest.starts_with(list)));
    }
}

#[test]
fn as_many_anomalies_as_asked_for_are_planted() {
    let clean = transactions(Transactions::default());
    let planted = transactions(Transactions {
        anomalies: 1_000,
        ..Transactions::default()
    });
    let circular = |history: &History| {
        let ops = history.events.iter().filter_map(operation);
        let first = |op: &&Op| matches!(&op.f, F::Txn(txn) if matches!(txn.mops[..], [Mop::Append(_, 1), Mop::Read(..)]));
        ops.filter(first).count()
    };
    // Two kinds of eight begin so, each twice, and each shows in two lines.
    assert!(circular(&planted) > circular(&clean) + 200);
}

/// A file is read anew for what is to be told, and then only where it has to be.
#[test]
fn what_is_found_is_told_alike_of_a_file_and_of_memory() {
    let history = transactions(Transactions {
        transactions: 2_000,
        anomalies: 200,
        ..Transactions::default()
    });
    let mut bytes = Vec::new();
    let mut writer = HistoryWriter::new(&mut bytes);
    let header = Event {
        time: 0,
        what: What::Header(Box::new(history.header.clone())),
    };
    for event in std::iter::once(&header).chain(&history.events) {
        writer.write(event).expect("memory takes all");
    }
    let mut file = BytesSource::new(&bytes).expect("a history");
    let of_file = checkers::check(&mut file, &Options::default()).expect("it can be read");
    let mut memory = MemorySource::new(&history);
    let of_memory = checkers::check(&mut memory, &Options::default()).expect("it can be read");
    assert_eq!(of_file, of_memory);
    let kinds = synthetic::planted_names().filter(|name| of_file.anomalies.contains_key(*name));
    assert_eq!(kinds.count(), synthetic::planted_names().count());
}
