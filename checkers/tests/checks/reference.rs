//! The checks against a model of them that is as plain as it is slow: on thousands of tiny random histories both say
//! the same.

mod histories;
mod naive;

use std::collections::{BTreeMap, BTreeSet};

use checkers::{Options, SubVia, Validity, Verdict};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use self::histories::{Plan, plans};
use self::naive::Naive;
use crate::{judge, told};

/// The findings of a verdict but for cycles, of which only the presence is compared.
fn counts(found: &BTreeMap<String, checkers::Findings>) -> BTreeMap<String, u64> {
    let plain = found.iter().filter(|(name, _)| !is_cycle(name));
    plain.map(|(name, found)| (name.clone(), found.count)).collect()
}

fn is_cycle(name: &str) -> bool {
    name != "G1a" && name.starts_with('G')
}

/// Whether any of these was found.
fn any(verdict: &Verdict, names: &[&str]) -> bool {
    let mut names = names.iter();
    names.any(|name| verdict.anomalies.contains_key(*name) || verdict.allowed.contains_key(*name))
}

fn agree(plan: &Plan, options: &Options) -> Result<(), TestCaseError> {
    let history = plan.history();
    let verdict = judge(&history, options);
    let naive = Naive::of(&history, options);
    let told = || format!("{plan:#?}\n{history:#?}\n{}", told(&verdict));
    prop_assert_eq!(counts(&verdict.anomalies), naive.violations(), "{}", told());
    prop_assert_eq!(counts(&verdict.allowed), naive.allowed(), "{}", told());
    let cycles = naive.cycles();
    for (names, expected) in cycles.presence(options.ww_deps) {
        prop_assert_eq!(any(&verdict, &names), expected, "{:?}\n{}", names, told());
    }
    let invalid = !naive.violations().is_empty() || cycles.violate(options.ww_deps);
    let expected = match (invalid, naive.anything_succeeded()) {
        (true, _) => Validity::Invalid,
        (false, true) => Validity::Valid,
        (false, false) => Validity::Unknown,
    };
    prop_assert_eq!(verdict.valid, expected, "{}", told());
    Ok(())
}

/// What the random histories have to hold, or agreement would say little.
const FOUND: &[&str] = &[
    "lost-write",
    "unseen",
    "inconsistent-offsets",
    "duplicate",
    "G1a",
    "precommitted-read",
    "phantom-read",
    "misplaced-record",
    "poll-skip",
    "int-poll-skip",
    "nonmonotonic-poll",
    "int-nonmonotonic-poll",
    "nonmonotonic-send",
    "int-nonmonotonic-send",
    "int-send-skip",
    "G0",
    "G0-process",
    "G0-realtime",
    "G1c",
    "G1c-process",
    "G1c-realtime",
    "G-single",
];

#[test]
fn random_histories_hold_every_finding_and_some_hold_none() {
    let mut runner = TestRunner::deterministic();
    let options = Options {
        ww_deps: true,
        ..Options::default()
    };
    let mut found = BTreeSet::new();
    let mut valid = 0;
    for _ in 0..2_000 {
        let plan = plans()
            .new_tree(&mut runner)
            .expect("nothing is filtered")
            .current();
        let verdict = judge(&plan.history(), &options);
        valid += u32::from(verdict.valid == Validity::Valid);
        found.extend(verdict.anomalies.into_keys());
        found.extend(verdict.allowed.into_keys());
    }
    let missing: Vec<&&str> = FOUND.iter().filter(|name| !found.contains(**name)).collect();
    assert!(missing.is_empty() && valid > 50, "{missing:?}, {valid} valid");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn tiny_histories_are_judged_as_a_plain_model_judges_them(plan in plans()) {
        agree(&plan, &Options::default())?;
    }

    #[test]
    fn so_they_are_by_other_options(plan in plans()) {
        let options = Options { sub_via: SubVia::Subscribe, ww_deps: true, ..Options::default() };
        agree(&plan, &options)?;
    }
}
