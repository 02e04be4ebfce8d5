//! A worker: a thread that reads, processes and writes, one transaction after the other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use history::{F, Key, Mop, Offset, Poll, Record, Send, Txn};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::config::{EosConfig, Offsets};
use crate::client::{
    Change, ConsumerSettings, Incoming, Isolation, Member, Next, Rebalanced, Refusal, Shared, Transactional,
    Turns, read_up_to,
};
use crate::scribe::End;

/// The longest wait for a record, so that a stop is seen.
const WAIT_MAX: Duration = Duration::from_millis(50);
/// How long records are gathered after the first.
const GATHER: Duration = Duration::from_millis(30);
/// How long is waited before clients that could not be made are made again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// How long a fetch waits at a broker for something to come.
const FETCH_WAIT: Duration = Duration::from_millis(50);
/// How long a commit apart may take.
const COMMIT_WITHIN: Duration = Duration::from_secs(5);
/// Streams from here on are for falling asleep, and for the rest.
const STALLS: u32 = 1 << 10;
const CHOICES: u32 = 1 << 21;

/// A worker, on a thread of its own.
pub(super) struct Worker {
    number: u32,
    config: EosConfig,
    shared: Arc<Shared>,
    /// The values of all clients: none is written twice.
    next_value: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    random: ChaCha8Rng,
    crashes: Option<Turns>,
    stalls: Option<Turns>,
    process: u32,
    /// How many partitions the first topic has; what becomes of their records belongs so many further on.
    inputs: u32,
    /// What was read and is not processed yet, of the partitions that it has.
    held: VecDeque<Incoming>,
}

/// What happens to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Twist {
    None,
    /// Aborted on purpose.
    Aborted,
    /// Its worker sleeps over it, until its broker has aborted it.
    Asleep,
    /// Its worker sleeps over it, until its group has given the worker's partitions to others; the transaction is still open.
    GivenUp,
    /// Its worker crashes in its middle.
    Crashed,
    /// Its worker crashes right after it.
    CrashedAfter,
}

/// How a transaction came out.
struct Carried {
    end: End,
    /// Both of the worker's clients can go on.
    works: bool,
}

impl Worker {
    pub(super) fn new(
        number: u32,
        config: EosConfig,
        shared: Arc<Shared>,
        next_value: Arc<AtomicU64>,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let seed = shared.seed;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(u64::from(CHOICES + number));
        Self {
            number,
            next_value,
            stop,
            random,
            crashes: Turns::of(seed, number, config.crash_every),
            stalls: Turns::of(seed, STALLS + number, config.stall_every),
            process: shared.scribe.process(),
            inputs: shared.keys.count() / 2,
            held: VecDeque::new(),
            config,
            shared,
        }
    }

    /// Works until it is told to stop. `ready` is called once it is at work, or could not be.
    pub(super) fn run(mut self, ready: impl FnOnce()) {
        let mut ready = Some(ready);
        while !self.stop.load(Relaxed) {
            let clients = self.clients();
            if let Some(ready) = ready.take() {
                ready();
            }
            match clients {
                Ok((member, producer)) => self.work(member, producer),
                Err(refusal) => {
                    self.log(&format!("cannot be made: {}", refusal.text));
                    std::thread::sleep(AGAIN_AFTER);
                }
            }
        }
    }

    fn clients(&mut self) -> Result<(Member, Transactional), Refusal> {
        let name = format!("worker-{}", self.number);
        let producer = Transactional::make(&self.shared, &name, self.config.times())?;
        let settings = ConsumerSettings {
            name: format!("{name}-reader"),
            isolation: Isolation::ReadCommitted,
            fetch_wait: FETCH_WAIT,
            group: Some(self.config.group()),
        };
        let keys: Vec<Key> = (0..self.inputs).collect();
        self.held.clear();
        match Member::join(&self.shared, &settings, &keys, self.process) {
            Ok(member) => Ok((member, producer)),
            Err(refusal) => {
                producer.discard();
                Err(refusal)
            }
        }
    }

    /// With these clients, until they are of no further use.
    fn work(&mut self, mut member: Member, mut producer: Transactional) {
        while !self.stop.load(Relaxed) {
            if !self.gather(&mut member) {
                break;
            }
            if self.held.is_empty() {
                continue;
            }
            let twist = self.twist();
            if !self.carry_out(&mut member, &mut producer, twist) {
                member.discard();
                producer.discard();
                return self.die();
            }
        }
        member.close();
        producer.discard();
    }

    /// Its clients are gone with what they had under way.
    fn die(&mut self) {
        let scribe = &self.shared.scribe;
        let op = scribe.invoke(self.process, F::Crash);
        let why = "the worker's clients were thrown away".to_owned();
        scribe.end(self.process, op, F::Crash, End::Info(why));
        self.process = scribe.process();
    }

    fn twist(&mut self) -> Twist {
        if self.shared.takes(&mut self.crashes) {
            // Who commits apart crashes before that alone: it is what has to be seen.
            let after = self.config.offsets == Offsets::Apart || self.random.random_bool(0.5);
            return if after {
                Twist::CrashedAfter
            } else {
                Twist::Crashed
            };
        }
        if self.shared.takes(&mut self.stalls) {
            let group_alone = self.config.nap().is_some() && self.random.random_bool(0.5);
            return if group_alone {
                Twist::GivenUp
            } else {
                Twist::Asleep
            };
        }
        if self.random.random_range(0..100) < self.config.aborts {
            return Twist::Aborted;
        }
        Twist::None
    }

