//! A whole history in one call: cluster, clients, faults and final reads in virtual time.

use cluster::sim::{
    Bug, Dice, Guests, Harm, MILLISECOND, Need, Network, Settings, Sink, Timing, Trouble, World,
};
use history::{
    Event, Expectation, FORMAT, Header, History, Moment, Phase, Span, Topic, TransactionLimits, VERSION, What,
};

use super::clients::Clients;
use super::config::ClientsConfig;
use crate::log::Acks;

/// How long the clients, the replicas and the final reader may take to be through.
const WITHIN: u64 = 60_000 * MILLISECOND;
/// How long a step of the clock is at most.
const STEP: u64 = 20 * MILLISECOND;

/// How long a partition may go without an acknowledged write while the faults are within what is tolerated: several
/// times what an election takes with the quick timing.
const LIVENESS: Span = Span::from_secs(3);
/// So many operations take longer than that, whatever the time between them.
const OPERATIONS_OF_SECONDS: u64 = 5_000;

/// Everything that decides a simulated run.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// Every random choice comes from it.
    pub seed: u64,
    /// What breaks a promise, if anything.
    pub bug: Option<Bug>,
    /// How many nodes.
    pub nodes: u32,
    /// The topics.
    pub topics: Vec<Topic>,
    /// The clients.
    pub clients: ClientsConfig,
    /// How messages travel.
    pub network: Network,
    /// The faults.
    pub troubles: Troubles,
    /// Whether the history has phases, observations and complete final reads, as a run of Tribunal; else it has
    /// operations alone, as one of Jepsen's.
    pub whole: bool,
}

/// The faults of a simulated run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Troubles(pub Vec<Harm>);

/// What came of a simulated run.
#[derive(Debug)]
pub struct Simulated {
    /// Its history.
    pub history: History,
    /// When the bug did its harm first; `None` where it found no occasion.
    pub bug_fired: Option<u64>,
}

impl Default for Simulation {
    fn default() -> Self {
        Self {
            seed: 0,
            bug: None,
            nodes: 3,
            topics: vec![topic("log", 3, 3)],
            clients: ClientsConfig::default(),
            network: Network::CALM,
            troubles: Troubles::default(),
            whole: true,
        }
    }
}

fn topic(name: &str, partitions: u32, replication_factor: u32) -> Topic {
    Topic {
        name: name.to_owned(),
        partitions,
        replication_factor,
        min_insync_replicas: replication_factor.div_ceil(2),
        unclean_election: false,
        config: std::collections::BTreeMap::new(),
    }
}

impl Simulation {
    /// A run that keeps every promise, of a kind that is drawn: acks, transactions, groups, crashes, faults, a slow
    /// network, topics. What would lose records by right is left out: with acks below `all` no node is harmed.
    pub fn random(seed: u64) -> Self {
        let mut dice = Dice::new(seed, 1);
        let mut clients = ClientsConfig {
            operations: dice.between(200, 500),
            mixed: dice.between(2, 8) as u32,
            gap: dice.between(10, 40) * MILLISECOND,
            subscribe: dice.chance(350),
            transactions: dice.chance(400),
            steps_max: dice.between(1, 5) as u32,
            abort_per_mille: *dice.pick(&[0, 100, 300]).unwrap_or(&0),
            assign_per_mille: *dice.pick(&[0, 20, 100]).unwrap_or(&0),
            poll_records: *dice.pick(&[3, 20, 100]).unwrap_or(&100),
            ..ClientsConfig::default()
        };
        if !clients.transactions {
            if dice.chance(500) {
                clients.producers = clients.mixed;
                clients.consumers = dice.between(1, 3) as u32;
                clients.mixed = 0;
                clients.poll_wait = dice.chance(500).then_some(20 * MILLISECOND);
            }
            clients.idempotence = dice.chance(700);
        }
        if !clients.transactions && !clients.idempotence && dice.chance(500) {
            clients.acks = if dice.chance(500) {
                Acks::Leader
            } else {
                Acks::None
            };
        }
        if dice.chance(400) {
            clients.crash_every = Some(dice.between(500, 3_000) * MILLISECOND);
            clients.silent_per_mille = *dice.pick(&[0, 200]).unwrap_or(&0);
        }
        let gentle = clients.acks != Acks::All;
        Self {
            seed,
            nodes: dice.between(3, 5) as u32,
            topics: topics(&mut dice),
            network: network(&mut dice, clients.acks),
            troubles: Troubles(if gentle || dice.chance(350) {
                Vec::new()
            } else {
                Harm::ALL.to_vec()
            }),
            clients,
            whole: dice.chance(800),
            ..Self::default()
        }
    }

