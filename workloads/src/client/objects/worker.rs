//! A client: a thread that carries one operation out after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use history::{F, Key, Mop, Seen, Txn};

use super::hand::Hand;
use super::states::Written;
use super::view::{Behind, View, all_keys};
use super::{Choices, ReadBy, Settings};
use crate::client::{Refusal, Shared};
use crate::scribe::End;

/// How long is waited before a client that could not be made is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// The longest wait for the next operation, so that a stop is seen.
const WAIT_MAX: Duration = Duration::from_millis(50);

/// A client of the workload, on a thread of its own.
pub(super) struct Worker {
    number: u32,
    settings: Settings,
    shared: Arc<Shared>,
    written: Arc<Written>,
    stop: Arc<AtomicBool>,
    process: u32,
    hand: Option<Hand>,
    view: Option<View>,
}

impl Worker {
    pub(super) fn new(
        number: u32,
        settings: Settings,
        shared: Arc<Shared>,
        written: Arc<Written>,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self {
            number,
            settings,
            written,
            stop,
            process: shared.scribe.process(),
            shared,
            hand: None,
            view: None,
        }
    }

    /// Works until it is told to stop. `ready` is called once it is at work, or could not be.
    pub(super) fn run(mut self, mut choices: impl Choices, ready: impl FnOnce()) {
        self.make_clients();
        ready();
        let mut next_at = Instant::now();
        while !self.stop.load(Relaxed) {
            let wait = next_at.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                std::thread::sleep(wait.min(WAIT_MAX));
                continue;
            }
            self.make_clients();
            if self.hand.is_none() || self.view.is_none() {
                std::thread::sleep(AGAIN_AFTER);
                continue;
            }
            let next = choices.next();
            next_at = (next_at + next.gap).max(Instant::now());
            if next.reads {
                self.read(next.object);
            } else {
                self.change(next.object);
            }
        }
        self.hand.into_iter().for_each(Hand::discard);
        self.view.into_iter().for_each(View::discard);
    }

    /// Makes anew what is missing, of no further use, or old.
    fn make_clients(&mut self) {
        if let Some(reason) = self.hand.as_ref().and_then(Hand::fatal) {
            self.log(&reason);
            self.hand.take().into_iter().for_each(Hand::discard);
        }
        if self.hand.is_none() {
            self.hand = self.made(
                "producer",
                Hand::make(&self.shared, &self.name(), &self.settings.writing()),
            );
        }
        let old = |view: &View| view.age() > self.settings.reread_every.duration();
        if self.view.as_ref().is_none_or(old) {
            self.view.take().into_iter().for_each(View::discard);
            let name = format!("{}-reader", self.name());
            let (library, keys) = (&*self.shared.library, all_keys(&self.shared));
            self.view = self.made("reader", View::make(library, &name, &self.settings, &keys));
        }
    }

    fn change(&mut self, object: Key) {
        let value = self.written.value_for(object);
        let f = operation(self.settings.data.change(object, value));
        let op = self.shared.scribe.invoke(self.process, f.clone());
        let key = self.home(object);
        let end = match &mut self.hand {
            Some(hand) => hand.change(key, object, value, self.settings.record_bytes),
            None => End::Fail("no producer".to_owned()),
        };
        let unknown = matches!(end, End::Info(_));
        self.shared.scribe.end(self.process, op, f, end);
        if unknown {
            self.process = self.shared.scribe.process();
        }
    }

    fn read(&mut self, object: Key) {
        let begun = operation(Mop::Read(object, Seen::Nothing));
        let op = self.shared.scribe.invoke(self.process, begun.clone());
        let (f, end) = match self.seen(object) {
            Ok(seen) => (operation(Mop::Read(object, seen)), End::Ok),
            // A read that came to nothing has changed nothing.
            Err(reason) => (begun, End::Fail(reason)),
        };
        self.shared.scribe.end(self.process, op, f, end);
    }

    /// What stands in an object at some point after this was asked.
    fn seen(&mut self, object: Key) -> Result<Seen, String> {
        let key = self.home(object);
        let (Some(hand), Some(view)) = (&mut self.hand, &mut self.view) else {
            return Err("no client".to_owned());
        };
        let deadline = self.settings.deadline.duration();
        let last = match self.settings.read {
            ReadBy::Barrier => hand.mark(key)?,
            ReadBy::End => view.end(key, deadline).map_err(|refusal| refusal.text)? - 1,
        };
        match view.read_past(key, last, Instant::now() + deadline) {
            Ok(()) => Ok(self.settings.data.seen(view.states().of(object))),
            Err(Behind::Late(reason)) => Err(reason),
            Err(Behind::Lost(reason)) => {
                self.view.take().into_iter().for_each(View::discard);
                Err(reason)
            }
        }
    }

    /// The partition that an object lives in.
    fn home(&self, object: Key) -> Key {
        object % self.shared.keys.count().max(1)
    }

    fn made<T>(&self, what: &str, made: Result<T, Refusal>) -> Option<T> {
        made.inspect_err(|refusal| self.log(&format!("no {what} yet: {}", refusal.text)))
            .ok()
    }

    fn name(&self) -> String {
        format!("object-{}", self.number)
    }

    fn log(&self, text: &str) {
        self.shared.line(&self.name(), text);
    }
}

fn operation(mop: Mop) -> F {
    F::Txn(Txn { mops: vec![mop] })
}
