//! A random schedule of one fault at a time, and lists of steps.

use std::time::Duration;

use proptest::prelude::*;

use super::{KEYS, NODES, Plan, check_invalid, plan, resolve};
use crate::schedule::length;
use crate::{NemesisConfig, Schedule};

pub(super) const RANDOM: &str = r#"
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
