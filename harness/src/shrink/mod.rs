//! How a failing plan is made smaller: which plans are tried in which order, and how often a try is run.
//!
//! The entry point is [`search()`]: it walks from a failing plan to a smaller one that fails too, and asks an oracle
//! about each [`Candidate`] on the way. All of it is pure: the oracle may be a cluster or a test's closure. As the
//! walk hangs on the oracle's answers alone, answers that were written down are as good as new ones: that is how a
//! search is resumed.

mod dials;
mod fewest;
mod remap;
mod search;
mod sequential;
#[cfg(test)]
mod tests;

pub use search::{Candidate, Clue, Smaller, search, steps_of};
pub use sequential::{Decision, Rule};
