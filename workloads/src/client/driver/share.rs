//! A member of a share group, of a driver's. Where the driver ends, a new member goes on.

use std::sync::Arc;
use std::time::Duration;

use history::{Key, Offset};
use serde_json::{Value, json};

use super::super::library::{Acknowledge, Advice, Polled, Refusal, ShareConsumer, ShareSettings};
use super::settings::of_share;
use super::wire::{Nonsense, shown};
use super::{Client, Core};

/// How long subscribing may take, which asks no broker.
const SET_WITHIN: Duration = Duration::from_secs(2);
/// How long is waited where there is no driver.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

pub(super) struct DriverShareConsumer {
    core: Arc<Core>,
    settings: ShareSettings,
    client: Client,
    topics: Vec<String>,
}

impl DriverShareConsumer {
    pub(super) fn make(core: &Arc<Core>, settings: &ShareSettings) -> Result<Self, Refusal> {
        Ok(Self {
            client: core.client("share-consumer", &of_share(&core.place, settings))?,
            core: core.clone(),
            settings: settings.clone(),
            topics: Vec::new(),
        })
    }

    fn revive(&mut self) -> Result<(), Refusal> {
        if self.client.process.ended().is_none() {
            return Ok(());
        }
        self.client = self
            .core
            .client("share-consumer", &of_share(&self.core.place, &self.settings))?;
        self.set()
    }

    fn set(&self) -> Result<(), Refusal> {
        let request = json!({"op": "subscribe", "topics": self.topics});
        self.client.ask(request, SET_WITHIN).map(|_| ())
    }

    fn ask_poll(&mut self, most: usize, within: Duration) -> Result<Polled, Refusal> {
        self.revive()?;
        let answer = self.client.ask(json!({"op": "poll", "most": most}), within)?;
        // A share group gives as many as a batch holds, however few were asked for.
        let records = self
            .client
            .read(answer.records(&self.core.place.keys, usize::MAX))?;
        Ok(Polled { records, lost: None })
    }

    fn ask_acknowledge(
        &self,
        records: &[(Key, Offset, Acknowledge)],
        within: Duration,
    ) -> Result<Vec<Result<(), Refusal>>, Refusal> {
        let record = |(key, offset, how): &(Key, Offset, Acknowledge)| {
            let (topic, partition) = self.core.place.keys.partition(*key);
            json!([topic, partition, offset, word(*how)])
        };
        let all: Vec<Value> = records.iter().map(record).collect();
        let request = json!({"op": "acknowledge", "records": all});
        let answer = self.client.ask(request, within)?;
        let results = self.client.read(answer.list("results"))?;
        if results.len() != records.len() {
            let nonsense = format!("{} results of {} acknowledgements", results.len(), records.len());
            return Err(self.client.process.nonsense(&nonsense));
        }
        let results: Result<Vec<_>, Nonsense> = results.iter().map(result).collect();
        self.client.read(results)
    }
}

fn word(how: Acknowledge) -> &'static str {
    match how {
        Acknowledge::Accept => "accept",
        Acknowledge::Release => "release",
        Acknowledge::Reject => "reject",
    }
}

/// What came of one acknowledgement: null, or `{"type": "fail", "error": …}`, or with `info`.
fn result(value: &Value) -> Result<Result<(), Refusal>, Nonsense> {
    if value.is_null() {
        return Ok(Ok(()));
    }
    let error = value.get("error").and_then(Value::as_str);
    let advice = match value.get("type").and_then(Value::as_str) {
        Some("fail") => Advice::Refused,
        Some("info") => Advice::Discard,
        _ => return Err("a result that is neither null nor of type fail or info".to_owned()),
    };
    Ok(Err(Refusal {
        text: shown(error.ok_or("a result without its `error`")?),
        advice,
    }))
}

impl ShareConsumer for DriverShareConsumer {
    fn subscribe(&mut self, topics: &[&str]) -> Result<(), Refusal> {
        self.topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        self.revive()?;
        self.set()
    }

    fn poll(&mut self, most: usize, within: Duration) -> Polled {
        self.ask_poll(most, within).unwrap_or_else(|refusal| {
            self.core.place.line(&self.settings.name, &refusal.text);
            std::thread::sleep(AGAIN_AFTER.min(within));
            Polled {
                lost: Some(refusal.text),
                ..Polled::default()
            }
        })
    }

    fn acknowledge(
        &mut self,
        records: &[(Key, Offset, Acknowledge)],
        within: Duration,
    ) -> Vec<Result<(), Refusal>> {
        if records.is_empty() {
            return Vec::new();
        }
        match self.ask_acknowledge(records, within) {
            Ok(results) => results,
            Err(refusal) => vec![Err(refusal); records.len()],
        }
    }

    fn close(self: Box<Self>) {
        let _ = self.client.ask(json!({"op": "close"}), super::MAKE_WITHIN);
    }

    fn discard(self: Box<Self>) {
        self.client.end("discard");
    }
}
