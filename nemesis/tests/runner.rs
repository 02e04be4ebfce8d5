//! Schedules carried out against a cluster that is nothing but state, in paused time.

mod admin;
mod brokers;
mod clocks;
mod disks;
mod fake;
mod moving;
mod network;
mod processes;
mod versions;
mod waiting;

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use fake::{FakeCluster, Trial};
use nemesis::Tally;

#[tokio::test(start_paused = true)]
async fn a_kill_is_shown_and_the_node_comes_back() {
    let (done, recorded, tally) = Trial::new(FakeCluster::new())
        .run(r#"steps = [{ at = "1s", lasts = "2s", fault = { kill = { target = "leader", key = 0 } } }]"#)
        .await;
    assert_eq!(done, ["kill 2", "start 2"]);
    assert_eq!(
        recorded,
        [
            "0 kill [2] injecting: SIGKILL to leader of log-0 (node 2)",
            "0 kill [2] injected",
            "0 kill [2] healing",
            "0 kill [2] bit: node 2 killed by signal 9",
        ]
    );
    let expected = Tally {
        injected: 1,
        bitten: 1,
        ..Tally::default()
    };
    assert_eq!(tally, expected);
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_shown_by_its_state_and_by_silence() {
    let plan = r#"steps = [{ at = "0s", lasts = "2s", fault = { pause = { target = ["n1", 3] } } }]"#;
    let (done, recorded, _) = Trial::new(FakeCluster::new()).run(plan).await;
    assert_eq!(
        done,
        [
            "signal 19 to 1",
            "signal 19 to 3",
            "signal 18 to 1",
            "signal 18 to 3"
        ]
    );
    assert_eq!(
        recorded.last().expect("events"),
        "0 pause [1, 3] bit: node 1 in state T, no answer in 500 ms, node 3 in state T, no answer in 500 ms"
    );
    let lively = FakeCluster::new();
    lively.answers_when_stopped.store(true, Relaxed);
    let (_, recorded, tally) = Trial::new(lively).run(plan).await;
    assert!(recorded.last().expect("events").contains("did not bite"));
    assert_eq!((tally.injected, tally.bitten), (1, 0));
}

async fn check_cuts(fault: &str, expected: &str) {
    let plan = format!("steps = [{{ at = \"0s\", lasts = \"1s\", fault = {{ partition = {fault} }} }}]");
    let (done, recorded, tally) = Trial::new(FakeCluster::new()).run(&plan).await;
    assert_eq!(done, [format!("cut 0: {expected}"), "heal 0".to_owned()]);
    assert!(
        recorded
            .last()
            .expect("events")
            .ends_with("bit: 12 frames (1200 bytes) dropped")
    );
    assert_eq!(tally.bitten, 1);
}

#[tokio::test(start_paused = true)]
async fn each_shape_cuts_its_links() {
    check_cuts(r#"{ shape = "leader", key = 0 }"#, "1>2 2>1 3>2 2>3").await;
    check_cuts(
        r#"{ shape = "leader", key = 1, clients = true }"#,
        "1>3 3>1 2>3 3>2 c>3 3>c",
    )
    .await;
    check_cuts(r#"{ shape = "controller" }"#, "2>1 1>2 3>1 1>3").await;
    check_cuts(
        r#"{ shape = "halves", target = ["n1", "n3"] }"#,
        "2>1 1>2 2>3 3>2",
    )
    .await;
    check_cuts(
        r#"{ shape = "one-way", target = ["n2"], direction = "in" }"#,
        "1>2 3>2",
    )
    .await;
    check_cuts(
        r#"{ shape = "one-way", target = ["n2"], direction = "out", clients = true }"#,
        "2>1 2>3 2>c",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_dropped_nothing_did_not_bite() {
    let cluster = FakeCluster::new().with_idle_links();
    let (_, recorded, tally) = Trial::new(cluster)
        .run(r#"steps = [{ at = "0s", lasts = "1s", fault = "partition" }]"#)
        .await;
    assert!(
        recorded
            .last()
            .expect("events")
            .ends_with("did not bite: 0 frames (0 bytes) dropped")
    );
    assert_eq!((tally.injected, tally.bitten), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_isr_shrinks_by_one_record_and_cuts_at_the_leaders_client_port() {
    let cluster = FakeCluster::new();
    *cluster.isr_after_nudge.lock().expect("a setting") = Some((2, vec![2]));
    let (done, recorded, tally) = Trial::new(cluster)
        .run(r#"steps = [{ at = "0s", lasts = "1s", fault = { shrink-isr = { key = 0 } } }]"#)
        .await;
    assert_eq!(
        done,
        ["cut 0: 1>2:9092 2:9092>1 3>2:9092 2:9092>3", "nudge 0", "heal 0"]
    );
    assert_eq!(
        recorded.last().expect("events"),
        "0 shrink-isr [2] bit: ISR [2] after 0.0 s, 12 frames (1200 bytes) dropped"
    );
    assert_eq!(tally.bitten, 1);
}

#[tokio::test(start_paused = true)]
async fn an_isr_that_does_not_shrink_in_time_is_a_failure_and_the_cuts_are_healed() {
    let (done, recorded, tally) = Trial::new(FakeCluster::new())
        .run(r#"steps = [{ at = "0s", lasts = "1s", fault = { shrink-isr = { key = 0, within = "3s" } } }]"#)
        .await;
    assert_eq!(done.last().expect("actions"), "heal 0");
    assert_eq!(
        recorded.last().expect("events"),
        "0 shrink-isr [2] failed: shrink the ISR of log-0 to node 2 within 3s: it is [1, 2, 3]"
    );
    assert_eq!((tally.injected, tally.failed), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn leadership_that_moves_ends_the_shrinking() {
    let cluster = FakeCluster::new();
    *cluster.isr_after_nudge.lock().expect("a setting") = Some((3, vec![1, 3]));
    let (done, recorded, _) = Trial::new(cluster)
        .run(r#"steps = [{ at = "0s", lasts = "1s", fault = { shrink-isr = { key = 0 } } }]"#)
        .await;
    assert_eq!(done.last().expect("actions"), "heal 0");
    assert!(
        recorded
            .last()
            .expect("events")
            .contains("went from node 2 to node 3")
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_in_force_at_the_end_is_healed_in_reverse_order() {
    let (done, _, tally) = Trial::new(FakeCluster::new())
        .run(
            r#"steps = [
                { at = "1s", fault = { partition = { shape = "controller" } } },
                { at = "2s", fault = { pause = { target = ["n3"] } } },
                { at = "3s", fault = { kill = { target = ["n2"] } } },
                { at = "4s", lasts = "1s", fault = { partition = { shape = "leader", key = 0 } } },
            ]"#,
        )
        .await;
    let healing: Vec<_> = done.iter().skip(4).map(String::as_str).collect();
    assert_eq!(healing, ["heal 1", "start 2", "signal 18 to 3", "heal 0"]);
    assert_eq!((tally.injected, tally.bitten), (4, 4));
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_heals_in_reverse_order_and_skips_the_rest() {
    let trial = Trial::new(FakeCluster::new());
    let (stop, in_force) = (trial.stop.clone(), trial.in_force.clone());
    let watch = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let kinds: Vec<_> = in_force
            .list()
            .into_iter()
            .map(|fault| (fault.kind, fault.nodes))
            .collect();
        stop.cancel();
        kinds
    });
    let in_force = trial.in_force.clone();
    let (done, recorded, tally) = trial
        .run(
            r#"steps = [
                { at = "1s", lasts = "1h", fault = { pause = { target = ["n1"] } } },
                { at = "2s", lasts = "1h", fault = { kill = { target = ["n2"] } } },
                { at = "1m", lasts = "1s", fault = { kill = { target = ["n3"] } } },
            ]"#,
        )
        .await;
    let seen = watch.await.expect("a list");
    assert_eq!(seen, [("pause", vec![1]), ("kill", vec![2])]);
    assert_eq!(in_force.list(), []);
    assert_eq!(done, ["signal 19 to 1", "kill 2", "start 2", "signal 18 to 1"]);
    assert!(recorded.contains(
        &"2 kill [] skipped: SIGKILL to node 3: the run was interrupted before its time".to_owned()
    ));
    assert_eq!((tally.injected, tally.bitten, tally.skipped), (2, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_an_injection_under_way() {
    let trial = Trial::new(FakeCluster::new());
    let stop = trial.stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        stop.cancel();
    });
    let (done, recorded, tally) = trial
        .run(r#"steps = [{ at = "0s", lasts = "1s", fault = { shrink-isr = { key = 1 } } }]"#)
        .await;
    assert_eq!(done.last().expect("actions"), "heal 0");
    assert!(
        recorded
            .last()
            .expect("events")
            .ends_with("failed: interrupted before it was in force")
    );
    assert_eq!(tally.failed, 1);
}

#[tokio::test(start_paused = true)]
async fn without_the_power_a_fault_is_skipped_by_name() {
    let (done, recorded, tally) = Trial::new(FakeCluster::new().without_links())
        .run(
            r#"steps = [
                { at = "0s", lasts = "1s", fault = { shrink-isr = { key = 0 } } },
                { at = "0s", lasts = "1s", fault = { partition = { shape = "controller" } } },
            ]"#,
        )
        .await;
    assert_eq!(done, [""; 0]);
    let mut recorded = recorded;
    recorded.sort();
    assert_eq!(
        recorded,
        [
            "0 shrink-isr [] skipped: followers of log-0 cut from its leader's client port: \
             this environment lacks the power `network`",
            "1 partition [] skipped: controller cut from its peers, not from clients: \
             this environment lacks the power `network`",
        ]
    );
    assert_eq!(tally.skipped, 2);
}

#[tokio::test(start_paused = true)]
async fn without_a_target_a_fault_is_skipped_and_says_why() {
    let cluster = FakeCluster::new().with_unknown_leaders();
    let (_, recorded, tally) = Trial::new(cluster)
        .run(r#"steps = [{ at = "0s", lasts = "1s", fault = { kill = { target = "leader", key = 1 } } }]"#)
        .await;
    assert_eq!(
        recorded,
        ["0 kill [] skipped: SIGKILL to leader of log-1: nobody is known to lead log-1"]
    );
    assert_eq!(tally.skipped, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_down_already_is_not_killed_again() {
    let (done, recorded, tally) = Trial::new(FakeCluster::new())
        .run(
            r#"steps = [
                { at = "0s", lasts = "5s", fault = { kill = { target = ["n2"] } } },
                { at = "1s", lasts = "1s", fault = { kill = { target = ["n2"] } } },
            ]"#,
        )
        .await;
    assert_eq!(done, ["kill 2", "start 2"]);
    assert!(recorded[2].ends_with("skipped: SIGKILL to node 2: node 2: no process runs"));
    assert_eq!((tally.bitten, tally.skipped), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_injection_that_fails_halfway_is_undone() {
    let cluster = FakeCluster::new();
    cluster.kill_fails.store(true, Relaxed);
    let (done, recorded, tally) = Trial::new(cluster)
        .run(r#"steps = [{ at = "0s", lasts = "5s", fault = { kill = { target = "all" } } }]"#)
        .await;
    assert_eq!(done, ["kill 1", "kill 2", "start 1", "start 2"]);
    assert_eq!(
        recorded.last().expect("events"),
        "0 kill [1, 2, 3] failed: node 3: no permission"
    );
    assert_eq!((tally.injected, tally.failed), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn healing_is_tried_again_before_it_has_failed() {
    let plan = r#"steps = [{ at = "0s", lasts = "1s", fault = { kill = { target = ["n1"] } } }]"#;
    let slow = FakeCluster::new();
    slow.starts_that_fail.store(2, Relaxed);
    let (done, _, tally) = Trial::new(slow).run(plan).await;
    assert_eq!(done, ["kill 1", "start 1 fails", "start 1 fails", "start 1"]);
    assert_eq!((tally.bitten, tally.failed), (1, 0));
    let broken = FakeCluster::new();
    broken.starts_that_fail.store(u64::MAX, Relaxed);
    let (_, recorded, tally) = Trial::new(broken).run(plan).await;
    assert_eq!(
        recorded.last().expect("events"),
        "0 kill [1] failed: heal: start again: node 1: no memory"
    );
    assert_eq!((tally.injected, tally.bitten, tally.failed), (1, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_schedule_without_steps_ends_at_once() {
    let (done, recorded, tally) = Trial::new(FakeCluster::new()).run("steps = []").await;
    assert_eq!((done.len(), recorded.len(), tally), (0, 0, Tally::default()));
}
