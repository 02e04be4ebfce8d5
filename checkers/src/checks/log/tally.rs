//! What became of all writes, counted, and which of them have to be told of.

use history::{Key, Offset, ReadError, Source};

use crate::evidence::{Gatherer, Passes, Wanted};
use crate::index::{Deleted, Id, Index, WriteOutcome};
use crate::kafka::scan;
use crate::options::Options;
use crate::outcome::Kept;

/// Lost writes that ranges are made of; of more the first.
const LOST_MAX: usize = 100_000;

/// What became of all writes.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) acknowledged: u64,
    pub(crate) failed: u64,
    pub(crate) unknown: u64,
    /// Acknowledged after the final reads had begun.
    pub(crate) late: u64,
    /// Known to have happened, and gone.
    pub(crate) lost: Kept<u32>,
    /// The same in full, ascending, as far as stories are told of them: see [`LOST_MAX`].
    pub(crate) lost_all: Vec<u32>,
    /// Of these, how many were never acknowledged: another record of their transaction was read.
    pub(crate) lost_in_doubt: u64,
    /// Never acknowledged, read, and gone.
    pub(crate) vanished: Kept<u32>,
    /// Certainly failed, and read.
    pub(crate) aborted: Kept<u32>,
    /// Known to have happened, and deleted by request.
    pub(crate) deleted: u64,
    /// Known to have happened, and gone from a partition of which something was deleted; where it stood nobody knows.
    pub(crate) perhaps_deleted: u64,
    /// Acknowledged and never read, and not known to be lost.
    pub(crate) unseen: Kept<u32>,
    /// By key: the highest offset that was read.
    bounds: Vec<Option<(Offset, Id)>>,
    /// Who passed over what, where only that proves a loss.
    pub(crate) passed_over: PassedOver,
}

impl Tally {
    /// Counts.
    pub(crate) fn of(index: &Index, passed_over: PassedOver) -> Self {
        let mut tally = Self {
            bounds: if index.phased { Vec::new() } else { bounds(index) },
            passed_over,
            ..Self::default()
        };
        for number in index.writes.numbers() {
            tally.count(index, number);
        }
        tally
    }

    fn count(&mut self, index: &Index, number: u32) {
        let writes = &index.writes;
        let outcome = writes.outcome(number);
        match outcome {
            WriteOutcome::Ok => self.acknowledged += 1,
            WriteOutcome::Fail => self.failed += 1,
            WriteOutcome::Info => self.unknown += 1,
        }
        if writes.is_suspect(number) {
            return;
        }
        let acknowledged = outcome == WriteOutcome::Ok;
        let (read, late) = (writes.is_read(number), writes.is_late(number));
        self.late += u64::from(acknowledged && late);
        if outcome == WriteOutcome::Fail {
            if read {
                self.aborted.push(|| number);
            }
        } else if index.complete(writes.key(number)) {
            let deleted = index.deleted(number);
            if writes.is_read_finally(number) {
            } else if deleted != Deleted::No {
                self.count_deleted(index, number, deleted);
            } else if outcome == WriteOutcome::Info && writes.is_read_before(number) {
                self.vanished.push(|| number);
            } else if writes.is_committed(number) && !late {
                self.lose(number, acknowledged);
            }
        } else if !read && writes.is_committed(number) {
            let deleted = index.deleted(number);
            let below = deleted == Deleted::No && self.is_below_what_was_read(index, number);
            if below || self.passed_over.has(number) {
                self.lose(number, acknowledged);
            } else if deleted == Deleted::Yes {
                self.deleted += 1;
            } else if acknowledged {
                self.unseen.push(|| number);
            }
        }
    }

