//! All clients of a simulated run, and the final reads.

use std::collections::BTreeSet;
use std::sync::Arc;

use cluster::sim::{ClientId, Dice, Guests, Happening, Sink, World};
use history::{FinalReads, Key, NodeId, Observed, Offset, Probe, Silence, Topic, What};

use super::book::{Book, Desk};
use super::choice::Role;
use super::config::{ClientsConfig, keys_by_topic};
use super::worker::{Goal, Worker};
use crate::client::chunks;
use crate::scribe::Counters;

/// The streams of one seed: the cluster's own is 0.
const CLIENT_STREAMS: u64 = 1 << 32;

/// The clients of a simulated run.
pub struct Clients {
    book: Book,
    workers: Vec<Worker>,
    seed: u64,
    /// Why the replicas had not settled when the final reads began.
    unsettled: Option<String>,
    /// The partitions that were not decided when they were last asked.
    undecided: BTreeSet<Key>,
}

impl Clients {
    /// Clients of these topics that have not begun yet.
    pub fn new(config: ClientsConfig, topics: &[Topic], seed: u64) -> Self {
        Self {
            book: Book::new(config, keys_by_topic(topics)),
            workers: Vec::new(),
            seed,
            unsettled: None,
            undecided: BTreeSet::new(),
        }
    }

    /// What they have done so far.
    pub fn counters(&self) -> Arc<Counters> {
        self.book.counters.clone()
    }

    /// How many operations they have begun.
    pub fn operations(&self) -> u64 {
        self.book.operations()
    }

    /// They begin.
    pub fn start(&mut self, world: &mut World, sink: &mut dyn Sink) {
        let keys: Vec<Key> = self.book.topics.iter().flatten().copied().collect();
        let config = &self.book.config;
        let count = config.consumers;
        let consumer = |number| {
            let own = keys.iter().copied().filter(|key| key % count == number);
            Role::Consumer(own.collect())
        };
        let producers = (0..config.producers).map(|_| Role::Producer);
        let mixed = (0..config.mixed).map(|_| Role::Mixed);
        let roles: Vec<Role> = producers.chain((0..count).map(consumer)).chain(mixed).collect();
        for role in roles {
            if role != Role::Consumer(Vec::new()) || self.book.config.subscribe {
                self.add(role, world, sink);
            }
        }
    }

    fn add(&mut self, role: Role, world: &mut World, sink: &mut dyn Sink) {
        let id = self.workers.len() as ClientId;
        let dice = Dice::new(self.seed, CLIENT_STREAMS + u64::from(id));
        let mut desk = Desk {
            world,
            book: &mut self.book,
            sink,
        };
        self.workers.push(Worker::new(id, role, dice, &mut desk));
    }

    /// They begin nothing more, and end what they have begun.
    pub fn stop(&mut self) {
        self.book.stopping = true;
    }

    /// Whether nobody has anything under way any more.
    pub fn are_over(&self) -> bool {
        self.workers.iter().all(|worker| worker.is_over(&self.book))
    }

    /// The final reads begin: up to these ends, or as far as there is something where the replicas have not
    /// settled, for so many nanoseconds.
    pub fn read(
        &mut self,
        ends: Result<Vec<Offset>, String>,
        within: u64,
        world: &mut World,
        sink: &mut dyn Sink,
    ) {
        let ends = ends.unwrap_or_else(|reason| {
            self.unsettled = Some(reason);
            world.ends_now()
        });
        let until = world.now() + within;
        self.see_undecided(world, sink);
        self.add(Role::Reader, world, sink);
        if let Some(reader) = self.workers.last_mut() {
            reader.goal = Some(Goal {
                ends,
                until,
                unread: None,
            });
        }
    }

    /// Takes down which partitions are not decided, or are by now.
    fn see_undecided(&mut self, world: &mut World, sink: &mut dyn Sink) {
        for key in 0..world.keys() {
            let Some((node, said)) = world.undecided(key) else {
                continue;
            };
            let decided = said.last_stable >= said.high_watermark;
            if decided && !self.undecided.remove(&key) {
                continue;
            }
            if !decided {
                self.undecided.insert(key);
            }
            let observed = Observed {
                node,
                incarnation: world.incarnation(node),
                asked: world.now(),
                answer: Probe::Undecided(said),
            };
            sink.take(world.now(), What::Observed(observed));
        }
    }

    /// Whether the final reader is through.
    pub fn have_read(&self) -> bool {
        self.workers
            .last()
            .is_some_and(|reader| reader.done && reader.open.is_none())
    }

    /// Reads each replica's own copy, and writes down what came of the final reads: whether they are complete.
    pub fn conclude(&mut self, world: &mut World, sink: &mut dyn Sink) -> bool {
        let Some(reader) = self.workers.last_mut() else {
            return false;
        };
        let process = reader.process();
        let (ends, unread) = match reader.goal.take() {
            Some(goal) => (goal.ends, goal.unread),
            None => (Vec::new(), Some("nobody read".to_owned())),
        };
        // The reader has waited for what is not decided.
        self.see_undecided(world, sink);
        for node in world.ids() {
            for key in 0..world.keys() {
                read_copy(node, key, world, sink);
            }
        }
        let reason = self.unsettled.take().or(unread);
        let complete = reason.is_none();
        let reads = FinalReads {
            complete,
            reason,
            ends,
            process,
        };
        sink.take(world.now(), What::FinalReads(reads));
        complete
    }
}

impl Guests for Clients {
    fn happened(&mut self, world: &mut World, happening: Happening, sink: &mut dyn Sink) {
        let mut desk = Desk {
            world,
            book: &mut self.book,
            sink,
        };
        match happening {
            Happening::Response {
                client,
                token,
                node,
                response,
            } => {
                if let Some(worker) = self.workers.get_mut(client as usize) {
                    worker.on_response(token, node, response, &mut desk);
                }
            }
            Happening::Timer { client, token } => {
                if let Some(worker) = self.workers.get_mut(client as usize) {
                    worker.on_timer(token, &mut desk);
                }
            }
            Happening::Seen(what) => sink.take(world.now(), what),
        }
    }
}

fn read_copy(node: NodeId, key: Key, world: &mut World, sink: &mut dyn Sink) {
    if !world.replicas_of(key).contains(&node) {
        return;
    }
    let answers = match world.replica_log(node, key) {
        Ok(log) => chunks(key, &log),
        Err(reason) => vec![Probe::Silent(Silence {
            asked_for: format!("log of key {key}"),
            reason,
        })],
    };
    for answer in answers {
        let observed = Observed {
            node,
            incarnation: world.incarnation(node),
            asked: world.now(),
            answer,
        };
        sink.take(world.now(), What::Observed(observed));
    }
}