    /// Reads until there is enough, or for a while after the first; at least so much that the group hears of the member. Whether its
    /// consumer is of further use.
    fn gather(&mut self, member: &mut Member) -> bool {
        let mut until = (!self.held.is_empty()).then(Instant::now);
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            match member.next(left.unwrap_or(WAIT_MAX)) {
                Next::Nothing => {}
                Next::Record(record) => self.held.push_back(record),
                Next::Moved(moved) => {
                    self.forget(&moved);
                    member.tell(&moved);
                }
                Next::Lost(reason) => {
                    self.log(&reason);
                    return false;
                }
            }
            if until.is_none() && !self.held.is_empty() {
                until = Some(Instant::now() + GATHER);
            }
            let enough = self.held.len() >= self.config.batch as usize;
            let over = until.is_none_or(|until| Instant::now() >= until);
            if enough || over || self.stop.load(Relaxed) {
                return true;
            }
        }
    }

    /// What was taken away is somebody else's to process; what was given is read anew.
    fn forget(&mut self, moved: &[Rebalanced]) {
        for rebalanced in moved {
            debug_assert!(matches!(
                rebalanced.change,
                Change::Given | Change::Revoked | Change::Lost
            ));
            self.held.retain(|record| !rebalanced.keys.contains(&record.key));
        }
    }

    /// One transaction over what is held, from its invocation to its end in the history. Whether the clients are of further use.
    fn carry_out(&mut self, member: &mut Member, producer: &mut Transactional, twist: Twist) -> bool {
        let batch: Vec<Incoming> = self
            .held
            .iter()
            .take(self.config.batch as usize)
            .copied()
            .collect();
        let records: Vec<Record> = batch.iter().filter_map(Incoming::record).collect();
        let mut mops = vec![Mop::Poll(Poll::default())];
        mops.extend(records.iter().map(|record| {
            Mop::Send(Send {
                key: record.key + self.inputs,
                value: self.next_value.fetch_add(1, Relaxed),
                offset: None,
                broker: None,
            })
        }));
        let begun = F::Txn(Txn { mops: mops.clone() });
        let op = self.shared.scribe.invoke(self.process, begun);
        let next = read_up_to(&batch);
        let carried = self.attempt(member, producer, (&mops, &next), twist);
        mops[0] = Mop::Poll(Poll { records });
        producer.name_places(&mut mops);
        let committed = carried.end == End::Ok;
        let unknown = matches!(carried.end, End::Info(_));
        let f = F::Txn(Txn { mops });
        self.shared.scribe.end(self.process, op, f, carried.end);
        if unknown {
            self.process = self.shared.scribe.process();
            return false;
        }
        if twist == Twist::CrashedAfter {
            return false;
        }
        if committed {
            self.held.drain(..batch.len());
            if self.config.offsets == Offsets::Apart {
                member.commit(&next, COMMIT_WITHIN);
            }
        }
        carried.works
    }

    fn attempt(
        &self,
        member: &mut Member,
        producer: &mut Transactional,
        (mops, next): (&[Mop], &BTreeMap<Key, Offset>),
        twist: Twist,
    ) -> Carried {
        if let Err(refusal) = producer.begin() {
            return Carried {
                end: End::Fail(format!("not begun: {}", refusal.text)),
                works: false,
            };
        }
        let refused = self.steps(member, producer, (mops, next), twist);
        if twist == Twist::Crashed {
            return Carried {
                end: End::Info("the worker crashed".to_owned()),
                works: false,
            };
        }
        let (end, works) = match refused {
            Err(why) => producer.abort(&why),
            Ok(()) if twist == Twist::Aborted => producer.abort("on purpose"),
            Ok(()) => producer.commit(),
        };
        Carried { end, works }
    }

    fn steps(
        &self,
        member: &mut Member,
        producer: &mut Transactional,
        (mops, next): (&[Mop], &BTreeMap<Key, Offset>),
        twist: Twist,
    ) -> Result<(), String> {
        for (number, mop) in mops.iter().enumerate() {
            if let Mop::Send(send) = mop {
                let record = (number, send.key, send.value);
                producer
                    .send(record, self.config.record_bytes)
                    .map_err(|refusal| format!("not taken by the client: {}", refusal.text))?;
            }
        }
        // Who it was before it fell asleep: a zombie that asked anew would know that it is no member any more.
        let before = member.membership();
        match twist {
            Twist::Crashed => {
                producer.flush();
                return Ok(());
            }
            Twist::Asleep => std::thread::sleep(self.config.sleep()),
            Twist::GivenUp => std::thread::sleep(self.config.nap().unwrap_or_default()),
            Twist::None | Twist::Aborted | Twist::CrashedAfter => {}
        }
        if self.config.offsets == Offsets::InTransaction {
            let membership = if twist == Twist::GivenUp {
                before
            } else {
                member.membership()
            };
            let membership = membership.ok_or("it is no member of the group")?;
            producer
                .send_offsets(next, &membership)
                .map_err(|refusal| format!("offsets not sent: {}", refusal.text))?;
        }
        Ok(())
    }

    fn log(&self, text: &str) {
        self.shared.line(&format!("worker-{}", self.number), text);
    }
}
