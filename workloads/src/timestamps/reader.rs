//! A reader: a thread that takes the times of records down, and looks records up by them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use history::{Assign, F, Key, LookUp, Offset, Poll, Record, Stamp, TimeStep};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::config::TimestampsConfig;
use crate::client::{Consumer, ConsumerSettings, Incoming, Isolation, Polled, Refusal, Shared, starts};
use crate::scribe::End;

/// The longest wait for a record, so that a stop is seen.
const WAIT_MAX: Duration = Duration::from_millis(50);
/// How long is waited before a client that could not be made is made again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// How long a fetch waits at a broker for something to come.
const FETCH_WAIT: Duration = Duration::from_millis(50);
/// How long a look-up may take.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(2);
/// Records that one poll returns at most.
const POLL_MAX: usize = 200;
/// Look-ups in each partition once everything is whole again.
const LAST_LOOK_UPS: u32 = 20;
/// Times that are remembered, to be asked for.
const TIMES_MAX: usize = 5_000;
/// Streams from here on are for readers' choices.
const CHOICES: u32 = 1 << 22;

pub(super) struct Reader {
    number: u32,
    config: TimestampsConfig,
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    random: ChaCha8Rng,
    process: u32,
    positions: BTreeMap<Key, Offset>,
    /// Times that records bore, by partition.
    times: Vec<(Key, i64)>,
    next_look_up: Instant,
}

/// The clients' wall clock, in milliseconds since 1970.
fn wall() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

/// Writes down what the wall clock shows.
pub(super) fn take_clock_down(shared: &Shared) {
    let scribe = &shared.scribe;
    let process = scribe.process();
    let op = scribe.invoke(process, F::Times(TimeStep::Clock(0)));
    let seen = F::Times(TimeStep::Clock(wall()));
    scribe.end(process, op, seen, End::Ok);
}

impl Reader {
    pub(super) fn new(
        number: u32,
        config: TimestampsConfig,
        shared: Arc<Shared>,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(shared.seed);
        random.set_stream(u64::from(CHOICES + number));
        Self {
            number,
            config,
            stop,
            random,
            process: shared.scribe.process(),
            positions: (0..shared.keys.count()).map(|key| (key, 0)).collect(),
            times: Vec::new(),
            next_look_up: Instant::now(),
            shared,
        }
    }

    /// Works until it is told to stop.
    pub(super) fn run(mut self) {
        let mut from_beginning = true;
        while !self.stop.load(Relaxed) {
            match self.connect(from_beginning) {
                Ok(client) => {
                    self.work(client);
                    from_beginning = true;
                }
                Err(refusal) => {
                    self.log(&format!("cannot be made: {}", refusal.text));
                    std::thread::sleep(AGAIN_AFTER);
                }
            }
        }
    }

    /// Reads every partition from its start to these ends, and looks records up.
    pub(super) fn read_through(mut self, ends: &[Offset], within: Duration) {
        let until = Instant::now() + within;
        let mut client = match self.connect(true) {
            Ok(client) => client,
            Err(refusal) => return self.log(&format!("cannot be made: {}", refusal.text)),
        };
        let behind =
            |positions: &BTreeMap<Key, Offset>| positions.values().zip(ends).any(|(at, end)| at < end);
        while behind(&self.positions) && Instant::now() < until && self.poll(&mut *client) {}
        for key in 0..self.shared.keys.count() {
            for _ in 0..LAST_LOOK_UPS {
                let time = self.asked_for(key);
                self.look_up(&mut *client, key, time);
            }
        }
        client.discard();
    }

    /// A client that reads on from the positions.
    fn connect(&self, from_beginning: bool) -> Result<Box<dyn Consumer>, Refusal> {
        let mut client = self.shared.library.consumer(&ConsumerSettings {
            name: self.name(),
            isolation: Isolation::ReadUncommitted,
            fetch_wait: FETCH_WAIT,
            group: None,
        })?;
        let f = F::Assign(Assign {
            keys: self.positions.keys().copied().collect(),
            from_beginning,
        });
        let op = self.shared.scribe.invoke(self.process, f.clone());
        let assigned = client.assign(&self.positions);
        let end = match &assigned {
            Ok(()) => End::Ok,
            Err(refusal) => End::Fail(refusal.text.clone()),
        };
        self.shared.scribe.end(self.process, op, f, end);
        assigned.map(|()| client)
    }

