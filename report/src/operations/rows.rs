//! Which clients share a lane: those that come one after the other. A client that did not learn what became of its
//! write is retired, and another takes its place; so a lane is, as a rule, what one thread of work did.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::Operation;

/// Clients that follow each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    /// Their numbers, in the order of their first operations.
    pub(crate) processes: Vec<u32>,
}

/// Each client once, in as few lanes as do.
pub(super) fn rows(operations: &[Operation<'_>]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut busy: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
    let mut free: BinaryHeap<Reverse<usize>> = BinaryHeap::new();
    for (from, to, process) in lives(operations) {
        while busy.peek().is_some_and(|Reverse((end, _))| *end <= from) {
            free.extend(busy.pop().map(|Reverse((_, row))| Reverse(row)));
        }
        let row = free.pop().map_or(rows.len(), |Reverse(row)| row);
        if row == rows.len() {
            rows.push(Row::default());
        }
        rows[row].processes.push(process);
        busy.push(Reverse((to, row)));
    }
    rows
}

/// From its first invocation to its last completion, each client; one whose operation stays open goes on for good.
fn lives(operations: &[Operation<'_>]) -> Vec<(u64, u64, u32)> {
    let mut lives: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for operation in operations {
        let end = operation.end.unwrap_or(u64::MAX);
        let life = lives
            .entry(operation.op.process)
            .or_insert((operation.begin, end));
        life.1 = life.1.max(end);
    }
    let mut lives: Vec<_> = lives
        .into_iter()
        .map(|(process, (from, to))| (from, to, process))
        .collect();
    lives.sort_unstable_by_key(|(from, _, process)| (*from, *process));
    lives
}

#[cfg(test)]
mod tests {
    use history::{F, Op};

    use super::super::Outcome;
    use super::*;

    #[test]
    fn who_comes_after_another_shares_its_lane() {
        let ops: Vec<Op> = [7, 8, 9, 10]
            .map(|process| Op::new(process, 0, F::Crash))
            .to_vec();
        let times = [(0, Some(10)), (5, None), (10, Some(20)), (12, Some(13))];
        let operations: Vec<_> = ops
            .iter()
            .zip(times)
            .map(|(op, (begin, end))| Operation {
                begin,
                end,
                outcome: Outcome::Ok,
                op,
            })
            .collect();
        let processes: Vec<_> = rows(&operations).into_iter().map(|row| row.processes).collect();
        assert_eq!(processes, [vec![7, 9], vec![8], vec![10]]);
    }
}
