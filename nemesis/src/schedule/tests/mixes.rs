//! Mixes with weights, several faults together, limits, swarm testing and periods.

use std::collections::BTreeMap;

use history::Span;
use proptest::prelude::*;

use super::{KEYS, NODES, Plan, plan, resolve};
use crate::limits::Hit;
use crate::{FaultLimits, NemesisConfig, Schedule, Step, Target};

/// Up to three faults together on five nodes, of which a majority is kept.
const TOGETHER: &str = r#"
    [nemesis.limits]
    keep = "majority"
    different-nodes = true
    [nemesis.random]
    duration = "60s"
    lasts = ["2s", "8s"]
    rest = ["500ms", "2s"]
    at-most = 3
    faults = [
        { kill = { target = "one" } },
        { pause = { target = "minority" } },
        { partition = { shape = "halves" }, weight = 3 },
        { partition = { shape = "one-way" } },
    ]
"#;
const FIVE: [u32; 5] = [1, 2, 3, 4, 5];

const ROTATION: &str = r#"
    [nemesis.rotation]
    duration = "100s"
    [[nemesis.rotation.periods]]
    length = "20s"
    quiet-after = "10s"
    faults = ["kill", "pause"]
    [[nemesis.rotation.periods]]
    length = "15s"
    quiet-after = "5s"
    at-most = 2
    faults = [{ partition = { shape = "halves" } }, { partition = { shape = "one-way" } }]
"#;

fn begins(step: &Step) -> u64 {
    step.earliest().as_millis()
}

fn ends(step: &Step) -> u64 {
    begins(step) + step.lasts.expect("an end").as_millis()
}

fn hit(step: &Step, all: &[u32]) -> Hit {
    let Some(Target::Nodes(nodes)) = step.fault.kind().target() else {
        panic!("{step:?} does not say whom it hits");
    };
    let others: Vec<u32> = all.iter().copied().filter(|node| !nodes.contains(node)).collect();
    Hit {
        impairs: step.fault.kind().impairs(&nodes, &others),
        nodes,
    }
}

/// Whether what is in force when a step begins leaves room for it.
fn keeps(limits: &FaultLimits, steps: &[Step], all: &[u32]) -> bool {
    steps.iter().enumerate().all(|(index, step)| {
        let before = steps[..index].iter().filter(|other| ends(other) > begins(step));
        let in_force: Vec<Hit> = before.map(|other| hit(other, all)).collect();
        limits.broken(all, &in_force, &hit(step, all)).is_none()
    })
}

fn together(seed: u64) -> (NemesisConfig, Vec<Step>) {
    let config = plan(TOGETHER);
    let steps = config.resolve(seed, &FIVE, KEYS).expect("a schedule");
    (config, steps)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_prefix_of_a_schedule_breaks_the_limits(seed: u64) {
        let (config, steps) = together(seed);
        prop_assert!(keeps(&config.limits, &steps, &FIVE), "{steps:?}");
        for step in &steps {
            let in_force = steps.iter().filter(|other| begins(other) <= begins(step) && ends(other) > begins(step));
            prop_assert!(in_force.count() <= 3);
            prop_assert!((2_000..=8_000).contains(&(ends(step) - begins(step))));
            prop_assert!(ends(step) <= 59_500);
        }
        for kind in ["kill", "pause", "partition"] {
            prop_assert!(steps.iter().any(|step| step.fault.name() == kind), "no {}", kind);
        }
    }

    #[test]
    fn one_node_down_at_most_is_kept_where_leaders_are_hit_too(seed: u64) {
        let text = TOGETHER
            .replace("keep = \"majority\"", "nodes-down-at-most = 1")
            .replace("{ target = \"minority\" }", "{ target = \"one\" }")
            .replace("halves\"", "halves\", target = \"one\"");
        let config = plan(&text);
        let steps = config.resolve(seed, &NODES, KEYS).expect("a schedule");
        prop_assert!(keeps(&config.limits, &steps, &NODES), "{steps:?}");
    }

    #[test]
    fn what_is_resolved_stays_as_it_is_through_the_file_and_any_seed(seed: u64, other: u64) {
        for text in [TOGETHER, ROTATION, SWARM] {
            let resolved = plan(text).resolved(seed, &FIVE, KEYS).expect("a schedule");
            let written = Plan { nemesis: resolved.clone() };
            let file = toml::to_string(&written).expect("a plan has a form in TOML");
            let read = toml::from_str::<Plan>(&file).expect("its own form");
            prop_assert_eq!(&read, &written);
            prop_assert_eq!(read.nemesis.resolved(other, &FIVE, KEYS).expect("a schedule"), resolved);
        }
    }

    #[test]
    fn a_fault_more_at_the_end_changes_no_draw_of_the_others(seed: u64) {
        let order = |text: &str| -> Vec<String> {
            let steps = plan(text).resolve(seed, &FIVE, KEYS).expect("a schedule");
            let first_round = steps.iter().take(if text.contains("shrink") { 4 } else { 3 });
            first_round
                .map(|step| format!("{:?}", step.fault))
                .filter(|fault| !fault.contains("Shrink"))
                .collect()
        };
        let more = SWARM.replace("swarm = true", "").replace("\"partition\"", "\"partition\", \"shrink-isr\"");
        let less = SWARM.replace("swarm = true", "");
        // Each is drawn once before any is drawn again: in the same order, at the same targets.
        prop_assert_eq!(order(&more), order(&less));
    }

    #[test]
    fn swarm_testing_leaves_at_least_one_kind_and_says_which_are_off(seed: u64) {
        let resolved = plan(SWARM).resolved(seed, &NODES, KEYS).expect("a schedule");
        let Schedule::Steps(steps) = &resolved.schedule else { panic!("no steps") };
        prop_assert!(!steps.is_empty());
        prop_assert!(resolved.off.len() < 3);
        for kind in plan(SWARM).kinds() {
            let occurs = steps.iter().any(|step| step.fault.name() == kind);
            prop_assert_eq!(occurs, !resolved.off.contains(&kind), "{}", kind);
        }
    }

    #[test]
    fn periods_keep_to_their_mixes_and_quiet_times(seed: u64) {
        let steps = resolve(ROTATION, seed);
        let round = 50_000;
        for step in &steps {
            let (from, to) = (begins(step) % round, ends(step) % round);
            if step.fault.name() == "partition" {
                prop_assert!(from >= 31_000 && to <= 44_000, "{step:?}");
            } else {
                prop_assert!(from >= 1_000 && to <= 19_000, "{step:?}");
            }
        }
        for round in 0..2 {
            let of = |step: &&Step| begins(step) / 50_000 == round;
            let kinds: Vec<_> = steps.iter().filter(of).map(|step| step.fault.name()).collect();
            for kind in ["kill", "pause", "partition"] {
                prop_assert!(kinds.contains(&kind), "no {} in round {}", kind, round);
            }
        }
    }
}

