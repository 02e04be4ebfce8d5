//! How two sets of runs behave: figure by figure, with how sure a difference is.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use statistics::{Stratum, shift};

use super::clients::of_clients;
use crate::format::{count, duration};
use crate::{CampaignRun, CampaignSummary, RunFigures};

/// How often an interval holds the true difference, at least.
const CONFIDENCE: f64 = 0.95;
/// Of more pairs than this each side's runs are thinned out: beyond a thousand runs an interval is narrow enough.
const PAIRS_MAX: f64 = 2e6;

/// One figure of both.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Behaviour {
    /// What it is.
    pub name: String,
    /// In what it is told.
    pub unit: Unit,
    /// How the runs here are spread, …
    pub here: Levels,
    /// … and those that they are compared with.
    pub before: Levels,
    /// The best single number for how much more it is here, from the runs of each cell by itself; `None` where no cell has runs on both sides.
    pub middle: Option<f64>,
    /// Between what it lies at 95 %; `None` where the runs are too few.
    pub interval: Option<(f64, f64)>,
    /// The same where all figures of its kind together are wrong no more often than that.
    pub sure: Option<(f64, f64)>,
    /// What follows.
    pub difference: Difference,
    #[serde(skip)]
    kind: Kind,
}

/// In what a figure is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Nanoseconds.
    Nanoseconds,
    /// A number of things.
    Count,
    /// So many a second.
    PerSecond,
    /// So many of a hundred.
    Percent,
    /// So many of a thousand.
    PerThousand,
}

/// How the runs of one side are spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Levels {
    /// How many there are.
    pub runs: usize,
    /// The least.
    pub least: f64,
    /// The one in the middle, or halfway between two.
    pub middle: f64,
    /// The most.
    pub most: f64,
}

/// What is known of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// It is more here, beyond chance, also among so many figures.
    More,
    /// It is less here, likewise.
    Less,
    /// It may be more here: by itself beyond chance, but among so many figures one is easily.
    PerhapsMore,
    /// It may be less here.
    PerhapsLess,
    /// None was shown.
    None,
    /// Too few runs were made to show any.
    TooFew,
}

impl Difference {
    /// The same for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::More => "more",
            Self::Less => "less",
            Self::PerhapsMore => "perhaps more",
            Self::PerhapsLess => "perhaps less",
            Self::None => "no difference shown",
            Self::TooFew => "too few runs to tell",
        }
    }
}

/// Which figures are judged together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Outage,
    Other,
    Error,
}

/// How a figure is taken from a run.
pub(super) type Take = Box<dyn Fn(&CampaignRun, &RunFigures) -> Option<f64>>;

/// A figure that may be compared: what it is judged with, its name, its unit, and how it is taken.
type Figure = (Kind, String, Unit, Take);

/// All figures that both have, availability first.
pub(super) fn behaviours(here: &CampaignSummary, before: &CampaignSummary) -> Vec<Behaviour> {
    judged(figures(here, before), here, before)
}

/// How often clients met with one kind of error, of a thousand operations: `unknown` where nobody knows the outcome.
pub(super) fn of_errors(
    kinds: &BTreeSet<(bool, String)>,
    here: &CampaignSummary,
    before: &CampaignSummary,
) -> Vec<Behaviour> {
    let figure = |(unknown, kind): &(bool, String)| -> Figure {
        let (unknown, name) = (*unknown, kind.clone());
        let take: Take = Box::new(move |_, figures| {
            let errors = figures.errors.as_ref().filter(|errors| errors.operations > 0)?;
            let count = errors.with(unknown).get(&name).copied().unwrap_or(0);
            Some(count as f64 * 1_000.0 / errors.operations as f64)
        });
        (Kind::Error, kind.clone(), Unit::PerThousand, take)
    };
    judged(kinds.iter().map(figure).collect(), here, before)
}

