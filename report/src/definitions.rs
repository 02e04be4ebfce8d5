//! What each name of a finding means, in one plain sentence. A name that is not here still shows, undefined.

use std::collections::BTreeMap;

use checkers::Findings;

/// A finding's name explained.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Definition {
    /// The name in a verdict.
    pub(crate) name: &'static str,
    /// The check that finds it.
    check: &'static str,
    /// What it means.
    pub(crate) meaning: &'static str,
}

const fn define(name: &'static str, check: &'static str, meaning: &'static str) -> Definition {
    Definition { name, check, meaning }
}

/// The gravest first.
const DEFINITIONS: &[Definition] = &[
    define(
        "lost-write",
        "log",
        "The broker acknowledged the write, and the healed cluster no longer holds it.",
    ),
    define(
        "vanished-read",
        "log",
        "A client had read the record, though its write was never acknowledged, and the healed cluster no longer holds it.",
    ),
    define(
        "two-leaders-in-epoch",
        "leadership",
        "Two brokers were named as leader of one partition in one leader epoch.",
    ),
    define(
        "leader-changed-in-epoch",
        "leadership",
        "One broker process named two leaders of one partition in one leader epoch.",
    ),
    define(
        "two-controllers-in-term",
        "controllers",
        "Two controllers led the metadata quorum in one term.",
    ),
    define(
        "replica-divergence",
        "replicas",
        "Below the high watermark two replicas hold different records at one offset.",
    ),
    define(
        "inconsistent-offsets",
        "log",
        "Two different values were seen at one offset of one partition.",
    ),
    define(
        "unseen",
        "log",
        "The broker acknowledged the write, and no client ever read it: it may be lost or late.",
    ),
    define(
        "aborted-read",
        "log",
        "A client read a write that had certainly failed.",
    ),
    define("phantom-read", "log", "A client read a value that nobody wrote."),
    define(
        "misplaced-record",
        "log",
        "A client read a value from another partition or offset than the one it was written to.",
    ),
    define(
        "duplicate",
        "log",
        "One write stands at two offsets of its partition.",
    ),
    define(
        "epoch-went-back",
        "leadership",
        "One broker process named a leader epoch lower than one that it had named before.",
    ),
    define(
        "term-went-back",
        "controllers",
        "One controller process named a term lower than one that it had named before.",
    ),
    define(
        "poll-skip",
        "log",
        "Between two of its reads a consumer passed over records that were there.",
    ),
    define(
        "int-poll-skip",
        "log",
        "Within one read a consumer passed over records that were there.",
    ),
    define(
        "nonmonotonic-poll",
        "log",
        "A consumer's later read returned an offset at or before one that it had read.",
    ),
    define(
        "int-nonmonotonic-poll",
        "log",
        "Within one read a later record has an offset at or before an earlier one.",
    ),
];

/// What a name means.
pub(crate) fn definition(name: &str) -> Option<&'static Definition> {
    DEFINITIONS.iter().find(|definition| definition.name == name)
}

/// Whether a check is the one that finds this. A name nobody defined is shown with every check that failed.
pub(crate) fn belongs_to(name: &str, check: &str) -> bool {
    definition(name).is_none_or(|definition| definition.check == check)
}

/// How grave a name is: lower is graver.
pub(crate) fn gravity(name: &str) -> usize {
    DEFINITIONS
        .iter()
        .position(|definition| definition.name == name)
        .unwrap_or(DEFINITIONS.len())
}

/// All findings, the gravest first.
pub(crate) fn by_gravity(findings: &BTreeMap<String, Findings>) -> Vec<(&str, &Findings)> {
    let mut sorted: Vec<_> = findings
        .iter()
        .map(|(name, found)| (name.as_str(), found))
        .collect();
    sorted.sort_by_key(|(name, _)| gravity(name));
    sorted
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    /// All sources of the checks, wherever the folder ends.
    fn sources(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).expect("the checks lie beside this crate");
        let paths = entries.map(|entry| entry.expect("a folder's entries can be read").path());
        paths
            .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
            .collect()
    }

    /// The names that a source hands to `violation` and `allowed`, directly or as one of two.
    fn names(source: &str) -> Vec<String> {
        let quoted = source.split('"').skip(1).step_by(2);
        let is_name = |text: &&str| {
            text.contains('-')
                && text
                    .split('-')
                    .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
        };
        quoted.filter(is_name).map(ToOwned::to_owned).collect()
    }

    #[test]
    fn every_finding_of_the_checks_is_defined() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../checkers/src/checks");
        let mut found = 0;
        for path in sources(&folder) {
            let source = fs::read_to_string(&path).expect("a source can be read");
            let product = source
                .split(
                    "/// All findings, the gravest first.
pub(crate) fn by_gravity(findings: &BTreeMap<String, Findings>) -> Vec<(&str, &Findings)> {
    let mut sorted: Vec<_> = findings.iter().map(|(name, found)| (name.as_str(), found)).collect();
    sorted.sort_by_key(|(name, _)| gravity(name));
    sorted
}

#[cfg(test)]",
                )
                .next()
                .unwrap_or_default();
            for name in names(product) {
                found += 1;
                assert!(
                    definition(&name).is_some(),
                    "`{name}` of {} has no definition in definitions.rs",
                    path.display()
                );
            }
        }
        assert!(
            found > 10,
            "only {found} names were found: the checks lie elsewhere now"
        );
    }

    #[test]
    fn no_name_is_defined_twice() {
        for (index, one) in DEFINITIONS.iter().enumerate() {
            assert_eq!(gravity(one.name), index, "{}", one.name);
        }
    }
}
