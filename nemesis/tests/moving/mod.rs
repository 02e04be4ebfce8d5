//! The move from `ZooKeeper` to controllers.

use std::time::Duration;

use super::fake::{FakeCluster, Trial};

fn step(to: &str) -> String {
    format!(r#"steps = [{{ at = "0s", lasts = "1s", fault = {{ migrate = {{ to = "{to}" }} }} }}]"#)
}

/// What is done to these nodes, one after the other, that are made to run so.
fn restarted(nodes: [u32; 3], mode: &str) -> Vec<String> {
    let each = |node: u32| {
        [
            format!("stop {node}"),
            format!("{node} by {mode}"),
            format!("start {node}"),
        ]
    };
    nodes.into_iter().flat_map(each).collect()
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_moved_phase_by_phase_the_active_controller_last() {
    let trial = Trial::new(FakeCluster::with_zookeeper());
    let cluster = trial.cluster.clone();
    let (done, recorded, tally) = trial.run(&step("finalised")).await;
    let mut expected: Vec<String> = [4, 5, 6]
        .iter()
        .flat_map(|node| [format!("{node} by Both"), format!("start {node}")])
        .collect();
    // Node 1 is the active controller.
    expected.extend(restarted([2, 3, 1], "Both"));
    expected.extend(restarted([2, 3, 1], "Quorum"));
    expected.extend(restarted([4, 5, 6], "Quorum"));
    expected.extend([7, 8, 9].map(|node| format!("stop {node}")));
    assert_eq!(done, expected);
    assert_eq!(cluster.running(), [1, 2, 3, 4, 5, 6]);
    let last = recorded.last().expect("events");
    for part in [
        "bit: nodes 4, 5, 6 began to run, and node 5 leads their quorum in term 2",
        "ZooKeeper holds that node 5 took over in term 2, and all up to offset 117 of its log",
        "nodes 2, 3, 1 restarted without ZooKeeper, and say what the quorum has finalised",
        "whose nodes were stopped (nodes 7, 8, 9)",
    ] {
        assert!(last.contains(part), "{part}: {last}");
    }
    assert_eq!((tally.injected, tally.bitten), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_phase_that_is_broken_off_is_completed_and_no_other_begun() {
    let trial = Trial::new(FakeCluster::with_zookeeper());
    let (stop, cluster) = (trial.stop.clone(), trial.cluster.clone());
    tokio::spawn(async move {
        // Within the first broker's restart.
        tokio::time::sleep(Duration::from_secs(2)).await;
        stop.cancel();
    });
    let (done, recorded, _) = trial.run(&step("finalised")).await;
    assert!(done.contains(&"1 by Both".to_owned()), "{done:?}");
    assert!(!done.iter().any(|done| done.ends_with("by Quorum")), "{done:?}");
    assert_eq!(cluster.running().len(), 9);
    let last = recorded.last().expect("events");
    assert!(
        last.contains("failed: interrupted before it was in force"),
        "{last}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_reached_is_not_done_again() {
    let twice = r#"steps = [
        { name = "first", at = "0s", lasts = "1s", fault = { migrate = { to = "controllers" } } },
        { lasts = "1s", when = { after = { step = "first", delay = "1s" } }, fault = { migrate = { to = "controllers" } } },
    ]"#;
    let trial = Trial::new(FakeCluster::with_zookeeper());
    let (done, recorded, tally) = trial.run(twice).await;
    assert_eq!(done.len(), 6, "{done:?}");
    let last = recorded.last().expect("events");
    assert!(
        last.contains("the cluster has come as far: the controllers run"),
        "{last}"
    );
    assert_eq!(tally.injected, 1);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_zookeeper_cannot_be_moved() {
    let (done, recorded, _) = Trial::new(FakeCluster::new()).run(&step("finalised")).await;
    assert!(done.is_empty(), "{done:?}");
    let last = recorded.last().expect("events");
    assert!(last.contains("skipped"), "{last}");
}