fn judged(figures: Vec<Figure>, here: &CampaignSummary, before: &CampaignSummary) -> Vec<Behaviour> {
    let mut all: Vec<(Behaviour, Vec<Stratum>)> = figures
        .into_iter()
        .filter_map(|(kind, name, unit, take)| {
            let (these, others) = (values(here, &take), values(before, &take));
            let strata = strata(&these, &others);
            let behaviour = Behaviour {
                name,
                unit,
                here: spread(these.into_values().flatten())?,
                before: spread(others.into_values().flatten())?,
                middle: None,
                interval: None,
                sure: None,
                difference: Difference::TooFew,
                kind,
            };
            Some((behaviour, strata))
        })
        .collect();
    let of = |kind| all.iter().filter(|(behaviour, _)| behaviour.kind == kind).count();
    let counts = [Kind::Outage, Kind::Other, Kind::Error].map(|kind| (kind, of(kind)));
    for (behaviour, strata) in &mut all {
        let together = counts.iter().find(|(kind, _)| *kind == behaviour.kind);
        judge(behaviour, strata, together.map_or(1, |(_, count)| *count));
    }
    all.into_iter().map(|(behaviour, _)| behaviour).collect()
}

fn figures(here: &CampaignSummary, before: &CampaignSummary) -> Vec<Figure> {
    let figures = here
        .runs
        .iter()
        .chain(&before.runs)
        .filter_map(|run| run.figures.as_ref());
    let kinds: BTreeSet<&String> = figures.flat_map(|figures| figures.outages.keys()).collect();
    let outages = kinds.into_iter().map(|kind| {
        let key = kind.clone();
        let take: Take = Box::new(move |_, figures| figures.outages.get(&key).map(|time| *time as f64));
        (
            Kind::Outage,
            format!("time without writes after {}", article(kind)),
            Unit::Nanoseconds,
            take,
        )
    });
    let other = |name: &str, unit, take: Take| (Kind::Other, name.to_owned(), unit, take);
    let of_clients = of_clients().map(|(name, unit, take)| other(name, unit, take));
    let others = [
        other(
            "longest time without writes that followed no fault",
            Unit::Nanoseconds,
            Box::new(|_, figures| Some(figures.without_fault?.longest as f64)),
        ),
        other(
            "all times without writes that followed no fault, all partitions together",
            Unit::Nanoseconds,
            Box::new(|_, figures| Some(figures.without_fault?.total as f64)),
        ),
        other(
            "changes of leaders a run",
            Unit::Count,
            Box::new(|_, figures| Some(figures.leader_changes as f64)),
        ),
        other(
            "leader epochs, all partitions together",
            Unit::Count,
            Box::new(|_, figures| Some(figures.leader_epochs as f64)),
        ),
        other(
            "longest time that a deposed leader named itself",
            Unit::Nanoseconds,
            Box::new(|_, figures| Some(figures.deposed_longest as f64)),
        ),
        other(
            "acknowledged writes that were lost, a run",
            Unit::Count,
            Box::new(|run, _| Some(run.lost as f64)),
        ),
        other(
            "client errors, of all writes",
            Unit::Percent,
            Box::new(|_, figures| {
                let errors = (figures.failed + figures.unknown) as f64 * 100.0;
                (figures.writes > 0).then(|| errors / figures.writes as f64)
            }),
        ),
        other(
            "writes acknowledged",
            Unit::PerSecond,
            Box::new(|run, figures| {
                let seconds = figures.duration as f64 / 1e9;
                (figures.duration > 0).then(|| run.acknowledged as f64 / seconds)
            }),
        ),
        other(
            "latency, half of the writes",
            Unit::Nanoseconds,
            Box::new(|_, figures| figures.latency_p50.map(|time| time as f64)),
        ),
        other(
            "latency, 99 of 100 writes",
            Unit::Nanoseconds,
            Box::new(|_, figures| figures.latency_p99.map(|time| time as f64)),
        ),
    ];
    outages.chain(others).chain(of_clients).collect()
}

