//! Rolling upgrades and downgrades.

use std::time::Duration;

use super::fake::{FakeCluster, Trial};

const UPGRADE: &str = r#"steps = [{ at = "0s", lasts = "1s", fault = { rolling-upgrade = { to = "4.4.0", finalise = true } } }]"#;
const DOWNGRADE: &str =
    r#"steps = [{ at = "0s", lasts = "1s", fault = { rolling-downgrade = { to = "3.9.2" } } }]"#;

/// What is done to a node that is changed.
fn changed(node: u32, version: &str) -> [String; 3] {
    [
        format!("stop {node}"),
        format!("change {node} to {version}"),
        format!("start {node}"),
    ]
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_goes_from_node_to_node_the_controllers_last_and_is_finalised() {
    let cluster = FakeCluster::new().with_versions("3.9.2");
    let (done, recorded, tally) = Trial::new(cluster).run(UPGRADE).await;
    let mut expected = [2, 3, 1].map(|node| changed(node, "4.4.0")).concat();
    expected.push("finalise 4.4.0".to_owned());
    assert_eq!(done, expected);
    let last = recorded.last().expect("events");
    assert!(
        last.contains("bit: node 2 from 3.9.2 to 4.4.0 (metadata.version up to 21, then 33), in every ISR")
            && last.ends_with("finalised: metadata.version from 21 to 33"),
        "{last}"
    );
    assert_eq!((tally.injected, tally.bitten), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_roll_that_is_broken_off_is_completed() {
    let trial = Trial::new(FakeCluster::new().with_versions("3.9.2"));
    let (stop, cluster) = (trial.stop.clone(), trial.cluster.clone());
    tokio::spawn(async move {
        // Within the time in which versions are mixed after the first node.
        tokio::time::sleep(Duration::from_secs(2)).await;
        stop.cancel();
    });
    let (done, recorded, _) = trial.run(UPGRADE).await;
    assert_eq!(done, [2, 3, 1].map(|node| changed(node, "4.4.0")).concat());
    assert!(cluster.all_run());
    let last = recorded.last().expect("events");
    assert!(
        last.contains("failed: interrupted before it was in force"),
        "{last}"
    );
}

#[tokio::test(start_paused = true)]
async fn there_is_a_way_back_only_while_nothing_newer_is_finalised() {
    let cluster = FakeCluster::new().with_versions("4.4.0");
    let (done, recorded, tally) = Trial::new(cluster).run(DOWNGRADE).await;
    assert!(done.is_empty(), "{done:?}");
    assert_eq!(
        recorded,
        [
            "0 rolling-downgrade [] skipped: node by node back to Kafka 3.9.2: there is no way back to 3.9.2: \
          level 33 is finalised"
        ]
    );
    assert_eq!(tally.skipped, 1);
    let cluster = FakeCluster::new().with_versions("3.9.2");
    let there_and_back = r#"steps = [
        { at = "0s", lasts = "1s", fault = { rolling-upgrade = { to = "4.4.0" } } },
        { at = "1m", lasts = "1s", fault = { rolling-downgrade = { to = "3.9.2" } } },
    ]"#;
    let (done, _, tally) = Trial::new(cluster).run(there_and_back).await;
    assert_eq!(done.len(), 18);
    assert_eq!((tally.injected, tally.bitten), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_versions_and_one_that_has_the_version_are_left_alone() {
    for (cluster, reason) in [
        (FakeCluster::new(), "this environment lacks the power `versions`"),
        (
            FakeCluster::new().with_versions("4.4.0"),
            "no node's version is older than 4.4.0",
        ),
    ] {
        let (done, recorded, _) = Trial::new(cluster).run(UPGRADE).await;
        assert!(done.is_empty(), "{done:?}");
        assert!(recorded[0].ends_with(reason), "{recorded:?}");
    }
}
