//! The clients against the client library's own mock brokers, in this process.

use std::collections::BTreeMap;

use history::{Event, F, Key, Mop, Op, Seen, Span, Value, What};

use super::ListAppendConfig;
use crate::client::ReadBy;
use crate::client::court::Court;

/// The operations that succeeded, by what they did.
fn done(events: &[Event]) -> impl Iterator<Item = (&Op, &Mop)> {
    events.iter().filter_map(|event| {
        let What::Ok(op) = &event.what else { return None };
        let F::Txn(txn) = &op.f else { return None };
        txn.mops.first().map(|mop| (op, mop))
    })
}

/// Each list's reads, in the order in which they ended.
fn reads(events: &[Event]) -> BTreeMap<Key, Vec<Vec<Value>>> {
    let mut reads: BTreeMap<Key, Vec<Vec<Value>>> = BTreeMap::new();
    for (_, mop) in done(events) {
        if let Mop::Read(list, Seen::List(values)) = mop {
            reads.entry(*list).or_default().push(values.clone());
        }
    }
    reads
}

async fn lists_have_one_order(read: ReadBy) {
    let court = Court::new();
    let config = ListAppendConfig {
        rate: 400,
        appends: 10,
        // So often that some readers are made anew.
        reread_every: Span::from_secs(1),
        read,
        ..ListAppendConfig::default()
    };
    let mut running = court.start(&config).await;
    let events = court
        .after(500, &mut running, |events| done(events).count())
        .await;
    let reads = reads(&events);
    assert!(reads.len() > 6, "{} lists were read", reads.len());
    for (list, mut seen) in reads {
        seen.sort_by_key(Vec::len);
        for pair in seen.windows(2) {
            assert!(pair[1].starts_with(&pair[0]), "list {list}: {pair:?}");
        }
        assert!(seen.iter().all(|values| values.len() <= 10));
    }
    let begun = events
        .iter()
        .filter(|event| matches!(&event.what, What::Invoke(_)));
    let over = |event: &&Event| matches!(&event.what, What::Ok(_) | What::Fail(_) | What::Info(_));
    assert_eq!(
        begun.count(),
        events.iter().filter(over).count(),
        "each has ended"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_are_read_behind_a_barrier_have_one_order() {
    lists_have_one_order(ReadBy::Barrier).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_are_read_to_the_end_have_one_order() {
    lists_have_one_order(ReadBy::End).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_client_appended_the_next_read_shows() {
    let court = Court::new();
    let config = ListAppendConfig {
        clients: 1,
        rate: 300,
        ..ListAppendConfig::default()
    };
    let mut running = court.start(&config).await;
    let events = court
        .after(300, &mut running, |events| done(events).count())
        .await;
    let mut lists: BTreeMap<Key, Vec<Value>> = BTreeMap::new();
    let mut compared = 0;
    for (op, mop) in done(&events) {
        match mop {
            Mop::Append(list, value) => lists.entry(*list).or_default().push(*value),
            Mop::Read(list, seen) => {
                let expected = lists.get(list).cloned().unwrap_or_default();
                let seen = match seen {
                    Seen::List(values) => values.clone(),
                    _ => Vec::new(),
                };
                assert_eq!(seen, expected, "{op:?}");
                compared += 1;
            }
            _ => {}
        }
    }
    assert!(compared > 50, "{compared} reads");
}
