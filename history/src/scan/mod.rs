//! Reads a line of the form that [`crate::HistoryWriter`] gives to an operation, and no other, without JSON's generality.

mod buffers;

pub(crate) use buffers::Buffers;

use crate::event::Event;

/// The event of the line that the text starts with, and how many bytes it took.
pub(crate) fn scan_event(_text: &[u8], _buffers: &mut Buffers) -> Option<(Event, usize)> {
    None
}
