//! What a plan says of a cluster that somebody else runs, and what may be done to it.

use cluster::Attachment;
use cluster::kafka::attached::prefix;
use history::NodeId;
use nemesis::{Members, Power};
use serde::{Deserialize, Serialize};

use super::{DiskChoice, MetricsChoice, Plan, Resolved, Shape};

/// What is allowed in a cluster of somebody else's. Means nothing anywhere else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct AttachedPlan {
    /// The cluster that `destructive` is for, by its own name for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
    /// The faults of administration that may be injected, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// Those that can lose records, which no command line allows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destructive: Vec<String>,
    /// The numbers of the brokers that were found. Written into a resolved plan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub brokers: Vec<NodeId>,
}

/// Where a plan is to be run.
#[derive(Clone, Debug, Default)]
pub enum Whereabouts {
    /// Where it says itself: a resolved plan knows.
    #[default]
    AsWritten,
    /// On machines of ours.
    Ours,
    /// On that cluster, with these faults allowed on the command line.
    Others(Box<Attachment>, Vec<String>),
}

impl Plan {
    /// The numbers of the brokers, in order.
    pub fn brokers(&self) -> Vec<NodeId> {
        if self.attached.brokers.is_empty() {
            (1..=self.nodes).collect()
        } else {
            self.attached.brokers.clone()
        }
    }

    /// The nodes by what they are: the brokers first, then the others, numbered on.
    pub fn members(&self) -> Members {
        let mut others = self.nodes + 1..;
        let mut next = |count: u32| others.by_ref().take(count as usize).collect();
        Members {
            brokers: self.brokers(),
            controllers: next(self.own_controllers()),
            zookeepers: next(self.own_zookeepers()),
        }
    }

    /// Whether the cluster is somebody else's.
    pub fn is_attached(&self) -> bool {
        !self.attached.brokers.is_empty()
    }

    /// Makes it a plan for there.
    pub(super) fn put(&mut self, whereabouts: &Whereabouts) {
        match whereabouts {
            Whereabouts::AsWritten => {}
            Whereabouts::Ours => self.attached.brokers.clear(),
            Whereabouts::Others(attachment, allowed) => {
                self.attached.brokers = attachment.brokers.iter().map(|remote| remote.node).collect();
                self.nodes = self.attached.brokers.len() as u32;
                self.attached.allow.extend(allowed.iter().cloned());
                self.attached.allow.sort_unstable();
                self.attached.allow.dedup();
                // What is whose: nothing of these can be chosen there.
                self.shape = Shape::Combined;
                (self.controllers, self.zookeepers) = (None, None);
                self.timeouts = cluster::kafka::Timeouts::Default;
                self.metrics = MetricsChoice::Off;
                self.disk = DiskChoice::Never;
            }
        }
    }

    /// Gives its topics the prefix of its run, where others have topics too.
    pub(super) fn prefix_topics(&mut self, seed: u64) {
        if !self.is_attached() {
            return;
        }
        let prefix = prefix(seed);
        for topic in &mut self.topics {
            if !topic.name.starts_with(&prefix) {
                topic.name.insert_str(0, &prefix);
            }
        }
    }

    /// What it says of brokers that are not its own to configure.
    pub fn says_in_vain(&self) -> Vec<&'static str> {
        let said = [
            ("versions", !self.versions.is_empty()),
            ("features", !self.features.is_empty()),
            ("properties", !self.properties.is_empty()),
            ("jvm", !self.jvm.is_empty()),
            ("node", !self.node.is_empty()),
        ];
        said.iter()
            .filter(|(_, said)| *said)
            .map(|(name, _)| *name)
            .collect()
    }
}

/// Refuses a plan that would do to somebody else's cluster what nobody allowed.
///
/// # Errors
/// Names every fault in question, and where it is to be allowed.
pub fn check_allowed(resolved: &Resolved, attachment: &Attachment) -> anyhow::Result<()> {
    let said = &resolved.plan.attached;
    let known = |name: &String| nemesis::FAULTS.iter().any(|fault| fault.name == *name);
    if let Some(unknown) = said
        .allow
        .iter()
        .chain(&said.destructive)
        .find(|name| !known(name))
    {
        anyhow::bail!("allow `{unknown}`: there is no such fault; `tribunal list faults` names them");
    }
    let (mut ask, mut destroy) = (Vec::new(), Vec::new());
    for step in &resolved.steps {
        let (name, kind) = (step.fault.name(), step.fault.kind());
        // What needs more than administration is skipped by name: it cannot be done there at all.
        if kind.needs() != [Power::Admin] {
            continue;
        }
        let (list, wanted) = if kind.is_destructive() {
            (&said.destructive, &mut destroy)
        } else {
            (&said.allow, &mut ask)
        };
        if !list.iter().any(|allowed| allowed == name) && !wanted.contains(&name) {
            wanted.push(name);
        }
    }
    let id = &attachment.cluster_id;
    if !destroy.is_empty() {
        let names: Vec<String> = destroy.iter().map(|name| format!("\"{name}\"")).collect();
        anyhow::bail!(
            "the plan asks for {}, which can lose records of a cluster that is not Tribunal's: only the plan itself allows that, \
             with\n[attached]\ncluster-id = \"{id}\"\ndestructive = [{}]",
            destroy.join(", "),
            names.join(", ")
        );
    }
    if !said.destructive.is_empty() && said.cluster_id.as_ref() != Some(id) {
        let written = said.cluster_id.as_deref().unwrap_or("none");
        anyhow::bail!(
            "the plan allows {} for the cluster-id {written}, and this is the cluster {id}: nothing was done to it",
            said.destructive.join(", ")
        );
    }
    anyhow::ensure!(
        ask.is_empty(),
        "the plan asks for {0}, and this cluster is not Tribunal's: allow it with --allow {1}",
        ask.join(", "),
        ask.join(",")
    );
    Ok(())
}
