//! The writes that one producer has open: which process each belongs to, and when Tribunal stops waiting for it.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use history::{F, Key, NodeId, Offset, Send, Value};

use crate::client::{Delivery, Ledger};
use crate::scribe::{End, Scribe};

/// The open writes of one producer. Each has a process of its own, as a process does one thing at a time; a
/// process whose write ended `info` is retired for a new one.
pub(crate) struct OpenSends {
    scribe: Arc<Scribe>,
    limit: usize,
    deadline: Duration,
    ledger: Arc<Ledger>,
    /// Whether a client's first write to a key has to be acknowledged before it begins another there.
    first_alone: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: HashMap<u64, Open>,
    /// Deadlines in the order in which they pass, those of writes that ended meanwhile among them.
    deadlines: VecDeque<(Instant, u64)>,
    idle: Vec<u32>,
    /// The client that has what begins now, where operations name it.
    producer: Option<u32>,
    /// Keys in which a write of the client that is at work was acknowledged, …
    known: BTreeSet<Key>,
    /// … and those in which its first write is under way.
    first: BTreeSet<Key>,
}

struct Open {
    process: u32,
    key: Key,
    value: Value,
    /// When it was to begin, and when it did.
    due: Instant,
    begun: Instant,
}

/// Where an acknowledged write went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) offset: Option<Offset>,
    pub(crate) broker: Option<NodeId>,
}

impl OpenSends {
    /// No write yet, at most `limit` at once, each waited for until its deadline.
    pub(crate) fn new(scribe: Arc<Scribe>, limit: usize, deadline: Duration, ledger: Arc<Ledger>) -> Self {
        Self {
            scribe,
            limit,
            deadline,
            ledger,
            first_alone: false,
            state: Mutex::default(),
        }
    }

    /// The same, where a client's first write to a key has to be acknowledged before it begins another there.
    pub(crate) fn with_first_alone(self, first_alone: bool) -> Self {
        Self { first_alone, ..self }
    }

    /// Another client is at work from now on, which no broker knows.
    pub(crate) fn anew(&self) {
        let mut state = self.lock();
        state.known.clear();
        state.first.clear();
    }

    /// From now on what begins is had by that client.
    pub(crate) fn named(&self, producer: u32) {
        self.lock().producer = Some(producer);
    }

    /// Whether one more may begin in that key.
    pub(crate) fn has_room(&self, key: Key) -> bool {
        let state = self.lock();
        state.open.len() < self.limit && !state.first.contains(&key)
    }

