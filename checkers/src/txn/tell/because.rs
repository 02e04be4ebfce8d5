//! Why one operation of a cycle came before the next, in one sentence.

use history::Value;

use super::Teller;
use crate::text;
use crate::txn::explain::Edge;
use crate::txn::found::{Source, State, Why};
use crate::txn::txns::TxnId;
use crate::verdict::Rel;

/// Histories whose times lie closer together than this have no clock that could be told by.
const CLOCK_MIN: u64 = 1_000;

impl Teller<'_> {
    /// The key of a step, and its reason.
    pub(super) fn because(&self, edge: Edge, cycle: &[TxnId]) -> (Option<String>, String) {
        let (from, to, rel) = edge;
        let (one, other) = (self.short(from, cycle), self.short(to, cycle));
        match rel {
            Rel::Process => (None, format!("One process did {one} before {other}.")),
            Rel::Realtime => (None, self.realtime(from, to, &one, &other)),
            Rel::Ww | Rel::Wr | Rel::Rw => match self.explained.reasons.get(&edge) {
                Some(Some((key, why))) => {
                    let because = self.why(why, &self.key(*key), (&one, &other), cycle);
                    (Some(self.key_word(*key)), because)
                }
                _ => (None, format!("{other} depends on {one}.")),
            },
        }
    }

    fn why(&self, why: &Why, key: &str, (one, other): (&str, &str), cycle: &[TxnId]) -> String {
        match why {
            Why::Follows { before, value } => {
                let (before, value) = (self.value(*before), self.value(*value));
                format!("{other} appended {value} to {key} right after {one}'s {before}.")
            }
            Why::FollowsAll { last, value } => {
                let (last, value) = (self.value(*last), self.value(*value));
                format!(
                    "{other} appended {value} to {key}, which nobody read: so it came after {one}'s {last}, the last \
                     that was read."
                )
            }
            Why::Saw { state, value, ends } => self.saw(state, *value, *ends, (key, one, other)),
            Why::Missed { state, value } => {
                let (state, value) = (self.state(state), self.value(*value));
                format!("{one} read {key} as {state}, without the {value} that {other} appended next.")
            }
            Why::MissedUnread { state, value } => {
                let (state, value) = (self.state(state), self.value(*value));
                format!("{one} read {key} as {state}, without the {value} that {other} appended.")
            }
            Why::Later {
                before,
                value,
                source,
            } => {
                let source = self.source(*source, Some(*before), Some(*value), cycle);
                let (before, value) = (self.value(*before), self.value(*value));
                format!("{other} set {key} to {value} after {one} had set it to {before}: {source}.")
            }
            Why::Earlier { seen, value, source } => {
                let source = self.source(*source, *seen, Some(*value), cycle);
                let (seen, source) = match seen {
                    Some(seen) => (format!("as {}", self.value(*seen)), format!(": {source}")),
                    None => ("in its initial state".to_owned(), String::new()),
                };
                let value = self.value(*value);
                format!("{one} read {key} {seen}, before {other} set it to {value}{source}.")
            }
        }
    }

    fn saw(&self, state: &State, value: Value, ends: bool, (key, one, other): (&str, &str, &str)) -> String {
        let value = self.value(value);
        if matches!(state, State::Register(_)) {
            return format!("{other} read {key} as {value}, which {one} wrote.");
        }
        let (state, holds) = (self.state(state), if ends { "ends in" } else { "holds" });
        format!("{other} read {key} as {state}, which {holds} the {value} that {one} appended.")
    }

    /// What the order of two versions is known from.
    pub(super) fn source(
        &self,
        source: Source,
        before: Option<Value>,
        after: Option<Value>,
        cycle: &[TxnId],
    ) -> String {
        let (before, after) = (self.version(before), self.version(after));
        match source {
            Source::Initial => "nothing comes before the initial state".to_owned(),
            Source::Within(txn) => {
                format!("{} read {before} and then wrote {after}", self.short(txn, cycle))
            }
            Source::Wrote(txn) => format!("{} wrote {before} and then {after}", self.short(txn, cycle)),
            Source::Shown(txn) => format!("{} read {before} before {after}", self.short(txn, cycle)),
            Source::Unread => format!("nobody read {after}, so it came after all that were read"),
            Source::Process(one, other) => format!(
                "one process came upon {before} in {} and later upon {after} in {}",
                self.short(one, cycle),
                self.short(other, cycle)
            ),
            Source::Realtime(one, other) => format!(
                "{} had come upon {before} and completed before {} began, which came upon {after}",
                self.short(one, cycle),
                self.short(other, cycle)
            ),
        }
    }

    fn realtime(&self, from: TxnId, to: TxnId, one: &str, other: &str) -> String {
        let times = self
            .told(from)
            .and_then(|told| told.completed)
            .zip(self.told(to).map(|told| told.invoked));
        match times {
            Some((completed, begun)) if begun >= completed.saturating_add(CLOCK_MIN) => {
                let (completed, begun) = moments(completed, begun);
                format!("{one} had completed at {completed}, before {other} began at {begun}.")
            }
            _ => format!("{one} had completed before {other} began."),
        }
    }

    /// An operation of a cycle by its place, others by number.
    fn short(&self, txn: TxnId, cycle: &[TxnId]) -> String {
        match cycle.iter().position(|other| *other == txn) {
            Some(place) => format!("T{}", place + 1),
            None => self.op_inside(txn),
        }
    }
}

/// Two times, as fine as is needed to tell them apart.
fn moments(one: u64, other: u64) -> (String, String) {
    let short = (text::seconds(one), text::seconds(other));
    if short.0 != short.1 {
        return short;
    }
    let fine = |time: u64| format!("{}.{:06} s", time / 1_000_000_000, time % 1_000_000_000 / 1_000);
    (fine(one), fine(other))
}
