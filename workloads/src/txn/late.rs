//! Records that come late: after their transaction has ended, as a network that delays requests makes them (KIP-890).
//!
//! Client libraries keep the order of their requests, so these producers are Tribunal's own. Each commits a transaction of one record, waits, and
//! writes another one as if it were of that transaction. A broker that refuses it has kept its promise.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use cluster::kafka::{Late, Latecomer};
use history::{F, Key, Mop, Offset, Send, Span, Txn, Value, payload};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::sleep;

use crate::client::Shared;
use crate::scribe::End;

/// How late a record comes: the markers of its transaction are written by then.
const LATE_BY: Duration = Duration::from_secs(1);
/// The longest sleep, so that a stop is seen.
const SLEEP_MAX: Duration = Duration::from_millis(50);
/// The size of a record: its number alone.
const RECORD_BYTES: usize = 8;
/// The random stream of these producers; clients have those of their numbers.
const STREAM: u64 = 1 << 40;

/// Producers whose last record comes late, one after the other.
pub(super) struct Latecomers {
    pub(super) shared: Arc<Shared>,
    pub(super) every: Span,
    pub(super) transaction_timeout: Duration,
    pub(super) deadline: Duration,
    pub(super) next_value: Arc<AtomicU64>,
    pub(super) stop: Arc<AtomicBool>,
}

impl Latecomers {
    /// Sends them until it is told to stop: the time between two is between half and one and a half of its mean.
    pub(super) async fn run(self) {
        let mut random = ChaCha8Rng::seed_from_u64(self.shared.seed);
        random.set_stream(STREAM);
        let mean = self.every.as_millis().max(1);
        let mut number = 0;
        while self
            .sleep(Duration::from_millis(
                random.random_range(mean / 2..=mean + mean / 2),
            ))
            .await
        {
            let key = random.random_range(0..self.shared.keys.count());
            self.one(number, key).await;
            number += 1;
        }
    }

    /// Sleeps; whether it goes on.
    async fn sleep(&self, length: Duration) -> bool {
        let mut left = length;
        while !left.is_zero() && !self.stop.load(Relaxed) {
            let part = left.min(SLEEP_MAX);
            sleep(part).await;
            left -= part;
        }
        !self.stop.load(Relaxed)
    }

    async fn one(&self, number: u32, key: Key) {
        let (topic, partition) = self.shared.keys.partition(key);
        // Each has an id of its own: the next transaction of the same would end what hangs.
        let id = format!("tribunal-late-{number}");
        let made = Latecomer::make(
            &self.shared.place.bootstrap,
            (topic, partition as u32),
            (&id, self.transaction_timeout),
            self.deadline,
        );
        let latecomer = match made.await {
            Ok(latecomer) => latecomer,
            Err(error) => return self.log(&format!("{id} cannot be made: {error}")),
        };
        let process = self.shared.scribe.process();
        let (op, value) = self.begin(process, key);
        match latecomer.commit(&payload::encode(value, RECORD_BYTES)).await {
            Ok(offset) => self.end(process, op, (key, value, Some(offset)), End::Ok),
            Err(error) => {
                let end = End::Info(format!("not committed: {error}"));
                return self.end(process, op, (key, value, None), end);
            }
        }
        sleep(LATE_BY).await;
        let (op, value) = self.begin(process, key);
        let (offset, end) = match latecomer.come_late(&payload::encode(value, RECORD_BYTES)).await {
            Late::Taken(offset) => (
                Some(offset),
                End::Info("written when its transaction had ended".to_owned()),
            ),
            Late::Refused(error) => (None, End::Fail(format!("came late: {error}"))),
            Late::Unknown(error) => (None, End::Info(format!("came late: {error}"))),
        };
        self.end(process, op, (key, value, offset), end);
    }

    fn begin(&self, process: u32, key: Key) -> (u64, Value) {
        let value = self.next_value.fetch_add(1, Relaxed);
        let op = self.shared.scribe.invoke(process, transaction(key, value, None));
        (op, value)
    }

    fn end(&self, process: u32, op: u64, (key, value, offset): (Key, Value, Option<Offset>), end: End) {
        let f = transaction(key, value, offset);
        self.shared.scribe.end(process, op, f, end);
    }

    fn log(&self, text: &str) {
        self.shared.line("late", text);
    }
}

fn transaction(key: Key, value: Value, offset: Option<Offset>) -> F {
    let send = Send {
        key,
        value,
        offset,
        broker: None,
    };
    F::Txn(Txn {
        mops: vec![Mop::Send(send)],
    })
}
