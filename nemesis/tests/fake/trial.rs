//! A schedule carried out against a fake cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster::Cluster;
use history::{Deletion, DeletionStep, Fault, FaultStep, MemoryRecorder, NodeId, Recorder, Topic, What};
use nemesis::{FaultLimits, InForce, Nemesis, Step, Tally};
use tokio_util::sync::CancellationToken;

use super::FakeCluster;

/// A schedule carried out against a fake cluster.
pub struct Trial {
    pub cluster: Arc<FakeCluster>,
    pub recorder: Arc<MemoryRecorder>,
    pub in_force: InForce,
    pub stop: CancellationToken,
    nemesis: Nemesis,
}

impl Trial {
    pub fn new(cluster: FakeCluster) -> Self {
        let cluster = Arc::new(cluster);
        let recorder = Arc::new(MemoryRecorder::default());
        let topics = [Topic {
            name: "log".to_owned(),
            partitions: 2,
            replication_factor: 3,
            min_insync_replicas: 2,
            unclean_election: false,
            config: BTreeMap::new(),
        }];
        let nemesis = Nemesis::new(cluster.clone(), &topics, recorder.clone() as Arc<dyn Recorder>);
        Self {
            cluster,
            recorder,
            in_force: nemesis.in_force(),
            stop: CancellationToken::new(),
            nemesis,
        }
    }

    /// The same, kept to limits.
    pub fn within(mut self, limits: FaultLimits) -> Self {
        self.nemesis = self.nemesis.within(limits);
        self
    }

    /// Runs the steps of a plan, and gives what was done, what was recorded and the count.
    pub async fn run(self, plan: &str) -> (Vec<String>, Vec<String>, Tally) {
        let nodes = (self.cluster.as_ref() as &dyn Cluster).nodes();
        let tally = self.nemesis.run(steps_for(plan, &nodes), self.stop).await;
        let recorded = self.recorder.events().into_iter().map(|event| match event.what {
            What::Fault(fault) => line(&fault),
            What::Deletion(deletion) => deletion_line(&deletion),
            other => panic!("no fault: {other:?}"),
        });
        (self.cluster.journal(), recorded.collect(), tally)
    }
}

/// The resolved steps of a plan's `steps = […]`.
pub fn steps(plan: &str) -> Vec<Step> {
    steps_for(plan, &[1, 2, 3])
}

pub(super) fn steps_for(plan: &str, nodes: &[NodeId]) -> Vec<Step> {
    let config: nemesis::NemesisConfig = toml::from_str(plan).expect("a plan");
    config.resolve(1, nodes, 2).expect("steps that fit the cluster")
}

/// A deletion's event as one line: `deletion of 0 below 7: Asking`.
pub(super) fn deletion_line(deletion: &Deletion) -> String {
    let step = match &deletion.step {
        DeletionStep::Asking => "asking".to_owned(),
        DeletionStep::Done { low_watermark } => format!("done, low watermark {low_watermark}"),
        DeletionStep::Refused { reason } => format!("refused: {reason}"),
        DeletionStep::Unknown { reason } => format!("unknown: {reason}"),
    };
    format!("deletion of {} below {}: {step}", deletion.key, deletion.below)
}

/// A fault's event as one line: `0 kill [2] injected`.
pub(super) fn line(fault: &Fault) -> String {
    let step = match &fault.step {
        FaultStep::Injecting => format!("injecting: {}", fault.detail),
        FaultStep::Injected => "injected".to_owned(),
        FaultStep::Healing => "healing".to_owned(),
        FaultStep::Healed { bit: true, evidence } => format!("bit: {evidence}"),
        FaultStep::Healed { bit: false, evidence } => format!("did not bite: {evidence}"),
        FaultStep::Skipped { reason } => format!("skipped: {}: {reason}", fault.detail),
        FaultStep::Failed { error } => format!("failed: {error}"),
    };
    format!("{} {} {:?} {step}", fault.id, fault.kind, fault.nodes)
}
