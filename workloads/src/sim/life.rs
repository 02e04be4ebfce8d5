//! How a client's operation ends, and how the client does.

use cluster::sim::Request;
use history::{F, Mop, Txn};

use super::book::Desk;
use super::choice::Role;
use super::consumer::Consumer;
use super::worker::{Open, Worker};
use crate::scribe::End;

/// What a crashed client says of its operation.
const CRASHED: &str = "the client crashed";

impl Worker {
    /// The operation ends.
    pub(super) fn finish(&mut self, end: End, desk: &mut Desk) {
        let Some(open) = self.open.take() else { return };
        self.awaited = None;
        match &end {
            End::Ok => self.succeed(&open, desk),
            End::Fail(_) => self.consumer.go_back(&open.before),
            End::Info(_) => {}
        }
        let unknown = matches!(end, End::Info(_));
        let f = function(open.mops, open.transaction);
        desk.end(self.process, open.op, f, end, open.rebalanced);
        if unknown {
            self.replace(desk);
        }
        self.rest(desk);
    }

    fn succeed(&mut self, open: &Open, desk: &mut Desk) {
        let mut read = false;
        for mop in &open.mops {
            if let Mop::Poll(poll) = mop {
                self.consumer.has_read(&poll.records);
                read |= !poll.records.is_empty();
            }
        }
        // A transaction takes its reading with it.
        if read
            && !open.transaction
            && let (Some(progress), Some(coordinator)) = (self.consumer.progress(), self.coordinator)
        {
            let token = desk.world.token();
            desk.world
                .request(self.id, coordinator, token, Request::CommitOffsets(progress));
        }
    }

    /// A new client takes the place of one that nobody knows the state of.
    fn replace(&mut self, desk: &mut Desk) {
        self.process = desk.book.process();
        self.identity = None;
        self.informed = false;
        // What the plan gave a consumer to read, its successor reads on.
        if !matches!(self.role, Role::Consumer(_)) || self.consumer.member().is_some() {
            self.consumer = Consumer::default();
        }
    }

    pub(super) fn plan_crash(&mut self, desk: &mut Desk) {
        let every = desk.book.config.crash_every.filter(|_| self.role != Role::Reader);
        self.crash_at = every.map(|every| desk.world.now() + self.dice.around(every));
    }

    pub(super) fn crash_is_due(&self, desk: &Desk) -> bool {
        let due = self.crash_at.is_some_and(|at| at <= desk.world.now());
        due && !desk.book.is_full()
    }

    /// The client is thrown away with what it had under way.
    pub(super) fn crash(&mut self, desk: &mut Desk) {
        self.plan_crash(desk);
        if let Some(mut open) = self.open.take() {
            self.awaited = None;
            for mop in &mut open.mops {
                if let Mop::Poll(poll) = mop {
                    poll.records.clear();
                }
            }
            self.consumer.go_back(&open.before);
            if !self.dice.chance(desk.book.config.silent_per_mille) {
                let f = function(open.mops, open.transaction);
                let end = End::Info(CRASHED.to_owned());
                desk.end(self.process, open.op, f, end, open.rebalanced);
            }
            self.process = desk.book.process();
        }
        let op = desk.invoke(self.process, F::Crash);
        desk.end(
            self.process,
            op,
            F::Crash,
            End::Info(CRASHED.to_owned()),
            Vec::new(),
        );
        self.replace(desk);
        if let Role::Consumer(keys) = &self.role
            && !self.consumer.is_idle()
        {
            let keys = keys.clone();
            return self.assign(keys, false, desk);
        }
        self.rest(desk);
    }
}

/// The operation as the history has it.
pub(super) fn function(mut mops: Vec<Mop>, transaction: bool) -> F {
    if transaction {
        return F::Txn(Txn { mops });
    }
    match mops.pop() {
        Some(Mop::Send(send)) => F::Send(send),
        Some(Mop::Poll(poll)) => F::Poll(poll),
        _ => F::Txn(Txn::default()),
    }
}
