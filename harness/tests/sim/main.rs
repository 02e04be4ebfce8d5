//! The simulated broker before the court: each of its bugs is caught by the finding that names it, and without a bug
//! nobody is accused.

mod bundle;
mod campaign;
mod commands;
mod export;
mod gate;
#[path = "../support/left.rs"]
mod left;
mod live;
mod random;
mod results;
mod schedules;
mod serve;
mod shrink;
#[path = "../support/mod.rs"]
mod support;
mod table;
#[path = "../support/terminal.rs"]
mod terminal;
mod trial;
