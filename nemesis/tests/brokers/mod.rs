//! Brokers that leave and rejoin, and voters that do, against a cluster that is nothing but state, in paused time.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use nemesis::{NemesisConfig, Tally};

use crate::fake::{FakeAdmin, FakeCluster, Trial};

/// What one fault came to: what was done, all that was recorded, and the count.
struct Ran {
    admin: Arc<FakeAdmin>,
    all_run: bool,
    done: Vec<String>,
    recorded: Vec<String>,
    tally: Tally,
}

impl Ran {
    fn last(&self) -> &str {
        self.recorded.last().expect("events")
    }
}

async fn run(cluster: FakeCluster, fault: &str) -> Ran {
    let admin = cluster.admin.clone().expect("it has one");
    let trial = Trial::new(cluster);
    let cluster = trial.cluster.clone();
    let plan = format!("steps = [{{ at = \"0s\", lasts = \"1s\", fault = {fault} }}]");
    let (done, recorded, tally) = trial.run(&plan).await;
    Ran {
        admin,
        all_run: cluster.all_run(),
        done,
        recorded,
        tally,
    }
}

const NODE_3: &str = r#"{ brokers = { target = ["n3"] } }"#;

#[tokio::test(start_paused = true)]
async fn a_broker_leaves_with_all_that_it_holds_and_rejoins() {
    let cluster = FakeCluster::of(4);
    let admin = cluster.admin.clone().expect("it has one");
    admin.add_topic("__consumer_offsets", &[3, 4, 1]);
    admin.add_topic("elsewhere", &[1, 2]);
    let ran = run(cluster, NODE_3).await;
    assert_eq!(
        ran.done,
        [
            "reassign __consumer_offsets-0 to [2, 4, 1]",
            "reassign log-0 to [1, 2, 4]",
            "reassign log-1 to [1, 2, 4]",
            "stop 3",
            "unregister 3",
            "start 3",
            "reassign __consumer_offsets-0 to [3, 4, 1]",
            "reassign log-0 to [1, 2, 3]",
            "reassign log-1 to [1, 2, 3]",
        ]
    );
    assert_eq!(
        ran.last(),
        "0 brokers [3] bit: 3 replicas moved away in 0.0 s; node 3 exited with status 143; registered nodes 1, 2, 3, 4, \
         then nodes 1, 2, 4 0.0 s after the end, then nodes 1, 2, 3, 4 0.0 s after the start; the replicas back and in \
         sync after 0.0 s"
    );
    assert_eq!((ran.tally.injected, ran.tally.bitten), (1, 1));
    assert_eq!(ran.admin.registered_now(), [1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_answers_nobody_holds_up_nobody() {
    for silent in [1, 4] {
        let cluster = FakeCluster::of(4);
        let admin = cluster.admin.clone().expect("it has one");
        admin.silent.store(silent, Relaxed);
        let ran = run(cluster, NODE_3).await;
        assert_eq!(ran.tally.bitten, 1, "node {silent} is silent: {}", ran.last());
    }
}

#[tokio::test(start_paused = true)]
async fn a_move_that_takes_too_long_ends_no_process_and_is_undone() {
    let cluster = FakeCluster::of(4);
    let admin = cluster.admin.clone().expect("it has one");
    admin.moves_slowly.store(45, Relaxed);
    let ran = run(cluster, r#"{ brokers = { target = ["n3"], within = "2s" } }"#).await;
    assert_eq!(
        ran.done,
        [
            "reassign log-0 to [1, 2, 4]",
            "reassign log-1 to [1, 2, 4]",
            "reassign log-0 to [1, 2, 3]",
            "reassign log-1 to [1, 2, 3]",
        ]
    );
    assert_eq!(
        ran.last(),
        "0 brokers [3] failed: reassign log-0 within 2s: [4] still come and [3] still go"
    );
    assert!(ran.all_run);
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_is_killed_instead_did_not_leave_in_order() {
    let cluster = FakeCluster::of(4);
    cluster.ends_by_itself.store(false, Relaxed);
    let ran = run(cluster, NODE_3).await;
    assert!(ran.last().contains("did not bite"), "{}", ran.last());
    assert!(ran.all_run);
    assert_eq!(ran.admin.replicas(0), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_room_or_no_majority_nobody_leaves() {
    let ran = run(FakeCluster::new(), NODE_3).await;
    assert!(ran.done.is_empty(), "{:?}", ran.done);
    assert_eq!(
        ran.recorded,
        [
            "0 brokers [] skipped: node 3 taken out of the cluster: log-0 has replicas [1, 2, 3], and without node 3 no \
          other node to go to"
        ]
    );
    let plan = r#"steps = [
        { at = "0s", lasts = "20s", fault = { kill = { target = ["n4"] } } },
        { at = "1s", lasts = "1s", fault = { brokers = { target = ["n1"] } } },
    ]"#;
    let (done, recorded, _) = Trial::new(FakeCluster::of(4)).run(plan).await;
    assert_eq!(done, ["kill 4", "start 4"]);
    let skipped = "without nodes 1, 4 the rest is no majority of the controllers' 4 voters";
    assert!(
        recorded.iter().any(|line| line.ends_with(skipped)),
        "{recorded:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn voters_go_one_after_the_other_and_come_again() {
    let cluster = FakeCluster::new().with_a_dynamic_quorum();
    let admin = cluster.admin.clone().expect("it has one");
    // Asked again where the quorum is at something else.
    admin.keeps_voters.store(1, Relaxed);
    let ran = run(cluster, r#"{ voters = { target = ["n1", "n3"] } }"#).await;
    assert_eq!(
        ran.done,
        [
            "remove voter 1",
            "remove voter 1",
            "remove voter 3",
            "add voter 3",
            "add voter 1",
        ]
    );
    assert_eq!(
        ran.last(),
        "0 voters [1, 3] bit: voters 1, 2, 3, led by 1 in term 1; without nodes 1, 3: voters 2, led by 2 in term 3; \
         then voters 1, 2, 3, led by 1 in term 5"
    );
    assert_eq!(ran.admin.voters_now(), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_voter_that_does_not_go_is_a_failure_and_the_others_come_again() {
    let cluster = FakeCluster::new().with_a_dynamic_quorum();
    let admin = cluster.admin.clone().expect("it has one");
    admin.keeps_voters.store(u64::MAX, Relaxed);
    let ran = run(cluster, r#"{ voters = { target = ["n3"] } }"#).await;
    assert_eq!(
        ran.last(),
        "0 voters [3] failed: node 3 was not gone from the voters within 20s: the leader has committed nothing in its term"
    );
    assert_eq!(ran.admin.voters_now(), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn one_voter_stays_and_a_quorum_that_cannot_change_is_left_alone() {
    let cluster = FakeCluster::new().with_a_dynamic_quorum();
    let ran = run(cluster, r#"{ voters = { target = ["n1", "n2", "n3"] } }"#).await;
    assert!(
        ran.last().ends_with("nodes 1, 2, 3 would leave no voter"),
        "{}",
        ran.last()
    );
    let ran = run(FakeCluster::new(), r#"{ voters = { target = ["n3"] } }"#).await;
    assert_eq!(
        ran.recorded,
        [
            "0 voters [] skipped: node 3 taken out of the controllers' voters: this environment lacks the power `voters`"
        ]
    );
}

/// A plan that is refused for a cluster of so many nodes, and how.
#[track_caller]
fn check_invalid(nodes: u32, fault: &str, expected: &str) {
    let plan = format!("steps = [{{ at = \"0s\", lasts = \"1s\", fault = {fault} }}]");
    let config: NemesisConfig = toml::from_str(&plan).expect("a plan");
    let nodes: Vec<u32> = (1..=nodes).collect();
    let invalid = config.resolve(1, &nodes, 2).expect_err(fault);
    assert_eq!(invalid.to_string(), expected);
}

#[test]
fn targets_that_make_no_sense_are_refused() {
    let brokers = "steps.0.fault.brokers.";
    check_invalid(
        4,
        r#"{ brokers = { target = "all" } }"#,
        &format!("{brokers}target: 4 of 4 nodes leave: the rest is no majority of the controllers"),
    );
    check_invalid(
        4,
        r#"{ brokers = { target = ["n1", "n2"] } }"#,
        &format!("{brokers}target: 2 of 4 nodes leave: the rest is no majority of the controllers"),
    );
    check_invalid(
        2,
        r#"{ brokers = { target = "leader", key = 0 } }"#,
        &format!("{brokers}target: 1 of 2 nodes leave: the rest is no majority of the controllers"),
    );
    check_invalid(
        4,
        r#"{ brokers = { target = ["n5"] } }"#,
        &format!("{brokers}target: there is no node 5: this cluster has nodes 1, 2, 3, 4"),
    );
    check_invalid(
        4,
        "{ brokers = { key = 0 } }",
        &format!("{brokers}key: goes with the targets `leader` and `follower` only, and this one is `one`"),
    );
    check_invalid(
        4,
        r#"{ brokers = { within = "0s" } }"#,
        &format!("{brokers}within: no replica moves in no time"),
    );
    check_invalid(
        3,
        r#"{ voters = { target = "all" } }"#,
        "steps.0.fault.voters.target: without a voter there is no quorum: one must stay",
    );
    check_invalid(
        3,
        r#"{ voters = { target = "leader" } }"#,
        "steps.0.fault.voters.target: `leader` is of a partition, and a voter is of the whole cluster",
    );
}

#[test]
fn what_cannot_be_read_is_refused_where_it_stands() {
    for (fault, part) in [
        ("{ brokers = { target = \"some\" } }", "`some` is no target"),
        ("{ brokers = { within = \"-1s\" } }", "-1s"),
        ("{ brokers = { wait = \"1s\" } }", "unknown field `wait`"),
        ("{ voters = { target = [] } }", "an empty list is no target"),
        ("{ voters = { key = 0 } }", "unknown field `key`"),
    ] {
        let plan = format!("steps = [{{ at = \"0s\", lasts = \"1s\", fault = {fault} }}]");
        let error = toml::from_str::<NemesisConfig>(&plan)
            .expect_err(fault)
            .to_string();
        assert!(
            error.contains("line 1, column") && error.contains(part),
            "{error}"
        );
    }
}
