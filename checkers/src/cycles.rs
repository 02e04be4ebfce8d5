//! Cycles of dependencies: from a graph of operations to the named cycles in it.
//!
//! Whoever judges fills [`Edges`] with the dependencies that it inferred, makes a [`Graph`] of them and calls
//! [`search`]. What comes back are [`Ring`]s: each a cycle of steps and its [`Kind`], named as Elle names them.
//! The reason for a step is not kept: whoever inferred an edge infers it again for the few that are told.
//!
//! # What to know before calling
//!
//! - A vertex is an operation. *Vertices are numbered in the order of completions* (an operation without a
//!   completion has the number that its completion would have had at the history's end), so that real time and
//!   processes lead to higher numbers. The search depends on it.
//! - Data gives edges `ww`, `wr` and `rw`; [`Edges::add_process_order`] gives those of processes.
//! - Real time needs no edges: [`Times`] says when operations began and ended, in any unit that keeps the order
//!   of the history's lines. Only operations with an end come before others: give none to an `info`.
//! - Real time and process order are not mixed: real time implies the other, so a caller gives one of them.
//!
//! # How it searches
//!
//! Cycles of data and process order lie in strongly connected components. Cycles that need real time are found
//! without any edge for it: operations in real time are intervals, and of two steps of real time in a cycle one can
//! always be left out, so there is such a cycle exactly where dependencies lead from an operation that began late to
//! one that had ended before. One walk that starts from the latest beginnings finds all of them.
//!
//! For each kind that a graver one found beside it does not already imply, there is at least one ring a
//! component. Beyond that *counts are of rings that share no operation* with each other nor with a ring of a kind
//! that implies theirs: 500 stale reads are 500 rings, and one stale read that 500 operations depend on is one.
//! They are found greedily, so there may be more.
//!
//! The search takes steps in proportion to the graph. Two things only are hard: to find, in a component that
//! has cycles with more anti-dependencies, one with a single anti-dependency, or with a step of a process too; there
//! the steps are limited, and what was not searched to the end is a [`Timeout`].

mod components;
mod graph;
mod kind;
mod part;
mod quest;
mod realtime;
mod ring;
mod rings;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub(crate) use graph::{Edges, Graph, VERTICES_MAX, Vertex};
pub(crate) use kind::{Base, Form, Kind, Naming};
pub(crate) use realtime::{NEVER, Times};
pub(crate) use ring::{Found, Ring, Step, Timeout};

pub(crate) use components::{Components, Digraph};
use part::{Part, Window};
use ring::Sink;

/// Threads that search: windows are independent of each other.
const THREADS: usize = 2;

/// Finds the cycles of a graph, those that real time closes included where times are given.
pub(crate) fn search(graph: &Graph, times: Option<&Times>) -> Found {
    let windows = graph.windows();
    let middle = windows.partition_point(|window| (window.end as usize) <= graph.vertices() / THREADS);
    let (earlier, later) = windows.split_at(middle);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| search_windows(graph, times, later));
        let found = search_windows(graph, times, earlier);
        match other.join() {
            Ok(more) => found.and(more),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn search_windows(graph: &Graph, times: Option<&Times>, windows: &[Range<Vertex>]) -> Found {
    let mut sink = Sink::default();
    let mut components = Components::default();
    let (mut rings, mut floods) = (rings::Memory::default(), realtime::Memory::default());
    for window in windows {
        let window = Window::new(graph, window.clone());
        sink.begin(window.first(), window.len());
        let mut parts = Vec::new();
        components.each(&window, |members| parts.push(Part::of(&window, members)));
        // In the order of time: the first of the findings are told.
        parts.sort_unstable_by_key(Part::first);
        for part in &parts {
            rings::search(part, &mut rings, &mut sink);
        }
        if let Some(times) = times {
            realtime::search(&window, times, &mut floods, &mut sink);
        }
    }
    sink.end()
}
