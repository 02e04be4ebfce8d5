//! What is asked for, and whether it holds.

use std::fmt;

use crate::child::Kind;
use crate::figures::{Doing, Figures, thousands};
use crate::measure::Usage;
use crate::sections::Sizes;

/// Something that is asked for.
pub struct Goal {
    what: String,
    value: f64,
    /// The value is at most this; at least, where `more` is set.
    limit: f64,
    more: bool,
    unit: &'static str,
}

impl fmt::Display for Goal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holds = if self.more {
            self.value >= self.limit
        } else {
            self.value <= self.limit
        };
        write!(
            formatter,
            "{} {}: {:.2}{unit}, asked for at {} {:.2}{unit}",
            if holds { "holds " } else { "MISSED" },
            self.what,
            self.value,
            if self.more { "least" } else { "most" },
            self.limit,
            unit = self.unit
        )
    }
}

/// Every goal that figures are there for. Seconds and bytes are asked for in proportion to the length for which
/// they are set; those of a log's memory are not, as it must not grow.
pub fn all(figures: &Figures, sizes: &Sizes) -> Vec<Goal> {
    let mut goals = Vec::new();
    if let Some(operations) = sizes.kafka.last() {
        kafka(figures, *operations, &mut goals);
    }
    lists(figures, &sizes.lists, &mut goals);
    planted(figures, sizes.planted, &mut goals);
    growth(figures, Kind::Kafka, &mut goals);
    growth(figures, Kind::ListAppend, &mut goals);
    for (operations, peer) in figures.growth(Kind::ListAppend, Doing::Peer) {
        if let Some(ours) = figures.of(Kind::ListAppend, operations, Doing::Check) {
            ahead(operations, ours, peer, &mut goals);
        }
    }
    goals
}

fn kafka(figures: &Figures, operations: u64, goals: &mut Vec<Goal>) {
    let Some(check) = figures.of(Kind::Kafka, operations, Doing::Check) else {
        return;
    };
    let what = format!("kafka of {}", thousands(operations));
    let seconds = 6.0 * operations as f64 / 1e7;
    goals.extend(within(&what, check, seconds, 400.0));
    if let Some(parse) = figures.of(Kind::Kafka, operations, Doing::ParseOnly) {
        goals.push(Goal {
            what: format!("{what}, check against parse-only"),
            value: ratio(check, parse),
            limit: 2.5,
            more: false,
            unit: "",
        });
    }
}

/// The two longest of lists against the goals for a million and for four.
fn lists(figures: &Figures, sizes: &[u64], goals: &mut Vec<Goal>) {
    let limits = [(4e6, 15.0, 2_500.0), (1e6, 4.0, 700.0)];
    for (operations, (of, seconds, megabytes)) in sizes.iter().rev().zip(limits) {
        if let Some(usage) = figures.of(Kind::ListAppend, *operations, Doing::Check) {
            let share = *operations as f64 / of;
            let what = format!("list-append of {}", thousands(*operations));
            goals.extend(within(&what, usage, seconds * share, megabytes * share));
        }
    }
}

fn within(what: &str, usage: Usage, seconds: f64, megabytes: f64) -> [Goal; 2] {
    [
        Goal {
            what: what.to_owned(),
            value: usage.cpu.as_secs_f64(),
            limit: seconds,
            more: false,
            unit: " s",
        },
        Goal {
            what: what.to_owned(),
            value: usage.memory as f64 / 1e6,
            limit: megabytes,
            more: false,
            unit: " MB",
        },
    ]
}

fn planted(figures: &Figures, operations: u64, goals: &mut Vec<Goal>) {
    let of = |kind| figures.of(kind, operations, Doing::Check);
    if let (Some(clean), Some(planted)) = (of(Kind::ListAppend), of(Kind::Planted)) {
        goals.push(Goal {
            what: format!(
                "list-append of {} with one anomaly in ten, against clean",
                thousands(operations)
            ),
            value: ratio(planted, clean),
            limit: 2.0,
            more: false,
            unit: "",
        });
    }
}

/// How many times as long as at first an operation of the longest history takes. Linear is 1.
fn growth(figures: &Figures, kind: Kind, goals: &mut Vec<Goal>) {
    let rows = figures.growth(kind, Doing::Check);
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return;
    };
    let each = |row: &(u64, Usage)| row.1.cpu.as_secs_f64() / row.0 as f64;
    goals.push(Goal {
        what: format!(
            "{kind}, an operation of {} against one of {}",
            thousands(last.0),
            thousands(first.0)
        ),
        value: each(last) / each(first),
        limit: 1.5,
        more: false,
        unit: "",
    });
}

fn ahead(operations: u64, ours: Usage, peer: Usage, goals: &mut Vec<Goal>) {
    let mut push = |of: &str, value| {
        goals.push(Goal {
            what: format!(
                "list-append of {}, {of} of adya against ours",
                thousands(operations)
            ),
            value,
            limit: 6.0,
            more: true,
            unit: "",
        });
    };
    push("CPU time", ratio(peer, ours));
    push("memory", peer.memory as f64 / ours.memory as f64);
}

fn ratio(of: Usage, to: Usage) -> f64 {
    of.cpu.as_secs_f64() / to.cpu.as_secs_f64()
}
