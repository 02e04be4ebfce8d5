//! Clocks made wrong in a cluster that is nothing but state, in paused time.

use std::sync::atomic::Ordering::Relaxed;

use nemesis::NemesisConfig;

use crate::fake::{self, FakeCluster, Trial};

fn plan(fault: &str) -> String {
    format!("steps = [{{ at = \"0s\", lasts = \"4s\", fault = {fault} }}]")
}

async fn check(fault: &str, done: &[&str], evidence: &str) {
    let (journal, recorded, tally) = Trial::new(FakeCluster::new()).run(&plan(fault)).await;
    assert_eq!(journal, done);
    let last = recorded.last().expect("events");
    assert!(last.ends_with(evidence), "{last}");
    assert_eq!(tally.bitten, 1);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_is_read_by_its_broker_and_set_right() {
    check(
        r#"{ clock-jump = { target = "leader", key = 1, offset = "-1h" } }"#,
        &["skew 0 of 3: Jump { nanoseconds: -3600000000000 }", "restore 0 of 3 at 4 s"],
        "bit: node 3: -3600.000 s asked for 0.0 s after the injection, -3600.000 s (±1.0 ms) read, then +0.000 s (±1.0 ms)",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_whose_clock_is_set_back_far_is_started_anew() {
    let ahead = r#"{ clock-jump = { target = ["n1", "n2"], offset = "+60s" } }"#;
    let skews = [
        "skew 0 of 1: Jump { nanoseconds: 60000000000 }",
        "skew 0 of 2: Jump { nanoseconds: 60000000000 }",
    ];
    let restored = ["restore 0 of 1 at 4 s", "restore 0 of 2 at 4 s"];
    let restarted = ["stop 2", "start 2", "stop 1", "start 1"];
    let done = [&skews[..], &restored, &restarted].concat();
    check(
        ahead,
        &done,
        "because its clock was set back, node 1 exited with status 143, down for 0.0 s, served again after 1.5 s, \
         node 2 exited with status 143, down for 0.0 s, served again after 1.5 s",
    )
    .await;
    let left_alone = ahead.replace("+60s\"", "+60s\", restart = false");
    check(
        &left_alone,
        &[skews, restored].concat(),
        "then +0.000 s (±1.0 ms)",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_drifts_is_read_when_it_has_come_far_enough() {
    check(
        "{ clock-drift = { target = [2], ppm = -1_000 } }",
        &["skew 0 of 2: Drift { ppm: -1000 }", "restore 0 of 2 at 4 s"],
        "bit: node 2: -0.004 s asked for 4.0 s after the injection, -0.004 s (±1.0 ms) read, then +0.000 s (±1.0 ms)",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_strobes_is_read_in_both_of_its_states() {
    check(
        r#"{ clock-strobe = { target = [1], period = "100ms", amplitude = "-300s" } }"#,
        &[
            "skew 0 of 1: Strobe { period: 100ms, nanoseconds: -300000000000 }",
            "restore 0 of 1 at 4 s",
        ],
        "and 5 right, then +0.000 s (±1.0 ms)",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_whose_broker_does_not_notice_has_no_evidence() {
    for (fault, reason) in [
        (
            r#"{ clock-jump = { target = [1], offset = "-1h" } }"#,
            "+0.000 s (±1.0 ms) read, which is not as asked for",
        ),
        ("{ clock-strobe = { target = [1] } }", "of them not as asked for"),
    ] {
        let cluster = FakeCluster::new();
        cluster.clocks_are_deaf.store(true, Relaxed);
        let (_, recorded, tally) = Trial::new(cluster).run(&plan(fault)).await;
        let last = recorded.last().expect("events");
        assert!(last.contains("did not bite") && last.contains(reason), "{last}");
        assert_eq!((tally.injected, tally.bitten), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_drift_too_small_to_tell_has_no_evidence() {
    let fault = "{ clock-drift = { target = [1], ppm = 100 } }";
    let (_, recorded, tally) = Trial::new(FakeCluster::new()).run(&plan(fault)).await;
    let last = recorded.last().expect("events");
    assert!(last.contains("no answer with a time that tells"), "{last}");
    assert_eq!((tally.injected, tally.bitten), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn faults_of_one_clock_add_up_and_each_heals_its_own() {
    let plan = r#"steps = [
        { at = "0s", lasts = "6s", fault = { clock-jump = { target = [1], offset = "-1h" } } },
        { at = "1s", lasts = "2s", fault = { clock-jump = { target = [1], offset = "-60s" } } },
    ]"#;
    let (done, recorded, tally) = Trial::new(FakeCluster::new()).run(plan).await;
    assert_eq!(done[2..], ["restore 1 of 1 at 3 s", "restore 0 of 1 at 6 s"]);
    let evidence: Vec<_> = recorded.iter().filter(|line| line.contains("bit:")).collect();
    assert!(
        evidence[0].contains("-3660.000 s") && evidence[0].ends_with("then -3600.000 s (±1.0 ms)"),
        "{evidence:?}"
    );
    assert_eq!(tally.bitten, 2);
}

#[tokio::test(start_paused = true)]
async fn machines_without_clocks_lack_the_power() {
    let (done, recorded, tally) = Trial::new(FakeCluster::new().without_clocks())
        .run(&plan("\"clock-strobe\""))
        .await;
    assert!(done.is_empty());
    assert!(
        recorded[0].contains("skipped") && recorded[0].contains("lacks the power `clock`"),
        "{recorded:?}"
    );
    assert_eq!(tally.skipped, 1);
}

/// A plan's fault is refused, at this column, with these words.
fn refused(fault: &str, part: &str) {
    let error = toml::from_str::<NemesisConfig>(&plan(fault))
        .expect_err(fault)
        .to_string();
    assert!(
        error.contains("line 1, column ") && error.contains(part),
        "{error}"
    );
}

#[test]
fn settings_that_cannot_be_are_refused_where_they_stand() {
    refused(r#"{ clock-jump = { offset = "1h" } }"#, "`1h` has no sign");
    refused(r#"{ clock-jump = { offset = "+0s" } }"#, "`+0s` moves nothing");
    refused(r#"{ clock-jump = { offset = "-721h" } }"#, "at most 30 days");
    refused(
        "{ clock-jump = { offset = 5 } }",
        "a length of time with its sign",
    );
    refused("{ clock-drift = { ppm = 0 } }", "1 to 999999 parts per million");
    refused("{ clock-drift = { ppm = -1_000_000 } }", "not by -1000000");
    refused(r#"{ clock-strobe = { period = "0s" } }"#, "a period of no time");
    refused(r#"{ clock-strobe = { period = "-1s" } }"#, "no length of time");
    refused(r#"{ clock-strobe = { amplitude = "300s" } }"#, "has no sign");
    refused(
        r#"{ clock-drift = { offset = "+1s" } }"#,
        "unknown field `offset`",
    );
}

#[test]
fn an_offset_that_is_left_open_is_drawn_from_the_seed() {
    let steps = fake::steps(&plan("\"clock-jump\""));
    let text = toml::to_string(&steps[0]).expect("a step has a form in TOML");
    assert!(
        text.contains("offset = \"+") || text.contains("offset = \"-"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn who_would_hit_a_broker_that_is_started_anew_waits_until_it_is() {
    let plan = r#"steps = [
        { at = "0s", lasts = "4s", fault = { clock-jump = { target = ["n1"], offset = "+60s" } } },
        { at = "4500ms", lasts = "1s", fault = { kill = { target = ["n1"] } } },
        { at = "4600ms", lasts = "1s", fault = { pause = { target = ["n2"] } } },
    ]"#;
    let (_, recorded, tally) = Trial::new(FakeCluster::new()).run(plan).await;
    let place = |text: &str| recorded.iter().position(|line| line.starts_with(text));
    assert!(
        place("2 pause [2] injecting") < place("0 clock-jump [1] bit"),
        "{recorded:#?}"
    );
    assert!(
        place("0 clock-jump [1] bit") < place("1 kill [1] injecting"),
        "{recorded:#?}"
    );
    assert_eq!(tally.bitten, 3);
}
