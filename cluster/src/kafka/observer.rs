//! Asks every broker and every controller on its own, again and again, for what it believes.
//!
//! Each question to each node has a task and a connection of its own over the side channel, so that a node
//! that hangs delays nobody else. An answer goes into the history when it differs from the one before, and at
//! least once a second, so that the history stays small and belief over time can still be read from it.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use history::{Claim, Key, Probe, Quorum, Recorder, Silence, Topic, What};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use super::ask::{Metadata, PartitionState};
use super::node::Node;
use super::replica;
use super::view::Beliefs;
use super::wire::{Connection, WireError};
use crate::ClusterView;

/// How often each question is asked: more than ten times a second.
const PERIOD: Duration = Duration::from_millis(80);
/// An answer, and a connection where there is none, comes within this time.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);
/// An answer like the one before is recorded this long after it.
const REPEAT_AFTER_NANOS: u64 = 1_000_000_000;
/// Kafka's code for a controller that does not lead (`NOT_LEADER_OR_FOLLOWER`).
const NOT_LEADER: i16 = 6;

/// What is observed, and where it goes.
#[derive(Clone)]
pub(super) struct Observed {
    pub nodes: Vec<Arc<Node>>,
    pub topics: Vec<Topic>,
    pub recorder: Arc<dyn Recorder>,
    pub view: Arc<ClusterView>,
}

/// The observation of a cluster. Ends when it is dropped.
pub(super) struct Observer {
    _tasks: JoinSet<()>,
}

impl Observer {
    /// Begins to ask.
    pub(super) fn start(observed: Observed) -> Self {
        let beliefs = Arc::new(Beliefs::new(Arc::clone(&observed.view)));
        let topics: Arc<[Topic]> = observed.topics.into();
        let mut tasks = JoinSet::new();
        for node in observed.nodes {
            for question in [Question::Metadata, Question::Quorum] {
                let asker = Asker {
                    node: Arc::clone(&node),
                    question,
                    topics: Arc::clone(&topics),
                    beliefs: Arc::clone(&beliefs),
                    recorder: Arc::clone(&observed.recorder),
                    connection: None,
                    recorded: None,
                };
                tasks.spawn(asker.run());
            }
        }
        Self { _tasks: tasks }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Metadata,
    Quorum,
}

impl Question {
    fn name(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Quorum => "quorum",
        }
    }

    fn address(self, node: &Node) -> SocketAddrV4 {
        match self {
            Self::Metadata => node.broker(),
            Self::Quorum => node.controller(),
        }
    }
}

/// One question to one node.
struct Asker {
    node: Arc<Node>,
    question: Question,
    topics: Arc<[Topic]>,
    beliefs: Arc<Beliefs>,
    recorder: Arc<dyn Recorder>,
    /// The connection, and which process of the node it was made to.
    connection: Option<(Connection, u32)>,
    recorded: Option<Recorded>,
}

/// The answer that is in the history.
struct Recorded {
    incarnation: u32,
    time: u64,
    answer: Probe,
}

impl Asker {
    async fn run(mut self) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let asked = self.recorder.now();
            let before = self.node.life().incarnation;
            let (incarnation, answer) = match self.ask().await {
                Ok((answer, incarnation)) => (incarnation, answer),
                Err(error) => {
                    self.connection = None;
                    let asked_for = self.question.name().to_owned();
                    (
                        before,
                        Probe::Silent(Silence {
                            asked_for,
                            reason: error.to_string(),
                        }),
                    )
                }
            };
            self.record(asked, incarnation, answer);
        }
    }

    async fn ask(&mut self) -> Result<(Probe, u32), WireError> {
        let deadline = Instant::now() + ANSWER_WITHIN;
        let (mut connection, incarnation) = match self.connection.take() {
            Some(open) => open,
            None => self.connect().await?,
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let answer = match self.question {
            Question::Metadata => connection
                .metadata(&self.topics, left)
                .await
                .map(|said| self.heard(&said)),
            Question::Quorum => self.heard_quorum(connection.quorum(left).await),
        };
        let answer = answer.map_err(|error| match error {
            // What was left of the deadline would say less than the deadline.
            WireError::Timeout(_) => WireError::Timeout(ANSWER_WITHIN.as_millis()),
            other => other,
        })?;
        self.connection = Some((connection, incarnation));
        Ok((answer, incarnation))
    }

    /// A connection, and the process that accepted it: no other can have been started meanwhile.
    async fn connect(&self) -> Result<(Connection, u32), WireError> {
        let before = self.node.life().incarnation;
        let connection = Connection::open(self.question.address(&self.node), ANSWER_WITHIN).await?;
        let after = self.node.life().incarnation;
        if before != after {
            return Err(WireError::Network("the broker was started anew".to_owned()));
        }
        Ok((connection, after))
    }

    fn heard(&self, said: &Metadata) -> Probe {
        let known: BTreeMap<Key, PartitionState> = replica::keys(&self.topics)
            .filter_map(|(key, topic, partition)| {
                let state = said.topics.get(&topic.name)?.partitions.get(&partition)?;
                Some((key, state.clone()))
            })
            .collect();
        let claims = known.iter().map(|(key, state)| Claim {
            key: *key,
            leader: state.leader,
            epoch: state.epoch,
            isr: state.isr.clone(),
        });
        let probe = Probe::Metadata(history::Metadata {
            claims: claims.collect(),
        });
        self.beliefs
            .hear(self.node.id(), known, std::time::Instant::now());
        probe
    }

    fn heard_quorum(&self, said: Result<Quorum, WireError>) -> Result<Probe, WireError> {
        match said {
            Ok(quorum) => {
                self.beliefs.hear_controller(quorum.leader, quorum.epoch);
                Ok(Probe::Quorum(quorum))
            }
            Err(error) if error.code() == Some(NOT_LEADER) => Ok(Probe::NotLeader),
            Err(error) => Err(error),
        }
    }

    fn record(&mut self, asked: u64, incarnation: u32, answer: Probe) {
        if !is_news(self.recorded.as_ref(), self.recorder.now(), incarnation, &answer) {
            return;
        }
        let observed = history::Observed {
            node: self.node.id(),
            incarnation,
            asked,
            answer: answer.clone(),
        };
        let time = self.recorder.record(What::Observed(observed));
        self.recorded = Some(Recorded {
            incarnation,
            time,
            answer,
        });
    }
}

