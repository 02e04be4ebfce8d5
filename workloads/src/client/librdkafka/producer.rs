//! A producer of librdkafka's. Its reports are taken by a thread of its own: both commit and abort wait for them.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU32;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use history::payload::encode;
use history::{Key, Offset};
use rdkafka::ClientConfig;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};

use super::super::library::{
    Advice, Delivery, Membership, Outgoing, Producer, ProducerSettings, Refusal, TransactionSettings,
};
use super::super::place::Place;
use super::reports::Reports;
use super::settings::{Context, client, positions_list};

/// The longest that one attempt to get a transactional id may take.
const INIT_WITHIN: Duration = Duration::from_secs(2);
/// How long is waited before a call is made again.
const AGAIN_AFTER: Duration = Duration::from_millis(50);
/// How often it is looked how many requests are under way, where somebody asks.
const LOOK_EVERY_MS: &str = "50";
/// The header that says which value a tombstone stands for, as it has no bytes itself.
pub(super) const TOMBSTONE_VALUE: &str = "v";

pub(super) struct LibrdkafkaProducer {
    place: Arc<Place>,
    name: String,
    client: ThreadedProducer<Reports>,
    reports: Receiver<(u64, Delivery)>,
}

impl LibrdkafkaProducer {
    pub(super) fn make(place: &Arc<Place>, settings: &ProducerSettings) -> Result<Self, Refusal> {
        let (sender, reports) = channel();
        let context = Reports {
            context: Context::new(place, &settings.name),
            unacknowledged: settings.acks == "0",
            sender,
            flight: settings.flight,
            in_flight: AtomicU32::new(0),
            spent: OnceLock::new(),
        };
        let client: ThreadedProducer<Reports> = configure(place, settings)
            .create_with_context(context)
            .map_err(|error| refusal(&error))?;
        let producer = Self {
            place: place.clone(),
            name: settings.name.clone(),
            client,
            reports,
        };
        match &settings.transaction {
            Some(transaction) => producer.init(transaction),
            None => Ok(producer),
        }
    }

    /// Gets the transactional id: those who had it are fenced.
    fn init(self, transaction: &TransactionSettings) -> Result<Self, Refusal> {
        let until = Instant::now() + transaction.init_within;
        loop {
            let Err(error) = self.client.init_transactions(INIT_WITHIN) else {
                return Ok(self);
            };
            let refusal = refusal(&error);
            if refusal.advice != Advice::Again || Instant::now() + AGAIN_AFTER >= until {
                drop_elsewhere(self.client);
                return Err(refusal);
            }
            std::thread::sleep(AGAIN_AFTER);
        }
    }
}

fn configure(place: &Place, settings: &ProducerSettings) -> ClientConfig {
    let mut config = client(place, &settings.name);
    // Nought is without end.
    let mut gives_up_after = settings.gives_up_after.unwrap_or_default().as_millis();
    if let Some(transaction) = &settings.transaction {
        let timeout = transaction.timeout.as_millis();
        config
            .set("transactional.id", &transaction.id)
            .set("transaction.timeout.ms", timeout.to_string());
        // A record cannot outlive its transaction.
        if gives_up_after == 0 || gives_up_after > timeout {
            gives_up_after = timeout;
        }
    }
    config
        .set("acks", settings.acks)
        .set("enable.idempotence", settings.idempotence.to_string())
        .set("linger.ms", settings.linger.as_millis().to_string())
        .set("batch.size", settings.batch_bytes.to_string())
        .set(
            "max.in.flight.requests.per.connection",
            settings.max_in_flight.to_string(),
        )
        .set(
            "request.timeout.ms",
            place.request_timeout.as_millis().to_string(),
        )
        .set("message.timeout.ms", gives_up_after.to_string());
    if settings.flight.is_told {
        config.set("statistics.interval.ms", LOOK_EVERY_MS);
    }
    config
}

