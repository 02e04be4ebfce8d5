//! Every fault of disks on one real cluster, and what a power loss of all nodes takes.

use crate::trial::{Trial, events, every_fault_bit};

#[test]
#[ignore = "brings up a real cluster"]
fn every_fault_of_disks_bites_and_heals() {
    let trial = Trial::of("faults/disk", &["--seed", "1"]);
    trial.verdict(0);
    every_fault_bit(
        &trial,
        &[
            "power-loss",
            "crash-at",
            "slow-disk",
            "disk-full",
            "disk-error",
            "bit-rot",
        ],
    );
    let history = trial.file("history.jsonl");
    let told = |kind: &str| -> String {
        let of_kind =
            |line: &&&str| line.contains(&format!("\"kind\":\"{kind}\"")) && line.contains("\"healed\"");
        let found = events(&history, "fault")
            .iter()
            .find(of_kind)
            .map(|line| (*line).to_owned());
        found.unwrap_or_else(|| panic!("{kind} was not healed"))
    };
    // The brokers felt it: they lost what they had not synced, or halted.
    for kind in ["power-loss", "crash-at"] {
        assert!(
            told(kind).contains("killed by signal 9") && told(kind).contains(" bytes at the ends"),
            "{}",
            told(kind)
        );
        assert!(
            !told(kind).contains("lost 0 bytes at the ends and 0 pages within 0 files"),
            "{}",
            told(kind)
        );
    }
    for kind in ["disk-full", "disk-error"] {
        assert!(told(kind).contains("exited with status 1"), "{}", told(kind));
    }
    assert!(told("bit-rot").contains("8 bits flipped"), "{}", told("bit-rot"));
}

#[test]
#[ignore = "brings up a real cluster"]
fn what_no_broker_had_synced_is_missed_when_the_power_of_all_fails() {
    let verdict = Trial::of("regressions/power-loss-of-all", &["--seed", "2"]).verdict(1);
    let lost = &verdict["anomalies"]["lost-write"];
    assert!(lost["count"].as_u64() > Some(50), "{lost}");
}

#[test]
#[ignore = "brings up a real cluster"]
fn what_every_broker_had_synced_outlives_the_power_of_all() {
    Trial::of("regressions/power-loss-of-all-flushed", &["--seed", "3"]).verdict(0);
}
