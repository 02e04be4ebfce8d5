//! Whether two verdicts say the same. They may come from two versions of Tribunal, so they are taken as data of any shape.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

/// What a verdict comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// `valid`, `unknown` or `invalid`.
    pub valid: String,
    /// How often each violation was found.
    pub anomalies: BTreeMap<String, u64>,
}

impl Outcome {
    /// Of a verdict as `verdict.json` holds it; nothing where it says neither.
    pub fn of(verdict: &Value) -> Option<Self> {
        let anomalies = verdict.get("anomalies")?.as_object()?;
        Some(Self {
            valid: verdict.get("valid")?.as_str()?.to_owned(),
            anomalies: anomalies
                .iter()
                .map(|(name, found)| (name.clone(), found["count"].as_u64().unwrap_or_default()))
                .collect(),
        })
    }

    /// In words: `invalid (lost-write 12)`.
    pub fn words(&self) -> String {
        let found: Vec<String> = self
            .anomalies
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        match found.as_slice() {
            [] => self.valid.clone(),
            _ => format!("{} ({})", self.valid, found.join(", ")),
        }
    }

    /// Whether another run came out alike: as valid, with violations of the same names. How many there are hangs on the moment.
    pub fn is_like(&self, other: &Self) -> bool {
        self.valid == other.valid && self.anomalies.keys().eq(other.anomalies.keys())
    }
}

/// The parts of a verdict that are not the same in another one, by name.
pub fn parts_that_differ(one: &Value, other: &Value) -> Vec<String> {
    let keys = |value: &Value| -> BTreeSet<String> {
        value
            .as_object()
            .map(|object| object.keys().cloned().collect())
            .unwrap_or_default()
    };
    let all: BTreeSet<String> = keys(one).union(&keys(other)).cloned().collect();
    all.into_iter()
        .filter(|key| one.get(key) != other.get(key))
        .collect()
}

/// What two runs were made of that is not the same: `broker: kafka-4.3.1 there, kafka-4.4.0 here`.
pub fn versions_that_differ(there: &[(String, String)], here: &[(String, String)]) -> Vec<String> {
    let (there, here): (BTreeMap<_, _>, BTreeMap<_, _>) =
        (there.iter().cloned().collect(), here.iter().cloned().collect());
    let names: BTreeSet<&String> = there.keys().chain(here.keys()).collect();
    let nothing = "nothing".to_owned();
    names
        .into_iter()
        .filter(|name| there.get(*name) != here.get(*name))
        .map(|name| {
            let (there, here) = (
                there.get(name).unwrap_or(&nothing),
                here.get(name).unwrap_or(&nothing),
            );
            format!("{name}: {there} there, {here} here")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn runs_are_alike_by_what_was_found_and_not_by_how_often() {
        let outcome = |valid: &str, anomalies: Value| {
            Outcome::of(&json!({"valid": valid, "anomalies": anomalies})).expect("a verdict")
        };
        let lost = outcome("invalid", json!({"lost-write": {"count": 12}}));
        assert_eq!(lost.words(), "invalid (lost-write 12)");
        assert!(lost.is_like(&outcome("invalid", json!({"lost-write": {"count": 1}}))));
        assert!(!lost.is_like(&outcome("invalid", json!({"duplicate": {"count": 12}}))));
        assert!(!lost.is_like(&outcome("unknown", json!({"lost-write": {"count": 12}}))));
        assert!(Outcome::of(&json!({"valid": "valid"})).is_none());
    }

    #[test]
    fn what_differs_is_named() {
        let (one, other) = (json!({"a": 1, "b": 2}), json!({"a": 1, "b": 3, "c": 0}));
        assert_eq!(parts_that_differ(&one, &other), ["b", "c"]);
        let part = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let there = [part("Java", "17"), part("broker", "sim")];
        assert_eq!(
            versions_that_differ(&there, &[part("broker", "sim")]),
            ["Java: 17 there, nothing here"]
        );
    }
}
