//! A client of a simulated cluster: one operation at a time, as far as answers and time-outs carry it.
//!
//! After whatever happened a client looks at where its operation stands and asks for the next thing that this
//! lacks; so a request that is lost is simply asked again.

use cluster::sim::{ClientId, Dice, MILLISECOND, Request, Response, Token};
use history::{Assign, F, Key, Mop, NodeId, Offset, Poll, Record, Send, Subscribe};

use super::book::{Book, Desk};
use super::choice::{Choice, Role, choose};
use super::consumer::{Consumer, Stand};
use super::life::function;
use crate::scribe::End;

/// How long a client waits after it was told no.
const AGAIN_AFTER: u64 = 10 * MILLISECOND;
/// How often a member of the group says that it is alive.
const BEAT_EVERY: u64 = 100 * MILLISECOND;

/// A client.
pub(super) struct Worker {
    pub(super) id: ClientId,
    pub(super) role: Role,
    pub(super) dice: Dice,
    pub(super) process: u32,
    /// By key, with the epoch.
    pub(super) leaders: Vec<(Option<NodeId>, i32)>,
    pub(super) coordinator: Option<NodeId>,
    /// Whether it believes what it knows of them, and since when.
    pub(super) informed: bool,
    informed_at: u64,
    /// Its producer's number and epoch.
    pub(super) identity: Option<(u32, i16)>,
    /// By key: the next sequence number.
    pub(super) sequences: Vec<i32>,
    pub(super) consumer: Consumer,
    pub(super) open: Option<Open>,
    pub(super) awaited: Option<Awaited>,
    timer: Token,
    beat: Token,
    pub(super) crash_at: Option<u64>,
    /// Up to where the final reader reads, and until when; why it did not get there.
    pub(super) goal: Option<Goal>,
    /// It does nothing any more.
    pub(super) done: bool,
}

/// What the final reader has to reach.
pub(super) struct Goal {
    pub(super) ends: Vec<Offset>,
    pub(super) until: u64,
    pub(super) unread: Option<String>,
}

/// An operation under way.
pub(super) struct Open {
    pub(super) op: u64,
    pub(super) transaction: bool,
    pub(super) mops: Vec<Mop>,
    /// Which step it is at.
    pub(super) at: usize,
    pub(super) deadline: u64,
    /// Whether the step may have happened by a request that nobody answered.
    pub(super) maybe: bool,
    /// Partitions that are part of the transaction.
    pub(super) added: Vec<Key>,
    /// How the transaction is to end, once that is decided.
    pub(super) ending: Option<Ending>,
    /// What the poll under way has got, and until when it waits for something.
    pub(super) gathered: Vec<Record>,
    pub(super) poll_until: Option<u64>,
    pub(super) rebalanced: Vec<Key>,
    pub(super) before: Stand,
    /// The newest reason why it did not succeed.
    pub(super) error: &'static str,
}

/// How a transaction is to end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    pub(super) commit: bool,
    /// Whether a commit was asked for by a request that nobody answered.
    pub(super) maybe: bool,
}

/// The request that a client waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Awaited {
    pub(super) what: What,
    pub(super) token: Token,
    /// How many answers are still to come.
    pub(super) left: u32,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Metadata,
    Identity,
    Partition(Key),
    Record,
    Records,
    End,
}

impl Worker {
    pub(super) fn new(id: ClientId, role: Role, dice: Dice, desk: &mut Desk) -> Self {
        let mut worker = Self {
            id,
            role,
            dice,
            process: desk.book.process(),
            leaders: Vec::new(),
            coordinator: None,
            informed: false,
            informed_at: 0,
            identity: None,
            sequences: Vec::new(),
            consumer: Consumer::default(),
            open: None,
            awaited: None,
            timer: 0,
            beat: 0,
            crash_at: None,
            goal: None,
            done: false,
        };
        worker.plan_crash(desk);
        worker.rest(desk);
        worker
    }

    pub(super) fn process(&self) -> u32 {
        self.process
    }

    /// Whether it has nothing under way, and begins nothing any more.
    pub(super) fn is_over(&self, book: &Book) -> bool {
        self.open.is_none() && (self.done || book.is_full())
    }

    pub(super) fn on_timer(&mut self, token: Token, desk: &mut Desk) {
        if token == self.beat {
            return self.heartbeat(desk);
        }
        if token != self.timer {
            return;
        }
        if self.crash_is_due(desk) {
            return self.crash(desk);
        }
        match (self.open.is_some(), self.awaited.take()) {
            (false, _) => self.begin(desk),
            (true, Some(awaited)) => self.on_silence(awaited.what, desk),
            (true, None) => self.proceed(desk),
        }
    }

