//! A member at work: a thread that reads what its group gives it, commits, crashes, leaves and comes back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use history::{F, Key, Offset, Poll, Record};

use super::config::{Commits, GroupConfig};
use crate::client::{
    ConsumerSettings, Incoming, Isolation, Member, Next, Rebalanced, Shared, Turns, read_up_to,
};
use crate::scribe::End;

/// The longest wait for a record, so that a stop is seen.
const WAIT_MAX: Duration = Duration::from_millis(50);
/// How long is waited before a client that could not be made is made again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// How long a fetch waits at a broker for something to come.
const FETCH_WAIT: Duration = Duration::from_millis(100);
/// How long a commit may take.
const COMMIT_WITHIN: Duration = Duration::from_secs(5);
/// Streams from here on are for leaving in peace: when a member crashes does not hang on whether it leaves.
const LEAVES: u32 = 1 << 10;
/// And from here on for falling asleep.
const STALLS: u32 = 1 << 11;

pub(super) struct Reader {
    number: u32,
    config: GroupConfig,
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    process: u32,
    crashes: Option<Turns>,
    leaves: Option<Turns>,
    stalls: Option<Turns>,
    /// How far it is in what it has, where the group does not know.
    uncommitted: BTreeMap<Key, Offset>,
}

/// What was read in one go.
#[derive(Default)]
struct Gathered {
    /// All of it, what carries no value too.
    incoming: Vec<Incoming>,
    moved: Vec<Rebalanced>,
    lost: Option<String>,
}

/// How a membership ended.
enum Ended {
    Stopped,
    Crashed,
    Left,
    /// Its client cannot go on.
    Lost,
}

impl Reader {
    pub(super) fn new(number: u32, config: GroupConfig, shared: Arc<Shared>, stop: Arc<AtomicBool>) -> Self {
        let seed = shared.seed;
        Self {
            number,
            stop,
            process: shared.scribe.process(),
            crashes: Turns::of(seed, number, config.crash_every),
            leaves: Turns::of(seed, LEAVES + number, config.leave_every),
            stalls: Turns::of(seed, STALLS + number, config.stall_every),
            uncommitted: BTreeMap::new(),
            config,
            shared,
        }
    }

    /// Works until it is told to stop.
    pub(super) fn run(mut self) {
        let keys: Vec<Key> = (0..self.shared.keys.count()).collect();
        while !self.stop.load(Relaxed) {
            let settings = ConsumerSettings {
                name: self.name(),
                isolation: Isolation::ReadUncommitted,
                fetch_wait: FETCH_WAIT,
                group: Some(self.config.group(self.number)),
            };
            match Member::join(&self.shared, &settings, &keys, self.process) {
                Ok(member) => self.live(member),
                Err(refusal) => {
                    self.log(&format!("cannot be made: {}", refusal.text));
                    std::thread::sleep(AGAIN_AFTER);
                }
            }
        }
    }

    /// As one member, until it ends.
    fn live(&mut self, mut member: Member) {
        self.uncommitted.clear();
        match self.read(&mut member) {
            Ended::Stopped | Ended::Left => member.close(),
            Ended::Lost => {
                member.close();
                // The group may hold on to it for a while, and refuse who comes with its name.
                std::thread::sleep(AGAIN_AFTER);
            }
            Ended::Crashed => {
                member.discard();
                let scribe = &self.shared.scribe;
                let op = scribe.invoke(self.process, F::Crash);
                scribe.end(
                    self.process,
                    op,
                    F::Crash,
                    End::Info("the client crashed".to_owned()),
                );
                self.process = scribe.process();
            }
        }
    }

    fn read(&mut self, member: &mut Member) -> Ended {
        loop {
            let gathered = match self.config.commits {
                Commits::Before => self.commit_and_read(member),
                Commits::After | Commits::Auto => Some(self.read_and_commit(member)),
            };
            let Some(gathered) = gathered else {
                return Ended::Crashed;
            };
            if let Some(reason) = gathered.lost {
                self.log(&reason);
                return Ended::Lost;
            }
            if self.stop.load(Relaxed) {
                return Ended::Stopped;
            }
            if self.crashes_anywhere() && self.shared.takes(&mut self.crashes) {
                return Ended::Crashed;
            }
            if self.shared.takes(&mut self.leaves) {
                return Ended::Left;
            }
        }
    }

