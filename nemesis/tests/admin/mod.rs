//! Faults of the cluster's own administration against one that is nothing but state, in paused time.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use cluster::{Cluster, PartitionView};
use nemesis::{NemesisConfig, Tally};

use crate::fake::{FakeAdmin, FakeCluster, Trial};

/// What one fault came to: what was done, all that was recorded, and the count.
struct Ran {
    admin: Arc<FakeAdmin>,
    done: Vec<String>,
    recorded: Vec<String>,
    tally: Tally,
}

impl Ran {
    /// The last event, which says whether it bit.
    fn last(&self) -> &str {
        self.recorded.last().expect("events")
    }
}

/// Runs one fault for some time.
async fn run(cluster: FakeCluster, lasts: &str, fault: &str) -> Ran {
    let admin = cluster
        .admin
        .clone()
        .unwrap_or_else(|| Arc::new(FakeAdmin::new(Arc::default(), 3)));
    let plan = format!("steps = [{{ at = \"0s\", lasts = \"{lasts}\", fault = {fault} }}]");
    let (done, recorded, tally) = Trial::new(cluster).run(&plan).await;
    Ran {
        admin,
        done,
        recorded,
        tally,
    }
}

/// The same on a sound cluster: what was done, and the end of the last event, which says that it bit.
async fn check(lasts: &str, fault: &str, done: &[&str], evidence: &str) -> Ran {
    let ran = run(FakeCluster::new(), lasts, fault).await;
    assert_eq!(ran.done, done, "{fault}");
    assert!(
        ran.last().ends_with(&format!(" bit: {evidence}")),
        "{fault}: {}",
        ran.last()
    );
    assert_eq!((ran.tally.injected, ran.tally.bitten), (1, 1), "{fault}");
    for key in 0..2 {
        assert_eq!(ran.admin.replicas(key), [1, 2, 3], "{fault}");
    }
    ran
}

/// A plan that is refused, and how.
#[track_caller]
fn check_invalid(fault: &str, expected: &str) {
    let plan = format!("steps = [{{ at = \"0s\", lasts = \"1s\", fault = {fault} }}]");
    let config: NemesisConfig = toml::from_str(&plan).expect("a plan");
    let invalid = config.resolve(1, &[1, 2, 3], 2).expect_err(fault);
    assert_eq!(invalid.to_string(), expected);
}