    pub(super) fn on_response(&mut self, token: Token, node: NodeId, response: Response, desk: &mut Desk) {
        if let Response::Assigned { generation, keys } = response {
            return self.consumer.hear(generation, keys);
        }
        if token == self.beat {
            self.informed = false;
        }
        let Some(awaited) = self.awaited.filter(|awaited| awaited.token == token) else {
            return;
        };
        if awaited.left > 1 {
            self.awaited = Some(Awaited {
                left: awaited.left - 1,
                ..awaited
            });
        } else {
            self.awaited = None;
        }
        match response {
            Response::Metadata { leaders, coordinator } => {
                self.learn(leaders, coordinator, desk);
                self.proceed(desk);
            }
            Response::Refused if awaited.what != What::Records => self.retry_informed(desk),
            Response::Producer(answer) => self.on_identity(answer, desk),
            Response::Added(answer) => self.on_added(awaited.what, answer, desk),
            Response::Produced(answer) => self.on_produced(node, answer, desk),
            Response::Ended(answer) => self.on_ended(answer, desk),
            Response::Fetched(parts) => self.on_fetched(parts, desk),
            Response::Refused => self.on_fetched(Vec::new(), desk),
            Response::Assigned { .. } => {}
        }
    }

    /// Nobody answered in time.
    fn on_silence(&mut self, what: What, desk: &mut Desk) {
        if let Some(open) = &mut self.open {
            open.error = "no answer in time";
            match what {
                What::Record => open.maybe = true,
                What::End => {
                    if let Some(ending) = &mut open.ending {
                        ending.maybe = true;
                    }
                }
                What::Records => {
                    self.informed = false;
                    return self.after_fetch(desk);
                }
                What::Metadata | What::Identity | What::Partition(_) => {}
            }
        }
        self.informed = false;
        self.proceed(desk);
    }

    /// Asks for the next thing that the operation lacks.
    pub(super) fn proceed(&mut self, desk: &mut Desk) {
        let Some(open) = &self.open else { return };
        if open.at >= open.mops.len() && !open.transaction {
            return self.finish(End::Ok, desk);
        }
        let late = desk.world.now() >= open.deadline;
        if matches!(open.mops.get(open.at), Some(Mop::Poll(_))) {
            // Where nobody can be reached a poll returns nothing.
            let over = desk.book.is_full() && self.role != Role::Reader;
            if !self.informed && (late || over) {
                return self.poll_done(desk);
            }
        } else if late {
            return self.give_up(desk);
        }
        if !self.informed {
            return self.ask_metadata(desk);
        }
        if open.ending.is_some() {
            return self.ask_end(desk);
        }
        match open.mops.get(open.at) {
            Some(Mop::Send(send)) => {
                let (key, value) = (send.key, send.value);
                self.write(key, value, desk);
            }
            Some(Mop::Poll(_)) => self.fetch(desk),
            Some(_) => self.step_done(desk),
            None => self.decide_end(desk),
        }
    }

    /// A step is done; its result is in its place.
    pub(super) fn step_done(&mut self, desk: &mut Desk) {
        if let Some(open) = &mut self.open {
            open.at += 1;
            open.maybe = false;
            open.poll_until = None;
        }
        self.proceed(desk);
    }

    fn ask_metadata(&mut self, desk: &mut Desk) {
        let ids = desk.world.ids();
        if let Some(node) = self.dice.pick(&ids).copied() {
            let patience = desk.book.config.request_timeout / 3;
            self.ask(What::Metadata, vec![(node, Request::Metadata)], patience, desk);
        }
    }

    /// Takes over who leads, unless it knows of a newer epoch.
    fn learn(&mut self, leaders: Vec<(Option<NodeId>, i32)>, coordinator: Option<NodeId>, desk: &Desk) {
        if self.leaders.is_empty() {
            self.leaders = leaders;
        } else {
            for (known, told) in self.leaders.iter_mut().zip(leaders) {
                if told.1 >= known.1 {
                    *known = told;
                }
            }
        }
        (self.coordinator, self.informed, self.informed_at) = (coordinator, true, desk.world.now());
    }

    pub(super) fn leader(&self, key: Key) -> Option<NodeId> {
        self.leaders.get(key as usize)?.0
    }

    /// Sends requests that are one to the client, and waits for their answers.
    pub(super) fn ask(
        &mut self,
        what: What,
        requests: Vec<(NodeId, Request)>,
        patience: u64,
        desk: &mut Desk,
    ) {
        let token = desk.world.token();
        self.awaited = Some(Awaited {
            what,
            token,
            left: requests.len() as u32,
        });
        for (node, request) in requests {
            desk.world.request(self.id, node, token, request);
        }
        self.wait(patience, desk);
    }

    /// Is woken after that time, unless something else comes first.
    pub(super) fn wait(&mut self, nanoseconds: u64, desk: &mut Desk) {
        self.timer = desk.world.token();
        desk.world.wake(self.id, nanoseconds, self.timer);
    }

