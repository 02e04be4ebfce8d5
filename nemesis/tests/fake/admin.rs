//! The administration of a cluster that is nothing but state: what is asked for is so at once, unless it is told to
//! be otherwise.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};

use anyhow::{Result, bail};
use async_trait::async_trait;
use cluster::{
    Admin, DeleteError, Elected, Election, NewTopic, PartitionView, Reassignment, RegisteredBroker,
    TopicPartition, Voters,
};
use history::{NodeId, Offset, Quorum, QuorumReplica};

use super::{Journal, partition};

type Topics = BTreeMap<String, BTreeMap<u32, PartitionView>>;

/// Two partitions of the topic `log`, led by nodes 2 and 3.
pub struct FakeAdmin {
    journal: Journal,
    topics: Mutex<Topics>,
    settings: Mutex<BTreeMap<String, String>>,
    /// Where the log of every partition begins.
    start: AtomicI64,
    /// This node answers nobody who asks which brokers there are.
    pub silent: AtomicU64,
    /// The brokers that are registered, and whether each is fenced.
    brokers: Mutex<BTreeMap<NodeId, bool>>,
    voters: Mutex<Vec<NodeId>>,
    /// The active controller's term: the number of changes of the voters, and one.
    term: AtomicU64,
    /// A change of the voters is refused this many times.
    pub keeps_voters: AtomicU64,
    /// No election changes anything.
    pub elects_nobody: AtomicBool,
    /// A change of replicas takes this many questions for it.
    pub reassigns_slowly: AtomicU64,
    /// The same of those to node 4, asked for once there is one.
    pub moves_slowly: AtomicU64,
    /// Settings do not change.
    pub keeps_settings: AtomicBool,
    /// Deleting records is refused this many times, …
    pub refuses_to_delete: AtomicU64,
    /// … and then of unknown outcome this many times.
    pub forgets_deletions: AtomicU64,
}

impl FakeAdmin {
    pub fn new(journal: Journal, nodes: NodeId) -> Self {
        let log = [(0, partition(2, vec![1, 2, 3])), (1, partition(3, vec![1, 2, 3]))];
        let settings = [
            ("min.insync.replicas", "2"),
            ("unclean.leader.election.enable", "false"),
        ];
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            journal,
            topics: Mutex::new([("log".to_owned(), log.into())].into()),
            settings: Mutex::new(settings.map(own).into()),
            start: AtomicI64::default(),
            silent: AtomicU64::default(),
            brokers: Mutex::new((1..=nodes).map(|node| (node, false)).collect()),
            voters: Mutex::new((1..=nodes).collect()),
            term: AtomicU64::new(1),
            keeps_voters: AtomicU64::default(),
            elects_nobody: AtomicBool::default(),
            reassigns_slowly: AtomicU64::default(),
            moves_slowly: AtomicU64::default(),
            keeps_settings: AtomicBool::default(),
            refuses_to_delete: AtomicU64::default(),
            forgets_deletions: AtomicU64::default(),
        }
    }

    fn note(&self, text: String) {
        self.journal.lock().expect("the journal").push(text);
    }

    fn topics(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().expect("the topics")
    }

    /// Changes a partition of the topic `log`.
    pub fn set(&self, number: u32, view: PartitionView) {
        let mut topics = self.topics();
        topics.get_mut("log").expect("the topic").insert(number, view);
    }

    /// A topic of one partition beside the workload's.
    pub fn add_topic(&self, name: &str, replicas: &[NodeId]) {
        let view = PartitionView {
            replicas: replicas.to_vec(),
            ..partition(replicas[0], replicas.to_vec())
        };
        self.topics().insert(name.to_owned(), [(0, view)].into());
    }

    fn brokers(&self) -> MutexGuard<'_, BTreeMap<NodeId, bool>> {
        self.brokers.lock().expect("the brokers")
    }

    /// A broker's process has begun to serve.
    pub fn register(&self, node: NodeId) {
        self.brokers().insert(node, false);
    }

    /// A broker's process has ended.
    pub fn fence(&self, node: NodeId) {
        self.brokers().insert(node, true);
    }

    pub fn registered_now(&self) -> Vec<NodeId> {
        self.brokers().keys().copied().collect()
    }

    pub fn voters_now(&self) -> Vec<NodeId> {
        self.voters.lock().expect("the voters").clone()
    }

    /// The replicas of a partition of the topic `log`.
    pub fn replicas(&self, number: u32) -> Vec<NodeId> {
        self.topics()["log"][&number].replicas.clone()
    }

    pub fn setting(&self, name: &str) -> String {
        self.settings.lock().expect("the settings")[name].clone()
    }

    pub fn topic_names(&self) -> Vec<String> {
        self.topics().keys().cloned().collect()
    }
}

