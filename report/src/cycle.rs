//! A cycle in words: its operations under short names, why each came before the next, and what follows from that.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use checkers::{Case, Cycle, CycleOperation, Edge, Rel};

use crate::format::{clipped, count, instant};

/// More letters of an operation than this are for `verdict.json`.
const LETTERS_MAX: usize = 160;

/// A cycle with the short names of its operations: `T1`, `T2` and so on, in the order of the cycle.
pub(crate) struct Told<'a> {
    pub(crate) cycle: &'a Cycle,
    places: HashMap<u64, usize>,
}

impl<'a> Told<'a> {
    pub(crate) fn new(cycle: &'a Cycle) -> Self {
        let numbered = cycle.operations.iter().enumerate();
        Self {
            cycle,
            places: numbered.map(|(place, operation)| (operation.op, place)).collect(),
        }
    }

    /// The place in the cycle of an operation.
    pub(crate) fn place(&self, op: u64) -> Option<usize> {
        self.places.get(&op).copied()
    }

    /// The short name of an operation; one that is not of the cycle goes by its number.
    pub(crate) fn name(&self, op: u64) -> String {
        self.place(op).map_or_else(|| format!("op {op}"), name)
    }

    /// What an edge says: `T1 came before T2 (ww on x)`.
    pub(crate) fn step(&self, edge: &Edge) -> String {
        format!(
            "{} came before {} ({})",
            self.name(edge.from),
            self.name(edge.to),
            kind(edge)
        )
    }

    /// What follows from all edges together.
    pub(crate) fn conclusion(&self) -> String {
        match self.cycle.operations.len() {
            0 | 1 => "So T1 came before itself: a contradiction.".to_owned(),
            many => format!(
                "So T1 came before itself: a contradiction. These {} operations have no order in which all of that holds.",
                count(many as u64)
            ),
        }
    }

    /// Everything, a line each: at most `shown_max` operations and as many edges.
    pub(crate) fn lines(&self, shown_max: usize, timed: bool) -> Vec<String> {
        let Cycle { operations, edges } = self.cycle;
        let shown = Shown::of(operations.len(), shown_max);
        let mut lines = shown.map(
            |place| self.operation_line(place, timed),
            |left_out| format!("… {} more operations …", count(left_out as u64)),
        );
        lines.extend(Shown::of(edges.len(), shown_max).map(
            |place| format!("{}: {}", self.step(&edges[place]), because(&edges[place])),
            |left_out| format!("… {} more such steps …", count(left_out as u64)),
        ));
        lines.push(self.conclusion());
        lines
    }

    fn operation_line(&self, place: usize, timed: bool) -> String {
        let operation = &self.cycle.operations[place];
        let text = clipped(&operation.text, LETTERS_MAX);
        format!("{} = {text}  ({})", name(place), who(operation, timed))
    }
}

/// The sentences of a case that the edges of its cycle do not say again.
pub(crate) fn own_story(case: &Case) -> Vec<&str> {
    let edges = case.cycle.iter().flat_map(|cycle| &cycle.edges);
    let said: HashSet<&str> = edges.map(|edge| bare(&edge.because)).collect();
    let story = case.story.iter().map(String::as_str);
    story.filter(|sentence| !said.contains(bare(sentence))).collect()
}

/// The reason for an edge as a whole sentence.
pub(crate) fn because(edge: &Edge) -> String {
    match bare(&edge.because) {
        "" => String::new(),
        reason => format!("{reason}."),
    }
}

fn bare(sentence: &str) -> &str {
    sentence.trim().trim_end_matches('.')
}

/// The short name of the operation at this place of a cycle.
pub(crate) fn name(place: usize) -> String {
    format!("T{}", place + 1)
}

