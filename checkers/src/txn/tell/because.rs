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
                    let key = self.key(*key);
                    let because = self.why(why, &key, (&one, &other), cycle);
                    (Some(key), because)
                }
                _ => (None, format!("{other} depends on {one}.")),
            },
        }
    }

    fn why(&self, why: &Why, key: &str, (one, other): (&str, &str), cycle: &[TxnId]) -> String {
        let value = |value: &Value| self.value(*value);
        match why {
            Why::Follows {
                before,
                value: appended,
            } => {
                let (before, appended) = (value(before), value(appended));
                format!("{other} appended {appended} to {key} right after {one}'s {before}.")
            }
            Why::FollowsAll {
                last,
                value: appended,
            } => format!(
                "{other} appended {} to {key}, which nobody read: so it came after {one}'s {}, the last that was read.",
                value(appended),
                value(last)
            ),
            Why::Saw {
                state: State::Register(_),
                value: seen,
                ..
            } => {
                format!("{other} read {key} as {}, which {one} wrote.", value(seen))
            }
            Why::Saw {
                state,
                value: seen,
                ends,
            } => format!(
                "{other} read {key} as {}, which {} the {} that {one} appended.",
                self.state(state),
                if *ends { "ends in" } else { "holds" },
                value(seen)
            ),
            Why::Missed { state, value: missed } => format!(
                "{one} read {key} as {}, without the {} that {other} appended next.",
                self.state(state),
                value(missed)
            ),
            Why::MissedUnread { state, value: missed } => format!(
                "{one} read {key} as {}, without the {} that {other} appended.",
                self.state(state),
                value(missed)
            ),
            Why::Later {
                before,
                value: set,
                source,
            } => format!(
                "{other} set {key} to {} after {one} had set it to {}: {}.",
                value(set),
                value(before),
                self.source(*source, Some(*before), Some(*set), cycle)
            ),
            Why::Earlier {
                seen: None,
                value: set,
                ..
            } => format!(
                "{one} read {key} in its initial state, before {other} set it to {}.",
                value(set)
            ),
            Why::Earlier {
                seen,
                value: set,
                source,
            } => format!(
                "{one} read {key} as {}, before {other} set it to {}: {}.",
                self.version(*seen),
                value(set),
                self.source(*source, *seen, Some(*set), cycle)
            ),
        }
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
