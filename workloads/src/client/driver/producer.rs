//! A producer of a driver's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use history::payload::encode;
use history::{Key, Offset};
use serde_json::{Value, json};

use super::super::library::{Advice, Delivery, Membership, Outgoing, Producer, ProducerSettings, Refusal};
use super::super::place::Place;
use super::process::Report;
use super::settings::of_producer;
use super::wire::{TOMBSTONE_VALUE, base64};
use super::{Client, Core};

/// The longest that one attempt to get a transactional id may take.
const INIT_WITHIN: Duration = Duration::from_secs(2);
/// How long is waited before a call is made again.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

pub(super) struct DriverProducer {
    place: Arc<Place>,
    client: Client,
    unacknowledged: bool,
    /// Kept, so that a report finds its way.
    report: Sender<(u64, Delivery)>,
    reports: Receiver<(u64, Delivery)>,
}

/// Which consumer of which process a membership is of.
pub(super) struct Handle {
    pub(super) client: Client,
    pub(super) group: String,
    pub(super) instance: Option<String>,
}

impl DriverProducer {
    pub(super) fn make(core: &Arc<Core>, settings: &ProducerSettings) -> Result<Self, Refusal> {
        let mut request = json!({"op": "producer", "settings": of_producer(&core.place, settings)});
        if settings.flight.ends_with_failure {
            request["ends-with-failure"] = json!(true);
        }
        let client = core.client_of(request)?;
        let (report, reports) = channel();
        let producer = Self {
            place: core.place.clone(),
            client,
            unacknowledged: settings.acks == "0",
            report,
            reports,
        };
        let Some(transaction) = &settings.transaction else {
            return Ok(producer);
        };
        let until = Instant::now() + transaction.init_within;
        loop {
            let Err(refusal) = producer.ask(json!({"op": "init"}), INIT_WITHIN) else {
                return Ok(producer);
            };
            if refusal.advice != Advice::Again || Instant::now() + AGAIN_AFTER >= until {
                producer.client.end("discard");
                return Err(refusal);
            }
            std::thread::sleep(AGAIN_AFTER);
        }
    }

    fn ask(&self, request: Value, within: Duration) -> Result<(), Refusal> {
        self.client.ask(request, within).map(|_| ())
    }
}

impl Producer for DriverProducer {
    fn send(&mut self, record: &Outgoing, token: u64) -> Result<(), Refusal> {
        let (topic, partition) = self.place.keys.partition(record.key);
        let mut request = json!({
            "op": "send",
            "client": self.client.number,
            "topic": topic,
            "partition": partition,
        });
        if record.tombstone {
            request["value"] = Value::Null;
            request["headers"] = json!([[TOMBSTONE_VALUE, base64(&record.value.to_be_bytes())]]);
        } else {
            request["value"] = json!(base64(&encode(record.value, record.bytes as usize)));
        }
        if let Some(name) = record.name {
            request["key"] = json!(base64(&name.to_be_bytes()));
        }
        if let Some(timestamp) = record.timestamp {
            request["timestamp"] = json!(timestamp);
        }
        let report = Report {
            client: self.client.number,
            token,
            unacknowledged: self.unacknowledged,
            reports: &self.report,
        };
        self.client.process.send(request, &report)
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
        self.client.process.fatal(self.client.number)
    }

    fn warm(&mut self, within: Duration) {
        let topics = self.place.keys.topics();
        // Where it knows none yet, it learns as it writes.
        let _ = self.ask(json!({"op": "warm", "topics": topics}), within);
    }

    fn begin(&mut self) -> Result<(), Refusal> {
        self.ask(json!({"op": "begin"}), INIT_WITHIN)
    }

    fn send_offsets(
        &mut self,
        offsets: &BTreeMap<Key, Offset>,
        member: &Membership,
        within: Duration,
    ) -> Result<(), Refusal> {
        let handle = member.handle.downcast_ref::<Handle>();
        let of_us = handle.filter(|handle| Arc::ptr_eq(&handle.client.process, &self.client.process));
        let Some(handle) = of_us else {
            return Err(Refusal {
                text: "the member is of a client that is no more".to_owned(),
                advice: Advice::Abort,
            });
        };
        let request = json!({
            "op": "send-offsets",
            "offsets": offsets_of(&self.place, offsets),
            "consumer": handle.client.number,
            "group": handle.group,
            "instance": handle.instance,
            "member": member.member,
            "generation": member.generation,
        });
        self.ask(request, within)
    }

    fn commit(&mut self, within: Duration) -> Result<(), Refusal> {
        self.ask(json!({"op": "commit"}), within)
    }

    fn abort(&mut self, within: Duration) -> Result<(), Refusal> {
        self.ask(json!({"op": "abort"}), within)
    }

    fn discard(self: Box<Self>) {
        self.client.end("discard");
    }
}

/// `[[topic, partition, offset], …]`.
pub(super) fn offsets_of(place: &Place, offsets: &BTreeMap<Key, Offset>) -> Value {
    let offset = |(key, offset): (&Key, &Offset)| {
        let (topic, partition) = place.keys.partition(*key);
        json!([topic, partition, offset])
    };
    Value::Array(offsets.iter().map(offset).collect())
}
