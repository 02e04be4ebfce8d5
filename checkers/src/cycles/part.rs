//! Stretches and components of a graph, with vertices numbered from 0.

use std::ops::Range;

use super::components::Digraph;
use super::graph::{Arc, Graph, Vertex};
use super::kind::Rels;
use crate::verdict::Rel;

/// A window of a graph: its vertices are numbered from the window's first.
pub(super) struct Window<'g> {
    graph: &'g Graph,
    range: Range<Vertex>,
}

impl<'g> Window<'g> {
    pub(super) fn new(graph: &'g Graph, range: Range<Vertex>) -> Self {
        Self { graph, range }
    }

    /// The vertex of the graph that is 0 here.
    pub(super) fn first(&self) -> Vertex {
        self.range.start
    }

    /// How many vertices it has.
    pub(super) fn len(&self) -> usize {
        self.range.len()
    }

    /// The edges that leave a vertex: where to, and of which kind.
    pub(super) fn from(&self, vertex: u32) -> impl Iterator<Item = (u32, Rel)> {
        let arcs = self.graph.from(self.range.start + vertex).iter();
        arcs.map(|arc| (arc.to() - self.range.start, arc.rel()))
    }
}

impl Digraph for Window<'_> {
    fn vertices(&self) -> usize {
        self.len()
    }

    fn edges(&self, vertex: u32) -> Range<u32> {
        0..self.graph.from(self.range.start + vertex).len() as u32
    }

    fn target(&self, vertex: u32, edge: u32) -> Option<u32> {
        let arc = self.graph.from(self.range.start + vertex)[edge as usize];
        Some(arc.to() - self.range.start)
    }
}

/// A strongly connected component of a window, as a graph of its own.
pub(super) struct Part {
    /// The vertices of the graph that are 0, 1, … here, ascending.
    members: Vec<Vertex>,
    starts: Vec<u32>,
    arcs: Vec<Arc>,
    rels: Rels,
}

impl Part {
    /// The part of a window that has these vertices.
    pub(super) fn of(window: &Window<'_>, members: &[u32]) -> Self {
        let mut members = members.to_vec();
        members.sort_unstable();
        let (mut starts, mut arcs, mut rels) = (vec![0], Vec::new(), Rels::NONE);
        for member in &members {
            for (to, rel) in window.from(*member) {
                if let Ok(place) = members.binary_search(&to) {
                    arcs.push(Arc::new(place as u32, rel));
                    rels = rels.and(Rels::of(rel));
                }
            }
            starts.push(arcs.len() as u32);
        }
        for member in &mut members {
            *member += window.first();
        }
        Self {
            members,
            starts,
            arcs,
            rels,
        }
    }

    /// The first of its vertices in the graph.
    pub(super) fn first(&self) -> Vertex {
        self.members[0]
    }

    /// What a vertex is called in the graph.
    pub(super) fn member(&self, vertex: u32) -> Vertex {
        self.members[vertex as usize]
    }

    /// How many vertices it has.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// How many vertices and edges it has together.
    pub(super) fn size(&self) -> usize {
        self.members.len() + self.arcs.len()
    }

    /// The kinds of its edges.
    pub(super) fn rels(&self) -> Rels {
        self.rels
    }

    /// The edges that leave a vertex, the gravest kind first.
    pub(super) fn from(&self, vertex: u32) -> &[Arc] {
        let range = self.range(vertex);
        &self.arcs[range.start as usize..range.end as usize]
    }

    fn range(&self, vertex: u32) -> Range<u32> {
        self.starts[vertex as usize]..self.starts[vertex as usize + 1]
    }
}

/// A part with some of its edges only, in which no two anti-dependencies may follow each other, where that is
/// asked for: then a vertex is 2·v, and 2·v + 1 where an anti-dependency led to it.
pub(super) struct Filtered<'p> {
    pub(super) part: &'p Part,
    pub(super) rels: Rels,
    pub(super) nonadjacent: bool,
}

impl Filtered<'_> {
    /// The two ends of an edge as vertices of this graph.
    pub(super) fn ends(&self, from: u32, arc: Arc) -> (u32, u32) {
        if self.nonadjacent {
            (2 * from, 2 * arc.to() + u32::from(arc.rel() == Rel::Rw))
        } else {
            (from, arc.to())
        }
    }
}

impl Digraph for Filtered<'_> {
    fn vertices(&self) -> usize {
        self.part.len() << u32::from(self.nonadjacent)
    }

    fn edges(&self, vertex: u32) -> Range<u32> {
        self.part.range(vertex >> u32::from(self.nonadjacent))
    }

    fn target(&self, vertex: u32, edge: u32) -> Option<u32> {
        let arc = self.part.arcs[edge as usize];
        if !self.rels.has(arc.rel()) {
            return None;
        }
        if !self.nonadjacent {
            return Some(arc.to());
        }
        let rw = arc.rel() == Rel::Rw;
        (!rw || vertex & 1 == 0).then_some(2 * arc.to() + u32::from(rw))
    }
}
