//! The steps of a client's operation: writing, reading, ending a transaction.

use cluster::sim::{self, Fetch, MILLISECOND, Origin, Part, Produce, Refusal, Request};
use history::{Key, Mop, NodeId, Offset, Value};

use super::book::Desk;
use super::choice::Role;
use super::consumer::Taken;
use super::worker::{Ending, What, Worker};
use crate::log::Acks;
use crate::scribe::End;

/// How long a poll that got nothing waits before it asks again.
const POLL_AGAIN_AFTER: u64 = 5 * MILLISECOND;

impl Worker {
    /// Writes a record, or asks for what has to come before that.
    pub(super) fn write(&mut self, key: Key, value: Value, desk: &mut Desk) {
        let Some(open) = &self.open else { return };
        let (transactional, added) = (open.transaction, open.added.contains(&key));
        let patience = desk.book.config.request_timeout;
        let numbered = transactional || desk.book.config.idempotence;
        if numbered && self.identity.is_none() {
            return self.ask_identity(transactional, desk);
        }
        if let Some((producer, epoch)) = self.identity.filter(|_| transactional && !added) {
            let request = Request::AddPartition { producer, epoch, key };
            return self.ask_coordinator(What::Partition(key), request, desk);
        }
        let Some(leader) = self.leader(key) else {
            return self.retry_informed(desk);
        };
        let origin = self
            .identity
            .filter(|_| numbered)
            .map(|(producer, epoch)| Origin {
                producer,
                epoch,
                sequence: self.sequences.get(key as usize).copied().unwrap_or_default(),
            });
        let acks = if transactional {
            Acks::All
        } else {
            desk.book.config.acks
        };
        let produce = Produce {
            key,
            value,
            origin,
            transactional,
            acks: acks_of(acks),
        };
        self.ask(
            What::Record,
            vec![(leader, Request::Produce(produce))],
            patience,
            desk,
        );
        if acks == Acks::None {
            // Sent is written, as far as this client cares.
            self.step_done(desk);
        }
    }

    fn ask_identity(&mut self, transactional: bool, desk: &mut Desk) {
        if transactional {
            let request = Request::InitProducer(Some(self.id));
            return self.ask_coordinator(What::Identity, request, desk);
        }
        let ids = desk.world.ids();
        if let Some(node) = self.dice.pick(&ids).copied() {
            let patience = desk.book.config.request_timeout;
            self.ask(
                What::Identity,
                vec![(node, Request::InitProducer(None))],
                patience,
                desk,
            );
        }
    }

    fn ask_coordinator(&mut self, what: What, request: Request, desk: &mut Desk) {
        let Some(coordinator) = self.coordinator else {
            return self.retry_informed(desk);
        };
        let patience = desk.book.config.request_timeout;
        self.ask(what, vec![(coordinator, request)], patience, desk);
    }

    pub(super) fn on_identity(&mut self, answer: Result<(u32, i16), Refusal>, desk: &mut Desk) {
        match answer {
            Ok(identity) => {
                self.begin_as(identity, desk);
                self.proceed(desk);
            }
            Err(refusal) => self.on_refusal(refusal, desk),
        }
    }

    /// A new epoch counts its records anew.
    fn begin_as(&mut self, identity: (u32, i16), desk: &Desk) {
        if self.identity != Some(identity) {
            self.sequences = vec![0; desk.world.keys() as usize];
        }
        self.identity = Some(identity);
    }

    pub(super) fn on_added(&mut self, what: What, answer: Result<(), Refusal>, desk: &mut Desk) {
        match (answer, what, &mut self.open) {
            (Ok(()), What::Partition(key), Some(open)) => {
                open.added.push(key);
                self.proceed(desk);
            }
            (Err(refusal), _, _) => self.on_refusal(refusal, desk),
            (Ok(()), _, _) => self.proceed(desk),
        }
    }

    pub(super) fn on_produced(&mut self, node: NodeId, answer: Result<Offset, Refusal>, desk: &mut Desk) {
        let Some(open) = &mut self.open else { return };
        match answer {
            Ok(offset) => {
                if let Some(Mop::Send(send)) = open.mops.get_mut(open.at) {
                    (send.offset, send.broker) = (Some(offset), Some(node));
                    if let Some(sequence) = self.sequences.get_mut(send.key as usize) {
                        *sequence += 1;
                    }
                }
                self.step_done(desk);
            }
            Err(refusal) => {
                open.maybe |= !refusal.is_certain();
                self.on_refusal(refusal, desk);
            }
        }
    }

    /// Somebody said no: tries again where that may help.
    fn on_refusal(&mut self, refusal: Refusal, desk: &mut Desk) {
        if let Some(open) = &mut self.open {
            open.error = refusal.name();
        }
        match refusal {
            Refusal::ConcurrentTransactions => self.retry(desk),
            Refusal::Fenced | Refusal::OutOfOrderSequence | Refusal::InvalidTransactionState => {
                self.identity = None;
                self.give_up(desk);
            }
            Refusal::InvalidRecord => self.give_up(desk),
            _ => self.retry_informed(desk),
        }
    }

    /// Reads from every leader of what it reads.
    pub(super) fn fetch(&mut self, desk: &mut Desk) {
        let Some(open) = &mut self.open else { return };
        let config = &desk.book.config;
        let now = desk.world.now();
        let until = *open.poll_until.get_or_insert(match config.poll_wait {
            Some(wait) => now + wait,
            None => u64::MAX,
        });
        let transaction = open.transaction;
        if !transaction && open.gathered.is_empty() {
            // A poll that has nothing yet goes on with what its group gives meanwhile.
            open.rebalanced.extend(self.consumer.rebalance());
        }
        let by_leader = self.consumer.by_leader(&self.leaders);
        if by_leader.is_empty() {
            return self.after_fetch(desk);
        }
        let request = |from| {
            Request::Fetch(Fetch {
                from,
                records_max: config.poll_records,
                committed: config.transactions,
                producer: self
                    .identity
                    .filter(|_| transaction)
                    .map(|(producer, _)| producer),
            })
        };
        let requests = by_leader
            .into_iter()
            .map(|(leader, from)| (leader, request(from)));
        let requests = requests.collect();
        let patience = config
            .request_timeout
            .min(until.saturating_sub(now).max(POLL_AGAIN_AFTER));
        self.ask(What::Records, requests, patience, desk);
    }

