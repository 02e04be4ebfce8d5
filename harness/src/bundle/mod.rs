//! A run as one file: a tar archive, compressed with zstd, whose first member is a manifest with the size and the sum of each other.
//!
//! The same run gives the same bytes: members stand in the order of their names and carry neither times nor owners. Whoever reads a
//! bundle trusts nothing in it: only plain files that the manifest names come out, in its order, and never more bytes than it says.

pub mod compare;
mod manifest;
mod pack;
mod sums;
mod unpack;

pub use manifest::{FORMAT, Manifest, VERSION};
pub use pack::{Without, pack, select};
pub use unpack::{Limits, unpack};

/// The member that comes first.
const MANIFEST: &str = "manifest.json";
/// What a bundle's file is called after.
pub const ENDING: &str = "bundle.tar.zst";