    fn work(&mut self, mut client: Box<dyn Consumer>) {
        while !self.stop.load(Relaxed) {
            if !self.poll(&mut *client) {
                self.positions = starts(&mut *client, &self.positions.keys().copied().collect::<Vec<_>>());
                break;
            }
            if Instant::now() >= self.next_look_up {
                self.next_look_up = Instant::now() + self.config.look_up_every.duration();
                let key = self.random.random_range(0..self.shared.keys.count().max(1));
                let time = self.asked_for(key);
                self.look_up(&mut *client, key, time);
            }
        }
        client.discard();
    }

    /// One poll, and the times of what it read. Whether the client can go on.
    fn poll(&mut self, client: &mut dyn Consumer) -> bool {
        let op = self.shared.scribe.invoke(self.process, F::Poll(Poll::default()));
        let Polled {
            records: incoming,
            lost,
        } = client.poll(POLL_MAX, WAIT_MAX);
        for record in &incoming {
            self.positions.insert(record.key, record.offset + 1);
        }
        let records: Vec<Record> = incoming.iter().filter_map(Incoming::record).collect();
        let stamps: Vec<Stamp> = incoming.iter().filter_map(stamp).collect();
        let end = match &lost {
            Some(reason) if records.is_empty() => End::Fail(reason.clone()),
            _ => End::Ok,
        };
        let poll = F::Poll(Poll { records });
        self.shared.scribe.end(self.process, op, poll, end);
        if !stamps.is_empty() {
            self.remember(&stamps);
            self.done(TimeStep::Read(Vec::new()), TimeStep::Read(stamps), End::Ok);
        }
        if let Some(reason) = &lost {
            self.log(reason);
        }
        lost.is_none()
    }

    fn remember(&mut self, stamps: &[Stamp]) {
        for stamp in stamps {
            let time = (stamp.key, stamp.time);
            if self.times.len() < TIMES_MAX {
                self.times.push(time);
            } else {
                let place = self.random.random_range(0..TIMES_MAX);
                self.times[place] = time;
            }
        }
    }

    /// A time to ask for: that of a record that was read, one near it, or one of the last seconds.
    fn asked_for(&mut self, key: Key) -> i64 {
        let near = self.random.random_range(-20_i64..=20);
        if !self.times.is_empty() && self.random.random_range(0..4) > 0 {
            let place = self.random.random_range(0..self.times.len());
            let (of_key, time) = self.times[place];
            // Times of other partitions are as good as any.
            return if of_key == key { time + near } else { time };
        }
        wall() - self.random.random_range(0..10_000_i64)
    }

    fn look_up(&self, client: &mut dyn Consumer, key: Key, time: i64) {
        let asked = LookUp {
            key,
            time,
            found: None,
        };
        let op = self
            .shared
            .scribe
            .invoke(self.process, F::Times(TimeStep::LookUp(asked)));
        let (found, end) = match client.at_time(key, time, LOOK_UP_WITHIN) {
            Ok(found) => (found, End::Ok),
            Err(refusal) => (None, End::Fail(refusal.text)),
        };
        let f = F::Times(TimeStep::LookUp(LookUp { found, ..asked }));
        self.shared.scribe.end(self.process, op, f, end);
    }

    fn done(&self, begun: TimeStep, ended: TimeStep, end: End) {
        let scribe = &self.shared.scribe;
        let op = scribe.invoke(self.process, F::Times(begun));
        scribe.end(self.process, op, F::Times(ended), end);
    }

    fn name(&self) -> String {
        format!("reader-{}", self.number)
    }

    fn log(&self, text: &str) {
        self.shared.line(&self.name(), text);
    }
}

fn stamp(record: &Incoming) -> Option<Stamp> {
    Some(Stamp {
        key: record.key,
        offset: record.offset,
        value: record.value?,
        time: record.timestamp?,
    })
}
