//! What clients were refused, and what nobody knows the outcome of, by the kind of error.

use std::collections::{BTreeMap, BTreeSet};

use history::{History, Op, What};
use serde::{Deserialize, Serialize};

/// Of more kinds than this the rest are one.
const KINDS_MAX: usize = 40;
/// The name of that one.
const OTHERS: &str = "other errors";
/// Of operations that the end of the history cut off.
const UNANSWERED: &str = "no answer";
/// Where a client gave no reason.
const NO_REASON: &str = "no reason given";
/// Longer names say too much.
const NAME_MAX: usize = 60;

/// How many of a run's operations failed, or have an outcome that nobody knows, by the kind of error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ClientErrors {
    /// All operations that clients began.
    pub operations: u64,
    /// Those that certainly did not happen, …
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<String, u64>,
    /// … and those of which nobody knows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown: BTreeMap<String, u64>,
}

impl ClientErrors {
    /// Of a run.
    pub(crate) fn of(history: &History) -> Self {
        let mut errors = Self::default();
        let mut open = BTreeSet::new();
        for event in &history.events {
            match &event.what {
                What::Invoke(op) => {
                    errors.operations += 1;
                    open.insert(op.op);
                }
                What::Ok(op) => _ = open.remove(&op.op),
                What::Fail(op) => {
                    open.remove(&op.op);
                    count(&mut errors.failed, kind_of(op), 1);
                }
                What::Info(op) => {
                    open.remove(&op.op);
                    count(&mut errors.unknown, kind_of(op), 1);
                }
                _ => {}
            }
        }
        if !open.is_empty() {
            count(&mut errors.unknown, UNANSWERED.to_owned(), open.len() as u64);
        }
        errors
    }

    /// Those of one outcome.
    pub(crate) fn with(&self, unknown: bool) -> &BTreeMap<String, u64> {
        if unknown { &self.unknown } else { &self.failed }
    }
}

fn count(kinds: &mut BTreeMap<String, u64>, kind: String, number: u64) {
    let is_room = kinds.len() < KINDS_MAX || kinds.contains_key(&kind);
    let kind = if is_room { kind } else { OTHERS.to_owned() };
    *kinds.entry(kind).or_default() += number;
}

fn kind_of(op: &Op) -> String {
    op.error.as_deref().map_or_else(|| NO_REASON.to_owned(), kind)
}

/// The kind of an error, by what a client said of it: `Message production error: MessageTimedOut (Local: Message timed out)` is
/// `MessageTimedOut`. What has no such name goes by its first words, without numbers, which differ from time to time.
fn kind(said: &str) -> String {
    let named = said.split_once(" error: ").map_or(said, |(_, rest)| rest);
    let words = named.split(['(', ':', ';']).next().unwrap_or_default().trim();
    let mut kind = String::new();
    for letter in words.chars().take(NAME_MAX) {
        match letter {
            '0'..='9' if kind.ends_with('N') => {}
            '0'..='9' => kind.push('N'),
            other => kind.push(other),
        }
    }
    if kind.is_empty() {
        NO_REASON.to_owned()
    } else {
        kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_goes_by_its_code_or_its_first_words() {
        for (said, expected) in [
            (
                "Message production error: MessageTimedOut (Local: Message timed out)",
                "MessageTimedOut",
            ),
            ("Transaction error: Fenced (Broker: fenced by epoch 7)", "Fenced"),
            ("no answer within 500 ms", "no answer within N ms"),
            ("NOT_ENOUGH_REPLICAS", "NOT_ENOUGH_REPLICAS"),
            ("", NO_REASON),
        ] {
            assert_eq!(kind(said), expected, "{said}");
        }
    }

    #[test]
    fn kinds_without_end_are_one() {
        let mut kinds = BTreeMap::new();
        for number in 0..100 {
            let letters = format!(
                "{}{}",
                char::from(b'a' + number / 10),
                char::from(b'a' + number % 10)
            );
            count(&mut kinds, kind(&letters), 2);
        }
        assert_eq!((kinds.len(), kinds[OTHERS]), (KINDS_MAX + 1, 120));
    }
}
