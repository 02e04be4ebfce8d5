//! What each node's broker process did over time: running, stopped by SIGSTOP, or gone.

use checkers::Timeline;
use history::{History, NodeId, What};

/// The kind of fault that stops a process without ending it.
const PAUSE: &str = "pause";

/// One state of one node's process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Since when.
    pub(crate) from: u64,
    /// Until when.
    pub(crate) to: u64,
    /// Which it is.
    pub(crate) kind: Kind,
    /// What the history says of it: `started`, `killed by signal 9`, …
    pub(crate) words: String,
    /// How many times the broker had been started before.
    pub(crate) incarnation: u32,
}

/// What a process can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Running,
    Gone,
    Paused,
}

/// One node's process over time.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    /// The node.
    pub(crate) node: NodeId,
    /// Running and gone, one after the other; then the pauses, which lie over them.
    pub(crate) states: Vec<State>,
}

/// The processes of all nodes, in the header's order.
pub(crate) fn processes(history: &History, timeline: &Timeline) -> Vec<Process> {
    history
        .header
        .nodes
        .iter()
        .map(|node| Process {
            node: *node,
            states: states(history, timeline, *node),
        })
        .collect()
}

fn states(history: &History, timeline: &Timeline, node: NodeId) -> Vec<State> {
    let mut states: Vec<State> = Vec::new();
    for event in &history.events {
        let What::Node(change) = &event.what else { continue };
        if change.node != node {
            continue;
        }
        if let Some(last) = states.last_mut() {
            last.to = event.time;
        }
        states.push(State {
            from: event.time,
            to: timeline.end,
            kind: if change.running { Kind::Running } else { Kind::Gone },
            words: change.state.clone(),
            incarnation: change.incarnation,
        });
    }
    let pauses = timeline
        .faults
        .iter()
        .filter(|fault| fault.kind == PAUSE && fault.nodes.contains(&node));
    states.extend(pauses.filter_map(|fault| {
        Some(State {
            from: fault.from?,
            to: fault.to.unwrap_or(timeline.end),
            kind: Kind::Paused,
            words: format!("stopped by fault {}", fault.id),
            incarnation: 0,
        })
    }));
    states
}
