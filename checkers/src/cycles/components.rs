//! Strongly connected components, after Tarjan (1972), without recursion.

use std::ops::Range;

/// A directed graph as the search for components sees it.
pub(crate) trait Digraph {
    /// How many vertices it has.
    fn vertices(&self) -> usize;

    /// The places of the edges that leave a vertex.
    fn edges(&self, vertex: u32) -> Range<u32>;

    /// Where the edge at a place leads; `None` where it is not part of this graph.
    fn target(&self, vertex: u32, edge: u32) -> Option<u32>;
}

const SETTLED: u32 = u32::MAX;

/// Memory of the search, for searches without number.
#[derive(Debug, Default)]
pub(crate) struct Components {
    /// The order of discovery from 1; 0 is undiscovered, [`SETTLED`] is in a component that is complete.
    found: Vec<u32>,
    /// The earliest discovery that is reachable.
    low: Vec<u32>,
    /// Discovered, and in no complete component.
    open: Vec<u32>,
    /// The path from the root: each vertex with the places of its edges that are still to be followed.
    path: Vec<(u32, Range<u32>)>,
}

impl Components {
    /// Shows every component of two vertices or more. Components that are reached from others come first.
    pub(crate) fn each(&mut self, graph: &impl Digraph, mut show: impl FnMut(&[u32])) {
        let vertices = graph.vertices();
        self.found.clear();
        self.found.resize(vertices, 0);
        self.low.clear();
        self.low.resize(vertices, 0);
        let mut count = 0;
        for root in 0..vertices as u32 {
            if self.found[root as usize] == 0 {
                self.open_up(graph, root, &mut count);
                while let Some((vertex, mut edges)) = self.path.pop() {
                    match self.follow(graph, vertex, &mut edges) {
                        Some(next) => {
                            self.path.push((vertex, edges));
                            self.open_up(graph, next, &mut count);
                        }
                        None => self.close(vertex, &mut show),
                    }
                }
            }
        }
    }

    fn open_up(&mut self, graph: &impl Digraph, vertex: u32, count: &mut u32) {
        *count += 1;
        self.found[vertex as usize] = *count;
        self.low[vertex as usize] = *count;
        self.open.push(vertex);
        self.path.push((vertex, graph.edges(vertex)));
    }

    /// Follows the edges until one leads to a vertex that was not discovered before.
    fn follow(&mut self, graph: &impl Digraph, vertex: u32, edges: &mut Range<u32>) -> Option<u32> {
        for edge in edges {
            let Some(to) = graph.target(vertex, edge) else {
                continue;
            };
            match self.found[to as usize] {
                0 => return Some(to),
                SETTLED => {}
                found => {
                    let low = &mut self.low[vertex as usize];
                    *low = found.min(*low);
                }
            }
        }
        None
    }

    fn close(&mut self, vertex: u32, show: &mut impl FnMut(&[u32])) {
        let low = self.low[vertex as usize];
        if let Some((before, _)) = self.path.last() {
            let before = &mut self.low[*before as usize];
            *before = low.min(*before);
        }
        if low != self.found[vertex as usize] {
            return;
        }
        let first = self.open.iter().rposition(|open| *open == vertex);
        let first = first.expect("a vertex stays open until its component is complete");
        for member in &self.open[first..] {
            self.found[*member as usize] = SETTLED;
        }
        if self.open.len() - first > 1 {
            show(&self.open[first..]);
        }
        self.open.truncate(first);
    }
}
