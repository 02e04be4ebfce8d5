//! How much some runs say: how well a rate is known ([`Interval`]), whether two rates differ ([`chance_of_more`]), by how much some times
//! do ([`shift()`]), and when enough runs were made to decide ([`Rule`]).
//!
//! Pure, and with nothing drawn: of the same numbers they say the same. Each names where its method is from, and claims no more than it holds:
//! where an exact method is to be had for few runs, it is taken, because few runs are what there is.

mod binomial;
mod sequential;
mod shift;

pub use binomial::{CONFIDENCE, Interval, METHOD, chance_of_more};
pub use sequential::{Decision, Rule, Sequence, WrongRule};
pub use shift::{Shift, Stratum, shift};
