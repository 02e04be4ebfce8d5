//! One line of a history.

use serde::{Deserialize, Serialize};

use crate::availability::Probed;
use crate::disk::{BrokerLine, DiskCopy};
use crate::group::GroupStep;
use crate::header::{Header, Key, NodeId, Offset, Value};
use crate::impairment::Impairment;
use crate::load::Load;
use crate::observation::Observed;
use crate::share::ShareStep;
use crate::times::TimeStep;

/// Something that happened, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Nanoseconds of the run's monotonic clock since the history was opened. Never decreases.
    pub time: u64,
    /// What happened.
    pub what: What,
}

/// What an [`Event`] says. On a line, the variant's name in kebab case is the key: `{"time":1,"invoke":{…}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// What was run: always the first event, and only the first.
    Header(Box<Header>),
    /// The run went on to its next phase.
    Phase(Phase),
    /// A client began an operation.
    Invoke(Op),
    /// It happened.
    Ok(Op),
    /// It certainly did not happen.
    Fail(Op),
    /// Nobody knows whether it happened.
    Info(Op),
    /// The nemesis did something.
    Fault(Fault),
    /// The observer saw something.
    Observed(Observed),
    /// A node's broker process started or ended.
    Node(NodeChange),
    /// Records were deleted by request, or may have been.
    Deletion(Deletion),
    /// The prober wrote to a partition or read from it, or could not.
    Probed(Probed),
    /// A node's disk was copied.
    Disk(Box<DiskCopy>),
    /// A broker said so in its own log. Written when the run is over.
    Line(BrokerLine),
    /// The producers are closed: whether the load was what was asked for.
    Load(Load),
    /// The final reads are over.
    FinalReads(FinalReads),
    /// Somebody ended the run before its schedule was over (ctrl-C).
    Interrupted,
}

/// The phases of a run, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The cluster comes up and the topics are made.
    Setup,
    /// Clients work, and nothing is wrong yet.
    Steady,
    /// The schedule of faults runs while the clients work.
    Faults,
    /// What is still injected is healed; the clients go on.
    Heal,
    /// Producers are closed; every replica has to come back into the ISR.
    Settle,
    /// Every partition is read from its start to its end, then each replica's own copy.
    FinalReads,
    /// The cluster goes down.
    Teardown,
}

/// An operation of a client: its invocation or its completion.
///
/// A process has at most one operation open. One that ended `info` with its client in an unknown state is
/// retired: a new process number takes its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Op {
    /// The client.
    pub process: u32,
    /// The operation's number: the same on invocation and completion, unique and dense in a run.
    pub op: u64,
    /// What is done.
    pub f: F,
    /// Why it did not succeed, as the client said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// On a completion: the partitions that the client's group gave to it or took from it meanwhile, so that
    /// within this operation it may go on elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rebalanced: Vec<Key>,
    /// The producer that has it in flight, where the order in which one producer's operations were begun is promised to be that of
    /// the log: each client that was made has a number of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<u32>,
}

impl Op {
    /// An operation that nothing went wrong with.
    pub fn new(process: u32, op: u64, f: F) -> Self {
        Self {
            process,
            op,
            f,
            error: None,
            rebalanced: Vec::new(),
            producer: None,
        }
    }
}

/// What an operation does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum F {
    /// Write one record.
    Send(Send),
    /// Read some records. The invocation holds none.
    Poll(Poll),
    /// Read from these partitions from now on, instead of those before.
    Assign(Assign),
    /// Read from now on whatever the group gives of these partitions' topics, instead of those before.
    Subscribe(Subscribe),
    /// Several steps that happen together or not at all.
    Txn(Txn),
    /// What a member of a consumer group does beside reading.
    Group(GroupStep),
    /// What a member of a share group does.
    Share(ShareStep),
    /// Look at the times of records.
    Times(TimeStep),
    /// The client is thrown away as if it had crashed: what it held is lost. Always completes `info`.
    Crash,
}

/// A write of one record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Send {
    /// The partition.
    pub key: Key,
    /// What is written: never sent twice in a run.
    pub value: Value,
    /// Where it went, as the acknowledgement says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<Offset>,
    /// The broker that acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<NodeId>,
}

/// A read of records, in the order in which the client got them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Poll {
    /// What was read.
    pub records: Vec<Record>,
}

/// A record that was read: on a line, `[key, offset, value]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(Key, Offset, Value)", into = "(Key, Offset, Value)")]
pub struct Record {
    /// The partition.
    pub key: Key,
    /// The place in it.
    pub offset: Offset,
    /// What it carries.
    pub value: Value,
}

