//! What a person sees of a trial while it goes on.
//!
//! [`Watch`] takes down what events show, [`View`] is all of it at one moment, [`lines()`] makes lines of that. All of it is pure but for the
//! lock; drawing is [`crate::progress`]'s.

mod histogram;
mod lines;
mod view;
mod watch;

pub use lines::{Line, Tone, fit, heartbeat, lines, safe};
pub use view::{Pace, PartitionShown, Rates, View};
pub use watch::Watch;
