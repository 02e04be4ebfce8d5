//! librdkafka, in this process.

mod commit;
mod consumer;
mod delivery;
mod producer;
mod rebalance;
mod reports;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::library::{
    Advice, Consumer, ConsumerSettings, Library, Producer, ProducerSettings, Refusal, ShareConsumer,
    ShareSettings,
};
use super::place::Place;

pub(super) use settings::{
    Context, by_assignment, client, is_lost, is_of_a_connection, positions_list, record,
};

/// Makes clients of librdkafka.
pub(crate) struct Librdkafka {
    place: Arc<Place>,
}

impl Librdkafka {
    pub(crate) fn new(place: Arc<Place>) -> Self {
        Self { place }
    }
}

impl Library for Librdkafka {
    fn producer(&self, settings: &ProducerSettings) -> Result<Box<dyn Producer>, Refusal> {
        Ok(Box::new(producer::LibrdkafkaProducer::make(
            &self.place,
            settings,
        )?))
    }

    fn consumer(&self, settings: &ConsumerSettings) -> Result<Box<dyn Consumer>, Refusal> {
        Ok(Box::new(consumer::LibrdkafkaConsumer::make(
            &self.place,
            settings,
        )?))
    }

    fn share_consumer(&self, _: &ShareSettings) -> Result<Box<dyn ShareConsumer>, Refusal> {
        Err(Refusal {
            text: "librdkafka has no consumers of share groups: use client = \"java\"".to_owned(),
            advice: Advice::Refused,
        })
    }
}
