//! Cycles of data and process order in a strongly connected component.

use super::components::{Components, Digraph};
use super::graph::Arc;
use super::kind::{Form, Kind};
use super::part::{Filtered, Part};
use super::quest::Quest;
use super::ring::{Sink, Step, Timeout};
use crate::verdict::Rel;

/// Steps for each further ring, where one is known: what is near is found, and the whole stays linear.
const STEPS_NEAR: u64 = 200;
/// Steps for the first ring of a kind, for each vertex and edge of the component…
const STEPS_EACH: u64 = 64;
/// …and for the component itself.
const STEPS_MIN: u64 = 100_000;

/// Finds the rings of every kind in a component.
pub(super) fn search(part: &Part, memory: &mut Memory, sink: &mut Sink) {
    let mut search = Search {
        part,
        sink,
        found: 0,
        memory,
    };
    for kind in Kind::all().filter(|kind| kind.form != Form::Realtime) {
        let quest = Quest { kind };
        let process = kind.form != Form::Process || part.rels().has(Rel::Process);
        if process && part.rels().has(quest.anchor()) {
            search.hunt(quest);
        }
    }
}

struct Search<'s> {
    part: &'s Part,
    sink: &'s mut Sink,
    /// The kinds that were found in this component, as bits.
    found: u16,
    memory: &'s mut Memory,
}

/// An edge through which the cycles that are looked for go.
type Anchor = (u32, Arc);

impl Search<'_> {
    fn hunt(&mut self, quest: Quest) {
        let anchors = self.anchors(quest);
        let Some(first) = anchors.first() else {
            return;
        };
        let implied_by = quest.kind.implied_by();
        for anchor in &anchors {
            let mut steps = STEPS_NEAR;
            self.pursue(quest, *anchor, false, implied_by, &mut steps);
        }
        if self.found & implied_by == 0 {
            let mut steps = u64::MAX;
            self.pursue(quest, *first, true, 0, &mut steps);
        }
        if self.found & implied_by == 0 {
            self.hunt_on(quest, &anchors);
        }
    }

    /// Searches with many steps, until one ring is found.
    fn hunt_on(&mut self, quest: Quest, anchors: &[Anchor]) {
        let mut steps = STEPS_MIN + STEPS_EACH * self.part.size() as u64;
        for anchor in anchors {
            self.pursue(quest, *anchor, false, 0, &mut steps);
            if self.found & quest.kind.implied_by() != 0 {
                return;
            }
            if steps == 0 {
                self.sink.timeout(Timeout {
                    kind: quest.kind,
                    size: self.part.len(),
                    first: self.part.first(),
                });
                return;
            }
        }
    }

    /// Looks for a cycle through an anchor and takes it, leaving aside vertices in rings of these kinds.
    fn pursue(&mut self, quest: Quest, anchor: Anchor, relaxed: bool, without: u16, steps: &mut u64) {
        let (from, arc) = anchor;
        let used = |vertex: u32| self.sink.is_used(self.part.member(vertex), without);
        if used(from) || used(arc.to()) {
            return;
        }
        let errand = Errand {
            part: self.part,
            quest,
            goal: from,
            relaxed,
        };
        let Some(mut walk) = errand.run(arc.to(), self.memory, used, steps) else {
            return;
        };
        walk.insert(0, step(self.part, from, arc));
        self.found |= self.sink.take_walk(&walk);
    }

    /// The edges of the quest's anchoring kind that lie on a cycle of edges that it may follow.
    fn anchors(&mut self, quest: Quest) -> Vec<Anchor> {
        let graph = Filtered {
            part: self.part,
            rels: quest.rels(),
            nonadjacent: quest.nonadjacent(),
        };
        let component_of = &mut self.memory.component_of;
        component_of.clear();
        component_of.resize(graph.vertices(), 0);
        let mut count = 0;
        self.memory.components.each(&graph, |members| {
            count += 1;
            for member in members {
                component_of[*member as usize] = count;
            }
        });
        let mut anchors = Vec::new();
        for from in 0..self.part.len() as u32 {
            for arc in self.part.from(from) {
                let (one, other) = graph.ends(from, *arc);
                let component = component_of[one as usize];
                if arc.rel() == quest.anchor() && component > 0 && component == component_of[other as usize] {
                    anchors.push((from, *arc));
                }
            }
        }
        anchors
    }
}

/// Memory for searches without number.
#[derive(Default)]
pub(super) struct Memory {
    components: Components,
    component_of: Vec<u32>,
    /// Of each vertex and state the number of the last search that came there…
    seen: Vec<u32>,
    /// …and from where.
    before: Vec<u32>,
    queue: Vec<u32>,
    searches: u32,
}

impl Memory {
    fn begin(&mut self, nodes: usize) {
        if self.seen.len() < nodes || self.searches == u32::MAX {
            self.seen.clear();
            self.seen.resize(nodes, 0);
            self.before.resize(nodes, 0);
            self.searches = 0;
        }
        self.searches += 1;
        self.queue.clear();
    }

    fn visit(&mut self, node: u32, before: u32) {
        if self.seen[node as usize] != self.searches {
            self.seen[node as usize] = self.searches;
            self.before[node as usize] = before;
            self.queue.push(node);
        }
    }
}

/// One search for the shortest way back to an anchor.
struct Errand<'p> {
    part: &'p Part,
    quest: Quest,
    goal: u32,
    relaxed: bool,
}

impl Errand<'_> {
    /// The shortest way from a vertex to the goal. What is `used` is not passed.
    fn run(
        &self,
        from: u32,
        memory: &mut Memory,
        used: impl Fn(u32) -> bool,
        steps: &mut u64,
    ) -> Option<Vec<Step>> {
        let bits = self.quest.state_bits();
        memory.begin(self.part.len() << bits);
        let start = from << bits | u32::from(self.quest.start());
        memory.visit(start, start);
        let mut head = 0;
        while let Some(&node) = memory.queue.get(head) {
            head += 1;
            let (vertex, state) = self.parts(node);
            if vertex == self.goal && self.quest.closes(state, self.relaxed) {
                return Some(self.trace(node, memory));
            }
            for arc in self.part.from(vertex) {
                *steps = steps.checked_sub(1)?;
                let next = self.quest.next(state, arc.rel());
                if let Some(next) = next.filter(|_| !used(arc.to())) {
                    memory.visit(arc.to() << bits | u32::from(next), node);
                }
            }
        }
        None
    }

    fn parts(&self, node: u32) -> (u32, u8) {
        let bits = self.quest.state_bits();
        (node >> bits, (node & ((1 << bits) - 1)) as u8)
    }

    fn trace(&self, mut node: u32, memory: &Memory) -> Vec<Step> {
        let mut way = Vec::new();
        while memory.before[node as usize] != node {
            let before = memory.before[node as usize];
            let ((from, state), (to, next)) = (self.parts(before), self.parts(node));
            let mut arcs = self.part.from(from).iter();
            let arc = arcs.find(|arc| arc.to() == to && self.quest.next(state, arc.rel()) == Some(next));
            way.push(step(self.part, from, *arc.expect("the edge that led here")));
            node = before;
        }
        way.reverse();
        way
    }
}

fn step(part: &Part, from: u32, arc: Arc) -> Step {
    Step {
        from: part.member(from),
        to: part.member(arc.to()),
        rel: arc.rel(),
    }
}
