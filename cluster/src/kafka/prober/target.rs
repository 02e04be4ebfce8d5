//! Attempts at one partition, one after the other.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use history::{NodeId, Offset, ProbeOf};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use super::leaders::{Leader, Leaders};
use super::streak::Streak;
use super::{ACKNOWLEDGED_WITHIN, ATTEMPT_WITHIN, PERIOD, reach};
use crate::kafka::ask::{ACKS_ALL, Fetched, Place};
use crate::kafka::wire::{Connection, WireError};

/// How much a read asks for; the first batch is sent whole.
const READ_BYTES: u32 = 1;
/// Kafka's code for a place where the log is not (`OFFSET_OUT_OF_RANGE`).
const OUT_OF_RANGE: i16 = 1;
/// A connection that is whole is waited on for this long, in attempt after attempt, where its broker does not answer.
const PATIENCE: Duration = Duration::from_secs(600);

/// One partition, and one way to try it.
pub(super) struct Target {
    topic: String,
    partition: u32,
    f: ProbeOf,
    addresses: BTreeMap<NodeId, SocketAddrV4>,
    leaders: Arc<Leaders>,
    /// A connection that waits for the next attempt, and to whom.
    idle: Option<(NodeId, Connection)>,
    /// A request that was not answered in time.
    pending: Option<Pending>,
    /// Where the next read begins.
    position: Offset,
}

/// A request that is under way.
struct Pending {
    node: NodeId,
    since: Instant,
    answer: Pin<Box<dyn Future<Output = Answered> + Send>>,
}

/// The connection, where it still is of use, and what the broker said.
type Answered = (Option<Connection>, Result<Reply, WireError>);

enum Reply {
    Written,
    /// Up to where consumers may read.
    Read(Offset),
}

impl Target {
    pub(super) fn new(
        (topic, partition): (String, u32),
        f: ProbeOf,
        addresses: BTreeMap<NodeId, SocketAddrV4>,
        leaders: Arc<Leaders>,
    ) -> Self {
        Self {
            topic,
            partition,
            f,
            addresses,
            leaders,
            idle: None,
            pending: None,
            position: 0,
        }
    }

    /// Tries until it is told to stop.
    pub(super) async fn run(mut self, mut streak: Streak, stop: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.know_the_leader(&stop).await;
        loop {
            ticks.tick().await;
            if *stop.borrow() {
                break;
            }
            let from = streak.now();
            let failed = self.attempt().await.err();
            if failed.is_some() {
                self.leaders.astray.notify_waiters();
            }
            streak.attempt((from, streak.now()), failed.map(|error| error.to_string()));
        }
        streak.flush();
    }

    /// That nobody has said yet who leads is no outage: the prober has only just begun.
    async fn know_the_leader(&mut self, stop: &watch::Receiver<bool>) {
        let until = Instant::now() + ATTEMPT_WITHIN;
        while self.leader().is_none() && Instant::now() < until && !*stop.borrow() {
            tokio::time::sleep(PERIOD / 5).await;
        }
    }

    fn leader(&self) -> Option<Leader> {
        self.leaders.leader(&self.topic, self.partition, Instant::now())
    }

    fn place(&self) -> (&str, u32) {
        (&self.topic, self.partition)
    }

    async fn attempt(&mut self) -> Result<(), WireError> {
        let deadline = Instant::now() + ATTEMPT_WITHIN;
        let Some(leader) = self.leader() else {
            self.pending = None;
            return Err(WireError::Protocol("no leader is known".to_owned()));
        };
        self.drop_what_is_stale(leader.node);
        if self.pending.is_none() {
            self.pending = Some(self.begin(leader, deadline).await?);
        }
        match self.answered(deadline).await? {
            Ok(Reply::Written) => Ok(()),
            Ok(Reply::Read(high_watermark)) => {
                self.position = (high_watermark - 1).max(0);
                Ok(())
            }
            Err(error) => {
                if error.code() == Some(OUT_OF_RANGE) {
                    // It was cut off there or deleted: whatever a read from the start says tells where it is.
                    self.position = 0;
                }
                Err(error)
            }
        }
    }

