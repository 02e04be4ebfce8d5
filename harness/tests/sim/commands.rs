//! The whole pipeline on the simulated broker, from the real command line: no Java, no network, no root.

use cluster::sim::{Bug, Need};
use insta::assert_snapshot;

use crate::support::{Bench, Ran};

/// A plan for the simulated broker; tests replace one line of it.
const PLAN: &str = r#"name = "small"
broker = "sim"
bugs = []
[limits]
minimum-acknowledged = 50
steady = "1s"
recover = "1s"
[[topics]]
name = "log"
partitions = 2
[workload.sim]
rate = 150
assign-per-mille = 5
[nemesis.random]
duration = "6s"
lasts = ["2s", "3s"]
rest = ["1s", "1s"]
faults = [{ kill = { target = "one" } }]
"#;

/// Runs the binary with nothing on its path: there is no Java, nor anything else.
fn run(bench: &Bench, arguments: &[&str]) -> Ran {
    let mut command = bench.command(arguments);
    let output = command.env("PATH", bench.path()).env_remove("JAVA_HOME").output();
    Ran::from(output.expect("the binary can be started"))
}

/// Runs a plan with one line replaced, which must be refused, and gives what was said.
#[track_caller]
fn refused(from: &str, to: &str) -> String {
    assert!(PLAN.contains(from), "the plan has no `{from}`");
    let bench = Bench::new();
    bench.file("plan.toml", PLAN.replacen(from, to, 1));
    let ran = run(&bench, &["run", "plan.toml"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(!bench.path().join("results").exists(), "nothing was started");
    ran.err
}

#[test]
fn every_plan_that_ships_runs_on_it_and_comes_out_as_it_must() {
    let bench = Bench::new();
    for (plan, code) in [
        ("quick", 0),
        ("sim", 0),
        ("subscribe", 0),
        ("controls/acks-all", 0),
        ("controls/acks1", 1),
        ("controls/unclean", 1),
        ("shrink/twenty", 1),
    ] {
        let ran = run(&bench, &["run", plan, "--broker", "sim", "--seed", "1"]);
        assert_eq!(ran.code, Some(code), "{plan}: {}", ran.err);
        assert_eq!(ran.err.contains("lost-write"), code == 1, "{plan}: {}", ran.err);
    }
}

#[test]
fn a_run_leaves_the_same_directory_as_any_other() {
    let bench = Bench::new();
    let ran = run(&bench, &["run", "sim", "--seed", "1", "--out", "run", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.contains("\"valid\": \"valid\""), "{}", ran.out);
    for file in [
        "resolved.toml",
        "history.jsonl",
        "verdict.json",
        "junit.xml",
        "report.html",
        "made-of.json",
        "measured.json",
    ] {
        assert!(bench.path().join("run").join(file).exists(), "{file} is missing");
    }
    let page = std::fs::read_to_string(bench.path().join("run/report.html")).expect("a page");
    for kind in ["kill", "partition", "pause"] {
        assert!(page.contains(kind), "the page does not tell of the {kind}");
    }
}

#[test]
fn a_resolved_plan_is_run_again_event_by_event() {
    let bench = Bench::new();
    let plan = PLAN.replacen("bugs = []", "bugs = [\"lost-middle\"]", 1);
    bench.file("plan.toml", plan);
    assert_eq!(run(&bench, &["run", "plan.toml", "--out", "one"]).code, Some(1));
    assert_eq!(
        run(&bench, &["run", "one/resolved.toml", "--out", "two"]).code,
        Some(1)
    );
    let events = |name: &str| {
        let text = std::fs::read_to_string(bench.path().join(name).join("history.jsonl"));
        let text = text.expect("a history");
        // The header has the time of day.
        text.split_once('\n').map(|(_, events)| events.to_owned())
    };
    assert_eq!(events("one"), events("two"));
}

#[test]
fn a_bug_is_caught_by_members_of_a_group_too() {
    let bench = Bench::new();
    for bug in [Bug::LostTail, Bug::LostMiddle] {
        let ran = run(
            &bench,
            &[
                "run",
                "subscribe",
                "--broker",
                "sim",
                "--seed",
                "1",
                "--bug",
                bug.word(),
            ],
        );
        assert_eq!(ran.code, Some(1), "{bug}: {}", ran.err);
        assert!(ran.err.contains(bug.anomaly()), "{bug}: {}", ran.err);
    }
}

/// The part of a plan that a bug needs.
fn plan_for(bug: Bug) -> String {
    let transactional = bug.needs().contains(&Need::Transactions);
    let transactions = format!("rate = 150\ntransactions = {transactional}");
    let plan = PLAN.replacen("rate = 150", &transactions, 1);
    if bug.needs().contains(&Need::Time) {
        return plan.replacen("recover = \"1s\"", "recover = \"8s\"\nliveness = \"6s\"", 1);
    }
    plan
}

#[test]
fn each_bug_ends_in_a_violation_that_names_it() {
    let bench = Bench::new();
    for bug in Bug::ALL {
        bench.file("plan.toml", plan_for(*bug));
        let ran = run(&bench, &["run", "plan.toml", "--seed", "5", "--bug", bug.word()]);
        assert_eq!(ran.code, Some(1), "{bug}: {}", ran.err);
        assert!(ran.err.contains(bug.anomaly()), "{bug}: {}", ran.err);
        assert!(
            ran.err.contains(&format!("the bug {bug} did its harm at")),
            "{}",
            ran.err
        );
    }
}

#[test]
fn bugs_are_listed_with_what_they_do() {
    let ran = Bench::new().run(&["list", "bugs"]);
    assert_eq!(ran.code, Some(0));
    for bug in Bug::ALL {
        assert!(
            ran.out.contains(bug.word()) && ran.out.contains(&bug.about()),
            "{}",
            ran.out
        );
    }
}

#[test]
fn a_bug_of_a_real_broker_is_refused() {
    assert_snapshot!(refused("broker = \"sim\"\nbugs = []", "bugs = [\"lost-tail\"]"));
}

#[test]
fn an_unknown_bug_is_shown_where_it_stands() {
    assert_snapshot!(refused("bugs = []", "bugs = [\"lost-head\"]"));
}

#[test]
fn a_bug_that_cannot_show_itself_is_refused() {
    assert_snapshot!(refused("bugs = []", "bugs = [\"torn-transaction\"]"));
}

#[test]
fn simulated_clients_of_a_real_broker_are_refused() {
    assert_snapshot!(refused("broker = \"sim\"\n", "broker = \"kafka-4.4.0\"\n"));
}

#[test]
fn properties_of_a_simulated_broker_are_refused() {
    assert_snapshot!(refused(
        "[limits]",
        "properties = { \"log.segment.bytes\" = \"1\" }\n[limits]"
    ));
}

#[test]
fn options_of_a_simulated_brokers_jvm_are_refused() {
    assert_snapshot!(refused("[limits]", "jvm = [\"-Xmx1g\"]\n[limits]"));
}

/// What is said of a plan for real brokers that gives a node these.
#[track_caller]
fn refused_as_kafka(property: &str, option: &str, node: &str) -> String {
    let bench = Bench::new();
    let plan = "name = \"own\"\nnemesis = \"none\"\n[[topics]]\nname = \"log\"\n[workload.log]\n";
    let own = format!("[node.{node}]\njvm = [\"{option}\"]\nproperties = {{ {property} }}\n");
    bench.file("plan.toml", format!("{plan}{own}"));
    let ran = run(&bench, &["run", "plan.toml"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    ran.err
}

#[test]
fn a_property_that_is_not_the_plans_is_refused_where_it_stands() {
    assert_snapshot!(refused_as_kafka("\"node.id\" = \"7\"", "-Xmx1g", "n2"));
}

#[test]
fn an_option_that_is_none_is_refused_where_it_stands() {
    assert_snapshot!(refused_as_kafka("\"log.segment.bytes\" = \"9999\"", "-cp", "n2"));
}

#[test]
fn a_node_that_is_not_there_has_nothing_of_its_own() {
    assert_snapshot!(refused_as_kafka(
        "\"log.segment.bytes\" = \"9999\"",
        "-Xmx1g",
        "n4"
    ));
}
