//! What the `log` workload's own code costs, for benchmarks: its generator, its account of open writes and what they
//! write into a history, as fast as they can, with a simulated broker in the same thread instead of a client library.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::sim::{
    Acks, ClientId, Fetch, Happening, MILLISECOND, Network, Part, Position, Produce, Request, Response,
    Settings, Timing, World,
};
use history::payload::encode;
use history::{F, Key, NodeId, Offset, Poll, Record, Recorder, Topic, Value};

use crate::client::{Ledger, Pace};
use crate::log::{Generator, OpenSends, Written};
use crate::scribe::{End, Scribe};

/// The client that writes.
const WRITER: ClientId = 0;
/// The client that reads.
const READER: ClientId = 1;
/// How long a write is waited for: nothing here takes that long.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long the cluster may take to have leaders, in virtual time.
const LEADERS_WITHIN: u64 = 10_000 * MILLISECOND;

/// How much is written and read.
#[derive(Clone, Debug)]
pub struct Load {
    /// Every random choice comes from it.
    pub seed: u64,
    /// The partitions, of one replica each.
    pub partitions: u32,
    /// How many writes are begun, one record each.
    pub writes: u64,
    /// How many may be open at once.
    pub open: u32,
    /// The size of a record's value, in bytes.
    pub record_bytes: u32,
    /// How many records a poll returns at most.
    pub poll_records: u32,
}

/// A simulated cluster with the clients of a [`Load`].
pub struct Loaded {
    load: Load,
    scribe: Arc<Scribe>,
    world: World,
    /// By key.
    leaders: Vec<NodeId>,
}

impl Loaded {
    /// A cluster whose partitions have leaders; what the clients do goes to the recorder.
    pub fn new(load: Load, recorder: Arc<dyn Recorder>) -> Self {
        let topic = Topic {
            name: "log".to_owned(),
            partitions: load.partitions,
            replication_factor: 1,
            min_insync_replicas: 1,
            unclean_election: false,
            config: std::collections::BTreeMap::new(),
        };
        let mut world = World::new(Settings {
            seed: load.seed,
            nodes: 1,
            topics: vec![topic],
            timing: Timing::TUNED,
            network: Network::CALM,
            bugs: Vec::new(),
        });
        world.stop_observing();
        let leaders = leaders(&mut world, load.partitions as usize);
        Self {
            load,
            scribe: Arc::new(Scribe::new(recorder)),
            world,
            leaders,
        }
    }

    /// Has the broker write as many records, and nobody generates or writes down anything: what the broker itself costs.
    pub fn write_bare(&mut self) -> u64 {
        let keys = u64::from(self.load.partitions);
        let (mut begun, mut ended) = (0, 0);
        while ended < self.load.writes {
            while begun < self.load.writes && begun - ended < u64::from(self.load.open) {
                self.produce((begun % keys) as Key, begun, begun);
                begun += 1;
            }
            if self.answer().is_none() {
                break;
            }
            ended += 1;
        }
        ended
    }

    /// Writes all records, one an operation: how many were acknowledged.
    pub fn write(&mut self) -> u64 {
        let load = self.load.clone();
        let ledger = Arc::new(Ledger::default());
        let sends = OpenSends::new(self.scribe.clone(), load.open as usize, DEADLINE, ledger.clone());
        let mut generator = Generator::new(load.seed, 0, 1, 0..load.partitions, u32::MAX);
        let mut pace = Pace::new(Instant::now(), ledger);
        let (mut begun, mut acknowledged) = (0, 0);
        while begun < load.writes || !sends.is_empty() {
            while begun < load.writes && sends.has_room(0) {
                let next = generator.next();
                let (key, value) = (next.key, begun);
                begun += 1;
                // What a real client library would be given.
                std::hint::black_box(encode(value, load.record_bytes as usize));
                let op = sends.begin(key, value, pace.begin(Instant::now(), next.gap));
                self.produce(key, value, op);
            }
            sends.expire(Instant::now());
            let Some((op, broker, response)) = self.answer() else {
                break;
            };
            let (written, end) = match response {
                Response::Produced(Ok(offset)) => {
                    acknowledged += 1;
                    let (offset, broker) = (Some(offset), Some(broker));
                    (Written { offset, broker }, End::Ok)
                }
                other => (Written::default(), End::Info(format!("{other:?}"))),
            };
            sends.end(op, written, end);
        }
        acknowledged
    }

    /// Reads every partition from its start until all that was written is read: how many records that were.
    pub fn read(&mut self) -> u64 {
        let process = self.scribe.process();
        let mut positions: Vec<Offset> = vec![0; self.leaders.len()];
        let mut read = 0;
        let mut done = 0;
        while done < positions.len() {
            let key = done as Key;
            let op = self.scribe.invoke(process, F::Poll(Poll::default()));
            let fetch = Fetch {
                from: vec![(key, Position::At(positions[done]))],
                records_max: self.load.poll_records,
                committed: false,
                producer: None,
            };
            let token = self.world.token();
            self.world
                .request(READER, self.leaders[done], token, Request::Fetch(fetch));
            let parts = match self.answer() {
                Some((_, _, Response::Fetched(parts))) => parts,
                _ => Vec::new(),
            };
            let records = records(&parts);
            read += records.len() as u64;
            if records.is_empty() {
                done += 1;
            } else if let Some(Ok(next)) = parts.first().map(|part| part.next) {
                positions[done] = next;
            }
            self.scribe.end(process, op, F::Poll(Poll { records }), End::Ok);
        }
        read
    }

    fn produce(&mut self, key: Key, value: Value, token: u64) {
        let produce = Produce {
            key,
            value,
            origin: None,
            transactional: false,
            acks: Acks::All,
        };
        let leader = self.leaders[key as usize];
        self.world
            .request(WRITER, leader, token, Request::Produce(produce));
    }

    /// The next answer to anybody.
    fn answer(&mut self) -> Option<(u64, NodeId, Response)> {
        answer(&mut self.world)
    }
}

fn records(parts: &[Part]) -> Vec<Record> {
    let of_part = |part: &Part| {
        let key = part.key;
        let record = move |&(offset, value): &(Offset, Value)| Record { key, offset, value };
        part.records.iter().map(record).collect::<Vec<_>>()
    };
    parts.iter().flat_map(of_part).collect()
}

fn answer(world: &mut World) -> Option<(u64, NodeId, Response)> {
    let until = world.now() + LEADERS_WITHIN;
    while let Some(happening) = world.next(until) {
        if let Happening::Response {
            token,
            node,
            response,
            ..
        } = happening
        {
            return Some((token, node, response));
        }
    }
    None
}

/// Asks who leads until every partition has a leader.
fn leaders(world: &mut World, keys: usize) -> Vec<NodeId> {
    let until = world.now() + LEADERS_WITHIN;
    while world.now() < until {
        let (node, token) = (world.ids()[0], world.token());
        world.request(WRITER, node, token, Request::Metadata);
        if let Some((_, _, Response::Metadata { leaders, .. })) = answer(world) {
            let known: Vec<NodeId> = leaders.iter().filter_map(|(leader, _)| *leader).collect();
            if known.len() == keys {
                return known;
            }
        }
    }
    Vec::new()
}
