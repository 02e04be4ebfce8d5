//! Lists and registers that live in partitions: a client's way to append, to set and to read them.
//!
//! Each object bears a number, and so do its records, as their own key; it lives in the partition that its number comes to, modulo the
//! number of partitions. A change is a record, and a read takes the partition's log from its start up to a point that is at least as late as
//! the read's beginning. So what a partition's log promises is what an object promises, and the order of a log is that of its changes.

mod finals;
mod hand;
mod states;
mod view;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use cluster::Cluster;
use history::{Key, Mop, Offset, Seen, Span, Value};
use serde::{Deserialize, Serialize};

use super::{Crew, Shared, at_work};
use crate::arena::{Found, Running};
use crate::log::Acks;
use crate::scribe::Counters;
pub(crate) use hand::{Hand, Writing};
use worker::Worker;

/// How long the first clients may take to be at work; they go on trying after that.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How long a client may take to end beyond what its operation may take.
const END_WITHIN: Duration = Duration::from_secs(5);

/// The key of records that are of no object: they mark a place in the log.
const MARKER: u64 = u64::MAX;

/// Up to where a read reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadBy {
    /// To a record that it writes itself first, as it writes any other: whatever was acknowledged before the read stands below that.
    #[default]
    Barrier,
    /// To the end that the partition's leader names, which may be one that is none any more: a read may be stale.
    End,
}

impl ReadBy {
    /// The consistency model that single reads and writes of objects then keep to, where partitions do as they promise.
    pub(crate) fn promise(self) -> &'static str {
        match self {
            Self::Barrier => "strict-serializable",
            // Each read shows a prefix of the log, and nothing says how long a prefix.
            Self::End => "serializable",
        }
    }
}

/// What the objects are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// Lists that are appended to.
    Lists,
    /// Registers that are set.
    Registers,
}

impl Data {
    /// The step that changes an object.
    fn change(self, object: Key, value: Value) -> Mop {
        match self {
            Self::Lists => Mop::Append(object, value),
            Self::Registers => Mop::Write(object, value),
        }
    }

    /// What an object holds, by the values that stand for it in the log.
    fn seen(self, values: &[Value]) -> Seen {
        match (self, values.last()) {
            (_, None) => Seen::Nothing,
            (Self::Lists, _) => Seen::List(values.to_vec()),
            (Self::Registers, Some(last)) => Seen::One(*last),
        }
    }
}

/// How the clients of objects work.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) data: Data,
    pub(crate) clients: u32,
    pub(crate) acks: Acks,
    pub(crate) idempotence: bool,
    pub(crate) read: ReadBy,
    /// How long a client builds upon what it has read before it reads everything from the start again.
    pub(crate) reread_every: Span,
    /// How long a client waits for a write, and for a read.
    pub(crate) deadline: Span,
    pub(crate) record_bytes: u32,
}

impl Settings {
    fn writing(&self) -> Writing {
        Writing {
            acks: self.acks,
            idempotence: self.idempotence,
            deadline: self.deadline,
        }
    }

    /// Everything that contradicts itself, or is out of range.
    pub(crate) fn check(&self, found: &mut Found) {
        let (second, hour) = (Span::from_secs(1), Span::from_secs(3_600));
        found.range("clients", self.clients, 1, 64);
        found.range("record-bytes", self.record_bytes, 8, 1_000_000);
        found.span("reread-every", self.reread_every, second, hour);
        found.span("deadline", self.deadline, second, hour);
        if self.acks == Acks::None {
            found.say(
                "acks",
                "acks \"0\" says of no write that it happened: give \"1\" or \"all\"".to_owned(),
            );
        } else if self.acks == Acks::Leader && self.idempotence {
            found.say(
                "idempotence",
                "an idempotent producer needs acks \"all\": set idempotence = false, or acks = \"all\""
                    .to_owned(),
            );
        }
    }
}

/// What a client does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Next {
    pub(crate) object: Key,
    pub(crate) reads: bool,
    /// The time until what comes after it.
    pub(crate) gap: Duration,
}

/// The choices of one client.
pub(crate) trait Choices: Send + 'static {
    fn next(&mut self) -> Next;
}

/// A workload on objects, at work.
pub(crate) struct Objects {
    settings: Settings,
    shared: Arc<Shared>,
    states: Arc<states::Written>,
    workers: Crew,
}

impl Objects {
    /// Starts the clients, each with the choices that are made for its number, and returns once they are at work.
    pub(crate) async fn start<C: Choices>(
        settings: Settings,
        shared: Arc<Shared>,
        choices: impl Fn(u32) -> C,
    ) -> Result<Box<dyn Running>> {
        let mut objects = Self {
            settings,
            shared,
            states: Arc::default(),
            workers: Crew::default(),
        };
        for number in 0..objects.settings.clients {
            let worker = Worker::new(
                number,
                objects.settings.clone(),
                objects.shared.clone(),
                objects.states.clone(),
                objects.workers.stop(),
            );
            let mine = choices(number);
            objects
                .workers
                .start_to_work(format!("object-{number}"), move |ready| worker.run(mine, ready))?;
        }
        at_work(objects.workers.ready(), READY_WITHIN).await;
        Ok(Box::new(objects))
    }
}

#[async_trait]
impl Running for Objects {
    fn counters(&self) -> Arc<Counters> {
        self.shared.scribe.counters()
    }

    async fn stop(&mut self) {
        // A read waits for its own write first.
        let within = self.settings.deadline.duration() * 2 + END_WITHIN;
        self.workers.end(within).await;
    }

    async fn final_reads(
        &mut self,
        cluster: Arc<dyn Cluster>,
        ends: Result<Vec<Offset>, String>,
        within: Duration,
    ) -> bool {
        finals::final_reads(
            self.shared.clone(),
            cluster,
            &self.settings,
            self.states.objects(),
            ends,
            within,
        )
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::{Data, ReadBy};
    use history::{Mop, Seen};

    #[test]
    fn an_object_holds_what_its_records_say() {
        assert_eq!(Data::Lists.seen(&[]), Seen::Nothing);
        assert_eq!(Data::Lists.seen(&[1, 2]), Seen::List(vec![1, 2]));
        assert_eq!(Data::Registers.seen(&[]), Seen::Nothing);
        assert_eq!(Data::Registers.seen(&[1, 2]), Seen::One(2));
        assert_eq!(Data::Lists.change(3, 4), Mop::Append(3, 4));
        assert_eq!(Data::Registers.change(3, 4), Mop::Write(3, 4));
    }

    #[test]
    fn promises_are_models_that_the_checkers_know() {
        // They go by these very names into headers; the checkers' table holds them.
        assert_eq!(ReadBy::Barrier.promise(), "strict-serializable");
        assert_eq!(ReadBy::End.promise(), "serializable");
    }
}