    /// A request that an attempt before has left under way is this attempt's: whenever it is answered, that is what came of
    /// it. Unless another leads now, or the broker has answered others meanwhile.
    fn drop_what_is_stale(&mut self, leader: NodeId) {
        let patience = match self.f {
            ProbeOf::Write => ACKNOWLEDGED_WITHIN + ATTEMPT_WITHIN,
            ProbeOf::Read => ATTEMPT_WITHIN,
        };
        self.pending = self.pending.take().filter(|pending| {
            pending.node == leader && !self.leaders.answered_since(leader, pending.since + patience)
        });
        self.idle = self.idle.take().filter(|(node, _)| *node == leader);
    }

    /// A request, on the connection that there is or on a fresh one.
    async fn begin(&mut self, leader: Leader, deadline: Instant) -> Result<Pending, WireError> {
        let answer = if let Some((_, connection)) = self.idle.take() {
            self.ask(Ok(connection), leader)
        } else {
            let stream = reach(self.address(leader.node)?);
            let stream = self
                .leaders
                .wait(self.place(), leader.node, deadline, stream)
                .await;
            self.ask(Err(stream.ok_or_else(late)??), leader)
        };
        Ok(Pending {
            node: leader.node,
            since: Instant::now(),
            answer,
        })
    }

    /// The answer to what is under way. The error is that there was none in time: then it still is.
    async fn answered(&mut self, deadline: Instant) -> Result<Result<Reply, WireError>, WireError> {
        let Some(mut pending) = self.pending.take() else {
            return Err(late());
        };
        let answer = self
            .leaders
            .wait(self.place(), pending.node, deadline, &mut pending.answer);
        if let Some((connection, reply)) = answer.await {
            self.idle = connection.map(|connection| (pending.node, connection));
            return Ok(reply);
        }
        self.pending = Some(pending);
        Err(late())
    }

    fn address(&self, node: NodeId) -> Result<SocketAddrV4, WireError> {
        let address = self.addresses.get(&node).copied();
        address.ok_or_else(|| WireError::Protocol(format!("node {node} leads, which is not there")))
    }

    /// The request itself, on a connection that is made or one that has not yet been introduced.
    fn ask(
        &self,
        connection: Result<Connection, tokio::net::TcpStream>,
        leader: Leader,
    ) -> Pin<Box<dyn Future<Output = Answered> + Send>> {
        let (topic, partition, offset, f) = (self.topic.clone(), self.partition, self.position, self.f);
        Box::pin(async move {
            let mut connection = match connection {
                Ok(connection) => connection,
                Err(stream) => match Connection::over(stream).await {
                    Ok(connection) => connection,
                    Err(error) => return (None, Err(error)),
                },
            };
            let at = Place {
                topic: &topic,
                id: leader.topic,
                partition,
                offset,
            };
            let reply = match f {
                ProbeOf::Write => write(&mut connection, at).await,
                ProbeOf::Read => read(&mut connection, at).await,
            };
            // Whoever answered, with whatever, has a connection that is whole.
            let whole = reply
                .as_ref()
                .map_or_else(|error| error.code().is_some(), |_| true);
            (whole.then_some(connection), reply)
        })
    }
}

async fn write(connection: &mut Connection, at: Place<'_>) -> Result<Reply, WireError> {
    let written = connection.write_and_wait(at, &[[]], ACKS_ALL, ACKNOWLEDGED_WITHIN, PATIENCE);
    written.await.map(|_| Reply::Written)
}

async fn read(connection: &mut Connection, at: Place<'_>) -> Result<Reply, WireError> {
    let Fetched { high_watermark, .. } = connection.fetch(at, READ_BYTES, PATIENCE).await?;
    Ok(Reply::Read(high_watermark))
}

fn late() -> WireError {
    WireError::Timeout(ATTEMPT_WITHIN.as_millis())
}