fn take_one(count: &AtomicU64) -> bool {
    let left = count.load(Relaxed);
    count.store(left.saturating_sub(1), Relaxed);
    left > 0
}

#[async_trait]
impl Admin for FakeAdmin {
    async fn partitions(&self, _: NodeId, topic: &str) -> Result<BTreeMap<u32, PartitionView>> {
        Ok(self.topics().get(topic).cloned().unwrap_or_default())
    }

    async fn all_partitions(&self, _: NodeId) -> Result<BTreeMap<TopicPartition, PartitionView>> {
        let mut all = BTreeMap::new();
        for (topic, partitions) in self.topics().iter() {
            for (number, view) in partitions {
                let at = TopicPartition {
                    topic: topic.clone(),
                    partition: *number,
                };
                all.insert(at, view.clone());
            }
        }
        Ok(all)
    }

    async fn registered(&self, node: NodeId) -> Result<Vec<RegisteredBroker>> {
        if self.silent.load(Relaxed) == u64::from(node) {
            bail!("ask node {node}: no answer");
        }
        let known = self.brokers();
        let known = known
            .iter()
            .map(|(&node, &fenced)| RegisteredBroker { node, fenced });
        Ok(known.collect())
    }

    async fn unregister(&self, node: NodeId) -> Result<()> {
        self.note(format!("unregister {node}"));
        self.brokers().remove(&node);
        Ok(())
    }

    async fn elect(&self, election: Election, partitions: &[TopicPartition]) -> Result<Vec<Elected>> {
        let mut outcomes = Vec::new();
        for at in partitions {
            self.note(format!("elect {election:?} {at}"));
            let mut topics = self.topics();
            let view = topics
                .get_mut(&at.topic)
                .and_then(|topic| topic.get_mut(&at.partition));
            let Some(view) = view else {
                bail!("there is no {at}")
            };
            let next = match election {
                Election::Preferred => view.replicas.first().filter(|node| view.isr.contains(node)),
                Election::Unclean if view.leader.is_some() => None,
                Election::Unclean => view.replicas.iter().find(|node| !view.isr.contains(node)),
            };
            let next = next.copied().filter(|node| Some(*node) != view.leader);
            let Some(next) = next.filter(|_| !self.elects_nobody.load(Relaxed)) else {
                outcomes.push(Elected::NotNeeded);
                continue;
            };
            view.leader = Some(next);
            view.epoch += 1;
            if election == Election::Unclean {
                view.isr = vec![next];
            }
            outcomes.push(Elected::Yes);
        }
        Ok(outcomes)
    }

    async fn reassign(&self, moves: &[(TopicPartition, Vec<NodeId>)]) -> Result<()> {
        for (at, replicas) in moves {
            self.note(format!("reassign {at} to {replicas:?}"));
            let mut topics = self.topics();
            let view = topics
                .get_mut(&at.topic)
                .and_then(|topic| topic.get_mut(&at.partition));
            let Some(view) = view else {
                bail!("there is no {at}")
            };
            view.replicas.clone_from(replicas);
            view.isr.clone_from(replicas);
            if view.leader.is_none_or(|leader| !replicas.contains(&leader)) {
                view.leader = replicas.first().copied();
                view.epoch += 1;
            }
        }
        Ok(())
    }

    async fn cancel_reassignments(&self, _: &[TopicPartition]) -> Result<()> {
        unreachable!("a nemesis gives the old replicas instead")
    }

