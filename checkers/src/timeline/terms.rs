//! Who led the controllers' quorum, or was the controller by way of `ZooKeeper`, term by term.

use std::collections::BTreeMap;

use history::{Header, NodeId, Observed, Probe, ZooKeeper};

/// One controller's leadership in one term, as far as answers show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The term (the quorum's leader epoch, or the controller's).
    pub epoch: i32,
    /// Who led it.
    pub leader: NodeId,
    /// The first answer that showed it.
    pub from: u64,
    /// The last answer that showed it.
    pub until: u64,
}

#[derive(Default)]
pub(super) struct Builder {
    /// The quorum's nodes. What `ZooKeeper` holds of one that has taken over from it is a copy, under a term that is not the quorum's.
    quorum: Vec<NodeId>,
    terms: BTreeMap<(i32, NodeId), Term>,
}

impl Builder {
    pub(super) fn new(header: &Header) -> Self {
        Self {
            quorum: header.controllers.clone(),
            terms: BTreeMap::new(),
        }
    }

    pub(super) fn observed(&mut self, time: u64, observed: &Observed) {
        let (epoch, leader) = match &observed.answer {
            Probe::Quorum(quorum) => (quorum.epoch, quorum.leader),
            Probe::ZooKeeper(ZooKeeper {
                controller: Some(controller),
                epoch: Some(epoch),
                ..
            }) if !self.quorum.contains(controller) => (*epoch, *controller),
            _ => return,
        };
        self.terms
            .entry((epoch, leader))
            .and_modify(|term| term.until = time)
            .or_insert(Term {
                epoch,
                leader,
                from: time,
                until: time,
            });
    }

    pub(super) fn finish(self) -> Vec<Term> {
        let mut terms: Vec<Term> = self.terms.into_values().collect();
        terms.sort_by_key(|term| (term.from, term.epoch, term.leader));
        terms
    }
}