/// A fault as one speaks of it: `a kill`, `an isolation`.
fn article(kind: &str) -> String {
    let word = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{word} {kind}")
}

/// The values of one side, by cell: the faults and sizes of two cells differ, so only runs of one cell are held against each other.
fn values(summary: &CampaignSummary, take: &Take) -> BTreeMap<String, Vec<f64>> {
    let mut cells: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for run in &summary.runs {
        if let Some(value) = run.figures.as_ref().and_then(|figures| take(run, figures)) {
            cells.entry(run.cell()).or_default().push(value);
        }
    }
    cells
}

fn strata(these: &BTreeMap<String, Vec<f64>>, others: &BTreeMap<String, Vec<f64>>) -> Vec<Stratum> {
    let cells = these.keys().filter(|cell| others.contains_key(*cell)).count();
    let most = ((PAIRS_MAX / cells.max(1) as f64).sqrt() as usize).max(1);
    // By their places alone, so that what is left out does not hang on what it is.
    let thinned = |values: &Vec<f64>| -> Vec<f64> {
        let step = values.len().div_ceil(most).max(1);
        values.iter().copied().step_by(step).collect()
    };
    let both = |(cell, these): (&String, &Vec<f64>)| {
        Some(Stratum {
            these: thinned(these),
            others: thinned(others.get(cell)?),
        })
    };
    these.iter().filter_map(both).collect()
}

fn spread(values: impl Iterator<Item = f64>) -> Option<Levels> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let runs = values.len();
    Some(Levels {
        runs,
        least: *values.first()?,
        middle: f64::midpoint(values[(runs - 1) / 2], values[runs / 2]),
        most: *values.last()?,
    })
}

/// What follows, where so many figures are judged together.
fn judge(behaviour: &mut Behaviour, strata: &[Stratum], figures: usize) {
    let Some(found) = shift(strata, CONFIDENCE) else {
        return;
    };
    behaviour.middle = Some(found.middle);
    behaviour.interval = found.interval;
    // Bonferroni's inequality.
    let shared = 1.0 - (1.0 - CONFIDENCE) / figures.max(1) as f64;
    behaviour.sure = shift(strata, shared).and_then(|shift| shift.interval);
    let side = |interval: Option<(f64, f64)>| match interval {
        Some((low, _)) if low > 0.0 => 1,
        Some((_, high)) if high < 0.0 => -1,
        _ => 0,
    };
    behaviour.difference = match (side(behaviour.sure), side(found.interval)) {
        (1, _) => Difference::More,
        (-1, _) => Difference::Less,
        (_, 1) => Difference::PerhapsMore,
        (_, -1) => Difference::PerhapsLess,
        _ if found.interval.is_none() => Difference::TooFew,
        _ => Difference::None,
    };
}

impl Behaviour {
    /// Whether it is how long writes failed after a fault.
    pub fn is_outage(&self) -> bool {
        self.kind == Kind::Outage
    }

    /// Whether it is more by so much, beyond chance, also among all figures of its kind.
    pub(super) fn is_surely_above(&self, slack: f64) -> bool {
        self.sure.is_some_and(|(low, _)| low > slack)
    }

    /// A number of it, as people read it.
    pub(super) fn number(&self, value: f64) -> String {
        match self.unit {
            Unit::Nanoseconds => duration(value.max(0.0).round() as u64),
            Unit::Count if (value - value.round()).abs() < 1e-9 => count(value.max(0.0).round() as u64),
            Unit::Count => format!("{value:.1}"),
            Unit::PerSecond => format!("{value:.1}/s"),
            Unit::Percent => format!("{value:.1} %"),
            Unit::PerThousand => format!("{value:.2} ‰"),
        }
    }

