//! The command line where no cluster is needed: what it prints, how it exits, and how it says no.

mod support;

use insta::assert_snapshot;
use support::Bench;

/// A plan that is right; tests replace one line of it.
const PLAN: &str = r#"name = "small"
[[topics]]
name = "log"
[workload.log]
rate = 100
[nemesis.random]
duration = "10s"
faults = [{ kill = { target = "one" } }]
"#;

/// Runs a plan with one line replaced, which must be refused, and gives what was said.
#[track_caller]
fn refused(from: &str, to: &str) -> String {
    assert!(PLAN.contains(from), "the plan has no `{from}`");
    let bench = Bench::new();
    bench.file("plan.toml", PLAN.replacen(from, to, 1));
    let ran = bench.run(&["run", "plan.toml"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert_eq!(ran.out, "");
    assert!(!bench.path().join("results").exists(), "nothing was started");
    ran.err
}

#[test]
fn without_arguments_it_says_how_it_is_used() {
    let ran = Bench::new().run(&[]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("Usage: tribunal <COMMAND>"), "{}", ran.err);
}

#[test]
fn help_and_version_are_no_errors() {
    let bench = Bench::new();
    assert_eq!(bench.run(&["--help"]).code, Some(0));
    let version = bench.run(&["--version"]);
    assert_eq!(
        (version.code, version.out.starts_with("tribunal ")),
        (Some(0), true)
    );
}

#[test]
fn a_plan_that_is_nowhere_is_named_with_those_that_ship() {
    let ran = Bench::new().run(&["run", "nothing"]);
    assert_eq!(ran.code, Some(2));
    assert_snapshot!(ran.err);
}

#[test]
fn a_wrong_key_is_shown_where_it_stands() {
    assert_snapshot!(refused("rate = 100", "rates = 100"));
}

#[test]
fn a_wrong_type_is_shown_where_it_stands() {
    assert_snapshot!(refused("rate = 100", "rate = \"fast\""));
}

#[test]
fn a_wrong_unit_is_shown_where_it_stands() {
    assert_snapshot!(refused("duration = \"10s\"", "duration = \"10 seconds\""));
}

#[test]
fn a_wrong_target_is_shown_where_it_stands() {
    assert_snapshot!(refused("target = \"one\"", "target = \"somebody\""));
}

#[test]
fn a_target_that_is_no_node_is_shown_where_it_stands() {
    assert_snapshot!(refused("target = \"one\"", "target = [\"n7\"]"));
}

#[test]
fn a_feature_that_the_version_does_not_know_is_shown_where_it_stands() {
    assert_snapshot!(refused(
        "name = \"log\"",
        "name = \"log\"\n\n[features]\n\"metadata.version\" = 99"
    ));
}

#[test]
fn a_node_of_an_unknown_version_is_shown_where_it_stands() {
    assert_snapshot!(refused(
        "name = \"log\"",
        "name = \"log\"\n\n[versions]\nn2 = \"9.9.9\""
    ));
}

#[test]
fn a_way_back_that_is_barred_is_shown_where_it_stands() {
    assert_snapshot!(refused(
        "{ kill = { target = \"one\" } }",
        "{ rolling-downgrade = { to = \"3.9.2\" } }"
    ));
}

#[test]
fn fewer_nodes_than_replicas_are_refused_with_what_to_change() {
    let ran = Bench::new().run(&["run", "quick", "--nodes", "1"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert_snapshot!(ran.err);
    let ran = Bench::new().run(&["run", "quick", "--nodes", "10"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("1..=9"), "{}", ran.err);
}

#[test]
fn a_wrong_fault_is_shown_where_it_stands() {
    assert_snapshot!(refused("{ kill =", "{ explode ="));
}

#[test]
fn links_that_cannot_be_captured_are_refused_before_anything_starts() {
    for (arguments, part) in [
        (
            ["quick", "--pcap", "n1-n4"],
            "there is no n4, this cluster has 3 nodes",
        ),
        (
            ["quick", "--pcap", "n1"],
            "write `all`, or a link by its two ends",
        ),
        (["sim", "--pcap", "all"], "a simulated broker sends no packets"),
    ] {
        let bench = Bench::new();
        let ran = bench.run(&[&["run"], &arguments[..]].concat());
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(ran.err.contains(part), "{}", ran.err);
        assert!(!bench.path().join("results").exists(), "nothing was started");
    }
}

#[test]
fn settings_that_contradict_each_other_are_shown_where_they_stand() {
    assert_snapshot!(refused(
        "rate = 100",
        "rate = 100\nacks = \"1\"\nidempotence = true"
    ));
}

#[test]
fn a_limit_that_nothing_measures_is_shown_where_it_stands() {
    let limits = "[limits.availability]\nleader = \"5s\"\nwrite-outage = \"10s\"\n[prober]\nenabled = false\n[[topics]]";
    assert_snapshot!(refused("[[topics]]", limits));
}

#[test]
fn a_limit_of_no_time_is_shown_where_it_stands() {
    let limits = "[limits.availability]\nfull-isr = \"0s\"\n[[topics]]";
    assert_snapshot!(refused("[[topics]]", limits));
}

#[test]
fn a_limit_that_is_no_time_is_shown_where_it_stands() {
    let limits = "[limits.availability]\nwrite-outage = \"soon\"\n[[topics]]";
    assert_snapshot!(refused("[[topics]]", limits));
}

#[test]
fn more_replicas_than_nodes_are_refused() {
    assert_snapshot!(refused(
        "name = \"log\"",
        "name = \"log\"\nreplication-factor = 5"
    ));
}

#[test]
fn a_setting_of_a_topic_that_has_a_word_of_its_own_is_refused() {
    assert_snapshot!(refused(
        "name = \"log\"",
        "name = \"log\"\nconfig = { \"min.insync.replicas\" = \"1\", \"segment.ms\" = \"1000\" }"
    ));
}

#[test]
fn an_unknown_broker_is_refused_with_those_that_are_known() {
    let bench = Bench::new();
    bench.file("plan.toml", PLAN);
    let ran = bench.run(&["run", "plan.toml", "--broker", "kafka-9.9.9"]);
    assert_eq!(ran.code, Some(2));
    assert_snapshot!(ran.err);
}

#[test]
fn a_client_that_there_is_none_of_is_shown_where_it_stands() {
    let client = |word: &str| format!("name = \"small\"\nclient = \"{word}\"");
    assert_snapshot!(refused("name = \"small\"", &client("jav")));
    assert_snapshot!(refused("name = \"small\"", &client("java:1.1.0")));
}

#[test]
fn a_required_fault_that_the_plan_never_injects_is_refused() {
    let text = "name = \"small\"\n[limits]\nrequired-faults = [\"pause\"]";
    assert_snapshot!(refused("name = \"small\"", text));
}

#[test]
fn check_says_what_is_wrong_with_a_file() {
    let bench = Bench::new();
    bench.file("empty.jsonl", "");
    bench.file("foreign.jsonl", "{\"some\":\"other\"}\n");
    bench.file(
        "newer.jsonl",
        "{\"time\":0,\"header\":{\"format\":\"tribunal-history\",\"version\":99}}\n",
    );
    for name in ["empty.jsonl", "foreign.jsonl", "newer.jsonl", "absent.jsonl"] {
        let ran = bench.run(&["check", name]);
        assert_eq!(ran.code, Some(2), "{name}");
        assert_snapshot!(name, ran.err);
    }
}

#[test]
fn the_lists_name_what_a_plan_can_name() {
    let ran = Bench::new().run(&["list"]);
    assert_eq!(ran.code, Some(0));
    assert_snapshot!(ran.out);
}

#[test]
fn without_java_it_says_what_to_install() {
    let bench = Bench::new();
    let output = bench
        .command(&["run"])
        .env("PATH", bench.path())
        .env_remove("JAVA_HOME")
        .output();
    let ran = support::Ran::from(output.expect("the binary can be started"));
    assert_eq!(ran.code, Some(4));
    assert!(ran.err.contains("openjdk-17-jre-headless"), "{}", ran.err);
    assert!(!bench.path().join("results").exists(), "nothing was started");
}

#[test]
fn a_java_that_is_too_old_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    let settings = "    java.specification.version = 11\n    java.vm.version = 11.0.2+9";
    let java = bench.file("java", format!("#!/bin/sh\ncat >&2 <<'END'\n{settings}\nEND\n"));
    std::fs::set_permissions(&java, std::fs::Permissions::from_mode(0o755)).expect("permissions can be set");
    let path = format!("{}:/usr/bin:/bin", bench.path().display());
    let output = bench
        .command(&["run"])
        .env("PATH", path)
        .env_remove("JAVA_HOME")
        .output();
    let ran = support::Ran::from(output.expect("the binary can be started"));
    assert_eq!(ran.code, Some(4));
    assert!(
        ran.err.contains("11.0.2") && ran.err.contains("17"),
        "{}",
        ran.err
    );
}

#[test]
fn offline_without_a_cache_says_what_is_missing() {
    let bench = Bench::new();
    let output = bench
        .command(&["run", "--offline"])
        .env("TRIBUNAL_CACHE", bench.path())
        .output();
    let ran = support::Ran::from(output.expect("the binary can be started"));
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    assert!(
        ran.err.contains("offline") && ran.err.contains("jar"),
        "{}",
        ran.err
    );
}

#[test]
fn the_guide_lists_every_check() {
    let guide = include_str!("../../docs/guide.md");
    for (name, about) in items("checks") {
        let row = format!("| `{name}` | {about} |");
        assert!(guide.contains(&row), "docs/guide.md lacks this row:\n{row}");
    }
}

/// `UPDATE_GUIDE=1` writes the table anew.
#[test]
fn the_guide_lists_every_fault() {
    let begin =
        "<!-- faults: from the nemesis's list, by `UPDATE_GUIDE=1 cargo test -p tribunal --test cli` -->\n";
    let end = "<!-- end of the faults -->";
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/faults.md");
    let guide = std::fs::read_to_string(&path).expect("the guide lies beside this crate");
    let (before, rest) = guide.split_once(begin).expect("the table's beginning is marked");
    let (table, after) = rest.split_once(end).expect("the table's end is marked");
    let head = ["| fault | what it does |".to_owned(), "|---|---|".to_owned()];
    let rows = items("faults")
        .into_iter()
        .map(|(name, about)| format!("| `{name}` | {about} |"));
    let expected: String = head.into_iter().chain(rows).map(|line| line + "\n").collect();
    if std::env::var_os("UPDATE_GUIDE").is_some() {
        std::fs::write(&path, format!("{before}{begin}{expected}{end}{after}"))
            .expect("the guide can be written");
    } else {
        assert_eq!(
            table, expected,
            "docs/faults.md is not made from the list: UPDATE_GUIDE=1"
        );
    }
}

/// What `tribunal list` has of one kind: names and texts.
fn items(list: &str) -> Vec<(String, String)> {
    let lists: serde_json::Value =
        serde_json::from_str(&Bench::new().run(&["list", list, "--json"]).out).expect("lists in JSON");
    let text = |item: &serde_json::Value, field: &str| item[field].as_str().expect("a text").to_owned();
    let items = lists[0]["items"].as_array().expect("items");
    items
        .iter()
        .map(|item| (text(item, "name"), text(item, "about")))
        .collect()
}

/// The binary on a machine of which something is missing, made by this script in a mount namespace of its own.
fn on_a_machine(bench: &Bench, script: &str, arguments: &[&str]) -> Option<support::Ran> {
    let probe = std::process::Command::new("unshare")
        .args(["--mount", "true"])
        .output();
    if !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: only root can make a mount namespace here");
        return None;
    }
    let output = std::process::Command::new("unshare")
        .args([
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            script,
            env!("CARGO_BIN_EXE_tribunal"),
        ])
        .args(arguments)
        .current_dir(bench.path())
        .output();
    Some(support::Ran::from(output.expect("unshare can be started")))
}

#[test]
fn without_a_tun_device_it_says_what_to_do() {
    let bench = Bench::new();
    let without = |cards: &str| {
        format!("mkdir -p /dev/net && mount -t tmpfs none /dev/net && {cards} exec \"$0\" \"$@\"")
    };
    // Pairs stand in for it by themselves; whoever insists on TAP is told.
    let script = without("TRIBUNAL_CARDS=tap");
    let Some(ran) = on_a_machine(&bench, &script, &["run"]) else {
        return;
    };
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    assert!(
        ran.err.contains("/dev/net/tun") && ran.err.contains("modprobe tun"),
        "{}",
        ran.err
    );
    assert!(!bench.path().join("results").exists(), "nothing was started");
    let doctor =
        |script: &str| on_a_machine(&bench, script, &["doctor"]).expect("it could be made a moment ago");
    let strict = doctor(&script);
    assert_eq!(strict.code, Some(4), "{}", strict.err);
    assert!(strict.out.contains("MISSING  network card"), "{}", strict.out);
    let lenient = doctor(&without(""));
    assert!(
        lenient.out.contains("one of a pair (veth), with all powers"),
        "{}",
        lenient.out
    );
}

#[test]
fn a_user_without_user_namespaces_is_told_what_to_do() {
    let bench = Bench::new();
    // Within a user namespace of our own its limit can be set to none, and root there is told from root here.
    let script = "exec unshare --user --map-root-user sh -c '
        echo 0 > /proc/sys/user/max_user_namespaces
        exec setpriv --bounding-set -all --inh-caps -all --ambient-caps -all \"$0\" \"$@\"' \"$0\" \"$@\"";
    let Some(ran) = on_a_machine(&bench, script, &["run"]) else {
        return;
    };
    if ran.err.contains("setpriv:") || ran.err.contains("sh:") {
        eprintln!("skipped: {}", ran.err);
        return;
    }
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    assert!(ran.err.contains("namespace"), "{}", ran.err);
}

#[test]
fn a_history_that_was_cut_off_is_judged_unknown() {
    let bench = Bench::new();
    let header = r#"{"time":0,"header":{"format":"tribunal-history","version":1,"plan":"p","seed":1,"broker":"kafka-4.4.0","started":"","nodes":[1,2,3],"topics":[{"name":"log","partitions":1,"replication_factor":3,"min_insync_replicas":2,"unclean_election":false}],"expect":{"minimum_acknowledged":1,"required_faults":[],"without_faults":true,"producers":"idempotent","acks":"all"}}}"#;
    let cut = format!("{header}\n{{\"time\":1,\"phase\":\"setup\"}}\n{{\"time\":2,\"pha");
    bench.file("history.jsonl", cut);
    let ran = bench.run(&["check", "history.jsonl", "--json"]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains("cut off"), "{}", ran.err);
    assert!(ran.out.contains("\"valid\": \"unknown\""), "{}", ran.out);
}
