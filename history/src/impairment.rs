//! What faults take from a cluster while they are in force, and who is left.

use serde::{Deserialize, Serialize};

use crate::header::NodeId;

/// More nodes that are apart from others than this are not searched through for the largest group, but taken one by one.
const SEARCHED_MAX: usize = 16;

/// What a fault takes away while it is in force. Nothing, as it is by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impairment {
    /// Nodes that answer nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub down: Vec<NodeId>,
    /// Pairs of nodes that cannot talk with each other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apart: Vec<(NodeId, NodeId)>,
    /// Whether it may hold partitions up in a way that other replicas do not make up for: what is slow, loses or
    /// answers some only is not replaced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub degrades: bool,
}

impl Impairment {
    /// These nodes answer nobody.
    pub fn down(nodes: &[NodeId]) -> Self {
        Self {
            down: nodes.to_vec(),
            ..Self::default()
        }
    }

    /// None of the first can talk with any of the others.
    pub fn apart(nodes: &[NodeId], others: &[NodeId]) -> Self {
        let pairs = nodes
            .iter()
            .flat_map(|&node| others.iter().map(move |&other| (node, other)));
        Self {
            apart: pairs.filter(|(node, other)| node != other).collect(),
            ..Self::default()
        }
    }

    /// No node is gone, and yet it may hold partitions up.
    pub fn degrading() -> Self {
        Self {
            degrades: true,
            ..Self::default()
        }
    }

    /// Whether it takes nothing away.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// The largest group of nodes that are up and can all talk with each other while these are in force, in order. Of
/// groups of one size it is the one with the lowest numbers.
pub fn whole_group<'i>(
    nodes: &[NodeId],
    impairments: impl IntoIterator<Item = &'i Impairment>,
) -> Vec<NodeId> {
    let mut up = nodes.to_vec();
    up.sort_unstable();
    up.dedup();
    let mut apart = Vec::new();
    for impairment in impairments {
        up.retain(|node| !impairment.down.contains(node));
        apart.extend_from_slice(&impairment.apart);
    }
    apart.retain(|(one, other)| up.contains(one) && up.contains(other));
    let torn = |node: &NodeId| apart.iter().any(|(one, other)| one == node || other == node);
    let (torn, mut group): (Vec<NodeId>, Vec<NodeId>) = up.into_iter().partition(torn);
    group.extend(largest_together(&torn, &apart));
    group.sort_unstable();
    group
}

fn largest_together(torn: &[NodeId], apart: &[(NodeId, NodeId)]) -> Vec<NodeId> {
    let together = |group: &[NodeId]| {
        !apart
            .iter()
            .any(|(one, other)| group.contains(one) && group.contains(other))
    };
    if torn.len() > SEARCHED_MAX {
        let mut group = Vec::new();
        for &node in torn {
            group.push(node);
            if !together(&group) {
                group.pop();
            }
        }
        return group;
    }
    let mut best = Vec::new();
    for chosen in 0..1_u32 << torn.len() {
        if chosen.count_ones() as usize > best.len() || best.is_empty() {
            let places = (0..torn.len()).filter(|place| chosen & (1 << place) != 0);
            let group: Vec<NodeId> = places.map(|place| torn[place]).collect();
            if together(&group) {
                best = group;
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::{Impairment, whole_group};

    fn check(impairments: &[Impairment], expected: &[u32]) {
        assert_eq!(
            whole_group(&[1, 2, 3, 4, 5], impairments),
            expected,
            "{impairments:?}"
        );
    }

    #[test]
    fn who_is_down_is_not_of_the_group() {
        check(&[], &[1, 2, 3, 4, 5]);
        check(&[Impairment::down(&[2]), Impairment::down(&[2, 4])], &[1, 3, 5]);
        check(&[Impairment::degrading()], &[1, 2, 3, 4, 5]);
        check(&[Impairment::down(&[1, 2, 3, 4, 5])], &[]);
    }

    #[test]
    fn of_two_halves_the_larger_is_the_group() {
        check(&[Impairment::apart(&[1], &[2, 3, 4, 5])], &[2, 3, 4, 5]);
        check(&[Impairment::apart(&[1, 2, 3], &[4, 5])], &[1, 2, 3]);
        let two = [Impairment::apart(&[1], &[2, 3, 4, 5]), Impairment::down(&[2])];
        check(&two, &[3, 4, 5]);
        let halves = [Impairment::apart(&[1, 2], &[3, 4, 5]), Impairment::down(&[3])];
        check(&halves, &[1, 2]);
    }

    #[test]
    fn a_ring_of_links_is_no_group() {
        // Each of 1, 2 and 3 reaches 4 and 5 and none of the other two.
        let ring = Impairment {
            apart: vec![(1, 2), (2, 3), (3, 1)],
            ..Impairment::default()
        };
        check(&[ring], &[1, 4, 5]);
    }

    #[test]
    fn a_large_cluster_is_not_searched_through() {
        let nodes: Vec<u32> = (1..=40).collect();
        let cut = Impairment::apart(&nodes[..20], &nodes[20..]);
        assert_eq!(whole_group(&nodes, [&cut]), nodes[..20]);
    }
}
