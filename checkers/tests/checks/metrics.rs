//! The brokers' own metrics: honest ones, and ones that lie.

use std::fmt::Write as _;

use checkers::{Verdict, check_history};
use proptest::prelude::*;

use crate::dsl;

/// A run of seconds in each of which these lines are said, on three nodes with three replicas of which two must be in sync.
fn run(seconds: u32, each: &str) -> String {
    let mut text = "topics log:2 rf=3 isr=2 strict-metrics\nphase steady\np0 send 0:1 -> ok @0\n".to_owned();
    for second in 1..=seconds {
        writeln!(text, "at {second}\n{each}").expect("a string takes all");
    }
    text + "at 60\nfinally 0@0=1"
}

fn lies(verdict: &Verdict) -> u64 {
    let only = verdict.anomalies.keys().all(|name| name == "lying-metric");
    assert!(only, "{:?}", verdict.anomalies);
    verdict
        .anomalies
        .get("lying-metric")
        .map_or(0, |found| found.count)
}

/// Node 1 leads both partitions, the second of them alone.
const OWN: &str = "node1 says 0=1/e0[1,2,3] 1=1/e2[1]\nnode1 stands 0/e0=1:1 1/e2=1:1";

fn check(own: &str, metrics: &str, expected: u64) {
    let verdict = check_history(&dsl::history(&run(
        12,
        &format!("{own}\nnode1 metrics {metrics}"),
    )));
    assert_eq!(lies(&verdict), expected, "{own}: {metrics}");
}

#[test]
fn honest_gauges() {
    check(OWN, "leaders=2 under-replicated=1 under-min-isr=1", 0);
    // Internal topics count too, whatever state they are in.
    check(OWN, "leaders=5 under-replicated=4 under-min-isr=4", 0);
    check(OWN, "active-controllers=0 isr-shrinks=7", 0);
    check(
        "node1 says 0=none/e3[2] 1=2/e1[2]",
        "offline-partitions=1 partitions=2",
        0,
    );
    check(
        "node1 says 0=none/e3[2] 1=2/e1[2]",
        "offline-partitions=4 partitions=5",
        0,
    );
    check("node1 leads-quorum t3 as 1", "active-controllers=1", 0);
    check("node1 follows-quorum", "active-controllers=0", 0);
    // One that was just elected may not know yet.
    check("node1 leads-quorum t3 as 1 hw=-1", "active-controllers=0", 0);
}

#[test]
fn gauges_that_lie() {
    check(OWN, "leaders=1", 1);
    check(OWN, "leaders=2 under-replicated=0 under-min-isr=1", 1);
    check(OWN, "leaders=2 under-replicated=2 under-min-isr=1", 1);
    check(OWN, "leaders=2 under-replicated=1 under-min-isr=0", 1);
    check(OWN, "leaders=3 under-replicated=1 under-min-isr=3", 1);
    check(
        "node1 says 0=none/e3[2] 1=2/e1[2]",
        "offline-partitions=0 partitions=9",
        1,
    );
    check(
        "node1 says 0=none/e3[2] 1=2/e1[2]",
        "offline-partitions=9 partitions=9",
        1,
    );
    check("node1 says 0=none/e3[2] 1=2/e1[2]", "partitions=1", 1);
    check("node1 leads-quorum t3 as 1", "active-controllers=0", 1);
    check("node1 follows-quorum", "active-controllers=1", 1);
}

#[test]
fn what_is_said_of_others_is_held_against_nobody() {
    check(
        "node1 says 0=2/e0[2] 1=3/e2[3]\nnode1 stands",
        "leaders=0 under-replicated=0",
        0,
    );
    check(
        "node2 says 0=2/e0[2] 1=3/e2[3]\nnode2 stands 0/e0=1:1",
        "leaders=0 under-replicated=0",
        0,
    );
    // It takes itself for a leader and does not stand by it.
    check(
        "node1 says 0=1/e0[1] 1=1/e2[1]\nnode1 stands",
        "leaders=0 under-replicated=0",
        0,
    );
    check(
        "node1 says 0=1/e0[1] 1=1/e2[1]",
        "leaders=0 under-replicated=0",
        0,
    );
}

