//! Records that were deleted on request, and that a client reads all the same.
//!
//! `DeleteRecords` is acknowledged once no live replica's log begins below its offset (KIP-107). From then on nobody who begins to read
//! is to get what lay below. Kafka's own exception: the new beginning is noted on disk once a minute, so that it may be lost where all
//! replicas end before. And replicas that were not live then know nothing of it: it is only a promise where all were seen in sync before
//! the request, and still were once it was acknowledged. What a client had fetched before proves nothing, so only who was assigned its
//! partitions afterwards is asked.

use std::collections::{BTreeMap, BTreeSet};

use history::{
    Assign, Claim, Deletion, DeletionStep, Event, F, Header, Key, NodeId, Offset, Op, Probe, Record, What,
};

/// For so long after the acknowledgement the replicas have to be seen in sync: a broker's cache may lag.
const SEEN_FOR: u64 = 1_000_000_000;

/// What the walk through a history gathers of deleted records that were read, and of who was in sync.
#[derive(Default)]
pub(crate) struct Returned {
    replicas: Vec<Replicas>,
    deletions: Vec<Done>,
    /// When each request that is not answered yet went out.
    asked: BTreeMap<(Key, Offset), u64>,
    /// When each client was last assigned its partitions.
    assigned: BTreeMap<u32, u64>,
    /// Processes of nodes that ended.
    ended: Vec<(u64, NodeId)>,
    /// What was read first of each place, with the deletions that should have kept it from being read.
    read: BTreeMap<(Key, Offset), Reading>,
    /// When the final reads were over.
    pub(super) over: Option<u64>,
}

/// Who was in sync with a partition, as brokers' caches say.
#[derive(Default)]
struct Replicas {
    count: usize,
    /// Whether it may be led by a replica that was not in sync.
    unclean: bool,
    /// Since when nobody said anything but that all are.
    whole_since: Option<u64>,
    /// When somebody was last said not to be.
    short: Option<u64>,
}

/// A deletion that was acknowledged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    key: Key,
    pub(super) below: Offset,
    asked: u64,
    pub(super) acknowledged: u64,
    /// All replicas were in sync before it.
    before: bool,
    /// And so they were said to be afterwards, by who was asked then.
    after: bool,
}

/// A record that should not have been there any more.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) record: Record,
    pub(super) op: u64,
    pub(super) process: u32,
    pub(super) assigned: u64,
    pub(super) time: u64,
    /// By place among the deletions.
    deletions: Vec<usize>,
}

impl Returned {
    pub(crate) fn new(header: &Header) -> Self {
        let topics = header.topics.iter().flat_map(|topic| {
            (0..topic.partitions).map(|_| Replicas {
                count: topic.replication_factor as usize,
                unclean: topic.unclean_election,
                ..Replicas::default()
            })
        });
        Self {
            replicas: topics.take(crate::index::keys_of(header) as usize).collect(),
            ..Self::default()
        }
    }

    /// The next event.
    pub(crate) fn event(&mut self, event: &Event) {
        match &event.what {
            What::Observed(observed) => {
                if let Probe::Metadata(metadata) = &observed.answer {
                    for claim in &metadata.claims {
                        self.claimed(event.time, observed.asked, claim);
                    }
                }
            }
            What::Deletion(deletion) => self.deletion(event.time, deletion),
            What::Node(node) if !node.running => self.ended.push((event.time, node.node)),
            // Whoever asks for an unclean election, or makes one possible, takes the promise back.
            What::Fault(fault) if fault.kind.contains("unclean") || fault.kind == "election-storm" => {
                self.replicas
                    .iter_mut()
                    .for_each(|replicas| replicas.unclean = true);
            }
            What::Invoke(Op {
                process,
                f: F::Assign(Assign { .. }),
                ..
            }) => {
                self.assigned.insert(*process, event.time);
            }
            What::Ok(op) => {
                if let F::Poll(poll) = &op.f {
                    poll.records
                        .iter()
                        .for_each(|record| self.was_read(event.time, op, record));
                }
            }
            What::FinalReads(_) => self.over = Some(event.time),
            _ => {}
        }
    }

