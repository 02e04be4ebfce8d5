//! What a leader does: appends, waits for its followers, and says what is committed.

use history::{Key, NodeId, Offset};

use super::controller::AlterIsr;
use super::follower::ReplicaData;
use super::log::{Entry, Kind, Sequel};
use super::message::{Acks, ClientId, Fetch, Part, Position, Produce, Refusal, Response, Token};
use super::node::{Leadership, Leading, Parked, Proposed, Replica, Role, Waiting};
use super::nodes::NodeSet;
use super::world::{CLIENT_PORT, CONTROLLER_PORT, Event, World};

/// Entries that a follower gets at once.
const REPLICATE_MAX: Offset = 1_000;

/// A follower asks its leader for what it lacks.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplicaFetch {
    pub(super) leader: NodeId,
    pub(super) follower: NodeId,
    pub(super) key: Key,
    pub(super) epoch: i32,
    pub(super) sequence: u64,
    pub(super) end: Offset,
    /// The epoch of its last entry.
    pub(super) last_epoch: i32,
    pub(super) high_watermark: Offset,
}

impl World {
    /// A client writes.
    pub(super) fn produce(&mut self, node: NodeId, client: ClientId, token: Token, produce: Produce) {
        if self.is_stalled(produce.key) {
            return;
        }
        let appended = self.try_append(node, client, &produce);
        if produce.acks == Acks::None || self.is_muted(produce.value) {
            return;
        }
        match appended {
            Err(refusal) => self.answer(node, client, token, Response::Produced(Err(refusal))),
            Ok(offset) if produce.acks == Acks::Leader => {
                self.answer_produced(node, client, token, produce.key, offset);
            }
            Ok(offset) => {
                if let Some(leading) = self.replica(node, produce.key).and_then(Replica::leading) {
                    leading.waiting.push_back(Waiting {
                        offset,
                        client,
                        token,
                    });
                }
                self.advance(node, produce.key);
            }
        }
    }

    fn try_append(&mut self, node: NodeId, client: ClientId, produce: &Produce) -> Result<Offset, Refusal> {
        let min_isr = self.partitions[produce.key as usize].min_isr;
        let replica = self.replica(node, produce.key).ok_or(Refusal::NotLeader)?;
        let leading = replica.leading().ok_or(Refusal::NotLeader)?;
        let (epoch, isr) = (leading.epoch, leading.isr);
        let sequel = produce
            .origin
            .map_or(Sequel::Next, |origin| replica.log.sequel(origin));
        match sequel {
            Sequel::Again(offset) => return offset.ok_or(Refusal::DuplicateSequence),
            Sequel::Fenced => return Err(Refusal::Fenced),
            Sequel::Gap => return Err(Refusal::OutOfOrderSequence),
            Sequel::Next => {}
        }
        if produce.acks == Acks::All && isr.len() < min_isr {
            return Err(Refusal::NotEnoughReplicas);
        }
        if let Some(otherwise) = self.append_otherwise(client, produce, epoch) {
            return otherwise;
        }
        let entry = Entry::data(produce.value, epoch, produce.origin, produce.transactional);
        let offset = self.append(node, produce.key, entry);
        self.after_append(node, produce, entry, offset);
        offset.ok_or(Refusal::NotLeader)
    }

    /// A leader appends, and whoever waits for something new gets it.
    pub(super) fn append(&mut self, node: NodeId, key: Key, entry: Entry) -> Option<Offset> {
        let replica = self.replica(node, key)?;
        let offset = replica.log.append(entry);
        self.serve_parked(node, key, |_, _| true);
        self.advance(node, key);
        Some(offset)
    }

    /// A record that carries nothing, for the nemesis. The error says why not.
    pub(super) fn append_nudge(&mut self, key: Key) -> Result<(), String> {
        let leads = |world: &mut Self, node: NodeId| {
            let replica = world.replica(node, key)?;
            replica.leading().map(|leading| leading.epoch)
        };
        let found = self.ids().into_iter().find_map(|node| {
            let awake = self.node(node).is_awake();
            let epoch = leads(self, node).filter(|_| awake)?;
            Some((node, epoch))
        });
        let (node, epoch) = found.ok_or_else(|| format!("nobody leads key {key}"))?;
        self.append(node, key, Entry::empty(Kind::Nudge, epoch));
        Ok(())
    }