/// Who did it and when: `op 12 of process 3, ok, 0.100 s to 0.120 s`.
pub(crate) fn who(operation: &CycleOperation, timed: bool) -> String {
    let CycleOperation {
        op, process, outcome, ..
    } = operation;
    let when = match operation.completed {
        _ if !timed => String::new(),
        Some(completed) => format!(", {} to {}", instant(operation.invoked), instant(completed)),
        None => format!(", from {}, never completed", instant(operation.invoked)),
    };
    format!("op {op} of process {process}, {outcome}{when}")
}

/// The kind of an edge, with its key where it has one: `ww on x`.
pub(crate) fn kind(edge: &Edge) -> String {
    match &edge.key {
        Some(key) => format!("{} on {key}", rel(edge.rel)),
        None => rel(edge.rel).to_owned(),
    }
}

/// The word for a kind of edge, which is also its style class.
pub(crate) fn rel(rel: Rel) -> &'static str {
    match rel {
        Rel::Ww => "ww",
        Rel::Wr => "wr",
        Rel::Rw => "rw",
        Rel::Process => "process",
        Rel::Realtime => "realtime",
    }
}

/// What a kind of edge from one operation to another means.
pub(crate) fn rel_meaning(rel: Rel) -> &'static str {
    match rel {
        Rel::Ww => "the second wrote the version that follows the first's",
        Rel::Wr => "the second read what the first wrote",
        Rel::Rw => "the second wrote the version that follows the one the first read",
        Rel::Process => "one process did the first before the second",
        Rel::Realtime => "the first had completed before the second was invoked",
    }
}

/// The kinds of edge that a cycle has, in the order of [`Rel`].
pub(crate) fn rels(cycle: &Cycle) -> Vec<Rel> {
    let mut rels: Vec<Rel> = cycle.edges.iter().map(|edge| edge.rel).collect();
    rels.sort_unstable();
    rels.dedup();
    rels
}

/// Which of many things in a row are shown: the first ones and the last ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) head: Range<usize>,
    pub(crate) tail: Range<usize>,
}

impl Shown {
    /// All of them, or `shown_max` less the place of the gap.
    pub(crate) fn of(count: usize, shown_max: usize) -> Self {
        if count <= shown_max {
            return Self {
                head: 0..count,
                tail: count..count,
            };
        }
        let head = shown_max.div_ceil(2);
        let tail = shown_max.saturating_sub(head + 1);
        Self {
            head: 0..head,
            tail: count - tail..count,
        }
    }

    /// How many are not shown.
    pub(crate) fn left_out(&self) -> usize {
        self.tail.start - self.head.end
    }

    /// What is made of those shown, and of the gap where there is one.
    pub(crate) fn map<T>(&self, each: impl Fn(usize) -> T, gap: impl Fn(usize) -> T) -> Vec<T> {
        let mut made: Vec<T> = self.head.clone().map(&each).collect();
        if self.left_out() > 0 {
            made.push(gap(self.left_out()));
        }
        made.extend(self.tail.clone().map(&each));
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_are_shown_whole_and_many_by_their_ends() {
        let check = |count, max, head, tail| assert_eq!(Shown::of(count, max), Shown { head, tail });
        check(0, 5, 0..0, 0..0);
        check(5, 5, 0..5, 5..5);
        check(6, 5, 0..3, 5..6);
        check(300, 20, 0..10, 291..300);
        check(3, 1, 0..1, 3..3);
        assert_eq!(Shown::of(300, 20).left_out(), 281);
    }

    #[test]
    fn what_the_edges_say_is_not_told_twice() {
        let edge = |because: &str| Edge {
            from: 1,
            to: 1,
            rel: Rel::Ww,
            key: None,
            because: because.to_owned(),
        };
        let cycle = Cycle {
            operations: Vec::new(),
            edges: vec![edge("One came first"), edge("")],
        };
        assert_eq!(
            cycle.edges.iter().map(because).collect::<Vec<_>>(),
            ["One came first.", ""]
        );
        let case = Case {
            story: ["In a circle.", "One came first."].map(str::to_owned).into(),
            cycle: Some(cycle),
            ..Case::default()
        };
        assert_eq!(own_story(&case), ["In a circle."]);
    }
}