#[test]
fn a_metric_that_lags_is_no_lie() {
    let lie = format!("{OWN}\nnode1 metrics leaders=1");
    let verdict = check_history(&dsl::history(&run(7, &lie)));
    assert_eq!(lies(&verdict), 0, "a moment too short");
    let mut text = run(20, &format!("{OWN}\nnode1 metrics leaders=1"));
    text = text.replace("at 6\n", "at 6\nnode1 metrics leaders=2\n").replace(
        "at 12\n",
        "at 12\nnode1 says 0=1/e0[1,2,3] 1=1/e2[1]\nnode1 stands 1/e2=1:1\n",
    );
    assert_eq!(
        lies(&check_history(&dsl::history(&text))),
        0,
        "it was right in between"
    );
    // Another process at each other second.
    let mut text =
        String::from("topics log:2 rf=3 isr=2 strict-metrics\nphase steady\np0 send 0:1 -> ok @0\n");
    for second in 1..20 {
        writeln!(
            text,
            "at {second}\n{}",
            lie.replace("node1", &format!("node1#{}", second / 4))
        )
        .expect("a string takes all");
    }
    text += "at 60\nfinally 0@0=1";
    assert_eq!(
        lies(&check_history(&dsl::history(&text))),
        0,
        "no process for long enough"
    );
}

#[test]
fn what_is_not_said_any_more_is_held_against_nobody() {
    let (says, stands) = OWN.split_once('\n').expect("two answers");
    // A second replica of the second partition comes back at 5 s, and from then on one of the two is not answered.
    let silent_from_5 = |silent: &str, metrics: &str| {
        let mut text = run(4, &format!("{OWN}\nnode1 metrics leaders=2 under-replicated=1"));
        let (head, end) = text.split_once("at 60").expect("it ends");
        let later: Vec<String> = (5..20)
            .map(|second| format!("at {second}\n{silent}\nnode1 metrics {metrics}\n"))
            .collect();
        text = format!("{head}{}at 60{end}", later.concat());
        lies(&check_history(&dsl::history(&text)))
    };
    assert_eq!(silent_from_5(stands, "leaders=2 under-replicated=0"), 0);
    assert_eq!(silent_from_5(says, "leaders=1 under-replicated=0"), 0);
    assert_eq!(silent_from_5(stands, "leaders=1 under-replicated=1"), 1);
    assert_eq!(silent_from_5(OWN, "leaders=2 under-replicated=0"), 1);
}

#[test]
fn what_changes_the_measure_excuses() {
    let lie = format!("{OWN}\nnode1 metrics leaders=2 under-replicated=0 under-min-isr=0");
    let with = |kind: &str, then: &str| {
        let fault = format!("fault 0 {kind} [1] x | injecting\nfault 0 {kind} [1] x | {then}\n");
        let text = run(12, &lie).replace("at 1\n", &format!("{fault}at 1\n"));
        lies(&check_history(&dsl::history(&text)))
    };
    let kinds = ["kill", "min-isr", "reassign"];
    assert_eq!(kinds.map(|kind| with(kind, "injected")), [2, 1, 0]);
    assert_eq!(kinds.map(|kind| with(kind, "failed half-way")), [2, 1, 0]);
}

#[test]
fn it_is_listed_unless_the_plan_is_strict() {
    let text = run(12, &format!("{OWN}\nnode1 metrics leaders=1")).replace(" strict-metrics", "");
    let verdict = check_history(&dsl::history(&text));
    assert_eq!(lies(&verdict), 0);
    let found = &verdict.allowed["lying-metric"];
    assert_eq!(found.count, 1);
    assert_eq!(
        found.cases[0].story[..2],
        [
            "The metric LeaderCount of node 1 lied for 6.000 s: it stood at 1.",
            "From 3.002 s to 9.002 s, in 7 answers of the same process (start 1), while it answered as the leader of 2 partitions."
        ]
    );
}

/// An election that took node 2 from outside the ISR of node 1, the leader, in one record: marked as unclean where there
/// is a `!`. Node 1 made it as the controller, and its count stayed.
fn took_over(before: &str, mark: &str) -> u64 {
    lies(&check_history(&dsl::history(&format!(
        "topics log:1 rf=3 isr=1 unclean strict-metrics
        phase steady
        p0 send 0:1 -> ok @0
        at 1
        node1 leads-quorum t1 as 1
        node1 says 0=1/e1[1]
        node1 metrics unclean-elections=0
        at 6
        node1 says 0=1/e1[1]
        at 7
        node1 says 0=2/e2[2]
        at 12
        node1 metrics unclean-elections=0
        at 60
        finally 0@0=1
        node1 metadata-log end=3 hw=3 0-0/t1:1 1-1/t1:2 2-2/t1:3 rules 0@0=1/e0.0[1,3] 1@0=1/e1.1[1]{before} 2@0=2/e2.2[2]{mark}"
    ))))
}