    /// What it read is written down before it is committed: what a member that dies has read is read again.
    fn read_and_commit(&mut self, member: &mut Member) -> Gathered {
        let op = self.shared.scribe.invoke(self.process, F::Poll(Poll::default()));
        let gathered = self.gather(member);
        self.end_poll(op, &gathered);
        if !gathered.incoming.is_empty() && self.shared.takes(&mut self.stalls) {
            std::thread::sleep(self.config.nap());
        }
        if self.config.commits == Commits::After {
            self.commit(member, &gathered);
        }
        member.tell(&gathered.moved);
        gathered
    }

    /// What it fetched is committed before it is written down. `None` where it crashed in between.
    fn commit_and_read(&mut self, member: &mut Member) -> Option<Gathered> {
        let gathered = self.gather(member);
        self.commit(member, &gathered);
        let op = self.shared.scribe.invoke(self.process, F::Poll(Poll::default()));
        if !gathered.incoming.is_empty() && self.shared.takes(&mut self.crashes) {
            let poll = F::Poll(Poll::default());
            self.shared
                .scribe
                .end(self.process, op, poll, End::Info("the client crashed".to_owned()));
            self.process = self.shared.scribe.process();
            return None;
        }
        self.end_poll(op, &gathered);
        member.tell(&gathered.moved);
        Some(gathered)
    }

    /// Commits how far it is. Of what changes hands now nothing is committed any more: it is another's, or was given anew.
    fn commit(&mut self, member: &mut Member, gathered: &Gathered) {
        self.uncommitted.extend(read_up_to(&gathered.incoming));
        for key in gathered.moved.iter().flat_map(|moved| &moved.keys) {
            self.uncommitted.remove(key);
        }
        if !self.uncommitted.is_empty() && member.commit(&self.uncommitted, COMMIT_WITHIN) {
            self.uncommitted.clear();
        }
    }

    fn end_poll(&self, op: u64, gathered: &Gathered) {
        let records: Vec<Record> = gathered.incoming.iter().filter_map(Incoming::record).collect();
        let mut moved: Vec<Key> = gathered
            .moved
            .iter()
            .flat_map(|moved| moved.keys.clone())
            .collect();
        moved.sort_unstable();
        moved.dedup();
        let poll = F::Poll(Poll { records });
        self.shared
            .scribe
            .end_after(self.process, op, poll, End::Ok, moved);
    }

    /// Gathers records until there are enough, for a while after the first, or until something changes hands.
    fn gather(&self, member: &mut Member) -> Gathered {
        let mut gathered = Gathered::default();
        // A commit that came to nothing is tried again, though nothing comes.
        let again = !self.uncommitted.is_empty();
        let mut until = again.then(|| Instant::now() + AGAIN_AFTER);
        while gathered.incoming.len() < self.config.poll_records as usize && !self.stop.load(Relaxed) {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) || until.is_none() && self.is_due() {
                break;
            }
            match member.next(left.unwrap_or(WAIT_MAX).min(WAIT_MAX)) {
                Next::Nothing => {}
                Next::Record(record) => gathered.incoming.push(record),
                Next::Moved(moved) => {
                    gathered.moved = moved;
                    break;
                }
                Next::Lost(reason) => {
                    gathered.lost = Some(reason);
                    break;
                }
            }
            if until.is_none() && !gathered.incoming.is_empty() {
                until = Some(Instant::now() + self.config.poll_timeout.duration());
            }
        }
        gathered
    }

    /// Whether it has to crash or leave, though nothing comes.
    fn is_due(&self) -> bool {
        let due = |turns: &Option<Turns>| turns.as_ref().is_some_and(Turns::are_due);
        let crashes = self.crashes_anywhere() && due(&self.crashes);
        !self.shared.is_calm() && (crashes || due(&self.leaves))
    }

    /// Who commits first crashes only in between, with records in hand: that is what has to be seen.
    fn crashes_anywhere(&self) -> bool {
        self.config.commits != Commits::Before
    }

    fn name(&self) -> String {
        format!("member-{}", self.number)
    }

    fn log(&self, text: &str) {
        self.shared.line(&self.name(), text);
    }
}
