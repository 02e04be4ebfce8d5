//! The nodes of a cluster by what they are: a schedule is drawn for them.

use history::NodeId;

use crate::target::node_list;

/// The nodes of a cluster by what they are. Brokers alone are drawn; whoever else is meant is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// The brokers, which are the controllers too where there are no others.
    pub brokers: Vec<NodeId>,
    /// The controllers that are no brokers.
    pub controllers: Vec<NodeId>,
    /// The nodes of `ZooKeeper`.
    pub zookeepers: Vec<NodeId>,
}

/// What a fault can hit: not everything can be done to every node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Every node.
    Any,
    /// Brokers alone: what is done is of replicas, of clients, or of sessions with `ZooKeeper`.
    Broker,
    /// Brokers and controllers, which keep a log that is recovered, and not `ZooKeeper`'s nodes.
    Kafka,
    /// Voters of the controllers' quorum alone.
    Voter,
}

impl Members {
    /// Every node.
    pub fn all(&self) -> Vec<NodeId> {
        [
            self.brokers.as_slice(),
            self.controllers.as_slice(),
            self.zookeepers.as_slice(),
        ]
        .concat()
    }

    /// The groups that limits hold for, each on its own.
    pub(crate) fn groups(&self) -> Vec<Vec<NodeId>> {
        let groups = [&self.brokers, &self.controllers, &self.zookeepers];
        groups
            .into_iter()
            .filter(|group| !group.is_empty())
            .cloned()
            .collect()
    }

    /// Those that vote on who controls: with `ZooKeeper` that is settled by its nodes.
    pub(crate) fn voters(&self) -> &[NodeId] {
        match (self.controllers.is_empty(), self.zookeepers.is_empty()) {
            (false, _) => &self.controllers,
            (true, false) => &self.zookeepers,
            (true, true) => &self.brokers,
        }
    }

    /// Why a node that a plan names cannot be hit by a fault of that kind, where it cannot.
    pub(crate) fn refuse(&self, node: NodeId, part: Part) -> Option<String> {
        if !self.all().contains(&node) {
            return Some(format!("there is no node {node}: this cluster has {self}"));
        }
        let is = |group: &[NodeId]| group.contains(&node);
        match part {
            Part::Broker if !is(&self.brokers) => {
                let what = if is(&self.controllers) {
                    "a controller"
                } else {
                    "ZooKeeper's"
                };
                Some(format!(
                    "node {node} is {what}, and this fault is one of brokers: name {}",
                    node_list(&self.brokers)
                ))
            }
            Part::Voter if !is(self.voters()) => Some(format!(
                "node {node} is no controller: the voters are {}",
                node_list(self.voters())
            )),
            Part::Kafka if is(&self.zookeepers) => Some(format!(
                "node {node} is ZooKeeper's, and this fault is one of Kafka's own nodes: name {}",
                node_list(&self.brokers)
            )),
            Part::Any | Part::Kafka | Part::Broker | Part::Voter => None,
        }
    }
}

impl std::fmt::Display for Members {
    /// `nodes 1, 2, 3` · `nodes 1, 2, 3 (brokers) and nodes 4, 5, 6 (controllers)`
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&node_list(&self.brokers))?;
        let others = [(&self.controllers, "controller"), (&self.zookeepers, "ZooKeeper")];
        let mut others = others
            .into_iter()
            .filter(|(nodes, _)| !nodes.is_empty())
            .peekable();
        if others.peek().is_some() {
            formatter.write_str(" (broker)")?;
        }
        others.try_for_each(|(nodes, word)| write!(formatter, " and {} ({word})", node_list(nodes)))
    }
}

/// Nodes that are brokers and controllers at once.
impl<T: AsRef<[NodeId]> + ?Sized> From<&T> for Members {
    fn from(brokers: &T) -> Self {
        Self {
            brokers: brokers.as_ref().to_vec(),
            ..Self::default()
        }
    }
}