impl From<(Key, Offset, Value)> for Record {
    fn from((key, offset, value): (Key, Offset, Value)) -> Self {
        Self { key, offset, value }
    }
}

impl From<Record> for (Key, Offset, Value) {
    fn from(record: Record) -> Self {
        (record.key, record.offset, record.value)
    }
}

/// The partitions that a consumer reads from now on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Assign {
    /// The partitions.
    pub keys: Vec<Key>,
    /// Whether it starts at each partition's first record; otherwise where it stood, or at the end.
    #[serde(default)]
    pub from_beginning: bool,
}

/// The partitions whose topics a consumer joins a group for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Subscribe {
    /// The partitions.
    pub keys: Vec<Key>,
}

/// A transaction: `ok` is committed, `fail` is aborted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Txn {
    /// Its steps, in order. A completion that is not `ok` holds them as far as they were done.
    pub mops: Vec<Mop>,
}

/// A step of a transaction (Elle's "micro-operation").
///
/// Records of logs are sent and polled. Lists are appended to and read, registers are written and read; for
/// these the key is a number of its own, and no partition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mop {
    /// Write one record.
    Send(Send),
    /// Read some records.
    Poll(Poll),
    /// Append an element to a list: on a line, `{"append":[key,value]}`.
    Append(Key, Value),
    /// Set a register: on a line, `{"write":[key,value]}`.
    Write(Key, Value),
    /// Read a list or a register: on a line, `{"read":[key,null]}`, `{"read":[key,5]}`, `{"read":[key,[1,2]]}`.
    Read(Key, Seen),
}

/// What a read returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// `null`: in an `ok` completion the initial state; elsewhere nothing is known.
    Nothing,
    /// A register's value.
    One(Value),
    /// A list's elements, in order.
    List(Vec<Value>),
}

/// A step in the life of one fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// The fault's number in the run's schedule.
    pub id: u32,
    /// The kind, by its word in the list of faults: `partition`, `kill`, …
    pub kind: String,
    /// The nodes it is aimed at, known once the targets are chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeId>,
    /// What is done to whom, in words: `leader of log-0 (node 2) cut from its peers, not from clients`.
    pub detail: String,
    /// What it takes away while it is in force, as far as its kind says so: told when it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impairs: Option<Impairment>,
    /// Where in its life the fault is.
    pub step: FaultStep,
}

/// Where in its life a fault is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultStep {
    /// The nemesis begins to inject it.
    Injecting,
    /// It is in force from now on.
    Injected,
    /// The nemesis begins to heal it.
    Healing,
    /// It is over. `bit` says whether there is evidence that it did anything, `evidence` which.
    Healed {
        /// Whether the fault had an effect that can be shown.
        bit: bool,
        /// What shows it: `1,204 frames dropped`, `process 3 ended by SIGKILL`, or what was looked for in vain.
        evidence: String,
    },
    /// It was not injected: no machine has the power, or no target fitted.
    Skipped {
        /// Why.
        reason: String,
    },
    /// Injecting or healing it went wrong.
    Failed {
        /// What went wrong.
        error: String,
    },
}

/// A node's broker process started or ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeChange {
    /// The node.
    pub node: NodeId,
    /// How many times its broker had been started before this process.
    pub incarnation: u32,
    /// `started`, or how it ended: `exited with status 1`, `killed by signal 9`.
    pub state: String,
    /// Whether the process runs now.
    pub running: bool,
}

/// Records of a partition that somebody asked the broker to delete: from the asking on they may be gone by right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deletion {
    /// The partition.
    pub key: Key,
    /// Everything below this offset was to be deleted.
    pub below: Offset,
    /// What came of it.
    pub step: DeletionStep,
}

/// Where a deletion of records is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeletionStep {
    /// The request is about to go out.
    Asking,
    /// The broker says that it is done.
    Done {
        /// The low watermark that it answered with: no replica's log begins below.
        #[serde(rename = "low-watermark")]
        low_watermark: Offset,
    },
    /// The broker refused it before anything was deleted: nothing is gone on its account.
    Refused {
        /// Why.
        reason: String,
    },
    /// Nobody knows: the records may be gone, now or later.
    Unknown {
        /// Why.
        reason: String,
    },
}

/// What came of the final reads: the event that tells a lost record from a late one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinalReads {
    /// Every producer was closed, every replica was back in the ISR with equal ends, and the reader passed,
    /// by position, each end offset that was asked for after the last write.
    pub complete: bool,
    /// Why not, where not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Each key's end offset that had to be reached, by key.
    pub ends: Vec<Offset>,
    /// The process whose polls, from the phase's start, are the final reads.
    pub process: u32,
}
