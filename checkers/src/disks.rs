//! What lay on the nodes' disks over time: every copy, and what each replica held in it.
//!
//! A copy shows what its node's copy before had not shown; here it is put together again. Questions are asked of one
//! [`DiskReplica`], a node's log of one partition, by the number of a state: its logs as the copies found them, in order of
//! time. A record takes four bytes a node, and is kept once however often it was copied.

mod delta;
mod replica;

use std::collections::BTreeMap;

use history::{DiskCopy, History, Key, Moment, NodeId, What};

pub use replica::{DiskReplica, Held, LogState};

/// Every copy of every node's disk.
#[derive(Debug, Default)]
pub struct Disks {
    copies: Vec<Copied>,
    replicas: BTreeMap<(Key, NodeId), DiskReplica>,
}

/// One copy of a node's disk, without what was in it.
#[derive(Clone, Debug)]
pub struct Copied {
    /// The node.
    pub node: NodeId,
    /// When the copying began, in nanoseconds of the history's clock.
    pub begun: u64,
    /// When what was copied had been read.
    pub time: u64,
    /// Why then.
    pub moment: Moment,
    /// What could not be read.
    pub problems: Vec<String>,
}

/// What lay on the disks of a history.
pub fn disks(history: &History) -> Disks {
    let mut disks = Disks::default();
    for event in &history.events {
        if let What::Disk(copy) = &event.what {
            disks.push(event.time, copy);
        }
    }
    disks
}

impl Disks {
    /// The next copy, in order of time.
    pub(crate) fn push(&mut self, time: u64, copy: &DiskCopy) {
        let number = self.copies.len();
        self.copies.push(Copied {
            node: copy.node,
            begun: copy.begun,
            time,
            moment: copy.moment.clone(),
            problems: copy.problems.clone(),
        });
        for log in &copy.logs {
            let replica = self.replicas.entry((log.key, copy.node)).or_default();
            replica.push(number, log);
        }
    }

    /// Whether no disk was copied.
    pub fn is_empty(&self) -> bool {
        self.copies.is_empty()
    }

    /// All copies, in order of time.
    pub fn copies(&self) -> &[Copied] {
        &self.copies
    }

    /// The copy that showed a state of a replica.
    pub fn copy_of(&self, state: &LogState) -> &Copied {
        &self.copies[state.copy]
    }

    /// A node's log of a partition; `None` where no copy shows one.
    pub fn replica(&self, key: Key, node: NodeId) -> Option<&DiskReplica> {
        self.replicas.get(&(key, node))
    }

    /// All replicas of a partition that any copy shows, by node.
    pub fn replicas(&self, key: Key) -> impl Iterator<Item = (NodeId, &DiskReplica)> {
        let of_key = self.replicas.range((key, 0)..=(key, NodeId::MAX));
        of_key.map(|((_, node), replica)| (*node, replica))
    }
}

#[cfg(test)]
mod tests {
    use history::{DiskCopy, DiskLog, Moment, NodeId, Offset, Value};

    use super::{Disks, Held};

    /// A copy of one log: from an offset on the records, of these epochs.
    fn copy(node: NodeId, from: Offset, records: &[(Offset, Value, i32)], end: Offset) -> DiskCopy {
        DiskCopy {
            node,
            incarnation: 0,
            begun: 0,
            moment: Moment::BeforeStart,
            directory: None,
            logs: vec![DiskLog {
                key: 0,
                end,
                from,
                records: records.to_vec(),
                ..DiskLog::default()
            }],
            metadata: None,
            quorum: None,
            problems: Vec::new(),
        }
    }

    fn disks(copies: &[DiskCopy]) -> Disks {
        let mut disks = Disks::default();
        for (time, copy) in (1..).zip(copies) {
            disks.push(time, copy);
        }
        disks
    }

    fn held(disks: &Disks, state: usize, offset: Offset) -> Held {
        let replica = disks.replica(0, 1).expect("it was copied");
        replica.at(state, offset)
    }

    fn record(value: Value, epoch: i32) -> Held {
        Held::Record { value, epoch }
    }

