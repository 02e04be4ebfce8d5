//! The commands beside `run`.

mod broker;
mod bundle;
pub mod campaign;
mod check;
mod clean;
mod compare;
mod doctor;
mod export;
mod gate;
mod list;
mod replay;
mod report;
mod results;
mod serve;
mod settings;
mod shell;
mod shrink;

pub use broker::{BrokerOptions, broker};
pub use bundle::bundle;
pub use campaign::{campaign, merge};
pub use check::check;
pub use clean::clean;
pub use compare::compare;
pub use doctor::doctor;
pub use export::export;
pub use gate::gate;
pub use list::list;
pub use replay::replay;
pub use report::report;
pub use results::results;
pub use serve::serve;
pub use shell::shell;
pub use shrink::shrink;
