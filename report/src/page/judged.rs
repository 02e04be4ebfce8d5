//! What the sections about findings are made from, with or without the history that the verdict is about.

use checkers::{FaultInterval, Verdict};
use history::{Header, NodeId};
use maud::{Markup, html};

use crate::format::instant;
use crate::run::Run;

/// A verdict, and the run where there is one.
pub(super) struct Judged<'a> {
    pub(super) header: &'a Header,
    pub(super) verdict: &'a Verdict,
    pub(super) run: Option<&'a Run<'a>>,
}

impl Judged<'_> {
    /// Whether the history had a clock.
    pub(super) fn timed(&self) -> bool {
        crate::findings::timed(self.verdict)
    }

    /// A point in time, as a link that the script turns into a jump on the timeline where there is one.
    pub(super) fn when(&self, nanos: u64) -> Markup {
        if self.run.is_some() {
            super::when(nanos)
        } else {
            html! { (instant(nanos)) }
        }
    }

    /// A sentence of a check, with links to the operations that it names.
    pub(super) fn sentence(&self, text: &str) -> Markup {
        super::sentence(text, &|op| self.tells_of(op))
    }

    /// Whether the page has a row of this operation.
    pub(super) fn tells_of(&self, op: u64) -> bool {
        self.run.is_some_and(|run| run.named.contains(op))
    }

    /// The fault with this number.
    pub(super) fn fault(&self, id: u32) -> Option<&FaultInterval> {
        self.run?.fault(id)
    }

    /// The style class that gives a node its colour.
    pub(super) fn colour(&self, node: NodeId) -> String {
        self.run.map_or_else(String::new, |run| run.colour(node))
    }
}
