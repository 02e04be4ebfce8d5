//! The search against oracles that are known: what is needed is kept, what is not is gone, also where runs are dice.

use std::convert::Infallible;

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::search::steps_of;
use super::{Candidate, Clue, Decision, Rule, Smaller, search};
use crate::plan::{Overrides, Plan, resolve};

/// Twenty seconds a fault, a second's rest, and everything else larger than it has to be.
fn plan(faults: &[&str]) -> Plan {
    let steps: Vec<String> = faults
        .iter()
        .enumerate()
        .map(|(index, fault)| {
            let at = 1 + 3 * index;
            format!("[[nemesis.steps]]\nat = \"{at}s\"\nlasts = \"2s\"\nfault = {fault}\n")
        })
        .collect();
    let text = format!(
        r#"name = "large"
nodes = 5
[limits]
steady = "8s"
recover = "4s"
[[topics]]
name = "a"
partitions = 2
[[topics]]
name = "b"
partitions = 4
[workload.log]
producers = 6
consumers = 3
rate = 800
acks = "1"
idempotence = false
crash-every = "5s"
[versions]
n2 = "4.3.1"
n5 = "4.3.1"
{}"#,
        steps.concat()
    );
    resolve(
        "large",
        &text,
        &Overrides {
            seed: Some(1),
            ..Overrides::default()
        },
    )
    .expect("a plan that makes sense")
    .plan
}

