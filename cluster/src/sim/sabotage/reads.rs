//! Bugs of what consumers get.

use history::payload::FOREIGN;
use history::{Key, NodeId, Offset};

use crate::sim::bug::Bug;
use crate::sim::message::{Fetch, Part, Position};
use crate::sim::node::Replica;
use crate::sim::world::World;

/// What a reader gets that it should not.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::sim) struct Shown {
    /// Records up to there, whatever else holds them back.
    pub(in crate::sim) until: Option<Offset>,
    /// Records of aborted transactions.
    pub(in crate::sim) aborted: bool,
}

impl World {
    pub(in crate::sim) fn shown_too(
        &mut self,
        node: NodeId,
        key: Key,
        position: Position,
        fetch: &Fetch,
    ) -> Shown {
        let mut shown = Shown::default();
        let Position::At(from) = position else {
            return shown;
        };
        if self.sabotage.is_none() || !fetch.committed {
            return shown;
        }
        if self.armed(Bug::DirtyRead) && self.has_aborted(node, key, from) {
            shown.aborted = true;
            self.fire(Bug::DirtyRead);
        }
        if self.armed(Bug::PrecommittedRead)
            && let Some(until) = self.own_records(node, key, from, fetch)
        {
            shown.until = Some(until);
            self.fire(Bug::PrecommittedRead);
        }
        if self.armed(Bug::UncommittedRead)
            && let Some(until) = self.others_records(node, key, fetch)
        {
            shown.until = Some(until);
            self.fire(Bug::UncommittedRead);
        }
        shown
    }

    fn has_aborted(&mut self, node: NodeId, key: Key, from: Offset) -> bool {
        self.replica(node, key).is_some_and(|replica| {
            let stable = replica.log.stable(replica.high_watermark);
            let mut aborted = replica.log.range(from, stable).iter();
            aborted.any(|entry| entry.aborted)
        })
    }

    /// Where the reader's own records end, if nothing but them stands between the stable offset and there.
    fn own_records(&mut self, node: NodeId, key: Key, from: Offset, fetch: &Fetch) -> Option<Offset> {
        let producer = fetch.producer?;
        let Replica {
            log, high_watermark, ..
        } = self.replica(node, key)?;
        let first = log.open_since(producer)?;
        let stable = log.stable(*high_watermark);
        let own = |offset: &Offset| {
            let origin = log.get(*offset).and_then(|entry| entry.origin);
            origin.is_some_and(|origin| origin.producer == producer)
        };
        let until = (first..*high_watermark).take_while(own).last()? + 1;
        (first == stable && from <= stable).then_some(until)
    }

    /// Everything up to the reader's own records.
    fn others_records(&mut self, node: NodeId, key: Key, fetch: &Fetch) -> Option<Offset> {
        let Replica {
            log, high_watermark, ..
        } = self.replica(node, key)?;
        let own = fetch.producer.and_then(|producer| log.open_since(producer));
        let until = own.map_or(*high_watermark, |own| own.min(*high_watermark));
        (until > log.stable(*high_watermark)).then_some(until)
    }

    /// What a consumer takes as the answer to its fetch. `follows`: it has read from this partition before, and
    /// reads on from there. `last`: its operation reads nothing after that.
    pub fn tamper(&mut self, part: &mut Part, follows: bool, last: bool) {
        if self.sabotage.is_none() {
            return;
        }
        let count = part.records.len();
        if count >= 1 && self.armed(Bug::PhantomRecord) {
            part.records[count / 2].1 |= FOREIGN;
            self.fire(Bug::PhantomRecord);
        }
        if count >= 2 && self.armed(Bug::ReorderedPoll) {
            part.records.swap(count - 2, count - 1);
            self.fire(Bug::ReorderedPoll);
        }
        if count >= 3 && self.armed(Bug::SkippedRecord) {
            part.records.remove(count / 2);
            self.fire(Bug::SkippedRecord);
        }
        if count >= 2 && follows && self.armed(Bug::SkippedBatch) {
            part.records.drain(..count - 1);
            self.fire(Bug::SkippedBatch);
        }
        if count >= 1 && last && self.armed(Bug::RepeatedPoll) {
            part.next = part.next.map(|_| part.records[0].0);
            self.fire(Bug::RepeatedPoll);
        }
    }
}
