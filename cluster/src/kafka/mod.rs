//! Apache Kafka: its controllers in the brokers, on nodes of their own, or elected with `ZooKeeper` (up to 3.9).
//!
//! In the order of use: [`install()`] (jars into the cache), [`Java::find`], [`prepare()`] (what is made once and
//! kept: an archive of classes and what formatting leaves), [`KafkaCluster::launch`].

mod add;
mod added;
mod admin;
mod alter;
mod ask;
mod attach;
pub mod attached;
mod batches;
mod broker_log;
mod cache;
mod child;
mod clock;
mod cluster;
mod config;
mod controllers;
pub mod disk;
mod fetch;
mod files;
mod formatting;
mod install;
mod java;
mod jvm;
mod latecomer;
mod launch;
mod level;
mod lock;
mod maven;
mod metrics;
mod migration;
mod node;
mod node_files;
mod observer;
mod prepare;
mod prober;
mod progress;
mod registration;
mod release;
mod releases;
mod replica;
mod training;
mod tuning;
mod undecided;
mod view;
mod voters;
mod wire;
mod zookeeper;

pub use add::{Added, add};
pub use added::{added_versions, can_run, is_version};
pub use ask::{End, Fetched, Metadata, PartitionState, Place as LogPlace, TopicState};
pub use broker_log::BrokerLines;
pub use cache::cache_directory;
pub use cluster::KafkaCluster;
pub use config::{KafkaConfig, NODES_MAX, NodeAddress, PORTS, Program, Quorum, Role, Timeouts};
pub use formatting::{Bootstrap, Formatting};
pub use install::{Agent, Install, InstallOptions, MIRROR_VARIABLE, install, install_agent};
pub use java::{Java, OLDEST_JAVA};
pub use latecomer::{Late, Latecomer};
pub use launch::{Launch, LaunchTimes};
pub use level::Level;
pub use lock::{DEFAULT_VERSION, RUNNABLE};
pub use maven::Wait;
pub use node_files::NodeFiles;
pub(crate) use node_files::base64;
pub use prepare::{Prepared, Ready, prepare};
pub use prober::Prober;
pub use progress::{Progress, Report};
pub use release::{KRAFT_VERSION, METADATA_VERSION, Release, is_older, release};
pub use tuning::{NodeTuning, wrong_option, wrong_property};
pub use wire::{Connection, WireError};

pub use child::spawn_bound;
