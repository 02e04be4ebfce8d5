//! What a broker's own last Metadata holds, for the questions that go by it.

use std::sync::{Arc, Mutex, PoisonError};

use history::NodeId;

use super::Answer;
use crate::kafka::ask::{Led, Metadata, TopicState};
use crate::kafka::wire::WireError;

/// The last Metadata of one broker, shared by the questions to it.
#[derive(Clone, Default)]
pub(super) struct Own(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    /// What it said last, and which of its processes said so.
    said: Option<(u32, Arc<Metadata>)>,
    /// Why there was no answer since then, if so.
    silent: Option<WireError>,
}

impl Own {
    pub(super) fn said(&self, incarnation: u32, metadata: Metadata) {
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
        match &self.heard().silent {
            Some(error) => Err(error.clone()),
            None => Ok(Some(answer)),
        }
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
