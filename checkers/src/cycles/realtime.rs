//! Cycles that real time closes: dependencies from an operation to one that had completed before it began.

use super::graph::Vertex;
use super::kind::{Base, Form, Kind};
use super::part::Window;
use super::ring::{Sink, Step};
use crate::verdict::Rel;

/// The end of an operation that comes before none.
pub(crate) const NEVER: u32 = u32::MAX;

/// When operations began and ended, by vertex: places in the order of a history's lines.
#[derive(Debug, Default)]
pub(crate) struct Times {
    /// When each was invoked.
    pub(crate) invoked: Vec<u32>,
    /// When each that is `ok` completed; [`NEVER`] for the others.
    pub(crate) completed: Vec<u32>,
}

impl Times {
    /// Whether one had completed before the other was invoked.
    pub(crate) fn precedes(&self, one: Vertex, other: Vertex) -> bool {
        self.completed[one as usize] < self.invoked[other as usize]
    }
}

/// Steps of going back along ways, for each vertex of the window: what they might add is only more of the same.
const TRACE_EACH: usize = 16;

/// Memory for searches without number.
#[derive(Default)]
pub(super) struct Memory {
    sources: Vec<u32>,
    flood: Flood,
}

/// Finds the rings of a window that real time closes.
pub(super) fn search(window: &Window<'_>, times: &Times, memory: &mut Memory, sink: &mut Sink) {
    if all_overlap(window, times) {
        return;
    }
    let mut sources = std::mem::take(&mut memory.sources);
    sources.clear();
    sources.extend(0..window.len() as u32);
    sources
        .sort_unstable_by_key(|vertex| std::cmp::Reverse(times.invoked[(window.first() + vertex) as usize]));
    let search = Search {
        window,
        times,
        sources: &sources,
    };
    let flood = &mut memory.flood;
    if search.pairs(sink) || search.exists(flood) {
        for base in [Base::G0, Base::G1c, Base::Single, Base::Nonadjacent, Base::G2] {
            search.rings(Machine::Of(base), flood, sink);
        }
    }
    memory.sources = sources;
}

fn all_overlap(window: &Window<'_>, times: &Times) -> bool {
    let range = window.first() as usize..window.first() as usize + window.len();
    let last = times.invoked[range.clone()].iter().max();
    let first = times.completed[range].iter().min();
    last <= first
}

struct Search<'s> {
    window: &'s Window<'s>,
    times: &'s Times,
    /// The vertices, those that began last first.
    sources: &'s [u32],
}

/// Which ways are followed, and what is kept in mind on them: how many anti-dependencies were passed, up to two, and
/// whether one was the last step.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Machine {
    #[default]
    Any,
    Of(Base),
}

impl Machine {
    fn states(self) -> usize {
        match self {
            Self::Any | Self::Of(Base::G0 | Base::G1c) => 1,
            Self::Of(Base::Single) => 3,
            Self::Of(Base::Nonadjacent | Base::G2) => 6,
        }
    }

    /// States are twice the count, and one more behind an anti-dependency.
    fn next(self, state: usize, rel: Rel) -> Option<usize> {
        let Self::Of(base) = self else {
            return Some(0);
        };
        match rel {
            Rel::Ww => Some(state & !1),
            Rel::Wr => (base != Base::G0).then_some(state & !1),
            Rel::Rw => {
                let next = (state / 2 + 1).min(2) * 2;
                match base {
                    Base::G0 | Base::G1c => None,
                    // Whether it was the last step does not matter: there is no second.
                    Base::Single => (state == 0).then_some(2),
                    Base::Nonadjacent => (state & 1 == 0).then_some(next | 1),
                    Base::G2 => Some(next),
                }
            }
            Rel::Process | Rel::Realtime => None,
        }
    }

    fn accepts(self, state: usize) -> bool {
        match self {
            Self::Any | Self::Of(Base::G0 | Base::G1c) => true,
            Self::Of(Base::Single) => state == 2,
            Self::Of(Base::Nonadjacent | Base::G2) => state >= 4,
        }
    }

    fn kinds(self) -> u16 {
        let Self::Of(base) = self else {
            return 0;
        };
        let form = Form::Realtime;
        Kind { base, form }.implied_by()
    }
}

/// Where each vertex and state was reached from, by whoever came first: the one that began last.
#[derive(Default)]
struct Flood {
    machine: Machine,
    source: Vec<u32>,
    before: Vec<u32>,
    queue: Vec<u32>,
    /// Vertices with states that had completed before the source that reached them began.
    late: Vec<u32>,
}

const NOWHERE: u32 = u32::MAX;