    /// Tries again, once it has asked anew who leads.
    pub(super) fn retry_informed(&mut self, desk: &mut Desk) {
        self.informed = false;
        self.retry(desk);
    }

    pub(super) fn retry(&mut self, desk: &mut Desk) {
        self.awaited = None;
        self.wait(AGAIN_AFTER, desk);
    }

    /// Does nothing for a while.
    pub(super) fn rest(&mut self, desk: &mut Desk) {
        self.awaited = None;
        if self.done || (desk.book.is_full() && self.role != Role::Reader) {
            return;
        }
        let gap = match self.role {
            Role::Reader => MILLISECOND,
            // What it waits for it waits for within its poll.
            Role::Consumer(_) if desk.book.config.poll_wait.is_none() => MILLISECOND,
            _ => self.dice.around(desk.book.config.gap),
        };
        self.wait(gap, desk);
    }

    /// Begins an operation.
    fn begin(&mut self, desk: &mut Desk) {
        if self.done || (desk.book.is_full() && self.role != Role::Reader) || self.has_read_all(desk) {
            return;
        }
        self.informed &= desk.world.now() - self.informed_at < desk.book.config.metadata_every;
        let rebalanced = self.consumer.rebalance();
        match choose(&self.role, &mut self.dice, desk.book, &self.consumer) {
            Choice::Assign { keys, from_beginning } => self.assign(keys, from_beginning, desk),
            Choice::Subscribe(keys) => self.subscribe(keys, desk),
            Choice::Send(key) => {
                let value = desk.book.value();
                let mops = vec![Mop::Send(send(key, value))];
                self.invoke(mops, false, rebalanced, desk);
            }
            Choice::Poll => self.invoke(vec![Mop::Poll(Poll::default())], false, rebalanced, desk),
            Choice::Transaction(steps) => {
                let step = |key: Option<Key>| match key {
                    Some(key) => Mop::Send(send(key, desk.book.value())),
                    None => Mop::Poll(Poll::default()),
                };
                let mops = steps.into_iter().map(step).collect();
                self.invoke(mops, true, rebalanced, desk);
            }
        }
    }

    /// Whether the final reader has reached its goal, or has no more time.
    fn has_read_all(&mut self, desk: &Desk) -> bool {
        let Some(goal) = &mut self.goal else { return false };
        match self.consumer.behind(&goal.ends) {
            None => self.done = true,
            Some((key, at, end)) if desk.world.now() >= goal.until => {
                goal.unread = Some(format!("the reader stood at {at} of {end} in key {key}"));
                self.done = true;
            }
            Some(_) => {}
        }
        self.done
    }

    fn invoke(&mut self, mops: Vec<Mop>, transaction: bool, rebalanced: Vec<Key>, desk: &mut Desk) {
        let op = desk.invoke(self.process, function(mops.clone(), transaction));
        self.open = Some(Open {
            op,
            transaction,
            mops,
            at: 0,
            deadline: desk.world.now() + desk.book.config.deadline,
            maybe: false,
            added: Vec::new(),
            ending: None,
            gathered: Vec::new(),
            poll_until: None,
            rebalanced,
            before: self.consumer.stand(),
            error: "",
        });
        self.proceed(desk);
    }

    pub(super) fn assign(&mut self, keys: Vec<Key>, from_beginning: bool, desk: &mut Desk) {
        self.consumer.assign(&keys, from_beginning);
        let assign = F::Assign(Assign { keys, from_beginning });
        self.at_once(assign, desk);
    }

    fn subscribe(&mut self, keys: Vec<Key>, desk: &mut Desk) {
        self.consumer.subscribe(self.process, keys.clone());
        self.at_once(F::Subscribe(Subscribe { keys }), desk);
        self.heartbeat(desk);
    }

    /// An operation that asks nobody.
    fn at_once(&mut self, f: F, desk: &mut Desk) {
        let op = desk.invoke(self.process, f.clone());
        desk.end(self.process, op, f, End::Ok, Vec::new());
        self.rest(desk);
    }

    /// A member says that it is alive, and goes on doing so.
    fn heartbeat(&mut self, desk: &mut Desk) {
        let Some(member) = self.consumer.member() else {
            return;
        };
        let request = Request::Heartbeat {
            member: member.member,
            generation: member.generation,
            keys: member.keys.clone(),
        };
        let token = desk.world.token();
        if let Some(coordinator) = self.coordinator {
            desk.world.request(self.id, coordinator, token, request);
        }
        self.beat = token;
        desk.world.wake(self.id, BEAT_EVERY, token);
    }
}

fn send(key: Key, value: history::Value) -> Send {
    Send {
        key,
        value,
        offset: None,
        broker: None,
    }
}
