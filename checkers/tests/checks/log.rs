//! Writes that are gone, and writes that nobody saw.

use crate::{Rows, table};

const LOST_WRITE: Rows = &[
    (
        "everything is read back",
        "
            phase steady
            p0 send 0:1 -> ok @0 by 1
            p0 send 0:2 -> ok @1 by 1
            finally 0@0=1 0@1=2",
        "valid",
    ),
    (
        "lost at the tail",
        "
            phase steady
            p0 send 0:1 -> ok @0 by 1
            p0 send 0:2 -> ok @1 by 1
            finally 0@0=1",
        "invalid: lost-write 1",
    ),
    (
        "lost in the middle, another in its place",
        "
            phase steady
            p0 send 0:1 -> ok @0 by 1
            p1 send 0:2 -> info
            p0 send 0:3 -> ok @2 by 1
            p2 send 0:4 -> ok @1 by 1
            finally 0@0=1 0@1=2 0@2=3",
        "invalid: inconsistent-offsets 1, lost-write 1",
    ),
    (
        "lost as a whole: the log is empty, and says so",
        "
            phase steady
            p0 send 0:1 -> ok @0 by 1
            finally",
        "invalid: lost-write 1",
    ),
    (
        "read once, and lost later",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p1 poll -> ok 0@0=1 0@1=2
            finally 0@0=1",
        "invalid: lost-write 1",
    ),
    (
        "acknowledged without an offset",
        "
            phase steady
            p0 send 0:1 -> ok
            p0 send 0:2 -> ok
            finally 0@0=1",
        "invalid: lost-write 1",
    ),
    (
        "a negative offset is none",
        "
            phase steady
            p0 send 0:1 -> ok @-1001
            p0 send 0:2 -> ok @-1001
            finally 0@0=1 0@1=2",
        "valid",
    ),
    (
        "nobody knows of an info write, read or not",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> info
            p2 send 0:3 -> info
            p3 send 0:4
            finally 0@0=1 0@1=3",
        "valid",
    ),
    (
        "a failed write is not missed",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> fail
            finally 0@0=1",
        "valid",
    ),
    (
        "of unknown outcome, but read, and then gone",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> info
            p1 poll -> ok 0@0=1 0@1=2
            finally 0@0=1",
        "invalid: vanished-read 1",
    ),
    (
        "acknowledged after the final reads began: late, not lost",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2
            phase heal
            phase final-reads
            p0 ok send 0:2 @1
            p9 assign 0 1 from-beginning -> ok
            p9 poll -> ok 0@0=1
            node1 log 0 hw=1 0=1/e0 last
            node1 log 1 hw=0 last
            final p9 complete 1,0",
        "unknown: log",
    ),
    (
        "a read by another client after the final reads began counts for nothing",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            phase heal
            phase final-reads
            p9 assign 0 1 from-beginning -> ok
            p9 poll -> ok 0@0=1
            p8 poll -> ok 0@1=2
            node1 log 0 hw=1 0=1/e0 last
            node1 log 1 hw=0 last
            final p9 complete 1,0",
        "invalid: lost-write 1",
    ),
    (
        "called complete, but nothing was read where there is something",
        "
            phase steady
            p0 send 0:1 -> ok @0
            phase heal
            phase final-reads
            node1 log 0 hw=1 0=1/e0 last
            node1 log 1 hw=0 last
            final p9 complete 1,0",
        "unknown: assumptions log",
    ),
];

#[test]
fn lost_write() {
    table(LOST_WRITE);
}

