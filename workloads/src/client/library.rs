//! What a client library is asked to do, whichever library it is and whatever language it is written in.
//!
//! Workloads speak to these traits alone, so each of them can put every library on trial. Partitions go by their
//! [`Key`]; everything that waits has a limit.

use std::any::Any;
use std::collections::BTreeMap;
use std::time::Duration;

use history::{Key, NodeId, Offset, Record, Value};

use super::{GroupProtocol, Isolation};
use crate::scribe::End;

/// Makes clients of one library.
pub(crate) trait Library: Send + Sync {
    /// A producer; one with a transactional id has fenced those before it when this returns.
    fn producer(&self, settings: &ProducerSettings) -> Result<Box<dyn Producer>, Refusal>;
    /// A consumer, which reads nothing yet.
    fn consumer(&self, settings: &ConsumerSettings) -> Result<Box<dyn Consumer>, Refusal>;
    /// A member of a share group (KIP-932). Not every library has them.
    fn share_consumer(&self, settings: &ShareSettings) -> Result<Box<dyn ShareConsumer>, Refusal>;
}

/// How a producer is set.
#[derive(Clone, Debug)]
pub(crate) struct ProducerSettings {
    /// Its `client.id`.
    pub(crate) name: String,
    /// `acks` as Kafka writes it: `0`, `1` or `all`.
    pub(crate) acks: &'static str,
    pub(crate) idempotence: bool,
    /// `max.in.flight.requests.per.connection`.
    pub(crate) max_in_flight: u32,
    pub(crate) linger: Duration,
    pub(crate) batch_bytes: u32,
    /// After which time the library gives a record up; where it is not given, never.
    pub(crate) gives_up_after: Option<Duration>,
    pub(crate) flight: FlightSettings,
    pub(crate) transaction: Option<TransactionSettings>,
}

/// What is asked of a producer whose requests under way are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FlightSettings {
    /// Whether its reports say how many requests it had under way; a library may say so unasked.
    pub(crate) is_told: bool,
    /// Whether it ends as it gives a record up, before it writes anything more, as far as the library lets it.
    pub(crate) ends_with_failure: bool,
}

/// How a transactional producer is set.
#[derive(Clone, Debug)]
pub(crate) struct TransactionSettings {
    /// `transactional.id`.
    pub(crate) id: String,
    /// `transaction.timeout.ms`.
    pub(crate) timeout: Duration,
    /// How long to go on trying to get the transactional id.
    pub(crate) init_within: Duration,
}

/// How a consumer is set. None commits by itself unless it says so.
#[derive(Clone, Debug)]
pub(crate) struct ConsumerSettings {
    pub(crate) name: String,
    pub(crate) isolation: Isolation,
    /// `fetch.wait.max.ms`.
    pub(crate) fetch_wait: Duration,
    /// What it needs to be a member of a group; where it is not given, it reads what it is assigned.
    pub(crate) group: Option<GroupSettings>,
}

/// How a member of a group is set. Where nothing is committed it starts at a partition's first record.
#[derive(Clone, Debug)]
pub(crate) struct GroupSettings {
    /// `group.id`.
    pub(crate) id: String,
    pub(crate) protocol: GroupProtocol,
    /// `group.instance.id`: a static member.
    pub(crate) instance: Option<String>,
    /// How partitions are handed over in the classic protocol: `range`, `roundrobin`, `cooperative-sticky`, or more of them with
    /// commas, the preferred first.
    pub(crate) assignor: &'static str,
    /// `session.timeout.ms` of the classic protocol.
    pub(crate) session_timeout: Duration,
    /// `max.poll.interval.ms`: a member that does not poll for so long leaves by itself; the library's own where it is not given.
    pub(crate) max_poll_interval: Option<Duration>,
    /// Whether the library commits by itself what its last poll returned, and how often.
    pub(crate) auto_commit: Option<Duration>,
}

/// How a member of a share group is set.
#[derive(Clone, Debug)]
pub(crate) struct ShareSettings {
    pub(crate) name: String,
    /// `group.id`.
    pub(crate) group: String,
}

/// A record to write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing {
    /// The partition.
    pub(crate) key: Key,
    pub(crate) value: Value,
    /// The size of its value: 8 are the number, the rest is padding.
    pub(crate) bytes: u32,
    /// The record's own key, which compaction goes by.
    pub(crate) name: Option<u64>,
    /// A record without a value, which deletes what bears its key.
    pub(crate) tombstone: bool,
    /// The time that the client gives it, in milliseconds since 1970; otherwise that of its own clock.
    pub(crate) timestamp: Option<i64>,
}

/// How a write ended, as a report says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// `ok` only with a broker's word for it; `fail` only if no broker can have it.
    pub(crate) end: End,
    pub(crate) offset: Option<Offset>,
    /// Who acknowledged, where the library says so.
    pub(crate) broker: Option<NodeId>,
    /// The time that the record has at the broker, where the library says so.
    pub(crate) timestamp: Option<i64>,
    /// Whether the library gave it up as its time was over (`delivery.timeout.ms`).
    pub(crate) expired: bool,
    /// The most requests that the producer had under way at one broker at once, as far as the library says so.
    pub(crate) in_flight: Option<u32>,
}

impl Delivery {
    /// It ended so, and nothing else is known.
    pub(crate) fn ended(end: End) -> Self {
        Self {
            end,
            offset: None,
            broker: None,
            timestamp: None,
            expired: false,
            in_flight: None,
        }
    }
}

/// A record that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Incoming {
    pub(crate) key: Key,
    pub(crate) offset: Offset,
    /// `None` for an empty one, such as a nudge.
    pub(crate) value: Option<Value>,
    pub(crate) name: Option<u64>,
    pub(crate) tombstone: bool,
    pub(crate) timestamp: Option<i64>,
    /// How many times it was delivered, this time among them, in a share group.
    pub(crate) deliveries: Option<u32>,
}

