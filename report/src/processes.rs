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
    /// What it was, in order of time.
    pub(crate) states: Vec<State>,
}

/// The processes of all nodes: the brokers, then the controllers that are none, then `ZooKeeper`'s.
pub(crate) fn processes(history: &History, timeline: &Timeline) -> Vec<Process> {
    let nodes = history.header.all_nodes().into_iter();
    nodes
        .map(|node| Process {
            node,
            states: states(history, timeline, node),
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
    for fault in pauses {
        let Some(from) = fault.from else { continue };
        pause(&mut states, from, fault.to.unwrap_or(timeline.end), fault.id);
    }
    states
}

/// Cuts the stretch of a pause out of the states in which the process ran.
fn pause(states: &mut Vec<State>, from: u64, to: u64, fault: u32) {
    let mut cut = Vec::with_capacity(states.len() + 2);
    for state in states.drain(..) {
        let (start, end) = (from.max(state.from), to.min(state.to));
        if state.kind != Kind::Running || start >= end {
            cut.push(state);
            continue;
        }
        let words = format!("stopped by fault {fault}");
        let part = |from, to| State {
            from,
            to,
            ..state.clone()
        };
        cut.push(part(state.from, start));
        cut.push(State {
            kind: Kind::Paused,
            words,
            ..part(start, end)
        });
        cut.push(part(end, state.to));
        cut.retain(|state| state.from < state.to);
    }
    *states = cut;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(from: u64, to: u64, kind: Kind) -> State {
        State {
            from,
            to,
            kind,
            words: String::new(),
            incarnation: 0,
        }
    }

    #[test]
    fn a_pause_is_cut_out_of_what_ran() {
        let mut states = vec![
            state(0, 10, Kind::Running),
            state(10, 20, Kind::Gone),
            state(20, 30, Kind::Running),
        ];
        pause(&mut states, 5, 22, 1);
        let kinds: Vec<_> = states
            .iter()
            .map(|state| (state.from, state.to, state.kind))
            .collect();
        let expected = [
            (0, 5, Kind::Running),
            (5, 10, Kind::Paused),
            (10, 20, Kind::Gone),
            (20, 22, Kind::Paused),
            (22, 30, Kind::Running),
        ];
        assert_eq!(kinds, expected);
    }
}
