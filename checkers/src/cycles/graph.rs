//! The graph of dependencies: four bytes an edge, and only where a cycle can be.

use std::ops::Range;

use crate::verdict::Rel;

/// An operation, by its place in the order of completions.
pub(crate) type Vertex = u32;

/// A graph has fewer vertices than this: an edge keeps its kind in the bits above, and six states of each vertex
/// have numbers in 32 bits.
pub(crate) const VERTICES_MAX: usize = 1 << (VERTEX_BITS - 1);
const VERTEX_BITS: u32 = 29;
const RELS: [Rel; 5] = [Rel::Ww, Rel::Wr, Rel::Rw, Rel::Process, Rel::Realtime];

/// Where an edge leads and of which kind it is, in one word: ordered by kind first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arc(u32);

impl Arc {
    pub(super) fn new(to: Vertex, rel: Rel) -> Self {
        debug_assert!((to as usize) < VERTICES_MAX);
        Self((rel as u32) << VERTEX_BITS | to)
    }

    pub(super) fn to(self) -> Vertex {
        self.0 & ((1 << VERTEX_BITS) - 1)
    }

    pub(super) fn rel(self) -> Rel {
        RELS[(self.0 >> VERTEX_BITS) as usize]
    }
}

/// Edges while they are being found. Several threads may each fill a list of their own.
#[derive(Debug, Default)]
pub(crate) struct Edges(Vec<(Vertex, Arc)>);

impl Edges {
    /// Adds an edge; one from an operation to itself says nothing and is left out.
    pub(crate) fn add(&mut self, from: Vertex, to: Vertex, rel: Rel) {
        if from != to {
            self.0.push((from, Arc::new(to, rel)));
        }
    }

    /// Adds an edge between each operation and the one before it of the same process, where both are `ok`.
    ///
    /// `operations` gives, in the order of the vertices, the process of each that is `ok`.
    pub(crate) fn add_process_order(&mut self, operations: impl Iterator<Item = (Vertex, u32)>) {
        let mut last = crate::dense::Dense::<u32>::default();
        for (vertex, process) in operations {
            // 0 is "none yet".
            let before = last.set(u64::from(process), vertex + 1);
            if before > 0 {
                self.add(before - 1, vertex, Rel::Process);
            }
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The dependencies among operations, as far as they can be part of a cycle.
///
/// Vertices are numbered in the order of completions, so that real time and each process always lead to a
/// higher number. A cycle then has an edge that leads back, and every place between its lowest and its highest
/// vertex is passed over by such an edge: so a cycle lies within a *window*, a stretch that edges leading back
/// cover without a gap, and edges that leave a window are not kept. A history without anomalies has small windows,
/// made by operations that overlapped.
#[derive(Debug)]
pub(crate) struct Graph {
    starts: Vec<u32>,
    arcs: Vec<Arc>,
    windows: Vec<Range<Vertex>>,
    edges: u64,
}

impl Graph {
    /// Builds the graph of this many operations. The lists are taken apart as they are read.
    pub(crate) fn new(vertices: usize, lists: Vec<Edges>) -> Self {
        assert!(
            vertices < VERTICES_MAX,
            "a graph of {vertices} operations is too large"
        );
        let edges = lists.iter().map(|list| list.len() as u64).sum();
        let (window_of, windows) = windows(vertices, &lists);
        let within = |(from, arc): (Vertex, Arc)| window_of[from as usize] == window_of[arc.to() as usize];
        let mut starts = vec![0_u32; vertices + 2];
        for edge in lists.iter().flat_map(|list| &list.0) {
            starts[edge.0 as usize + 2] += u32::from(within(*edge));
        }
        for vertex in 2..starts.len() {
            starts[vertex] += starts[vertex - 1];
        }
        let mut arcs = vec![Arc(0); starts[vertices + 1] as usize];
        for list in lists {
            for edge in list.0 {
                if within(edge) {
                    let place = &mut starts[edge.0 as usize + 1];
                    arcs[*place as usize] = edge.1;
                    *place += 1;
                }
            }
        }
        starts.pop();
        let mut graph = Self {
            starts,
            arcs,
            windows,
            edges,
        };
        graph.sort();
        graph
    }

    /// How many edges it was built from, those that are not kept included.
    pub(crate) fn edges(&self) -> u64 {
        self.edges
    }

    /// How many vertices it has.
    pub(crate) fn vertices(&self) -> usize {
        self.starts.len() - 1
    }

    /// The stretches in which cycles can be, in order.
    pub(super) fn windows(&self) -> &[Range<Vertex>] {
        &self.windows
    }

    /// The edges that leave a vertex, those of the gravest kind first.
    pub(super) fn from(&self, vertex: Vertex) -> &[Arc] {
        let vertex = vertex as usize;
        &self.arcs[self.starts[vertex] as usize..self.starts[vertex + 1] as usize]
    }

    fn sort(&mut self) {
        for vertex in 0..self.vertices() {
            let range = self.starts[vertex] as usize..self.starts[vertex + 1] as usize;
            self.arcs[range].sort_unstable();
        }
    }
}

/// For each vertex the last one of its window (itself, where it is in none), and the windows.
fn windows(vertices: usize, lists: &[Edges]) -> (Vec<Vertex>, Vec<Range<Vertex>>) {
    let mut reach: Vec<Vertex> = (0..vertices as Vertex).collect();
    for (from, arc) in lists.iter().flat_map(|list| &list.0) {
        let farthest = &mut reach[arc.to() as usize];
        *farthest = (*farthest).max(*from);
    }
    let mut windows = Vec::new();
    let mut first = 0;
    while first < vertices {
        let (mut last, mut vertex) = (reach[first] as usize, first);
        while vertex < last {
            vertex += 1;
            last = last.max(reach[vertex] as usize);
        }
        reach[first..=last].fill(last as Vertex);
        if last > first {
            windows.push(first as Vertex..last as Vertex + 1);
        }
        first = last + 1;
    }
    (reach, windows)
}

#[cfg(test)]
mod tests {
    use super::{Edges, Graph};
    use crate::verdict::Rel;

    fn graph(vertices: usize, edges: &[(u32, u32)]) -> Graph {
        let mut list = Edges::default();
        for (from, to) in edges {
            list.add(*from, *to, Rel::Ww);
        }
        Graph::new(vertices, vec![list])
    }

    #[test]
    fn only_edges_within_windows_are_kept() {
        let graph = graph(
            8,
            &[(0, 1), (2, 1), (1, 3), (3, 2), (3, 6), (7, 6), (6, 7), (4, 4)],
        );
        assert_eq!(graph.windows(), [1..4, 6..8]);
        let kept: Vec<usize> = (0..8).map(|vertex| graph.from(vertex).len()).collect();
        assert_eq!(kept, [0, 1, 1, 1, 0, 0, 1, 1]);
        assert_eq!(graph.edges(), 7);
    }

    #[test]
    fn processes_follow_themselves() {
        let mut list = Edges::default();
        list.add_process_order([(0, 5), (1, 9), (2, 5), (4, 5)].into_iter());
        let edges: Vec<(u32, u32)> = list.0.iter().map(|(from, arc)| (*from, arc.to())).collect();
        assert_eq!(edges, [(0, 2), (2, 4)]);
    }
}