const LOST_WRITE_WITHOUT_FINAL_READS: Rows = &[
    (
        "a reader passed over it",
        "
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p0 send 0:3 -> ok @2
            p1 poll -> ok 0@0=1
            p1 poll -> ok 0@2=3",
        "invalid: lost-write 1, poll-skip 1",
    ),
    (
        "a foreign reader is taken to begin at the start, as Jepsen does",
        "
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p1 poll -> ok 0@1=2",
        "invalid: lost-write 1",
    ),
    (
        "so does one that was assigned the end: Jepsen asks only what was read",
        "
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p1 assign 0 -> ok
            p1 poll -> ok 0@1=2",
        "invalid: lost-write 1",
    ),
    (
        "but of ours only a client that read through proves anything",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p1 poll -> ok 0@1=2",
        "unknown: effect log",
    ),
    (
        "from the beginning is from the beginning",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p1 assign 0 from-beginning -> ok
            p1 poll -> ok 0@1=2",
        "invalid: lost-write 1",
    ),
    (
        "what comes after the furthest reader is only unseen",
        "
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p1 poll -> ok 0@0=1",
        "invalid: unseen 1",
    ),
    (
        "even if it was begun after that had been read",
        "
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @2
            p1 poll -> ok 0@0=1 0@2=2
            p2 send 0:3 -> ok @1",
        "invalid: int-poll-skip 1, lost-write 1",
    ),
    (
        "but of ours a write begun after the reader had passed cannot be told by it",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @2
            p1 assign 0 from-beginning -> ok
            p1 poll -> ok 0@0=1 0@2=2
            p2 send 0:3 -> ok @1",
        "invalid: int-poll-skip 1",
    ),
    (
        "a poll that did not succeed passes over nothing",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p1 assign 0 from-beginning -> ok
            p1 poll -> info 0@1=2",
        "unknown: effect log",
    ),
    (
        "without an offset it can only be unseen",
        "
            p0 send 0:1 -> ok
            p0 send 0:2 -> ok @1
            p1 poll -> ok 0@1=2",
        "invalid: unseen 1",
    ),
];

#[test]
fn lost_write_without_final_reads() {
    table(LOST_WRITE_WITHOUT_FINAL_READS);
}

const UNSEEN: Rows = &[
    (
        "a foreign history is judged as Jepsen judges it",
        "
            p0 send 0:1 -> ok @0",
        "invalid: unseen 1",
    ),
    (
        "all seen",
        "
            p0 send 0:1 -> ok @0
            p1 poll -> ok 0@0=1",
        "valid",
    ),
    (
        "info and fail need not be seen",
        "
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> info
            p2 send 0:3 -> fail
            p1 poll -> ok 0@0=1",
        "valid",
    ),
    (
        "the first poll of a key may be the last operation (Jepsen's false alarm)",
        "
            p0 send 0:1 -> ok @0
            p2 poll -> ok 0@0=1
            p0 send 1:2 -> info
            p1 poll -> ok 1@0=2",
        "valid",
    ),
    (
        "a poll that did not succeed sees nothing",
        "
            p0 send 0:1 -> ok @0
            p1 poll -> info 0@0=1",
        "invalid: unseen 1",
    ),
    (
        "a truncated history may only be late",
        "
            p0 send 0:1 -> ok @0
            truncated",
        "unknown: effect",
    ),
    (
        "incomplete final reads of ours: nobody knows",
        "
            phase steady
            p0 send 0:1 -> ok @0
            phase heal
            phase final-reads
            p9 assign 0 1 from-beginning -> ok
            p9 poll -> ok
            node1 log 0 hw=1 0=1/e0 last
            node1 log 1 hw=0 last
            final p9 incomplete 1,0",
        "unknown: log",
    ),
    (
        "even if all was seen",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p1 poll -> ok 0@0=1
            phase heal
            phase final-reads
            node1 log 0 hw=1 0=1/e0 last
            node1 log 1 hw=0 last
            final p9 incomplete 1,0",
        "unknown: log",
    ),
    (
        "ends for some partitions only",
        "
            phase steady
            p0 send 1:1 -> ok @0
            phase heal
            phase final-reads
            p9 poll -> ok 1@0=1
            node1 log 0 hw=0 last
            node1 log 1 hw=1 0=1/e0 last
            final p9 complete 0",
        "unknown: assumptions log",
    ),
];

#[test]
fn unseen() {
    table(UNSEEN);
}
