//! The stretches of each log that a client read through, by which a missing record is proven lost.

use std::collections::{BTreeMap, BTreeSet};

use history::{F, Key, Offset, Record};

use super::{Ending, for_each_record};
use crate::index::{Index, WriteOutcome};

/// One client read from one offset through to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    pub(crate) process: u32,
    /// Where it began.
    pub(crate) began: Offset,
    /// Where this or any later pass begins, see [`Passes::over`].
    from: Offset,
    /// The furthest record it read.
    pub(crate) to: Offset,
    /// When it read that.
    pub(crate) time: u64,
}

/// All of them, of the partitions in question.
#[derive(Debug, Default)]
pub(crate) struct Passes {
    by_key: BTreeMap<Key, Vec<Pass>>,
    readers: BTreeMap<u32, Reader>,
    /// Below which offset records may be gone by right, so that nobody passes over them any more.
    floors: BTreeMap<Key, Offset>,
    /// Whether a client that assigned nothing reads each partition from its first record: so Jepsen assumes, but
    /// only of foreign histories.
    from_beginning: bool,
}

/// What a client reads since its assignment.
#[derive(Debug)]
struct Reader {
    from_beginning: bool,
    positions: BTreeMap<Key, Position>,
}

#[derive(Debug)]
struct Position {
    from: Offset,
    furthest: Offset,
    time: u64,
}

impl Position {
    fn closed(&self, process: u32) -> Pass {
        Pass {
            process,
            began: self.from,
            from: self.from,
            to: self.furthest,
            time: self.time,
        }
    }
}

impl Passes {
    pub(super) fn new(keys: &BTreeSet<Key>, from_beginning: bool) -> Self {
        Self {
            by_key: keys.iter().map(|key| (*key, Vec::new())).collect(),
            readers: BTreeMap::new(),
            floors: BTreeMap::new(),
            from_beginning,
        }
    }

    /// Records of a partition may be gone from now on: who had read through it so far did so; what clients pass over
    /// from now on proves nothing of these.
    pub(super) fn deleted(&mut self, index: &Index, time: u64, key: Key) {
        let floor = index.deletions.below(key, time);
        let Some(passes) = self.by_key.get_mut(&key) else {
            return;
        };
        if self.floors.get(&key).copied().unwrap_or_default() >= floor {
            return;
        }
        self.floors.insert(key, floor);
        for (process, reader) in &mut self.readers {
            if let Some(position) = reader.positions.remove(&key) {
                passes.push(position.closed(*process));
            }
        }
    }

    pub(super) fn ended(&mut self, ending: &Ending) {
        if self.by_key.is_empty() {
            return;
        }
        let op = ending.op;
        match &op.f {
            F::Poll(_) | F::Txn(_) if ending.outcome == WriteOutcome::Ok => {
                for_each_record(&op.f, |record| self.read(op.process, ending.time, record));
            }
            // Of a change that may not have happened nothing can be said.
            F::Assign(assign) if ending.outcome != WriteOutcome::Fail => {
                let ok = ending.outcome == WriteOutcome::Ok;
                self.restart(op.process, ok && assign.from_beginning);
            }
            F::Subscribe(_) if ending.outcome != WriteOutcome::Fail => self.restart(op.process, false),
            F::Crash => self.restart(op.process, false),
            _ => {}
        }
    }

    fn read(&mut self, process: u32, time: u64, record: &Record) {
        if record.offset < 0 || !self.by_key.contains_key(&record.key) {
            return;
        }
        let reader = self.readers.entry(process).or_insert_with(|| Reader {
            from_beginning: self.from_beginning,
            positions: BTreeMap::new(),
        });
        let from = if reader.from_beginning { 0 } else { record.offset };
        let from = from.max(self.floors.get(&record.key).copied().unwrap_or_default());
        let position = reader.positions.entry(record.key).or_insert(Position {
            from,
            furthest: record.offset,
            time,
        });
        if record.offset > position.furthest {
            (position.furthest, position.time) = (record.offset, time);
        }
    }

    /// A client begins elsewhere.
    fn restart(&mut self, process: u32, from_beginning: bool) {
        let reader = Reader {
            from_beginning,
            positions: BTreeMap::new(),
        };
        if let Some(before) = self.readers.insert(process, reader) {
            self.close(process, before);
        }
    }

    fn close(&mut self, process: u32, reader: Reader) {
        for (key, position) in reader.positions {
            let passes = self.by_key.entry(key).or_default();
            passes.push(position.closed(process));
        }
    }

    pub(super) fn finish(&mut self) {
        for (process, reader) in std::mem::take(&mut self.readers) {
            self.close(process, reader);
        }
        for passes in self.by_key.values_mut() {
            passes.sort_unstable_by_key(|pass| pass.from);
            let mut furthest: Option<Pass> = None;
            for pass in passes {
                let from = pass.from;
                let best = furthest.filter(|best| best.to >= pass.to).unwrap_or(*pass);
                furthest = Some(best);
                *pass = Pass { from, ..best };
            }
        }
    }

    /// A client that passed over an offset after this time.
    pub(crate) fn over(&self, key: Key, offset: Offset, after: u64) -> Option<Pass> {
        let passes = self.by_key.get(&key)?;
        let before = passes.partition_point(|pass| pass.from <= offset);
        // After `finish` each pass is the furthest of those that begin no later.
        let pass = passes[..before].last()?;
        (pass.to > offset && pass.time > after).then_some(*pass)
    }
}
