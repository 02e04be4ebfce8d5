//! The graph of what operations depend on.

use history::{Key, Offset};

use super::operations::{Operation, Operations};
use crate::cycles::{Edges, Found, Graph, NEVER, Times, VERTICES_MAX, Vertex, search};
use crate::index::{Index, WriteOutcome};
use crate::verdict::Rel;

/// The operations in the windows with who wrote what, for those who look for edges.
pub(crate) struct Dependencies<'c> {
    pub(super) index: &'c Index,
    pub(super) operations: &'c Operations,
    /// The first write of each operation that writes, how many, and its vertex: in order.
    writers: Vec<(u32, u32, Vertex)>,
}

impl<'c> Dependencies<'c> {
    pub(crate) fn of(index: &'c Index, operations: &'c Operations) -> Self {
        let vertices = (0..).zip(&operations.all);
        let mut writers: Vec<(u32, u32, Vertex)> = vertices
            .filter(|(_, operation)| !operation.writes.is_empty())
            .map(|(vertex, operation)| (operation.writes.start, operation.writes.len() as u32, vertex))
            .collect();
        writers.sort_unstable();
        Self {
            index,
            operations,
            writers,
        }
    }

    /// The operation of a vertex.
    pub(crate) fn operation(&self, vertex: Vertex) -> &'c Operation {
        &self.operations.all[vertex as usize]
    }

    /// Whether there are more operations than a graph has room for.
    pub(crate) fn too_many(&self) -> bool {
        self.operations.all.len() >= VERTICES_MAX
    }

    /// The cycles of reading and, where the offsets order the writes, of writing, with those that only the order of
    /// a process or real time closes.
    pub(crate) fn cycles(&self) -> Found {
        let mut edges = self.data();
        let vertices = (0..).zip(&self.operations.all);
        let ok = vertices.filter(|(_, operation)| operation.outcome == WriteOutcome::Ok);
        edges.add_process_order(ok.map(|(vertex, operation)| (vertex, operation.process)));
        let graph = Graph::new(self.operations.all.len(), vec![edges]);
        search(&graph, Some(&self.times()))
    }

    /// The cycles that have anti-dependencies, by data alone.
    pub(crate) fn cycles_of_missed_writes(&self) -> Found {
        let mut edges = self.data();
        let mut any = false;
        for (vertex, operation) in (0..).zip(&self.operations.all) {
            for (_, _, missed) in self.missed(operation) {
                if let Some(writer) = self.writer(missed) {
                    any |= writer != vertex;
                    edges.add(vertex, writer, Rel::Rw);
                }
            }
        }
        if !any {
            return Found::default();
        }
        search(&Graph::new(self.operations.all.len(), vec![edges]), None)
    }

    /// Who wrote a record.
    fn writer(&self, write: u32) -> Option<Vertex> {
        let next = self.writers.partition_point(|(first, _, _)| *first <= write);
        let (first, writes, vertex) = self.writers[next.checked_sub(1)?];
        (write - first < writes).then_some(vertex)
    }

    fn data(&self) -> Edges {
        let mut edges = Edges::default();
        for (vertex, operation) in (0..).zip(&self.operations.all) {
            for read in self.operations.reads(operation) {
                if let Some(writer) = self.writer(read.write) {
                    edges.add(writer, vertex, Rel::Wr);
                }
            }
        }
        if self.index.versions.is_some() {
            for (key, _) in self.index.logs() {
                self.add_versions(key, &mut edges);
            }
        }
        edges
    }

    fn add_versions(&self, key: Key, edges: &mut Edges) {
        let mut before = None;
        for (_, write) in self.index.versions_of(key) {
            let writer = self.writer(write);
            if let (Some(before), Some(writer)) = (before, writer) {
                edges.add(before, writer, Rel::Ww);
            }
            before = writer;
        }
    }

    /// What a transaction that writes did not read, though it stands next to what it read last of each partition:
    /// the partition, the last offset that was read, and the write.
    pub(super) fn missed(&self, operation: &Operation) -> impl Iterator<Item = (Key, Offset, u32)> {
        let stops = self.operations.stops(operation).iter();
        stops.filter_map(|(key, offset)| Some((*key, *offset, self.index.next_version(*key, *offset)?)))
    }

    /// When each operation began and ended, by places in the order of events.
    fn times(&self) -> Times {
        let all = &self.operations.all;
        let ended = |operation: &Operation| operation.ended.map(|ended| ended.event);
        let mut events: Vec<u64> = all.iter().map(|operation| operation.begun.event).collect();
        events.extend(all.iter().filter_map(ended));
        events.sort_unstable();
        let rank = |event: u64| events.partition_point(|known| *known < event) as u32;
        Times {
            invoked: all.iter().map(|operation| rank(operation.begun.event)).collect(),
            completed: all
                .iter()
                .map(|operation| match ended(operation) {
                    Some(event) if operation.outcome == WriteOutcome::Ok => rank(event),
                    _ => NEVER,
                })
                .collect(),
        }
    }
}
