//! Consistency models: which anomalies each of them forbids, and how they and the anomalies imply each other.
//!
//! All of that is one table, in `consistency/table.rs`; here is what follows from it.

mod table;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use table::{IMPLIED, MODELS, Model};

/// A consistency model that a transactional history is held to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Consistency(u8);

impl Consistency {
    /// All of them, the weakest first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..MODELS.len()).map(|place| Self(place as u8))
    }

    /// The model of a name, be it ours, Adya's or Elle's.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|model| model.name() == name || model.aliases().contains(&name))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.model().name
    }

    /// What else it is called.
    pub fn aliases(self) -> &'static [&'static str] {
        self.model().aliases
    }

    /// What it promises, and who says so.
    pub fn meaning(self) -> &'static str {
        self.model().meaning
    }

    /// Whether an anomaly breaks it.
    pub fn forbids(self, anomaly: &str) -> bool {
        let implied = implied(anomaly);
        self.implied_models().iter().any(|model| {
            model
                .model()
                .forbids
                .iter()
                .any(|forbidden| implied.contains(forbidden))
        })
    }

    /// Whether every history that keeps to this keeps to the other as well.
    pub fn implies(self, other: Self) -> bool {
        self.implied_models().contains(&other)
    }

    fn model(self) -> &'static Model {
        &MODELS[usize::from(self.0)]
    }

    fn implied_models(self) -> BTreeSet<Self> {
        closure(self, |model| {
            let implied = model.model().implies.iter();
            implied.map(|name| Self::named(name).expect("a name of the table"))
        })
    }
}

impl Default for Consistency {
    fn default() -> Self {
        Self::named("strict-serializable").expect("a name of the table")
    }
}

impl fmt::Display for Consistency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl fmt::Debug for Consistency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A name that no consistency model has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownConsistency;

impl fmt::Display for UnknownConsistency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = Consistency::all().map(Consistency::name).collect();
        write!(
            formatter,
            "the consistency models are {}",
            crate::text::list(&names)
        )
    }
}

impl std::error::Error for UnknownConsistency {}

impl FromStr for Consistency {
    type Err = UnknownConsistency;

    fn from_str(name: &str) -> Result<Self, UnknownConsistency> {
        Self::named(name).ok_or(UnknownConsistency)
    }
}

/// What some anomalies say of the models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Boundary {
    /// The weakest models that they refute.
    pub(crate) refuted: Vec<Consistency>,
    /// The strongest models, of those that were looked at, that they do not refute.
    pub(crate) possible: Vec<Consistency>,
}

/// Where the line runs between the models that some anomalies refute and the others. Looked at are the model that
/// was asked for and all that it implies: what would refute others was not looked for.
pub(crate) fn boundary(asked: Consistency, anomalies: &BTreeSet<&str>) -> Boundary {
    let refuted = |model: &Consistency| anomalies.iter().any(|anomaly| model.forbids(anomaly));
    let (not, possible): (Vec<Consistency>, Vec<Consistency>) =
        asked.implied_models().into_iter().partition(refuted);
    let keep = |models: &[Consistency], implied: bool| {
        let others = |model: Consistency| {
            models.iter().any(|other| {
                let (strong, weak) = if implied { (other, &model) } else { (&model, other) };
                *other != model && strong.implies(*weak)
            })
        };
        models.iter().copied().filter(|model| !others(*model)).collect()
    };
    Boundary {
        refuted: keep(&not, false),
        possible: keep(&possible, true),
    }
}

/// An anomaly and all that it implies.
pub(crate) fn implied(anomaly: &str) -> BTreeSet<&str> {
    closure(anomaly, |anomaly| {
        let row = IMPLIED.iter().find(|(name, _)| *name == anomaly);
        row.map_or(&[][..], |(_, implied)| implied).iter().copied()
    })
}

