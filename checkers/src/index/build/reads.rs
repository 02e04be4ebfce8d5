//! What was read.

use history::{F, Key, Mop, Op, Phase, Record, Seen};

use super::{Builder, Id, Open, Outcome, Precommitted, Reading, flag};

impl Builder {
    /// Takes what an operation read down.
    pub(super) fn end_reads(&mut self, time: u64, slot: u32, open: &Open, op: &Op, outcome: Outcome) {
        let reading = Reading {
            slot,
            stamp: self.event,
            ok: outcome == Outcome::Ok,
        };
        match &op.f {
            F::Poll(poll) => self.read(time, reading, open, op, &poll.records),
            F::Txn(txn) => {
                let mut reads = false;
                for mop in &txn.mops {
                    if let Mop::Poll(poll) = mop {
                        reads |= !poll.records.is_empty();
                        self.read(time, reading, open, op, &poll.records);
                    }
                    if reading.ok
                        && let Mop::Read(_, seen) = mop
                    {
                        self.object_read(op, seen);
                    }
                }
                self.close_transaction(open, reads);
            }
            _ => {}
        }
    }

    /// A list or a register was read: what stood in it counts as read back, where it was read after everything else.
    fn object_read(&mut self, op: &Op, seen: &Seen) {
        let count = match seen {
            Seen::Nothing => 0,
            Seen::One(_) => 1,
            Seen::List(values) => values.len() as u64,
        };
        self.index.counts.records += count;
        if self.phase >= Some(Phase::FinalReads) && count > 0 {
            self.final_process.get_or_insert(op.process);
            let finally = self.final_process == Some(op.process);
            self.index.final_records += if finally { count } else { 0 };
        }
    }

    fn read(&mut self, time: u64, reading: Reading, open: &Open, op: &Op, records: &[Record]) {
        let in_final_phase = self.phase >= Some(Phase::FinalReads);
        if in_final_phase && reading.ok && !records.is_empty() {
            self.final_process.get_or_insert(op.process);
        }
        let finally = in_final_phase && self.final_process == Some(op.process);
        let read = match (reading.ok, finally) {
            (false, _) => 0,
            (true, false) => flag::READ,
            (true, true) => flag::READ_FINALLY,
        };
        self.index.counts.records += records.len() as u64;
        for record in records {
            if !self.is_sound(time, op, record) {
                continue;
            }
            self.index.final_records += u64::from(read == flag::READ_FINALLY);
            let id = self.sighted(time, Some(op.op), record);
            self.mark_read(id, read);
            if let Some(write) = id.as_write() {
                self.read_of_open(time, op, open, write, record);
            }
            self.step(reading, op, record);
        }
    }

    /// Whether a record is one that can have been read. A foreign history may not know at which offset.
    fn is_sound(&mut self, time: u64, op: &Op, record: &Record) -> bool {
        if record.key >= self.keys {
            return self.in_range(time, record.key, || format!("the poll of op {}", op.op));
        }
        let sound = record.offset >= 0 || !self.index.phased;
        if !sound {
            self.flaw(time, || {
                format!("the poll of op {} names offset {}", op.op, record.offset)
            });
        }
        sound
    }

    fn mark_read(&mut self, id: Id, read: u8) {
        match (id.as_write(), id.as_stranger()) {
            (Some(write), _) => self.index.writes.mark(write, read),
            (_, Some(number)) => self.index.strangers.get_mut(number).read |= read,
            _ => {}
        }
    }

    /// A record that was read while its own operation was under way: by that operation itself, or by another
    /// before it was over.
    fn read_of_open(&mut self, time: u64, op: &Op, open: &Open, write: u32, record: &Record) {
        if open.numbers().contains(&write) {
            let (op, process, record) = (op.op, op.process, *record);
            let found = &mut self.index.precommitted;
            // One finding an operation.
            if found.first.last().is_none_or(|last| last.op != op) {
                found.push(|| Precommitted {
                    time,
                    op,
                    process,
                    record,
                });
            }
        } else if !self.index.writes.is_ended(write)
            && let Some((first, (writes, reader))) = self.open_transactions.range_mut(..=write).next_back()
            && write - *first < *writes
        {
            reader.get_or_insert(self.event);
        }
    }

    /// A transaction is over. What it wrote may have been read by an operation that was over before.
    pub(super) fn close_transaction(&mut self, open: &Open, reads: bool) {
        if open.writes > 0
            && let Some((_, Some(reader))) = self.open_transactions.remove(&open.first)
            && reads
        {
            self.index.windows.add(reader, self.event);
        }
    }

    /// A client goes on to its next record.
    fn step(&mut self, reading: Reading, op: &Op, record: &Record) {
        let offset = Some(record.offset).filter(|offset| *offset >= 0);
        let step = self.readers.record(reading, record.key, offset, ());
        if let Some(step) = step
            && step.from.0.checked_add(1) != Some(step.to.0)
            && !(step.within && op.rebalanced.contains(&record.key))
        {
            self.jump(record.key, step.from.0, step.to.0);
        }
    }

    /// Somebody went on from one offset to another that is not the next.
    pub(super) fn jump(&mut self, key: Key, from: i64, to: i64) {
        let (Ok(from), Ok(to)) = (u64::try_from(from), u64::try_from(to)) else {
            return;
        };
        let log = self.log(key);
        if to <= from || log.between(from, to).next().is_some() {
            self.index.disorder = true;
        } else {
            log.gaps.pass(from, to);
        }
    }
}

/// Whether a transaction got any record.
pub(super) fn any(f: &F) -> bool {
    let F::Txn(txn) = f else { return false };
    let mut mops = txn.mops.iter();
    mops.any(|mop| matches!(mop, Mop::Poll(poll) if !poll.records.is_empty()))
}
