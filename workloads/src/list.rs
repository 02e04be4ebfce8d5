//! The list of workloads: each is one folder and one word here.

use crate::sim::ClientsConfig;
use anyhow::Result;
use history::{Expectation, Span};
use serde::{Deserialize, Serialize};

use crate::arena::{Arena, Invalid, LeastVersion, Promises, Running, Workload};

/// A workload that can be asked for, for `tribunal list`.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// Its word in plans.
    pub name: &'static str,
    /// The source of its folder's `mod.rs`, which begins with its documentation.
    source: &'static str,
}

impl Listed {
    /// What it does: the first paragraph of its documentation.
    pub fn about(&self) -> String {
        history::about(self.source)
    }
}

macro_rules! workloads {
    ($($name:literal => $variant:ident, $module:ident :: $config:ident);+ $(;)?) => {
        /// Every workload, in the order of the list.
        pub const WORKLOADS: &[Listed] = &[$(Listed {
            name: $name,
            source: include_str!(concat!(stringify!($module), "/mod.rs")),
        }),+];

        /// A workload with its configuration. In a plan: `[workload.log]`.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub enum WorkloadConfig {
            $(
                #[doc = concat!("`", $name, "`")]
                #[serde(rename = $name)]
                $variant(crate::$module::$config),
            )+
        }

        impl WorkloadConfig {
            /// Its word in the list.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)+
                }
            }

            fn workload(&self) -> &dyn Workload {
                match self {
                    $(Self::$variant(config) => config,)+
                }
            }
        }
    };
}

workloads! {
    "bank" => Bank, bank::BankConfig;
    "eos" => Eos, eos::EosConfig;
    "group" => Group, group::GroupConfig;
    "idempotence" => Idempotence, idempotence::IdempotenceConfig;
    "list-append" => ListAppend, list_append::ListAppendConfig;
    "log" => Log, log::LogConfig;
    "queue" => Queue, queue::QueueConfig;
    "register" => Register, register::RegisterConfig;
    "retention" => Retention, retention::RetentionConfig;
    "sim" => Sim, sim::SimConfig;
    "timestamps" => Timestamps, timestamps::TimestampsConfig;
    "txn" => Txn, txn::TxnConfig;
}

impl WorkloadConfig {
    /// Everything in the configuration that contradicts itself.
    pub fn validate(&self) -> Vec<Invalid> {
        let mut all = self.workload().validate();
        for invalid in &mut all {
            invalid.path.insert(0, self.name().to_owned());
        }
        all
    }

    /// The simulated clients that it stands for; `None` where it needs a real broker.
    pub fn simulated(&self) -> Option<ClientsConfig> {
        self.workload().simulated()
    }

    /// Whether its consumers read what a group gives them.
    pub fn subscribes(&self) -> bool {
        self.workload().subscribes()
    }

    /// What it asks of brokers that older ones cannot do.
    pub fn least_version(&self) -> Option<LeastVersion> {
        self.workload().least_version()
    }

    /// What it needs of topics, given the partitions of each, where the plan does not have it.
    pub fn validate_topics(&self, partitions: &[u32]) -> Option<String> {
        self.workload().validate_topics(partitions)
    }

    /// What its clients promise, for the history's header.
    pub fn promises(&self) -> Promises {
        self.workload().promises()
    }

    /// What else a run is held to, for the history's header.
    pub fn expect(&self, expect: &mut Expectation) {
        self.workload().expect(expect);
    }

    /// After which time brokers abort its transactions by themselves; `None` where it has none.
    pub fn transaction_timeout(&self) -> Option<Span> {
        self.workload().transaction_timeout()
    }

    /// What it needs of a client library beside writing and reading, in the driver protocol's words.
    pub fn needs(&self) -> Vec<&'static str> {
        self.workload().needs()
    }

    /// The brokers' properties that it has to be told the truth of: name and value.
    pub fn properties(&self) -> Vec<(&'static str, String)> {
        self.workload().properties()
    }

    /// Whether it counts what became of the load that is asked for.
    pub fn counts_load(&self) -> bool {
        self.workload().counts_load()
    }

    /// Starts the clients, and returns once they are at work.
    pub async fn start(&self, arena: Arena) -> Result<Box<dyn Running>> {
        self.workload().start(arena).await
    }
}

#[cfg(test)]
mod tests {
    use super::WORKLOADS;

    #[test]
    fn each_folder_is_in_the_list() {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
        let entries = std::fs::read_dir(source).expect("the crate's source");
        let mut found: Vec<_> = entries
            .map(|entry| entry.expect("an entry of it"))
            .filter(|entry| entry.path().is_dir())
            .map(|entry| {
                entry
                    .file_name()
                    .into_string()
                    .expect("a name in UTF-8")
                    .replace('_', "-")
            })
            .collect();
        // What the clients of all have in common.
        found.retain(|folder| folder != "client");
        found.sort();
        let listed: Vec<_> = WORKLOADS.iter().map(|workload| workload.name).collect();
        assert_eq!(found, listed);
    }

    #[test]
    fn each_workload_says_what_it_does() {
        for workload in WORKLOADS {
            assert!(
                workload.about().ends_with('.'),
                "{}: `{}`",
                workload.name,
                workload.about()
            );
        }
    }
}
