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
