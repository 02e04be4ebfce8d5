//! Faults of processes against a cluster that is nothing but state, in paused time.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use nemesis::Tally;

use crate::fake::{FakeCluster, Trial};

/// Runs one fault for some time: what was done, the last event, and the count.
async fn run(cluster: FakeCluster, lasts: &str, fault: &str) -> (Vec<String>, String, Tally) {
    let plan = format!("steps = [{{ at = \"0s\", lasts = \"{lasts}\", fault = {fault} }}]");
    let (done, mut recorded, tally) = Trial::new(cluster).run(&plan).await;
    (done, recorded.pop().expect("events"), tally)
}

/// The same on a sound cluster: what was done, and the end of the last event, which says that it bit.
async fn check(lasts: &str, fault: &str, done: &[&str], evidence: &str) {
    let (seen, last, tally) = run(FakeCluster::new(), lasts, fault).await;
    assert_eq!(seen, done, "{fault}");
    assert!(last.ends_with(&format!(" bit: {evidence}")), "{fault}: {last}");
    assert_eq!(tally.bitten, 1, "{fault}");
}

#[tokio::test(start_paused = true)]
async fn a_termination_is_shown_by_its_status() {
    check(
        "2s",
        r#"{ terminate = { target = "leader", key = 1 } }"#,
        &["stop 3", "start 3"],
        "node 3 exited with status 143",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_had_to_be_killed_was_not_terminated() {
    let cluster = FakeCluster::new();
    cluster.ends_by_itself.store(false, Relaxed);
    let (done, last, tally) = run(cluster, "2s", r#"{ terminate = { target = ["n1"] } }"#).await;
    assert_eq!(done, ["stop 1", "start 1"]);
    assert!(
        last.ends_with("did not bite: node 1 killed by signal 9"),
        "{last}"
    );
    assert_eq!((tally.injected, tally.bitten), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn nodes_come_back_as_the_policy_says() {
    for (restart, evidence) in [
        (r#""at-end""#, "node 1 killed by signal 9"),
        (r#""at-once""#, "node 1 killed by signal 9, down for 0.0 s"),
        (r#"{ after = "2s" }"#, "node 1 killed by signal 9, down for 2.0 s"),
        // The fault is over before that.
        (r#"{ after = "1m" }"#, "node 1 killed by signal 9"),
    ] {
        let fault = format!(r#"{{ kill = {{ target = ["n1"], restart = {restart} }} }}"#);
        check("5s", &fault, &["kill 1", "start 1"], evidence).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_never_comes_back_does_so_at_the_end_of_all() {
    let plan = r#"steps = [
        { at = "0s", lasts = "1s", fault = { kill = { target = ["n1"], restart = "never" } } },
        { at = "2s", lasts = "5s", fault = { pause = { target = ["n2"] } } },
    ]"#;
    let (done, recorded, tally) = Trial::new(FakeCluster::new()).run(plan).await;
    assert_eq!(done, ["kill 1", "signal 19 to 2", "signal 18 to 2", "start 1"]);
    assert!(
        recorded
            .last()
            .expect("events")
            .ends_with("bit: node 1 killed by signal 9"),
        "{recorded:#?}"
    );
    assert_eq!(tally.bitten, 2);
}

#[tokio::test(start_paused = true)]
async fn a_restart_waits_until_the_node_serves_before_the_next() {
    check(
        "1s",
        r#"{ restart = { target = ["n2"], times = 2, by = "kill" } }"#,
        &["kill 2", "start 2", "kill 2", "start 2"],
        "node 2 killed by signal 9 (2 times), down for 0.0 s, served again after 1.5 s",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_rolling_restart_goes_on_when_a_node_is_in_sync_again() {
    check(
        "1s",
        r#"{ rolling-restart = { target = ["n1", "n2"] } }"#,
        &["stop 1", "start 1", "stop 2", "start 2"],
        "node 1 exited with status 143, down for 0.0 s, served again after 1.5 s, \
         node 2 exited with status 143, down for 0.0 s, served again after 1.5 s; \
         in every ISR again: 1 after 1.5 s, 2 after 1.5 s",
    )
    .await;
    let stuck = FakeCluster::new();
    stuck.set_isr(0, 2, vec![2, 3]);
    let (done, last, tally) = run(stuck, "1s", r#"{ rolling-restart = { by = "kill" } }"#).await;
    assert_eq!(done, ["kill 1", "start 1"]);
    assert!(
        last.ends_with("node 1 was not back in every ISR within 40s, which ended the roll"),
        "{last}"
    );
    assert_eq!(tally.bitten, 1);
}

#[tokio::test(start_paused = true)]
async fn a_crash_loop_goes_on_until_it_is_healed_and_leaves_the_node_up() {
    check(
        "4s",
        r#"{ crash-loop = { target = ["n3"] } }"#,
        &["kill 3", "start 3", "kill 3", "start 3", "kill 3", "start 3"],
        "node 3 killed by signal 9 (3 times), down for 0.0 s, served again after 1.5 s",
    )
    .await;
    check(
        "1s",
        r#"{ crash-loop = { target = ["n3"], lives = "600ms" } }"#,
        &["kill 3", "start 3", "kill 3", "start 3"],
        "node 3 killed by signal 9 (2 times), down for 0.0 s",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_process_is_killed_while_it_recovers() {
    check(
        "1s",
        r#"{ kill-recovering = { target = ["n1"], times = 2 } }"#,
        &["kill 1", "start 1", "kill 1", "start 1", "kill 1", "start 1"],
        "node 1 killed by signal 9 (3 times), down for 0.0 s; 2 of 2 times while it recovered its logs",
    )
    .await;
    let mut quick = FakeCluster::new();
    quick.recovers_for = Duration::ZERO;
    let (_, last, tally) = run(quick, "1s", r#"{ kill-recovering = { target = ["n1"] } }"#).await;
    assert!(last.contains("did not bite") && last.ends_with("0 of 1 times while it recovered its logs"));
    assert_eq!((tally.injected, tally.bitten), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_wiped_node_comes_back_empty() {
    check(
        "1s",
        r#"{ wipe = { target = ["n2"] } }"#,
        &["stop 2", "wipe 2", "start 2"],
        "node 2 exited with status 143; node 2 lost 3 files (700 bytes) and directory old, and has new",
    )
    .await;
    let empty = FakeCluster::new();
    empty.files_on_disk.store(0, Relaxed);
    let (_, last, _) = run(empty, "1s", r#"{ wipe = { target = ["n2"], by = "kill" } }"#).await;
    assert!(last.contains("did not bite"), "nothing was there to lose: {last}");
}

#[tokio::test(start_paused = true)]
async fn a_frozen_process_is_shown_by_its_group_and_by_silence() {
    check(
        "2s",
        r#"{ freeze = { target = ["n2"] } }"#,
        &["freeze 2", "thaw 2"],
        "node 2 frozen, no answer in 500 ms",
    )
    .await;
    let (done, last, tally) = run(FakeCluster::new().without_groups(), "2s", "\"freeze\"").await;
    assert_eq!(done, [""; 0]);
    assert!(
        last.ends_with("this environment lacks the power `freeze`"),
        "{last}"
    );
    assert_eq!(tally.skipped, 1);
}

#[tokio::test(start_paused = true)]
async fn a_starved_process_gets_less_than_before() {
    check(
        "4s",
        r#"{ starve = { target = ["n1"] } }"#,
        &["limit 1 to 5", "unlimit 1"],
        "node 1 got 5.0 % of a CPU, and 50.0 % before: held back in 30 periods, its threads for 1.0 s",
    )
    .await;
    // It never wants as much.
    let (_, last, _) = run(
        FakeCluster::new(),
        "4s",
        r#"{ starve = { target = ["n1"], cpu-percent = 60 } }"#,
    )
    .await;
    assert!(last.contains("did not bite"), "{last}");
}

#[tokio::test(start_paused = true)]
async fn without_a_group_signals_starve_a_process_and_it_is_left_running() {
    let cluster = FakeCluster::new().without_groups();
    let fault = r#"{ starve = { target = ["n1"], cpu-percent = 10 } }"#;
    let (done, last, tally) = run(cluster, "1s", fault).await;
    assert_eq!(done.first().map(String::as_str), Some("signal 19 to 1"));
    assert_eq!(done.last().map(String::as_str), Some("signal 18 to 1"));
    assert!(
        last.ends_with("bit: node 1 got 5.0 % of a CPU, and 50.0 % before: stopped 10 times, as there is no control group to hold it down"),
        "{last}"
    );
    assert_eq!(tally.bitten, 1);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_in_the_middle_of_restarts_leaves_every_node_up() {
    for fault in [
        r#"{ restart = { target = "all", times = 9 } }"#,
        "\"rolling-restart\"",
        r#"{ kill-recovering = { target = "all", times = 9 } }"#,
        r#"{ crash-loop = { target = "all" } }"#,
        r#"{ kill = { target = "all", restart = { after = "1h" } } }"#,
    ] {
        for moment in [1, 700, 1_000, 1_001, 1_510, 2_000] {
            let trial = Trial::new(FakeCluster::new());
            let (stop, cluster) = (trial.stop.clone(), trial.cluster.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(moment)).await;
                stop.cancel();
            });
            let plan = format!("steps = [{{ at = \"0s\", lasts = \"1h\", fault = {fault} }}]");
            let (done, recorded, _) = trial.run(&plan).await;
            assert!(
                cluster.all_run(),
                "{fault}, {moment} ms: {done:#?} {:#?}",
                recorded.last()
            );
        }
    }
}
