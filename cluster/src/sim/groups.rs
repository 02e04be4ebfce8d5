//! The group of all consumers that subscribe: who owns which partition, and where each was read to.

use std::collections::BTreeMap;

use history::{Key, NodeId, Offset};

use super::message::{ClientId, Progress, Response, Token};
use super::world::World;

/// The one group there is.
pub(super) struct Group {
    generation: u32,
    members: BTreeMap<u32, Member>,
    /// By key.
    owners: Vec<Option<u32>>,
    /// By key: where its next owner begins.
    committed: Vec<Offset>,
}

struct Member {
    heard: u64,
    keys: Vec<Key>,
}

impl Group {
    pub(super) fn new(keys: usize) -> Self {
        Self {
            generation: 0,
            members: BTreeMap::new(),
            owners: vec![None; keys],
            committed: vec![0; keys],
        }
    }

    /// A member has read to there, unless the partitions went to others meanwhile.
    pub(super) fn commit(&mut self, progress: &Progress) {
        for (key, offset) in &progress.offsets {
            if self.owners.get(*key as usize) == Some(&Some(progress.member)) {
                self.committed[*key as usize] = *offset;
            }
        }
    }

    /// Gives every partition to one of those who want it, in turn.
    fn rebalance(&mut self) {
        self.generation += 1;
        let mut turn = 0;
        for (key, owner) in (0..).zip(&mut self.owners) {
            let wanting = |member: &(&u32, &Member)| member.1.keys.contains(&key);
            let wanting: Vec<u32> = self.members.iter().filter(wanting).map(|(id, _)| *id).collect();
            *owner = None;
            if !wanting.is_empty() {
                *owner = Some(wanting[turn % wanting.len()]);
                turn += 1;
            }
        }
    }

    fn share(&self, member: u32) -> Vec<(Key, Offset)> {
        let owners = (0..).zip(self.owners.iter().zip(&self.committed));
        owners
            .filter(|(_, (owner, _))| **owner == Some(member))
            .map(|(key, (_, committed))| (key, *committed))
            .collect()
    }
}

impl World {
    /// A member is alive. It hears of what it owns where it knows an older generation.
    pub(super) fn heartbeat(
        &mut self,
        node: NodeId,
        client: ClientId,
        token: Token,
        (member, generation, keys): (u32, u32, Vec<Key>),
    ) {
        if !self.is_coordinator(node) {
            return;
        }
        let heard = self.now;
        let known = self.group.members.insert(
            member,
            Member {
                heard,
                keys: keys.clone(),
            },
        );
        if known.is_none_or(|known| known.keys != keys) {
            self.group.rebalance();
        }
        if generation != self.group.generation {
            let response = Response::Assigned {
                generation: self.group.generation,
                keys: self.group.share(member),
            };
            self.answer(node, client, token, response);
        }
    }

    /// Throws out who has not been heard of, so that others get what it owns.
    pub(super) fn expire_members(&mut self) {
        let (now, limit) = (self.now, self.settings.timing.member);
        let before = self.group.members.len();
        self.group.members.retain(|_, member| now - member.heard <= limit);
        if self.group.members.len() < before {
            self.group.rebalance();
        }
    }
}
