//! What a plan can set of the `sim` workload.

use anyhow::{Result, bail};
use async_trait::async_trait;
use history::Span;
use serde::{Deserialize, Serialize};

use super::config::{ClientsConfig, nanoseconds};
use crate::arena::{Arena, Invalid, Promises, Running, Workload};
use crate::log::Acks;
use cluster::sim::MILLISECOND;

/// The settings of the `sim` workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SimConfig {
    /// How many clients; each sends and polls.
    pub clients: u32,
    /// Operations a second that all clients together begin.
    pub rate: u32,
    /// Who must have a record before it is acknowledged.
    pub acks: Acks,
    /// Whether the broker drops what a retry writes twice.
    pub idempotence: bool,
    /// Whether they work in transactions.
    pub transactions: bool,
    /// The most steps of a transaction.
    pub steps_max: u32,
    /// Of a thousand transactions, those that are aborted on purpose.
    pub abort_per_mille: u32,
    /// Whether they join a group; else they name their partitions.
    pub subscribe: bool,
    /// Of a thousand operations, those that change what a client reads.
    pub assign_per_mille: u32,
    /// How long a node may take to answer.
    pub request_timeout: Span,
    /// How long a client goes on trying to write.
    pub deadline: Span,
    /// How many records a poll returns at most, of each partition.
    pub poll_records: u32,
    /// The mean time between crashes of each client; without it none crashes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crash_every: Option<Span>,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            clients: 8,
            rate: 200,
            acks: Acks::All,
            idempotence: true,
            transactions: false,
            steps_max: 4,
            abort_per_mille: 100,
            subscribe: false,
            assign_per_mille: 20,
            request_timeout: Span::from_millis(1_500),
            deadline: Span::from_secs(5),
            poll_records: 100,
            crash_every: None,
        }
    }
}

impl From<&SimConfig> for ClientsConfig {
    fn from(plan: &SimConfig) -> Self {
        Self {
            producers: 0,
            consumers: 0,
            mixed: plan.clients,
            gap: 1_000 * MILLISECOND * u64::from(plan.clients) / u64::from(plan.rate.max(1)),
            operations: u64::MAX,
            acks: plan.acks,
            idempotence: plan.idempotence,
            transactions: plan.transactions,
            steps_max: plan.steps_max,
            subscribe: plan.subscribe,
            abort_per_mille: plan.abort_per_mille,
            assign_per_mille: plan.assign_per_mille,
            crash_every: plan.crash_every.map(nanoseconds),
            request_timeout: nanoseconds(plan.request_timeout),
            deadline: nanoseconds(plan.deadline),
            metadata_every: 1_000 * MILLISECOND,
            poll_records: plan.poll_records,
            ..Self::default()
        }
    }
}

#[async_trait]
impl Workload for SimConfig {
    fn validate(&self) -> Vec<Invalid> {
        let mut found = Vec::new();
        let mut say = |field: &str, reason: String| {
            found.push(Invalid {
                path: vec![field.to_owned()],
                reason,
            });
        };
        for (field, value, least, most) in [
            ("clients", self.clients, 1, 1_000),
            ("rate", self.rate, 1, 100_000),
            ("steps-max", self.steps_max, 1, 100),
            ("abort-per-mille", self.abort_per_mille, 0, 1_000),
            ("assign-per-mille", self.assign_per_mille, 0, 1_000),
            ("poll-records", self.poll_records, 1, 10_000),
        ] {
            if !(least..=most).contains(&value) {
                say(field, format!("{value} is out of range: give {least} to {most}"));
            }
        }
        if self.deadline <= self.request_timeout {
            let (deadline, timeout) = (self.deadline, self.request_timeout);
            let reason = format!("{deadline} is no more than the request-timeout of {timeout}: give it more");
            say("deadline", reason);
        }
        let numbered = self.idempotence || self.transactions;
        if numbered && self.acks != Acks::All {
            let acks = self.acks.word();
            let reason =
                format!("idempotence and transactions need acks = \"all\", and these have acks = \"{acks}\"");
            say("acks", reason);
        }
        found
    }

    fn simulated(&self) -> Option<ClientsConfig> {
        Some(ClientsConfig::from(self))
    }

    fn transaction_timeout(&self) -> Option<Span> {
        self.transactions.then(|| super::transaction_limits().timeout)
    }

    fn promises(&self) -> Promises {
        ClientsConfig::from(self).promises()
    }

    async fn start(&self, _arena: Arena) -> Result<Box<dyn Running>> {
        bail!("the workload `sim` has clients of the simulated broker alone: set broker = \"sim\"")
    }
}
