//! Bug by finding: what each bug shows in a run in which nothing else goes wrong.

use std::collections::BTreeMap;
use std::fmt::Write;

use cluster::sim::Bug;
use insta::assert_snapshot;
use workloads::sim::{ClientsConfig, Simulation};

use crate::trial::{Trial, trials};

/// Seeds of each bug.
const SEEDS: u64 = 20;

/// A run without faults or crashes on a calm network, and with what the bug needs.
fn quiet(bug: Bug, seed: u64) -> Simulation {
    let simulation = Simulation {
        seed,
        clients: ClientsConfig {
            operations: 400,
            gap: 12_000_000,
            assign_per_mille: 5,
            ..ClientsConfig::default()
        },
        ..Simulation::default()
    };
    simulation.with_bug(bug)
}

/// Each finding with the number of trials that had it.
fn row(trials: &[Trial]) -> String {
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for name in trials.iter().flat_map(|trial| &trial.found) {
        *found.entry(name).or_default() += 1;
    }
    let always = |count: usize| if count == trials.len() { "" } else { "?" };
    let names = found
        .iter()
        .map(|(name, count)| format!("{name}{}", always(*count)));
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn each_bug_is_caught_by_the_finding_that_names_it() {
    let mut table = String::new();
    for bug in Bug::ALL {
        let all: Vec<Trial> = trials(SEEDS, |seed| quiet(*bug, seed))
            .into_iter()
            .map(|(_, trial)| trial)
            .collect();
        assert!(all.iter().all(|trial| trial.fired), "{bug} found no occasion");
        let missed = all.iter().filter(|trial| !trial.found.contains(bug.anomaly()));
        assert_eq!(missed.count(), 0, "{bug} is not always named {}", bug.anomaly());
        writeln!(table, "{:20} {}", bug.word(), row(&all)).expect("a string takes all");
    }
    // A name with a question mark was found in some of the trials only.
    assert_snapshot!(table);
}

#[test]
fn a_lost_tail_is_unseen_where_no_final_reads_were_complete() {
    // Nobody reads before the end.
    let producers = ClientsConfig {
        producers: 5,
        mixed: 0,
        ..ClientsConfig::default()
    };
    let all = trials(SEEDS, |seed| Simulation {
        whole: false,
        clients: producers.clone(),
        ..quiet(Bug::LostTail, seed)
    });
    for (_, trial) in &all {
        assert!(trial.found.contains("unseen"), "{}", trial.summary);
    }
}

#[test]
fn without_its_bug_each_of_these_runs_is_valid() {
    for bug in Bug::ALL {
        let clean = |seed| Simulation {
            bug: None,
            ..quiet(*bug, seed)
        };
        for (_, trial) in trials(3, clean) {
            assert_eq!(trial.valid, checkers::Validity::Valid, "{bug}: {}", trial.summary);
        }
    }
}

/// The clusters that lie about who leads are found out by any of the answers alone.
#[test]
fn lies_about_leaders_show_in_what_brokers_stand_by_and_in_who_may_lead() {
    use history::{Probe, What};

    type Asked = fn(&Probe) -> bool;
    let partitions: Asked = |answer| matches!(answer, Probe::Partitions(_));
    let stands: Asked = |answer| matches!(answer, Probe::Stands(_));
    for (bug, asked) in [
        (Bug::TwoLeaders, partitions),
        (Bug::TwoLeaders, stands),
        (Bug::EpochGoesBack, partitions),
    ] {
        for seed in 0..3 {
            let mut history = workloads::sim::simulate(&quiet(bug, seed)).history;
            history.events.retain(|event| match &event.what {
                What::Observed(seen) => asked(&seen.answer) || matches!(seen.answer, Probe::Log(_)),
                _ => true,
            });
            let verdict = checkers::check_history(&history);
            assert!(
                verdict.anomalies.contains_key(bug.anomaly()),
                "{bug}, seed {seed}: {}",
                verdict.summary
            );
        }
    }
}
