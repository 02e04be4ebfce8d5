//! Clients set registers and read them: a register is a key of a compacted topic, and holds what the last record of that key says,
//! which a read looks for from the log's start up to a record that the reader wrote first.
//!
//! The cleaner may remove what was overwritten, and nothing else: a read shows the last value that was acknowledged before it began, or a
//! later one.

mod config;
mod generator;
#[cfg(test)]
mod tests;

use anyhow::Result;
use async_trait::async_trait;
use history::{Expectation, ProducerPromise};

use crate::arena::{Arena, Invalid, Promises, Running, Workload};
use crate::client::Shared;
use crate::client::objects::Objects;
use generator::Generator;

pub use config::RegisterConfig;

#[async_trait]
impl Workload for RegisterConfig {
    fn validate(&self) -> Vec<Invalid> {
        self.check()
    }

    fn promises(&self) -> Promises {
        Promises {
            producers: if self.idempotence {
                ProducerPromise::Idempotent
            } else {
                ProducerPromise::AtLeastOnce
            },
            acks: self.acks.word().to_owned(),
            read_uncommitted: false,
            application: None,
        }
    }

    fn expect(&self, expect: &mut Expectation) {
        expect.consistency = Some(self.read.promise().to_owned());
    }

    async fn start(&self, arena: Arena) -> Result<Box<dyn Running>> {
        let shared = Shared::new(arena, self.request_timeout, self.metadata_refresh)?;
        let seed = shared.seed;
        Objects::start(self.settings(), shared, |client| {
            Generator::new(seed, client, self)
        })
        .await
    }
}
