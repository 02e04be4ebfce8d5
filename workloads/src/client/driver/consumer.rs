//! A consumer of a driver's. Where the driver ends, a new client goes on from where this one stood.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use history::{Key, Offset};
use serde_json::{Value, json};

use super::super::library::{
    Advice, Change, Consumer, ConsumerSettings, Membership, Polled, Rebalanced, Refusal,
};
use super::producer::{Handle, offsets_of};
use super::settings::of_consumer;
use super::wire::Answer;
use super::{Client, Core};

/// How long assigning and subscribing may take, which ask no broker.
const SET_WITHIN: Duration = Duration::from_secs(2);
/// How long is waited where there is no driver.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

pub(super) struct DriverConsumer {
    core: Arc<Core>,
    settings: ConsumerSettings,
    client: Client,
    reads: Reads,
    rebalances: Vec<Rebalanced>,
    /// What its group has given it.
    owned: BTreeSet<Key>,
}

/// What it reads.
enum Reads {
    Nothing,
    /// These partitions, each from there on.
    Assigned(BTreeMap<Key, Offset>),
    Subscribed(Vec<String>),
}

impl DriverConsumer {
    pub(super) fn make(core: &Arc<Core>, settings: &ConsumerSettings) -> Result<Self, Refusal> {
        Ok(Self {
            client: core.client("consumer", &of_consumer(&core.place, settings))?,
            core: core.clone(),
            settings: settings.clone(),
            reads: Reads::Nothing,
            rebalances: Vec::new(),
            owned: BTreeSet::new(),
        })
    }

    /// Makes a new client where the driver has ended.
    fn revive(&mut self) -> Result<(), Refusal> {
        if self.client.process.ended().is_none() {
            return Ok(());
        }
        if !self.owned.is_empty() {
            self.rebalances.push(Rebalanced {
                change: Change::Lost,
                keys: std::mem::take(&mut self.owned).into_iter().collect(),
                member: String::new(),
                generation: -1,
            });
        }
        self.client = self
            .core
            .client("consumer", &of_consumer(&self.core.place, &self.settings))?;
        self.set()
    }

    /// Tells the client what it reads.
    fn set(&mut self) -> Result<(), Refusal> {
        let request = match &self.reads {
            Reads::Nothing => return Ok(()),
            Reads::Assigned(positions) => {
                json!({"op": "assign", "positions": offsets_of(&self.core.place, positions)})
            }
            Reads::Subscribed(topics) => json!({"op": "subscribe", "topics": topics}),
        };
        self.client.ask(request, SET_WITHIN).map(|_| ())
    }

    fn ask(&mut self, request: Value, within: Duration) -> Result<Answer, Refusal> {
        self.revive()?;
        let answer = self.client.answer(request, within)?;
        let rebalances = self.client.read(answer.rebalances(&self.core.place.keys))?;
        for rebalanced in &rebalances {
            match rebalanced.change {
                Change::Given => self.owned.extend(&rebalanced.keys),
                Change::Revoked | Change::Lost => self.owned.retain(|key| !rebalanced.keys.contains(key)),
            }
        }
        self.rebalances.extend(rebalances);
        match answer.kind {
            super::Kind::Ok => Ok(answer),
            _ => Err(self.client.read(answer.refusal())?),
        }
    }

    fn ask_poll(&mut self, most: usize, within: Duration) -> Result<Polled, Refusal> {
        let answer = self.ask(json!({"op": "poll", "most": most}), within)?;
        let records = self.client.read(answer.records(&self.core.place.keys, most))?;
        let lost = self.client.read(answer.optional_text("lost"))?;
        Ok(Polled { records, lost })
    }

    fn ask_offset(
        &mut self,
        request: Value,
        name: &str,
        within: Duration,
    ) -> Result<Option<Offset>, Refusal> {
        let answer = self.ask(request, within)?;
        self.client.read(answer.optional_number(name))
    }
}

impl Consumer for DriverConsumer {
    fn assign(&mut self, positions: &BTreeMap<Key, Offset>) -> Result<(), Refusal> {
        self.reads = Reads::Assigned(positions.clone());
        self.revive()?;
        self.set()
    }

    fn subscribe(&mut self, topics: &[&str]) -> Result<(), Refusal> {
        self.reads = Reads::Subscribed(topics.iter().map(|topic| (*topic).to_owned()).collect());
        self.revive()?;
        self.set()
    }

    fn poll(&mut self, most: usize, within: Duration) -> Polled {
        match self.ask_poll(most, within) {
            Ok(polled) => {
                if let Reads::Assigned(positions) = &mut self.reads {
                    for record in &polled.records {
                        positions.insert(record.key, record.offset + 1);
                    }
                }
                polled
            }
            Err(refusal) => {
                self.core.place.line(&self.settings.name, &refusal.text);
                std::thread::sleep(AGAIN_AFTER.min(within));
                Polled::default()
            }
        }
    }

    fn rebalanced(&mut self) -> Vec<Rebalanced> {
        std::mem::take(&mut self.rebalances)
    }

    fn membership(&mut self) -> Option<Membership> {
        let group = self.settings.group.clone()?;
        let answer = self.ask(json!({"op": "membership"}), SET_WITHIN).ok()?;
        let member = self.client.read(answer.text("member")).ok()?;
        let generation = self.client.read(answer.number("generation")).ok()?;
        let generation = i32::try_from(generation)
            .ok()
            .filter(|generation| *generation >= 0)?;
        Some(Membership {
            member,
            generation,
            handle: Box::new(Handle {
                client: self.client.clone(),
                group: group.id,
                instance: group.instance,
            }),
        })
    }

    fn commit(&mut self, offsets: &BTreeMap<Key, Offset>, within: Duration) -> Result<(), Refusal> {
        if offsets.is_empty() {
            return Ok(());
        }
        if self.client.process.ended().is_some() {
            // What was read was read by a member that is no more.
            return Err(Refusal {
                text: "the member is no more".to_owned(),
                advice: Advice::Refused,
            });
        }
        let offsets = offsets_of(&self.core.place, offsets);
        self.ask(json!({"op": "commit-offsets", "offsets": offsets}), within)
            .map(|_| ())
    }

    fn committed(
        &mut self,
        keys: &[Key],
        within: Duration,
    ) -> Result<BTreeMap<Key, Option<Offset>>, Refusal> {
        let partitions: Vec<_> = keys
            .iter()
            .map(|key| self.core.place.keys.partition(*key))
            .collect();
        let request = json!({"op": "committed", "partitions": partitions});
        let answer = self.ask(request, within)?;
        self.client.read(answer.offsets(&self.core.place.keys))
    }

    fn ends(&mut self, key: Key, within: Duration) -> Result<(Offset, Offset), Refusal> {
        let (topic, partition) = self.core.place.keys.partition(key);
        let request = json!({"op": "ends", "topic": topic, "partition": partition});
        let answer = self.ask(request, within)?;
        let start = self.client.read(answer.number("start"))?;
        Ok((start, self.client.read(answer.number("end"))?))
    }

    fn at_time(&mut self, key: Key, timestamp: i64, within: Duration) -> Result<Option<Offset>, Refusal> {
        let (topic, partition) = self.core.place.keys.partition(key);
        let request =
            json!({"op": "at-time", "topic": topic, "partition": partition, "timestamp": timestamp});
        self.ask_offset(request, "offset", within)
    }

    fn close(self: Box<Self>) {
        let _ = self.client.ask(json!({"op": "close"}), super::MAKE_WITHIN);
    }

    fn discard(self: Box<Self>) {
        self.client.end("discard");
    }
}
