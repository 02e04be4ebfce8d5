//! Times, counts and lists as the sentences of a verdict write them.

use std::fmt::Display;

use crate::timeline::FaultInterval;

/// A time since the run's start, or a length of time: `12.345 s`.
pub(crate) fn seconds(nanoseconds: u64) -> String {
    let milliseconds = nanoseconds / 1_000_000;
    format!("{}.{:03} s", milliseconds / 1_000, milliseconds % 1_000)
}

/// Clocks that tell less than this apart are none: every time would read the same.
const CLOCK_NANOS_MIN: u64 = 1_000_000;
/// Nobody does an operation in less time than this. A history without times counts its lines instead.
const OPERATION_NANOS_MIN: u64 = 16;

/// Whether a history that ends at this time had a clock: those from elsewhere need not.
pub(crate) fn is_timed(end: u64, operations: u64) -> bool {
    end >= CLOCK_NANOS_MIN.max(operations.saturating_mul(OPERATION_NANOS_MIN))
}

/// A place in a log: `offset 5`; a foreign history may not know it.
pub(crate) fn offset(offset: i64) -> String {
    if offset < 0 {
        "an unknown offset".to_owned()
    } else {
        format!("offset {offset}")
    }
}

/// A number with separators, as every text has it: `12,345`.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 write`, `12,345 writes`.
pub(crate) fn count(of: u64, thing: &str) -> String {
    format!("{} {thing}{}", number(of), if of == 1 { "" } else { "s" })
}

/// A sentence as the rest of another.
pub(crate) fn uncapitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => String::new(),
    }
}

/// A list in a sentence: `1`, `1 and 2`, `1, 2 and 3`.
pub(crate) fn list<T: Display>(items: &[T]) -> String {
    let Some((last, before)) = items.split_last() else {
        return "none".to_owned();
    };
    if before.is_empty() {
        return last.to_string();
    }
    let before: Vec<String> = before.iter().map(ToString::to_string).collect();
    format!("{} and {last}", before.join(", "))
}

/// Nodes in a sentence: `node 1`, `nodes 1 and 2`.
pub(crate) fn nodes(nodes: &[history::NodeId]) -> String {
    let plural = if nodes.len() == 1 { "" } else { "s" };
    format!("node{plural} {}", list(nodes))
}

/// The own copies of some nodes: `the copy of node 1`, `the copies of nodes 1 and 2`.
pub(crate) fn copies_of(of: &[history::NodeId]) -> String {
    let copies = if of.len() == 1 { "copy" } else { "copies" };
    format!("the {copies} of {}", nodes(of))
}

/// An in-sync set: `[1, 2, 3]`.
pub(crate) fn isr(isr: &[history::NodeId]) -> String {
    format!("{isr:?}")
}

/// A fault in a sentence: `fault 2 (kill: node 1 by SIGKILL)`.
pub(crate) fn fault(fault: &FaultInterval) -> String {
    if fault.detail.is_empty() {
        format!("fault {} ({})", fault.id, fault.kind)
    } else {
        format!("fault {} ({}: {})", fault.id, fault.kind, fault.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::{count, list, nodes, number, seconds};

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(
            [0, 999, 1_000, 12_345, 1_234_567].map(number),
            ["0", "999", "1,000", "12,345", "1,234,567"]
        );
        assert_eq!(count(1, "write"), "1 write");
        assert_eq!(count(0, "write"), "0 writes");
        assert_eq!(
            [0, 1_999_999, 12_345_678_901].map(seconds),
            ["0.000 s", "0.001 s", "12.345 s"]
        );
    }

    #[test]
    fn lists_read_as_people_write_them() {
        assert_eq!(list::<u32>(&[]), "none");
        assert_eq!(list(&[1]), "1");
        assert_eq!(list(&[1, 2, 3]), "1, 2 and 3");
        assert_eq!(nodes(&[2]), "node 2");
        assert_eq!(nodes(&[2, 3]), "nodes 2 and 3");
    }
}
