//! A member of a consumer group, which writes into the history what its group gives it and what is committed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use history::{Commit, Committed, F, GroupStep, Key, MemberId, Offset, Rebalance, Subscribe};

use super::Shared;
use super::library::{Advice, Change, Consumer, ConsumerSettings, Incoming, Membership, Rebalanced, Refusal};
use crate::scribe::End;

/// How long asking for what is committed may take, as a partition is given to the member.
const LOOK_WITHIN: Duration = Duration::from_secs(2);

/// A member, and the process of the history that it is.
pub(crate) struct Member {
    shared: Arc<Shared>,
    client: Box<dyn Consumer>,
    process: u32,
    /// Its `group.instance.id`, by which a static member is known whatever id the group gives it.
    instance: Option<String>,
    /// A record that came after a rebalance, which has to be told first.
    kept: Option<Incoming>,
}

/// What comes next for a member.
pub(crate) enum Next {
    /// Nothing came in time.
    Nothing,
    Record(Incoming),
    /// The group gave it partitions or took some: to be told by [`Member::tell`] before what comes next.
    Moved(Vec<Rebalanced>),
    /// It cannot go on from where it stands.
    Lost(String),
}

impl Member {
    /// Joins the group that the settings name, for the topics of these partitions.
    pub(crate) fn join(
        shared: &Arc<Shared>,
        settings: &ConsumerSettings,
        keys: &[Key],
        process: u32,
    ) -> Result<Self, Refusal> {
        let mut client = shared.library.consumer(settings)?;
        let mut topics: Vec<&str> = keys.iter().map(|key| shared.keys.partition(*key).0).collect();
        topics.dedup();
        let f = F::Subscribe(Subscribe { keys: keys.to_vec() });
        let op = shared.scribe.invoke(process, f.clone());
        let joined = client.subscribe(&topics);
        let end = match &joined {
            Ok(()) => End::Ok,
            Err(refusal) => End::Fail(refusal.text.clone()),
        };
        shared.scribe.end(process, op, f, end);
        joined?;
        Ok(Self {
            shared: shared.clone(),
            client,
            process,
            instance: settings.group.as_ref().and_then(|group| group.instance.clone()),
            kept: None,
        })
    }

    /// The next record or rebalance, in their order: what is read after a rebalance is never told before it.
    pub(crate) fn next(&mut self, within: Duration) -> Next {
        if let Some(record) = self.kept.take() {
            return Next::Record(record);
        }
        let polled = self.client.poll(1, within);
        let record = polled.records.first().copied();
        let moved = self.client.rebalanced();
        if !moved.is_empty() {
            self.kept = record;
            return Next::Moved(moved);
        }
        match (record, polled.lost) {
            (Some(record), _) => Next::Record(record),
            (None, Some(reason)) => Next::Lost(reason),
            (None, None) => Next::Nothing,
        }
    }

    /// Takes rebalances down, and what is committed of what came. No operation of the process may be open.
    pub(crate) fn tell(&mut self, moved: &[Rebalanced]) {
        for rebalanced in moved {
            let step = GroupStep::Rebalance(Rebalance {
                change: match rebalanced.change {
                    Change::Given => history::Change::Given,
                    Change::Revoked => history::Change::Revoked,
                    Change::Lost => history::Change::Lost,
                },
                keys: rebalanced.keys.clone(),
                member: self.called(rebalanced.member.clone(), rebalanced.generation),
            });
            self.done(F::Group(step.clone()), |_| (F::Group(step), End::Ok));
            if rebalanced.change == Change::Given && !rebalanced.keys.is_empty() {
                self.look(&rebalanced.keys);
            }
        }
    }

    fn look(&mut self, keys: &[Key]) {
        self.done(asked(keys), |client| look(client, keys, LOOK_WITHIN));
    }

    /// Commits the offsets to read next, takes down what came of it, and says whether it was acknowledged.
    pub(crate) fn commit(&mut self, offsets: &BTreeMap<Key, Offset>, within: Duration) -> bool {
        let id = self.id();
        let step = F::Group(GroupStep::Commit(Commit {
            member: id,
            offsets: offsets.iter().map(|(key, offset)| (*key, *offset)).collect(),
        }));
        let f = step.clone();
        let mut acknowledged = false;
        self.done(step, |client| {
            let end = match client.commit(offsets, within) {
                Ok(()) => End::Ok,
                Err(Refusal { text, advice }) => match advice {
                    Advice::Refused | Advice::Again => End::Fail(text),
                    Advice::Abort | Advice::Discard => End::Info(text),
                },
            };
            acknowledged = end == End::Ok;
            (f, end)
        });
        acknowledged
    }

    /// Who it is now.
    fn id(&mut self) -> MemberId {
        let membership = self.client.membership();
        match membership {
            Some(Membership {
                member, generation, ..
            }) => self.called(member, generation),
            None => MemberId {
                id: String::new(),
                generation: -1,
            },
        }
    }

    fn called(&self, member: String, generation: i32) -> MemberId {
        let id = self
            .instance
            .clone()
            .filter(|_| generation >= 0)
            .unwrap_or(member);
        MemberId { id, generation }
    }

    /// What a transaction needs to commit in its name; `None` while it is no member.
    pub(crate) fn membership(&mut self) -> Option<Membership> {
        self.client.membership()
    }

    /// An operation, from its beginning to its end.
    fn done(&mut self, begun: F, make: impl FnOnce(&mut dyn Consumer) -> (F, End)) {
        let op = self.shared.scribe.invoke(self.process, begun);
        let (f, end) = make(&mut *self.client);
        self.shared.scribe.end(self.process, op, f, end);
    }

    /// Leaves in peace.
    pub(crate) fn close(self) {
        self.client.close();
    }

    /// Ends as if it had crashed.
    pub(crate) fn discard(self) {
        self.client.discard();
    }
}

/// The question what is committed of these partitions.
pub(super) fn asked(keys: &[Key]) -> F {
    F::Group(GroupStep::Committed(Committed {
        offsets: keys.iter().map(|key| (*key, None)).collect(),
    }))
}

/// Asks what is committed of these partitions.
pub(super) fn look(client: &mut dyn Consumer, keys: &[Key], within: Duration) -> (F, End) {
    match client.committed(keys, within) {
        Ok(committed) => {
            let offsets = committed.into_iter().collect();
            (F::Group(GroupStep::Committed(Committed { offsets })), End::Ok)
        }
        Err(refusal) => (asked(keys), End::Fail(refusal.text)),
    }
}

/// How far this goes: the offset to read next, by partition. What carries no value counts as well.
pub(crate) fn read_up_to(incoming: &[Incoming]) -> BTreeMap<Key, Offset> {
    incoming
        .iter()
        .map(|record| (record.key, record.offset + 1))
        .collect()
}
