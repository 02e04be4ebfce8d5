//! What was sent, and what became of it.

use history::{F, Key, Mop, Op, Phase, Send, Value};

use super::{Builder, Doing, Id, Open, Outcome, flag};
impl Builder {
    /// Takes an operation's writes down: from which number on, and how many.
    pub(super) fn begin_writes(&mut self, time: u64, op: &Op, sound: bool) -> (u32, u32) {
        let first = self.index.writes.len();
        match &op.f {
            F::Send(send) => {
                self.begin_write(time, op, send, sound);
            }
            F::Txn(txn) => {
                self.index.counts.transactions += 1;
                for send in sends(&txn.mops) {
                    self.begin_write(time, op, send, sound);
                }
            }
            _ => {}
        }
        let writes = self.index.writes.len() - first;
        if let Some(spans) = &mut self.spans {
            spans.begin(self.event, first, writes);
        }
        let read_early = self.read_early.take();
        if writes > 0 && matches!(op.f, F::Txn(_)) {
            self.open_transactions.insert(first, (writes, read_early));
        }
        (first, writes)
    }

    fn begin_write(&mut self, time: u64, op: &Op, send: &Send, sound: bool) -> u32 {
        let in_range = self.in_range(time, send.key, || format!("the send of op {}", op.op));
        let number = self
            .index
            .writes
            .begin(send.key, send.value, !(sound && in_range));
        if self.retention.is_some() {
            self.index.removals.begin(time);
        }
        if !self.index.strangers.is_empty() {
            self.seen_before(time, op, send, number);
        }
        if in_range && let Err(earlier) = self.register(send.key, send.value, number) {
            self.flaw(time, || {
                format!("op {} sends value {}, which was sent before", op.op, send.value)
            });
            self.index.writes.mark(earlier, flag::SUSPECT);
            self.index.writes.mark(number, flag::SUSPECT);
        }
        number
    }

    /// Enters a write by its value; `Err` holds an earlier one that cannot be told from it.
    fn register(&mut self, key: Key, value: Value, number: u32) -> Result<(), u32> {
        if !self.index.by_key {
            let slot = self.index.by_value.slot(value);
            let Some(earlier) = slot.checked_sub(1) else {
                *slot = number + 1;
                return Ok(());
            };
            if self.index.phased || self.index.writes.key(earlier) == key {
                return Err(earlier);
            }
            self.tell_apart_by_key();
        }
        let slot = self.log(key).written.slot(value);
        if let Some(earlier) = slot.checked_sub(1) {
            return Err(earlier);
        }
        *slot = number + 1;
        Ok(())
    }

    /// A value was sent to two keys, as foreign histories may: from now on it is told apart by its key.
    fn tell_apart_by_key(&mut self) {
        let known = std::mem::take(&mut self.index.by_value);
        self.index.by_key = true;
        for (value, slot) in known.iter() {
            let key = self.index.writes.key(slot - 1);
            *self.log(key).written.slot(value) = slot;
        }
    }

    /// Nobody can have read what was not sent yet: a run of ours in which it seems so is not well formed. In a
    /// foreign one that is a cycle: it was read before it was sent, and sent before it was read.
    fn seen_before(&mut self, time: u64, op: &Op, send: &Send, number: u32) {
        for stranger in self.index.strangers.of_value(send.value) {
            let stranger = self.index.strangers.get_mut(stranger);
            if stranger.record.key != send.key && !self.index.phased {
                continue;
            }
            stranger.sent_later = Some(number);
            let (read, first) = (stranger.read, stranger.event);
            let places = std::mem::take(&mut stranger.places);
            self.index.writes.mark(number, read);
            for place in places {
                self.index.disorder |= self.index.writes.saw(number, place);
            }
            if self.index.phased {
                self.index.writes.mark(number, flag::SUSPECT);
                self.flaw(time, || {
                    format!("op {} sends value {}, which was read before", op.op, send.value)
                });
            } else {
                self.index.windows.add(first, self.event);
                self.read_early = Some(self.read_early.map_or(first, |early| early.min(first)));
            }
        }
    }

    /// Whether the sends of a completion are those of the invocation: all of them, if it succeeded.
    pub(super) fn writes_fit(&self, open: &Open, f: &F, outcome: Outcome) -> bool {
        match f {
            F::Send(send) => self.is_write_of(open.first, send),
            F::Txn(txn) => {
                let mut numbers = open.numbers();
                let count = sends(&txn.mops).count();
                let all = sends(&txn.mops).all(|send| numbers.any(|number| self.is_write_of(number, send)));
                all && (outcome != Outcome::Ok || count == open.writes as usize)
            }
            _ => true,
        }
    }

    fn is_write_of(&self, number: u32, send: &Send) -> bool {
        let writes = &self.index.writes;
        (writes.key(number), writes.value(number)) == (send.key, send.value)
    }

    /// An operation's writes end as it does.
    pub(super) fn end_writes(&mut self, time: u64, slot: u32, open: &Open, f: &F, outcome: Outcome) {
        if outcome == Outcome::Ok && sets_objects(f) {
            self.index.last_acknowledged = time;
        }
        if open.writes == 0 {
            return;
        }
        let late = self.phase >= Some(Phase::FinalReads);
        for number in open.numbers() {
            self.index.writes.end(number, outcome, late);
        }
        if outcome == Outcome::Ok {
            self.index.last_acknowledged = time;
        }
        if outcome == Outcome::Info && open.writes > 1 {
            self.index.in_doubt.push((open.first, open.writes));
        }
        match f {
            F::Send(send) => self.offset_named(open.first, send, outcome),
            F::Txn(txn) => {
                let mut numbers = open.numbers();
                for send in sends(&txn.mops) {
                    if let Some(number) = numbers.find(|number| self.is_write_of(*number, send)) {
                        self.offset_named(number, send, outcome);
                    }
                }
            }
            _ => {}
        }
        self.follow_sender(slot, open, outcome);
    }

