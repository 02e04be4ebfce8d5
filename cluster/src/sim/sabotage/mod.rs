//! What the bugs do, and when.
//!
//! Each bug has one place in the cluster's code that asks for it, or a timer that makes it happen. Without a bug
//! none of this changes anything.

mod leaders;
mod logs;
mod reads;

use std::collections::{BTreeMap, VecDeque};

use history::{Key, NodeId, Offset, Value};

use self::logs::Hole;
use super::bug::Bug;
use super::log::Kind;
use super::message::{Response, Token};
use super::node::Leadership;
use super::nodes::NodeSet;
use super::settings::MILLISECOND;
use super::world::{Event, World};

/// Acknowledgements that are remembered.
const ACKNOWLEDGED_MAX: usize = 256;
/// How long after a bug happened it may do so again.
const NEXT_AFTER: u64 = 60 * MILLISECOND;
/// How long is waited before a bug without an occasion looks for one again.
const AGAIN_AFTER: u64 = 10 * MILLISECOND;

/// The bugs of a cluster and what they have done so far.
#[derive(Default)]
pub(super) struct Sabotage {
    planted: Vec<Planted>,
    /// Answers under way that acknowledge a record.
    expected: BTreeMap<Token, (Key, Offset)>,
    /// Records whose acknowledgement reached its client, the oldest first.
    acknowledged: VecDeque<(Key, Offset)>,
    /// A leader that does not know that it leads no more, and since when.
    stale: Option<Stale>,
    /// What a stale leader acknowledged, to be looked for.
    rewritten: (Key, Vec<Value>),
    /// A follower that gets no data, and since when.
    starved: Option<(Key, NodeId, u64)>,
    /// Nodes that do not hear of decisions.
    uninformed: NodeSet,
    /// A node that claims to lead the quorum in a term.
    false_term: Option<(NodeId, i32)>,
    /// The active controller as it was when it was looked at last.
    seen_controller: Option<(NodeId, i32)>,
    /// Records whose producers get no answer, and which vanish in the end.
    muted: Vec<Value>,
    /// Transactions of which the same is true: producer and epoch.
    muted_commits: Vec<(u32, i16)>,
    /// Records that were refused and will turn up.
    refused: Vec<(Key, Value)>,
    /// The partition that takes nothing any more.
    stalled: Option<Key>,
    /// The producer whose markers a partition does not get.
    unmarked: Option<(u32, Key)>,
    /// Gaps that were left on purpose.
    holes: Vec<Hole>,
    /// The partition and node that the bug under way is about, and what that node tells of it.
    victim: Option<(Key, NodeId)>,
    claimed: Option<Leadership>,
}

struct Planted {
    bug: Bug,
    from: u64,
    /// How often it may still happen.
    shots: u32,
    fired: Option<u64>,
}

/// A leader that was deposed and does not know.
#[derive(Clone, Debug)]
struct Stale {
    node: NodeId,
    key: Key,
    since: u64,
    /// The end of its log at that time.
    end: Offset,
    /// What it acknowledged since, and the client knows of.
    acknowledged: Vec<Value>,
}

impl Sabotage {
    pub(super) fn new(bugs: &[(Bug, u64)]) -> Self {
        let planted = bugs.iter().map(|(bug, from)| Planted {
            bug: *bug,
            from: *from,
            shots: shots(*bug),
            fired: None,
        });
        Self {
            planted: planted.collect(),
            ..Self::default()
        }
    }

    /// When each of them begins to look for its occasion.
    pub(super) fn times(&self) -> Vec<u64> {
        self.planted.iter().map(|planted| planted.from).collect()
    }

    fn is_none(&self) -> bool {
        self.planted.is_empty()
    }

    fn armed(&self, bug: Bug, now: u64) -> bool {
        let ready = |planted: &Planted| planted.bug == bug && planted.from <= now && planted.shots > 0;
        self.planted.iter().any(ready)
    }

    fn fire(&mut self, bug: Bug, now: u64) {
        for planted in &mut self.planted {
            if planted.bug == bug {
                planted.shots = planted.shots.saturating_sub(1);
                if planted.shots < 100 {
                    // Not all of them at one client.
                    planted.from = now + NEXT_AFTER;
                }
                planted.fired.get_or_insert(now);
            }
        }
    }
}

