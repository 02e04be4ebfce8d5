//! What lies on a Kafka node's disk, read without a JVM.
//!
//! One file here is one format of the disk's. [`segment`] walks through record batches, each with its sum checked, where they
//! lie; [`log`] puts segments together; [`metadata`] makes rulings of the metadata log; [`checkpoint`] and [`notes`] read the
//! small texts; [`names`] says what directories and files are. [`node`] reads all of it for an event, and [`copy`] copies what
//! truncation could destroy.
//!
//! Files are damaged, cut short, and not what their names say. Whatever they hold, reading them is an error with file and
//! position ([`Damage`]), takes memory in the measure of the bytes that there are, and never panics.

mod batch;
pub mod checkpoint;
mod codec;
pub mod copy;
mod cursor;
mod damage;
pub(super) mod keeper;
pub mod log;
pub mod metadata;
pub mod names;
pub mod node;
pub mod notes;
pub mod segment;

pub use batch::{Batch, Header};
pub use codec::{Codec, Scratch};
pub use damage::Damage;
pub use log::Mark;
