//! What a share group delivers, and what it must not.

use crate::{Rows, table_in, told};

/// A group with a limit of three deliveries, locks of five seconds, requests that time out after one, and thirty seconds of
/// drain. Two writes, what follows, and complete final reads.
fn run(lines: &str) -> String {
    format!(
        "topics log:2 queue=3,5s,1s,30s
        phase steady
        p0 send 0:1 -> ok @0
        p0 send 0:2 -> ok @1
        at 1
        p1 acquire -> ok
        {lines}
        at 990
        phase final-reads
        p99 assign 0 1 from-beginning -> ok
        p99 poll -> ok 0@0=1 0@1=2 0@2=3
        node1 log 0 hw=3 0=1/e0 1=2/e0 2=3/e0 last
        node1 log 1 hw=0 last
        final p99 complete 3,0"
    )
}

/// Both are delivered to process 1 and accepted at 10 s; what comes then begins at 20 s.
fn accepted(lines: &str) -> String {
    run(&format!(
        "at 9
        p1 acquire -> ok 0@0=1x1 0@1=2x1
        at 10
        p1 acknowledge 0@0=accept 0@1=accept -> ok 0@0=accept+ 0@1=accept+
        at 20
        {lines}
        {DRAINED}"
    ))
}

/// A write after the faults, and a group that is drained.
const DRAINED: &str = "
    phase heal
    at 900
    phase settle
    p0 send 0:3 -> ok @2
    p1 acquire -> ok 0@2=3x1
    p1 acknowledge 0@2=accept -> ok 0@2=accept+
    at 980
    p1 acquire -> ok";

const AFTER_ACCEPTANCE: Rows = &[
    ("nothing comes again", "", "valid"),
    (
        "one comes again, and the client had held nothing back",
        "p1 acquire -> ok\nat 21\np1 acquire -> ok 0@1=2x2",
        "invalid: redelivered 1",
    ),
    (
        "to a new member",
        "p2 acquire -> ok 0@1=2x1\nat 50\np2 acknowledge 0@1=accept -> ok 0@1=accept+\nat 950\np2 acquire -> ok",
        "invalid: redelivered 1",
    ),
    (
        "a client may have held it back since before the confirmation",
        "p1 acquire -> ok 0@1=2x2",
        "valid",
    ),
    (
        "an acquisition that failed shows nothing of what it held back",
        "p1 acquire -> info\nat 21\np1 acquire -> ok 0@1=2x2",
        "valid",
    ),
];

#[test]
fn what_was_accepted_is_done_with() {
    table_in(accepted, AFTER_ACCEPTANCE);
}

/// Both are delivered at 9 s; what is said of the first at 10 s and what follows up to the drain.
fn delivered(lines: &str) -> String {
    run(&format!(
        "at 9
        p1 acquire -> ok 0@0=1x1 0@1=2x1
        at 10
        p1 acknowledge 0@1=accept -> ok 0@1=accept+
        {lines}
        {DRAINED}"
    ))
}

const WORDS: Rows = &[
    (
        "released, and delivered again with a greater number",
        "p1 acknowledge 0@0=release -> ok 0@0=release+\nat 20\np1 acquire -> ok\nat 21\np1 acquire -> ok 0@0=1x2\np1 acknowledge 0@0=accept -> ok 0@0=accept+",
        "valid",
    ),
    (
        "with no greater number",
        "p1 acknowledge 0@0=release -> ok 0@0=release+\nat 20\np1 acquire -> ok\nat 21\np1 acquire -> ok 0@0=1x1\np1 acknowledge 0@0=accept -> ok 0@0=accept+",
        "invalid: deliveries-went-back 1",
    ),
    (
        "a release of which nobody knows may not have been",
        "p1 acknowledge 0@0=release -> info 0@0=release?\nat 20\np1 acquire -> ok\nat 21\np1 acquire -> ok 0@0=1x1\np1 acknowledge 0@0=accept -> ok 0@0=accept+",
        "valid",
    ),
    (
        "rejected, and delivered again",
        "p1 acknowledge 0@0=reject -> ok 0@0=reject+\nat 20\np1 acquire -> ok\nat 21\np1 acquire -> ok 0@0=1x2",
        "invalid: redelivered 1",
    ),
    (
        "an acceptance that was refused says nothing",
        "p1 acknowledge 0@0=accept -> ok 0@0=accept-\nat 20\np1 acquire -> ok\nat 21\np1 acquire -> ok 0@0=1x2\np1 acknowledge 0@0=accept -> ok 0@0=accept+",
        "valid",
    ),
    (
        "an acceptance of which nobody knows may have been",
        "p1 acknowledge 0@0=accept -> info 0@0=accept?",
        "valid",
    ),
    (
        "more often than the limit",
        "at 20\np1 acquire -> ok 0@0=1x4\np1 acknowledge 0@0=accept -> ok 0@0=accept+",
        "invalid: delivered-beyond-limit 1",
    ),
    (
        "released for the last time, and archived",
        "at 20\np1 acquire -> ok 0@0=1x3\np1 acknowledge 0@0=release -> ok 0@0=release+",
        "valid",
    ),
    (
        "released, and never seen again",
        "p1 acknowledge 0@0=release -> ok 0@0=release+",
        "invalid: undelivered 1",
    ),
    (
        "held by a member that is gone, and never seen again",
        "p1 crash -> info\nat 20\np2 acquire -> ok",
        "valid",
    ),
];

