//! The simulated broker before the court: each of its bugs is caught by the finding that names it, and without a bug
//! nobody is accused.

mod campaign;
mod commands;
mod gate;
#[path = "../support/left.rs"]
mod left;
mod random;
mod results;
mod schedules;
mod shrink;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod trial;
