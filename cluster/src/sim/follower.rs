//! What a follower does: fetches from its leader, and cuts off what that does not have.

use history::{Key, NodeId, Offset};

use super::leader::ReplicaFetch;
use super::log::Entry;
use super::node::{Following, Leadership, Process, Role};
use super::world::{CLIENT_PORT, Event, World};

/// A leader gives a follower what it lacks.
#[derive(Clone, Debug)]
pub(super) struct ReplicaData {
    pub(super) leader: NodeId,
    pub(super) follower: NodeId,
    pub(super) key: Key,
    pub(super) epoch: i32,
    pub(super) sequence: u64,
    pub(super) start: Offset,
    pub(super) entries: Vec<Entry>,
    pub(super) high_watermark: Offset,
    /// Where the leader's log has no more in common with the follower's: an epoch and its end.
    pub(super) diverging: Option<(i32, Offset)>,
}

impl World {
    /// A node comes to follow.
    pub(super) fn follow(&mut self, node: NodeId, key: Key, known: &Leadership, leader: NodeId) {
        self.resign(node, key);
        let Some(replica) = self.replica(node, key) else {
            return;
        };
        replica.role = Role::Follower(Following {
            leader,
            epoch: known.epoch,
            sequence: 0,
            sent: 0,
        });
        self.fetch_from_leader(node, key);
    }

    fn fetch_from_leader(&mut self, node: NodeId, key: Key) {
        let (now, token) = (self.now, self.token());
        let Some(replica) = self.replica(node, key) else {
            return;
        };
        let Role::Follower(following) = &mut replica.role else {
            return;
        };
        following.sequence = token;
        following.sent = now;
        let fetch = ReplicaFetch {
            leader: following.leader,
            follower: node,
            key,
            epoch: following.epoch,
            sequence: token,
            end: replica.log.end(),
            last_epoch: replica.log.last_epoch(),
            high_watermark: replica.high_watermark,
        };
        self.send(node, fetch.leader, CLIENT_PORT, false, Event::ReplicaFetch(fetch));
    }

    /// What the leader gave arrives.
    pub(super) fn take_data(&mut self, data: ReplicaData) {
        if self.node(data.follower).process != Process::Serving {
            return;
        }
        let Some(replica) = self.replica(data.follower, data.key) else {
            return;
        };
        let Role::Follower(following) = &replica.role else {
            return;
        };
        // What an earlier leader sends is for nobody any more.
        if (following.leader, following.epoch, following.sequence) != (data.leader, data.epoch, data.sequence)
        {
            return;
        }
        if let Some((epoch, end)) = data.diverging {
            let (_, own_end) = replica.log.end_of_epoch(epoch);
            replica.log.truncate(end.min(own_end));
            replica.high_watermark = replica.high_watermark.min(replica.log.end());
        } else if data.start == replica.log.end() {
            for entry in data.entries {
                // What became of its transaction is told by the marker, here as there.
                replica.log.append(Entry {
                    aborted: false,
                    ..entry
                });
            }
            let known = data.high_watermark.min(replica.log.end());
            replica.high_watermark = replica.high_watermark.max(known);
        }
        self.fetch_from_leader(data.follower, data.key);
    }

    /// What a node does with a replica from time to time.
    pub(super) fn look_after(&mut self, node: NodeId, key: Key) {
        let (now, patience) = (self.now, 5 * self.settings.timing.tick);
        let Some(replica) = self.replica(node, key) else {
            return;
        };
        match &replica.role {
            Role::Leader(_) => self.look_after_followers(node, key),
            // The fetch or its answer was lost.
            Role::Follower(following) if now - following.sent > patience => self.fetch_from_leader(node, key),
            Role::Follower(_) | Role::Idle => {}
        }
    }
}
