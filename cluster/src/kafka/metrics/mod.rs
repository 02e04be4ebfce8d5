//! A broker's own metrics: the agent that tells them, what it is told to tell, and how it is asked.
//!
//! The agent is Prometheus's (`jmx_prometheus_javaagent`), in the broker's own process, on a port of the side channel, so that no
//! fault cuts it. It exports what [`METRICS`] lists and nothing else.

mod scrape;
mod text;

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;

use history::{Metric, Metrics};

pub(super) use scrape::scrape;

/// Where the agent answers, on each node's side address.
pub(super) const METRICS_PORT: u16 = 9404;

/// Where a broker keeps a metric.
struct Source {
    metric: Metric,
    /// The name that the agent gives to it.
    name: &'static str,
    /// `kafka.controller` or `kafka.server`.
    domain: &'static str,
    bean: &'static str,
    attribute: &'static str,
}

macro_rules! sources {
    ($($metric:ident $name:literal: $domain:literal $bean:literal . $key:literal . $attribute:literal;)+) => {
        /// Every metric that is asked for. A broker has some of them: `KRaft` has no count of all elections, 3.9.2 none of those
        /// from the ELR.
        const METRICS: &[Source] = &[$(Source {
            metric: Metric::$metric,
            name: concat!("tribunal_", $name),
            domain: $domain,
            bean: concat!("type=", $bean, ", name=", $key),
            attribute: $attribute,
        }),+];
    };
}

sources! {
    ActiveControllers "active_controllers": "kafka.controller" "KafkaController"."ActiveControllerCount"."Value";
    NewControllers "new_controllers": "kafka.controller" "KafkaController"."NewActiveControllersCount"."Value";
    Elections "elections": "kafka.controller" "ControllerStats"."LeaderElectionRateAndTimeMs"."Count";
    ElrElections "elr_elections": "kafka.controller" "ControllerStats"."ElectionFromEligibleLeaderReplicasPerSec"."Count";
    UncleanElections "unclean_elections": "kafka.controller" "ControllerStats"."UncleanLeaderElectionsPerSec"."Count";
    OfflinePartitions "offline_partitions": "kafka.controller" "KafkaController"."OfflinePartitionsCount"."Value";
    Partitions "partitions": "kafka.controller" "KafkaController"."GlobalPartitionCount"."Value";
    UnderReplicated "under_replicated": "kafka.server" "ReplicaManager"."UnderReplicatedPartitions"."Value";
    UnderMinIsr "under_min_isr": "kafka.server" "ReplicaManager"."UnderMinIsrPartitionCount"."Value";
    Leaders "leaders": "kafka.server" "ReplicaManager"."LeaderCount"."Value";
    FailedIsrUpdates "failed_isr_updates": "kafka.server" "ReplicaManager"."FailedIsrUpdatesPerSec"."Count";
    IsrShrinks "isr_shrinks": "kafka.server" "ReplicaManager"."IsrShrinksPerSec"."Count";
    IsrExpands "isr_expands": "kafka.server" "ReplicaManager"."IsrExpandsPerSec"."Count";
}

/// The JVM's argument that starts the agent with the broker.
pub(super) fn argument(agent: &Path, address: Ipv4Addr, rules: &Path) -> String {
    format!(
        "-javaagent:{}={address}:{METRICS_PORT}:{}",
        agent.display(),
        rules.display()
    )
}

/// The agent's configuration. The beans are named, so that it looks at no other; one rule each, and what no rule fits is not
/// exported.
pub(super) fn rules() -> String {
    let mut text = "includeObjectNames:\n".to_owned();
    for source in METRICS {
        let bean = source.bean.replace(", ", ",");
        writeln!(text, "- \"{}:{bean}\"", source.domain).expect("a string takes all");
    }
    text += "rules:\n";
    for Source {
        name,
        domain,
        bean,
        attribute,
        ..
    } in METRICS
    {
        let domain = domain.replace('.', "\\.");
        write!(
            text,
            "- pattern: '^{domain}<{bean}><>{attribute}'\n  name: {name}\n"
        )
        .expect("a string takes all");
    }
    text
}

/// What an answer of the agent says of the metrics that are asked for. One that is no number is none.
fn heard(answer: &str) -> Result<Metrics, text::BadLine> {
    let mut metrics = Metrics::default();
    for sample in text::samples(answer) {
        let sample = sample?;
        let source = METRICS.iter().find(|source| source.name == sample.name);
        if let (Some(source), Some(value)) = (source, whole(sample.value)) {
            metrics.values.insert(source.metric, value);
        }
    }
    Ok(metrics)
}

/// A count as the whole number that it is; the agent writes all as floating-point numbers.
fn whole(value: f64) -> Option<i64> {
    /// Up to here every whole number has a form of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let exact = value.fract() == 0.0 && value.abs() < EXACT;
    exact.then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_metric_has_one_source_and_one_name() {
        let metrics: BTreeSet<Metric> = METRICS.iter().map(|source| source.metric).collect();
        let names: BTreeSet<&str> = METRICS.iter().map(|source| source.name).collect();
        assert_eq!((metrics.len(), names.len()), (METRICS.len(), METRICS.len()));
        assert_eq!(metrics, Metric::ALL.into_iter().collect());
    }

    #[test]
    fn the_rules_name_the_beans() {
        let rules = rules();
        let lines: Vec<&str> = rules.lines().collect();
        assert_eq!(lines.len(), 2 + 3 * METRICS.len());
        assert_eq!(
            lines[1],
            "- \"kafka.controller:type=KafkaController,name=ActiveControllerCount\""
        );
        assert!(rules.contains(
            "- pattern: '^kafka\\.server<type=ReplicaManager, name=IsrShrinksPerSec><>Count'\n  name: tribunal_isr_shrinks\n"
        ));
    }

    #[test]
    fn the_agent_answers_only_to_the_side_channel() {
        let argument = argument(
            Path::new("/cache/agent.jar"),
            Ipv4Addr::new(10, 1, 0, 2),
            Path::new("/node/config/metrics.yaml"),
        );
        assert_eq!(
            argument,
            "-javaagent:/cache/agent.jar=10.1.0.2:9404:/node/config/metrics.yaml"
        );
    }

    #[test]
    fn what_is_no_count_is_left_out() {
        let answer = "# TYPE tribunal_leaders untyped\ntribunal_leaders 4.0\ntribunal_isr_shrinks NaN\n\
                      jvm_info{vendor=\"x\"} 1\ntribunal_isr_expands 1.5\ntribunal_partitions 1.2E1\n";
        let metrics = heard(answer).expect("it is well-formed");
        let values: Vec<(Metric, i64)> = metrics.values.into_iter().collect();
        assert_eq!(values, [(Metric::Leaders, 4), (Metric::Partitions, 12)]);
        assert_eq!(whole(-1.0), Some(-1));
        assert_eq!(whole(f64::INFINITY), None);
        assert_eq!(whole(1e300), None);
    }
}
