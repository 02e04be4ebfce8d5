//! The settings of the workload.

use history::Span;

use super::EosConfig;
use crate::arena::{Workload as _, assert_wrong};

#[test]
fn what_contradicts_itself_is_refused() {
    assert_wrong(&EosConfig::default().check(), &[]);
    let config = EosConfig {
        workers: 0,
        batch: 0,
        deadline: Span::from_secs(5),
        ..EosConfig::default()
    };
    assert_wrong(
        &config.check(),
        &[
            ("workers", "give 1 to 64"),
            ("batch", "give 1 to"),
            ("deadline", "more than the transaction-timeout"),
        ],
    );
    let sleepy = EosConfig {
        session_timeout: Span::from_secs(3),
        max_poll_interval: Some(Span::from_secs(4)),
        stall_every: Some(Span::from_secs(15)),
        ..EosConfig::default()
    };
    let open_still = ("max-poll-interval", "a transaction-timeout longer than that");
    assert_wrong(&sleepy.check(), &[open_still]);
    let patient = EosConfig {
        transaction_timeout: Span::from_secs(8),
        ..sleepy.clone()
    };
    assert_wrong(&patient.check(), &[]);
    let hasty = EosConfig {
        max_poll_interval: Some(Span::from_secs(2)),
        ..patient
    };
    assert_wrong(&hasty.check(), &[("max-poll-interval", "\"3s\" to \"1h\"")]);
}

#[test]
fn it_needs_two_topics_of_one_size() {
    let config = EosConfig::default();
    assert_eq!(config.validate_topics(&[4, 4]), None);
    for partitions in [&[4][..], &[4, 3], &[1, 1, 1], &[]] {
        let reason = config.validate_topics(partitions).expect("it does not fit");
        assert!(reason.contains("give two `[[topics]]`"), "{reason}");
    }
}
