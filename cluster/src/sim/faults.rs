//! What can be done to a simulated cluster from outside.

use history::{Key, Moment, NodeChange, NodeId, Offset, What};

use super::log::Kind;
use super::node::{Process, Quorum, Replica, Role};
use super::world::{Event, World};
use crate::environment::Cut;
use crate::{Deeds, ReplicaLog};

impl World {
    /// Ends a node's process at once; what is on its disk stays. Whether one ran.
    pub fn kill(&mut self, id: NodeId) -> bool {
        self.end(id, "killed by signal 9")
    }

    /// Asks a node's process to end. Whether one ran.
    pub fn stop(&mut self, id: NodeId) -> bool {
        self.end(id, "exited with status 143")
    }

    fn end(&mut self, id: NodeId, how: &str) -> bool {
        if self.node(id).process == Process::Down {
            return false;
        }
        let node = self.node_mut(id);
        node.process = Process::Down;
        node.paused = false;
        node.quorum.leads = false;
        for replica in node.replicas.iter_mut().flatten() {
            replica.role = Role::Idle;
        }
        let held = std::mem::take(&mut node.held);
        self.process_changed(id, how, false);
        // Its clock goes on, and what else it had to do is forgotten.
        let ticks = held.into_iter().filter(|event| matches!(event, Event::Tick(_)));
        for tick in ticks.collect::<Vec<_>>() {
            self.push(self.now, tick);
        }
        true
    }

    /// Starts a node's process. Whether none ran.
    pub fn start(&mut self, id: NodeId) -> bool {
        if self.node(id).process != Process::Down {
            return false;
        }
        let copied = self.copy_disk(id, Moment::BeforeStart);
        self.see(copied);
        let node = self.node_mut(id);
        node.process = Process::Starting;
        node.incarnation += 1;
        node.quorum = Quorum {
            term: node.quorum.term,
            ..Quorum::default()
        };
        self.process_changed(id, "started", true);
        true
    }

    /// Stops a node's process without ending it. Whether one ran.
    pub fn pause(&mut self, id: NodeId) -> bool {
        let node = self.node_mut(id);
        node.paused |= node.process != Process::Down;
        node.paused
    }

    /// Lets a paused process go on, with what arrived meanwhile.
    pub fn resume(&mut self, id: NodeId) {
        let node = self.node_mut(id);
        node.paused = false;
        let held = std::mem::take(&mut node.held);
        for event in held {
            self.push(self.now, event);
        }
    }

    /// The state of a node's process as a kernel names it.
    pub fn process_state(&self, id: NodeId) -> Option<char> {
        let node = self.node(id);
        match (node.process, node.paused) {
            (Process::Down, _) => None,
            (_, true) => Some('T'),
            (_, false) => Some('S'),
        }
    }

    /// Whether a node's broker answers.
    pub fn answers(&self, id: NodeId) -> bool {
        self.node(id).process == Process::Serving && !self.node(id).paused
    }

    /// The number of a node's newest process.
    pub fn incarnation(&self, id: NodeId) -> u32 {
        self.node(id).incarnation
    }

    /// Puts cuts in force; the number names them together.
    pub fn cut(&mut self, cuts: &[Cut]) -> u64 {
        self.links.cut(cuts)
    }

    /// What the cuts of that number have dropped so far.
    pub fn cut_report(&self, id: u64) -> Deeds {
        self.links.report(id)
    }

    /// Ends the cuts of that number.
    pub fn heal(&mut self, id: u64) -> Deeds {
        self.links.heal(id)
    }

    /// Ends every fault there is.
    pub fn heal_all(&mut self) {
        self.links.heal_all();
        for id in self.ids() {
            if self.node(id).paused {
                self.resume(id);
            }
            self.start(id);
        }
    }

    /// Writes a record that carries nothing. The error says why not.
    pub fn nudge(&mut self, key: Key) -> Result<(), String> {
        self.append_nudge(key)
    }

