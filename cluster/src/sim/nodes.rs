//! A set of nodes, as small as a number.

use history::NodeId;

/// The most nodes that a simulated cluster has: one bit each.
pub(super) const NODES_MAX: u32 = 31;

/// A set of nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NodeSet(u32);

impl NodeSet {
    pub(super) fn contains(self, node: NodeId) -> bool {
        self.0 & bit(node) != 0
    }

    pub(super) fn with(self, node: NodeId) -> Self {
        Self(self.0 | bit(node))
    }

    pub(super) fn without(self, node: NodeId) -> Self {
        Self(self.0 & !bit(node))
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn len(self) -> u32 {
        self.0.count_ones()
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn iter(self) -> impl Iterator<Item = NodeId> {
        (0..=NODES_MAX).filter(move |node| self.contains(*node))
    }
}

impl FromIterator<NodeId> for NodeSet {
    fn from_iter<I: IntoIterator<Item = NodeId>>(nodes: I) -> Self {
        nodes.into_iter().fold(Self::default(), Self::with)
    }
}

fn bit(node: NodeId) -> u32 {
    1 << node.min(NODES_MAX)
}
