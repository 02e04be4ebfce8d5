//! A transactional producer: begins, sends, commits and aborts, each within its time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use history::payload::encode;
use history::{Key, NodeId, Offset, Value};
use rdkafka::bindings::rd_kafka_message_broker_id;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};

use super::config::TxnConfig;
use super::outcome::{Advice, advice};
use crate::client::{Context, Shared};
use crate::scribe::End;

/// The longest that one call may take, so that a stop is seen in time.
const CALL_WITHIN: Duration = Duration::from_secs(2);
/// How long is waited before a call is made again.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Where a record went, by its step.
type Written = BTreeMap<usize, (Offset, Option<NodeId>)>;

/// Takes the delivery reports of one producer.
pub(super) struct Reports {
    context: Context,
    written: Arc<Mutex<Written>>,
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.context.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.context.error(error, reason);
    }
}

impl ProducerContext for Reports {
    /// The step that sent it.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, step: usize) {
        // One that did not arrive makes the commit fail.
        let Ok(message) = result else { return };
        // SAFETY: the message lives as long as the borrow, and this only reads from it.
        let broker = unsafe { rd_kafka_message_broker_id(message.ptr()) };
        if message.offset() >= 0 {
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            written.insert(step, (message.offset(), u32::try_from(broker).ok()));
        }
    }
}

/// A producer with a transactional id. Reports are taken by a thread of its own: both commit and abort wait for them.
pub(super) struct Producer {
    client: ThreadedProducer<Reports>,
    written: Arc<Mutex<Written>>,
    deadline: Duration,
}

impl Producer {
    /// A producer that no other with its transactional id can work beside: from now on those before are fenced.
    pub(super) fn make(shared: &Arc<Shared>, name: &str, config: &TxnConfig) -> KafkaResult<Self> {
        let written = Arc::<Mutex<Written>>::default();
        let context = Reports {
            context: Context::new(shared, name),
            written: written.clone(),
        };
        let timeout = config.transaction_timeout.as_millis().to_string();
        let client: ThreadedProducer<Reports> = shared
            .client(name)
            .set("transactional.id", format!("tribunal-{name}"))
            .set("transaction.timeout.ms", &timeout)
            .set("message.timeout.ms", &timeout)
            .set("linger.ms", "0")
            .create_with_context(context)?;
        let producer = Self {
            client,
            written,
            deadline: config.deadline.duration(),
        };
        producer.call(|client| client.init_transactions(CALL_WITHIN))?;
        Ok(producer)
    }

    pub(super) fn begin(&self) -> KafkaResult<()> {
        self.written().clear();
        self.client.begin_transaction()
    }

    pub(super) fn send(
        &self,
        shared: &Shared,
        (step, key, value): (usize, Key, Value),
        bytes: u32,
    ) -> KafkaResult<()> {
        let payload = encode(value, bytes as usize);
        let (topic, partition) = shared.keys.partition(key);
        let record: BaseRecord<'_, (), Vec<u8>, usize> = BaseRecord::with_opaque_to(topic, step)
            .partition(partition)
            .payload(&payload);
        self.client.send(record).map_err(|(error, _)| error)
    }

    /// Waits for the reports of what was sent, so that what comes next comes after it.
    pub(super) fn flush(&self) {
        // What is not reported now is reported before the commit.
        let _ = self.client.flush(CALL_WITHIN);
    }

    /// Where the records of this transaction went, as far as brokers have said so.
    pub(super) fn written(&self) -> std::sync::MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits, or aborts where that is what the error asks for. Whether the client is of further use.
    pub(super) fn commit(&self) -> (End, bool) {
        match self.call(|client| client.commit_transaction(CALL_WITHIN)) {
            Ok(()) => (End::Ok, true),
            Err(error) if advice(&error) == Advice::Abort => self.abort(&format!("not committed: {error}")),
            Err(error) => (End::Info(format!("not committed: {error}")), false),
        }
    }

    /// Aborts. Only once that is done it is certain.
    pub(super) fn abort(&self, why: &str) -> (End, bool) {
        match self.call(|client| client.abort_transaction(CALL_WITHIN)) {
            Ok(()) => (End::Fail(format!("{why}; aborted")), true),
            Err(error) => (End::Info(format!("{why}; not aborted: {error}")), false),
        }
    }

    /// Makes a call again as long as its error asks for that and there is time.
    fn call(&self, make: impl Fn(&ThreadedProducer<Reports>) -> KafkaResult<()>) -> KafkaResult<()> {
        let until = Instant::now() + self.deadline;
        loop {
            let Err(error) = make(&self.client) else {
                return Ok(());
            };
            if advice(&error) != Advice::Again || Instant::now() + AGAIN_AFTER >= until {
                return Err(error);
            }
            std::thread::sleep(AGAIN_AFTER);
        }
    }

    /// Ends the client with what it had under way. That waits for its threads, and nobody waits for that.
    pub(super) fn discard(self) {
        std::thread::spawn(move || drop(self.client));
    }
}
