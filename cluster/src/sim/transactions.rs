//! The coordinator of transactions and groups, and the markers that end a transaction in each of its partitions.
//!
//! Its state is taken for what its log promises: whoever leads the coordinator's partition has all of it. Each
//! transaction of a producer has an epoch of its own (KIP-890), so that a record that comes late is refused.

use history::{Key, NodeId, Offset, OpenTransaction, Told, Undecided};

use super::log::Entry;
use super::message::{ClientId, Progress, Refusal, Request, Response, Token};
use super::node::{Process, Replica};
use super::settings::MILLISECOND;
use super::world::{CLIENT_PORT, Event, World};

/// How long is waited before a marker that could not be written is written again, or is looked for.
const MARKER_AGAIN_AFTER: u64 = 5 * MILLISECOND;

/// Every producer's transactions.
#[derive(Default)]
pub(super) struct Coordinator {
    producers: Vec<Producer>,
}

struct Producer {
    transactional_id: Option<u32>,
    epoch: i16,
    state: State,
    /// How its last transaction ended, and the epoch of that: a client may ask again.
    ended: Option<(i16, bool)>,
}

enum State {
    Empty,
    Ongoing {
        keys: Vec<Key>,
        since: u64,
    },
    Ending {
        commit: bool,
        left: Vec<Key>,
        progress: Option<Progress>,
    },
}

impl Producer {
    /// How far its transaction is, as Kafka writes it.
    fn state_word(&self) -> &'static str {
        match (&self.state, self.ended) {
            (State::Ongoing { .. }, _) => "Ongoing",
            (State::Ending { commit: true, .. }, _) => "PrepareCommit",
            (State::Ending { commit: false, .. }, _) => "PrepareAbort",
            (State::Empty, Some((_, true))) => "CompleteCommit",
            (State::Empty, Some((_, false))) => "CompleteAbort",
            (State::Empty, None) => "Empty",
        }
    }
}

impl Coordinator {
    fn get(&mut self, producer: u32, epoch: i16) -> Result<&mut Producer, Refusal> {
        let found = self.producers.get_mut(producer as usize);
        let found = found.ok_or(Refusal::InvalidTransactionState)?;
        if found.epoch == epoch {
            Ok(found)
        } else {
            Err(Refusal::Fenced)
        }
    }

    /// Whether every transaction has ended.
    pub(super) fn is_idle(&self) -> bool {
        let idle = |producer: &Producer| matches!(producer.state, State::Empty);
        self.producers.iter().all(idle)
    }
}

impl World {
    /// A request that only the coordinator serves; any node gives a producer its number.
    pub(super) fn coordinate(&mut self, node: NodeId, client: ClientId, token: Token, request: Request) {
        let is_coordinator = self.is_coordinator(node);
        let here = if is_coordinator {
            Ok(())
        } else {
            Err(Refusal::NotCoordinator)
        };
        let response = match request {
            Request::InitProducer(id) => {
                let allowed = if id.is_none() { Ok(()) } else { here };
                Response::Producer(allowed.and_then(|()| self.init_producer(id)))
            }
            Request::AddPartition { producer, epoch, key } => {
                Response::Added(here.and_then(|()| self.add_partition(producer, epoch, key)))
            }
            Request::EndTransaction {
                producer,
                epoch,
                commit,
                progress,
            } => {
                let ended = here.and_then(|()| self.end_transaction(producer, epoch, commit, progress));
                if commit && self.mutes_commit(producer, epoch) {
                    return;
                }
                Response::Ended(ended)
            }
            Request::Heartbeat {
                member,
                generation,
                keys,
            } => return self.heartbeat(node, client, token, (member, generation, keys)),
            Request::CommitOffsets(progress) => {
                if is_coordinator {
                    self.group.commit(&progress);
                }
                return;
            }
            Request::Metadata | Request::Produce(_) | Request::Fetch(_) => return,
        };
        self.answer(node, client, token, response);
    }

    pub(super) fn is_coordinator(&self, node: NodeId) -> bool {
        let key = self.keys() as usize;
        let decided = self.controller.state[key].leader == Some(node);
        decided && self.node(node).cache[key].leader == Some(node)
    }

