//! Where clients are: which cluster they speak to, and what all of them are set to.

use std::collections::BTreeSet;
use std::sync::Arc;

use history::{Key, Span, Topic};

use crate::client_log::ClientLog;
use crate::scribe::Scribe;

/// What a client library needs to know to make clients.
pub(crate) struct Place {
    /// The addresses a client begins with, as `host:port,…`.
    pub(crate) bootstrap: String,
    /// Settings beside a workload's own, in Kafka's names. May hold secrets.
    pub(crate) client_settings: Vec<(String, String)>,
    /// How long a broker may take to answer a request.
    pub(crate) request_timeout: Span,
    /// How often a client asks who leads, beside when it is told that it asked the wrong one.
    pub(crate) metadata_refresh: Span,
    /// Where disks may fail no refusal of a write is certain.
    pub(crate) disks_may_fail: bool,
    pub(crate) keys: Keys,
    pub(crate) scribe: Arc<Scribe>,
    pub(crate) log: ClientLog,
}

impl Place {
    /// A line in the clients' log.
    pub(crate) fn line(&self, client: &str, text: &str) {
        self.log.line(self.scribe.recorder(), client, text);
    }
}

/// Which topic's which partition each key is.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    partitions: Vec<(String, i32)>,
}

impl Keys {
    pub(crate) fn new(topics: &[Topic]) -> Self {
        let of_topic = |topic: &Topic| {
            (0..topic.partitions as i32)
                .map(|number| (topic.name.clone(), number))
                .collect::<Vec<_>>()
        };
        Self {
            partitions: topics.iter().flat_map(of_topic).collect(),
        }
    }

    pub(crate) fn count(&self) -> u32 {
        self.partitions.len() as u32
    }

    pub(crate) fn partition(&self, key: Key) -> (&str, i32) {
        let (topic, number) = &self.partitions[key as usize];
        (topic, *number)
    }

    /// The topics' names, each once.
    pub(crate) fn topics(&self) -> BTreeSet<&str> {
        self.partitions.iter().map(|(topic, _)| topic.as_str()).collect()
    }

    pub(crate) fn key(&self, topic: &str, partition: i32) -> Option<Key> {
        let found = |(name, number): &(String, i32)| name == topic && *number == partition;
        self.partitions.iter().position(found).map(|key| key as Key)
    }
}
