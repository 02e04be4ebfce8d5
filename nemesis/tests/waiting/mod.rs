//! Steps that wait for what is seen, and limits that are kept at the injection, against a cluster that is nothing but
//! state, in paused time.

use std::sync::Arc;
use std::time::Duration;

use nemesis::{FaultLimits, NemesisConfig, Tally};
use tokio::time::sleep;

use crate::fake::{FakeCluster, Trial};

/// Runs steps while something happens in the cluster, and gives what was recorded.
async fn run_while<F>(plan: &str, happens: impl FnOnce(Arc<FakeCluster>) -> F) -> (Vec<String>, Tally)
where
    F: Future<Output = ()> + Send + 'static,
{
    let trial = Trial::new(FakeCluster::new());
    let task = tokio::spawn(happens(trial.cluster.clone()));
    let (_, recorded, tally) = trial.run(plan).await;
    task.abort();
    (recorded, tally)
}

async fn nothing(_: Arc<FakeCluster>) {}

#[tokio::test(start_paused = true)]
async fn a_step_begins_when_the_isr_is_seen_to_be_one_node() {
    let plan = r#"steps = [{ lasts = "1s", fault = { kill = { target = "leader", key = 0 } }, when = { isr-of = { key = 0, at-most = 1 } } }]"#;
    let (recorded, tally) = run_while(plan, |cluster| async move {
        sleep(Duration::from_secs(3)).await;
        cluster.set_isr(0, 2, vec![2, 3]);
        sleep(Duration::from_secs(3)).await;
        cluster.set_isr(0, 2, vec![2]);
    })
    .await;
    assert_eq!(
        recorded[0],
        "0 kill [2] injecting: SIGKILL to leader of log-0 (node 2); 0 ms after the ISR of log-0 was seen to be [2]"
    );
    assert_eq!(tally.bitten, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_never_seen_is_skipped_by_name_after_its_time() {
    let plan =
        r#"steps = [{ lasts = "1s", fault = "kill", when = { election = { key = 1 }, timeout = "5s" } }]"#;
    let (recorded, tally) = run_while(plan, nothing).await;
    assert_eq!(
        recorded,
        ["0 kill [] skipped: SIGKILL to node 2: not seen within 5s: an election in log-1"]
    );
    assert_eq!(tally.skipped, 1);
}

#[tokio::test(start_paused = true)]
async fn only_an_election_after_the_waiting_began_counts() {
    let plan = r#"steps = [{ lasts = "1s", fault = { pause = { target = "leader", key = 0 } }, when = { election = { key = 0, within = "50ms" }, from = "2s" } }]"#;
    let (recorded, _) = run_while(plan, |cluster| async move {
        sleep(Duration::from_secs(1)).await;
        cluster.elect(0, 3, 2);
        sleep(Duration::from_secs(4)).await;
        cluster.elect(0, 1, 3);
    })
    .await;
    assert_eq!(
        recorded[0],
        "0 pause [1] injecting: SIGSTOP to leader of log-0 (node 1); 0 ms after node 1 was seen to lead log-0 in epoch 3"
    );
}

#[tokio::test(start_paused = true)]
async fn another_controller_is_seen() {
    let plan = r#"steps = [{ lasts = "1s", fault = { pause = { target = "controller" } }, when = { controller-changed = {} } }]"#;
    let (recorded, _) = run_while(plan, |cluster| async move {
        sleep(Duration::from_secs(1)).await;
        cluster.control(3, 2);
    })
    .await;
    assert_eq!(
        recorded[0],
        "0 pause [3] injecting: SIGSTOP to controller (node 3); 0 ms after node 3 was seen as the active controller of term 2"
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_follows_another_at_a_distance() {
    let plan = r#"steps = [
        { name = "first", at = "1s", lasts = "2s", fault = { pause = { target = ["n1"] } } },
        { name = "second", lasts = "1s", fault = { kill = { target = ["n2"] } }, when = { after = { step = "first", delay = "1s" } } },
        { lasts = "1s", fault = { kill = { target = ["n3"] } }, when = { after = { step = "second", is = "injected" } } },
    ]"#;
    let (recorded, tally) = run_while(plan, nothing).await;
    let begins = |kind: &str| {
        let injecting = recorded.iter().filter(|line| line.contains("injecting"));
        injecting
            .filter(|line| line.contains(kind))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(tally.bitten, 3, "{recorded:#?}");
    assert!(
        begins("node 2")[0].ends_with("1000 ms after `first` was healed"),
        "{recorded:#?}"
    );
    assert!(
        begins("node 3")[0].ends_with("0 ms after `second` came into force"),
        "{recorded:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_step_that_was_skipped_is_skipped() {
    let plan = r#"steps = [
        { name = "first", at = "0s", lasts = "1s", fault = { kill = { target = ["n1"] } } },
        { name = "second", at = "0s", lasts = "1s", fault = { pause = { target = ["n1"] } }, exceed = true },
        { lasts = "1s", fault = { kill = { target = ["n3"] } }, when = { after = { step = "third" } } },
        { name = "third", lasts = "1s", fault = { pause = { target = ["n2"] } }, when = { isr-of = { key = 0, at-least = 9 }, timeout = "3s" } },
    ]"#;
    let (recorded, _) = run_while(plan, nothing).await;
    assert!(
        recorded
            .iter()
            .any(|line| line.contains("the step `third` never came so far")),
        "{recorded:#?}"
    );
}

/// Two kills that overlap, and limits.
async fn limited(limits: &str, second: &str) -> (Vec<String>, Tally) {
    let plan = format!(
        r#"steps = [
            {{ at = "0s", lasts = "5s", fault = {{ kill = {{ target = ["n1"] }} }} }},
            {{ at = "1s", lasts = "1s", fault = {{ kill = {{ target = ["n2"] }} }}{second} }},
            {{ at = "6s", lasts = "1s", fault = {{ kill = {{ target = ["n3"] }} }} }},
        ]
        {limits}"#
    );
    let limits: FaultLimits = toml::from_str::<NemesisConfig>(&plan).expect("a plan").limits;
    let (_, recorded, tally) = Trial::new(FakeCluster::new()).within(limits).run(&plan).await;
    (recorded, tally)
}

#[tokio::test(start_paused = true)]
async fn what_would_break_a_limit_is_skipped_by_name() {
    for (limits, reason) in [
        (
            "[limits]\nnodes-down-at-most = 1",
            "it takes nodes 1, 2 away, and at most 1 may be down or cut off",
        ),
        (
            "[limits]\nkeep = \"majority\"",
            "it leaves node 3 together, and at least 2 of 3 are to be kept",
        ),
    ] {
        let (recorded, tally) = limited(limits, "").await;
        let expected = format!("1 kill [] skipped: SIGKILL to node 2: beyond the limits: {reason}");
        assert!(recorded.contains(&expected), "{recorded:#?}");
        // Once the first is healed there is room for another.
        assert_eq!((tally.skipped, tally.bitten), (1, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn limits_can_be_exceeded_on_purpose() {
    for (limits, second) in [
        ("[limits]\nnodes-down-at-most = 1\nexceed = true", ""),
        ("[limits]\nnodes-down-at-most = 1", ", exceed = true"),
    ] {
        let (recorded, tally) = limited(limits, second).await;
        let expected = "1 kill [2] injecting: SIGKILL to node 2 (node 2); beyond the limits on purpose: it takes nodes 1, 2 \
                        away, and at most 1 may be down or cut off";
        assert!(recorded.iter().any(|line| line == expected), "{recorded:#?}");
        assert_eq!(tally.bitten, 3);
    }
}
