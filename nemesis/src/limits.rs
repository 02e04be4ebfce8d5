//! What the faults in force together may not take away: kept to when a schedule is drawn, and again at each
//! injection, when it is known whom the fault hits.

use history::{Impairment, NodeId, whole_group};
use serde::{Deserialize, Serialize};

use crate::target::node_list;

/// The `[nemesis.limits]` of a plan. Without any, nothing is kept to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct FaultLimits {
    /// What must always be left: nodes that are up and can all talk with each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<Keep>,
    /// How many nodes may be down, or cut off from the largest group that is left, at one time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes_down_at_most: Option<u32>,
    /// Whether no node may be hit by two faults at one time.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub different_nodes: bool,
    /// Whether the limits are exceeded on purpose: each fault that breaks one is injected all the same, and says so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub exceed: bool,
}

/// What must be left of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// More than half of its nodes.
    Majority,
    /// One node.
    One,
}

impl Keep {
    fn of(self, nodes: usize) -> usize {
        match self {
            Self::Majority => nodes / 2 + 1,
            Self::One => 1,
        }
    }
}

/// A fault in force, or one that is to come: whom it hits and what that takes away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) nodes: Vec<NodeId>,
    pub(crate) impairs: Impairment,
}

impl Hit {
    /// Of a fault that was not injected.
    pub(crate) fn nobody() -> Self {
        Self {
            nodes: Vec::new(),
            impairs: Impairment::default(),
        }
    }
}

impl FaultLimits {
    /// Which limit one more fault would break beside those in force, in the first group of nodes in which it would.
    pub(crate) fn broken_in_any(
        &self,
        groups: &[Vec<NodeId>],
        in_force: &[Hit],
        more: &Hit,
    ) -> Option<String> {
        let mut groups = groups.iter();
        groups.find_map(|nodes| self.broken(nodes, in_force, more))
    }

    /// Which limit one more fault would break beside those in force, in this group of nodes.
    pub(crate) fn broken(&self, all: &[NodeId], in_force: &[Hit], more: &Hit) -> Option<String> {
        if self.different_nodes {
            let mut taken = in_force.iter().flat_map(|hit| &hit.nodes);
            if let Some(node) = taken.find(|node| more.nodes.contains(node)) {
                return Some(format!("node {node} is hit by another fault already"));
            }
        }
        if more.impairs.down.is_empty() && more.impairs.apart.is_empty() {
            return None;
        }
        let impairments = in_force.iter().map(|hit| &hit.impairs);
        let left = whole_group(all, impairments.chain([&more.impairs]));
        let kept = self.keep.map_or(0, |keep| keep.of(all.len()));
        if left.len() < kept {
            return Some(format!(
                "it leaves {} together, and at least {kept} of {} are to be kept",
                node_list(&left),
                all.len()
            ));
        }
        let gone: Vec<NodeId> = all.iter().copied().filter(|node| !left.contains(node)).collect();
        let most = self.nodes_down_at_most? as usize;
        (gone.len() > most).then(|| {
            format!(
                "it takes {} away, and at most {most} may be down or cut off",
                node_list(&gone)
            )
        })
    }
}