    fn claimed(&mut self, time: u64, asked: u64, claim: &Claim) {
        let Some(replicas) = self.replicas.get_mut(claim.key as usize) else {
            return;
        };
        let whole = claim.isr.len() >= replicas.count;
        if whole {
            replicas.whole_since.get_or_insert(time);
        } else {
            (replicas.whole_since, replicas.short) = (None, Some(time));
        }
        let recent = self.deletions.iter_mut().rev();
        let recent = recent.take_while(|done| time.saturating_sub(done.acknowledged) <= SEEN_FOR);
        for done in recent.filter(|done| done.key == claim.key) {
            done.before &= whole;
            done.after |= whole && asked >= done.acknowledged;
        }
    }

    fn deletion(&mut self, time: u64, deletion: &Deletion) {
        let asked = (deletion.key, deletion.below);
        match deletion.step {
            DeletionStep::Asking => {
                self.asked.insert(asked, time);
            }
            DeletionStep::Done { low_watermark } => {
                let Some(asked) = self.asked.remove(&asked) else {
                    return;
                };
                let replicas = self.replicas.get(deletion.key as usize);
                let whole_since = replicas.and_then(|replicas| replicas.whole_since);
                self.deletions.push(Done {
                    key: deletion.key,
                    below: deletion.below.min(low_watermark),
                    asked,
                    acknowledged: time,
                    before: whole_since.is_some_and(|since| since <= asked),
                    after: false,
                });
            }
            DeletionStep::Refused { .. } | DeletionStep::Unknown { .. } => {}
        }
    }

    fn was_read(&mut self, time: u64, op: &Op, record: &Record) {
        let Some(assigned) = self
            .assigned
            .get(&op.process)
            .filter(|_| !self.deletions.is_empty())
        else {
            return;
        };
        let before = |done: &Done| {
            done.key == record.key && done.below > record.offset && done.acknowledged < *assigned
        };
        let deletions = (0..).zip(&self.deletions).filter(|(_, done)| before(done));
        let deletions: Vec<usize> = deletions.map(|(place, _)| place).collect();
        if !deletions.is_empty() {
            self.read.entry((record.key, record.offset)).or_insert(Reading {
                record: *record,
                op: op.op,
                process: op.process,
                assigned: *assigned,
                time,
                deletions,
            });
        }
    }

    /// Whether nothing was deleted on request.
    pub(super) fn is_empty(&self) -> bool {
        self.deletions.is_empty()
    }

    /// Every deleted record that was read, with the deletion, and whether that one was a promise.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Reading, &Done, bool)> {
        self.read.values().filter_map(|reading| {
            let deletions = reading
                .deletions
                .iter()
                .filter_map(|place| self.deletions.get(*place));
            let all: Vec<&Done> = deletions.collect();
            let promised = all.iter().find(|done| self.is_promised(done, reading.time));
            let done = promised.or(all.first())?;
            Some((reading, *done, promised.is_some()))
        })
    }

    /// Whether Kafka promises that what was deleted is still so at that time.
    fn is_promised(&self, done: &Done, time: u64) -> bool {
        let Some(replicas) = self.replicas.get(done.key as usize) else {
            return false;
        };
        let ended = self
            .ended
            .iter()
            .filter(|(at, _)| (done.asked..=time).contains(at));
        let ended: BTreeSet<NodeId> = ended.map(|(_, node)| *node).collect();
        done.before && done.after && !replicas.unclean && ended.len() < replicas.count
    }

    /// Whether every replica of a partition was in sync from that time on, as far as was seen.
    pub(super) fn were_whole(&self, key: Key, since: u64) -> bool {
        self.replicas.get(key as usize).is_some_and(|replicas| {
            !replicas.unclean
                && replicas.whole_since.is_some()
                && replicas.short.is_none_or(|short| short < since)
        })
    }
}