fn is_news(recorded: Option<&Recorded>, now: u64, incarnation: u32, answer: &Probe) -> bool {
    recorded.is_none_or(|last| {
        last.incarnation != incarnation
            || now.saturating_sub(last.time) >= REPEAT_AFTER_NANOS
            || !says_the_same(&last.answer, answer)
    })
}

/// Whether two answers say the same: ends of logs always grow, and silence is silence.
fn says_the_same(one: &Probe, other: &Probe) -> bool {
    match (one, other) {
        (Probe::Quorum(one), Probe::Quorum(other)) => {
            let voters = |quorum: &Quorum| quorum.voters.iter().map(|voter| voter.node).collect::<Vec<_>>();
            (one.leader, one.epoch, voters(one)) == (other.leader, other.epoch, voters(other))
        }
        (Probe::Silent(_), Probe::Silent(_)) => true,
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use history::QuorumReplica;

    use super::*;

    fn quorum(epoch: i32, end: i64) -> Probe {
        let voters = vec![QuorumReplica { node: 1, end }];
        Probe::Quorum(Quorum {
            leader: 1,
            epoch,
            high_watermark: end,
            voters,
        })
    }

    fn metadata(leader: u32) -> Probe {
        let claim = Claim {
            key: 0,
            leader: Some(leader),
            epoch: 1,
            isr: vec![1, 2],
        };
        Probe::Metadata(history::Metadata { claims: vec![claim] })
    }

    fn silent(reason: &str) -> Probe {
        Probe::Silent(Silence {
            asked_for: "quorum".to_owned(),
            reason: reason.to_owned(),
        })
    }

    fn check(last: Probe, after_ms: u64, incarnation: u32, answer: &Probe, news: bool) {
        let last = Recorded {
            incarnation: 1,
            time: 5_000_000_000,
            answer: last,
        };
        let now = last.time + after_ms * 1_000_000;
        assert_eq!(
            is_news(Some(&last), now, incarnation, answer),
            news,
            "{answer:?} after {after_ms} ms"
        );
    }

    #[test]
    fn what_differs_is_news() {
        assert!(is_news(None, 0, 0, &Probe::NotLeader));
        check(metadata(1), 80, 1, &metadata(2), true);
        check(metadata(1), 80, 1, &metadata(1), false);
        check(quorum(3, 10), 80, 1, &quorum(4, 10), true);
        check(quorum(3, 10), 80, 1, &quorum(3, 99), false);
        check(quorum(3, 10), 80, 1, &Probe::NotLeader, true);
        check(Probe::NotLeader, 80, 1, &silent("connection refused"), true);
        check(
            silent("connection refused"),
            80,
            1,
            &silent("no answer in 500 ms"),
            false,
        );
        check(silent("connection refused"), 80, 1, &metadata(1), true);
    }

    #[test]
    fn another_process_or_another_second_is_news() {
        check(metadata(1), 80, 2, &metadata(1), true);
        check(metadata(1), 999, 1, &metadata(1), false);
        check(metadata(1), 1000, 1, &metadata(1), true);
        check(silent("a"), 1000, 1, &silent("b"), true);
    }
}
