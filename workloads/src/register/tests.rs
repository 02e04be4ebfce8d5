//! The clients against the client library's own mock brokers, in this process.

use std::collections::BTreeMap;

use history::{Event, F, Key, Mop, Op, Seen, Span, Value, What};

use super::RegisterConfig;
use crate::client::court::Court;

/// The operations that succeeded, by what they did.
fn done(events: &[Event]) -> impl Iterator<Item = (&Op, &Mop)> {
    events.iter().filter_map(|event| {
        let What::Ok(op) = &event.what else { return None };
        let F::Txn(txn) = &op.f else { return None };
        txn.mops.first().map(|mop| (op, mop))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_client_set_its_next_read_shows() {
    let court = Court::new();
    let config = RegisterConfig {
        clients: 1,
        rate: 300,
        // So often that the reader is made anew.
        reread_every: Span::from_secs(1),
        ..RegisterConfig::default()
    };
    let mut running = court.start(&config).await;
    let events = court
        .after(300, &mut running, |events| done(events).count())
        .await;
    let mut registers: BTreeMap<Key, Value> = BTreeMap::new();
    let mut compared = 0;
    for (op, mop) in done(&events) {
        match mop {
            Mop::Write(register, value) => {
                registers.insert(*register, *value);
            }
            Mop::Read(register, seen) => {
                let expected = registers.get(register).copied();
                assert_eq!(*seen, expected.map_or(Seen::Nothing, Seen::One), "{op:?}");
                compared += 1;
            }
            _ => {}
        }
    }
    assert!(compared > 50, "{compared} reads");
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
