//! Disks that fail in a cluster that is nothing but state, in paused time.

use std::sync::atomic::Ordering::Relaxed;

use nemesis::NemesisConfig;

use crate::fake::{FakeCluster, Trial};

fn plan(fault: &str) -> String {
    format!("steps = [{{ at = \"0s\", lasts = \"4s\", fault = {fault} }}]")
}

async fn check(fault: &str, done: &[&str], evidence: &str) {
    let (journal, recorded, tally) = Trial::new(FakeCluster::new()).run(&plan(fault)).await;
    assert_eq!(journal, done, "{fault}");
    let last = recorded.last().expect("events");
    assert!(last.ends_with(evidence), "{last}");
    assert_eq!(tally.bitten, 1, "{fault}");
}

const LOST: &str = "lost 10 bytes at the ends and 2 pages within 1 files, and 3 changes of names";

#[tokio::test(start_paused = true)]
async fn the_power_of_all_is_cut_before_anybody_is_killed() {
    let fault = r#"{ power-loss = { target = ["n1", "n2"] } }"#;
    let evidence =
        format!("bit: node 1 killed by signal 9, node 2 killed by signal 9; node 1 {LOST}, node 2 {LOST}");
    let done = [
        "cut on 1",
        "cut on 2",
        "kill 1",
        "kill 2",
        "lose all on 2",
        "lose all on 1",
        "start 1",
        "start 2",
    ];
    check(fault, &done, &evidence).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_torn_or_strict_is_said_to_the_disk() {
    for (setting, what) in [
        ("torn = true", "lose some on 1"),
        ("strict = true", "lose strictly on 1"),
    ] {
        let fault = format!("{{ power-loss = {{ target = [1], {setting} }} }}");
        check(&fault, &["cut on 1", "kill 1", what, "start 1"], LOST).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_power_failed_at_an_operation_is_killed() {
    check(
        r#"{ crash-at = { target = [3], files = "segment", operation = "write", nth = 7 } }"#,
        &[
            "Write: Cut { nth: 7 } on 3",
            "cut on 3",
            "kill 3",
            "lose all on 3",
            "unhook on 3",
            "start 3",
        ],
        "; node 3: 3 matching operations",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_never_comes_is_waited_for_no_longer_than_asked() {
    let cluster = FakeCluster::new();
    cluster.disk(3).bites.store(0, Relaxed);
    let fault = r#"{ crash-at = { target = [3], within = "5s" } }"#;
    let (done, recorded, tally) = Trial::new(cluster).run(&plan(fault)).await;
    assert_eq!(done, ["Sync: Cut { nth: 1 } on 3", "unhook on 3"]);
    let last = recorded.last().expect("events");
    assert!(
        last.contains("wait for sync 1 of all files on node 3: not within 5s"),
        "{last}"
    );
    assert_eq!((tally.failed, tally.bitten), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn hooks_are_set_for_each_operation_and_taken_away() {
    check(
        r#"{ slow-disk = { target = [1], operations = ["read", "sync"], delay = "200ms" } }"#,
        &[
            "Read: Delay(200ms) on 1",
            "Sync: Delay(200ms) on 1",
            "unhook on 1",
            "unhook on 1",
        ],
        "bit: node 1: 4 operations delayed, 4.0 s in all",
    )
    .await;
    check(
        r#"{ disk-full = { target = "leader", key = 0, after = 5000 } }"#,
        &["Write: Full { after: 5000 } on 2", "unhook on 2"],
        "bit: node 2: 2 writes found no room",
    )
    .await;
    check(
        r#"{ disk-error = { target = [1], operation = "sync", nth = 2 } }"#,
        &["Sync: Fail(Nth(2)) on 1", "unhook on 1"],
        "bit: node 1: 2 of 3 syncs failed",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_nobody_used_shows_nothing() {
    let cluster = FakeCluster::new();
    cluster.disk(1).bites.store(0, Relaxed);
    let (_, recorded, tally) = Trial::new(cluster)
        .run(&plan("{ disk-full = { target = [1] } }"))
        .await;
    assert!(
        recorded
            .last()
            .expect("events")
            .ends_with("did not bite: node 1: 0 writes found no room")
    );
    assert_eq!((tally.injected, tally.bitten), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn bits_rot_while_the_broker_is_down_and_are_mended_when_it_has_read_them() {
    check(
        "{ bit-rot = { target = [1], bits = 3 } }",
        &[
            "kill 1",
            "rot 3 on 1",
            "Read: Delay(0ns) on 1",
            "start 1",
            "unhook on 1",
            "mend on 1",
        ],
        "node 1: 3 bits flipped, 1 of them gone by the broker's own doing; node 1: 2 reads of such files",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_whose_disk_cannot_fail_is_skipped_by_name() {
    let (done, recorded, tally) = Trial::new(FakeCluster::new().without_disks())
        .run(&plan("\"power-loss\""))
        .await;
    assert!(done.is_empty());
    assert!(
        recorded
            .last()
            .expect("events")
            .contains("lacks the power `disk`"),
        "{recorded:?}"
    );
    assert_eq!(tally.skipped, 1);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let refused = |fault: &str, expected: &str| {
        let config: NemesisConfig = toml::from_str(&plan(fault)).expect("well formed");
        let invalid = config.resolve(1, &[1, 2, 3], 4).expect_err(fault).to_string();
        assert!(invalid.contains(expected), "{invalid}");
    };
    refused("{ power-loss = { seed = 1 } }", "goes with `torn = true` only");
    refused("{ crash-at = { nth = 0 } }", "operations are counted from 1");
    refused("{ crash-at = { within = \"0s\" } }", "no time at all");
    refused("{ slow-disk = { operations = [] } }", "none is slow");
    refused("{ slow-disk = { delay = \"0s\" } }", "more than nothing");
    refused("{ slow-disk = { delay = \"2m\" } }", "at most 1m");
    refused(
        "{ disk-error = { share = 1.4 } }",
        "1.4 is no share above 0 and up to 1",
    );
    refused("{ disk-error = { share = 0.0 } }", "0 is no share");
    refused("{ disk-error = { share = 0.5, nth = 1 } }", "not both");
    refused("{ bit-rot = { bits = 0 } }", "bits");
    refused("{ power-loss = { target = [9] } }", "there is no node 9");
}
