//! The workload `txn`: valid where it has to be, and caught where it cannot be.

use crate::trial::{Trial, events};

#[test]
#[ignore = "brings up a real cluster"]
fn transactions_are_whole_whatever_happens_to_brokers_and_clients() {
    let trial = Trial::of("txn", &["--seed", "1"]);
    trial.verdict(0);
    let history = trial.file("history.jsonl");
    let aborted = events(&history, "fail").join("\n");
    for why in ["on purpose; aborted", "fenced: "] {
        assert!(aborted.contains(why), "no transaction failed with {why:?}");
    }
    let unknown = events(&history, "info").join("\n");
    assert!(unknown.contains("the client crashed"));
}

#[test]
#[ignore = "brings up a real cluster"]
fn what_is_aborted_and_read_is_caught() {
    let trial = Trial::of(
        "controls/txn-uncommitted",
        &["--seed", "1", "--time-limit", "15s"],
    );
    let verdict = trial.verdict(1);
    let read = &verdict["anomalies"]["G1a"];
    assert!(read["count"].as_u64() > Some(0), "{verdict:#}");
}

/// Brokers before KIP-890 take a record of a transaction that has ended, and open another that nobody ends.
#[test]
#[ignore = "brings up a real cluster"]
fn a_transaction_that_hangs_is_caught() {
    let verdict = Trial::of("controls/hanging-transaction", &["--seed", "1"]).verdict(1);
    let hanging = &verdict["anomalies"]["hanging-transaction"];
    assert!(hanging["count"].as_u64() > Some(0), "{verdict:#}");
}
