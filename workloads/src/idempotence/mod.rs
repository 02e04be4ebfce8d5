//! Idempotent producers with many writes and several requests in flight at once, in small batches, which the client tries again and
//! again, or gives up after a time; each write names its producer in the history.
//!
//! A run in which no producer had several requests under way, or in which none gave a record up where that was asked for, put
//! too little to the test.
//!
//! No record is there twice, and what one producer wrote to a partition stands there in the order in which it was written.

mod config;

use anyhow::Result;
use async_trait::async_trait;
use history::{Expectation, ProducerPromise};

use crate::arena::{Arena, Invalid, Promises, Running, Workload};
use crate::log;
use crate::sim::ClientsConfig;

pub use config::{AfterExpiry, IdempotenceConfig};

/// Of so many requests at once it is certain that they were not one after the other.
const SEVERAL: u32 = 3;

#[async_trait]
impl Workload for IdempotenceConfig {
    fn validate(&self) -> Vec<Invalid> {
        self.check()
    }

    fn simulated(&self) -> Option<ClientsConfig> {
        Some(ClientsConfig::of_log(&self.log()))
    }

    fn counts_load(&self) -> bool {
        true
    }

    fn promises(&self) -> Promises {
        Promises {
            producers: ProducerPromise::Idempotent,
            acks: "all".to_owned(),
            read_uncommitted: false,
            application: None,
        }
    }

    fn expect(&self, expect: &mut Expectation) {
        expect.in_flight = (self.max_in_flight > 1).then(|| self.max_in_flight.min(SEVERAL));
        expect.expired = self.expiry.map(|_| 1);
    }

    async fn start(&self, arena: Arena) -> Result<Box<dyn Running>> {
        let in_order = log::InOrder {
            expiry: self.expiry,
            first_alone: self.first_alone && self.idempotence && self.max_in_flight > 1,
            ends_with_failure: self.expiry.is_some() && self.after_expiry == AfterExpiry::NewProducer,
        };
        Ok(Box::new(log::start(&self.log(), arena, Some(in_order)).await?))
    }
}
