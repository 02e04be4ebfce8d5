//! What a broker's own last Metadata holds, for the questions that go by it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use history::NodeId;
use tokio::time::Instant;

use super::Answer;
use crate::kafka::ask::{Led, Metadata, TopicState};
use crate::kafka::wire::WireError;

/// What is not asked each time of a leader whom nobody contests is asked this long after the last time.
const UNCONTESTED: Duration = Duration::from_secs(1);

/// The newest epoch of each partition that any broker has shown, by topic and number.
#[derive(Clone, Default)]
pub(super) struct Newest(Arc<Mutex<BTreeMap<String, BTreeMap<u32, i32>>>>);

impl Newest {
    fn shown(&self, metadata: &Metadata) {
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, topic) in &metadata.topics {
            let epochs = topics.entry(name.clone()).or_default();
            for (partition, state) in &topic.partitions {
                let newest = epochs.entry(*partition).or_insert(state.epoch);
                *newest = state.epoch.max(*newest);
            }
        }
    }

    /// Whether a newer epoch than that has been shown: its leader is contested.
    pub(super) fn is_past(&self, led: &Led) -> bool {
        let topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = topics
            .get(&led.topic)
            .and_then(|epochs| epochs.get(&led.partition));
        newest.is_some_and(|newest| *newest > led.epoch)
    }
}

/// A leader's reigns as it was last asked for them: when to ask for all again what need not be asked each time.
#[derive(Default)]
pub(super) struct Turn(Option<(Instant, u32, Vec<Led>)>);

impl Turn {
    /// Whether it is time: a second has gone by, its epochs are not those of the last time, or somebody contests one.
    pub(super) fn is_due(&self, newest: &Newest, incarnation: u32, led: &[Led]) -> bool {
        let recent = self.0.as_ref().is_some_and(|(when, process, last)| {
            *process == incarnation && last == led && when.elapsed() < UNCONTESTED
        });
        !recent || led.iter().any(|led| newest.is_past(led))
    }

    /// It is asked now.
    pub(super) fn take(&mut self, incarnation: u32, led: &[Led]) {
        self.0 = Some((Instant::now(), incarnation, led.to_vec()));
    }

    /// It is due at once.
    pub(super) fn reset(&mut self) {
        self.0 = None;
    }
}

/// The last Metadata of one broker, shared by the questions to it.
#[derive(Clone)]
pub(super) struct Own {
    heard: Arc<Mutex<Heard>>,
    /// What all brokers have shown together.
    pub(super) newest: Newest,
}

#[derive(Default)]
struct Heard {
    /// What it said last, and which of its processes said so.
    said: Option<(u32, Arc<Metadata>)>,
    /// Why there was no answer since then, if so.
    silent: Option<WireError>,
}

impl Own {
    pub(super) fn new(newest: &Newest) -> Self {
        Self {
            heard: Arc::default(),
            newest: newest.clone(),
        }
    }

    pub(super) fn said(&self, incarnation: u32, metadata: Metadata) {
        self.newest.shown(&metadata);
        *self.heard() = Heard {
            said: Some((incarnation, Arc::new(metadata))),
            silent: None,
        };
    }

    pub(super) fn silent(&self, error: &WireError) {
        self.heard().silent = Some(error.clone());
    }

    /// What that process said last; nothing of one that has said nothing yet.
    pub(super) fn metadata(&self, incarnation: u32) -> Option<Arc<Metadata>> {
        let heard = self.heard();
        let (process, said) = heard.said.as_ref()?;
        (*process == incarnation).then(|| Arc::clone(said))
    }

    /// Where a broker is to be asked nothing, as it leads nothing that is asked for: that, as long as it answers at all.
    ///
    /// # Errors
    /// It is silent.
    pub(super) fn nothing(&self, answer: Answer) -> Result<Option<Answer>, WireError> {
        self.unless_silent(Some(answer))
    }

    /// This, as long as the broker answers for its Metadata.
    ///
    /// # Errors
    /// It is silent.
    pub(super) fn unless_silent(&self, answer: Option<Answer>) -> Result<Option<Answer>, WireError> {
        match &self.heard().silent {
            Some(error) => Err(error.clone()),
            None => Ok(answer),
        }
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The partitions of a topic that a broker names itself leader of.
pub(super) fn led<'a>(node: NodeId, topic: &'a str, state: &'a TopicState) -> impl Iterator<Item = Led> + 'a {
    let own = state
        .partitions
        .iter()
        .filter(move |(_, partition)| partition.leader == Some(node));
    own.map(|(number, partition)| Led {
        topic: topic.to_owned(),
        partition: *number,
        epoch: partition.epoch,
    })
}
