//! The final reads: each partition as it was read back, in order.

use std::collections::BTreeMap;

use history::{Event, F, FinalReads, Key, Offset, Phase, Value, What};

/// What one process read: by partition.
type Logs = BTreeMap<Key, Vec<(Offset, Value)>>;

/// The records that were read back, where somebody asks for them.
#[derive(Default)]
pub(crate) struct Finals {
    wanted: bool,
    /// The phase of the final reads goes on.
    open: bool,
    /// What each process read in that phase: which of them is the final reader is only told at its end.
    read: BTreeMap<u32, Logs>,
    result: Option<FinalReads>,
}

impl Finals {
    pub(super) fn new(wanted: bool) -> Self {
        Self {
            wanted,
            ..Self::default()
        }
    }

    /// Somebody asks for them.
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    pub(super) fn event(&mut self, event: &Event) {
        if !self.wanted {
            return;
        }
        match &event.what {
            What::Phase(phase) => self.open = *phase == Phase::FinalReads,
            What::Ok(op) if self.open => {
                let F::Poll(poll) = &op.f else { return };
                let logs = self.read.entry(op.process).or_default();
                for record in &poll.records {
                    let log = logs.entry(record.key).or_default();
                    log.push((record.offset, record.value));
                }
            }
            What::FinalReads(reads) => self.end(reads),
            _ => {}
        }
    }

    fn end(&mut self, reads: &FinalReads) {
        self.read.retain(|process, _| *process == reads.process);
        for log in self.read.values_mut().flat_map(BTreeMap::values_mut) {
            // A reader that had to begin anew has read some twice.
            log.sort_unstable();
            log.dedup();
        }
        self.result = Some(reads.clone());
    }

    /// Whether they are there, and complete.
    pub(crate) fn are_complete(&self) -> bool {
        self.result.as_ref().is_some_and(|reads| reads.complete)
    }

    /// A partition's records in the order of their offsets.
    pub(crate) fn log(&self, key: Key) -> &[(Offset, Value)] {
        let reads = self
            .result
            .as_ref()
            .and_then(|reads| self.read.get(&reads.process));
        reads.and_then(|logs| logs.get(&key)).map_or(&[], Vec::as_slice)
    }

    /// The partitions of which anything was read.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        let reads = self
            .result
            .as_ref()
            .and_then(|reads| self.read.get(&reads.process));
        reads.into_iter().flat_map(|logs| logs.keys().copied())
    }
}
