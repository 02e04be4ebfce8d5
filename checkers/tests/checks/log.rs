//! What is in the log: losses, what was never seen, repetitions, and what should not be there.

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
        "one that was assigned the end is not",
        "
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            p1 assign 0 -> ok
            p1 poll -> ok 0@1=2",
        "invalid: unseen 1",
    ),
    (
        "nor is any of ours",
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
        "a write begun after the reader had passed cannot be told by it",
        "
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @2
            p1 poll -> ok 0@0=1 0@2=2
            p0 send 0:3 -> ok @1",
        "invalid: int-poll-skip 1, unseen 1",
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

const DUPLICATE: Rows = &[
    (
        "twice in the log, idempotent",
        "
            phase steady
            p0 send 0:1 -> ok @0
            finally 0@0=1 0@1=1",
        "invalid: duplicate 1",
    ),
    (
        "twice in the log, at least once",
        "
            topics log:2 at-least-once
            phase steady
            p0 send 0:1 -> ok @0
            finally 0@0=1 0@1=1",
        "valid (allowed duplicate 1)",
    ),
    (
        "acknowledged at one offset, read at another",
        "
            phase steady
            p0 send 0:1 -> ok @4
            finally 0@0=1",
        "invalid: duplicate 1",
    ),
    (
        "read twice by two clients at one offset is none",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p1 poll -> ok 0@0=1
            p2 poll -> ok 0@0=1
            finally 0@0=1",
        "valid",
    ),
    (
        "in three places it is still one value",
        "
            phase steady
            p0 send 0:1 -> info
            p1 send 1:7 -> ok @0
            finally 0@0=1 0@1=1 0@2=1 1@0=7",
        "invalid: duplicate 1",
    ),
];

#[test]
fn duplicate() {
    table(DUPLICATE);
}

const INCONSISTENT_OFFSETS: Rows = &[
    (
        "two clients read different values at one offset",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p2 send 0:2 -> info
            p1 poll -> ok 0@0=2
            finally 0@0=1",
        "invalid: inconsistent-offsets 1, vanished-read 1",
    ),
    (
        "two acknowledgements name one offset",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @0
            finally 0@0=1 0@1=2",
        "invalid: duplicate 1, inconsistent-offsets 1",
    ),
    (
        "the same offset of two partitions is another place",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 1:2 -> ok @0
            finally 0@0=1 1@0=2",
        "valid",
    ),
    (
        "even a poll that failed must not show another value",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p2 send 0:2 -> info
            p1 poll -> fail 0@0=2
            finally 0@0=1",
        "invalid: inconsistent-offsets 1",
    ),
    (
        "an info write's offset proves nothing",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p2 send 0:2 -> info @0
            finally 0@0=1",
        "valid",
    ),
    (
        "a replica's own copy below its high watermark",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p2 send 0:2 -> info
            node2 log 0 hw=1 0=2/e0 last
            finally 0@0=1",
        "invalid: inconsistent-offsets 1, replica-divergence 1",
    ),
    (
        "above its high watermark it is not committed",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p2 send 0:2 -> info
            node2 log 0 hw=0 0=2/e0 last
            finally 0@0=1",
        "valid",
    ),
];

#[test]
fn inconsistent_offsets() {
    table(INCONSISTENT_OFFSETS);
}

const RECORDS_THAT_SHOULD_NOT_BE_THERE: Rows = &[
    (
        "a value that nobody sent",
        "
            phase steady
            p0 send 0:1 -> ok @0
            finally 0@0=1 0@1=77",
        "invalid: phantom-read 1",
    ),
    (
        "a huge value that nobody sent",
        "
            phase steady
            p0 send 0:1 -> ok @0
            finally 0@0=1 0@1=18446744073709551615",
        "invalid: phantom-read 1",
    ),
    (
        "in a replica's copy alone",
        "
            phase steady
            p0 send 0:1 -> ok @0
            node1 log 0 hw=2 0=1/e0 1=9/e0 last
            finally 0@0=1",
        "invalid: phantom-read 1",
    ),
    (
        "an aborted read",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> fail
            p1 poll -> ok 0@0=1 0@1=2
            finally 0@0=1 0@1=2",
        "invalid: aborted-read 1",
    ),
    (
        "only the final reads show it",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> fail
            finally 0@0=1 0@1=2",
        "invalid: aborted-read 1",
    ),
    (
        "read before its failure was known is aborted as well",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2
            p1 poll -> ok 0@0=1 0@1=2
            p0 fail send 0:2
            finally 0@0=1",
        "invalid: aborted-read 1",
    ),
    (
        "a poll that did not succeed reads nothing aborted",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> fail
            p1 poll -> info 0@1=2
            finally 0@0=1",
        "valid",
    ),
    (
        "read where it was not sent to",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p1 poll -> ok 1@0=1
            finally 0@0=1",
        "invalid: misplaced-record 1",
    ),
    (
        "and not where it was",
        "
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 1:2 -> ok @0
            finally 1@0=2 1@1=1",
        "invalid: lost-write 1, misplaced-record 2",
    ),
];

#[test]
fn records_that_should_not_be_there() {
    table(RECORDS_THAT_SHOULD_NOT_BE_THERE);
}