    fn offset_named(&mut self, number: u32, send: &Send, outcome: Outcome) {
        // librdkafka's "no offset" is negative: so is what some clients write for it.
        let offset = send.offset.and_then(|offset| u64::try_from(offset).ok());
        let Some(offset) = offset.filter(|_| !self.index.writes.is_suspect(number)) else {
            return;
        };
        match outcome {
            Outcome::Ok => self.place(Id::write(number), send.key, offset),
            Outcome::Info => self.doubtful.push((number, offset)),
            Outcome::Fail => {}
        }
    }

    /// Holds an operation's writes against those that the client sent before.
    fn follow_sender(&mut self, slot: u32, open: &Open, outcome: Outcome) {
        let mut senders = std::mem::take(&mut self.senders);
        let numbers = open.numbers();
        let counts = outcome != Outcome::Fail;
        let mut pairs = std::mem::take(&mut self.pairs);
        let writes = numbers.map(|number| (self.index.writes.key(number), (number, ())));
        senders.sent(slot, counts, writes, |sent| pairs.push(sent));
        self.senders = senders;
        for sent in pairs.drain(..) {
            self.follow(sent.first.0, sent.second.0, sent.within);
        }
        self.pairs = pairs;
    }

    fn follow(&mut self, first: u32, second: u32, within: bool) {
        let writes = &self.index.writes;
        match (writes.place(first), writes.place(second)) {
            (Some(from), Some(to)) if within && from.checked_add(1) != Some(to) => {
                self.jump(writes.key(first), from, to);
            }
            (Some(from), Some(to)) => self.index.disorder |= to <= from,
            _ => self.unplaced.push((first, second, within)),
        }
    }

    /// What is known at the end of writes of which nobody had heard where they stand.
    pub(super) fn place_late(&mut self) {
        for (first, second, within) in std::mem::take(&mut self.unplaced) {
            let writes = &self.index.writes;
            if writes.place(first).is_some() && writes.place(second).is_some() {
                self.follow(first, second, within);
            }
        }
    }

    /// Transactions of unknown outcome of which something was read did happen as a whole. What they named counts. Where consumers read
    /// what is not committed, that they read it shows nothing: the final reads do, which are of what was committed.
    pub(super) fn end_doubt(&mut self) {
        let open = self.clients.all_open();
        let never_ended = open.filter(|open| open.doing == Doing::Txn && open.writes > 1);
        let never_ended: Vec<(u32, u32)> = never_ended.map(|open| (open.first, open.writes)).collect();
        // Of a run of ours nobody knows whether they were over when the final reads were.
        if !self.index.phased {
            self.index.in_doubt.extend(never_ended);
        }
        let in_doubt = std::mem::take(&mut self.index.in_doubt);
        for (first, count) in &in_doubt {
            let numbers = *first..first + count;
            if numbers.clone().any(|number| self.shows_commit(number)) {
                for number in numbers {
                    self.index.writes.mark(number, flag::COMMITTED);
                }
            }
        }
        self.index.in_doubt = in_doubt;
        for (number, offset) in std::mem::take(&mut self.doubtful) {
            let writes = &self.index.writes;
            let happened = self.shows_commit(number) || writes.has(number, flag::COMMITTED);
            if happened && !writes.is_suspect(number) {
                self.place(Id::write(number), self.index.writes.key(number), offset);
            }
        }
    }

    /// Whether what is known of a write of unknown outcome shows that it was committed.
    fn shows_commit(&self, number: u32) -> bool {
        if self.read_uncommitted {
            self.index.writes.is_read_finally(number)
        } else {
            self.index.writes.is_read(number)
        }
    }

    /// Finds out which of the values that nobody had sent to a key were sent to another.
    pub(super) fn name_strangers(&mut self) {
        if self.index.strangers.is_empty() {
            return;
        }
        for number in self.index.writes.numbers() {
            let (key, value) = (self.index.writes.key(number), self.index.writes.value(number));
            self.index.strangers.sent_elsewhere(value, key, number);
        }
    }

    pub(super) fn suspect_unbegun(&mut self, time: u64, op: &Op, send: &Send) {
        if !self.suspect(send.key, send.value) {
            let number = self.begin_write(time, op, send, false);
            if let Some(spans) = &mut self.spans {
                spans.begin(self.event, number, 1);
            }
        }
    }

    /// Nobody is to be accused on account of a value any more. Whether it was ever sent.
    pub(super) fn suspect(&mut self, key: Key, value: Value) -> bool {
        let write = if self.index.by_key {
            self.index.find(key, value)
        } else {
            self.index.by_value.get(value).checked_sub(1)
        };
        if let Some(write) = write {
            self.index.writes.mark(write, flag::SUSPECT);
        }
        write.is_some()
    }
}

/// The sends among a transaction's steps.
pub(crate) fn sends(mops: &[Mop]) -> impl Iterator<Item = &Send> {
    mops.iter().filter_map(|mop| match mop {
        Mop::Send(send) => Some(send),
        _ => None,
    })
}

/// Whether an operation changes lists or registers.
fn sets_objects(f: &F) -> bool {
    let F::Txn(txn) = f else { return false };
    let mut mops = txn.mops.iter();
    mops.any(|mop| matches!(mop, Mop::Append(..) | Mop::Write(..)))
}
