//! The consumer of one client: reads all partitions, each from where what was committed of its reading ends.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use history::{Assign, F, Key, Offset, Record};

use super::config::TxnConfig;
use crate::client::{self, ConsumerSettings, Incoming, Refusal, Shared, starts};
use crate::scribe::End;

/// How long a fetch waits at a broker for something to come.
const FETCH_WAIT: Duration = Duration::from_millis(50);
/// The longest wait for a record.
const WAIT_MAX: Duration = Duration::from_millis(5);

pub(super) struct Reader {
    name: String,
    config: TxnConfig,
    shared: Arc<Shared>,
    client: Box<dyn client::Consumer>,
    /// Where each partition is read next, once what was read last counts.
    positions: BTreeMap<Key, Offset>,
    /// What was read by transactions that did not happen.
    again: VecDeque<Record>,
}

impl Reader {
    /// A consumer that begins at the start of every partition. It is of that process of the history.
    pub(super) fn make(
        shared: &Arc<Shared>,
        name: &str,
        config: &TxnConfig,
        process: u32,
    ) -> Result<Self, Refusal> {
        let keys = 0..shared.keys.count();
        let positions = keys.map(|key| (key, 0)).collect();
        let client = connect(shared, name, config, &positions)?;
        let reader = Self {
            name: name.to_owned(),
            config: config.clone(),
            shared: shared.clone(),
            client,
            positions,
            again: VecDeque::new(),
        };
        reader.assigned(process, true);
        Ok(reader)
    }

    /// Gathers records until there are enough, or for a while. The error says why it cannot go on from where it stands.
    pub(super) fn poll(&mut self) -> Result<Vec<Record>, String> {
        let most = self.config.poll_records as usize;
        let mut records: Vec<Record> = self.again.drain(..most.min(self.again.len())).collect();
        let until = Instant::now() + self.config.poll_timeout.duration();
        while records.len() < most && Instant::now() < until {
            let polled = self.client.poll(most - records.len(), WAIT_MAX);
            records.extend(polled.records.iter().filter_map(Incoming::record));
            if let Some(reason) = polled.lost {
                return Err(reason);
            }
        }
        Ok(records)
    }

    /// What was read counts.
    pub(super) fn passed(&mut self, records: &[Record]) {
        for record in records {
            self.positions.insert(record.key, record.offset + 1);
        }
    }

    /// What was read does not count: it is read again, before anything else.
    pub(super) fn unread(&mut self, records: Vec<Record>) {
        for record in records.into_iter().rev() {
            self.again.push_front(record);
        }
    }

    /// Another process of the history reads on from here.
    pub(super) fn goes_on_as(&self, process: u32) {
        self.assigned(process, false);
    }

    /// Begins anew where each partition begins now, with a client of its own.
    pub(super) fn restart(&mut self, process: u32) {
        let keys: Vec<Key> = self.positions.keys().copied().collect();
        self.positions = starts(&mut *self.client, &keys);
        self.again.clear();
        match connect(&self.shared, &self.name, &self.config, &self.positions) {
            Ok(client) => {
                let before = std::mem::replace(&mut self.client, client);
                // Ending a client waits for its threads.
                std::thread::spawn(move || before.close());
            }
            Err(refusal) => {
                self.shared
                    .line(&self.name, &format!("cannot be made: {}", refusal.text));
            }
        }
        self.assigned(process, true);
    }

    fn assigned(&self, process: u32, from_beginning: bool) {
        let f = F::Assign(Assign {
            keys: self.positions.keys().copied().collect(),
            from_beginning,
        });
        let op = self.shared.scribe.invoke(process, f.clone());
        self.shared.scribe.end(process, op, f, End::Ok);
    }
}

fn connect(
    shared: &Arc<Shared>,
    name: &str,
    config: &TxnConfig,
    positions: &BTreeMap<Key, Offset>,
) -> Result<Box<dyn client::Consumer>, Refusal> {
    let mut client = shared.library.consumer(&ConsumerSettings {
        name: name.to_owned(),
        isolation: config.isolation,
        fetch_wait: FETCH_WAIT,
        group: None,
    })?;
    client.assign(positions)?;
    Ok(client)
}