    /// Says what is committed by now, and answers those who waited for that.
    pub(super) fn advance(&mut self, node: NodeId, key: Key) {
        let min_isr = self.partitions[key as usize].min_isr;
        let alone = self.acknowledges_alone(node, key);
        let Some(replica) = self.replica(node, key) else {
            return;
        };
        let end = replica.log.end();
        let Some(leading) = replica.leading() else { return };
        let needed = if alone {
            NodeSet::default()
        } else {
            leading.needed().without(node)
        };
        let committed = needed.iter().map(|follower| leading.follower(follower).end);
        let committed = committed.fold(end, Offset::min);
        let enough = alone || leading.isr.len() >= min_isr;
        replica.high_watermark = replica.high_watermark.max(committed);
        let high_watermark = replica.high_watermark;
        while let Some(leading) = self.replica(node, key).and_then(Replica::leading) {
            let Some(first) = leading.waiting.front().copied() else {
                break;
            };
            if first.offset >= high_watermark {
                break;
            }
            leading.waiting.pop_front();
            if enough {
                self.answer_produced(node, first.client, first.token, key, first.offset);
            } else {
                let refused = Response::Produced(Err(Refusal::NotEnoughReplicasAfterAppend));
                self.answer(node, first.client, first.token, refused);
            }
        }
    }

    fn answer_produced(&mut self, node: NodeId, client: ClientId, token: Token, key: Key, offset: Offset) {
        self.expect_acknowledgement(token, key, offset);
        self.answer(node, client, token, Response::Produced(Ok(offset)));
    }

    /// A follower says how far it is and wants more.
    pub(super) fn follower_fetches(&mut self, fetch: ReplicaFetch) {
        let now = self.now;
        let Some(replica) = self.replica(fetch.leader, fetch.key) else {
            return;
        };
        let end = replica.log.end();
        let (known, known_end) = replica.log.end_of_epoch(fetch.last_epoch);
        let Some(leading) = replica.leading().filter(|leading| leading.epoch == fetch.epoch) else {
            return;
        };
        if known < fetch.last_epoch || known_end < fetch.end {
            return self.say_divergence(fetch, (known, known_end));
        }
        let follower = leading.follower(fetch.follower);
        follower.end = fetch.end;
        if fetch.end >= end {
            follower.caught_up = now;
        }
        follower.parked = Some(Parked {
            sequence: fetch.sequence,
            high_watermark: fetch.high_watermark,
            since: now,
        });
        self.advance(fetch.leader, fetch.key);
        self.maybe_expand_isr(fetch.leader, fetch.key, fetch.follower);
        if fetch.end < end {
            self.serve_follower(fetch.leader, fetch.key, fetch.follower);
        }
    }

    fn say_divergence(&mut self, fetch: ReplicaFetch, diverging: (i32, Offset)) {
        let data = ReplicaData {
            leader: fetch.leader,
            follower: fetch.follower,
            key: fetch.key,
            epoch: fetch.epoch,
            sequence: fetch.sequence,
            start: fetch.end,
            entries: Vec::new(),
            high_watermark: 0,
            diverging: Some(diverging),
        };
        let (from, to) = (fetch.leader, fetch.follower);
        self.send(from, to, CLIENT_PORT, true, Event::ReplicaData(data));
    }

    /// Answers the followers' fetches that wait, where `wanted` says so.
    fn serve_parked(&mut self, node: NodeId, key: Key, wanted: impl Fn(Parked, Offset) -> bool) {
        let Some(replica) = self.replica(node, key) else {
            return;
        };
        let high_watermark = replica.high_watermark;
        let Some(leading) = replica.leading() else { return };
        let waits = |index: usize| {
            let parked = leading.followers[index].parked;
            parked.is_some_and(|parked| wanted(parked, high_watermark))
        };
        let waiting: NodeSet = (0..leading.followers.len())
            .filter(|index| waits(*index))
            .map(|index| index as NodeId + 1)
            .collect();
        for follower in waiting.iter() {
            self.serve_follower(node, key, follower);
        }
    }

    fn serve_follower(&mut self, node: NodeId, key: Key, follower: NodeId) {
        if self.is_starved(key, follower) {
            return;
        }
        let Some(replica) = self.replica(node, key) else {
            return;
        };
        let high_watermark = replica.high_watermark;
        let Some(leading) = replica.leading() else { return };
        let (epoch, state) = (leading.epoch, leading.follower(follower));
        let Some(parked) = state.parked.take() else { return };
        let start = state.end;
        let entries = replica.log.range(start, start + REPLICATE_MAX).to_vec();
        let data = ReplicaData {
            leader: node,
            follower,
            key,
            epoch,
            sequence: parked.sequence,
            start,
            entries,
            high_watermark,
            diverging: None,
        };
        self.send(node, follower, CLIENT_PORT, true, Event::ReplicaData(data));
    }

    /// A client reads.
    pub(super) fn fetch(&mut self, node: NodeId, client: ClientId, token: Token, fetch: &Fetch) {
        let parts = fetch.from.iter();
        let parts = parts.map(|(key, position)| self.read(node, *key, *position, fetch));
        let parts: Vec<Part> = parts.collect();
        self.answer(node, client, token, Response::Fetched(parts));
    }

