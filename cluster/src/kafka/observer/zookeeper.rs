//! What a node of `ZooKeeper` holds of Kafka's: the controller and its term, the brokers' sessions, and who leads which partition. All
//! of it is read, nothing watched, so that a node that hangs is seen to.

use std::sync::Arc;

use async_trait::async_trait;
use history::{Probe, Session, Topic, ZooKeeper};
use tokio::time::Instant;

use super::line::left;
use super::{Answer, Question};
use crate::kafka::node::Node;
use crate::kafka::view::Beliefs;
use crate::kafka::wire::WireError;
use crate::kafka::zookeeper::{Client, Standing, State, standing};

pub(super) struct Ask {
    node: Arc<Node>,
    topics: Arc<[Topic]>,
    beliefs: Arc<Beliefs>,
    open: Option<Open>,
}

/// A session with a process of the node. A node that gets another standing drops the sessions that it has, so one standing is
/// that of the whole session.
struct Open {
    client: Client,
    incarnation: u32,
    standing: Standing,
}

impl Ask {
    pub(super) fn new(node: &Arc<Node>, topics: &Arc<[Topic]>, beliefs: &Arc<Beliefs>) -> Self {
        Self {
            node: Arc::clone(node),
            topics: Arc::clone(topics),
            beliefs: Arc::clone(beliefs),
            open: None,
        }
    }

    async fn connect(&self, by: Instant) -> Result<Open, WireError> {
        let before = self.node.life().incarnation;
        let client = Client::open(self.node.zookeeper(), left(by)).await?;
        let standing = standing(self.node.zookeeper(), left(by)).await?;
        let incarnation = self.node.life().incarnation;
        if before != incarnation {
            return Err(WireError::Network("ZooKeeper was started anew".to_owned()));
        }
        Ok(Open {
            client,
            incarnation,
            standing,
        })
    }

    async fn hear(&mut self, by: Instant) -> Result<(Open, State), WireError> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.connect(by).await?,
        };
        let state = State::ask(&mut open.client, &self.topics, left(by)).await?;
        Ok((open, state))
    }
}

#[async_trait]
impl Question for Ask {
    fn name(&self) -> &'static str {
        "zookeeper"
    }

    async fn ask(&mut self, by: Instant) -> Result<Option<Answer>, WireError> {
        let node = self.node.id();
        let (open, state) = match self.hear(by).await {
            Ok(heard) => heard,
            Err(error) => {
                self.beliefs.hear_zookeeper(node, None);
                return Err(error);
            }
        };
        let leads = open.standing != Standing::Follower;
        let incarnation = open.incarnation;
        self.open = Some(open);
        self.beliefs.hear_zookeeper(node, Some(leads));
        // One that follows may be behind.
        if leads {
            self.beliefs.hear_sessions(&state.sessions);
        }
        self.beliefs.hear_claims(&state.claims);
        if let Some((controller, epoch)) = state.controller {
            self.beliefs.hear_elected(controller, epoch);
        }
        let sessions = state.sessions.into_iter();
        let said = Probe::ZooKeeper(ZooKeeper {
            leads,
            controller: state.controller.map(|(node, _)| node),
            epoch: state.controller.map(|(_, epoch)| epoch),
            sessions: sessions
                .map(|(node, session)| Session { node, session })
                .collect(),
            claims: state.claims,
        });
        Ok(Some(Answer { incarnation, said }))
    }
}
