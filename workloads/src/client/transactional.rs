//! A transactional producer: begins, sends, commits and aborts, each within its time, and says how a transaction ended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use history::{Key, Mop, NodeId, Offset, Value};

use super::Shared;
use super::library::{
    Advice, FlightSettings, Membership, Outgoing, Producer, ProducerSettings, Refusal, TransactionSettings,
};
use crate::scribe::End;

/// The longest that one call may take, so that a stop is seen in time.
const CALL_WITHIN: Duration = Duration::from_secs(2);
/// How long is waited before a call is made again.
const AGAIN_AFTER: Duration = Duration::from_millis(50);
/// The largest batch, in bytes.
const BATCH_BYTES: u32 = 1_000_000;
/// Requests under way at one broker: as many as an idempotent producer may have.
const IN_FLIGHT: u32 = 5;

/// Where a record went, by its step.
type Written = BTreeMap<usize, (Offset, Option<NodeId>)>;

/// How long a transactional producer is given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransactionTimes {
    /// After which time the broker aborts a transaction by itself.
    pub(crate) timeout: Duration,
    /// How long it goes on trying to commit or to abort.
    pub(crate) deadline: Duration,
}

/// A producer with a transactional id.
pub(crate) struct Transactional {
    client: Box<dyn Producer>,
    written: Written,
    /// Records whose reports have not come yet.
    unreported: usize,
    deadline: Duration,
}

impl Transactional {
    /// A producer that no other with its transactional id can work beside: from now on those before are fenced.
    pub(crate) fn make(shared: &Arc<Shared>, name: &str, times: TransactionTimes) -> Result<Self, Refusal> {
        let client = shared.library.producer(&ProducerSettings {
            name: name.to_owned(),
            acks: "all",
            idempotence: true,
            max_in_flight: IN_FLIGHT,
            linger: Duration::ZERO,
            batch_bytes: BATCH_BYTES,
            gives_up_after: Some(times.timeout),
            flight: FlightSettings::default(),
            transaction: Some(TransactionSettings {
                id: format!("tribunal-{name}"),
                timeout: times.timeout,
                init_within: times.deadline,
            }),
        })?;
        Ok(Self {
            client,
            written: Written::new(),
            unreported: 0,
            deadline: times.deadline,
        })
    }

    pub(crate) fn begin(&mut self) -> Result<(), Refusal> {
        self.take_reports(Duration::ZERO);
        self.written.clear();
        self.unreported = 0;
        self.client.begin()
    }

    pub(crate) fn send(
        &mut self,
        (step, key, value): (usize, Key, Value),
        bytes: u32,
    ) -> Result<(), Refusal> {
        let record = Outgoing {
            key,
            value,
            bytes,
            name: None,
            tombstone: false,
            timestamp: None,
        };
        self.client.send(&record, step as u64)?;
        self.unreported += 1;
        Ok(())
    }

    /// Waits for the reports of what was sent, so that what comes next comes after it.
    pub(crate) fn flush(&mut self) {
        let until = Instant::now() + CALL_WITHIN;
        // What is not reported now is reported before the commit.
        while self.unreported > 0 && Instant::now() < until {
            self.take_reports(until.saturating_duration_since(Instant::now()));
        }
    }

    /// Says of each record of this transaction where it went, as far as brokers have said so. Records are known by their steps' numbers.
    pub(crate) fn name_places(&mut self, mops: &mut [Mop]) {
        self.take_reports(Duration::ZERO);
        for (number, mop) in mops.iter_mut().enumerate() {
            if let (Mop::Send(send), Some((offset, broker))) = (mop, self.written.get(&number)) {
                (send.offset, send.broker) = (Some(*offset), *broker);
            }
        }
    }

    fn take_reports(&mut self, within: Duration) {
        let (written, unreported) = (&mut self.written, &mut self.unreported);
        self.client.poll(within, &mut |step, delivery| {
            *unreported = unreported.saturating_sub(1);
            // One that did not arrive makes the commit fail.
            if let Some(offset) = delivery.offset {
                written.insert(step as usize, (offset, delivery.broker));
            }
        });
    }

    /// Makes how far a member of a group has read part of the transaction.
    pub(crate) fn send_offsets(
        &mut self,
        offsets: &BTreeMap<Key, Offset>,
        member: &Membership,
    ) -> Result<(), Refusal> {
        self.call(|client| client.send_offsets(offsets, member, CALL_WITHIN))
    }

    /// Commits, or aborts where that is what the error asks for. Whether the client is of further use.
    pub(crate) fn commit(&mut self) -> (End, bool) {
        match self.call(|client| client.commit(CALL_WITHIN)) {
            Ok(()) => (End::Ok, true),
            Err(refusal) if refusal.advice == Advice::Abort => {
                self.abort(&format!("not committed: {}", refusal.text))
            }
            Err(refusal) => (End::Info(format!("not committed: {}", refusal.text)), false),
        }
    }

    /// Aborts. Only once that is done it is certain. Whether the client is of further use.
    pub(crate) fn abort(&mut self, why: &str) -> (End, bool) {
        match self.call(|client| client.abort(CALL_WITHIN)) {
            Ok(()) => (
                End::Fail(format!("{why}; aborted")),
                self.client.fatal().is_none(),
            ),
            Err(refusal) => (End::Info(format!("{why}; not aborted: {}", refusal.text)), false),
        }
    }

    /// Makes a call again as long as its refusal asks for that and there is time.
    fn call(&mut self, make: impl Fn(&mut dyn Producer) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let until = Instant::now() + self.deadline;
        loop {
            let Err(refusal) = make(&mut *self.client) else {
                return Ok(());
            };
            if refusal.advice != Advice::Again || Instant::now() + AGAIN_AFTER >= until {
                return Err(refusal);
            }
            std::thread::sleep(AGAIN_AFTER);
        }
    }

    /// Ends the client with what it had under way.
    pub(crate) fn discard(self) {
        self.client.discard();
    }
}