fn closure<T: Copy + Ord, I: Iterator<Item = T>>(start: T, next: impl Fn(T) -> I) -> BTreeSet<T> {
    let mut seen = BTreeSet::from([start]);
    let mut open = vec![start];
    while let Some(item) = open.pop() {
        for next in next(item) {
            if seen.insert(next) {
                open.push(next);
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Boundary, Consistency, MODELS, boundary};
    use crate::anomaly::Anomaly;

    fn model(name: &str) -> Consistency {
        name.parse().expect("a name of the table")
    }

    fn names(models: &[Consistency]) -> Vec<&'static str> {
        models.iter().map(|model| model.name()).collect()
    }

    fn line(asked: &str, anomalies: &[&str]) -> (Vec<&'static str>, Vec<&'static str>) {
        let Boundary { refuted, possible } = boundary(model(asked), &anomalies.iter().copied().collect());
        (names(&refuted), names(&possible))
    }

    #[test]
    fn every_name_of_the_table_leads_somewhere() {
        let mut seen = BTreeSet::new();
        for row in MODELS {
            for name in row.aliases.iter().chain([&row.name]) {
                assert!(seen.insert(*name), "{name} is there twice");
            }
            assert!(row.meaning.ends_with('.'), "{}", row.name);
            assert!(
                row.implies.iter().all(|name| Consistency::named(name).is_some()),
                "{}",
                row.name
            );
        }
    }

    #[test]
    fn every_model_is_broken_by_something_that_is_looked_for() {
        for model in Consistency::all() {
            let broken = super::super::ANOMALIES
                .iter()
                .any(|anomaly| model.forbids(anomaly.name));
            assert!(broken, "{model} cannot be broken");
            assert!(model.forbids("G0"), "{model}");
        }
    }

    #[test]
    fn no_model_implies_itself_through_others() {
        for one in Consistency::all() {
            for other in Consistency::all() {
                assert!(
                    one == other || !(one.implies(other) && other.implies(one)),
                    "{one} and {other}"
                );
            }
        }
    }

    #[test]
    fn what_is_implied_is_forbidden_by_less() {
        for one in Consistency::all() {
            for other in Consistency::all().filter(|other| one.implies(*other)) {
                for anomaly in crate::ANOMALIES {
                    let Anomaly { name, .. } = anomaly;
                    assert!(
                        one.forbids(name) || !other.forbids(name),
                        "{one} allows {name}, {other} does not"
                    );
                }
            }
        }
    }

    /// After the definitions of Adya (1999), tables 4-1 and 4-2, and of Cerone and Gotsman for snapshots.
    #[test]
    fn models_forbid_what_their_definitions_say() {
        let rows: &[(&str, &[&str], &[&str])] = &[
            (
                "PL-1",
                &["G0"],
                &["G1a", "G1b", "G1c", "G-single-item", "internal"],
            ),
            (
                "PL-2",
                &["G0", "G1a", "G1b", "G1c", "future-read"],
                &["G-single-item", "lost-update"],
            ),
            (
                "PL-2+",
                &["G-single-item", "lost-update"],
                &["G-nonadjacent-item", "G2-item"],
            ),
            (
                "PL-SI",
                &["G-single-item", "G-nonadjacent-item", "lost-update", "internal"],
                &["G2-item"],
            ),
            (
                "PL-2.99",
                &["G-single-item", "G2-item"],
                &["G1c-realtime", "G2-item-process"],
            ),
            (
                "PL-3",
                &["G2-item", "G2", "internal"],
                &["G0-process", "G-single-item-realtime"],
            ),
            (
                "strong-session-serializable",
                &["G2-item-process"],
                &["G0-realtime"],
            ),
            (
                "strong-snapshot-isolation",
                &["G-single-item-realtime"],
                &["G2-item-realtime", "G2-item"],
            ),
            (
                "PL-SS",
                &["G0-realtime", "G2-item-realtime", "G2-item-process"],
                &[],
            ),
        ];
        for (name, forbidden, allowed) in rows {
            for anomaly in *forbidden {
                assert!(model(name).forbids(anomaly), "{name} allows {anomaly}");
            }
            for anomaly in *allowed {
                assert!(!model(name).forbids(anomaly), "{name} forbids {anomaly}");
            }
        }
    }

    #[test]
    fn the_line_runs_above_the_weakest_that_is_refuted() {
        assert_eq!(
            line("strict-serializable", &["G2-item"]),
            (
                vec!["repeatable-read"],
                vec!["strong-snapshot-isolation", "update-serializable"]
            )
        );
        assert_eq!(
            line("strict-serializable", &["G-single-item-realtime"]).0,
            ["strong-snapshot-isolation"]
        );
        assert_eq!(line("serializable", &["G1a"]).0, ["read-committed"]);
        assert_eq!(line("serializable", &[]), (vec![], vec!["serializable"]));
        assert_eq!(
            line("strict-serializable", &["G0"]),
            (vec!["read-uncommitted"], vec![])
        );
    }

    #[test]
    fn an_unknown_name_is_answered_with_those_there_are() {
        let answer = "serialisable"
            .parse::<Consistency>()
            .expect_err("not a name")
            .to_string();
        assert!(
            answer.contains("serializable") && answer.contains("read-committed"),
            "{answer}"
        );
        assert_eq!(model("strong-serializable"), Consistency::default());
    }
}
