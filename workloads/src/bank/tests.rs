//! The generator, and the settings of the workload.

use std::collections::BTreeMap;

use history::{Event, F, Record, Span, What};
use proptest::prelude::*;

use super::BankConfig;
use super::worker::{Generator, Transfer};
use crate::arena::{Workload as _, assert_wrong};
use crate::client::court::Court;

fn take(seed: u64, client: u32, accounts: u32) -> Vec<Transfer> {
    let mut generator = Generator::new(seed, client, accounts, &BankConfig::default());
    (0..500).map(|_| generator.next()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]
    #[test]
    fn one_seed_and_client_do_the_same_and_others_do_not(seed in 0..u64::MAX, client in 0_u32..64) {
        let first = take(seed, client, 6);
        prop_assert_eq!(&first, &take(seed, client, 6));
        prop_assert_ne!(&first, &take(seed + 1, client, 6));
        prop_assert_ne!(&first, &take(seed, client + 1, 6));
    }

    #[test]
    fn a_transfer_goes_to_another_account(seed: u64, accounts in 2_u32..9) {
        for transfer in take(seed, 0, accounts) {
            prop_assert!(transfer.from < accounts && transfer.to < accounts && transfer.from != transfer.to);
        }
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    assert_wrong(&BankConfig::default().check(), &[]);
    let config = BankConfig {
        rate: 0,
        deadline: Span::from_secs(5),
        ..BankConfig::default()
    };
    assert_wrong(
        &config.check(),
        &[
            ("rate", "give 1 to"),
            ("deadline", "more than the transaction-timeout"),
        ],
    );
}

#[test]
fn it_needs_two_accounts() {
    assert_eq!(BankConfig::default().validate_topics(&[1, 1]), None);
    assert!(BankConfig::default().validate_topics(&[1]).is_some());
}

#[tokio::test]
async fn auditors_read_while_tellers_write() {
    let court = Court::new();
    let config = BankConfig {
        clients: 1,
        aborts: 0,
        auditors: 2,
        ..BankConfig::default()
    };
    let mut running = court.start(&config).await;
    let polled = |events: &[Event]| -> BTreeMap<u32, Vec<Record>> {
        let mut polled: BTreeMap<u32, Vec<Record>> = BTreeMap::new();
        for event in events {
            if let What::Ok(op) = &event.what
                && let F::Poll(poll) = &op.f
            {
                polled.entry(op.process).or_default().extend(&poll.records);
            }
        }
        polled
    };
    let far = |events: &[Event]| {
        polled(events)
            .values()
            .filter(|records| records.len() >= 20)
            .count()
    };
    let events = court.after(2, &mut running, far).await;
    for records in polled(&events).values() {
        // Both accounts, each from its beginning.
        for key in 0..2 {
            let first = records.iter().find(|record| record.key == key);
            assert_eq!(first.map(|record| record.offset), Some(0));
        }
    }
}
