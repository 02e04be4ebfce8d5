//! How long partitions could not be written after a fault, over many runs: tables in Markdown and pictures, for a guide.
//!
//! Each fault that took away a leader, the active controller or both gives one time for each of these cases: the longest
//! in which one of the partitions concerned could not be written with acks=all, by the prober's attempts.

mod plot;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use checkers::{Availability, Spread};

pub use plot::{failover_plot, shape_plot, sweep_plot};

/// One run whose failovers count.
#[derive(Clone, Debug)]
pub struct FailoverRun {
    /// `default` or `tuned`.
    pub timeouts: String,
    /// `combined`, `separate` or `zookeeper`.
    pub shape: String,
    /// How many nodes the cluster had.
    pub nodes: u32,
    /// By how much each packet was delayed, in milliseconds.
    pub delay_ms: u64,
    /// What was measured.
    pub availability: Availability,
}

/// The shape in which controllers are nodes of their own.
const SEPARATE: &str = "separate";

/// What was taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Taken {
    Leader,
    Controller,
    /// A controller that is no broker.
    ControllerAlone,
    Both,
}

impl Taken {
    const ALL: [Self; 4] = [Self::Leader, Self::Controller, Self::Both, Self::ControllerAlone];

    /// Whether most clusters have no such node, so that nothing is said of it where there is nothing to say.
    fn is_of_one_shape(self) -> bool {
        self == Self::ControllerAlone
    }

    fn text(self) -> &'static str {
        match self {
            Self::Leader => "the leader",
            Self::Controller => "the controller, which leads others",
            Self::Both => "the leader that is the controller",
            Self::ControllerAlone => "the controller, a node of its own",
        }
    }
}

/// The kinds of fault, as a plan and as people call them.
const FAULTS: [(&str, &str); 4] = [
    ("kill", "kill"),
    ("pause", "pause"),
    ("partition", "isolation"),
    ("terminate", "clean stop"),
];

/// One failover.
#[derive(Clone, Copy, Debug)]
struct Sample {
    taken: Taken,
    nanos: u64,
    /// It had not ended when the prober did.
    unended: bool,
}

/// The failovers of one run, by kind of fault.
fn samples(run: &FailoverRun) -> Vec<(&str, Sample)> {
    let mut longest: BTreeMap<(u32, Taken), (&str, Sample)> = BTreeMap::new();
    for row in &run.availability.outages {
        let taken = match (row.hit_leader, row.hit_controller) {
            (true, true) => Taken::Both,
            (true, false) => Taken::Leader,
            (false, true) if run.shape == SEPARATE => Taken::ControllerAlone,
            (false, true) => Taken::Controller,
            (false, false) => continue,
        };
        let Some(nanos) = row.write_outage else { continue };
        let sample = Sample {
            taken,
            nanos,
            unended: row.unended,
        };
        let entry = longest.entry((row.fault, taken)).or_insert((&row.kind, sample));
        if entry.1.nanos < nanos {
            entry.1 = sample;
        }
    }
    longest.into_values().collect()
}

/// The failovers of some runs that are of one kind and took one thing away.
fn of<'r>(runs: impl IntoIterator<Item = &'r FailoverRun>, kind: &str, taken: Taken) -> Vec<Sample> {
    let all = runs.into_iter().flat_map(samples);
    all.filter(|(of, sample)| *of == kind && sample.taken == taken)
        .map(|(_, sample)| sample)
        .collect()
}

/// What runs are told apart by beside fault and what it took away: the names of the sides, and the side of a run.
struct Sides {
    names: &'static [&'static str],
    of: fn(&FailoverRun) -> &str,
}

const BY_TIMEOUTS: Sides = Sides {
    names: &["default", "tuned"],
    of: |run| &run.timeouts,
};
const BY_SHAPE: Sides = Sides {
    names: &["combined", "separate", "zookeeper"],
    of: |run| &run.shape,
};

impl Sides {
    /// The failovers of each side that are of one kind and took one thing away.
    fn samples(&self, runs: &[FailoverRun], kind: &str, taken: Taken) -> Vec<Vec<Sample>> {
        let side = |name: &&str| of(runs.iter().filter(|run| (self.of)(run) == *name), kind, taken);
        self.names.iter().map(side).collect()
    }

    /// A row for each kind of fault and what it took away.
    fn table(&self, runs: &[FailoverRun], without_empty: bool) -> String {
        let mut heads = String::new();
        for name in self.names {
            write!(heads, " {name}: failovers | least | middle | most |").expect("a string takes all");
        }
        let rule = "---|".repeat(2 + 4 * self.names.len());
        let mut text = format!("| fault | of |{heads}\n|{rule}\n");
        for (kind, fault) in FAULTS {
            for taken in Taken::ALL {
                let samples = self.samples(runs, kind, taken);
                if (without_empty || taken.is_of_one_shape()) && samples.iter().all(Vec::is_empty) {
                    continue;
                }
                let cells: Vec<String> = samples.iter().map(|samples| cells(samples)).collect();
                writeln!(text, "| {fault} | {} | {} |", taken.text(), cells.join(" | "))
                    .expect("a string takes all");
            }
        }
        text
    }
}

/// How long writes failed: a row for each kind of fault and what it took away, by the brokers' timeouts.
pub fn failover_table(runs: &[FailoverRun]) -> String {
    BY_TIMEOUTS.table(runs, false)
}