#[test]
fn who_comes_into_the_isr_and_leads_at_once_as_a_reassignment_ends_is_not_counted() {
    assert_eq!(took_over("", ""), 0);
    assert_eq!(took_over("", "!"), 1);
    assert_eq!(
        took_over("!", "!"),
        0,
        "it was marked before: no record says so again"
    );
}

/// An unclean election of node 2, that node 1 made as the controller, with these counts before and after it.
fn elected(metrics: [&str; 2], standing: &str) -> Verdict {
    let (isr, elr) = standing.split_once('/').expect("ISR/ELR");
    let text = format!(
        "topics log:2 rf=3 isr=1 unclean strict-metrics
        phase steady
        p0 send 0:1 -> ok @0
        at 1
        node1 leads-quorum t1 as 1
        node1 says 0=1/e0[1] 1=1/e0[1]
        node1 metrics {}
        at 4
        node1 says 0=none/e1[1] 1=1/e0[1]
        at 6
        node1 says 0=none/e1[1] 1=1/e0[1]
        at 7
        node1 says 0=2/e2[2] 1=1/e0[1]
        at 12
        node1 metrics {}
        at 60
        finally 0@0=1
        node1 metadata-log end=3 hw=3 0-0/t1:1 1-1/t1:2 2-2/t1:3 rules 0@0=1/e0.0[1] 1@0=none/e1.1[{isr}][{elr}] 2@0=2/e2.2[2]{}",
        metrics[0],
        metrics[1],
        if elr.is_empty() && isr == "1" { "!" } else { "" }
    );
    check_history(&dsl::history(&text))
}

#[test]
fn elections_are_counted() {
    assert_eq!(
        lies(&elected(["unclean-elections=0", "unclean-elections=1"], "1/")),
        0
    );
    assert_eq!(
        lies(&elected(["unclean-elections=3", "unclean-elections=9"], "1/")),
        0
    );
    assert_eq!(
        lies(&elected(["unclean-elections=3", "unclean-elections=3"], "1/")),
        1
    );
    assert_eq!(
        lies(&elected(["unclean-elections=0", "unclean-elections=0"], "1,2/")),
        0
    );
    assert_eq!(lies(&elected(["elr-elections=0", "elr-elections=1"], "1/2")), 0);
    assert_eq!(lies(&elected(["elr-elections=0", "elr-elections=0"], "1/2")), 1);
    assert_eq!(
        lies(&elected(["partitions=5", "partitions=5"], "1/2")),
        0,
        "it has no such metric"
    );
    let told = elected(["unclean-elections=3", "unclean-elections=3"], "1/");
    assert_eq!(
        told.anomalies["lying-metric"].cases[0].story[..2],
        [
            "The metric UncleanLeaderElectionsPerSec of node 1 grew by 0 while that controller made 1 unclean election.",
            "Between its answers at 1.002 s and 11.999 s, of the same process (start 1), the metadata log has epoch 2 of log-0."
        ]
    );
}

proptest! {
    /// Brokers whose metrics follow what they say within a second, and count topics of which nobody hears.
    #[test]
    fn honest_brokers_never_lie(
        steps in prop::collection::vec((1..3_u32, prop::collection::vec(1..3_u32, 2), any::<bool>()), 5..30),
        others in 0..4_i64,
    ) {
        let mut text = "topics log:2 rf=3 isr=2 strict-metrics\nphase steady\np0 send 0:1 -> ok @0\n".to_owned();
        let mut before = String::new();
        for (second, (_, isr, leads)) in (1..).zip(steps) {
            let isrs = isr.iter().map(|size| if *size == 1 { "1" } else { "1,2" });
            let claims: Vec<String> = (0..).zip(isrs).map(|(key, isr)| format!("{key}=1/e{second}[{isr}]")).collect();
            let quorum = if leads { format!("leads-quorum t{second} as 1") } else { "follows-quorum".to_owned() };
            let short = isr.iter().filter(|size| **size == 1).count() as i64;
            let metrics = format!(
                "node1 metrics leaders={} under-replicated=2 under-min-isr={short} offline-partitions={others} partitions={} active-controllers={}",
                2 + others, 2 + others, i64::from(leads)
            );
            // What it tells is as old as the answer before.
            writeln!(text, "at {second}\nnode1 says {}\nnode1 stands 0/e{second}=1:1 1/e{second}=1:1\nnode1 {quorum}\n{before}", claims.join(" "))
                .expect("a string takes all");
            before = metrics;
        }
        text += "at 60\nfinally 0@0=1";
        prop_assert_eq!(lies(&check_history(&dsl::history(&text))), 0);
    }
}
