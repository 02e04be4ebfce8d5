//! The operations that findings and stories name: they have rows of their own on the page, and an address.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use checkers::{Case, Findings, Verdict};

use super::{Operation, Operations};

/// More of them than this have an address in the script's part of the page alone.
const NAMED_MAX: usize = 1_000;
/// Of one name so many cases are looked through, and of one case so many operations.
const CASES_MAX: usize = 100;
const OPS_MAX: usize = 20;

/// Operations by their number.
#[derive(Debug, Default)]
pub(crate) struct Named<'a> {
    /// Those that the history holds.
    pub(crate) operations: BTreeMap<u64, Operation<'a>>,
}

impl<'a> Named<'a> {
    pub(crate) fn of(verdict: &Verdict, operations: &Operations<'a>) -> Self {
        let mut wanted = BTreeSet::new();
        let sentences = verdict.stories.iter().flat_map(|story| &story.sentences);
        sentences.for_each(|sentence| wanted.extend(mentions(sentence).map(|(_, op)| op)));
        for findings in verdict.anomalies.values().chain(verdict.allowed.values()) {
            wanted.extend(of_findings(findings));
        }
        let held = operations
            .all
            .iter()
            .filter(|operation| wanted.contains(&operation.op.op))
            .map(|operation| (operation.op.op, *operation));
        Self {
            operations: held.take(NAMED_MAX).collect(),
        }
    }

    /// Whether the page tells of it.
    pub(crate) fn contains(&self, op: u64) -> bool {
        self.operations.contains_key(&op)
    }

    /// Their numbers.
    pub(crate) fn numbers(&self) -> BTreeSet<u64> {
        self.operations.keys().copied().collect()
    }
}

fn of_findings(findings: &Findings) -> impl Iterator<Item = u64> {
    findings.cases.iter().take(CASES_MAX).flat_map(|case: &Case| {
        let told = case
            .story
            .iter()
            .flat_map(|sentence| mentions(sentence).map(|(_, op)| op));
        let of_cycle = case.cycle.iter().flat_map(|cycle| &cycle.operations);
        let steps = of_cycle.map(|operation| operation.op);
        case.ops.iter().copied().chain(steps).chain(told).take(OPS_MAX)
    })
}

/// Where a sentence names an operation (`op 120`), and which.
pub(crate) fn mentions(text: &str) -> impl Iterator<Item = (Range<usize>, u64)> {
    text.match_indices("op ").filter_map(|(at, word)| {
        let starts = !text[..at].ends_with(|letter: char| letter.is_alphanumeric());
        let digits = &text[at + word.len()..];
        let end = digits
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(digits.len());
        let number = digits[..end].parse().ok()?;
        starts.then_some((at..at + word.len() + end, number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_names_its_operations() {
        let text = "Client 0 wrote value 1 (op 120); a stop 7, op x; Op 5, op 31.";
        let found: Vec<_> = mentions(text).map(|(range, op)| (&text[range], op)).collect();
        assert_eq!(found, [("op 120", 120), ("op 31", 31)]);
    }
}