    /// Who holds a replica of a partition, and who is in its ISR and leads it.
    pub fn replicas_of(&self, key: Key) -> Vec<NodeId> {
        let partition = self.partitions.get(key as usize);
        partition
            .map(|partition| partition.replicas.clone())
            .unwrap_or_default()
    }

    /// Who leads a partition, as the controllers have it.
    pub fn leader_of(&self, key: Key) -> Option<NodeId> {
        self.controller.state.get(key as usize)?.leader
    }

    /// Each key's end as its leader has committed it, for a cluster that has not settled.
    pub fn ends_now(&mut self) -> Vec<Offset> {
        let keys = 0..self.keys();
        let end = |key: Key| {
            let leader = self.leader_of(key)?;
            Some(self.replica(leader, key)?.high_watermark)
        };
        keys.map(end).map(Option::unwrap_or_default).collect()
    }

    /// The active controller.
    pub fn active_controller(&self) -> NodeId {
        self.controller.active
    }

    /// Each key's end, once every replica is in its ISR in the eyes of every node with the same end, all of it
    /// committed and no transaction open as far as the coordinator knows. Otherwise the error says who is not.
    pub fn settled(&mut self) -> Result<Vec<Offset>, String> {
        if !self.coordinator.is_idle() {
            return Err("a transaction is still open".to_owned());
        }
        (0..self.keys()).map(|key| self.settled_key(key)).collect()
    }

    fn settled_key(&mut self, key: Key) -> Result<Offset, String> {
        let decided = self.controller.state[key as usize];
        let replicas = self.replicas_of(key);
        if let Some(out) = replicas.iter().find(|replica| !decided.isr.contains(**replica)) {
            return Err(format!("node {out} is not in the ISR of key {key}"));
        }
        for id in self.ids() {
            let node = self.node(id);
            if node.process != Process::Serving || node.paused {
                return Err(format!("node {id} does not answer"));
            }
            if node.cache[key as usize] != decided {
                return Err(format!("node {id} does not know yet who leads key {key}"));
            }
        }
        let mut ends = Vec::new();
        for id in replicas {
            let Some(replica) = self.replica(id, key) else {
                continue;
            };
            let (end, high_watermark) = (replica.log.end(), replica.high_watermark);
            // The coordinator has written every marker, as far as it knows: what is not decided never will be.
            if high_watermark != end {
                return Err(format!(
                    "node {id} has committed {high_watermark} of {end} in key {key}"
                ));
            }
            ends.push(end);
        }
        let first = ends.first().copied().unwrap_or_default();
        if ends.iter().any(|end| *end != first) {
            return Err(format!("the replicas of key {key} have the ends {ends:?}"));
        }
        Ok(first)
    }

    /// A replica's own copy up to its own high watermark. The error says why there is none.
    pub fn replica_log(&mut self, id: NodeId, key: Key) -> Result<ReplicaLog, String> {
        if !self.answers(id) {
            return Err(format!("node {id} does not answer"));
        }
        let replica = self
            .replica(id, key)
            .ok_or_else(|| format!("node {id} is no replica"))?;
        let high_watermark = replica.high_watermark;
        let entries = (0..).zip(replica.log.range(0, high_watermark));
        let records = entries.filter(|(_, entry)| entry.kind == Kind::Data);
        let records = records.map(|(offset, entry)| (offset, entry.value, entry.epoch));
        Ok(ReplicaLog {
            high_watermark,
            records: records.collect(),
        })
    }

    pub(super) fn process_changed(&mut self, node: NodeId, state: &str, running: bool) {
        let incarnation = self.node(node).incarnation;
        self.see(What::Node(NodeChange {
            node,
            incarnation,
            state: state.to_owned(),
            running,
        }));
    }

    /// Every replica of a partition, wherever it is.
    pub(super) fn every_replica(&mut self, key: Key) -> impl Iterator<Item = &mut Replica> {
        self.nodes
            .iter_mut()
            .filter_map(move |node| node.replicas.get_mut(key as usize)?.as_mut())
    }
}
