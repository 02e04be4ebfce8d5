//! Clients append to lists and read them: a list's elements are records of one partition, and a read takes that partition from its
//! start up to a record that the reader wrote first, so that it shows all that was acknowledged before.
//!
//! Each list has one order, and what was acknowledged before a read began is in what it shows.

mod config;
mod generator;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use history::{Expectation, ProducerPromise};

use crate::arena::{Arena, Invalid, Promises, Running, Workload};
use crate::client::Shared;
use crate::client::objects::Objects;
use generator::{Generator, Lists};

pub use config::ListAppendConfig;

#[async_trait]
impl Workload for ListAppendConfig {
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
        let lists = Arc::new(Lists::new(shared.keys.count(), self.appends));
        let seed = shared.seed;
        let choices = |client| Generator::new(seed, client, lists.clone(), self);
        Objects::start(self.settings(), shared, choices).await
    }
}
