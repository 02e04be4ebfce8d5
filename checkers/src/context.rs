//! What every check is given.

use std::fmt::Write as _;

use history::{Header, History, Key, NodeId};

use crate::index::Index;
use crate::text;
use crate::timeline::{Timeline, timeline};
use crate::verdict::Case;

/// A history, and what the passes over it gathered.
pub(crate) struct Context<'h> {
    pub(crate) history: &'h History,
    pub(crate) header: &'h Header,
    pub(crate) index: Index<'h>,
    pub(crate) timeline: Timeline,
}

impl<'h> Context<'h> {
    /// Gathers.
    pub(crate) fn of(history: &'h History) -> Self {
        Self {
            history,
            header: &history.header,
            index: Index::of(history),
            timeline: timeline(history),
        }
    }

    /// A partition's name.
    pub(crate) fn name(&self, key: Key) -> String {
        self.header.key_name(key)
    }

    /// A case on a partition at a time, with the faults that were in force.
    pub(crate) fn case(&self, time: u64, key: Key) -> Case {
        Case {
            time,
            key: Some(key),
            partition: Some(self.name(key)),
            faults: self.timeline.faults_at(time).map(|fault| fault.id).collect(),
            ..Case::default()
        }
    }

    /// Which faults were in force at a time, in a sentence.
    pub(crate) fn faults_sentence(&self, time: u64) -> String {
        let in_force: Vec<String> = self.timeline.faults_at(time).map(fault_since).collect();
        if !in_force.is_empty() {
            return format!("In force at that time: {}.", text::list(&in_force));
        }
        let faults = &self.timeline.faults;
        let ended = faults.iter().filter_map(|fault| Some((fault.to?, fault)));
        let before = ended.filter(|(to, _)| *to < time).max_by_key(|(to, _)| *to);
        let begun = faults.iter().filter_map(|fault| Some((fault.start()?, fault)));
        let after = begun
            .filter(|(start, _)| *start > time)
            .min_by_key(|(start, _)| *start);
        let mut sentence = match before {
            Some((to, fault)) => {
                let to = text::seconds(to);
                format!(
                    "No fault was in force at that time: {} had ended at {to}",
                    text::fault(fault)
                )
            }
            None => "No fault had been in force up to that time".to_owned(),
        };
        if let Some((start, fault)) = after {
            let start = text::seconds(start);
            write!(sentence, "; the next, {}, began at {start}", text::fault(fault))
                .expect("a string takes all");
        }
        sentence + "."
    }
}

fn fault_since(fault: &crate::timeline::FaultInterval) -> String {
    let from = fault
        .start()
        .map_or_else(String::new, |from| format!(" from {}", text::seconds(from)));
    let to = match fault.to {
        Some(to) => format!(" to {}", text::seconds(to)),
        None => " to the end of the history".to_owned(),
    };
    format!("{}{from}{to}", text::fault(fault))
}

/// Nodes in order, each once.
pub(crate) fn distinct(nodes: impl IntoIterator<Item = NodeId>) -> Vec<NodeId> {
    let mut nodes: Vec<NodeId> = nodes.into_iter().collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}