    pub(super) fn on_fetched(&mut self, parts: Vec<Part>, desk: &mut Desk) {
        let Some(open) = &mut self.open else { return };
        let mut lost = false;
        self.informed &= !parts.is_empty();
        let polls = open.mops[open.at..]
            .iter()
            .filter(|mop| matches!(mop, Mop::Poll(_)));
        let only = polls.count() == 1;
        for part in parts {
            match self.consumer.take(desk.world, part, only, &mut open.gathered) {
                Taken::Something => {}
                Taken::WrongNode => self.informed = false,
                Taken::Lost => lost = true,
            }
        }
        if lost {
            return self.lose_place(desk);
        }
        if self.awaited.is_none() {
            self.after_fetch(desk);
        }
    }

    /// Every answer is there, or no more is waited for.
    pub(super) fn after_fetch(&mut self, desk: &mut Desk) {
        self.awaited = None;
        let Some(open) = &mut self.open else { return };
        let over = open.poll_until.is_some_and(|until| until <= desk.world.now());
        let stopping = desk.book.is_full() && self.role != Role::Reader;
        let late = self.role == Role::Reader && desk.world.now() >= open.deadline;
        if open.gathered.is_empty() && !over && !stopping && !late {
            return self.wait(POLL_AGAIN_AFTER, desk);
        }
        self.poll_done(desk);
    }

    /// The poll returns what it has got.
    pub(super) fn poll_done(&mut self, desk: &mut Desk) {
        let Some(open) = &mut self.open else { return };
        let records = std::mem::take(&mut open.gathered);
        if let Some(Mop::Poll(poll)) = open.mops.get_mut(open.at) {
            poll.records = records;
        }
        self.step_done(desk);
    }

    /// The log was cut off behind the reader: it begins anew.
    fn lose_place(&mut self, desk: &mut Desk) {
        let reason = Refusal::OffsetOutOfRange.name();
        if let Some(open) = &mut self.open {
            open.error = reason;
        }
        if let Some(goal) = &mut self.goal {
            goal.unread = Some(reason.to_owned());
            self.done = true;
        }
        self.give_up(desk);
        self.consumer.lose();
    }

    /// Every step is done: commits, or aborts on purpose.
    pub(super) fn decide_end(&mut self, desk: &mut Desk) {
        let commit = !self.dice.chance(desk.book.config.abort_per_mille);
        let Some(open) = &mut self.open else { return };
        if !commit {
            open.error = "aborted on purpose";
        }
        open.ending = Some(Ending { commit, maybe: false });
        self.proceed(desk);
    }

    pub(super) fn ask_end(&mut self, desk: &mut Desk) {
        let Some(open) = &self.open else { return };
        let Some(Ending { commit, .. }) = open.ending else {
            return;
        };
        let identity = self.identity.filter(|_| !open.added.is_empty());
        let Some((producer, epoch)) = identity else {
            // It never wrote, so the coordinator knows of no transaction.
            let end = if commit { End::Ok } else { self.failed() };
            return self.finish(end, desk);
        };
        let progress = self.consumer.progress().filter(|_| commit);
        let request = Request::EndTransaction {
            producer,
            epoch,
            commit,
            progress,
        };
        self.ask_coordinator(What::End, request, desk);
    }

    pub(super) fn on_ended(&mut self, answer: Result<i16, Refusal>, desk: &mut Desk) {
        let Some(ending) = self.open.as_ref().and_then(|open| open.ending) else {
            return;
        };
        match answer {
            Ok(epoch) => {
                if let Some((producer, _)) = self.identity {
                    self.begin_as((producer, epoch), desk);
                }
                let end = if ending.commit { End::Ok } else { self.failed() };
                self.finish(end, desk);
            }
            Err(refusal) => self.on_refusal(refusal, desk),
        }
    }

    /// The operation is given up: it failed where nothing of it can have happened.
    pub(super) fn give_up(&mut self, desk: &mut Desk) {
        let Some(open) = &mut self.open else { return };
        let end = match open.ending {
            Some(Ending { commit: true, maybe }) => {
                if maybe {
                    End::Info(open.error.to_owned())
                } else {
                    self.identity = None;
                    self.failed()
                }
            }
            Some(Ending { commit: false, .. }) => {
                // Whatever becomes of the abort, nobody will commit it.
                self.identity = None;
                self.failed()
            }
            None if !open.added.is_empty() && self.identity.is_some() => {
                open.ending = Some(Ending {
                    commit: false,
                    maybe: false,
                });
                open.deadline = desk.world.now() + desk.book.config.request_timeout;
                return self.proceed(desk);
            }
            None if open.transaction => self.failed(),
            None if open.maybe => End::Info(open.error.to_owned()),
            None => self.failed(),
        };
        self.finish(end, desk);
    }

    fn failed(&self) -> End {
        End::Fail(self.open.as_ref().map_or("", |open| open.error).to_owned())
    }
}

fn acks_of(acks: Acks) -> sim::Acks {
    match acks {
        Acks::None => sim::Acks::None,
        Acks::Leader => sim::Acks::Leader,
        Acks::All => sim::Acks::All,
    }
}