    /// Whether none is open.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().open.is_empty()
    }

    /// A write begins that was due then: its operation's number.
    pub(crate) fn begin(&self, key: Key, value: Value, due: Instant) -> u64 {
        let begun = Instant::now();
        let mut state = self.lock();
        let process = state.idle.pop().unwrap_or_else(|| self.scribe.process());
        let producer = state.producer;
        let f = send(key, value, Written::default());
        let op = self.scribe.invoke_of(process, f, producer);
        let open = Open {
            process,
            key,
            value,
            due,
            begun,
        };
        state.open.insert(op, open);
        if self.first_alone && !state.known.contains(&key) {
            state.first.insert(key);
        }
        state.deadlines.push_back((begun + self.deadline, op));
        op
    }

    /// A write ended. One that has ended already, by its deadline or a crash, stays as it is.
    pub(crate) fn end(&self, op: u64, written: Written, end: End) {
        let mut state = self.lock();
        self.end_locked(&mut state, op, written, end);
    }

    /// A client library reported how a write ended.
    pub(crate) fn reported(&self, op: u64, delivery: Delivery) {
        self.ledger.reported(&delivery);
        let Delivery {
            end, offset, broker, ..
        } = delivery;
        let mut state = self.lock();
        if let Some(key) = state.open.get(&op).map(|open| open.key) {
            // Whatever the report says, the client has it under way no more.
            state.first.remove(&key);
            if end == End::Ok {
                state.known.insert(key);
            }
        }
        self.end_locked(&mut state, op, Written { offset, broker }, end);
    }

    /// Ends each write whose deadline has passed.
    pub(crate) fn expire(&self, now: Instant) {
        let mut state = self.lock();
        while let Some((deadline, op)) = state.deadlines.front().copied() {
            if deadline > now && state.open.contains_key(&op) {
                break;
            }
            state.deadlines.pop_front();
            let end = End::Info(format!("no delivery report within {:?}", self.deadline));
            self.end_locked(&mut state, op, Written::default(), end);
        }
    }

    /// Ends every write: nobody will know how.
    pub(crate) fn abandon(&self, reason: &str) {
        let mut state = self.lock();
        let mut ops: Vec<_> = state.open.keys().copied().collect();
        ops.sort_unstable();
        for op in ops {
            self.end_locked(&mut state, op, Written::default(), End::Info(reason.to_owned()));
        }
        state.deadlines.clear();
    }

    /// Recorded under the lock: the process must not begin its next write before this one has ended.
    fn end_locked(&self, state: &mut State, op: u64, written: Written, end: End) {
        let Some(open) = state.open.remove(&op) else {
            return;
        };
        let Open {
            process, key, value, ..
        } = open;
        if end == End::Ok {
            self.ledger.acknowledged(open.due, open.begun);
        }
        if !matches!(end, End::Info(_)) {
            state.idle.push(process);
        }
        self.scribe.end(process, op, send(key, value, written), end);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn send(key: Key, value: Value, written: Written) -> F {
    F::Send(Send {
        key,
        value,
        offset: written.offset,
        broker: written.broker,
    })
}

#[cfg(test)]
mod tests {
    use super::{Delivery, OpenSends, Written};
    use crate::scribe::{End, Scribe};
    use history::{MemoryRecorder, Op, What};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    const DEADLINE: Duration = Duration::from_secs(5);

    fn sends(limit: usize) -> (Arc<MemoryRecorder>, OpenSends) {
        let recorder = Arc::new(MemoryRecorder::default());
        let scribe = Arc::new(Scribe::new(recorder.clone()));
        (recorder, OpenSends::new(scribe, limit, DEADLINE, Arc::default()))
    }

    fn ops(recorder: &MemoryRecorder) -> Vec<(&'static str, Op)> {
        let word = |event: history::Event| match event.what {
            What::Invoke(op) => ("invoke", op),
            What::Ok(op) => ("ok", op),
            What::Fail(op) => ("fail", op),
            What::Info(op) => ("info", op),
            other => panic!("no operation: {other:?}"),
        };
        recorder.events().into_iter().map(word).collect()
    }

    #[test]
    fn a_process_is_used_again_unless_its_write_ended_info() {
        let (recorder, sends) = sends(2);
        for (value, end) in [End::Ok, End::Fail("no".into()), End::Info("?".into()), End::Ok]
            .into_iter()
            .enumerate()
        {
            let op = sends.begin(0, value as u64, Instant::now());
            sends.end(op, Written::default(), end);
        }
        let processes: Vec<_> = ops(&recorder)
            .iter()
            .filter(|(word, _)| *word == "invoke")
            .map(|(_, op)| op.process)
            .collect();
        assert_eq!(processes, [0, 0, 0, 1]);
    }

    #[test]
    fn no_more_than_the_limit_are_open_and_each_has_its_process() {
        let (recorder, sends) = sends(2);
        let first = sends.begin(0, 0, Instant::now());
        assert!(sends.has_room(1));
        sends.begin(1, 1, Instant::now());
        assert!(!sends.has_room(0));
        sends.end(first, Written::default(), End::Ok);
        assert!(sends.has_room(0));
        let seen = ops(&recorder);
        assert_ne!(seen[0].1.process, seen[1].1.process);
    }

    #[test]
    fn the_first_write_of_a_client_to_a_key_is_alone_until_it_is_acknowledged() {
        let (_, sends) = sends(10);
        let sends = sends.with_first_alone(true);
        let report = |op, end| sends.reported(op, Delivery::ended(end));
        let refused = sends.begin(0, 0, Instant::now());
        assert!(!sends.has_room(0) && sends.has_room(1));
        report(refused, End::Fail("no".into()));
        let first = sends.begin(0, 1, Instant::now());
        assert!(!sends.has_room(0), "nothing was acknowledged");
        report(first, End::Ok);
        sends.begin(0, 2, Instant::now());
        assert!(sends.has_room(0));
        sends.anew();
        sends.begin(0, 3, Instant::now());
        assert!(!sends.has_room(0), "no broker knows the new client");
    }

    #[test]
    fn a_late_report_changes_nothing() {
        let (recorder, sends) = sends(10);
        let op = sends.begin(0, 0, Instant::now());
        sends.expire(Instant::now());
        assert!(!sends.is_empty(), "the deadline has not passed");
        sends.expire(Instant::now() + DEADLINE);
        assert!(sends.is_empty());
        let acknowledged = Written {
            offset: Some(1),
            broker: Some(1),
        };
        sends.end(op, acknowledged, End::Ok);
        let words: Vec<_> = ops(&recorder).into_iter().map(|(word, _)| word).collect();
        assert_eq!(words, ["invoke", "info"]);
    }

    #[test]
    fn a_crash_ends_every_write_info() {
        let (recorder, sends) = sends(10);
        for value in 0..3 {
            sends.begin(0, value, Instant::now());
        }
        sends.abandon("the client crashed");
        let seen = ops(&recorder);
        assert_eq!(seen.len(), 6);
        for (word, op) in &seen[3..] {
            assert_eq!((*word, op.error.as_deref()), ("info", Some("the client crashed")));
        }
    }
}
