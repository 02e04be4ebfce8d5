//! On what the operations of a log depend, as far as they may be part of a cycle.
//!
//! - *wr*: who read a record depends on who sent it. Every record counts, not only the last.
//! - *ww*, where the offsets are to order the writes: who sent the record at the next known offset depends on who
//!   sent the one before. An offset that held several values orders nothing.
//! - *rw*, where *ww* is built: a transaction that read a partition up to an offset comes before whoever sent the
//!   record at the next known one. Only from transactions that also write, and never together with the order of
//!   processes or real time: a consumer may lag behind as far as it likes, so that it did not read a record says
//!   nothing of when it read, and a poll of several partitions is no snapshot of them. What is left orders
//!   transactions by what they read and wrote alone, as Adya (1999) defines it.
//! - The order of each process and real time: an `ok` operation comes before whatever was begun after it was over.
//!
//! Operations without a completion take part as those of unknown outcome do, and so do failed ones. A record that
//! nobody sent depends on nobody.

mod back;
mod edges;
mod operations;
mod reasons;
mod spans;
mod versions;

pub(crate) use back::BackEdges;
pub(crate) use edges::Dependencies;
pub(crate) use operations::Operations;
pub(crate) use spans::Spans;
pub(crate) use versions::Versions;

use crate::index::{Index, Open};

/// An operation's place in an order that real time, the processes and nearly all dependencies follow: see
/// [`crate::index::Windows`]. `reads` says whether it got any record, `ended` which event completed it.
fn place(index: &Index, open: &Open, reads: bool, ended: Option<u64>) -> u64 {
    let last = if reads { ended } else { None };
    match &index.versions {
        Some(versions) if open.writes > 0 => versions.place(open.first),
        Some(_) => versions::end_of(last.unwrap_or(open.event)),
        None => last.unwrap_or(open.event),
    }
}
