//! A history for other people's tools: as a trace for ui.perfetto.dev, and as tables in Parquet for databases.

mod names;
mod operations;
mod table;
mod tables;
mod trace;
mod tracks;

pub use tables::{TableFiles, TablesError, tables};
pub use trace::trace;