    /// Between what the difference lies, as people read it.
    pub fn between(&self) -> String {
        let Some((low, high)) = self.interval else {
            return Difference::TooFew.word().to_owned();
        };
        let number = |value: f64| self.number(value.abs());
        if low >= 0.0 && high > 0.0 {
            format!("{} to {} more at 95 %", number(low), number(high))
        } else if high <= 0.0 && low < 0.0 {
            format!("{} to {} less at 95 %", number(high), number(low))
        } else if low < 0.0 {
            format!("from {} less to {} more at 95 %", number(low), number(high))
        } else {
            "the same".to_owned()
        }
    }

    /// The figure of both and the difference, in a line.
    pub fn line(&self) -> String {
        let (here, before) = (self.number(self.here.middle), self.number(self.before.middle));
        let between = self.between();
        match self.name.strip_prefix("time without writes ") {
            Some(after) if self.is_outage() => {
                format!("writes failed for {here} {after}, {before} before: {between}")
            }
            _ => format!("{}: {here}, {before} before: {between}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn campaign(cells: &[(&str, &[u64])]) -> CampaignSummary {
        let run = |cell: &str, tenths: u64| CampaignRun {
            axes: BTreeMap::from([("broker".to_owned(), cell.to_owned())]),
            figures: Some(RunFigures {
                outages: BTreeMap::from([("kill".to_owned(), tenths * 100_000_000)]),
                ..RunFigures::default()
            }),
            ..CampaignRun::default()
        };
        let runs = cells
            .iter()
            .flat_map(|(cell, tenths)| tenths.iter().map(|tenths| run(cell, *tenths)));
        CampaignSummary::new(String::new(), String::new(), 1, String::new(), runs.collect())
    }

    fn outage(here: &[(&str, &[u64])], before: &[(&str, &[u64])]) -> Behaviour {
        let mut all = behaviours(&campaign(here), &campaign(before));
        all.swap_remove(0)
    }

    #[test]
    fn a_difference_is_told_with_how_sure_it_is() {
        let found = outage(&[("a", &[20, 21, 22, 23, 24])], &[("a", &[38, 39, 40, 41, 42])]);
        assert_eq!(
            found.line(),
            "writes failed for 2.2 s after a kill, 4.0 s before: 1.5 s to 2.1 s less at 95 %"
        );
        assert_eq!(found.difference, Difference::Less);
    }

    #[test]
    fn few_runs_and_other_cells_show_nothing() {
        let few = outage(&[("a", &[20, 21])], &[("a", &[40, 41])]);
        assert_eq!((few.difference, few.interval), (Difference::TooFew, None));
        assert_eq!(few.between(), "too few runs to tell");
        let other = outage(&[("a", &[20; 9])], &[("b", &[40; 9])]);
        assert_eq!((other.difference, other.middle), (Difference::TooFew, None));
    }

    #[test]
    fn cells_are_held_against_themselves() {
        // Slower clusters were run more often before: all together nothing would be seen.
        let here: &[(&str, &[u64])] = &[("fast", &[11, 12, 13, 14, 15, 16]), ("slow", &[91, 92, 93])];
        let before: &[(&str, &[u64])] = &[("fast", &[1, 2, 3]), ("slow", &[81, 82, 83, 84, 85, 86])];
        assert_eq!(outage(here, before).difference, Difference::More);
        assert!(outage(here, before).is_surely_above(2e8));
        assert!(!outage(here, before).is_surely_above(9e8));
    }

    #[test]
    fn thousands_of_runs_are_thinned_out() {
        let (here, before): (Vec<u64>, Vec<u64>) = (0..20_000).map(|run| (run % 7 + 3, run % 5)).unzip();
        let found = outage(&[("a", &here)], &[("a", &before)]);
        assert_eq!((found.here.runs, found.difference), (20_000, Difference::More));
    }

    #[test]
    fn what_is_the_same_is_told_as_that() {
        let same = outage(&[("a", &[20; 6])], &[("a", &[20; 6])]);
        assert_eq!(
            (same.difference, same.between()),
            (Difference::None, "the same".to_owned())
        );
    }
}
