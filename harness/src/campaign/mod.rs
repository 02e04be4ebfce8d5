//! What a campaign runs, what is known of it, and what is to be done next: all of it pure.
//!
//! A campaign is a matrix of plans. What it runs follows from its file and its seed alone, so that parts of it on several machines,
//! and one that was killed and goes on, agree on it without a word between them.

mod definition;
mod matrix;
mod part;
mod standing;
mod work;

pub use definition::{Definition, Expect};
pub use matrix::{Cell, cells, check_gate, lay_over};
pub use part::Part;
pub use standing::{Entry, Need, Outcome, Record, Role, Rules, Standing, Standings};
pub use work::{Job, fingerprint, identity, seed_of};
