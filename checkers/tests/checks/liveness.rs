//! Progress is asked for while the faults are within what the configuration tolerates, and not otherwise.

use crate::{dsl, told};

/// Three replicas of which two have to be in sync; one acknowledged write, and what follows.
fn run(lines: &str, settled: &str) -> String {
    format!(
        "topics log:2 rf=3 isr=2 liveness=30s
        at 1
        phase steady
        p0 send 0:1 -> ok @0
        phase faults
        at 9.5
        node2 says 0=1/e0[1,2,3] 1=1/e0[1,2,3]
        {lines}
        at {settled}
        finally 0@0=1"
    )
}

fn starved(text: &str) -> u64 {
    let verdict = crate::judge(&dsl::history(text), &checkers::Options::default());
    let found = verdict.anomalies.get("no-progress");
    found.map_or(0, |found| found.count)
}

/// What it shows, the lines, when the producers are closed, and how many partitions made no progress.
#[track_caller]
fn check(rows: &[(&str, &str, &str, u64)]) {
    for (title, lines, settled, expected) in rows {
        assert_eq!(starved(&run(lines, settled)), *expected, "{title}");
    }
}

#[test]
fn without_faults_a_partition_that_is_written_to_goes_on() {
    check(&[
        ("a write that never ends", "at 10\np1 send 0:2", "45", 1),
        ("not long enough", "at 10\np1 send 0:2", "39", 0),
        ("nobody writes to it", "", "90", 0),
        (
            "tried again and again",
            "at 10\np1 send 0:2\nat 20\np1 info send 0:2\nat 21\np1 send 0:3\nat 31\np1 info send 0:3\nat 32\np1 send 0:4",
            "45",
            1,
        ),
        (
            "given up, and nobody asks any more",
            "at 10\np1 send 0:2\nat 20\np1 info send 0:2",
            "90",
            0,
        ),
        (
            "others are acknowledged meanwhile",
            "at 10\np1 send 0:2\nat 30\np2 send 0:3 -> ok @1",
            "45",
            0,
        ),
        (
            "acknowledged, but too late",
            "at 10\np1 send 1:2\nat 50\np1 fail send 1:2\nat 51\np1 send 1:3\nat 52\np1 fail send 1:3",
            "55",
            1,
        ),
        (
            "a transaction that never ends",
            "at 10\np1 txn send 0:2 | send 1:3",
            "45",
            2,
        ),
    ]);
}

#[test]
fn what_the_faults_leave_has_to_go_on() {
    check(&[
        (
            "one of three down",
            "at 10\nfault 0 kill [1] | injecting down=1\nfault 0 kill | injected\np1 send 0:2",
            "45",
            1,
        ),
        (
            "one of three cut off",
            "at 10\nfault 0 partition [1] | injecting apart=1-2,1-3\nfault 0 partition | injected\np1 send 0:2",
            "45",
            1,
        ),
        (
            "a fault that takes nothing away",
            "at 10\nfault 0 elect | injecting nothing\nfault 0 elect | injected\np1 send 0:2",
            "45",
            1,
        ),
        (
            "after all is healed",
            "at 10\nfault 0 kill [1,2] | injecting down=1,2\nfault 0 kill | injected\np1 send 0:2\n\
             at 50\nfault 0 kill | healed gone",
            "85",
            1,
        ),
        (
            "healed not long enough ago",
            "at 10\nfault 0 kill [1,2] | injecting down=1,2\nfault 0 kill | injected\np1 send 0:2\n\
             at 60\nfault 0 kill | healed gone",
            "85",
            0,
        ),
    ]);
}

