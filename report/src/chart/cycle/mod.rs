//! The picture of a cycle: its operations in the lanes of their processes against time, or on a ring where they are
//! many or nobody knows when they were. Unlike the other pictures it has a size of its own, so that its words can be
//! placed where nothing else is.

mod draw;
mod label;
mod lanes;
mod ring;
mod route;
mod sketch;
#[cfg(test)]
mod tests;

use checkers::Cycle;
use maud::Markup;

use crate::cycle::{Shown, Told};

/// The picture, and what is to say of it.
pub(crate) struct CyclePicture {
    /// The drawing.
    pub(crate) svg: Markup,
    /// Whether its operations lie in the order of their times.
    pub(crate) in_order: bool,
    /// How many operations are left out.
    pub(crate) left_out: usize,
}

/// Draws a cycle, with its times where the history had a clock; `None` where it has no operation.
pub(crate) fn cycle(told: &Told<'_>, timed: bool) -> Option<CyclePicture> {
    let operations = told.cycle.operations.len();
    if operations == 0 {
        return None;
    }
    let lanes = lanes::sketch(told, timed);
    let in_order = lanes.is_some();
    let sketch = lanes.unwrap_or_else(|| ring::sketch(told, timed));
    let left_out = if in_order {
        0
    } else {
        Shown::of(operations, ring::NODES_MAX).left_out()
    };
    Some(CyclePicture {
        svg: draw::svg(&sketch, &alternative(told.cycle)),
        in_order,
        left_out,
    })
}

/// What stands for the picture where it cannot be seen.
fn alternative(cycle: &Cycle) -> String {
    format!(
        "A cycle of {} operations; the steps are listed below.",
        cycle.operations.len()
    )
}
