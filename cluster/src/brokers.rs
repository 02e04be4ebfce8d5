//! Every broker that a plan can name.

use crate::kafka;

/// The word for the simulated broker in a plan: it has no versions.
pub const SIMULATED: &str = "sim";

/// A broker, as `tribunal list` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Its word in a plan.
    pub name: &'static str,
    /// The versions that can be run, newest first; none where the name alone is enough.
    pub versions: &'static [&'static str],
    /// The version that is run where none is named.
    pub default_version: &'static str,
    /// What it is: the first sentence of its module.
    pub about: &'static str,
}

/// All of them.
pub const BROKERS: &[Broker] = &[
    Broker {
        name: "kafka",
        versions: kafka::RUNNABLE,
        default_version: kafka::DEFAULT_VERSION,
        about: "Apache Kafka: its controllers in the brokers, on nodes of their own, or elected with ZooKeeper (up to 3.9).",
    },
    Broker {
        name: SIMULATED,
        versions: &[],
        default_version: "",
        about: "A simulated Kafka cluster in virtual time: nothing to install, and a switch for every bug.",
    },
];

impl Broker {
    /// What a plan may call it: the versions that ship, newest first, and then those that the user added.
    pub fn names(&self) -> Vec<String> {
        if self.versions.is_empty() {
            return vec![self.name.to_owned()];
        }
        let added = kafka::added_versions();
        let versions = self
            .versions
            .iter()
            .copied()
            .chain(added.iter().map(String::as_str));
        versions
            .map(|version| format!("{}-{version}", self.name))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_says_what_its_module_says() {
        let sources = [
            ("kafka", include_str!("kafka/mod.rs")),
            ("sim", include_str!("sim/mod.rs")),
        ];
        assert_eq!(sources.len(), BROKERS.len());
        for (broker, (name, source)) in BROKERS.iter().zip(sources) {
            assert_eq!(broker.name, name);
            let first = source
                .lines()
                .next()
                .and_then(|line| line.strip_prefix("//! "))
                .map(|line| line.replace('`', ""));
            assert_eq!(Some(broker.about), first.as_deref(), "{name}");
            assert!(broker.versions.is_empty() || broker.versions.contains(&broker.default_version));
        }
    }
}
