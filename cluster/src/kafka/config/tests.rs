//! What properties come of which plan, and which plans are refused.

use std::path::Path;

use async_trait::async_trait;

use super::properties::MIGRATION;
use super::*;
use crate::{Exit, ProcessSpec};

fn addresses(nodes: u32) -> Vec<NodeAddress> {
    (1..=nodes)
        .map(|node| NodeAddress {
            node,
            advertised: Ipv4Addr::new(10, 0, 0, node as u8),
            bind: Ipv4Addr::UNSPECIFIED,
        })
        .collect()
}

fn file(config: &KafkaConfig, node: NodeId) -> String {
    let all = addresses(config.nodes);
    let own = all[node as usize - 1];
    to_file(&config.server_properties(config.program_of(node), own, &all, Path::new("/node/data")))
}

#[test]
fn two_controllers_may_be_active_until_the_older_one_has_to_resign() {
    let mut config = KafkaConfig::default();
    assert_eq!(config.two_controllers(), Span::from_millis(6_500));
    config.timeouts = Timeouts::Default;
    assert_eq!(config.two_controllers(), Span::from_millis(8_000));
    config.properties = [(FETCH_TIMEOUT.to_owned(), "4000".to_owned())].into();
    assert_eq!(config.two_controllers(), Span::from_millis(11_000));
    config.versions = [(2, "3.6.2".to_owned())].into();
    assert_eq!(
        config.two_controllers(),
        Span::from_millis(0),
        "it need not resign"
    );
}

