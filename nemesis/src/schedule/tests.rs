//! Schedules from a seed: what is drawn, what stays as it is, and what is refused.

use super::length;
use crate::{NemesisConfig, Schedule, Step};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const NODES: [u32; 3] = [1, 2, 3];
const KEYS: u32 = 4;
const RANDOM: &str = r#"
    [nemesis.random]
    duration = "30s"
    lasts = ["2s", "5s"]
    rest = ["1s", "3s"]
    faults = [
        "kill",
        { pause = { target = "leader" } },
        { partition = { shape = "halves" } },
        { partition = { shape = "one-way", direction = "out" } },
        "shrink-isr",
    ]
"#;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Plan {
    nemesis: NemesisConfig,
}

fn plan(text: &str) -> NemesisConfig {
    toml::from_str::<Plan>(text).expect("a plan").nemesis
}

fn resolve(text: &str, seed: u64) -> Vec<Step> {
    plan(text).resolve(seed, &NODES, KEYS).expect("a schedule")
}

/// The text is refused as TOML, at this line, with this in the message.
fn check_refused(text: &str, line: usize, part: &str) {
    let error = toml::from_str::<Plan>(text).expect_err(text).to_string();
    assert!(
        error.contains(&format!("line {line},")) && error.contains(part),
        "{error}"
    );
}

/// The plan is well formed, and yet does not resolve.
fn check_invalid(text: &str, expected: &str) {
    let invalid = plan(text).resolve(1, &NODES, KEYS).expect_err(text);
    assert_eq!(invalid.to_string(), expected);
}

proptest! {
    #[test]
    fn one_seed_gives_one_schedule(seed: u64) {
        prop_assert_eq!(resolve(RANDOM, seed), resolve(RANDOM, seed));
    }

    #[test]
    fn what_is_resolved_stays_as_it_is_through_the_file_and_any_seed(seed: u64, other: u64) {
        let steps = resolve(RANDOM, seed);
        let written = Plan { nemesis: Schedule::Steps(steps.clone()).into() };
        let text = toml::to_string(&written).expect("a plan has a form in TOML");
        prop_assert_eq!(toml::from_str::<Plan>(&text).expect("its own form"), written);
        prop_assert_eq!(resolve(&text, other), steps);
    }

    #[test]
    fn each_fault_occurs_with_rests_between_and_within_the_time(seed: u64) {
        let steps = resolve(RANDOM, seed);
        for kind in ["kill", "pause", "partition", "shrink-isr"] {
            prop_assert!(steps.iter().any(|step| step.fault.name() == kind), "no {}", kind);
        }
        prop_assert!(length(&steps) <= Duration::from_secs(29));
        let mut free_from = 0;
        for step in &steps {
            let lasts = step.lasts.expect("an end").as_millis();
            prop_assert!((2_000..=5_000).contains(&lasts));
            let rest = step.earliest().as_millis() - free_from;
            prop_assert!((1_000..=3_000).contains(&rest));
            free_from = step.earliest().as_millis() + lasts;
        }
        // There was no time for one more.
        prop_assert!(free_from + 1_000 + 2_000 + 1_000 > 30_000);
    }
}

#[test]
fn seeds_differ() {
    assert_ne!(resolve(RANDOM, 1), resolve(RANDOM, 2));
}

#[test]
fn the_tightest_time_that_fits_holds_every_fault() {
    let tight = RANDOM.replace("30s", "16s");
    for seed in 0..50 {
        assert_eq!(resolve(&tight, seed).len(), 5);
    }
    check_invalid(
        &RANDOM.replace("30s", "15s"),
        "random.duration: 15s is too short for 5 faults of at least 2s with rests of at least 1s: they need 16s",
    );
}

#[test]
fn none_and_a_word_alone_are_enough() {
    assert_eq!(resolve("nemesis = \"none\"", 1), []);
    assert!(plan("nemesis = \"none\"").is_none());
    let steps = resolve(
        "[[nemesis.steps]]\nat = \"1s\"\nlasts = \"2s\"\nfault = \"kill\"",
        1,
    );
    assert_eq!(steps[0].fault.name(), "kill");
}

#[test]
fn a_time_limit_shortens_what_it_meets() {
    let mut random = plan(RANDOM);
    random.set_duration(history::Span::from_secs(60));
    assert!(length(&random.resolve(1, &NODES, KEYS).expect("a schedule")) > Duration::from_secs(40));
    let mut steps = NemesisConfig::from(Schedule::Steps(resolve(RANDOM, 1)));
    steps.set_duration(history::Span::from_secs(10));
    assert!(length(&steps.resolve(1, &NODES, KEYS).expect("a schedule")) <= Duration::from_secs(10));
}