impl Search<'_> {
    fn global(&self, vertex: u32) -> Vertex {
        self.window.first() + vertex
    }

    fn precedes(&self, one: u32, other: u32) -> bool {
        self.times.precedes(self.global(one), self.global(other))
    }

    fn step(&self, from: u32, to: u32, rel: Rel) -> Step {
        let (from, to) = (self.global(from), self.global(to));
        Step { from, to, rel }
    }

    /// Takes the cycles of two: an edge that leads back in real time.
    fn pairs(&self, sink: &mut Sink) -> bool {
        let mut found = false;
        for wanted in [Rel::Ww, Rel::Wr, Rel::Rw] {
            for from in 0..self.window.len() as u32 {
                for (to, rel) in self.window.from(from) {
                    if rel == wanted && self.precedes(to, from) {
                        found = true;
                        sink.take_walk(&[self.step(from, to, rel), self.step(to, from, Rel::Realtime)]);
                    }
                }
            }
        }
        found
    }

    /// Whether there is any cycle that real time closes.
    fn exists(&self, flood: &mut Flood) -> bool {
        self.flood(Machine::Any, flood, |_| false);
        !flood.late.is_empty()
    }

    /// Takes the rings that a machine accepts.
    fn rings(&self, machine: Machine, flood: &mut Flood, sink: &mut Sink) {
        let kinds = machine.kinds();
        self.flood(machine, flood, |vertex| sink.is_used(self.global(vertex), kinds));
        let mut steps = self.window.len() * TRACE_EACH;
        for node in &flood.late {
            let walk = self.trace(flood, *node, |vertex| sink.is_used(self.global(vertex), kinds));
            steps = steps.saturating_sub(walk.len());
            if let Some(end) = walk.last().filter(|end| end.rel == Rel::Realtime) {
                debug_assert!(self.times.precedes(end.from, end.to));
                sink.take_walk(&walk);
            }
            if steps == 0 {
                return;
            }
        }
    }

    /// Goes on from every vertex, those that began last first; what is `used` is not passed.
    fn flood(&self, machine: Machine, flood: &mut Flood, used: impl Fn(u32) -> bool) {
        let nodes = self.window.len() * machine.states();
        flood.machine = machine;
        flood.source.clear();
        flood.source.resize(nodes, NOWHERE);
        flood.before.clear();
        flood.before.resize(nodes, NOWHERE);
        flood.late.clear();
        for source in self.sources {
            if !used(*source) {
                self.flood_from(*source, flood, &used);
            }
        }
    }

    fn flood_from(&self, source: u32, flood: &mut Flood, used: &impl Fn(u32) -> bool) {
        let states = flood.machine.states();
        flood.queue.clear();
        flood.reach(source as usize * states, source, NOWHERE);
        let mut head = 0;
        while let Some(&node) = flood.queue.get(head) {
            head += 1;
            let (vertex, state) = (node as usize / states, node as usize % states);
            if flood.machine.accepts(state) && self.precedes(vertex as u32, source) {
                flood.late.push(node);
            }
            for (to, rel) in self.window.from(vertex as u32) {
                let next = flood.machine.next(state, rel);
                if let Some(next) = next.filter(|_| !used(to)) {
                    flood.reach(to as usize * states + next, source, node);
                }
            }
        }
    }

    /// The way from the source to a vertex and back by real time; cut short where it passes what is `used`.
    fn trace(&self, flood: &Flood, node: u32, used: impl Fn(u32) -> bool) -> Vec<Step> {
        let states = flood.machine.states();
        let parts = |node: u32| (node as usize / states, node as usize % states);
        let (end, source) = (parts(node).0 as u32, flood.source[node as usize]);
        let mut way = vec![self.step(end, source, Rel::Realtime)];
        let mut node = node;
        while flood.before[node as usize] != NOWHERE {
            let before = flood.before[node as usize];
            let ((from, state), (to, next)) = (parts(before), parts(node));
            let leads = |(target, rel): &(u32, Rel)| {
                *target == to as u32 && flood.machine.next(state, *rel) == Some(next)
            };
            let (_, rel) = self
                .window
                .from(from as u32)
                .find(leads)
                .expect("the edge that led here");
            way.push(self.step(from as u32, to as u32, rel));
            if used(to as u32) {
                break;
            }
            node = before;
        }
        way.reverse();
        if used(source) || way[0].from != self.global(source) {
            // Not a walk all the way round: nothing to take.
            way.pop();
        }
        way
    }
}

impl Flood {
    fn reach(&mut self, node: usize, source: u32, before: u32) {
        if self.source[node] == NOWHERE {
            self.source[node] = source;
            self.before[node] = before;
            self.queue.push(node as u32);
        }
    }
}