#[test]
fn three_tuned_nodes() {
    insta::assert_snapshot!(file(&KafkaConfig::default(), 2), @r"
    process.roles=broker,controller
    node.id=2
    auto.create.topics.enable=false
    offsets.topic.replication.factor=3
    transaction.state.log.replication.factor=3
    transaction.state.log.min.isr=2
    group.initial.rebalance.delay.ms=0
    offsets.topic.num.partitions=1
    transaction.state.log.num.partitions=1
    log.cleaner.dedupe.buffer.size=16777216
    share.coordinator.state.topic.replication.factor=3
    share.coordinator.state.topic.min.isr=2
    share.coordinator.state.topic.num.partitions=1
    broker.heartbeat.interval.ms=250
    broker.session.timeout.ms=2000
    controller.quorum.election.timeout.ms=500
    controller.quorum.fetch.timeout.ms=1000
    replica.lag.time.max.ms=1500
    listeners=PLAINTEXT://0.0.0.0:9092,CONTROLLER://0.0.0.0:9093
    advertised.listeners=PLAINTEXT://10.0.0.2:9092,CONTROLLER://10.0.0.2:9093
    listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
    inter.broker.listener.name=PLAINTEXT
    controller.listener.names=CONTROLLER
    controller.quorum.voters=1@10.0.0.1:9093,2@10.0.0.2:9093,3@10.0.0.3:9093
    log.dirs=/node/data
    ");
}

#[test]
fn one_node_with_default_timeouts_and_a_property_of_its_own() {
    let properties = [("num.io.threads", "2"), ("auto.create.topics.enable", "true")];
    let config = KafkaConfig {
        nodes: 1,
        timeouts: Timeouts::Default,
        properties: properties
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..KafkaConfig::default()
    };
    insta::assert_snapshot!(file(&config, 1), @r"
    process.roles=broker,controller
    node.id=1
    auto.create.topics.enable=true
    offsets.topic.replication.factor=1
    transaction.state.log.replication.factor=1
    transaction.state.log.min.isr=1
    group.initial.rebalance.delay.ms=0
    offsets.topic.num.partitions=1
    transaction.state.log.num.partitions=1
    log.cleaner.dedupe.buffer.size=16777216
    share.coordinator.state.topic.replication.factor=1
    share.coordinator.state.topic.min.isr=1
    share.coordinator.state.topic.num.partitions=1
    num.io.threads=2
    listeners=PLAINTEXT://0.0.0.0:9092,CONTROLLER://0.0.0.0:9093
    advertised.listeners=PLAINTEXT://10.0.0.1:9092,CONTROLLER://10.0.0.1:9093
    listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
    inter.broker.listener.name=PLAINTEXT
    controller.listener.names=CONTROLLER
    controller.quorum.voters=1@10.0.0.1:9093
    log.dirs=/node/data
    ");
}

#[test]
fn an_older_version_with_a_quorum_that_can_change() {
    let config = KafkaConfig {
        version: "3.9.2".to_owned(),
        quorum: Quorum::Dynamic,
        timeouts: Timeouts::Default,
        ..KafkaConfig::default()
    };
    insta::assert_snapshot!(file(&config, 3), @r"
    process.roles=broker,controller
    node.id=3
    auto.create.topics.enable=false
    offsets.topic.replication.factor=3
    transaction.state.log.replication.factor=3
    transaction.state.log.min.isr=2
    group.initial.rebalance.delay.ms=0
    offsets.topic.num.partitions=1
    transaction.state.log.num.partitions=1
    log.cleaner.dedupe.buffer.size=16777216
    listeners=PLAINTEXT://0.0.0.0:9092,CONTROLLER://0.0.0.0:9093
    advertised.listeners=PLAINTEXT://10.0.0.3:9092,CONTROLLER://10.0.0.3:9093
    listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
    inter.broker.listener.name=PLAINTEXT
    controller.listener.names=CONTROLLER
    controller.quorum.bootstrap.servers=10.0.0.1:9093,10.0.0.2:9093,10.0.0.3:9093
    log.dirs=/node/data
    ");
}

#[test]
fn a_mixed_cluster_is_formatted_by_its_oldest_version() {
    let config = KafkaConfig {
        versions: [(2, "3.9.2".to_owned()), (3, "4.1.1".to_owned())].into(),
        ..KafkaConfig::default()
    };
    config.validate().expect("it can be run");
    assert_eq!(config.version_of(1), lock::DEFAULT_VERSION);
    assert_eq!(config.oldest_version(), "3.9.2");
    assert_eq!(config.finalised(), [("metadata.version".to_owned(), 21)].into());
    assert!(!file(&config, 2).contains("share.coordinator"));
    assert!(file(&config, 3).contains("share.coordinator"));
}

#[test]
fn before_3_9_controllers_do_not_tell_where_they_are() {
    let old = KafkaConfig {
        version: "3.8.1".to_owned(),
        ..KafkaConfig::default()
    };
    let text = file(&old, 2);
    assert!(
        text.contains("advertised.listeners=PLAINTEXT://10.0.0.2:9092\n"),
        "{text}"
    );
    let dynamic = KafkaConfig {
        quorum: Quorum::Dynamic,
        ..old
    };
    refused(&dynamic, "the voters of Kafka 3.8.1 cannot change");
}

#[test]
fn controllers_of_their_own_are_the_voters_and_serve_no_client() {
    let mut config = KafkaConfig {
        controllers: 3,
        ..KafkaConfig::default()
    };
    let all = addresses(6);
    let of = |config: &KafkaConfig, node: NodeId| {
        let program = config.program_of(node);
        let list = config.server_properties(program, all[node as usize - 1], &all, Path::new("/node/data"));
        list.into_iter().collect::<BTreeMap<_, _>>()
    };
    config.validate().expect("it can be run");
    let (broker, controller) = (of(&config, 3), of(&config, 4));
    let voters = "4@10.0.0.4:9093,5@10.0.0.5:9093,6@10.0.0.6:9093";
    for (node, role, listeners, advertised) in [
        (
            &broker,
            "broker",
            "PLAINTEXT://0.0.0.0:9092",
            "PLAINTEXT://10.0.0.3:9092",
        ),
        (
            &controller,
            "controller",
            "CONTROLLER://0.0.0.0:9093",
            "CONTROLLER://10.0.0.4:9093",
        ),
    ] {
        assert_eq!(node["process.roles"], role);
        assert_eq!(node["listeners"], listeners);
        assert_eq!(node["advertised.listeners"], advertised);
        assert_eq!(node["controller.quorum.voters"], voters);
    }
    assert!(!controller.contains_key("inter.broker.listener.name"));
    config.version = "3.8.1".to_owned();
    assert!(!of(&config, 4).contains_key("advertised.listeners"));
    config.controllers = 7;
    refused(&config, "run 10 nodes");
}

#[test]
fn features_are_held_against_what_the_version_knows() {
    let with = |version: &str, name: &str, level: i16| KafkaConfig {
        version: version.to_owned(),
        features: [(name.to_owned(), Level(level))].into(),
        ..KafkaConfig::default()
    };
    let elr = "eligible.leader.replicas.version";
    with("4.3.1", elr, 0).validate().expect("it can be run");
    refused(&with("4.3.1", elr, 2), "knows the levels 0 to 1");
    refused(
        &with("3.9.2", elr, 0),
        "Kafka 3.9.2 does not know it; it knows metadata.version",
    );
    refused(&with("4.3.1", "metadata.version", 33), "knows the levels 7 to 30");
    refused(&with("4.3.1", "kraft.version", 1), "set quorum = ");
    let beyond = KafkaConfig {
        versions: [(4, "3.9.2".to_owned())].into(),
        ..KafkaConfig::default()
    };
    refused(&beyond, "the nodes are 1 to 3");
}

fn with_zookeeper(version: &str, zookeepers: u32) -> KafkaConfig {
    KafkaConfig {
        version: version.to_owned(),
        zookeepers,
        ..KafkaConfig::default()
    }
}

/// A cluster that is moved from `ZooKeeper`: three brokers, three controllers, three nodes of `ZooKeeper`.
fn moved(version: &str) -> KafkaConfig {
    KafkaConfig {
        controllers: 3,
        ..with_zookeeper(version, 3)
    }
}

#[test]
fn a_cluster_that_is_moved_from_zookeeper() {
    let config = moved("3.9.2");
    config.validate().expect("it can be run");
    let all = addresses(9);
    let of = |node: NodeId, mode: Mode| {
        let program = Program {
            version: "3.9.2",
            mode,
        };
        let list = config.server_properties(program, all[node as usize - 1], &all, Path::new("/node/data"));
        list.into_iter().collect::<BTreeMap<_, _>>()
    };
    let voters = "4@10.0.0.4:9093,5@10.0.0.5:9093,6@10.0.0.6:9093";
    let servers = "10.0.0.7:2181,10.0.0.8:2181,10.0.0.9:2181";
    let (alone, both, broker) = (of(1, Mode::ZooKeeper), of(1, Mode::Both), of(1, Mode::Quorum));
    assert_eq!(alone["zookeeper.connect"], servers);
    assert!(!alone.contains_key("controller.quorum.voters") && !alone.contains_key(MIGRATION));
    assert_eq!(
        [&both["zookeeper.connect"], &both["controller.quorum.voters"]],
        [servers, voters]
    );
    assert_eq!(
        (both["broker.id"].as_str(), both[MIGRATION].as_str()),
        ("1", "true")
    );
    assert_eq!(
        (broker["node.id"].as_str(), broker["process.roles"].as_str()),
        ("1", "broker")
    );
    assert_eq!(broker["controller.quorum.voters"], voters);
    let (controller, finalised) = (of(4, Mode::Both), of(4, Mode::Quorum));
    assert_eq!(controller["process.roles"], "controller");
    assert_eq!(controller["zookeeper.connect"], servers);
    assert_eq!(controller[MIGRATION], "true");
    for without in [&broker, &finalised] {
        assert!(
            without.keys().all(|name| !name.starts_with("zookeeper")),
            "{without:?}"
        );
    }
    refused(
        &moved("3.5.1"),
        "Kafka 3.5.1 cannot be moved from ZooKeeper to controllers: 3.6 to 3.9 can",
    );
    refused(&moved("4.0.1"), "runs without ZooKeeper alone");
}

#[test]
fn a_broker_with_zookeeper() {
    let config = with_zookeeper("3.9.2", 3);
    let all = addresses(6);
    let list = config.server_properties(config.program_of(2), all[1], &all, Path::new("/node/data"));
    insta::assert_snapshot!(to_file(&list), @r"
    broker.id=2
    zookeeper.connection.timeout.ms=60000
    auto.create.topics.enable=false
    offsets.topic.replication.factor=3
    transaction.state.log.replication.factor=3
    transaction.state.log.min.isr=2
    group.initial.rebalance.delay.ms=0
    offsets.topic.num.partitions=1
    transaction.state.log.num.partitions=1
    log.cleaner.dedupe.buffer.size=16777216
    zookeeper.session.timeout.ms=2000
    replica.lag.time.max.ms=1500
    listeners=PLAINTEXT://0.0.0.0:9092
    advertised.listeners=PLAINTEXT://10.0.0.2:9092
    zookeeper.connect=10.0.0.4:2181,10.0.0.5:2181,10.0.0.6:2181
    log.dirs=/node/data
    ");
    insta::assert_snapshot!(config.zoo_cfg(all[4], &all, Path::new("/node/data")), @r"
    tickTime=500
    initLimit=10
    syncLimit=5
    minSessionTimeout=1000
    maxSessionTimeout=60000
    maxClientCnxns=0
    dataDir=/node/data
    clientPort=2181
    clientPortAddress=0.0.0.0
    4lw.commands.whitelist=ruok,srvr,mntr
    admin.enableServer=false
    server.4=10.0.0.4:2888:3888
    server.5=10.0.0.5:2888:3888
    server.6=10.0.0.6:2888:3888
    ");
    let roles: Vec<Role> = [1, 3, 4, 6].map(|node| config.role(node)).into();
    assert_eq!(
        roles,
        [Role::Broker, Role::Broker, Role::ZooKeeper, Role::ZooKeeper]
    );
    assert!(config.finalised().is_empty() && config.two_controllers().is_zero());
}

#[test]
fn one_zookeeper_is_no_ensemble() {
    let config = with_zookeeper("2.8.2", 1);
    let all = addresses(4);
    assert!(
        !config
            .zoo_cfg(all[3], &all, Path::new("/node/data"))
            .contains("server.")
    );
}

#[test]
fn newer_brokers_speak_as_the_oldest_does() {
    let config = KafkaConfig {
        versions: [(2, "2.8.2".to_owned())].into(),
        ..with_zookeeper("3.9.2", 1)
    };
    let protocol = |node: NodeId| {
        let list = config.properties(node);
        let found = list
            .into_iter()
            .find(|(name, _)| name == "inter.broker.protocol.version");
        found.map(|(_, value)| value)
    };
    assert_eq!(protocol(1).as_deref(), Some("2.8"));
    assert_eq!(protocol(2), None);
}

#[test]
fn each_version_runs_in_its_shapes() {
    refused(&with_zookeeper("4.4.0", 3), "write \"combined\" or \"separate\"");
    refused(&with_zookeeper("2.8.2", 0), "write \"zookeeper\"");
    let dynamic = KafkaConfig {
        quorum: Quorum::Dynamic,
        ..with_zookeeper("3.9.2", 3)
    };
    refused(&dynamic, "no quorum of controllers");
    with_zookeeper("3.3.2", 1).validate().expect("it can be run");
}

fn refused(config: &KafkaConfig, expected: &str) {
    let error = config.validate().expect_err("it cannot be run").to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn what_cannot_be_run_is_refused() {
    let default = KafkaConfig::default();
    default.validate().expect("the default can be run");
    refused(
        &KafkaConfig {
            nodes: 0,
            ..default.clone()
        },
        "run 0 nodes: it must be 1 to 9",
    );
    refused(
        &KafkaConfig {
            version: "2.0.1".to_owned(),
            ..default.clone()
        },
        "cannot be run yet",
    );
    let with = |name: &str| KafkaConfig {
        properties: [(name.to_owned(), "1".to_owned())].into(),
        ..default.clone()
    };
    refused(&with("node.id"), "Tribunal sets it by itself");
    refused(&with("min.insync.replicas"), "belongs to the topic");
}

#[test]
fn a_plan_is_read_strictly() {
    let read = |text: &str| serde_json::from_str::<KafkaConfig>(text);
    let config = read(r#"{"version":"4.3.1","timeouts":"default"}"#).expect("it is right");
    assert_eq!(
        (config.version.as_str(), config.nodes, config.timeouts),
        ("4.3.1", 3, Timeouts::Default)
    );
    assert!(read(r#"{"verzion":"4.3.1"}"#).is_err());
    assert!(read(r#"{"timeouts":"fast"}"#).is_err());
}

#[test]
fn what_java_would_misread_is_escaped() {
    let list = [("a b".to_owned(), " x=y\\z\nü".to_owned())];
    assert_eq!(to_file(&list), "a\\ b=\\ x=y\\\\z\\n\\u00fc\n");
}

struct Somewhere(Ipv4Addr, Ipv4Addr);

#[async_trait]
impl Machine for Somewhere {
    fn node(&self) -> NodeId {
        1
    }
    fn host(&self) -> &'static str {
        "n1"
    }
    fn address(&self) -> Ipv4Addr {
        self.0
    }
    fn side_address(&self) -> Ipv4Addr {
        self.1
    }
    fn directory(&self) -> std::path::PathBuf {
        "/".into()
    }
    async fn start(&self, _: &ProcessSpec) -> Result<()> {
        unreachable!("it runs nothing")
    }
    async fn signal(&self, _: i32) -> Result<()> {
        unreachable!("it runs nothing")
    }
    async fn process_state(&self) -> Result<Option<char>> {
        Ok(None)
    }
    async fn exited(&self) -> Result<Exit> {
        unreachable!("it runs nothing")
    }
}

#[test]
fn a_broker_listens_on_the_side_channel_where_there_is_one() {
    let [data, side] = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 1, 0, 1)];
    assert_eq!(
        NodeAddress::of(&Somewhere(data, side)).bind,
        Ipv4Addr::UNSPECIFIED
    );
    assert_eq!(NodeAddress::of(&Somewhere(data, data)).bind, data);
}