    /// A write that is not there any more, and need not be. It is lost all the same where a client had passed over it
    /// before that.
    fn count_deleted(&mut self, index: &Index, number: u32, deleted: Deleted) {
        let writes = &index.writes;
        if self.passed_over.has(number) {
            self.lose(number, writes.is_acknowledged(number));
        } else if writes.is_committed(number) {
            let perhaps = deleted == Deleted::Perhaps;
            self.deleted += u64::from(!perhaps);
            self.perhaps_deleted += u64::from(perhaps && !writes.is_late(number));
        }
    }

    fn lose(&mut self, number: u32, acknowledged: bool) {
        self.lost.push(|| number);
        if self.lost_all.len() < LOST_MAX {
            self.lost_all.push(number);
        }
        self.lost_in_doubt += u64::from(!acknowledged);
    }

    /// Jepsen's rule for a history without complete final reads: it stands nowhere above the highest offset that
    /// was read.
    fn is_below_what_was_read(&self, index: &Index, number: u32) -> bool {
        let bound = self.bound(index.writes.key(number));
        let places = index.writes.places(number);
        bound
            .zip(places)
            .is_some_and(|((bound, _), (_, last))| last <= bound)
    }

    /// The highest offset of a key that an `ok` operation of a foreign history read, and what stands there.
    pub(crate) fn bound(&self, key: Key) -> Option<(Offset, Id)> {
        self.bounds.get(key as usize).copied().flatten()
    }
}

/// By key the highest offset that was read for certain: of a value that stands at several offsets the first.
fn bounds(index: &Index) -> Vec<Option<(Offset, Id)>> {
    let mut bounds: Vec<Option<(Offset, Id)>> = vec![None; index.keys as usize];
    let mut raise = |key: Key, id: Id| {
        if let Some((first, _)) = index.places(id)
            && let Some(bound) = bounds.get_mut(key as usize)
            && bound.is_none_or(|(highest, _)| highest < first)
        {
            *bound = Some((first, id));
        }
    };
    for number in index.writes.numbers() {
        if index.writes.is_read(number) {
            raise(index.writes.key(number), Id::write(number));
        }
    }
    for (number, stranger) in index.strangers.iter() {
        if stranger.is_read() {
            raise(stranger.record.key, Id::stranger(number));
        }
    }
    bounds
}

/// Acknowledged writes of a run of ours that nobody read, where the final reads prove nothing of them, being incomplete
/// or too late: those that a client passed over after they were begun.
#[derive(Debug, Default)]
pub(crate) struct PassedOver {
    /// Ascending.
    writes: Vec<u32>,
    pub(crate) passes: Passes,
}

impl PassedOver {
    pub(super) fn gather(source: &mut dyn Source, index: &Index) -> Result<Self, ReadError> {
        let open: Vec<u32> = index
            .writes
            .numbers()
            .filter(|number| is_open(index, *number))
            .collect();
        if open.is_empty() {
            return Ok(Self::default());
        }
        let wanted = Wanted {
            passes: open.iter().map(|number| index.writes.key(*number)).collect(),
            begun: open,
            ..Wanted::default()
        };
        let options = Options::default();
        let mut gatherer = Gatherer::new(index, &options, &wanted);
        scan(source, |event| gatherer.event(event))?;
        let evidence = gatherer.finish();
        let over = |(number, begun): &(u32, u64)| {
            let offset = index.writes.place(*number)?;
            evidence.passes.over(index.writes.key(*number), offset, *begun)
        };
        let passed = evidence.begun.times.iter().filter(|begun| over(begun).is_some());
        Ok(Self {
            writes: passed.map(|(number, _)| *number).collect(),
            passes: evidence.passes,
        })
    }

    fn has(&self, number: u32) -> bool {
        self.writes.binary_search(&number).is_ok()
    }
}

/// Whether only a client that passed over it can prove a write lost.
fn is_open(index: &Index, number: u32) -> bool {
    let writes = &index.writes;
    index.phased
        && writes.is_acknowledged(number)
        && !writes.is_read(number)
        && writes.place(number).is_some()
        && (!index.complete(writes.key(number)) || index.deleted_by_request(number) == Deleted::Yes)
}
