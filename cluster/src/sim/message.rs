//! What clients ask of a simulated cluster, and what it answers.

use std::fmt;

use history::{Key, NodeId, Offset, Value, What};

/// A client, by the number that whoever drives it gave it.
pub type ClientId = u32;
/// A request or a timer, by a number that is used once.
pub type Token = u64;

/// Something that concerns whoever stands outside the cluster.
#[derive(Clone, Debug)]
pub enum Happening {
    /// A client has an answer.
    Response {
        /// Which client.
        client: ClientId,
        /// To which request.
        token: Token,
        /// From which node.
        node: NodeId,
        /// What it says.
        response: Response,
    },
    /// A client's timer went off.
    Timer {
        /// Which client's.
        client: ClientId,
        /// Which timer.
        token: Token,
    },
    /// Something for the history: the observer saw it, or a node's process started or ended.
    Seen(What),
}

/// Who must have a record before it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// Nobody, and no answer comes.
    None,
    /// The leader.
    Leader,
    /// Every replica of the ISR.
    All,
}

/// A producer's number, epoch and sequence number: what a leader tells a retry by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The producer's number.
    pub producer: u32,
    /// Its epoch.
    pub epoch: i16,
    /// The record's place among those of this producer's epoch in this partition.
    pub sequence: i32,
}

/// A record to write.
#[derive(Clone, Copy, Debug)]
pub struct Produce {
    /// The partition.
    pub key: Key,
    /// What it carries.
    pub value: Value,
    /// Who writes it; `None` for a producer that is not idempotent.
    pub origin: Option<Origin>,
    /// Whether it is part of a transaction.
    pub transactional: bool,
    /// Who must have it.
    pub acks: Acks,
}

/// Where a consumer reads on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// At this offset.
    At(Offset),
    /// At the end, wherever that is.
    End,
}

/// Records to read.
#[derive(Clone, Debug)]
pub struct Fetch {
    /// The partitions and where to read on in each.
    pub from: Vec<(Key, Position)>,
    /// How many records at most of each.
    pub records_max: u32,
    /// Whether only what is committed (`isolation.level=read_committed`).
    pub committed: bool,
    /// The producer of the transaction that reads, where it is one.
    pub producer: Option<u32>,
}

/// Where a group's member has read to.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The member.
    pub member: u32,
    /// The generation in which it owned the partitions.
    pub generation: u32,
    /// The partitions with the offset to read on at.
    pub offsets: Vec<(Key, Offset)>,
}

/// What a client can ask of a node.
#[derive(Clone, Debug)]
pub enum Request {
    /// Who leads, and who coordinates.
    Metadata,
    /// Write a record.
    Produce(Produce),
    /// Read records.
    Fetch(Fetch),
    /// A producer's number: a new one, or that of a transactional id with its next epoch.
    InitProducer(Option<u32>),
    /// A partition becomes part of the producer's transaction.
    AddPartition {
        /// The producer.
        producer: u32,
        /// Its epoch.
        epoch: i16,
        /// The partition.
        key: Key,
    },
    /// The end of a transaction.
    EndTransaction {
        /// The producer.
        producer: u32,
        /// Its epoch.
        epoch: i16,
        /// Whether it is committed; otherwise aborted.
        commit: bool,
        /// What its consumer has read, which becomes part of it.
        progress: Option<Progress>,
    },
    /// A member of the group is alive, and wants partitions of these.
    Heartbeat {
        /// The member.
        member: u32,
        /// The generation that it knows.
        generation: u32,
        /// The partitions that it subscribes to.
        keys: Vec<Key>,
    },
    /// A member has read to there. No answer comes.
    CommitOffsets(Progress),
}

/// What a node answers.
#[derive(Clone, Debug)]
pub enum Response {
    /// Who leads each key, and who coordinates, as the node's cache has it.
    Metadata {
        /// By key, each with its epoch: of two answers the one with the newer epoch is right.
        leaders: Vec<(Option<NodeId>, i32)>,
        /// The coordinator of transactions and groups.
        coordinator: Option<NodeId>,
    },
    /// The offset of the record, or why there is none.
    Produced(Result<Offset, Refusal>),
    /// What there is in each partition.
    Fetched(Vec<Part>),
    /// A producer's number and epoch.
    Producer(Result<(u32, i16), Refusal>),
    /// The partition is part of the transaction.
    Added(Result<(), Refusal>),
    /// The transaction has ended: the epoch of the next one.
    Ended(Result<i16, Refusal>),
    /// The partitions of a member of the group, each with the offset to begin at.
    Assigned {
        /// The generation.
        generation: u32,
        /// The partitions.
        keys: Vec<(Key, Offset)>,
    },
    /// Nobody listens: the request was not even taken.
    Refused,
}

/// What there is in one partition.
#[derive(Clone, Debug)]
pub struct Part {
    /// The partition.
    pub key: Key,
    /// The offset to read on at, or why nothing can be read.
    pub next: Result<Offset, Refusal>,
    /// The records, in their order.
    pub records: Vec<(Offset, Value)>,
}

/// Why a node does not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Another node leads.
    NotLeader,
    /// It led when it took the record, and does so no more.
    NotLeaderAnyMore,
    /// The ISR is too small.
    NotEnoughReplicas,
    /// The ISR became too small after the record was appended.
    NotEnoughReplicasAfterAppend,
    /// The sequence number leaves a gap.
    OutOfOrderSequence,
    /// The sequence number was used before.
    DuplicateSequence,
    /// A newer epoch of the producer is known.
    Fenced,
    /// The record itself is refused.
    InvalidRecord,
    /// The transaction is in no state for this.
    InvalidTransactionState,
    /// The producer's last transaction is still being ended.
    ConcurrentTransactions,
    /// Another node coordinates.
    NotCoordinator,
    /// The partition does not reach to that offset.
    OffsetOutOfRange,
}

impl Refusal {
    /// Whether a record that was refused so is certainly not in the log.
    pub fn is_certain(self) -> bool {
        !matches!(
            self,
            Self::NotLeaderAnyMore | Self::NotEnoughReplicasAfterAppend | Self::DuplicateSequence
        )
    }

    /// Its name, as Kafka's protocol has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotLeader | Self::NotLeaderAnyMore => "NOT_LEADER_OR_FOLLOWER",
            Self::NotEnoughReplicas => "NOT_ENOUGH_REPLICAS",
            Self::NotEnoughReplicasAfterAppend => "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
            Self::OutOfOrderSequence => "OUT_OF_ORDER_SEQUENCE_NUMBER",
            Self::DuplicateSequence => "DUPLICATE_SEQUENCE_NUMBER",
            Self::Fenced => "INVALID_PRODUCER_EPOCH",
            Self::InvalidRecord => "INVALID_RECORD",
            Self::InvalidTransactionState => "INVALID_TXN_STATE",
            Self::ConcurrentTransactions => "CONCURRENT_TRANSACTIONS",
            Self::NotCoordinator => "NOT_COORDINATOR",
            Self::OffsetOutOfRange => "OFFSET_OUT_OF_RANGE",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