/// An answer to a client may be too late for it, and a transaction may come to nothing: such bugs happen a few
/// times.
fn shots(bug: Bug) -> u32 {
    match bug {
        Bug::UncommittedRead => u32::MAX,
        Bug::DirtyRead => 12,
        Bug::ResurrectedWrite => 5,
        Bug::PhantomRecord
        | Bug::SkippedBatch
        | Bug::SkippedRecord
        | Bug::RepeatedPoll
        | Bug::ReorderedPoll
        | Bug::PrecommittedRead
        | Bug::LateSlot
        | Bug::ReversedSends
        | Bug::Duplicate
        | Bug::VanishedRecord
        | Bug::MisplacedRecord => 3,
        Bug::TornTransaction | Bug::ReusedOffset => 2,
        _ => 1,
    }
}

impl World {
    /// The bugs, each with the time at which it first happened.
    pub fn bugs(&self) -> Vec<(Bug, Option<u64>)> {
        let planted = self.sabotage.planted.iter();
        planted.map(|planted| (planted.bug, planted.fired)).collect()
    }

    /// Whether a bug waits for an occasion now.
    fn armed(&self, bug: Bug) -> bool {
        !self.sabotage.is_none() && self.sabotage.armed(bug, self.now)
    }

    fn fire(&mut self, bug: Bug) {
        self.sabotage.fire(bug, self.now);
    }

    /// The time of a bug has come that happens by itself.
    pub(super) fn sabotage(&mut self, planted: usize, step: u32) {
        let Some(bug) = self.sabotage.planted.get(planted).map(|planted| planted.bug) else {
            return;
        };
        let next = match bug {
            Bug::LostMiddle => self.lose_middle(),
            Bug::Divergence => self.diverge(),
            Bug::ReplicaHole => self.harm_follower(bug, |entry| entry.kind = Kind::Gap),
            Bug::FalseLineage => self.harm_follower(bug, |entry| entry.epoch += 1),
            Bug::ReorderedLog => self.reorder_log(),
            Bug::ResurrectedWrite => self.resurrect(),
            Bug::StaleLeader => self.stale_leader(step),
            Bug::UncleanLeader => self.unclean_leader(step),
            Bug::TwoLeaders => self.two_leaders(step),
            Bug::SameEpochElection => self.same_epoch_election(step),
            Bug::EpochGoesBack => self.epoch_goes_back(step),
            Bug::TwoControllers | Bug::TermGoesBack => self.false_controller(bug, step),
            _ => None,
        };
        if let Some((after, step)) = next {
            self.push(self.now + after, Event::Sabotage { planted, step });
        }
    }

    /// The producers are closed: what is to be missing in the end goes now.
    pub fn quiesce(&mut self) {
        if self.armed(Bug::LostTail) {
            self.lose_tail();
        }
        self.vanish();
    }

    /// An answer that acknowledges a record is on its way.
    pub(super) fn expect_acknowledgement(&mut self, token: Token, key: Key, offset: Offset) {
        if !self.sabotage.is_none() {
            self.sabotage.expected.insert(token, (key, offset));
        }
    }

    /// It arrived.
    pub(super) fn note_acknowledgement(&mut self, node: NodeId, token: Token, response: &Response) {
        if self.sabotage.is_none() || !matches!(response, Response::Produced(Ok(_))) {
            return;
        }
        let Some((key, offset)) = self.sabotage.expected.remove(&token) else {
            return;
        };
        self.note_stale(node, key, offset);
        self.sabotage.acknowledged.push_back((key, offset));
        if self.sabotage.acknowledged.len() > ACKNOWLEDGED_MAX {
            self.sabotage.acknowledged.pop_front();
        }
    }

    /// Whether a committed record stands at an offset of the leader's log, for good.
    fn is_firm(&mut self, key: Key, offset: Offset) -> bool {
        let Some(leader) = self.leader_of(key) else {
            return false;
        };
        let Some(replica) = self.replica(leader, key) else {
            return false;
        };
        let stable = replica.log.stable(replica.high_watermark);
        let Some(entry) = replica.log.get(offset) else {
            return false;
        };
        let value = entry.value;
        if offset >= stable || entry.kind != Kind::Data || entry.aborted {
            return false;
        }
        // A producer that is not idempotent may have written it twice by right.
        let all = replica.log.range(0, stable).iter();
        entry.origin.is_some() || all.filter(|entry| entry.value == value).count() == 1
    }

    /// Acknowledged records that stand firm, the oldest first.
    fn firm(&mut self) -> Vec<(Key, Offset)> {
        let acknowledged: Vec<_> = self.sabotage.acknowledged.iter().copied().collect();
        let firm = acknowledged.into_iter();
        firm.filter(|(key, offset)| self.is_firm(*key, *offset)).collect()
    }
}