#[test]
fn what_the_faults_took_away_is_not_asked_for() {
    check(&[
        (
            "two of three down",
            "at 10\nfault 0 kill [1,2] | injecting down=1,2\nfault 0 kill | injected\np1 send 0:2",
            "90",
            0,
        ),
        (
            "one down and one cut off",
            "at 10\nfault 0 kill [1] | injecting down=1\nfault 0 kill | injected\n\
             fault 1 partition [2] | injecting apart=2-1,2-3\nfault 1 partition | injected\np1 send 0:2",
            "90",
            0,
        ),
        (
            "a fault that does not say what it takes away",
            "at 10\nfault 0 slow [1] | injecting\nfault 0 slow | injected\np1 send 0:2",
            "90",
            0,
        ),
        (
            "one that slows",
            "at 10\nfault 0 slow [1] | injecting degrades\nfault 0 slow | injected\np1 send 0:2",
            "90",
            0,
        ),
        (
            "one that could not be healed",
            "at 10\nfault 0 elect | injecting nothing\nfault 0 elect | injected\nfault 0 elect | failed heal: no\n\
             p1 send 0:2",
            "90",
            0,
        ),
        (
            "half a cut: the others reach each other by the third",
            "at 10\nfault 0 partition [1] | injecting apart=1-2\nfault 0 partition | injected\np1 send 0:2",
            "90",
            0,
        ),
        (
            "the ISR was the one that went",
            "at 9.8\nnode2 says 0=1/e1[1]\nat 10\nfault 0 kill [1] | injecting down=1\nfault 0 kill | injected\np1 send 0:2",
            "90",
            0,
        ),
        (
            "the ISR shrank to the one that went just before it did",
            "at 10\nfault 0 kill [1] | injecting down=1\nfault 0 kill | injected\np1 send 0:2\n\
             at 10.5\nnode2 says 0=none/e1[1]",
            "90",
            0,
        ),
        (
            "nobody had told the ISR for long",
            "at 30\nfault 0 kill [1] | injecting down=1\nfault 0 kill | injected\np1 send 0:2",
            "90",
            0,
        ),
        (
            "faults that come and go",
            "at 10\nfault 0 kill [1] | injecting down=1\nfault 0 kill | injected\np1 send 0:2\n\
             at 30\nfault 0 kill | healed gone\nat 54\nnode3 says 0=2/e1[1,2,3]\nat 55\nfault 1 kill [2] | injecting down=2\nfault 1 kill | injected",
            "80",
            0,
        ),
    ]);
}

#[test]
fn where_nobody_asks_nothing_is_judged() {
    let rows = [
        (
            "no limit in the plan",
            "phase steady\np0 send 0:1 -> ok @0\nat 10\np1 send 0:2\nat 500\nfinally 0@0=1",
        ),
        (
            "acks=0: nothing is ever acknowledged",
            "topics log:1 acks=0 liveness=30s\nphase steady\nat 10\np1 send 0:2\nat 500\nfinally",
        ),
        (
            "clients do not work yet",
            "topics log:1 liveness=30s\nphase setup\nat 10\np1 send 0:2\nat 500\nphase steady\nat 501\nfinally",
        ),
    ];
    for (title, text) in rows {
        assert_eq!(starved(text), 0, "{title}");
    }
}

#[test]
fn a_partition_without_progress_tells_its_story() {
    let text = run(
        "at 10\nfault 0 kill [1] SIGKILL (node 1) | injecting down=1\nfault 0 kill | injected\np1 send 0:2",
        "45",
    );
    let verdict = crate::judge(&dsl::history(&text), &checkers::Options::default());
    let story = verdict.anomalies["no-progress"].cases[0].story.join("\n");
    insta::assert_snapshot!(story, @r"
    No write to log-0 was acknowledged for 34.999 s, from 10.002 s to 45.001 s, although clients wrote to it; the plan allows 30.000 s.
    From 10.000 s on nothing changed that would take a node away or give one back: nodes 2 and 3 were up and together.
    log-0 has 3 replicas, of which 2 have to be in sync, and only node 1 was gone.
    In force at that time: fault 0 (kill: SIGKILL (node 1)) from 10.000 s to the end of the history.
    ");
}

#[test]
fn that_nothing_was_asked_for_is_said() {
    let text = run("at 10\np1 send 0:2", "20");
    let verdict = crate::judge(&dsl::history(&text), &checkers::Options::default());
    assert!(
        told(&verdict).contains("[liveness] progress was not asked for"),
        "{}",
        told(&verdict)
    );
}

#[test]
fn where_controllers_are_nodes_of_their_own_a_majority_of_them_has_to_be_left() {
    for (title, down, expected) in [
        ("one controller of three", "4", 1),
        ("two controllers of three, four of six nodes left", "4,5", 0),
        ("a broker and a controller", "1,4", 1),
        ("two brokers of three", "1,2", 0),
    ] {
        let fault = format!(
            "at 10\nfault 0 kill [{down}] | injecting down={down}\nfault 0 kill | injected\np1 send 0:2"
        );
        let mut history = dsl::history(&run(&fault, "45"));
        let count = |history: &history::History| {
            let verdict = crate::judge(history, &checkers::Options::default());
            verdict
                .anomalies
                .get("no-progress")
                .map_or(0, |found| found.count)
        };
        history.header.controllers = vec![4, 5, 6];
        assert_eq!(count(&history), expected, "{title}");
        history.header.zookeepers = std::mem::take(&mut history.header.controllers);
        assert_eq!(count(&history), expected, "{title}, of ZooKeeper");
    }
}