/// How long writes failed: a row for each kind of fault and what it took away, by the cluster's shape.
pub fn shape_table(runs: &[FailoverRun]) -> String {
    BY_SHAPE.table(runs, true)
}

/// How long writes failed after a leader was killed: a row for each size of the cluster and each delay.
pub fn sweep_table(runs: &[FailoverRun]) -> String {
    let mut text =
        "| nodes | delay of each packet | failovers | least | middle | most |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for ((nodes, delay), samples) in sweep(runs) {
        writeln!(text, "| {nodes} | {delay} ms | {} |", cells(&samples)).expect("a string takes all");
    }
    text
}

/// The failovers of killed leaders, controllers or not, by size and delay.
fn sweep(runs: &[FailoverRun]) -> BTreeMap<(u32, u64), Vec<Sample>> {
    let mut all: BTreeMap<(u32, u64), Vec<Sample>> = BTreeMap::new();
    for run in runs {
        let killed = [Taken::Leader, Taken::Both].map(|taken| of([run], "kill", taken));
        all.entry((run.nodes, run.delay_ms))
            .or_default()
            .extend(killed.into_iter().flatten());
    }
    all
}

fn cells(samples: &[Sample]) -> String {
    let Some(spread) = Spread::of(samples.iter().map(|sample| sample.nanos)) else {
        return "0 | – | – | –".to_owned();
    };
    let more = if samples.iter().any(|sample| sample.unended) {
        " and more"
    } else {
        ""
    };
    let seconds = |nanos: u64| format!("{:.1} s", nanos as f64 / 1e9);
    format!(
        "{} | {} | {} | {}{more}",
        spread.count,
        seconds(spread.least),
        seconds(spread.median),
        seconds(spread.most)
    )
}

#[cfg(test)]
mod tests {
    use checkers::Outage;

    use super::*;

    fn outage(fault: u32, kind: &str, hit: (bool, bool), tenths: u64) -> Outage {
        Outage {
            fault,
            kind: kind.to_owned(),
            hit_leader: hit.0,
            hit_controller: hit.1,
            write_outage: Some(tenths * 100_000_000),
            ..Outage::default()
        }
    }

    fn run(timeouts: &str, nodes: u32, delay_ms: u64, outages: Vec<Outage>) -> FailoverRun {
        FailoverRun {
            timeouts: timeouts.to_owned(),
            shape: if nodes == 3 { "combined" } else { "zookeeper" }.to_owned(),
            nodes,
            delay_ms,
            availability: Availability {
                outages,
                ..Availability::default()
            },
        }
    }

    fn some() -> Vec<FailoverRun> {
        let of_leader = vec![
            outage(0, "kill", (true, false), 30),
            outage(0, "kill", (true, false), 34),
            outage(0, "kill", (false, false), 90),
            outage(1, "kill", (true, false), 28),
            outage(2, "pause", (true, true), 33),
            outage(2, "pause", (false, true), 21),
        ];
        let of_default = vec![outage(0, "kill", (true, false), 91)];
        vec![run("tuned", 3, 0, of_leader), run("default", 3, 0, of_default)]
    }

    #[test]
    fn of_each_fault_the_longest_of_each_case_counts() {
        insta::assert_snapshot!(failover_table(&some()));
    }

    #[test]
    fn leaders_that_were_killed_are_counted_by_size_and_delay() {
        let mut runs = some();
        runs.truncate(1);
        runs.push(run("tuned", 5, 20, vec![outage(0, "kill", (true, true), 40)]));
        insta::assert_snapshot!(sweep_table(&runs));
    }

    #[test]
    fn shapes_stand_side_by_side_in_rows_that_hold_something() {
        let mut runs = some();
        runs.push(run("tuned", 5, 0, vec![outage(0, "kill", (true, true), 40)]));
        insta::assert_snapshot!(shape_table(&runs), @r"
        | fault | of | combined: failovers | least | middle | most | separate: failovers | least | middle | most | zookeeper: failovers | least | middle | most |
        |---|---|---|---|---|---|---|---|---|---|---|---|---|---|
        | kill | the leader | 3 | 2.8 s | 3.4 s | 9.1 s | 0 | – | – | – | 0 | – | – | – |
        | kill | the leader that is the controller | 0 | – | – | – | 0 | – | – | – | 1 | 4.0 s | 4.0 s | 4.0 s |
        | pause | the controller, which leads others | 1 | 2.1 s | 2.1 s | 2.1 s | 0 | – | – | – | 0 | – | – | – |
        | pause | the leader that is the controller | 1 | 3.3 s | 3.3 s | 3.3 s | 0 | – | – | – | 0 | – | – | – |
        ");
    }

    #[test]
    fn every_failover_is_a_mark_in_the_picture() {
        let runs = some();
        let marks = |svg: &str| svg.matches("<circle").count();
        assert_eq!(marks(&failover_plot(&runs)), 5);
        assert_eq!(marks(&sweep_plot(&runs[..1])), 2);
        assert_eq!(marks(&shape_plot(&runs)), 5);
        assert_eq!(marks(&failover_plot(&[])), 0);
        assert_eq!(marks(&sweep_plot(&[])), 0);
    }
}