#[test]
fn words_are_kept() {
    table_in(delivered, WORDS);
}

/// The first is never delivered; `{lines}` come after the acceptance of the second.
const NEVER: Rows = &[
    ("below the first that was delivered", "0@1=2x1|0@1|", "valid"),
    (
        "after it, and the group was drained",
        "0@0=1x1|0@0|",
        "invalid: undelivered 1",
    ),
];

#[test]
fn what_was_written_is_delivered() {
    let never = |line: &str| {
        let mut parts = line.split('|');
        let (got, place) = (parts.next().expect("what came"), parts.next().expect("a place"));
        run(&format!(
            "at 9\np1 acquire -> ok {got}\nat 10\np1 acknowledge {place}=accept -> ok {place}=accept+\n{DRAINED}"
        ))
    };
    table_in(never, NEVER);
}

/// The second is never delivered.
fn unfinished(end: &str) -> String {
    run(&format!(
        "at 9\np1 acquire -> ok 0@0=1x1\nat 10\np1 acknowledge 0@0=accept -> ok 0@0=accept+\nphase heal\nat 900\nphase settle\n{end}"
    ))
}

const UNFINISHED: Rows = &[
    (
        "the members did not go on for long enough",
        "p0 send 0:3 -> ok @2\np1 acquire -> ok 0@2=3x1\np1 acknowledge 0@2=accept -> ok 0@2=accept+\nat 920\np1 acquire -> ok",
        "unknown: queue",
    ),
    (
        "one member of two did not",
        "p0 send 0:3 -> ok @2\np1 acquire -> ok 0@2=3x1\np1 acknowledge 0@2=accept -> ok 0@2=accept+\np2 acquire -> ok\nat 980\np1 acquire -> ok",
        "unknown: queue",
    ),
    (
        "nothing of the partition was delivered at the end",
        "p0 send 0:3 -> ok @2\nat 980\np1 acquire -> ok",
        "unknown: queue",
    ),
    (
        "a broker that died may have delivered it unseen",
        "fault 0 kill [1] node 1 | injected\nfault 0 kill | healed gone\nfault 1 kill [1] node 1 | injected\np0 send 0:3 -> ok @2\np1 acquire -> ok 0@2=3x1\np1 acknowledge 0@2=accept -> ok 0@2=accept+\nat 980\np1 acquire -> ok",
        "valid",
    ),
];

#[test]
fn what_is_not_certain_is_not_said() {
    table_in(unfinished, UNFINISHED);
}

#[test]
fn the_story_says_who_was_told_what() {
    let verdict = checkers::check_history(&crate::dsl::history(&accepted(
        "p1 acquire -> ok\nat 21\np1 acquire -> ok 0@1=2x2",
    )));
    insta::assert_snapshot!(told(&verdict), @r"
    1 × redelivered, the first at 21.001 s: The record at offset 1 of log-0 came to client 1 at 21.001 s as delivery 2, after a broker had confirmed that it was accepted in delivery 1
    [queue] redelivered: 1 found; the first: The record at offset 1 of log-0 came to client 1 at 21.001 s as delivery 2, after a broker had confirmed that it was accepted in delivery 1.
      4 deliveries of records, 1 of them not the first; 3 accepted, 0 released, 0 rejected, 0 refused, and of 0 nobody knows
    redelivered:
      The record at offset 1 of log-0 came to client 1 at 21.001 s as delivery 2, after a broker had confirmed that it was accepted in delivery 1.
      Client 1 had that confirmed at 10.001 s, and had held nothing back since 18.000 s.
      No fault had been in force up to that time.
    ");
}
