//! Random runs: whatever the configuration, a clean one is never accused, and one with a bug is named right.

use checkers::Validity;
use cluster::sim::Bug;
use workloads::sim::{Simulation, simulate};

use crate::trial::trials;

/// Histories of each kind.
const COUNT: u64 = 2_000;
/// Seeds of the planted ones begin here: they are not those of the clean ones.
const PLANTED_FROM: u64 = 1_000_000;

#[test]
fn none_of_2_000_clean_histories_is_accused() {
    let all = trials(COUNT, Simulation::random);
    let accused: Vec<String> = all
        .iter()
        .filter(|(_, trial)| trial.valid == Validity::Invalid)
        .map(|(simulation, trial)| format!("seed {}: {}", simulation.seed, trial.summary))
        .collect();
    let valid = all
        .iter()
        .filter(|(_, trial)| trial.valid == Validity::Valid)
        .count();
    println!(
        "{} of {COUNT} clean histories accused, {valid} valid",
        accused.len()
    );
    assert!(
        accused.is_empty(),
        "accused, though clean:\n{}",
        accused.join("\n")
    );
    // Nor does the judge escape into not knowing.
    assert!(
        valid as u64 * 100 >= COUNT * 99,
        "only {valid} of {COUNT} are valid"
    );
}

#[test]
fn at_least_99_percent_of_2_000_planted_anomalies_are_named_right() {
    let planted = |number: u64| {
        let bug = Bug::ALL[number as usize % Bug::ALL.len()];
        Simulation::random(PLANTED_FROM + number).with_bug(bug)
    };
    // Some find no occasion in their run, and then nothing was planted: as many more are made.
    let mut all = trials(COUNT + COUNT / 50, planted);
    all.retain(|(_, trial)| trial.fired);
    assert!(
        all.len() as u64 >= COUNT,
        "only {} bugs found an occasion",
        all.len()
    );
    all.truncate(COUNT as usize);
    let named = |simulation: &Simulation| simulation.bug.map(Bug::anomaly).unwrap_or_default();
    let missed: Vec<String> = all
        .iter()
        .filter(|(simulation, trial)| !trial.found.contains(named(simulation)))
        .map(|(simulation, trial)| {
            let bug = simulation.bug.map(Bug::word).unwrap_or_default();
            format!("seed {}, {bug}: {}", simulation.seed, trial.summary)
        })
        .collect();
    let right = all.len() - missed.len();
    println!("{right} of {} planted anomalies named right", all.len());
    for miss in &missed {
        println!("  not named: {miss}");
    }
    assert!(
        right * 100 >= all.len() * 99,
        "{right} of {} named right",
        all.len()
    );
}

#[test]
fn one_seed_makes_one_history() {
    for seed in 0..20 {
        let simulation = Simulation::random(seed);
        assert_eq!(simulate(&simulation).history, simulate(&simulation).history);
    }
}