const SWARM: &str = r#"
    [nemesis.random]
    duration = "40s"
    swarm = true
    faults = [{ kill = { target = "one" } }, "pause", "partition"]
"#;

#[test]
fn each_kind_is_off_in_about_half_of_the_runs() {
    let mut off: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..400 {
        for kind in plan(SWARM).resolved(seed, &NODES, KEYS).expect("a schedule").off {
            *off.entry(kind).or_default() += 1;
        }
    }
    for (kind, count) in &off {
        assert!((120..=230).contains(count), "{kind}: {count} of 400");
    }
    assert_eq!(off.len(), 3);
}

#[test]
fn faults_in_force_together_do_occur() {
    let overlapping = (0..20).filter(|seed| {
        let (_, steps) = together(*seed);
        steps.windows(2).any(|pair| begins(&pair[1]) < ends(&pair[0]))
    });
    assert_eq!(overlapping.count(), 20);
}

#[test]
fn heavier_faults_are_drawn_more_often_in_proportion() {
    let text = r#"
        [nemesis.random]
        duration = "3h"
        lasts = ["1s", "1s"]
        rest = ["1s", "1s"]
        faults = [{ kill = {}, weight = 3 }, "pause"]
    "#;
    let steps = resolve(text, 7);
    let kills = steps.iter().filter(|step| step.fault.name() == "kill").count();
    let share = kills as f64 / steps.len() as f64;
    assert!((0.72..0.78).contains(&share), "{share} of {}", steps.len());
}

#[test]
fn what_would_break_a_limit_weighs_nothing_and_what_would_not_goes_on() {
    // While a node is down no other may be: only what takes nobody away is drawn beside it.
    let text = r#"
        [nemesis.limits]
        nodes-down-at-most = 1
        [nemesis.random]
        duration = "10m"
        lasts = ["10s", "20s"]
        rest = ["1s", "2s"]
        at-most = 2
        faults = [{ kill = { target = "one" }, weight = 9 }, "shrink-isr"]
    "#;
    let steps = resolve(text, 3);
    let mut beside = 0;
    for (index, step) in steps.iter().enumerate() {
        let down = |other: &&Step| other.fault.name() == "kill" && ends(other) > begins(step);
        if steps[..index].iter().any(|other| down(&other)) {
            assert_eq!(step.fault.name(), "shrink-isr");
            beside += 1;
        }
    }
    assert!(beside > 10, "{beside} of {}", steps.len());
}

#[test]
fn a_time_limit_shortens_a_rotation() {
    let mut rotation = plan(ROTATION);
    rotation.set_duration(Span::from_secs(50));
    let steps = rotation.resolve(1, &NODES, KEYS).expect("a schedule");
    assert!(steps.iter().all(|step| ends(step) <= 50_000));
}
