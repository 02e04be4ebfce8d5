//! One simulated history and its verdict, and many of them on all cores.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use checkers::{Options, SubVia, Validity};
use history::MemorySource;
use workloads::sim::{Simulation, simulate};

/// What came of a simulated history.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The judgement.
    pub valid: Validity,
    /// What it is in one sentence.
    pub summary: String,
    /// The violations by name.
    pub found: BTreeSet<String>,
    /// Whether the bug found an occasion.
    pub fired: bool,
}

/// Makes a history and judges it, by how its consumers came to their partitions.
pub fn trial(simulation: &Simulation) -> Trial {
    let made = simulate(simulation);
    let options = Options {
        sub_via: if simulation.clients.subscribe {
            SubVia::Subscribe
        } else {
            SubVia::Assign
        },
        ..Options::default()
    };
    let verdict = checkers::check(&mut MemorySource::new(&made.history), &options);
    let verdict = verdict.expect("a history in memory can be read");
    Trial {
        valid: verdict.valid,
        summary: verdict.summary,
        found: verdict.anomalies.into_keys().collect(),
        fired: made.bug_fired.is_some(),
    }
}

/// The trials of all numbers below `count`, in their order, on all cores.
pub fn trials(count: u64, simulation: impl Fn(u64) -> Simulation + Sync) -> Vec<(Simulation, Trial)> {
    let next = AtomicU64::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Relaxed);
            if number >= count {
                return done;
            }
            let simulation = simulation(number);
            let trial = trial(&simulation);
            done.push((number, simulation, trial));
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut all = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let done = workers
            .into_iter()
            .map(|worker| worker.join().expect("no trial panics"));
        done.flatten().collect::<Vec<_>>()
    });
    all.sort_by_key(|(number, ..)| *number);
    all.into_iter()
        .map(|(_, simulation, trial)| (simulation, trial))
        .collect()
}
