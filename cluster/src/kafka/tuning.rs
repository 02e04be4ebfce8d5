//! What a plan sets over what Tribunal would: properties of brokers and options of their JVMs, of all nodes or of one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What one node is given over what all are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct NodeTuning {
    /// Properties of its broker, by their Kafka names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// Options of its JVM, after those of all nodes: of two that contradict each other the JVM takes the last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jvm: Vec<String>,
}

/// Properties that decide where a node is and what it is: a plan cannot set them.
const RESERVED: &[&str] = &[
    "advertised.listeners",
    "broker.id",
    "controller.listener.names",
    "controller.quorum.bootstrap.servers",
    "controller.quorum.voters",
    "inter.broker.listener.name",
    "listener.security.protocol.map",
    "listeners",
    "log.dir",
    "log.dirs",
    "metadata.log.dir",
    "node.id",
    "process.roles",
    "zookeeper.connect",
];

/// The beginnings of options that decide what is run, or where its files are.
const RESERVED_OPTIONS: &[&str] = &[
    "-cp",
    "-classpath",
    "--class-path",
    "-jar",
    "-version",
    "--version",
    "-Djava.io.tmpdir=",
    "-Dkafka.logs.dir=",
    "-Dlog4j",
    "-XX:SharedArchiveFile=",
    "-XX:ArchiveClassesAtExit=",
];

/// Why a plan cannot set that property of a broker.
pub fn wrong_property(name: &str) -> Option<String> {
    if name == "min.insync.replicas" {
        return Some("it belongs to the topic: set `min-insync-replicas` in [[topics]]".to_owned());
    }
    RESERVED
        .contains(&name)
        .then(|| "Tribunal sets it by itself".to_owned())
}

/// Why a plan cannot give a JVM that option.
pub fn wrong_option(option: &str) -> Option<String> {
    if !option.starts_with('-') || option.trim().len() < 2 {
        return Some(format!(
            "`{option}` is no option of a JVM: give one such as `-Xmx512m` in each string"
        ));
    }
    RESERVED_OPTIONS
        .iter()
        .any(|reserved| option.starts_with(reserved))
        .then(|| format!("`{option}`: Tribunal sets it by itself"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tribunal_sets_is_refused() {
        assert!(wrong_property("node.id").is_some());
        assert!(wrong_property("min.insync.replicas").is_some());
        assert_eq!(wrong_property("log.segment.bytes"), None);
        for option in ["Xmx1g", "", "-", "-cp", "-cp x", "-Djava.io.tmpdir=/x", "-jar"] {
            assert!(wrong_option(option).is_some(), "{option}");
        }
        for option in [
            "-Xmx512m",
            "-XX:+UseG1GC",
            "-Dx=y",
            "--add-opens=java.base/java.nio=ALL-UNNAMED",
        ] {
            assert_eq!(wrong_option(option), None, "{option}");
        }
    }
}
