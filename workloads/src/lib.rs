//! What clients do: generators and clients.
//!
//! A plan's [`WorkloadConfig`] starts a [`Running`] workload in an [`Arena`]: clients that write every operation
//! they begin and how it ended into the history. Generators are pure and draw from the run's seed; clients do the
//! I/O. Nothing here injects a fault, and nothing judges.
//!
//! A workload is one folder and one word in the list in `list.rs`.

mod arena;
mod bank;
mod client;
mod client_log;
mod eos;
mod group;
mod idempotence;
mod list;
mod list_append;
pub mod load;
mod log;
mod queue;
mod register;
mod retention;
mod scribe;
pub mod sim;
mod timestamps;
mod txn;

pub use arena::{Arena, Invalid, LeastVersion, Promises, Running, Workload, nudge, settle};
pub use bank::BankConfig;
pub use client::{Described, GroupProtocol, Isolation, Program, ReadBy, describe};
pub use eos::{EosConfig, Offsets};
pub use group::{Assignor, Commits, GroupConfig};
pub use idempotence::IdempotenceConfig;
pub use list::{Listed, WORKLOADS, WorkloadConfig};
pub use list_append::ListAppendConfig;
pub use log::{Acks, ConsumeBy, LogConfig};
pub use queue::QueueConfig;
pub use register::RegisterConfig;
pub use retention::RetentionConfig;
pub use scribe::{Counters, Seen};
pub use timestamps::TimestampsConfig;
pub use txn::TxnConfig;
