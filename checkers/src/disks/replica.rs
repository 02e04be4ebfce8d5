//! One node's log of one partition, as the copies of its disk found it over time.

use history::{DiskLog, Offset, Value};

use super::delta::Delta;

/// One node's log of one partition over all copies.
#[derive(Debug, Default)]
pub struct DiskReplica {
    states: Vec<LogState>,
}

/// The log as one copy found it.
#[derive(Clone, Debug)]
pub struct LogState {
    /// The number of the copy, see [`super::Disks::copy_of`].
    pub copy: usize,
    /// The first offset that was there.
    pub start: Offset,
    /// One past the last.
    pub end: Offset,
    /// The high watermark as the node had noted it; as much as 5 s old.
    pub high_watermark: Option<Offset>,
    /// `(epoch, first offset)` as the node had noted it: leaders note epochs without records, followers do not.
    pub noted_epochs: Vec<(i32, Offset)>,
    /// `(epoch, first offset)` as the batches themselves say.
    pub epochs: Vec<(i32, Offset)>,
    /// Offsets that are missing between batches, from and up to.
    pub holes: Vec<(Offset, Offset)>,
    /// Bytes follow that are no whole batch: the log may go on there.
    pub unread: bool,
    /// Below this offset it is as in the state before.
    pub from: Offset,
    records: Delta,
}

/// What a replica held at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// A client's record.
    Record {
        /// What it carries.
        value: Value,
        /// The leader epoch of its batch.
        epoch: i32,
    },
    /// No client's record, though the log reaches there: a marker, an empty record, or a hole.
    Nothing,
    /// The log began above: what was there is deleted.
    Before,
    /// The log ended at it or below.
    Beyond,
    /// No copy showed it.
    Unknown,
}

impl DiskReplica {
    pub(super) fn push(&mut self, copy: usize, log: &DiskLog) {
        let from = self.first_difference(log);
        let mut records = Delta::default();
        for (offset, value, epoch) in &log.records {
            if *offset >= from && *offset < log.end {
                records.push(*offset, *value, *epoch);
            }
        }
        self.states.push(LogState {
            copy,
            start: log.start,
            end: log.end,
            high_watermark: log.high_watermark,
            noted_epochs: log.noted_epochs.clone(),
            epochs: log.epochs.clone(),
            holes: log.holes.clone(),
            unread: log.unread,
            from,
            records,
        });
    }

    /// From where on a log has to be kept: what a copy shows again is kept already.
    fn first_difference(&self, log: &DiskLog) -> Offset {
        let Some(state) = self.states.len().checked_sub(1) else {
            return log.from;
        };
        let both = self.states[state].end.min(log.end);
        if log.from >= both || log.from < self.read_from(state) {
            return log.from;
        }
        let shown = log.records.iter().filter(|record| record.0 >= log.from);
        let mut shown = shown.take_while(|record| record.0 < both).copied();
        let mut known = self.records(state, log.from, both);
        loop {
            match (known.next(), shown.next()) {
                (known, shown) if known == shown => {
                    if known.is_none() {
                        return both;
                    }
                }
                (known, shown) => {
                    let offset = |record: Option<(Offset, Value, i32)>| record.map(|record| record.0);
                    let differing = offset(known).into_iter().chain(offset(shown));
                    return differing.min().unwrap_or(both);
                }
            }
        }
    }

    /// The log as each copy found it, in order of time.
    pub fn states(&self) -> &[LogState] {
        &self.states
    }

    /// What it held at an offset in one of its states.
    pub fn at(&self, state: usize, offset: Offset) -> Held {
        let now = &self.states[state];
        if offset < now.start {
            return Held::Before;
        }
        if offset >= now.end {
            return Held::Beyond;
        }
        let mut state = state;
        while offset < self.states[state].from {
            let Some(before) = state.checked_sub(1) else {
                return Held::Unknown;
            };
            state = before;
            let within = self.states[state].start..self.states[state].end;
            if !within.contains(&offset) {
                return Held::Unknown;
            }
        }
        let record = self.states[state].records.get(offset);
        record.map_or(Held::Nothing, |(value, epoch)| Held::Record { value, epoch })
    }

    /// The records that it held in a state from an offset on, up to another. What no copy showed is left out.
    pub fn records(
        &self,
        state: usize,
        from: Offset,
        to: Offset,
    ) -> impl Iterator<Item = (Offset, Value, i32)> + use<'_> {
        let layers = self.layers(state, from, to);
        let of = |(state, from, to): (usize, Offset, Offset)| self.states[state].records.range(from, to);
        layers.into_iter().flat_map(of)
    }

    /// Which state's own records make up a range of a state, in order.
    fn layers(&self, state: usize, from: Offset, to: Offset) -> Vec<(usize, Offset, Offset)> {
        let mut layers = Vec::new();
        let from = from.max(self.states[state].start);
        let mut to = to;
        for number in (0..=state).rev() {
            let layer = &self.states[number];
            to = to.min(layer.end);
            let own = layer.from.max(from);
            if own < to {
                layers.push((number, own, to));
                to = own;
            }
            if to <= from {
                break;
            }
        }
        layers.reverse();
        layers
    }

    /// From which offset on all of a state is known.
    pub fn read_from(&self, state: usize) -> Offset {
        let mut from = self.states[state].from;
        for before in self.states[..state].iter().rev() {
            if before.end < from {
                break;
            }
            from = from.min(before.from);
        }
        from.max(self.states[state].start)
    }

    /// From which offset on a state lacks what the one before held: where the log had been cut off meanwhile. `None`
    /// where it only grew, or was only deleted from its start.
    pub fn cut(&self, state: usize) -> Option<Offset> {
        let before = state.checked_sub(1)?;
        let (now, was) = (&self.states[state], &self.states[before]);
        let at = now.from.min(now.end).max(now.start).max(was.start);
        let mut held = self.records(before, at, was.end);
        let lacking = held.find(|(offset, value, epoch)| self.lacks(state, *offset, *value, *epoch));
        lacking.map(|(offset, _, _)| offset)
    }

    /// Whether a state certainly does not hold a record.
    pub fn lacks(&self, state: usize, offset: Offset, value: Value, epoch: i32) -> bool {
        match self.at(state, offset) {
            Held::Record {
                value: held,
                epoch: of,
            } => (held, of) != (value, epoch),
            Held::Nothing | Held::Beyond => true,
            Held::Before | Held::Unknown => false,
        }
    }

    /// Whether a state certainly holds a value at an offset.
    pub fn holds(&self, state: usize, offset: Offset, value: Value) -> bool {
        matches!(self.at(state, offset), Held::Record { value: held, .. } if held == value)
    }

    /// The last state that held a value at an offset.
    pub fn last_holding(&self, offset: Offset, value: Value) -> Option<usize> {
        (0..self.states.len())
            .rev()
            .find(|state| self.holds(*state, offset, value))
    }

    /// The first state after the last that held a value at an offset which certainly lacks it; where none ever held it,
    /// the first that lacks it.
    pub fn first_lacking(&self, offset: Offset, value: Value) -> Option<usize> {
        let from = self.last_holding(offset, value).map_or(0, |last| last + 1);
        (from..self.states.len()).find(|state| match self.at(*state, offset) {
            Held::Record { value: held, .. } => held != value,
            Held::Nothing | Held::Beyond => true,
            Held::Before | Held::Unknown => false,
        })
    }
}
