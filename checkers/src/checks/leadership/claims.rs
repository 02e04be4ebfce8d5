//! Who was said to lead in which epoch, by whom, and whether that can all be true.

use std::collections::BTreeMap;

use history::{Key, NodeId, Observed, Probe, Stand};

use crate::outcome::Kept;
use crate::succession::{Height, Succession};

/// An answer that names a leader.
#[derive(Clone)]
pub(super) struct Claimed {
    pub(super) time: u64,
    pub(super) asked: u64,
    pub(super) node: NodeId,
    pub(super) incarnation: u32,
    pub(super) key: Key,
    pub(super) epoch: i32,
    pub(super) leader: NodeId,
    /// The ISR that a broker's cache showed with it; `None` of a broker that answered as leader itself.
    pub(super) isr: Option<Vec<NodeId>>,
}

/// The first claim on an epoch.
struct First {
    claimed: Claimed,
    /// Whether another was reported that contradicts it.
    reported: bool,
}

/// What is claimed in an answer of one broker.
struct Claim<'a> {
    key: Key,
    epoch: i32,
    leader: NodeId,
    isr: Option<&'a [NodeId]>,
}

/// What the claims of the brokers show.
#[derive(Default)]
pub(super) struct Claims {
    epochs: BTreeMap<(Key, i32), First>,
    /// By process, partition and whether it answered as leader. A broker's cache and the replica beside it learn of an
    /// election one after the other, so that each may only be held against itself.
    successions: BTreeMap<(NodeId, u32, Key, bool), Succession>,
    pub(super) two_leaders: Kept<(Claimed, Claimed)>,
    pub(super) changed: Kept<(Claimed, Claimed)>,
    pub(super) went_back: Kept<(Claimed, Height)>,
}

impl Claims {
    /// The next answer.
    pub(super) fn observed(&mut self, time: u64, observed: &Observed) {
        match &observed.answer {
            Probe::Metadata(metadata) => {
                for claim in &metadata.claims {
                    self.cached(time, observed, (claim.key, claim.epoch), claim.leader, &claim.isr);
                }
            }
            Probe::Partitions(known) => {
                for claim in &known.partitions {
                    self.cached(time, observed, (claim.key, claim.epoch), claim.leader, &claim.isr);
                }
            }
            Probe::ZooKeeper(held) => {
                for claim in &held.claims {
                    self.cached(time, observed, (claim.key, claim.epoch), claim.leader, &claim.isr);
                }
            }
            Probe::Stands(stands) => {
                for stand in stands.stands.iter().filter(|stand| answers_as_leader(stand)) {
                    let claim = Claim {
                        key: stand.key,
                        epoch: stand.epoch,
                        leader: observed.node,
                        isr: None,
                    };
                    self.claim(time, observed, &claim);
                }
            }
            _ => {}
        }
    }

    fn cached(
        &mut self,
        time: u64,
        observed: &Observed,
        (key, epoch): (Key, i32),
        leader: Option<NodeId>,
        isr: &[NodeId],
    ) {
        // Brokers before 2.1 name no epochs, and then a claim says nothing of an epoch.
        if let Some(leader) = leader.filter(|_| epoch >= 0) {
            let claim = Claim {
                key,
                epoch,
                leader,
                isr: Some(isr),
            };
            self.claim(time, observed, &claim);
        }
    }

    fn claim(&mut self, time: u64, observed: &Observed, claim: &Claim<'_>) {
        let &Claim {
            key,
            epoch,
            leader,
            isr,
        } = claim;
        let claimed = || Claimed {
            time,
            asked: observed.asked,
            node: observed.node,
            incarnation: observed.incarnation,
            key,
            epoch,
            leader,
            isr: isr.map(<[NodeId]>::to_vec),
        };
        let process = (observed.node, observed.incarnation);
        let first = self.epochs.entry((key, epoch)).or_insert_with(|| First {
            claimed: claimed(),
            reported: false,
        });
        if first.claimed.leader != leader && !first.reported {
            first.reported = true;
            let same = process == (first.claimed.node, first.claimed.incarnation);
            let found = if same {
                &mut self.changed
            } else {
                &mut self.two_leaders
            };
            found.push(|| (first.claimed.clone(), claimed()));
        }
        let succession = self.successions.entry((process.0, process.1, key, isr.is_none()));
        let before = succession.or_default().next(observed.asked, time, epoch, leader);
        if let Some(before) = before {
            self.went_back.push(|| (claimed(), before));
        }
    }
}

/// Whether a broker answered as the leader of that epoch.
pub(super) fn answers_as_leader(stand: &Stand) -> bool {
    stand.refused.is_none() && (stand.high_watermark.is_some() || stand.end.is_some())
}