    /// The same with a bug, and all that it needs to show itself.
    pub fn with_bug(mut self, bug: Bug) -> Self {
        self.bug = Some(bug);
        self.whole = true;
        let clients = &mut self.clients;
        clients.poll_records = clients.poll_records.max(20);
        clients.operations = clients.operations.max(300);
        for need in bug.needs() {
            let clients = &mut self.clients;
            match need {
                Need::Transactions => make_transactional(clients),
                Need::Aborts => clients.abort_per_mille = clients.abort_per_mille.max(300),
                Need::Steps => clients.steps_max = clients.steps_max.max(4),
                Need::Contention => {
                    clients.mixed = clients.mixed.max(8);
                    clients.gap = 3 * MILLISECOND;
                    clients.abort_per_mille = 0;
                }
                Need::PlainWrites => clients.transactions = false,
                Need::Idempotence => (clients.idempotence, clients.acks) = (true, Acks::All),
                Need::Acks => clients.acks = Acks::All,
                Need::Assign => clients.subscribe = false,
                Need::Time => clients.operations = clients.operations.max(OPERATIONS_OF_SECONDS),
                Need::Ends => clients.silent_per_mille = 0,
                Need::Replicas | Need::Nodes => {}
                Need::Partitions => self.topics[0].partitions = self.topics[0].partitions.max(2),
            }
        }
        self
    }

    fn header(&self) -> Header {
        let promises = self.clients.promises();
        Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            plan: "simulated".to_owned(),
            seed: self.seed,
            broker: "sim".to_owned(),
            client: None,
            started: "1970-01-01T00:00:00Z".to_owned(),
            nodes: (1..=self.nodes).collect(),
            controllers: Vec::new(),
            zookeepers: Vec::new(),
            topics: self.topics.clone(),
            expect: Expectation {
                minimum_acknowledged: 1,
                without_faults: self.troubles.0.is_empty() || !self.whole,
                producers: promises.producers,
                acks: promises.acks,
                liveness: Some(LIVENESS),
                transactions: self.clients.transactions.then(|| limits_of(&Timing::QUICK)),
                ..Expectation::default()
            },
        }
    }

    /// How long the operations take, if nothing goes wrong.
    fn length(&self) -> u64 {
        let clients = &self.clients;
        let all = u64::from(clients.producers + clients.consumers + clients.mixed).max(1);
        let each = clients.gap + 4 * MILLISECOND;
        clients.operations.saturating_mul(each) / all
    }

    fn settings(&self) -> Settings {
        let mut dice = Dice::new(self.seed, 2);
        let length = self.length();
        let bugs = self.bug.map(|bug| (bug, dice.between(length / 5, length / 2)));
        Settings {
            seed: self.seed,
            nodes: self.nodes,
            topics: self.topics.clone(),
            timing: Timing::QUICK,
            network: self.network,
            bugs: bugs.into_iter().collect(),
        }
    }
}

/// How long a transaction may stay open there.
pub(super) fn limits_of(timing: &Timing) -> TransactionLimits {
    let span = |nanoseconds: u64| Span::from_millis(nanoseconds / MILLISECOND);
    TransactionLimits {
        timeout: span(timing.transaction),
        abort_interval: span(timing.tick),
    }
}

fn make_transactional(clients: &mut ClientsConfig) {
    clients.transactions = true;
    clients.acks = Acks::All;
    clients.mixed = clients.mixed.max(clients.producers).max(4);
    (clients.producers, clients.consumers) = (0, 0);
    clients.poll_wait = Some(20 * MILLISECOND);
}

fn topics(dice: &mut Dice) -> Vec<Topic> {
    let replicas = dice.between(2, 3) as u32;
    if dice.chance(500) {
        return vec![topic("log", dice.between(1, 4) as u32, replicas)];
    }
    vec![
        topic("orders", dice.between(1, 2) as u32, replicas),
        topic("payments", dice.between(1, 3) as u32, replicas),
    ]
}

fn network(dice: &mut Dice, acks: Acks) -> Network {
    // What is sent without an acknowledgement is gone where the network loses it.
    if acks == Acks::None || dice.chance(400) {
        return Network::CALM;
    }
    Network {
        slow_per_mille: *dice.pick(&[0, 5, 20]).unwrap_or(&0),
        slow: (20 * MILLISECOND, 800 * MILLISECOND),
        lost_per_mille: *dice.pick(&[0, 5, 20]).unwrap_or(&0),
        ..Network::CALM
    }
}

