//! What the clients of every workload have in common: the client library that they speak to, what all of them share, and the final reads.

#[cfg(test)]
pub(crate) mod court;
mod drained;
mod driver;
mod group;
mod library;
mod librdkafka;
mod member;
pub(crate) mod objects;
mod pace;
mod place;
mod positions;
mod reader;
mod thread;
mod transactional;
mod turns;
mod undecided;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use anyhow::{Context as _, Result, anyhow};
use history::{MemoryRecorder, Span, Topic, TransactionLimits};
use serde::{Deserialize, Serialize};

use crate::arena::Arena;
use crate::client_log::ClientLog;
use crate::scribe::Scribe;

pub(crate) use drained::Drain;
pub use driver::{Described, Program};
pub(crate) use group::GIVEN_UP_AFTER;
pub use group::GroupProtocol;
#[expect(
    unused_imports,
    reason = "what a workload needs of it follows from what it does"
)]
pub(crate) use library::{
    Acknowledge, Advice, Change, Consumer, ConsumerSettings, Delivery, FlightSettings, GroupSettings,
    Incoming, Library, Membership, Outgoing, Polled, Producer, ProducerSettings, Rebalanced, Refusal,
    ShareConsumer, ShareSettings, TransactionSettings,
};
pub(crate) use member::{Member, Next, read_up_to};
pub use objects::ReadBy;
pub(crate) use pace::{Ledger, Pace};
pub(crate) use place::{Keys, Place};
pub(crate) use positions::starts;
#[cfg(test)]
pub(crate) use reader::read_through;
pub(crate) use reader::{chunks, final_reads};
pub(crate) use thread::{Crew, at_work, spawn};
pub(crate) use transactional::{TransactionTimes, Transactional};
pub(crate) use turns::{Crashes, Turns};

/// `isolation.level`: what a consumer reads of transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// What was committed.
    #[default]
    ReadCommitted,
    /// Everything, what was aborted too.
    ReadUncommitted,
}

impl Isolation {
    /// As Kafka writes it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::ReadCommitted => "read_committed",
            Self::ReadUncommitted => "read_uncommitted",
        }
    }
}

/// What every client of one workload shares.
pub(crate) struct Shared {
    pub(crate) place: Arc<Place>,
    /// Makes the workload's clients.
    pub(crate) library: Arc<dyn Library>,
    pub(crate) seed: u64,
    pub(crate) keys: Keys,
    pub(crate) scribe: Arc<Scribe>,
    /// How long a transaction may stay open, where there are any.
    pub(crate) transactions: Option<TransactionLimits>,
    /// Whether groups are to come to an end with what there is: nobody crashes, leaves or falls asleep any more.
    calm: AtomicBool,
}

impl Shared {
    /// What the clients of a workload in that arena share.
    pub(crate) fn new(arena: Arena, request_timeout: Span, metadata_refresh: Span) -> Result<Arc<Self>> {
        let scribe = Arc::new(Scribe::new(arena.recorder));
        let keys = Keys::new(&arena.topics);
        let place = Arc::new(Place {
            bootstrap: arena.bootstrap,
            client_settings: arena.client_settings,
            request_timeout,
            metadata_refresh,
            disks_may_fail: arena.disks_may_fail,
            keys: keys.clone(),
            scribe: scribe.clone(),
            log: ClientLog::open(arena.log_file.as_deref())?,
        });
        let library: Arc<dyn Library> = match arena.client {
            None => Arc::new(librdkafka::Librdkafka::new(place.clone())),
            Some(program) => Arc::new(driver::Driver::new(place.clone(), program)),
        };
        Ok(Arc::new(Self {
            library,
            place,
            seed: arena.seed,
            keys,
            scribe,
            transactions: arena.transactions,
            calm: AtomicBool::new(false),
        }))
    }

    /// From now on groups come to an end with what there is.
    pub(crate) fn calm_down(&self) {
        self.calm.store(true, Relaxed);
    }

    /// Whether they do.
    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Relaxed)
    }

    /// Whether it is time for what happens to a client again and again: then it has been taken. Once groups are to come to an end
    /// it is no more.
    pub(crate) fn takes(&self, turns: &mut Option<Turns>) -> bool {
        !self.is_calm() && turns.as_mut().is_some_and(Turns::take)
    }

    pub(crate) fn line(&self, client: &str, text: &str) {
        self.place.line(client, text);
    }
}

/// Starts a driver to ask which library it is and what it can do, and ends it.
pub fn describe(program: &Program, topics: &[Topic]) -> Result<Described> {
    let place = Arc::new(Place {
        bootstrap: String::new(),
        client_settings: Vec::new(),
        request_timeout: Span::default(),
        metadata_refresh: Span::default(),
        disks_may_fail: false,
        keys: Keys::new(topics),
        scribe: Arc::new(Scribe::new(Arc::new(MemoryRecorder::default()))),
        log: ClientLog::open(None)?,
    });
    driver::describe(&place, program)
        .map_err(|reason| anyhow!("{}: {reason}", program.name))
        .context("ask the client library what it can do")
}
