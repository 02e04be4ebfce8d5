//! The commands beside `run`.

mod campaign;
mod check;
mod compare;
mod doctor;
mod export;
mod gate;
mod list;
mod report;
mod results;
mod shrink;

pub use campaign::{campaign, merge};
pub use check::check;
pub use compare::compare;
pub use doctor::doctor;
pub use export::export;
pub use gate::gate;
pub use list::list;
pub use report::report;
pub use results::results;
pub use shrink::shrink;
