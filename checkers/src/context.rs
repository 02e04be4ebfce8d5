//! What every check is given.

use std::fmt::Write as _;

use history::{Header, Key, Names, Topic, Value};

use crate::applications::Applications;
use crate::checks::availability::{Attempts, Losses};
use crate::checks::controllers::Quorums;
use crate::checks::leadership::Claims;
use crate::checks::liveness::Progress;
use crate::checks::log::Tally;
use crate::checks::metrics::Told;
use crate::checks::queue::Deliveries;
use crate::checks::retention::Returned;
use crate::disks::Disks;
use crate::evidence::Evidence;
use crate::index::Index;
use crate::options::{Model, Options};
use crate::outcome::Kept;
use crate::rulings::Rulings;
use crate::stories::Scene;
use crate::text;
use crate::timeline::Timeline;
use crate::verdict::Case;

/// A history, and what the walks through it gathered.
pub(crate) struct Context<'s> {
    pub(crate) header: &'s Header,
    pub(crate) names: &'s Names,
    pub(crate) options: &'s Options,
    /// What the history is judged by.
    pub(crate) model: Model,
    pub(crate) index: Index,
    pub(crate) timeline: Timeline,
    pub(crate) claims: Claims,
    pub(crate) quorums: Quorums,
    pub(crate) told: Told,
    pub(crate) progress: Progress,
    /// What lay on the nodes' disks.
    pub(crate) disks: Disks,
    /// What the controllers decided, as far as it lay there.
    pub(crate) rulings: Rulings,
    /// What stories are told with beside the rest.
    pub(crate) scene: Scene,
    pub(crate) attempts: Attempts,
    /// What applications did: members of groups, and what is made of records.
    pub(crate) applications: Applications,
    /// What a share group delivered.
    pub(crate) deliveries: Deliveries,
    /// Deleted records that were read, and who was in sync.
    pub(crate) returned: Returned,
    pub(crate) losses: Losses,
    /// When somebody ended the run.
    pub(crate) interrupted: Kept<u64>,
    /// Whoever wrote the history was cut off.
    pub(crate) truncated: bool,
    /// Operations that no check knows.
    pub(crate) skipped: u64,
    pub(crate) tally: Tally,
    pub(crate) evidence: Evidence,
}

impl Context<'_> {
    /// A partition's name.
    pub(crate) fn name(&self, key: Key) -> String {
        match self.names.key(key) {
            Some(name) if name.bytes().all(|byte| byte.is_ascii_digit()) => format!("key {name}"),
            Some(name) => name.to_owned(),
            None => self.header.key_name(key),
        }
    }

    /// Whether brokers remove records of a partition by themselves, so that one replica may lack what another still has.
    pub(crate) fn removes_records(&self, key: Key) -> bool {
        self.header.topic(key).is_some_and(Topic::removes_records)
    }

    /// Whether the broker compacts any of the run's topics.
    pub(crate) fn has_compacted_topics(&self) -> bool {
        self.header.topics.iter().any(Topic::is_compacted)
    }

    /// A partition as its history calls it, in one word.
    pub(crate) fn key_word(&self, key: Key) -> String {
        let name = self.names.key(key).map(str::to_owned);
        name.unwrap_or_else(|| self.header.key_name(key))
    }

    /// A value as the history wrote it.
    pub(crate) fn value(&self, value: Value) -> String {
        self.names.value(value)
    }

    /// When something was, as the end of a clause; nothing where the history had no clock.
    pub(crate) fn at(&self, time: u64) -> String {
        if self.is_timed() {
            format!(" at {}", text::seconds(time))
        } else {
            String::new()
        }
    }

    /// The same of what came later.
    pub(crate) fn after(&self, time: u64) -> String {
        if self.is_timed() {
            format!(" after {}", text::seconds(time))
        } else {
            String::new()
        }
    }

    fn is_timed(&self) -> bool {
        self.index.phased || text::is_timed(self.timeline.end, self.index.counts.operations)
    }

    /// Whether anything is known of faults and brokers: in a history from elsewhere it is not.
    pub(crate) fn knows_cluster(&self) -> bool {
        self.index.phased || !self.timeline.faults.is_empty()
    }

    /// A case on a partition at a time, with the faults that were in force.
    pub(crate) fn case(&self, time: u64, key: Key) -> Case {
        Case {
            key: Some(key),
            partition: Some(self.name(key)),
            ..self.case_of_cluster(time)
        }
    }

    /// A case on no partition.
    pub(crate) fn case_of_cluster(&self, time: u64) -> Case {
        Case {
            time,
            faults: self.timeline.faults_at(time).map(|fault| fault.id).collect(),
            ..Case::default()
        }
    }

    /// The same, where anything is known of faults.
    pub(crate) fn faults_known(&self, time: u64) -> Option<String> {
        self.knows_cluster().then(|| self.faults_sentence(time))
    }

    /// Which faults were in force at a time, in a sentence.
    pub(crate) fn faults_sentence(&self, time: u64) -> String {
        let in_force: Vec<String> = self.timeline.faults_at(time).map(fault_since).collect();
        if !in_force.is_empty() {
            return format!("In force at that time: {}.", text::list(&in_force));
        }
        let faults = &self.timeline.faults;
        let ended = faults.iter().filter_map(|fault| Some((fault.to?, fault)));
        let before = ended.filter(|(to, _)| *to < time).max_by_key(|(to, _)| *to);
        let begun = faults.iter().filter_map(|fault| Some((fault.start()?, fault)));
        let after = begun
            .filter(|(start, _)| *start > time)
            .min_by_key(|(start, _)| *start);
        let mut sentence = match before {
            Some((to, fault)) => {
                let to = text::seconds(to);
                format!(
                    "No fault was in force at that time: {} had ended at {to}",
                    text::fault(fault)
                )
            }
            None => "No fault had been in force up to that time".to_owned(),
        };
        if let Some((start, fault)) = after {
            let start = text::seconds(start);
            write!(sentence, "; the next, {}, began at {start}", text::fault(fault))
                .expect("a string takes all");
        }
        sentence + "."
    }
}

/// A fault, from when to when.
pub(crate) fn fault_since(fault: &crate::timeline::FaultInterval) -> String {
    let from = fault
        .start()
        .map_or_else(String::new, |from| format!(" from {}", text::seconds(from)));
    let to = match fault.to {
        Some(to) => format!(" to {}", text::seconds(to)),
        None => " to the end of the history".to_owned(),
    };
    format!("{}{from}{to}", text::fault(fault))
}

/// A story with the faults that were in force.
pub(crate) fn with_faults(context: &Context, time: u64, mut story: Vec<String>) -> Vec<String> {
    story.extend(context.faults_known(time));
    story
}

/// Things in order, each once.
pub(crate) fn distinct<T: Ord>(things: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut things: Vec<T> = things.into_iter().collect();
    things.sort_unstable();
    things.dedup();
    things
}
