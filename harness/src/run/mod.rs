//! `tribunal run`, in its two halves: what happens outside the sandbox, and what happens inside.

mod attach;
mod bring_up;
pub mod capture;
mod conduct;
mod ground;
mod interrupt;
pub mod keep;
mod lines;
mod live;
mod prepare;
mod trial;

pub use conduct::conduct;
pub use prepare::{prepare, prepare_machine};
