//! Takes hold of a cluster that somebody else runs.

use std::sync::Arc;

use history::{Recorder, Topic};

use super::attached::AttachedEnvironment;
use super::cluster::KafkaCluster;
use super::launch::LaunchTimes;
use super::node::Node;
use super::observer::Observed;
use crate::{ClusterView, Environment as _};

impl KafkaCluster {
    /// Begins to observe the brokers of a cluster that runs already. Its controllers cannot be asked on ports of their own, its
    /// disks and logs cannot be read, and its nodes can be neither started nor ended.
    pub fn attach(
        environment: Arc<AttachedEnvironment>,
        topics: Vec<Topic>,
        recorder: Arc<dyn Recorder>,
    ) -> Self {
        let machines = environment.machines().iter();
        let nodes =
            machines.map(|machine| Arc::new(Node::of_others(Arc::clone(machine), Arc::clone(&recorder))));
        let observed = Observed {
            nodes: nodes.collect(),
            topics,
            recorder,
            view: Arc::new(ClusterView::default()),
            metrics: false,
            tries_deposed: false,
        };
        Self::observe(environment, observed, None, LaunchTimes::default())
    }
}
