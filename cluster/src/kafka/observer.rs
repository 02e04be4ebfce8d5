//! Asks every broker, every controller and every node of `ZooKeeper` on its own, again and again, for what it believes and what it serves.
//!
//! Each question to each node has a task and a connection of its own over the side channel, so that a node
//! that hangs delays nobody else. An answer goes into the history when it differs from the one before, and at
//! least once a second, so that the history stays small and belief over time can still be read from it.
//!
//! Adding a question: a file, and a word in [`questions`].

mod line;
mod metadata;
mod metrics;
mod news;
mod own;
mod partitions;
mod quorum;
mod served;
mod stands;
mod zookeeper;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use history::{NodeId, Probe, Recorder, Silence, Topic, What};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use self::line::Line;
use self::news::{Recorded, is_news};
use self::own::{Newest, Own};
use super::config::Role;
use super::node::Node;
use super::view::Beliefs;
use super::wire::WireError;
use crate::ClusterView;

/// How often each question is asked: more than ten times a second, but for what costs most, see [`served`].
const PERIOD: Duration = Duration::from_millis(95);
/// An answer, and a connection where there is none, comes within this time.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// What is observed, and where it goes.
#[derive(Clone)]
pub(super) struct Observed {
    pub nodes: Vec<Arc<Node>>,
    pub topics: Vec<Topic>,
    pub recorder: Arc<dyn Recorder>,
    pub view: Arc<ClusterView>,
    /// Whether the brokers tell their own metrics.
    pub metrics: bool,
    /// Whether there is a topic of ours on which it is tried out what a deposed leader serves.
    pub tries_deposed: bool,
}

/// The observation of a cluster. Ends when it is dropped.
pub(super) struct Observer {
    _tasks: JoinSet<()>,
}

impl Observer {
    /// Begins to ask.
    pub(super) fn start(observed: Observed) -> Self {
        let beliefs = Beliefs::new(Arc::clone(&observed.view)).taken_over_by(take_over(&observed.nodes));
        let beliefs = Arc::new(beliefs);
        let topics: Arc<[Topic]> = observed.topics.into();
        let newest = Newest::default();
        let mut tasks = JoinSet::new();
        let (begun, count) = (Instant::now(), observed.nodes.len().max(1) as u32);
        for (turn, node) in (0..).zip(observed.nodes) {
            // All questions to one node at one time, so that it wakes up once for them; one node after the other.
            let first = begun + PERIOD * turn / count;
            let tried = (observed.metrics, observed.tries_deposed);
            let questions = questions(&node, &topics, &beliefs, &newest, tried);
            for question in questions {
                let asker = Asker {
                    node: Arc::clone(&node),
                    question,
                    recorder: Arc::clone(&observed.recorder),
                    recorded: None,
                };
                tasks.spawn(asker.run(first));
            }
        }
        Self { _tasks: tasks }
    }
}

/// The controllers that take over from `ZooKeeper`, where there is one to take over from.
fn take_over(nodes: &[Arc<Node>]) -> Vec<NodeId> {
    let of = |role: Role| nodes.iter().filter(move |node| node.role == role);
    if of(Role::ZooKeeper).next().is_none() {
        return Vec::new();
    }
    of(Role::Controller).map(|node| node.id()).collect()
}

/// All questions to one node: as to what it is.
fn questions(
    node: &Arc<Node>,
    topics: &Arc<[Topic]>,
    beliefs: &Arc<Beliefs>,
    newest: &Newest,
    (metrics, tries_deposed): (bool, bool),
) -> Vec<Box<dyn Question>> {
    let mut questions: Vec<Box<dyn Question>> = Vec::new();
    if node.role.is_broker() {
        let broker = || Line::new(node, node.broker());
        let own = Own::new(newest);
        questions.push(Box::new(metadata::Ask::new(broker(), topics, beliefs, &own)));
        questions.push(Box::new(partitions::Ask::new(broker(), topics)));
        questions.push(Box::new(stands::Ask::new(broker(), topics, &own)));
        if tries_deposed {
            questions.push(Box::new(served::Ask::new(broker(), &own)));
        }
    }
    if node.role.is_controller() {
        let controller = Line::new(node, node.controller());
        questions.push(Box::new(quorum::Ask::new(controller, beliefs)));
    }
    if node.role == Role::ZooKeeper {
        questions.push(Box::new(zookeeper::Ask::new(node, topics, beliefs)));
    } else if metrics {
        questions.push(Box::new(metrics::Ask::new(node)));
    }
    questions
}

/// A question that one node is asked again and again.
#[async_trait]
trait Question: Send {
    /// Its name, by which a silence is recorded ([`Silence::asked_for`]).
    fn name(&self) -> &'static str;

    /// Asks once, until a time. `None`: this node is not asked that, or not now.
    ///
    /// # Errors
    /// There is no answer, which is what is recorded then. The next attempt begins afresh.
    async fn ask(&mut self, by: Instant) -> Result<Option<Answer>, WireError>;

    /// How long to wait before it is asked again, where an attempt went wrong that had better not be followed soon by the
    /// next.
    fn pause(&self) -> Duration {
        Duration::ZERO
    }
}

/// What a process of a node said.
struct Answer {
    incarnation: u32,
    said: Probe,
}

/// One question to one node, and what is in the history of it.
struct Asker {
    node: Arc<Node>,
    question: Box<dyn Question>,
    recorder: Arc<dyn Recorder>,
    recorded: Option<Recorded>,
}

impl Asker {
    async fn run(mut self, first: Instant) {
        let mut ticks = tokio::time::interval_at(first, PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            let asked = self.recorder.now();
            // A controller that is to take over from ZooKeeper has nothing to say before it is started, and its silence says nothing.
            if self.node.never_ran() {
                continue;
            }
            let before = self.node.life().incarnation;
            match self.question.ask(Instant::now() + ANSWER_WITHIN).await {
                Ok(Some(answer)) => self.record(asked, answer),
                Ok(None) => {}
                Err(error) => {
                    let silence = Silence {
                        asked_for: self.question.name().to_owned(),
                        reason: in_whole(error).to_string(),
                    };
                    let said = Probe::Silent(silence);
                    self.record(
                        asked,
                        Answer {
                            incarnation: before,
                            said,
                        },
                    );
                }
            }
            tokio::time::sleep(self.question.pause()).await;
        }
    }

    fn record(&mut self, asked: u64, answer: Answer) {
        let Answer { incarnation, said } = answer;
        if !is_news(self.recorded.as_ref(), self.recorder.now(), incarnation, &said) {
            return;
        }
        let observed = history::Observed {
            node: self.node.id(),
            incarnation,
            asked,
            answer: said.clone(),
        };
        let time = self.recorder.record(What::Observed(observed));
        self.recorded = Some(Recorded {
            incarnation,
            time,
            answer: said,
        });
    }
}

/// What was left of the deadline would say less than the deadline.
fn in_whole(error: WireError) -> WireError {
    match error {
        WireError::Timeout(_) => WireError::Timeout(ANSWER_WITHIN.as_millis()),
        other => other,
    }
}
