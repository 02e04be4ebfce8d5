//! What partitions are called.

use std::ops::ControlFlow;

use history::{Format, Header, Key, Names, ReadError, Source};

/// What a history's partitions are called.
pub struct KeyNames {
    header: Header,
    names: Names,
}

impl KeyNames {
    /// Of a history. What others wrote has to be walked through before its names are known.
    pub fn of(source: &mut dyn Source) -> Result<Self, ReadError> {
        if source.format() != Format::Tribunal {
            source.scan(&mut |_| ControlFlow::Continue(()))?;
        }
        Ok(Self {
            header: source.header().clone(),
            names: source.names().clone(),
        })
    }

    /// `orders-3`, or what the history calls it.
    pub fn name(&self, key: Key) -> String {
        match self.names.key(key) {
            Some(name) => name.to_owned(),
            None => self.header.key_name(key),
        }
    }

    /// The topic and the number of its partition, where it is one.
    pub fn partition(&self, key: Key) -> (String, Option<i64>) {
        match (self.names.key(key), self.header.partition(key)) {
            (None, Some((topic, partition))) => (topic.to_owned(), Some(i64::from(partition))),
            _ => (self.name(key), None),
        }
    }
}
