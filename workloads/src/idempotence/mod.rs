//! Idempotent producers with many writes and several requests in flight at once, in small batches, which the client tries again and
//! again, or gives up after a time; each write names its producer in the history.
//!
//! No record is there twice, and what one producer wrote to a partition stands there in the order in which it was written.

mod config;

use anyhow::Result;
use async_trait::async_trait;
use history::ProducerPromise;

use crate::arena::{Arena, Invalid, Promises, Running, Workload};
use crate::log;
use crate::sim::ClientsConfig;

pub use config::IdempotenceConfig;

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

    async fn start(&self, arena: Arena) -> Result<Box<dyn Running>> {
        let in_order = log::InOrder { expiry: self.expiry };
        Ok(Box::new(log::start(&self.log(), arena, Some(in_order)).await?))
    }
}