    fn read(&mut self, node: NodeId, key: Key, position: Position, fetch: &Fetch) -> Part {
        let refused = |refusal| Part {
            key,
            next: Err(refusal),
            records: Vec::new(),
        };
        let shown = self.shown_too(node, key, position, fetch);
        let Some(replica) = self.replica(node, key) else {
            return refused(Refusal::NotLeader);
        };
        if replica.leading().is_none() {
            return refused(Refusal::NotLeader);
        }
        let high_watermark = replica.high_watermark;
        let readable = if fetch.committed {
            replica.log.stable(high_watermark)
        } else {
            high_watermark
        };
        let readable = shown.until.unwrap_or(readable).max(readable);
        let from = match position {
            Position::End => readable,
            Position::At(offset) => offset,
        };
        if from > replica.log.end() {
            return refused(Refusal::OffsetOutOfRange);
        }
        let mut records = Vec::new();
        let mut next = from;
        for entry in replica.log.range(from, readable) {
            if records.len() >= fetch.records_max as usize {
                break;
            }
            let visible = !entry.aborted || !fetch.committed || shown.aborted;
            if entry.kind == Kind::Data && visible {
                records.push((next, entry.value));
            }
            next += 1;
        }
        Part {
            key,
            next: Ok(next),
            records,
        }
    }

    /// A node comes to lead.
    pub(super) fn lead(&mut self, node: NodeId, key: Key, known: &Leadership) {
        self.resign(node, key);
        let (nodes, now) = (self.nodes.len(), self.now);
        let Some(replica) = self.replica(node, key) else {
            return;
        };
        let start = replica.log.end();
        replica.role = Role::Leader(Leading::new(known.epoch, start, known, nodes, now));
        self.advance(node, key);
    }

    /// A node leads no more: whoever waits hears that nobody knows.
    pub(super) fn resign(&mut self, node: NodeId, key: Key) {
        let Some(replica) = self.replica(node, key) else {
            return;
        };
        let Role::Leader(leading) = std::mem::take(&mut replica.role) else {
            return;
        };
        for waiting in leading.waiting {
            let refused = Response::Produced(Err(Refusal::NotLeaderAnyMore));
            self.answer(node, waiting.client, waiting.token, refused);
        }
    }

    /// What a leader does from time to time.
    pub(super) fn look_after_followers(&mut self, node: NodeId, key: Key) {
        let (now, timing) = (self.now, self.settings.timing);
        let news = |parked: Parked, high_watermark| {
            parked.high_watermark < high_watermark || now - parked.since > 2 * timing.tick
        };
        self.serve_parked(node, key, news);
        let Some(replica) = self.replica(node, key) else {
            return;
        };
        let end = replica.log.end();
        let Some(leading) = replica.leading() else { return };
        if let Some(proposed) = leading.proposed {
            if now - proposed.since > 2 * timing.tick {
                self.propose_isr(node, key, proposed.isr);
            }
            return;
        }
        let isr = leading.isr;
        let behind = |follower: &NodeId| {
            let state = leading.followers[*follower as usize - 1];
            state.end < end && now - state.caught_up > timing.lag
        };
        let behind: Vec<NodeId> = isr.without(node).iter().filter(behind).collect();
        if !behind.is_empty() {
            let shrunk = behind.into_iter().fold(isr, NodeSet::without);
            self.propose_isr(node, key, shrunk);
        }
    }

    fn maybe_expand_isr(&mut self, node: NodeId, key: Key, follower: NodeId) {
        let Some(replica) = self.replica(node, key) else {
            return;
        };
        let high_watermark = replica.high_watermark;
        let Some(leading) = replica.leading() else { return };
        if leading.proposed.is_some() || leading.isr.contains(follower) {
            return;
        }
        let end = leading.follower(follower).end;
        if end >= high_watermark && end >= leading.start {
            let grown = leading.isr.with(follower);
            self.propose_isr(node, key, grown);
        }
    }

    fn propose_isr(&mut self, node: NodeId, key: Key, isr: NodeSet) {
        let (now, active) = (self.now, self.controller.active);
        let attempt = self.token();
        let Some(leading) = self.replica(node, key).and_then(Replica::leading) else {
            return;
        };
        leading.proposed = Some(Proposed {
            isr,
            since: now,
            attempt,
        });
        let asked = AlterIsr {
            node,
            key,
            epoch: leading.epoch,
            version: leading.version,
            isr,
            attempt,
        };
        self.send(node, active, CONTROLLER_PORT, false, Event::AlterIsr(asked));
    }

    /// The controllers refused: nobody else has to be waited for.
    pub(super) fn isr_refused(&mut self, node: NodeId, key: Key, attempt: Token) {
        let Some(leading) = self.replica(node, key).and_then(Replica::leading) else {
            return;
        };
        if leading
            .proposed
            .is_some_and(|proposed| proposed.attempt == attempt)
        {
            leading.proposed = None;
            self.advance(node, key);
        }
    }
}
