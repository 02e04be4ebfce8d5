//! What each broker held of itself, from when until when: that it leads a partition, as leader of which it answers, and what
//! it serves on the probe topic.
//!
//! An answer is in the history when it differs from the one before of its question, so it holds until the next that is there.

use std::collections::BTreeMap;

use history::{Answer, Key, NodeId, Observed, Probe};

use super::claims::answers_as_leader;

/// How a broker showed itself as a leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Showing {
    /// It named itself in its Metadata.
    Names,
    /// It answered as leader.
    Answers,
    /// It acknowledged a write to a partition of the probe topic.
    Acknowledges,
    /// It served a read of one.
    Reads,
}

/// A broker as leader of a partition, of the workload or of the probe topic, in an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reign {
    pub(super) showing: Showing,
    pub(super) partition: Key,
    pub(super) epoch: i32,
    pub(super) node: NodeId,
}

/// When a broker showed itself so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    /// When the first answer came.
    pub(super) first: u64,
    /// When the last of these answers that is in the history had been asked for.
    pub(super) asked: u64,
    /// When the answer was asked for that showed it no more, or the last that showed it.
    pub(super) until: u64,
}

/// All of that.
#[derive(Default)]
pub(super) struct Beliefs {
    held: BTreeMap<Reign, Held>,
    /// What the last answer of a node to a question showed.
    open: BTreeMap<(NodeId, &'static str), Vec<Reign>>,
}

impl Beliefs {
    /// The next answer.
    pub(super) fn observed(&mut self, time: u64, observed: &Observed) {
        let Some((question, shown)) = shown(observed) else {
            return;
        };
        for reign in &shown {
            let held = self.held.entry(*reign).or_insert(Held {
                first: time,
                asked: observed.asked,
                until: observed.asked,
            });
            held.asked = held.asked.max(observed.asked);
            held.until = held.until.max(observed.asked);
        }
        let open = self.open.entry((observed.node, question)).or_default();
        for reign in std::mem::replace(open, shown) {
            if let Some(held) = self.held.get_mut(&reign) {
                held.until = held.until.max(observed.asked);
            }
        }
    }

    /// All that was shown in one way, by partition and epoch.
    pub(super) fn of(&self, showing: Showing) -> impl Iterator<Item = (&Reign, &Held)> {
        self.held
            .iter()
            .filter(move |(reign, _)| reign.showing == showing)
    }

    pub(super) fn get(&self, reign: Reign) -> Option<&Held> {
        self.held.get(&reign)
    }
}

/// The question that was answered, and what the answer shows.
fn shown(observed: &Observed) -> Option<(&'static str, Vec<Reign>)> {
    let node = observed.node;
    let reign = |showing, partition, epoch| Reign {
        showing,
        partition,
        epoch,
        node,
    };
    Some(match &observed.answer {
        Probe::Metadata(metadata) => {
            let own = metadata.claims.iter().filter(|claim| claim.leader == Some(node));
            let own = own.map(|claim| reign(Showing::Names, claim.key, claim.epoch));
            ("metadata", own.collect())
        }
        Probe::Stands(stands) => {
            let answered = stands.stands.iter().filter(|stand| answers_as_leader(stand));
            let answered = answered.map(|stand| reign(Showing::Answers, stand.key, stand.epoch));
            ("stands", answered.collect())
        }
        Probe::Served(served) => {
            let done = |answer: &Answer| matches!(answer, Answer::Done(_));
            let services = served.served.iter().flat_map(|service| {
                let of = |showing| reign(showing, service.partition, service.epoch);
                let write = done(&service.write).then(|| of(Showing::Acknowledges));
                let read = done(&service.read).then(|| of(Showing::Reads));
                write.into_iter().chain(read)
            });
            ("served", services.collect())
        }
        Probe::Silent(silence) => match silence.asked_for.as_str() {
            "metadata" => ("metadata", Vec::new()),
            "stands" => ("stands", Vec::new()),
            "served" => ("served", Vec::new()),
            _ => return None,
        },
        _ => return None,
    })
}