    async fn reassignments(&self) -> Result<Vec<Reassignment>> {
        let moves = self.replicas(0).contains(&4);
        let slow = if moves {
            &self.moves_slowly
        } else {
            &self.reassigns_slowly
        };
        let under_way = take_one(slow).then(|| Reassignment {
            partition: TopicPartition {
                topic: "log".to_owned(),
                partition: 0,
            },
            replicas: vec![1, 2, 3],
            adding: moves.then_some(4).into_iter().collect(),
            removing: vec![3],
        });
        Ok(under_way.into_iter().collect())
    }

    async fn topic_config(
        &self,
        _: NodeId,
        _: &str,
        names: &[&str],
    ) -> Result<BTreeMap<String, Option<String>>> {
        let settings = self.settings.lock().expect("the settings");
        let own = |name: &&str| ((*name).to_owned(), settings.get(*name).cloned());
        Ok(names.iter().map(own).collect())
    }

    async fn set_topic_config(&self, topic: &str, name: &str, value: Option<&str>) -> Result<()> {
        let value = value.expect("a nemesis sets values");
        self.note(format!("set {name} of {topic} to {value}"));
        if !self.keeps_settings.load(Relaxed) {
            let mut settings = self.settings.lock().expect("the settings");
            settings.insert(name.to_owned(), value.to_owned());
        }
        Ok(())
    }

    async fn create_partitions(&self, topic: &str, total: u32) -> Result<()> {
        self.note(format!("give {topic} {total} partitions"));
        let mut topics = self.topics();
        let topic = topics.get_mut(topic).expect("a topic of the run");
        for number in topic.len() as u32..total {
            topic.insert(number, partition(1, vec![1, 2, 3]));
        }
        Ok(())
    }

    async fn create_topics(&self, topics: &[NewTopic]) -> Result<()> {
        for topic in topics {
            self.note(format!("create {} x{}", topic.name, topic.replication_factor));
            let partitions = (0..topic.partitions).map(|number| (number, partition(1, vec![1, 2, 3])));
            self.topics().insert(topic.name.clone(), partitions.collect());
        }
        Ok(())
    }

    async fn delete_topics(&self, names: &[String]) -> Result<()> {
        self.note(format!("delete {}", names.join(" ")));
        self.topics().retain(|name, _| !names.contains(name));
        Ok(())
    }

    async fn log_range(&self, _: &TopicPartition) -> Result<(Offset, Offset)> {
        Ok((self.start.load(Relaxed), 101))
    }

    async fn delete_records(&self, at: &TopicPartition, below: Offset) -> Result<Offset, DeleteError> {
        self.note(format!("delete {at} below {below}"));
        if take_one(&self.refuses_to_delete) {
            return Err(DeleteError::Refused("out of range".to_owned()));
        }
        self.start.store(below, Relaxed);
        if take_one(&self.forgets_deletions) {
            return Err(DeleteError::Unknown("no answer".to_owned()));
        }
        Ok(below)
    }

    async fn quorum(&self) -> Result<Quorum> {
        let voters = self.voters_now();
        let voter = |node: &NodeId| QuorumReplica { node: *node, end: 7 };
        Ok(Quorum {
            leader: voters[0],
            epoch: self.term.load(Relaxed) as i32,
            high_watermark: 7,
            voters: voters.iter().map(voter).collect(),
        })
    }
}

#[async_trait]
impl Voters for FakeAdmin {
    async fn remove(&self, node: NodeId) -> Result<()> {
        self.note(format!("remove voter {node}"));
        if take_one(&self.keeps_voters) {
            bail!("the leader has committed nothing in its term");
        }
        self.voters
            .lock()
            .expect("the voters")
            .retain(|voter| *voter != node);
        self.term.fetch_add(1, Relaxed);
        Ok(())
    }

    async fn add(&self, node: NodeId) -> Result<()> {
        self.note(format!("add voter {node}"));
        let mut voters = self.voters.lock().expect("the voters");
        voters.push(node);
        voters.sort_unstable();
        voters.dedup();
        self.term.fetch_add(1, Relaxed);
        Ok(())
    }
}