impl Incoming {
    /// What it is in a history; `None` for an empty one, which no client of a workload wrote.
    pub(crate) fn record(&self) -> Option<Record> {
        Some(Record {
            key: self.key,
            offset: self.offset,
            value: self.value?,
        })
    }
}

/// What a poll came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Polled {
    pub(crate) records: Vec<Incoming>,
    /// Why it cannot go on: what came next is gone, or the client has ended for good.
    pub(crate) lost: Option<String>,
}

/// A call that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) text: String,
    pub(crate) advice: Advice,
}

/// What to do about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    /// Make the same call again.
    Again,
    /// Abort the transaction.
    Abort,
    /// It certainly did not happen, and will not when it is tried again as it is.
    Refused,
    /// Nobody knows what came of it: throw the client away.
    Discard,
}

/// A producer of a library.
pub(crate) trait Producer: Send {
    /// Takes a record over; its report comes by `poll` under that token. A refusal is certain: it never left.
    fn send(&mut self, record: &Outgoing, token: u64) -> Result<(), Refusal>;
    /// Hands out the reports that there are, and waits no longer than that for the first.
    fn poll(&mut self, within: Duration, report: &mut dyn FnMut(u64, Delivery));
    /// Why the client is of no further use, if it is not.
    fn fatal(&self) -> Option<String>;
    /// Knows who leads each of these topics, or has tried for that long.
    fn warm(&mut self, within: Duration);
    fn begin(&mut self) -> Result<(), Refusal>;
    /// Makes what its group has read part of the transaction: the offsets to read next.
    fn send_offsets(
        &mut self,
        offsets: &BTreeMap<Key, Offset>,
        member: &Membership,
        within: Duration,
    ) -> Result<(), Refusal>;
    /// One attempt. Reports of the transaction's records may come during it: they are handed out by the next `poll`.
    fn commit(&mut self, within: Duration) -> Result<(), Refusal>;
    fn abort(&mut self, within: Duration) -> Result<(), Refusal>;
    /// Ends the client as if it had crashed, with what it had under way. Nobody waits for it.
    fn discard(self: Box<Self>);
}

/// Which member of a group a consumer is now.
pub(crate) struct Membership {
    /// The id that the group gave it.
    pub(crate) member: String,
    /// The generation of the group (classic), or the member's epoch (KIP-848).
    pub(crate) generation: i32,
    /// What the library needs to commit in its name.
    pub(crate) handle: Box<dyn Any + Send>,
}

/// What a group gave to a member or took from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rebalanced {
    pub(crate) change: Change,
    pub(crate) keys: Vec<Key>,
    /// As [`Membership`] has them, when it happened; empty and -1 where the library does not say.
    pub(crate) member: String,
    pub(crate) generation: i32,
}

/// Which way partitions went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// These are its own from now on, beside those before.
    Given,
    /// It gives these back, and may still commit for them meanwhile.
    Revoked,
    /// These were taken from it without its knowing.
    Lost,
}

/// A consumer of a library.
pub(crate) trait Consumer: Send {
    /// Reads these partitions from these offsets on, instead of those before.
    fn assign(&mut self, positions: &BTreeMap<Key, Offset>) -> Result<(), Refusal>;
    /// Joins its group for all topics of the run.
    fn subscribe(&mut self, topics: &[&str]) -> Result<(), Refusal>;
    /// What can be read, as many as `most`; waits no longer than that for the first. Rebalances happen in here.
    fn poll(&mut self, most: usize, within: Duration) -> Polled;
    /// The rebalances since it was last asked, in their order.
    fn rebalanced(&mut self) -> Vec<Rebalanced>;
    /// Which member it is; `None` while it is none.
    fn membership(&mut self) -> Option<Membership>;
    /// Commits the offsets to read next. With no time at all it does not wait for the answer.
    fn commit(&mut self, offsets: &BTreeMap<Key, Offset>, within: Duration) -> Result<(), Refusal>;
    /// What the group has committed; `None` where it has nothing.
    fn committed(&mut self, keys: &[Key], within: Duration)
    -> Result<BTreeMap<Key, Option<Offset>>, Refusal>;
    /// The first offset and the end of a partition: the high watermark, or the last stable offset under read-committed.
    fn ends(&mut self, key: Key, within: Duration) -> Result<(Offset, Offset), Refusal>;
    /// The first offset whose record is not older than that time (milliseconds since 1970), if there is one.
    fn at_time(&mut self, key: Key, timestamp: i64, within: Duration) -> Result<Option<Offset>, Refusal>;
    /// Leaves its group in peace.
    fn close(self: Box<Self>);
    /// Ends the client as if it had crashed: its group is not told. Nobody waits for it.
    fn discard(self: Box<Self>);
}

/// What a member of a share group says of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acknowledge {
    /// It is done with, and never delivered again.
    Accept,
    /// It may be delivered again.
    Release,
    /// It is bad, and never delivered again.
    Reject,
}

/// A member of a share group of a library.
pub(crate) trait ShareConsumer: Send {
    fn subscribe(&mut self, topics: &[&str]) -> Result<(), Refusal>;
    /// Acquires records; what came is unknown where it says that it cannot go on (`lost`). Whatever the last poll gave has to be
    /// acknowledged before.
    fn poll(&mut self, most: usize, within: Duration) -> Polled;
    /// Says of each record what to do with it, and waits for the answer, one for each.
    fn acknowledge(
        &mut self,
        records: &[(Key, Offset, Acknowledge)],
        within: Duration,
    ) -> Vec<Result<(), Refusal>>;
    fn close(self: Box<Self>);
    fn discard(self: Box<Self>);
}