/// A plan that is no plan, and why.
#[track_caller]
fn check_refused(fault: &str, part: &str) {
    let plan = format!("steps = [{{ at = \"0s\", lasts = \"1s\", fault = {fault} }}]");
    let error = toml::from_str::<NemesisConfig>(&plan)
        .expect_err(fault)
        .to_string();
    assert!(
        error.contains("line 1, column") && error.contains(part),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_preferred_leader_is_elected_where_it_does_not_lead() {
    check(
        "1s",
        "{ elect-preferred = { key = 0 } }",
        &["elect Preferred log-0"],
        "1 of 1 elections held, 1 new epochs; log-0: node 2 in epoch 1, then node 1 in epoch 2",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn where_the_preferred_replica_leads_another_is_made_it_first() {
    let cluster = FakeCluster::new();
    let admin = cluster.admin.clone().expect("it has one");
    let led_by_1 = PartitionView {
        leader: Some(1),
        ..admin_view()
    };
    admin.set(0, led_by_1);
    let ran = run(cluster, "1s", "{ elect-preferred = { key = 0 } }").await;
    assert_eq!(
        ran.done,
        [
            "reassign log-0 to [2, 1, 3]",
            "elect Preferred log-0",
            "reassign log-0 to [1, 2, 3]",
            "elect Preferred log-0",
        ]
    );
    assert!(ran.last().contains(" bit: 1 of 1"), "{}", ran.last());
}

fn admin_view() -> PartitionView {
    PartitionView {
        leader: Some(2),
        epoch: 1,
        isr: vec![1, 2, 3],
        replicas: vec![1, 2, 3],
    }
}

#[tokio::test(start_paused = true)]
async fn an_election_that_changes_nothing_is_a_failure_and_the_order_is_put_back() {
    let cluster = FakeCluster::new();
    let admin = cluster.admin.clone().expect("it has one");
    admin.elects_nobody.store(true, Relaxed);
    let ran = run(cluster, "1s", r#"{ move-leaders = { target = ["n2"] } }"#).await;
    assert_eq!(
        ran.done,
        [
            "reassign log-1 to [2, 1, 3]",
            "elect Preferred log-1",
            "reassign log-1 to [1, 2, 3]",
            "elect Preferred log-1",
        ]
    );
    assert_eq!(
        ran.last(),
        "0 move-leaders [2] failed: not led by node 2 within 8s: log-1 has node 3 in epoch 1"
    );
    assert_eq!(ran.admin.replicas(1), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn all_leaders_go_to_one_node_and_back() {
    check(
        "1s",
        r#"{ move-leaders = { target = "leader", key = 0 } }"#,
        &[
            "reassign log-1 to [2, 1, 3]",
            "elect Preferred log-1",
            "reassign log-1 to [1, 2, 3]",
            "elect Preferred log-1",
        ],
        "1 of 1 elections held, 1 new epochs; log-1: node 3 in epoch 1, then node 2 in epoch 2",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_storm_is_counted_by_the_epochs_that_changed() {
    let fault = r#"{ election-storm = { key = 0, every = "300ms" } }"#;
    let ran = run(FakeCluster::new(), "1s", fault).await;
    assert!(
        ran.last().ends_with(
            " bit: 4 rounds: 4 of 4 elections held, 4 new epochs; \
             log-0: node 2 in epoch 1, then node 3 in epoch 5"
        ),
        "{}",
        ran.last()
    );
    assert_eq!(ran.admin.replicas(0), [1, 2, 3]);
    let rotating = r#"{ move-leaders = { rotate = "300ms" } }"#;
    let ran = run(FakeCluster::new(), "1s", rotating).await;
    assert!(
        ran.last()
            .contains(" bit: 4 rounds: 8 of 8 elections held, 8 new epochs"),
        "{}",
        ran.last()
    );
}

#[tokio::test(start_paused = true)]
async fn a_storm_in_which_nobody_is_elected_did_not_bite() {
    let cluster = FakeCluster::new();
    // Nobody is without a leader, so no unclean election is needed.
    let ran = run(
        cluster,
        "900ms",
        r#"{ election-storm = { key = 0, kind = "unclean" } }"#,
    )
    .await;
    assert!(
        ran.last()
            .contains("did not bite: 2 rounds: 0 of 2 elections held, 0 new epochs"),
        "{}",
        ran.last()
    );
}

#[tokio::test(start_paused = true)]
async fn an_unclean_leader_is_elected_once_there_is_none() {
    let cluster = FakeCluster::new();
    let admin = cluster.admin.clone().expect("it has one");
    let headless = PartitionView {
        leader: None,
        isr: vec![2],
        ..admin_view()
    };
    admin.set(0, headless);
    let ran = run(cluster, "1s", "{ elect-unclean = { key = 0 } }").await;
    assert_eq!(ran.done, ["elect Unclean log-0"]);
    assert!(
        ran.last().ends_with(
            " bit: log-0: no leader in epoch 1 with ISR [2], then node 1 in epoch 2, which was not in sync"
        ),
        "{}",
        ran.last()
    );
    let led = run(FakeCluster::new(), "1s", "{ elect-unclean = { key = 0 } }").await;
    assert_eq!(
        led.recorded,
        ["0 elect-unclean [] skipped: unclean leader of log-0 elected: \
          not without a leader within 5s: log-0 has node 2 in epoch 1"]
    );
}

#[tokio::test(start_paused = true)]
async fn replicas_are_given_and_taken_back() {
    check(
        "1s",
        "{ reassign = { key = 0 } }",
        &["reassign log-0 to [1, 2]", "reassign log-0 to [1, 2, 3]"],
        "log-0: replicas [1, 2, 3], led by node 2 in epoch 1; [1, 2], led by node 2 in epoch 1, after 0.0 s; \
         [1, 2, 3] in sync again after 0.0 s",
    )
    .await;
    check(
        "1s",
        r#"{ reassign = { key = 0, shape = "drop-leader" } }"#,
        &["reassign log-0 to [1, 3]", "reassign log-0 to [1, 2, 3]"],
        "log-0: replicas [1, 2, 3], led by node 2 in epoch 1; [1, 3], led by node 1 in epoch 2, after 0.0 s; \
         [1, 2, 3] in sync again after 0.0 s",
    )
    .await;
    check(
        "1s",
        r#"{ reassign = { key = 1, shape = "rotate" } }"#,
        &["reassign log-1 to [2, 3, 1]", "reassign log-1 to [1, 2, 3]"],
        "log-1: replicas [1, 2, 3], led by node 3 in epoch 1; [2, 3, 1], led by node 3 in epoch 1, after 0.0 s; \
         [1, 2, 3] in sync again after 0.0 s",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn replicas_cannot_move_where_every_node_is_one() {
    let ran = run(
        FakeCluster::new(),
        "1s",
        r#"{ reassign = { key = 0, shape = "move" } }"#,
    )
    .await;
    assert_eq!(
        ran.recorded,
        ["0 reassign [] skipped: replicas of log-0 moved: log-0: every node is a replica of it"]
    );
    let cluster = FakeCluster::new();
    let shrunk = PartitionView {
        replicas: vec![1, 2],
        ..admin_view()
    };
    cluster.admin.clone().expect("it has one").set(0, shrunk);
    let ran = run(cluster, "1s", "{ reassign = { key = 0 } }").await;
    assert!(
        ran.last()
            .ends_with("the replicas of log-0 are being changed already: [1, 2]"),
        "{}",
        ran.last()
    );
}

#[tokio::test(start_paused = true)]
async fn a_reassignment_that_takes_too_long_is_a_failure_and_is_undone() {
    let cluster = FakeCluster::new();
    let admin = cluster.admin.clone().expect("it has one");
    admin.reassigns_slowly.store(45, Relaxed);
    let ran = run(cluster, "1s", r#"{ reassign = { key = 0, within = "2s" } }"#).await;
    assert_eq!(
        ran.done,
        ["reassign log-0 to [1, 2]", "reassign log-0 to [1, 2, 3]"]
    );
    assert_eq!(
        ran.last(),
        "0 reassign [1, 2, 3] failed: reassign log-0 within 2s: [] still come and [3] still go"
    );
    assert_eq!(ran.admin.replicas(0), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn settings_are_changed_and_put_back() {
    let ran = check(
        "1s",
        "{ min-isr = { key = 1, to = 3 } }",
        &[
            "set min.insync.replicas of log to 3",
            "set min.insync.replicas of log to 2",
        ],
        "min.insync.replicas of log was 2, then 3 as nodes 1, 2, 3 describe it, and is 2 again",
    )
    .await;
    assert_eq!(ran.admin.setting("min.insync.replicas"), "2");
    let ran = check(
        "1s",
        "\"unclean-config\"",
        &[
            "set unclean.leader.election.enable of log to true",
            "set unclean.leader.election.enable of log to false",
        ],
        "unclean.leader.election.enable of log was false, then true as nodes 1, 2, 3 describe it, and is false again",
    )
    .await;
    assert_eq!(ran.admin.setting("unclean.leader.election.enable"), "false");
}

#[tokio::test(start_paused = true)]
async fn a_setting_that_is_that_already_or_does_not_change_did_not_bite() {
    let ran = run(FakeCluster::new(), "1s", "{ min-isr = { to = 2 } }").await;
    assert!(ran.last().contains("did not bite"), "{}", ran.last());
    let cluster = FakeCluster::new();
    let admin = cluster.admin.clone().expect("it has one");
    admin.keeps_settings.store(true, Relaxed);
    let ran = run(cluster, "1s", "{ min-isr = { to = 1 } }").await;
    assert_eq!(
        ran.last(),
        "0 min-isr [1, 2, 3] failed: set min.insync.replicas of log to 1 within 8s: it is 2 in the eyes of node 1"
    );
    assert_eq!(ran.tally.injected, 0);
}

#[tokio::test(start_paused = true)]
async fn partitions_are_added_and_stay() {
    let ran = check(
        "1s",
        "{ add-partitions = { key = 0, count = 3 } }",
        &["give log 5 partitions"],
        "log had 2 partitions and has 5, each new one with a leader, as nodes 1, 2, 3 see it",
    )
    .await;
    assert_eq!(ran.tally.failed, 0);
}

#[tokio::test(start_paused = true)]
async fn topics_are_made_and_deleted() {
    let ran = check(
        "1s",
        r#"{ create-topics = { count = 2, prefix = "more", replication-factor = 2 } }"#,
        &["create more-1 x2", "create more-2 x2", "delete more-1 more-2"],
        "2 topics with leaders in the eyes of nodes 1, 2, 3 after 0.0 s, and gone from all again",
    )
    .await;
    assert_eq!(ran.admin.topic_names(), ["log"]);
}

#[tokio::test(start_paused = true)]
async fn the_history_says_of_a_deletion_before_it_is_asked_for() {
    let fault = "{ delete-records = { key = 0, percent = 40 } }";
    let ran = check(
        "1s",
        fault,
        &["delete log-0 below 40"],
        "log-0 began at 0 and was committed up to 101; below 40 deleted: low watermark 40, the log begins at 40",
    )
    .await;
    assert_eq!(
        ran.recorded[1..4],
        [
            "deletion of 0 below 40: asking",
            "deletion of 0 below 40: done, low watermark 40",
            "0 delete-records [2] injected",
        ]
    );
    let cluster = FakeCluster::new();
    let admin = cluster.admin.clone().expect("it has one");
    admin.refuses_to_delete.store(1, Relaxed);
    admin.forgets_deletions.store(1, Relaxed);
    let ran = run(cluster, "1s", fault).await;
    assert_eq!(
        ran.recorded[1..7],
        [
            "deletion of 0 below 40: asking",
            "deletion of 0 below 40: refused: out of range",
            "deletion of 0 below 40: asking",
            "deletion of 0 below 40: unknown: no answer",
            "deletion of 0 below 40: asking",
            "deletion of 0 below 40: done, low watermark 40",
        ]
    );
    assert_eq!(ran.tally.bitten, 1);
}

/// Runs a move of the controller, which another takes over after a second, or does not.
async fn move_controller(by: &str, elected: bool) -> Ran {
    let trial = Trial::new(FakeCluster::new());
    let cluster = trial.cluster.clone();
    if elected {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            cluster.view().set_controller(3, 2);
        });
    }
    let plan = format!(
        r#"steps = [{{ at = "0s", lasts = "2s", fault = {{ move-controller = {{ by = "{by}", within = "10s" }} }} }}]"#
    );
    let admin = trial.cluster.admin.clone().expect("it has one");
    let (done, recorded, tally) = trial.run(&plan).await;
    Ran {
        admin,
        done,
        recorded,
        tally,
    }
}

#[tokio::test(start_paused = true)]
async fn the_controller_is_held_until_there_is_another() {
    let moved = " bit: node 1 in term 1, then node 3 in term 2 after 1.0 s; ";
    for (by, done, evidence) in [
        (
            "pause",
            ["signal 19 to 1", "signal 18 to 1"],
            "node 1 in state T, no answer in 500 ms",
        ),
        ("kill", ["kill 1", "start 1"], "node 1 killed by signal 9"),
        (
            "cut",
            ["cut 0: 2>1 1>2 3>1 1>3", "heal 0"],
            "12 frames (1200 bytes) dropped",
        ),
    ] {
        let ran = move_controller(by, true).await;
        assert_eq!(ran.done, done);
        assert!(
            ran.last().ends_with(&format!("{moved}{evidence}")),
            "{}",
            ran.last()
        );
        // It was let go before the fault was over.
        assert_eq!(ran.tally.bitten, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn where_no_other_controller_comes_the_old_one_is_let_go() {
    let ran = move_controller("pause", false).await;
    assert_eq!(ran.done, ["signal 19 to 1", "signal 18 to 1"]);
    assert_eq!(
        ran.last(),
        "0 move-controller [1] failed: no other controller than node 1 in term 1 within 10s"
    );
    assert_eq!(ran.tally.injected, 0);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_administration_skips_by_name() {
    let ran = run(
        FakeCluster::new().without_admin(),
        "1s",
        "{ min-isr = { key = 0 } }",
    )
    .await;
    assert_eq!(
        ran.recorded,
        ["0 min-isr [] skipped: min.insync.replicas of log to 1: this environment lacks the power `admin`"]
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    check_invalid(
        "{ elect-preferred = { key = 0, all = true } }",
        "steps.0.fault.elect-preferred.key: contradicts `all`: give one of the two",
    );
    check_invalid(
        "{ elect-preferred = { key = 2 } }",
        "steps.0.fault.elect-preferred.key: there is no key 2: the topics' partitions together are the keys 0 to 1",
    );
    check_invalid(
        "{ election-storm = { every = \"0s\" } }",
        "steps.0.fault.election-storm.every: is the time between two rounds of elections, and cannot be zero",
    );
    check_invalid(
        "{ elect-unclean = { within = \"1m\" } }",
        "steps.0.fault.elect-unclean.within: at most 9s can be waited for a target",
    );
    check_invalid(
        "{ min-isr = { to = 4 } }",
        "steps.0.fault.min-isr.to: 4 replicas in sync: give 1 to 3",
    );
    check_invalid(
        "{ add-partitions = { count = 0 } }",
        "steps.0.fault.add-partitions.count: 0 partitions: give 1 to 100",
    );
    check_invalid(
        "{ create-topics = { replication-factor = 4 } }",
        "steps.0.fault.create-topics.replication-factor: 4 replicas on 3 nodes: give 1 to 3",
    );
    check_invalid(
        "{ delete-records = { percent = 140 } }",
        "steps.0.fault.delete-records.percent: 140 % of a partition's records: give 1 to 100",
    );
    check_refused(
        "{ delete-records = { percent = -1 } }",
        "invalid value: integer `-1`",
    );
    check_refused("{ reassign = { shape = \"spin\" } }", "unknown variant `spin`");
    check_refused(
        "{ move-leaders = { rotate = \"1s\", target = \"one\" } }",
        "it goes with no `target` and no `key`",
    );
    check_refused(
        "{ move-leaders = { target = \"all\" } }",
        "`target` has to mean exactly one",
    );
    check_refused(
        "{ move-controller = { by = \"vote\" } }",
        "unknown variant `vote`",
    );
}
