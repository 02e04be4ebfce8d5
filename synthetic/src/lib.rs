//! Histories made from a seed, as long as one likes: of a broker and of stores that keep their promises, and of
//! stores that are known to break them.
//!
//! Benchmarks and tests judge them. [`Kafka`] is a log and its clients, [`Transactions`] a store of lists or
//! registers under a named isolation, with anomalies planted into it where they are asked for. Events are handed
//! on one by one as they happen.
//!
//! Absent on purpose: files, clocks, and anything that a run of ours needs. The binary does not hold this crate.

mod elle;
mod journal;
mod kafka;
mod planted;
mod store;
mod transactions;

pub use elle::elle_line;
pub use journal::Sink;
pub use kafka::Kafka;
pub use planted::planted_names;
pub use transactions::{Data, Isolation, Transactions};