    #[test]
    fn a_copy_shows_what_the_one_before_had_not() {
        let disks = disks(&[
            copy(1, 0, &[(0, 5, 0), (1, 6, 0), (3, 7, 1)], 4),
            copy(2, 0, &[], 0),
            copy(1, 4, &[(4, 8, 1)], 6),
        ]);
        assert_eq!(held(&disks, 0, 3), record(7, 1));
        assert_eq!(held(&disks, 0, 2), Held::Nothing, "a marker");
        assert_eq!(held(&disks, 0, 4), Held::Beyond);
        assert_eq!(held(&disks, 1, 1), record(6, 0));
        assert_eq!(held(&disks, 1, 4), record(8, 1));
        assert_eq!(held(&disks, 1, 5), Held::Nothing);
        let states = disks.replica(0, 1).expect("it was copied").states();
        assert_eq!(disks.copy_of(&states[1]).time, 3);
    }

    #[test]
    fn what_was_cut_off_is_there_no_more() {
        let disks = disks(&[
            copy(1, 0, &[(0, 5, 0), (1, 6, 0), (2, 7, 0)], 3),
            copy(1, 1, &[(1, 8, 2)], 2),
            copy(1, 2, &[(2, 9, 2)], 3),
        ]);
        let replica = disks.replica(0, 1).expect("it was copied");
        assert_eq!(held(&disks, 1, 0), record(5, 0));
        assert_eq!(held(&disks, 1, 1), record(8, 2));
        assert_eq!(held(&disks, 1, 2), Held::Beyond);
        assert_eq!(held(&disks, 2, 2), record(9, 2));
        assert_eq!(replica.cut(1), Some(1));
        assert_eq!(replica.cut(2), None, "it only grew");
        assert_eq!(replica.last_holding(2, 7), Some(0));
        assert_eq!(replica.first_lacking(2, 7), Some(1));
        assert_eq!(replica.first_lacking(0, 5), None);
        assert_eq!(replica.last_holding(0, 4), None);
        let all: Vec<_> = replica.records(2, 0, 9).collect();
        assert_eq!(all, [(0, 5, 0), (1, 8, 2), (2, 9, 2)]);
    }

    #[test]
    fn what_is_shown_again_is_no_change() {
        let whole = [(0, 5, 0), (1, 6, 0), (2, 7, 0)];
        let disks = disks(&[
            copy(1, 0, &whole, 3),
            copy(1, 0, &whole, 3),
            copy(1, 0, &whole[..2], 2),
        ]);
        let replica = disks.replica(0, 1).expect("it was copied");
        assert_eq!((replica.cut(1), replica.cut(2)), (None, Some(2)));
        assert_eq!(replica.records(1, 1, 9).count(), 2);
        assert_eq!(replica.states()[1].from, 3, "nothing of it is kept again");
    }

    #[test]
    fn what_was_not_read_is_not_known() {
        let disks = disks(&[
            copy(1, 2, &[(2, 7, 0)], 3),
            copy(1, 5, &[(5, 9, 0)], 6),
            copy(1, -4, &[(-3, 9, 0)], -2),
        ]);
        assert_eq!(held(&disks, 0, 1), Held::Unknown);
        assert_eq!(held(&disks, 1, 2), record(7, 0));
        assert_eq!(held(&disks, 1, 4), Held::Unknown);
        assert_eq!(held(&disks, 2, 4), Held::Beyond);
        let replica = disks.replica(0, 1).expect("it was copied");
        assert_eq!(replica.first_lacking(2, 7), Some(2));
        assert_eq!(replica.read_from(0), 2);
        assert_eq!(replica.read_from(1), 5);
    }

    #[test]
    fn what_was_deleted_lies_before_the_start() {
        let mut later = copy(1, 2, &[], 2);
        later.logs[0].start = 1;
        let disks = disks(&[copy(1, 0, &[(0, 5, 0), (1, 6, 0)], 2), later]);
        assert_eq!(held(&disks, 1, 0), Held::Before);
        assert_eq!(held(&disks, 1, 1), record(6, 0));
        let replica = disks.replica(0, 1).expect("it was copied");
        assert_eq!(replica.first_lacking(0, 5), None, "deleted is not lacking");
        assert_eq!(replica.last_holding(0, 5), Some(0));
    }
}
