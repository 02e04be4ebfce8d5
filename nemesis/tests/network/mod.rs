//! Faults of links against a cluster that is nothing but state, in paused time.

use nemesis::{NemesisConfig, Tally};

use crate::fake::{FakeCluster, Trial};

/// Runs one fault for a second: what was done, what was recorded, and the count.
async fn run(cluster: FakeCluster, fault: &str) -> (Vec<String>, Vec<String>, Tally) {
    let plan = format!("steps = [{{ at = \"0s\", lasts = \"1s\", fault = {fault} }}]");
    Trial::new(cluster).run(&plan).await
}

/// What the links were told, what it is called, and the evidence that it bit.
async fn check(fault: &str, told: &str, detail: &str, evidence: &str) {
    let (done, recorded, tally) = run(FakeCluster::new(), fault).await;
    assert_eq!(done, [told, "heal 0"], "{fault}");
    assert!(recorded[0].ends_with(detail), "{fault}: {}", recorded[0]);
    let last = recorded.last().expect("events");
    assert!(last.ends_with(&format!(" bit: {evidence}")), "{fault}: {last}");
    assert_eq!(tally.bitten, 1, "{fault}");
}

#[tokio::test(start_paused = true)]
async fn each_fault_shapes_its_links_and_shows_its_own_evidence() {
    let all = "1>2 2>1 2>3 3>2";
    check(
        r#"{ delay = { by = "20ms", target = ["n2"], seed = 7 } }"#,
        &format!("delay by 20ms 0 by 7: {all}"),
        "packets delayed by 20ms between node 2 and its peers (node 2)",
        "4 of 40 packets delayed, 20.0 ms on average, 40.0 ms at most",
    )
    .await;
    check(
        r#"{ loss = { share = "2.5%", burst = 3, target = ["n2"], seed = 7 } }"#,
        &format!("lose 2.5% 0 by 7: {all}"),
        "packets lost by 2.5% in bursts of 3 between node 2 and its peers (node 2)",
        "12 of 40 packets lost (30.0 %)",
    )
    .await;
    check(
        r#"{ duplicate = { target = ["n2"], seed = 7 } }"#,
        &format!("duplicate 10% 0 by 7: {all}"),
        "packets doubled by 10% between node 2 and its peers (node 2)",
        "2 of 40 packets delivered twice (5.0 %)",
    )
    .await;
    check(
        r#"{ reorder = { target = ["n2"], seed = 7 } }"#,
        &format!("hold 10% back 0 by 7: {all}"),
        "packets held back by 10% for 10ms between node 2 and its peers (node 2)",
        "3 of 40 packets overtaken by later ones (7.5 %)",
    )
    .await;
    check(
        r#"{ corrupt = { target = ["n2"], seed = 7 } }"#,
        &format!("corrupt 5% 0 by 7: {all}"),
        "packets corrupted by 5% between node 2 and its peers (node 2)",
        "5 of 40 packets delivered with a wrong bit (12.5 %)",
    )
    .await;
    check(
        r#"{ bandwidth = { rate = "500kB/s", target = ["n2"], seed = 7 } }"#,
        &format!("pass 500000 bytes a second 0 by 7: {all}"),
        "packets slowed down to 500kB/s between node 2 and its peers (node 2)",
        "4 of 40 packets had to wait, 30.0 ms on average, 60.0 ms at most; 1 found the queue full",
    )
    .await;
    check(
        r#"{ flapping = { up = "2s", down = "1s", target = ["n2"], seed = 7 } }"#,
        &format!("go down for 1s after 2s 0 by 7: {all}"),
        "packets dropped for 1s after each 2s between node 2 and its peers (node 2)",
        "links down 6 times, 12 of 40 packets dropped",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_leader_is_slow_for_its_followers_and_the_clients() {
    check(
        r#"{ slow-leader = { key = 0, by = "50ms", seed = 7 } }"#,
        "delay by 50ms 0 by 7: 1>2 2>1 2>3 2>c 3>2 c>2",
        "packets delayed by 50ms between leader of log-0 and its peers and clients (node 2)",
        "4 of 40 packets delayed, 20.0 ms on average, 40.0 ms at most",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn direction_service_and_clients_choose_what_is_meant() {
    let evidence = "4 of 40 packets delayed, 20.0 ms on average, 40.0 ms at most";
    check(
        r#"{ delay = { target = ["n2"], direction = "in", clients = true, port = "client", seed = 7 } }"#,
        "delay by 100ms 0 by 7: 1>2:9092 3>2:9092 c>2:9092",
        "from its peers and clients to node 2, client port alone (node 2)",
        evidence,
    )
    .await;
    check(
        r#"{ delay = { target = "controller", direction = "out", port = "controller", seed = 7 } }"#,
        "delay by 100ms 0 by 7: 1>2:9093 1>3:9093",
        "from controller to its peers, controller port alone (node 1)",
        evidence,
    )
    .await;
    check(
        r#"{ delay = { target = "all", seed = 7 } }"#,
        "delay by 100ms 0 by 7: 1>2 1>3 2>1 2>3 3>1 3>2",
        "between nodes 1, 2, 3 and its peers (nodes 1, 2, 3)",
        evidence,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn partitions_take_the_shape_of_a_bridge_leave_clients_alone_and_cut_one_service() {
    let evidence = "12 frames (1200 bytes) dropped";
    check(
        r#"{ partition = { shape = "bridge", target = ["n2"] } }"#,
        "cut 0: 3>1 1>3",
        "two halves cut from each other but for node 2 (node 2)",
        evidence,
    )
    .await;
    check(
        r#"{ partition = { shape = "clients" } }"#,
        "cut 0: c>1 1>c c>2 2>c c>3 3>c",
        "clients cut from nodes 1, 2, 3 (nodes 1, 2, 3)",
        evidence,
    )
    .await;
    check(
        r#"{ partition = { shape = "clients", target = "leader", key = 1, direction = "out" } }"#,
        "cut 0: 3>c",
        "what leader of log-1 sends to clients cut (node 3)",
        evidence,
    )
    .await;
    check(
        r#"{ partition = { shape = "controller", port = "controller" } }"#,
        "cut 0: 2>1:9093 2:9093>1 1>2:9093 1:9093>2 3>1:9093 3:9093>1 1>3:9093 1:9093>3",
        "controller cut from its peers, not from clients, controller port alone (node 1)",
        evidence,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn links_on_which_nothing_passed_did_not_bite() {
    for word in [
        "delay",
        "slow-leader",
        "loss",
        "duplicate",
        "reorder",
        "corrupt",
        "bandwidth",
        "flapping",
    ] {
        let (_, recorded, tally) = run(FakeCluster::new().with_idle_links(), &format!("\"{word}\"")).await;
        let last = recorded.last().expect("events");
        assert!(last.contains("did not bite: "), "{word}: {last}");
        assert_eq!((tally.injected, tally.bitten), (1, 0), "{word}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_links_can_only_be_cut_the_others_are_skipped_by_name() {
    let (done, recorded, tally) = run(
        FakeCluster::new().with_cuts_only(),
        r#"{ loss = { target = ["n1"] } }"#,
    )
    .await;
    assert_eq!(done, [""; 0]);
    assert_eq!(
        recorded,
        [
            "0 loss [] skipped: packets lost by 10% between node 1 and its peers: \
          this environment lacks the power `shaping`"
        ]
    );
    assert_eq!(tally.skipped, 1);
}

/// What the plan's one fault is refused for, on so many nodes.
fn refusal(fault: &str, nodes: u32) -> String {
    let plan = format!("steps = [{{ at = \"0s\", lasts = \"1s\", fault = {fault} }}]");
    let nodes: Vec<u32> = (1..=nodes).collect();
    match toml::from_str::<NemesisConfig>(&plan) {
        Err(error) => error.to_string(),
        Ok(config) => config.resolve(1, &nodes, 2).expect_err(fault).to_string(),
    }
}

#[test]
fn amounts_out_of_range_are_refused_where_they_stand() {
    for (fault, part) in [
        (
            r#"{ loss = { share = "140%" } }"#,
            "`140%` is more than the whole",
        ),
        (r"{ loss = { share = 5 } }", "a share such as \"5%\""),
        (r#"{ loss = { share = "-5%" } }"#, "is no share"),
        (r#"{ delay = { by = "-5ms" } }"#, "is no length of time"),
        (r#"{ bandwidth = { rate = "0B/s" } }"#, "lets nothing through"),
        (r#"{ bandwidth = { rate = "1MB" } }"#, "is no rate"),
        (
            r#"{ delay = { direction = "up" } }"#,
            "unknown variant `up`, expected one of `in`, `out`, `both`",
        ),
        (
            r#"{ delay = { port = "admin" } }"#,
            "unknown variant `admin`, expected `client` or `controller`",
        ),
        (
            r#"{ delay = { distribution = "flat" } }"#,
            "unknown variant `flat`",
        ),
        (
            r#"{ slow-leader = { target = "one" } }"#,
            "unknown field `target`",
        ),
        (
            r#"{ partition = { shape = "ring", clients = true } }"#,
            "`clients` does not go with",
        ),
        (
            r#"{ partition = { shape = "ring", target = "one" } }"#,
            "`target` goes with the shapes",
        ),
        (
            r#"{ partition = { shape = "clients", port = "controller" } }"#,
            "never speak to the controller port",
        ),
    ] {
        let error = refusal(fault, 3);
        assert!(
            error.contains("line 1, column") && error.contains(part),
            "{fault}: {error}"
        );
    }
}

#[test]
fn what_contradicts_itself_or_the_cluster_is_named_by_its_path() {
    for (fault, expected) in [
        (
            r#"{ loss = { share = "0%" } }"#,
            "loss.share: a share of nothing is no fault",
        ),
        (
            r"{ loss = { burst = 0 } }",
            "loss.burst: a burst has at least one packet",
        ),
        (
            r#"{ loss = { share = "90%", burst = 2 } }"#,
            "loss.burst: 90% cannot be lost in bursts of 2: between two of them a packet passes",
        ),
        (
            r#"{ delay = { by = "0ms" } }"#,
            "delay.by: a delay of no time is none",
        ),
        (
            r#"{ delay = { by = "10ms", jitter = "20ms" } }"#,
            "delay.jitter: varies by more than the delay itself, which cannot be less than nothing",
        ),
        (
            r#"{ delay = { distribution = "normal" } }"#,
            "delay.distribution: a delay without jitter is constant: say how far it varies with `jitter`",
        ),
        (
            r#"{ delay = { jitter = "1ms", distribution = "constant" } }"#,
            "delay.distribution: a constant delay has no jitter: leave one of the two out",
        ),
        (
            r"{ delay = { overtake = true } }",
            "delay.overtake: packets that are delayed alike never overtake: give `jitter` too",
        ),
        (
            r#"{ slow-leader = { by = "0s" } }"#,
            "slow-leader.by: a delay of no time is none",
        ),
        (
            r#"{ reorder = { by = "0s" } }"#,
            "reorder.by: what is held back for no time keeps its order",
        ),
        (
            r#"{ flapping = { down = "0s" } }"#,
            "flapping.down: a link that flaps is up for some time and down for some",
        ),
        (
            r#"{ corrupt = { target = ["n9"] } }"#,
            "corrupt.target: there is no node 9: this cluster has nodes 1, 2, 3",
        ),
        (
            r#"{ partition = { shape = "ring" } }"#,
            "partition.shape: needs 4 nodes or more: this cluster has 3",
        ),
        (
            r#"{ partition = { shape = "bridge", target = ["n1", "n2"] } }"#,
            "partition.target: one node joins the halves: name one",
        ),
    ] {
        assert_eq!(refusal(fault, 3), format!("steps.0.fault.{expected}"));
    }
}

#[test]
fn what_is_drawn_is_kept_whatever_the_seed() {
    let plan = r#"steps = [
        { at = "0s", lasts = "1s", fault = "loss" },
        { at = "0s", lasts = "1s", fault = "slow-leader" },
        { at = "0s", lasts = "1s", fault = { partition = { shape = "bridge", target = "leader" } } },
        { at = "0s", lasts = "1s", fault = { partition = { shape = "ring" } } },
    ]"#;
    let resolve = |plan: &str, seed| {
        let config: NemesisConfig = toml::from_str(plan).expect("a plan");
        config.resolved(seed, &[1, 2, 3, 4, 5], 2).expect("steps")
    };
    let steps = resolve(plan, 1);
    assert_ne!(steps, resolve(plan, 2));
    let text = toml::to_string(&steps).expect("a form in TOML");
    assert!(text.contains("seed = "), "{text}");
    assert_eq!(resolve(&text, 2), steps);
}
