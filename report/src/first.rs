//! The first bad thing of a run: what every reader asks for first.

use checkers::{Anomaly, Case, Story, Verdict};

use crate::findings::violations;

/// The earliest of the gravest violations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct First<'a> {
    /// Its name in the field.
    pub(crate) name: &'a str,
    /// The evidence.
    pub(crate) case: &'a Case,
}

impl First<'_> {
    /// Where it happened, as people write it.
    pub(crate) fn place(&self) -> Option<String> {
        place(self.case)
    }
}

/// A case's partition and offset: `orders-3 at offset 17`. Keys that are called by numbers alone say what they are.
pub(crate) fn place(case: &Case) -> Option<String> {
    let is_number = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let partition = match (&case.partition, case.key) {
        (Some(name), _) if is_number(name) => format!("key {name}"),
        (Some(name), _) => name.clone(),
        (None, key) => format!("key {}", key?),
    };
    Some(match case.offset {
        Some(offset) => format!("{partition} at offset {offset}"),
        None => partition,
    })
}

/// A story's partition and offsets, and when it began: `orders-3 at offsets 17 to 40, from 4.2 s on`.
pub(crate) fn range(story: &Story) -> String {
    let offsets = match (story.first, story.last) {
        (Some(first), Some(last)) if first == last => format!(" at offset {first}"),
        (Some(first), Some(last)) => format!(" at offsets {first} to {last}"),
        _ => String::new(),
    };
    let when = crate::format::instant(story.from);
    format!("{}{offsets}, from {when} on", story.partition)
}

/// The earliest of the gravest violations: a lost write comes before what may only be a sign of it.
pub(crate) fn first_bad(verdict: &Verdict) -> Option<First<'_>> {
    violations(verdict)
        .into_iter()
        .flat_map(|(name, findings)| findings.cases.iter().map(move |case| First { name, case }))
        .min_by_key(|first| {
            (
                Anomaly::gravity(first.name),
                first.name,
                first.case.time,
                first.case.offset,
            )
        })
}