impl Producer for LibrdkafkaProducer {
    fn send(&mut self, outgoing: &Outgoing, token: u64) -> Result<(), Refusal> {
        let (topic, partition) = self.place.keys.partition(outgoing.key);
        let payload = encode(outgoing.value, outgoing.bytes as usize);
        let name = outgoing.name.map(u64::to_be_bytes);
        let value = outgoing.value.to_be_bytes();
        let mut record: BaseRecord<'_, [u8], [u8], usize> =
            BaseRecord::with_opaque_to(topic, token as usize).partition(partition);
        if outgoing.tombstone {
            record = record.headers(OwnedHeaders::new().insert(Header {
                key: TOMBSTONE_VALUE,
                value: Some(&value),
            }));
        } else {
            record = record.payload(&payload);
        }
        if let Some(name) = &name {
            record = record.key(name);
        }
        if let Some(timestamp) = outgoing.timestamp {
            record = record.timestamp(timestamp);
        }
        // A record that the client would not even take never left.
        self.client.send(record).map_err(|(error, _)| Refusal {
            text: format!("not taken by the client: {error}"),
            advice: Advice::Refused,
        })
    }

    fn poll(&mut self, within: Duration, report: &mut dyn FnMut(u64, Delivery)) {
        let first = if within.is_zero() {
            self.reports.try_recv().ok()
        } else {
            self.reports.recv_timeout(within).ok()
        };
        for (token, delivery) in first.into_iter().chain(self.reports.try_iter()) {
            report(token, delivery);
        }
    }

    fn fatal(&self) -> Option<String> {
        if let Some(why) = self.client.context().spent.get() {
            return Some((*why).to_owned());
        }
        let (code, text) = self.client.client().fatal_error()?;
        Some(format!("{code}: {text}"))
    }

    fn warm(&mut self, within: Duration) {
        let until = Instant::now() + within;
        for topic in self.place.keys.topics() {
            let left = until.saturating_duration_since(Instant::now());
            if let Err(error) = self.client.client().fetch_metadata(Some(topic), left) {
                let text = format!("knows no leader of {topic} yet: {error}");
                self.place.line(&self.name, &text);
            }
        }
    }

    fn begin(&mut self) -> Result<(), Refusal> {
        answer(self.client.begin_transaction())
    }

    fn send_offsets(
        &mut self,
        offsets: &BTreeMap<Key, Offset>,
        member: &Membership,
        within: Duration,
    ) -> Result<(), Refusal> {
        let Some(metadata) = member.handle.downcast_ref::<ConsumerGroupMetadata>() else {
            return Err(Refusal {
                text: "the member is of another client library".to_owned(),
                advice: Advice::Refused,
            });
        };
        let list = positions_list(&self.place.keys, offsets).map_err(|error| refusal(&error))?;
        answer(self.client.send_offsets_to_transaction(&list, metadata, within))
    }

    fn commit(&mut self, within: Duration) -> Result<(), Refusal> {
        answer(self.client.commit_transaction(within))
    }

    fn abort(&mut self, within: Duration) -> Result<(), Refusal> {
        answer(self.client.abort_transaction(within))
    }

    fn discard(self: Box<Self>) {
        drop_elsewhere(self.client);
    }
}

/// Ending a client waits for its threads, and nobody waits for that.
fn drop_elsewhere(client: ThreadedProducer<Reports>) {
    std::thread::spawn(move || drop(client));
}

fn answer(outcome: KafkaResult<()>) -> Result<(), Refusal> {
    outcome.map_err(|error| refusal(&error))
}

fn refusal(error: &KafkaError) -> Refusal {
    Refusal {
        text: error.to_string(),
        advice: advice(error),
    }
}

/// What the error of a transactional call asks for.
///
/// An error says of itself what to do: a retriable one, which a time-out is, lets the same call be made again; an abortable
/// one lets the transaction be aborted, and once that is done it certainly did not happen; after a fatal one nobody knows
/// (KIP-360, and `rd_kafka_commit_transaction` of librdkafka).
fn advice(error: &KafkaError) -> Advice {
    let error = match error {
        KafkaError::Transaction(error) => error,
        // What was sent before the end is not reported yet.
        KafkaError::Flush(_) => return Advice::Again,
        _ => return Advice::Discard,
    };
    if error.is_fatal() {
        Advice::Discard
    } else if error.txn_requires_abort() {
        Advice::Abort
    } else if error.is_retriable() {
        Advice::Again
    } else {
        Advice::Discard
    }
}
