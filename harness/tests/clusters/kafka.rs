//! Kafka's own administration as faults: each bites and shows its effect, and the pairs that differ in one setting
//! come out as they must.

use crate::trial::{Trial, events, every_fault_bit};

/// The evidence of each fault of a kind that was healed, in the order of the history.
fn evidence(trial: &Trial, kind: &str) -> Vec<String> {
    let history = trial.file("history.jsonl");
    let of_kind = format!("\"kind\":\"{kind}\"");
    let healed = events(&history, "fault")
        .into_iter()
        .filter(|line| line.contains(&of_kind))
        .filter_map(|line| line.split_once("\"evidence\":\""));
    healed
        .map(|(_, rest)| rest.trim_end_matches("\"}}}}").to_owned())
        .collect()
}

/// The number that stands before a word.
fn before(text: &str, word: &str) -> Option<u64> {
    let (front, _) = text.split_once(word)?;
    front
        .trim_end()
        .rsplit(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[test]
#[ignore = "brings up a real cluster"]
fn administration_bites_and_loses_nothing() {
    let trial = Trial::of("faults/kafka", &["--seed", "21"]);
    let verdict = trial.verdict(0);
    every_fault_bit(
        &trial,
        &[
            "elect-preferred",
            "move-leaders",
            "election-storm",
            "reassign",
            "brokers",
            "min-isr",
            "unclean-config",
            "create-topics",
            "add-partitions",
            "delete-records",
            "move-controller",
        ],
    );
    let storm = evidence(&trial, "election-storm").concat();
    assert!(before(&storm, "new epochs") >= Some(6), "{storm}");
    let reassigned = evidence(&trial, "reassign");
    assert_eq!(reassigned.len(), 3, "{reassigned:#?}");
    let left = evidence(&trial, "brokers").concat();
    // How many it holds hangs on how the topics were spread over the brokers.
    assert!(
        before(&left, "replica") >= Some(1) && left.matches("nodes 1, 2, 3, 4").count() == 2,
        "{left}"
    );
    // The observer saw what the faults say of themselves: each leader in a newer epoch.
    assert!(
        verdict["stats"]["leader_changes"].as_u64() >= Some(8),
        "{}",
        verdict["stats"]
    );
    for moved in evidence(&trial, "move-controller") {
        let terms: Vec<&str> = moved.split("in term ").skip(1).collect();
        assert!(
            terms.len() == 2 && terms[0].as_bytes()[0] < terms[1].as_bytes()[0],
            "{moved}"
        );
    }
    let deletions = trial.file("history.jsonl");
    let deletions = events(&deletions, "deletion");
    assert!(
        deletions.len() == 2 && deletions[1].contains("low-watermark"),
        "{deletions:#?}"
    );
    let log = verdict["checks"].as_array().expect("checks");
    let log = log
        .iter()
        .find(|check| check["name"] == "log")
        .expect("a check of logs");
    assert!(log["reasons"].to_string().contains("deleted by request"), "{log}");
}

/// A plan that must lose, by faults that must have bitten.
fn must_lose(plan: &str, faults: &[&str]) {
    let trial = Trial::of(plan, &["--seed", "22"]);
    let verdict = trial.verdict(1);
    every_fault_bit(&trial, faults);
    let lost = &verdict["anomalies"]["lost-write"];
    assert!(lost["count"].as_u64() > Some(5), "{verdict}");
}

/// A plan that must not, by the same faults.
fn must_keep(plan: &str, faults: &[&str]) {
    let trial = Trial::of(plan, &["--seed", "23"]);
    trial.verdict(0);
    every_fault_bit(&trial, faults);
}

#[test]
#[ignore = "brings up a real cluster"]
fn unclean_elections_lose_on_and_keep_off() {
    must_lose("regressions/unclean-on", &["shrink-isr", "kill"]);
    must_keep("regressions/unclean-off", &["shrink-isr", "kill"]);
}

#[test]
#[ignore = "brings up a real cluster"]
fn an_operator_loses_what_the_setting_would_have_kept() {
    must_lose(
        "regressions/elect-unclean",
        &["shrink-isr", "kill", "elect-unclean"],
    );
}

#[test]
#[ignore = "brings up a real cluster"]
fn a_leader_cut_off_loses_with_acks_1_alone() {
    must_lose("regressions/min-isr-1-acks1", &["partition"]);
    must_keep("regressions/min-isr-1-acks-all", &["partition"]);
    must_keep("regressions/min-isr-2-acks-all", &["partition"]);
}
