//! Every broker that a plan can name.

use crate::kafka;

/// A broker, as `tribunal list` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Its word in a plan.
    pub name: &'static str,
    /// The versions that can be run, newest first.
    pub versions: &'static [&'static str],
    /// The version that is run where none is named.
    pub default_version: &'static str,
    /// What it is: the first sentence of its module.
    pub about: &'static str,
}

/// All of them.
pub const BROKERS: &[Broker] = &[Broker {
    name: "kafka",
    versions: kafka::RUNNABLE,
    default_version: kafka::DEFAULT_VERSION,
    about: "Apache Kafka in KRaft mode, each node broker and controller at once.",
}];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_says_what_its_module_says() {
        let sources = [("kafka", include_str!("kafka/mod.rs"))];
        assert_eq!(sources.len(), BROKERS.len());
        for (broker, (name, source)) in BROKERS.iter().zip(sources) {
            assert_eq!(broker.name, name);
            let first = source
                .lines()
                .next()
                .and_then(|line| line.strip_prefix("//! "))
                .map(|line| line.replace('`', ""));
            assert_eq!(Some(broker.about), first.as_deref(), "{name}");
            assert!(broker.versions.contains(&broker.default_version));
        }
    }
}
