//! What was seen: operations, observations, faults, and the file that keeps them.
//!
//! A *history* is a sequence of [`Event`]s in the order of one monotonic clock. It begins with a
//! [`Header`], which says what was run and what is expected of it, so that a history file alone is enough
//! to judge a run years later. Clients write an `invoke` and then one completion: `ok` (it happened),
//! `fail` (it certainly did not) or `info` (nobody knows). The nemesis and the observer write into the same
//! history.
//!
//! [`open`] gives a history in a file as a [`Source`], to walk through as often as one likes without holding it, also
//! one that others wrote. [`read_history`] holds it. [`HistoryWriter`] writes one.
//!
//! Absent on purpose: any broker's wire format, any fault's or workload's configuration, and async code.

mod about;
mod application;
mod availability;
mod block;
mod disk;
mod error;
mod event;
mod file;
pub mod foreign;
mod group;
mod header;
mod impairment;
mod instant;
mod line;
mod load;
mod observation;
pub mod payload;
mod print;
mod read;
mod record;
mod retention;
mod ruling;
mod scan;
mod seen;
mod share;
mod source;
mod span;
mod text;
mod times;
mod transaction;
mod walk;
mod write;

pub use about::about;
pub use application::{Application, Bank, Queue, Timestamps};
pub use availability::{AvailabilityLimits, ProbeOf, Probed};
pub use disk::{BrokerLine, DiskCopy, DiskLog, Moment, QuorumState};
pub use error::ReadError;
pub use event::{
    Assign, Deletion, DeletionStep, Event, F, Fault, FaultStep, FinalReads, Mop, NodeChange, Op, Phase, Poll,
    Record, Seen, Send, Subscribe, Txn, What,
};
pub use file::{BytesSource, FileSource, Reading, open};
pub use group::{Change, Commit, Committed, GroupStep, MemberId, Rebalance};
pub use header::{
    Expectation, FORMAT, Header, KEYS_MAX, Key, NodeId, Offset, ProducerPromise, Topic, VERSION, Value,
    key_name, key_of, partition_of,
};
pub use impairment::{Impairment, whole_group};
pub use instant::milliseconds_of;
pub use line::{from_line, to_line};
pub use load::{Flight, LATE, Load, Quantiles};
pub use observation::{
    Answer, Claim, Eligible, LogChunk, Metadata, Metric, Metrics, Observed, Partitions, Probe, Quorum,
    QuorumReplica, Served, Service, Session, Silence, Stand, Stands, ZooKeeper,
};
pub use read::{History, read_history, read_line};
pub use record::{MemoryRecorder, Recorder};
pub use retention::Retention;
pub use ruling::{MetadataBatch, MetadataLog, Ruling};
pub use share::{Acknowledge, Acknowledged, Acquire, Acquired, Fate, ShareStep};
pub use source::{Format, MemorySource, Names, Scanned, Source, Wanted};
pub use span::Span;
pub use times::{LookUp, Stamp, TimeStep};
pub use transaction::{OpenTransaction, Told, TransactionLimits, Undecided};
pub use write::HistoryWriter;