#[test]
fn kinds_are_named_once() {
    assert_eq!(plan(RANDOM).kinds(), ["kill", "pause", "partition", "shrink-isr"]);
}

#[test]
fn wrong_words_are_refused_where_they_stand() {
    let step = |fault: &str| format!("[[nemesis.steps]]\nat = \"0s\"\nlasts = \"1s\"\nfault = {fault}");
    check_refused(&step("\"kil\""), 4, "expected one of `partition`, `shrink-isr`");
    check_refused(&step("{ kil = {} }"), 4, "expected one of `partition`");
    check_refused(
        &step("{ kill = { target = \"boss\" } }"),
        4,
        "`boss` is no target: expected \"one\", \"minority\"",
    );
    check_refused(
        &step("{ kill = { target = [\"x1\"] } }"),
        4,
        "a node, such as \"n1\" or 1",
    );
    check_refused(
        &step("{ kill = { target = [] } }"),
        4,
        "an empty list is no target",
    );
    check_refused(&step("{ kill = { target = 1 } }"), 4, "or a list of nodes");
    check_refused(&step("{ kill = { aim = \"one\" } }"), 4, "unknown field `aim`");
    check_refused(
        &step("{ partition = { shape = \"star\" } }"),
        4,
        "unknown variant `star`",
    );
    check_refused(
        &step("{ partition = { shape = \"leader\", direction = \"in\" } }"),
        4,
        "`direction` goes with the shapes `one-way` and `clients` only",
    );
    check_refused(&step("{ kill = {}, pause = {} }"), 4, "a second fault, `pause`");
    check_refused(
        "[[nemesis.steps]]\nat = 5\nfault = \"kill\"",
        2,
        "such as \"1500ms\"",
    );
    check_refused(
        "[[nemesis.steps]]\nat = \"5 sec\"\nfault = \"kill\"",
        2,
        "no length of time",
    );
    check_refused(
        "[[nemesis.steps]]\nat = \"5s\"\nlast = \"1s\"\nfault = \"kill\"",
        3,
        "unknown field `last`",
    );
    check_refused("nemesis = \"nothing\"", 1, "unknown variant `nothing`");
    check_refused(
        "[nemesis.random]\nfaults = [\"kill\"]",
        1,
        "missing field `duration`",
    );
}

#[test]
fn what_does_not_fit_the_cluster_is_named_by_its_path() {
    let step = |fault: &str| format!("[[nemesis.steps]]\nat = \"0s\"\nlasts = \"1s\"\nfault = {fault}");
    check_invalid(
        &step("{ kill = { target = [\"n7\"] } }"),
        "steps.0.fault.kill.target: there is no node 7: this cluster has nodes 1, 2, 3",
    );
    check_invalid(
        &step("{ kill = { target = \"leader\", key = 4 } }"),
        "steps.0.fault.kill.key: there is no key 4: the topics' partitions together are the keys 0 to 3",
    );
    check_invalid(
        &step("{ pause = { target = \"all\", key = 0 } }"),
        "steps.0.fault.pause.key: goes with the targets `leader` and `follower` only, and this one is `all`",
    );
    check_invalid(
        "[[nemesis.steps]]\nat = \"0s\"\nfault = \"kill\"",
        "steps: a step without `lasts` is in force until the others are over, and no other has an end: \
         say how long one of them `lasts`",
    );
    check_invalid(
        "[[nemesis.steps]]\nat = \"0s\"\nlasts = \"5s\"\nfault = \"kill\"\n\
         [[nemesis.steps]]\nat = \"6s\"\nfault = \"pause\"",
        "steps.1.at: a step without `lasts` is in force until the others are over, and they are at 5s: \
         say how long it lasts",
    );
    check_invalid(
        &RANDOM.replace("\"2s\", \"5s\"", "\"5s\", \"2s\""),
        "random.lasts: the shorter time goes first: [\"2s\", \"5s\"]",
    );
    let unknown = RANDOM.replace("target = \"leader\"", "target = [9]");
    check_invalid(
        &unknown,
        "random.faults.1.pause.target: there is no node 9: this cluster has nodes 1, 2, 3",
    );
}