/// Twenty faults, with these among 18 or 19 harmless ones at these places.
fn twenty(causes: &[(usize, &'static str)]) -> Plan {
    let mut faults = vec![r#"{ kill = { target = ["n5"] } }"#; 20];
    for (place, fault) in causes {
        faults[*place] = fault;
    }
    plan(&faults)
}

fn kinds(plan: &Plan) -> Vec<String> {
    steps_of(plan)
        .iter()
        .map(|step| step.fault.name().to_owned())
        .collect()
}

fn has(plan: &Plan, kind: &str) -> bool {
    kinds(plan).iter().any(|found| found == kind)
}

/// What the search comes to, and how many candidates it took.
fn smallest(original: &Plan, clue: &Clue, fails: impl Fn(&Plan) -> bool) -> (Plan, usize) {
    let (mut chain, mut asked) = (Vec::new(), 0);
    let mut oracle = |candidate: &Candidate| {
        asked += 1;
        Ok::<_, Infallible>(fails(&candidate.plan))
    };
    let Ok(reproduced) = search(original, clue, &mut chain, &mut oracle);
    assert!(reproduced);
    (chain.pop().expect("at least the original").plan, asked)
}

const PAUSE: &str = "{ pause = { target = [\"n4\"] } }";
const SHRINK: &str = "{ shrink-isr = { key = 5 } }";

#[test]
fn one_cause_among_twenty_is_what_is_left_of_a_plan_and_everything_else_is_small() {
    let (plan, asked) = smallest(&twenty(&[(13, PAUSE)]), &Clue::default(), |plan| {
        has(plan, "pause")
    });
    let workloads::WorkloadConfig::Log(log) = &plan.workload else {
        unreachable!("it was a log")
    };
    assert_eq!(
        (log.producers, log.consumers, log.rate, log.crash_every),
        (1, 0, 200, None)
    );
    assert_eq!(
        (plan.nodes, plan.topics.len(), plan.topics[0].partitions),
        (3, 1, 1)
    );
    let [steady, recover] = [plan.limits.steady, plan.limits.recover].map(history::Span::as_millis);
    assert_eq!((steady, recover), (500, 500));
    assert_eq!(plan.versions.keys().collect::<Vec<_>>(), ["n2"]);
    assert_eq!(plan.limits.required_faults, Some(vec!["pause".to_owned()]));
    let [step] = &steps_of(&plan)[..] else {
        panic!("{plan:?}")
    };
    // Node 4 is gone, and another one is meant.
    let expected = "at = \"500ms\"\nlasts = \"500ms\"\nfault = { pause = { target = [\"n1\"] } }";
    assert_eq!(*step, toml::from_str(expected).expect("a step"));
    assert!(asked <= 15, "{asked} candidates");
}

#[test]
fn what_the_finding_points_at_is_tried_first() {
    let clue = Clue {
        faults: [13].into(),
        key: Some(3),
    };
    let (plan, asked) = smallest(&twenty(&[(13, PAUSE)]), &clue, |plan| has(plan, "pause"));
    assert_eq!(kinds(&plan), ["pause"]);
    assert_eq!(plan.topics[0].name, "b");
    assert!(asked <= 4, "{asked} candidates");
}

#[test]
fn a_clue_that_is_wrong_costs_one_candidate() {
    let clue = Clue {
        faults: [2, 3].into(),
        key: None,
    };
    let (plan, _) = smallest(&twenty(&[(13, PAUSE)]), &clue, |plan| has(plan, "pause"));
    assert_eq!(kinds(&plan), ["pause"]);
}

#[test]
fn a_failure_that_needs_no_fault_is_left_with_none() {
    let (plan, _) = smallest(&twenty(&[]), &Clue::default(), |_| true);
    assert!(plan.nemesis.is_none());
    assert_eq!(plan.limits.required_faults, Some(Vec::new()));
}

#[test]
fn a_plan_that_does_not_fail_again_is_said_to() {
    let (mut chain, mut asked) = (Vec::new(), 0);
    let mut oracle = |_: &Candidate| {
        asked += 1;
        Ok::<_, Infallible>(false)
    };
    assert_eq!(
        search(&twenty(&[]), &Clue::default(), &mut chain, &mut oracle),
        Ok(false)
    );
    assert_eq!((chain.len(), asked), (0, 1));
}

/// What the oracle will not go on with is no loss: the chain holds what was found, and a second search with the same
/// answers comes to where the first one was.
#[test]
fn a_search_that_was_broken_off_goes_on_where_it_was() {
    let original = twenty(&[(4, PAUSE), (11, SHRINK)]);
    let truth = |plan: &Plan| has(plan, "pause") && has(plan, "shrink-isr");
    let mut asked: Vec<Plan> = Vec::new();
    let mut whole = Vec::new();
    let mut oracle = |candidate: &Candidate| {
        asked.push(candidate.plan.clone());
        Ok::<_, Infallible>(truth(&candidate.plan))
    };
    let Ok(_) = search(&original, &Clue::default(), &mut whole, &mut oracle);
    for stop in 0..asked.len() {
        let (mut chain, mut turn) = (Vec::<Smaller>::new(), 0);
        let mut oracle = |candidate: &Candidate| {
            assert_eq!(candidate.plan, asked[turn]);
            turn += 1;
            if turn > stop {
                Err("enough")
            } else {
                Ok(truth(&candidate.plan))
            }
        };
        assert_eq!(
            search(&original, &Clue::default(), &mut chain, &mut oracle),
            Err("enough")
        );
        assert_eq!(chain[..], whole[..chain.len()]);
    }
}

/// What was needed in a large plan may not be in a small one, and is tried again.
#[test]
fn a_fault_that_only_many_clients_need_goes_with_them() {
    let fails = |plan: &Plan| {
        let many = plan.topics.len() > 1;
        has(plan, "pause") && (has(plan, "shrink-isr") || !many)
    };
    let (plan, _) = smallest(&twenty(&[(4, PAUSE), (11, SHRINK)]), &Clue::default(), fails);
    assert_eq!(kinds(&plan), ["pause"]);
}

/// Each of twenty steps waits for the one before it, and yet the two that matter are all that is left: the first when the
/// schedule starts, the second after it.
#[test]
fn steps_that_wait_for_one_that_is_gone_begin_when_that_one_would_have() {
    let mut original = twenty(&[(13, PAUSE), (17, SHRINK)]);
    let mut steps = steps_of(&original);
    for (place, step) in steps.iter_mut().enumerate() {
        step.name = Some(format!("s{place}"));
        if place > 0 {
            let waits = format!("after = {{ step = \"s{}\", delay = \"1s\" }}", place - 1);
            let when = toml::from_str(&waits).unwrap_or_else(|error| panic!("{error}"));
            step.start = nemesis::Start::When(when);
        }
    }
    original.nemesis.schedule = nemesis::Schedule::Steps(steps);
    let fails = |plan: &Plan| has(plan, "pause") && has(plan, "shrink-isr");
    let (plan, _) = smallest(&original, &Clue::default(), fails);
    let left = steps_of(&plan);
    assert_eq!(kinds(&plan), ["pause", "shrink-isr"]);
    assert_eq!(left[0].start, nemesis::Start::At(history::Span::from_secs(1)));
    assert_eq!(left[1].waits_for(), Some("s13"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is needed, it is kept, and every candidate makes sense.
    #[test]
    fn what_is_needed_is_kept(
        first in 0_usize..20, second in 0_usize..20, both: bool,
        producers in 1_u32..=6, rate in 1_u32..=800, nodes in 3_u32..=5, lasts in 1_u64..=2_000, steady in 0_u64..8_000,
    ) {
        prop_assume!(first != second);
        let original = twenty(&[(first, PAUSE), (second, SHRINK)]);
        let fails = |plan: &Plan| {
            let long = steps_of(plan)
                .iter()
                .any(|step| step.fault.name() == "pause" && step.lasts.is_some_and(|found| found.as_millis() >= lasts));
            let workloads::WorkloadConfig::Log(log) = &plan.workload else { return false };
            let clients = log.producers >= producers && log.rate >= rate;
            long && clients && plan.nodes >= nodes && plan.limits.steady.as_millis() >= steady
                && (!both || has(plan, "shrink-isr"))
        };
        let (plan, asked) = smallest(&original, &Clue::default(), |plan| {
            assert!(crate::plan::makes_sense(plan));
            fails(plan)
        });
        prop_assert!(fails(&plan));
        prop_assert_eq!(kinds(&plan).len(), if both { 2 } else { 1 });
        // The middle between what does and what does not is tried twice: at most a quarter too much is left.
        let workloads::WorkloadConfig::Log(log) = &plan.workload else { unreachable!("it was a log") };
        prop_assert!(log.rate <= rate.max(200) + 150, "rate {} where {} does", log.rate, rate);
        prop_assert!(asked < 120, "{} candidates", asked);
    }
}

/// Runs as dice: each run of a plan with the cause fails with this probability.
struct Dice {
    random: ChaCha8Rng,
    rate: f64,
    runs: u32,
}

impl Dice {
    fn holds(&mut self, rule: Rule, cause: bool) -> bool {
        let (mut failed, mut passed) = (0, 0);
        loop {
            match rule.decide(failed, passed) {
                Decision::Holds => return true,
                Decision::FallsShort => return false,
                Decision::Open => {}
            }
            self.runs += 1;
            let falls = f64::from(self.random.next_u32()) / f64::from(u32::MAX) < self.rate;
            if cause && falls { failed += 1 } else { passed += 1 }
        }
    }
}

/// A cause that fails in nine of ten runs: it is never lost, and of a hundred searches hardly one leaves more than
/// three faults.
#[test]
fn a_cause_that_does_not_always_fail_is_found_among_twenty() {
    let rule = Rule::of_rate(5, 0.8);
    let (mut many, mut runs) = (0, Vec::new());
    for seed in 0..100 {
        let place = (seed % 20) as usize;
        let original = twenty(&[(place, PAUSE)]);
        let mut dice = Dice {
            random: ChaCha8Rng::seed_from_u64(seed),
            rate: 0.9,
            runs: 0,
        };
        let mut chain = Vec::new();
        let mut oracle =
            |candidate: &Candidate| Ok::<_, Infallible>(dice.holds(rule, has(&candidate.plan, "pause")));
        let Ok(_) = search(&original, &Clue::default(), &mut chain, &mut oracle);
        if let Some(smallest) = chain.pop() {
            assert!(has(&smallest.plan, "pause"), "the cause is lost");
            many += u32::from(kinds(&smallest.plan).len() > 3);
        }
        runs.push(dice.runs);
    }
    runs.sort_unstable();
    assert!(many <= 3, "{many} of 100 have more than three faults");
    assert!(runs[50] < 80, "{runs:?}");
}