    fn init_producer(&mut self, id: Option<u32>) -> Result<(u32, i16), Refusal> {
        let producers = &mut self.coordinator.producers;
        let known = producers
            .iter()
            .position(|producer| id.is_some() && producer.transactional_id == id);
        let Some(known) = known else {
            producers.push(Producer {
                transactional_id: id,
                epoch: 0,
                state: State::Empty,
                ended: None,
            });
            return Ok((producers.len() as u32 - 1, 0));
        };
        match producers[known].state {
            State::Ending { .. } => return Err(Refusal::ConcurrentTransactions),
            State::Ongoing { .. } => {
                self.begin_to_end(known as u32, false, None);
                return Err(Refusal::ConcurrentTransactions);
            }
            State::Empty => {}
        }
        let producer = &mut self.coordinator.producers[known];
        producer.epoch += 1;
        producer.ended = None;
        Ok((known as u32, producer.epoch))
    }

    fn add_partition(&mut self, producer: u32, epoch: i16, key: Key) -> Result<(), Refusal> {
        let now = self.now;
        let found = self.coordinator.get(producer, epoch)?;
        match &mut found.state {
            State::Ending { .. } => return Err(Refusal::ConcurrentTransactions),
            State::Ongoing { keys, .. } => {
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
            State::Empty => {
                found.state = State::Ongoing {
                    keys: vec![key],
                    since: now,
                };
            }
        }
        Ok(())
    }

    fn end_transaction(
        &mut self,
        producer: u32,
        epoch: i16,
        commit: bool,
        progress: Option<Progress>,
    ) -> Result<i16, Refusal> {
        if let Some(found) = self.coordinator.producers.get(producer as usize)
            && found.ended == Some((epoch, commit))
        {
            return Ok(found.epoch);
        }
        let found = self.coordinator.get(producer, epoch)?;
        match found.state {
            State::Ending { .. } => Err(Refusal::ConcurrentTransactions),
            State::Empty => Err(Refusal::InvalidTransactionState),
            State::Ongoing { .. } => Ok(self.begin_to_end(producer, commit, progress)),
        }
    }

    /// Decides a transaction's end and has its markers written: the producer's next epoch.
    fn begin_to_end(&mut self, producer: u32, commit: bool, progress: Option<Progress>) -> i16 {
        let found = &mut self.coordinator.producers[producer as usize];
        let State::Ongoing { keys, .. } = &found.state else {
            return found.epoch;
        };
        let keys = keys.clone();
        found.ended = Some((found.epoch, commit));
        found.epoch += 1;
        let epoch = found.epoch;
        found.state = State::Ending {
            commit,
            left: keys.clone(),
            progress,
        };
        for key in keys {
            let at = self.now + self.delay();
            self.push(at, Event::Marker { producer, key });
        }
        epoch
    }

    /// Writes a marker where the partition's leader can be reached; else tries again.
    pub(super) fn write_marker(&mut self, producer: u32, key: Key) {
        let Some((commit, epoch, partitions)) = self.decision(producer) else {
            return;
        };
        let again = Event::Marker { producer, key };
        let Some((leader, leader_epoch)) = self.leader_for_markers(key) else {
            return self.push(self.now + MARKER_AGAIN_AFTER, again);
        };
        if self.loses_marker(producer, key, leader, commit) {
            return self.marker_done(producer, key);
        }
        let commit = self.decides_otherwise(producer, key, leader, commit, partitions);
        let entry = Entry::marker(commit, leader_epoch, producer, epoch);
        self.before_marker(leader, producer, key, commit);
        let Some(offset) = self.append(leader, key, entry) else {
            return self.push(self.now + MARKER_AGAIN_AFTER, again);
        };
        let written = Event::MarkerWritten {
            producer,
            key,
            node: leader,
            epoch: leader_epoch,
            offset,
        };
        self.push(self.now + MARKER_AGAIN_AFTER, written);
    }

    /// How a transaction ends, the producer's epoch after it, and how many markers are still to be written.
    fn decision(&self, producer: u32) -> Option<(bool, i16, usize)> {
        let found = self.coordinator.producers.get(producer as usize)?;
        match &found.state {
            State::Ending { commit, left, .. } => Some((*commit, found.epoch, left.len())),
            State::Empty | State::Ongoing { .. } => None,
        }
    }

    /// The leader of a partition, where the coordinator is alive and can reach it.
    fn leader_for_markers(&mut self, key: Key) -> Option<(NodeId, i32)> {
        let coordinator = self.controller.state[self.keys() as usize].leader?;
        let leader = self.controller.state[key as usize].leader?;
        let alive = self.node(coordinator).is_awake()
            && self.node(leader).is_awake()
            && self.node(leader).process == Process::Serving;
        if !alive || !self.carries(coordinator, leader, CLIENT_PORT) {
            return None;
        }
        let leading = self.replica(leader, key)?.leading()?;
        Some((leader, leading.epoch))
    }

    /// A marker counts once it is committed itself; one that was cut off is written again.
    pub(super) fn marker_written(
        &mut self,
        producer: u32,
        key: Key,
        node: NodeId,
        epoch: i32,
        offset: Offset,
    ) {
        let replica = self.replica(node, key);
        let state = replica.and_then(|replica| {
            let committed = replica.high_watermark > offset;
            let leading = replica.leading()?;
            (leading.epoch == epoch).then_some(committed)
        });
        match state {
            Some(true) => self.marker_done(producer, key),
            Some(false) => {
                let again = Event::MarkerWritten {
                    producer,
                    key,
                    node,
                    epoch,
                    offset,
                };
                self.push(self.now + MARKER_AGAIN_AFTER, again);
            }
            None => self.push(self.now + MARKER_AGAIN_AFTER, Event::Marker { producer, key }),
        }
    }

    fn marker_done(&mut self, producer: u32, key: Key) {
        let Some(found) = self.coordinator.producers.get_mut(producer as usize) else {
            return;
        };
        let State::Ending {
            left,
            commit,
            progress,
        } = &mut found.state
        else {
            return;
        };
        left.retain(|other| *other != key);
        if left.is_empty() {
            let progress = progress.take().filter(|_| *commit);
            found.state = State::Empty;
            if let Some(progress) = progress {
                self.group.commit(&progress);
            }
        }
    }

    /// How far a partition is decided, by its leader, and what the coordinator knows of who holds it back; `None` where nobody leads it.
    pub fn undecided(&mut self, key: Key) -> Option<(NodeId, Undecided)> {
        let leader = self.leader_of(key)?;
        let replica = self.replica(leader, key)?;
        let high_watermark = replica.high_watermark;
        let last_stable = replica.log.stable(high_watermark);
        let mut open = replica.log.open();
        open.sort_by_key(|(_, _, first)| *first);
        let open = open.into_iter().map(|(producer, epoch, first)| {
            let known = self.coordinator.producers.get(producer as usize);
            OpenTransaction {
                producer: i64::from(producer),
                epoch: i32::from(epoch),
                first,
                transactional_id: known
                    .and_then(|known| known.transactional_id)
                    .map(|id| id.to_string()),
                state: known.map(|known| known.state_word().to_owned()),
            }
        });
        Some((
            leader,
            Undecided {
                key,
                last_stable,
                high_watermark,
                open: open.collect(),
                told: Told::All,
            },
        ))
    }

    /// Aborts what has been open for too long.
    pub(super) fn expire_transactions(&mut self) {
        let (now, limit) = (self.now, self.settings.timing.transaction);
        let expired = |producer: &Producer| match &producer.state {
            State::Ongoing { since, .. } => now - since > limit,
            State::Empty | State::Ending { .. } => false,
        };
        let producers = (0..).zip(&self.coordinator.producers);
        let expired: Vec<u32> = producers
            .filter(|(_, producer)| expired(producer))
            .map(|(number, _)| number)
            .collect();
        for producer in expired {
            self.begin_to_end(producer, false, None);
        }
    }

    /// The epoch of the leader, for those who append by themselves.
    pub(super) fn epoch_of_leader(&mut self, node: NodeId, key: Key) -> Option<i32> {
        let leading = self.replica(node, key).and_then(Replica::leading)?;
        Some(leading.epoch)
    }
}