/// Makes a history. The same simulation makes the same one.
pub fn simulate(simulation: &Simulation) -> Simulated {
    let mut events = Events(Vec::new());
    let bug_fired = simulate_into(simulation, &mut events);
    let history = History {
        header: simulation.header(),
        events: events.0,
        truncated: false,
    };
    Simulated { history, bug_fired }
}

struct Events(Vec<Event>);

impl Sink for Events {
    fn take(&mut self, time: u64, what: What) {
        self.0.push(Event { time, what });
    }
}

/// Makes a history event by event, without the header: when the bug did its harm first.
fn simulate_into(simulation: &Simulation, sink: &mut dyn Sink) -> Option<u64> {
    let mut run = Run {
        world: World::new(simulation.settings()),
        clients: Clients::new(simulation.clients.clone(), &simulation.topics, simulation.seed),
        trouble: trouble(simulation),
        whole: simulation.whole,
        sink,
    };
    run.work(simulation.clients.operations);
    run.read();
    run.world.bugs().first().and_then(|(_, fired)| *fired)
}

fn trouble(simulation: &Simulation) -> Trouble {
    let harms = simulation.troubles.0.clone();
    let (lasts, rest) = (
        (200 * MILLISECOND, 900 * MILLISECOND),
        (100 * MILLISECOND, 500 * MILLISECOND),
    );
    Trouble::new(simulation.seed, harms, lasts, rest)
}

struct Run<'s> {
    world: World,
    clients: Clients,
    trouble: Trouble,
    whole: bool,
    sink: &'s mut dyn Sink,
}

impl Run<'_> {
    /// The clients work, and meanwhile things go wrong.
    fn work(&mut self, operations: u64) {
        if !self.whole {
            self.world.stop_observing();
        }
        self.phase(Phase::Setup);
        self.advance(100 * MILLISECOND);
        self.phase(Phase::Steady);
        self.clients.start(&mut self.world, self.sink);
        self.advance_until(|run| run.clients.operations() >= operations / 10);
        let harms = self.trouble.next_at() != u64::MAX;
        if harms {
            self.phase(Phase::Faults);
            self.advance_until(|run| {
                run.trouble.act(
                    &mut run.world,
                    &mut Filter {
                        whole: run.whole,
                        sink: run.sink,
                    },
                );
                run.clients.operations() >= operations - operations / 8
            });
            self.trouble.heal(
                &mut self.world,
                &mut Filter {
                    whole: self.whole,
                    sink: self.sink,
                },
            );
        }
        self.phase(Phase::Heal);
        self.advance_until(|run| run.clients.operations() >= operations);
        self.phase(Phase::Settle);
        self.clients.stop();
        self.advance_until(|run| run.clients.are_over());
        self.world.quiesce();
    }

    fn read(&mut self) {
        let mut settled = self.world.settled();
        let until = self.world.now() + WITHIN;
        while settled.is_err() && self.world.now() < until {
            self.advance(STEP);
            settled = self.world.settled();
        }
        self.phase(Phase::FinalReads);
        self.clients.read(settled, WITHIN, &mut self.world, self.sink);
        self.advance_until(|run| run.clients.have_read());
        if self.whole {
            self.clients.conclude(&mut self.world, self.sink);
        }
        self.phase(Phase::Teardown);
        if self.whole {
            for id in self.world.ids() {
                let copied = self.world.copy_disk(id, Moment::AtTheEnd);
                self.sink.take(self.world.now(), copied);
            }
        }
    }

    fn phase(&mut self, phase: Phase) {
        if self.whole {
            self.sink.take(self.world.now(), What::Phase(phase));
        }
    }

    fn advance(&mut self, nanoseconds: u64) {
        let until = self.world.now() + nanoseconds;
        let mut filter = Filter {
            whole: self.whole,
            sink: self.sink,
        };
        while let Some(happening) = self.world.next(until) {
            self.clients.happened(&mut self.world, happening, &mut filter);
        }
    }

    fn advance_until(&mut self, mut over: impl FnMut(&mut Self) -> bool) {
        let mut idle_since = (self.world.now(), self.clients.operations());
        while !over(self) {
            self.advance(STEP);
            if self.clients.operations() != idle_since.1 {
                idle_since = (self.world.now(), self.clients.operations());
            }
            if self.world.now() - idle_since.0 > WITHIN {
                return;
            }
        }
    }
}

/// Leaves out what a history of operations alone does not have.
struct Filter<'s> {
    whole: bool,
    sink: &'s mut dyn Sink,
}

impl Sink for Filter<'_> {
    fn take(&mut self, time: u64, what: What) {
        let operation = matches!(
            what,
            What::Invoke(_) | What::Ok(_) | What::Fail(_) | What::Info(_)
        );
        if self.whole || operation {
            self.sink.take(time, what);
        }
    }
}
