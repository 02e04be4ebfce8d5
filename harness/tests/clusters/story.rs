//! The stories of lost writes of real clusters: what a person needs to file a bug, found without one.

use serde_json::Value;

use crate::trial::{Trial, events};

/// The story of the first lost range, and its sentences in one text.
#[track_caller]
fn first_story(verdict: &Value) -> (Value, String) {
    let stories = verdict["stories"].as_array().expect("there are stories");
    let first = stories
        .iter()
        .filter(|story| story["anomaly"] == "lost-write")
        .max_by_key(|story| story["records"].as_u64())
        .expect("a lost range has one");
    let sentences = first["sentences"].as_array().expect("it is told");
    let text: Vec<&str> = sentences.iter().filter_map(Value::as_str).collect();
    (first.clone(), text.join("\n"))
}

/// Each lost write is in one range.
#[track_caller]
fn all_lost_are_told(verdict: &Value) {
    let stories = verdict["stories"].as_array().expect("there are stories");
    let lost = stories.iter().filter(|story| story["anomaly"] == "lost-write");
    let told: u64 = lost.filter_map(|story| story["records"].as_u64()).sum();
    assert_eq!(Some(told), verdict["anomalies"]["lost-write"]["count"].as_u64());
}

#[test]
#[ignore = "brings up a real cluster"]
fn the_last_replica_standing_is_told_to_the_last_step() {
    let trial = Trial::of("regressions/last-replica-3.9.2", &["--seed", "6"]);
    let verdict = trial.verdict(1);
    all_lost_are_told(&verdict);
    let (story, text) = first_story(&verdict);
    assert!(story["first"].is_u64() && story["last"].is_u64(), "{text}");
    let broker = &story["broker"];
    assert!(broker.is_u64(), "{text}");
    let election = &story["election"];
    assert_eq!(&election["leader"], broker, "{text}");
    assert_eq!(election["why"], "in-isr", "{text}");
    assert_eq!(election["only-one"], true, "{text}");
    assert!(election["begins-at"].as_u64() < story["last"].as_u64(), "{text}");
    assert!(text.contains("power-loss"), "{text}");
    let cut = story["truncations"].as_array().map_or(0, Vec::len);
    assert!(cut >= 1, "the followers threw away what they had: {text}");
    assert!(text.contains("Truncating to offset"), "{text}");
    let others = text.contains("by their own word") || story["holders"].is_array();
    assert!(others, "who held it is told: {text}");
    assert!(!events(&trial.file("history.jsonl"), "line").is_empty());
    assert!(trial.file("report.html").contains("story-lanes"));
    assert!(
        trial.ran.err.contains("acknowledged writes are lost: offsets"),
        "{}",
        trial.ran.err
    );
}

#[test]
#[ignore = "brings up a real cluster"]
fn a_deposed_leader_is_named_with_how_long_it_went_on_acknowledging() {
    let verdict = Trial::of("controls/acks1", &["--seed", "7"]).verdict(1);
    all_lost_are_told(&verdict);
    let (story, text) = first_story(&verdict);
    let deposed = &story["deposed"];
    assert_eq!(deposed["node"], story["broker"], "{text}");
    assert!(
        deposed["newer-epoch"].as_i64() > deposed["epoch"].as_i64(),
        "{text}"
    );
    assert!(deposed["acknowledged"].as_u64() > Some(0), "{text}");
    // How long is the machine's affair: clients that hear of the new leader at once write to the old one no more.
    assert!(deposed["acknowledged-for"].as_u64() > Some(0), "{text}");
    assert!(text.contains("and went on acknowledging for"), "{text}");
    // A follower that had fetched a few of them is cut off too, and may be first.
    let cut = story["truncations"].as_array().expect("it was cut off");
    assert!(cut.iter().any(|cut| cut["node"] == deposed["node"]), "{text}");
}
