//! What of a run can be the clients' own doing, to compare libraries by.

use super::behaviours::{Take, Unit};
use crate::RunFigures;

/// What a client that sends in another order than it was told to leaves in a log.
const OUT_OF_ORDER: &[&str] = &["nonmonotonic-send", "int-nonmonotonic-send", "reordered-write"];

/// What of a run can be the clients' own doing: who writes twice, who out of order, who hangs.
pub(super) fn of_clients() -> impl Iterator<Item = (&'static str, Unit, Take)> {
    let figure = |name: &'static str, unit, take: Take| (name, unit, take);
    let found = |figures: &RunFigures, names: &[&str]| {
        let found = figures.found.as_ref()?;
        let counts = names.iter().filter_map(|name| found.get(*name));
        Some(counts.sum::<u64>() as f64)
    };
    [
        figure(
            "records that were written twice, a run",
            Unit::Count,
            Box::new(move |_, figures| found(figures, &["duplicate"])),
        ),
        figure(
            "writes out of their order, a run",
            Unit::Count,
            Box::new(move |_, figures| found(figures, OUT_OF_ORDER)),
        ),
        figure(
            "longest time until a write ended",
            Unit::Nanoseconds,
            Box::new(|_, figures| figures.longest_write.map(|time| time as f64)),
        ),
        figure(
            "clients that ended before their time, a run",
            Unit::Count,
            Box::new(|_, figures| figures.found.as_ref().map(|_| figures.crashes as f64)),
        ),
    ]
    .into_iter()
}
