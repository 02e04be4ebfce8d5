//! The names of everything that a check can find, each with its definition and where that comes from.
//!
//! The first paragraph of each is what reports and lists show. The order is that of gravity: a reader should
//! hear of the first ones first.

/// A kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// Its name in a verdict.
    pub name: &'static str,
    /// The check that finds it.
    pub check: &'static str,
    doc: &'static str,
}

impl Anomaly {
    /// What it means, in plain words.
    pub fn meaning(&self) -> String {
        self.paragraphs().next().unwrap_or_default()
    }

    /// Where the definition comes from; empty where it is Tribunal's own.
    pub fn source(&self) -> String {
        self.paragraphs().skip(1).collect::<Vec<_>>().join(" ")
    }

    fn paragraphs(&self) -> impl Iterator<Item = String> {
        let lines: Vec<&str> = self.doc.trim().lines().map(str::trim).collect();
        let paragraphs: Vec<String> = lines
            .split(|line| line.is_empty())
            .map(|lines| lines.join(" "))
            .collect();
        paragraphs.into_iter().filter(|paragraph| !paragraph.is_empty())
    }

    /// The anomaly of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        ANOMALIES.iter().find(|anomaly| anomaly.name == name)
    }

    /// The place of a name in the order of gravity: less is graver.
    pub fn gravity(name: &str) -> usize {
        let place = ANOMALIES.iter().position(|anomaly| anomaly.name == name);
        place.unwrap_or(ANOMALIES.len())
    }
}

macro_rules! anomalies {
    ($($(#[doc = $doc:literal])+ $constant:ident = $name:literal, found by $check:literal;)+) => {
        $($(#[doc = $doc])+ pub(crate) const $constant: &str = $name;)+

        /// All of them, the gravest first.
        pub const ANOMALIES: &[Anomaly] = &[$(Anomaly {
            name: $name,
            check: $check,
            doc: concat!($($doc, "\n"),+),
        }),+];
    };
}

anomalies! {
    /// The write certainly happened, and the log no longer holds it.
    ///
    /// Jepsen's `lost-write` (`jepsen.tests.kafka`): the broker acknowledged the write, or an operation of
    /// unknown outcome made it of which another write was read; it stands at or below the highest offset of
    /// its key that an `ok` operation read; and no `ok` operation read it. After complete final reads:
    /// whatever they do not hold, the tail and what had been read before included. Of a run of ours without
    /// them: a client read through where it stands without getting it.
    LOST_WRITE = "lost-write", found by "log";

    /// No member of the group ever read the record, and the group has committed that it is done with it.
    ///
    /// Kafka's delivery "at least once": the offset that is committed is the next to read. By the complete final reads.
    SKIPPED_RECORD = "skipped-record", found by "groups";

    /// Nothing was made of a record of the first topic, and the workers have committed that they are done with it.
    ///
    /// Exactly-once processing (KIP-98, KIP-447): what is sent and how far was read are committed together.
    NEVER_PROCESSED = "never-processed", found by "eos";

    /// Two records of the second topic were made of one of the first.
    ///
    /// Exactly-once processing (KIP-98, KIP-447).
    PROCESSED_TWICE = "processed-twice", found by "eos";

    /// All accounts together hold another amount than in the beginning.
    ///
    /// Jepsen's bank test (`wrong-total`), on transactions over partitions.
    TOTAL_CHANGED = "total-changed", found by "bank";

    /// Of a transfer one record is there without the other, or twice.
    ///
    /// Atomicity of transactions over partitions (KIP-98).
    TORN_TRANSFER = "torn-transfer", found by "bank";

    /// A transaction stays open in a partition and nobody will end it: who reads committed records gets nothing behind it.
    ///
    /// Kafka's hanging transaction: KIP-664 finds them (`kafka-transactions.sh find-hanging`), and KIP-890 says how they come about. The last
    /// stable offset stays below the high watermark for longer than transaction timeout and the coordinator's interval allow, by far,
    /// after the last client and the last fault, and no coordinator is at it.
    HANGING_TRANSACTION = "hanging-transaction", found by "transactions";

    /// A record was read after the broker had acknowledged that it is deleted.
    ///
    /// Kafka's `DeleteRecords` (KIP-107): acknowledged once no live replica's log begins below. Read by a client that was assigned the
    /// partition afterwards. Where not all replicas were seen in sync as it was acknowledged, where all of them ended since, or where an
    /// unclean election was possible, it breaks no promise.
    RESURRECTED = "resurrected", found by "retention";

    /// A tombstone is gone from a compacted topic, and an older record of its key is not, so that the key seems never to have been deleted.
    ///
    /// Kafka's log compaction (`delete.retention.ms`): what a tombstone follows is removed before it. Where a replica was not in sync since
    /// the tombstone was written, it breaks no promise.
    RESURRECTED_KEY = "resurrected-key", found by "retention";

    /// A record went by its age or by size, and an older one of its partition is still there.
    ///
    /// Kafka's log retention: segments are removed from the log's start on (`log.retention`), so what is gone is a beginning of the log.
    REMOVED_OUT_OF_ORDER = "removed-out-of-order", found by "retention";

    /// An acknowledged commit of an offset was gone when everything was whole again.
    ///
    /// Kafka's group coordinator: a commit is acknowledged once it is replicated. Where a commit of unknown outcome explains what is
    /// there, it is none.
    LOST_COMMIT = "lost-commit", found by "groups";

    /// A member committed less than had been committed and acknowledged before, as it went on from further back.
    ///
    /// Kafka's group coordinator: members begin at what is committed. Where a commit of unknown outcome explains it, it is none.
    COMMIT_WENT_BACK = "commit-went-back", found by "groups";

    /// Two members of a group owned one partition in one generation.
    ///
    /// Kafka's groups: an assignment belongs to a generation (KIP-62, KIP-429) or member's epoch (KIP-848), and gives each partition to
    /// one member.
    TWO_OWNERS = "two-owners", found by "groups";

    /// A client had read the record, though its write was never acknowledged, and the healed cluster no
    /// longer holds it.
    ///
    /// Tribunal's own: the durability of what was read (a committed record is one below the high
    /// watermark), which complete final reads put to the test.
    VANISHED_READ = "vanished-read", found by "log";

    /// A replica that was neither in the ISR nor eligible became leader, where the topic allows no unclean election and nobody
    /// had asked for one.
    ///
    /// Kafka's replication (KIP-106, KIP-966), by the metadata log on the nodes' disks. Where the topic allows it or a fault asked
    /// for it, it breaks no promise.
    UNCLEAN_ELECTION = "unclean-election", found by "leadership";

    /// A deposed leader acknowledged writes after another broker had shown a newer epoch, and the log no longer holds them.
    ///
    /// Kafka's fencing (KIP-101, KIP-320) with acks=all; with less than that the leader's word alone was asked for, and it breaks no
    /// promise beyond the `lost-write` that it explains. One for each deposed leader.
    SPLIT_BRAIN_LOSS = "split-brain-loss", found by "leadership";

    /// Two brokers were named as leader of one partition in one leader epoch.
    ///
    /// Kafka's leader epoch (KIP-101, KIP-320): each belongs to one leader. Named by a broker's cache, or by answering as leader
    /// in that epoch.
    TWO_LEADERS_IN_EPOCH = "two-leaders-in-epoch", found by "leadership";

    /// One broker process named two leaders of one partition in one leader epoch.
    ///
    /// Kafka's leader epoch (KIP-101, KIP-320): each belongs to one leader.
    LEADER_CHANGED_IN_EPOCH = "leader-changed-in-epoch", found by "leadership";

    /// Two controllers led the metadata quorum in one term.
    ///
    /// Election safety of Raft (Ongaro and Ousterhout, 2014), as KIP-595 takes it over.
    TWO_CONTROLLERS_IN_TERM = "two-controllers-in-term", found by "controllers";

    /// What was committed to the metadata log is not the same on all nodes' disks.
    ///
    /// Raft's log matching and leader completeness (Ongaro and Ousterhout, 2014), as KIP-595 takes them over: in one term
    /// no two batches lie at one offset, and nothing of a later term lies below what a leader had committed.
    METADATA_DIVERGENCE = "metadata-divergence", found by "controllers";

    /// Two controllers were active at one time for longer than the plan allows.
    ///
    /// Kafka's `LeaderState` (KAFKA-15489): a leader that no majority fetches from resigns after one and a half fetch timeouts.
    TWO_CONTROLLERS = "two-controllers", found by "controllers";

    /// Below the high watermark two replicas hold different records at one offset.
    ///
    /// Kafka's replication (KIP-101): what is below the high watermark is the same in all replicas. After
    /// healing, below the lowest high watermark of all, read from each replica alone.
    REPLICA_DIVERGENCE = "replica-divergence", found by "replicas";

    /// A replica's log lacks offsets in its middle, below the high watermark, that another replica's has.
    ///
    /// Kafka's replication: a log grows at its end alone, and nothing of ours is compacted. By the batches on the
    /// nodes' disks at the end of the run.
    REPLICA_HOLE = "replica-hole", found by "replicas";

    /// Replicas disagree on the leader epoch of the same record below the high watermark, or one had noted another
    /// beginning of an epoch than its own batches show.
    ///
    /// Kafka's leader epochs (KIP-101, KIP-279): followers find by them where their logs part from the leader's. By the
    /// batches and `leader-epoch-checkpoint` on the nodes' disks at the end of the run.
    LINEAGE_DIVERGENCE = "lineage-divergence", found by "replicas";

    /// Two different values were seen at one offset of one partition.
    ///
    /// Jepsen's `inconsistent-offsets` (`jepsen.tests.kafka`): seen in the completion of a write that
    /// certainly happened, or in any poll, that of an operation that failed included. Replicas' own copies
    /// count below their high watermarks.
    INCONSISTENT_OFFSETS = "inconsistent-offsets", found by "log";

    /// What one producer wrote to a partition does not stand there in the order in which it was written.
    ///
    /// Kafka's idempotent producer (KIP-98), whatever it has in flight at once. With another producer it breaks no promise.
    REORDERED_WRITE = "reordered-write", found by "ordering";

    /// The second topic does not have the order of the first.
    ///
    /// Exactly-once processing (KIP-98, KIP-447): workers read a partition in its order, one at a time.
    PROCESSED_OUT_OF_ORDER = "processed-out-of-order", found by "eos";

    /// A broker gave a record a time at which it was neither under way nor written, by more than clocks may differ.
    ///
    /// Kafka's `message.timestamp.type=LogAppendTime` (KIP-32): the broker's time as it appends. Between the beginning of the write and its
    /// acknowledgement, or the first reading where there was none, by the clients' clock and give or take the skew that the plan allows.
    WRONG_TIME = "wrong-time", found by "timestamps";

    /// A record that was read twice had another time the second time.
    ///
    /// Kafka's `message.timestamp.type=LogAppendTime` (KIP-32): the time is part of the record, in all replicas.
    TIME_CHANGED = "time-changed", found by "timestamps";

    /// A look-up by time found a record that is older, or passed over one that is not.
    ///
    /// Kafka's `offsetsForTimes` (KIP-79): the first offset whose time is at least the one that was asked for. What was acknowledged before the
    /// look-up began counts, where its time is later than that; where nothing was found only once everything was whole again.
    WRONG_LOOK_UP = "wrong-look-up", found by "timestamps";

    /// A look-up by time found nothing although there was something, while the cluster was not whole.
    ///
    /// Tribunal's own: a deposed leader may answer so. It breaks no promise by itself.
    STALE_LOOK_UP = "stale-look-up", found by "timestamps";

    /// A member was told of less than had been committed and acknowledged, while the cluster was not whole.
    ///
    /// Tribunal's own: a deposed coordinator may answer so. It breaks no promise by itself.
    STALE_COMMITTED = "stale-committed", found by "groups";

    /// A replica's disk held acknowledged records, and a later copy of it lacks them: its log was cut off there.
    ///
    /// Tribunal's own: it explains a `lost-write`, and breaks no promise by itself. A follower that cuts such a record
    /// off may get it again from its leader. What power loss, damage or removal of data took is not counted.
    TRUNCATED_WRITE = "truncated-write", found by "replicas";

    /// The broker acknowledged the write, and no client ever read it: it may be lost or late.
    ///
    /// Jepsen's `unseen` (`jepsen.tests.kafka`): when the last operation is over, no `ok` operation has
    /// read it. What is known to be lost is not counted again.
    UNSEEN = "unseen", found by "log";

    /// A share group delivered a record after a broker had confirmed that it was accepted or rejected.
    ///
    /// Kafka's share groups (KIP-932): a record that was acknowledged is not delivered again. Only deliveries count of which it is
    /// certain that the broker made them after the confirmation.
    REDELIVERED = "redelivered", found by "queue";

    /// A record that a share group should have delivered was not delivered, though the group was drained.
    ///
    /// Kafka's share groups (KIP-932): a record is delivered until it is acknowledged or its deliveries reach the limit. What may have
    /// reached it unseen is not counted.
    UNDELIVERED = "undelivered", found by "queue";

    /// A share group delivered a record more often than `group.share.delivery.count.limit` allows.
    ///
    /// Kafka's share groups (KIP-932): what reaches the limit is archived.
    DELIVERED_BEYOND_LIMIT = "delivered-beyond-limit", found by "queue";

    /// A record was delivered with no greater number of deliveries than when its release was confirmed.
    ///
    /// Kafka's share groups (KIP-932): the number is kept with what a member says of a record. Where a leader changes before
    /// anybody says anything it may be forgotten.
    DELIVERIES_WENT_BACK = "deliveries-went-back", found by "queue";

    /// A client read a write that had certainly failed.
    ///
    /// Adya (1999), G1a: aborted reads; Jepsen's `G1a` (`jepsen.tests.kafka`): an `ok` operation read what
    /// a `fail` one wrote.
    G1A = "G1a", found by "log";

    /// An operation read one of its own writes, which were not committed before it was over.
    ///
    /// Jepsen's `precommitted-read` (`jepsen.tests.kafka`), whatever became of the operation.
    PRECOMMITTED_READ = "precommitted-read", found by "log";

    /// A client read a value that nobody wrote.
    ///
    /// Tribunal's own: where it is so, Jepsen's checker stops with an exception.
    PHANTOM_READ = "phantom-read", found by "log";

    /// A client read a value from another partition than the one that it was written to.
    ///
    /// Tribunal's own: where it is so, Jepsen's checker stops with an exception.
    MISPLACED_RECORD = "misplaced-record", found by "log";

    /// One write stands at two offsets of its partition.
    ///
    /// Jepsen's `duplicate` (`jepsen.tests.kafka`). A producer that is neither idempotent nor transactional
    /// (KIP-98) may write a record twice: of a run of ours whose producers promised no more it breaks no
    /// promise.
    DUPLICATE = "duplicate", found by "log";

    /// One broker process named a leader epoch lower than one that it had named before.
    ///
    /// Kafka's leader epoch (KIP-101, KIP-320) only grows. Only requests that do not overlap are compared; what a broker's cache
    /// names, and the epochs in which it answers as leader, each with its like.
    EPOCH_WENT_BACK = "epoch-went-back", found by "leadership";

    /// One controller process named a term lower than one that it had named before.
    ///
    /// The terms of Raft (Ongaro and Ousterhout, 2014) only grow. Only requests that do not overlap are
    /// compared.
    TERM_WENT_BACK = "term-went-back", found by "controllers";

    /// Between two of its reads a consumer passed over records that were there.
    ///
    /// Jepsen's `poll-skip` (`jepsen.tests.kafka`): between the last record of a key that the process's
    /// latest `ok` operation got and the first of this one there is an offset that holds a record.
    /// Consumers that get their partitions from a group may: there it breaks no promise.
    POLL_SKIP = "poll-skip", found by "log";

    /// Within one operation a consumer passed over records that were there.
    ///
    /// Jepsen's `int-poll-skip` (`jepsen.tests.kafka`): between two records of a key that follow each other
    /// there is an offset that holds a record, and the key was not taken from or given to the consumer
    /// meanwhile.
    INT_POLL_SKIP = "int-poll-skip", found by "log";

    /// A consumer's later read returned an offset at or before one that it had read.
    ///
    /// Jepsen's `nonmonotonic-poll` (`jepsen.tests.kafka`): as `poll-skip`, but the second record stands at
    /// or before the first. Consumers that get their partitions from a group may: there it breaks no
    /// promise.
    NONMONOTONIC_POLL = "nonmonotonic-poll", found by "log";

    /// Within one operation a later record has an offset at or before an earlier one.
    ///
    /// Jepsen's `int-nonmonotonic-poll` (`jepsen.tests.kafka`): as `int-poll-skip`, but the second record
    /// stands at or before the first.
    INT_NONMONOTONIC_POLL = "int-nonmonotonic-poll", found by "log";

    /// A client's later write stands before an earlier one of its own.
    ///
    /// Jepsen's `nonmonotonic-send` (`jepsen.tests.kafka`): the last record that the process's latest
    /// operation which may have happened sent to a key stands at or after the first of this one.
    NONMONOTONIC_SEND = "nonmonotonic-send", found by "log";

    /// Of two records that one operation sent one after the other the second stands before the first.
    ///
    /// Jepsen's `int-nonmonotonic-send` (`jepsen.tests.kafka`).
    INT_NONMONOTONIC_SEND = "int-nonmonotonic-send", found by "log";

    /// Between two records that one operation sent one after the other stands another client's.
    ///
    /// Jepsen's `int-send-skip` (`jepsen.tests.kafka`). Nobody promised otherwise: it is never a violation.
    INT_SEND_SKIP = "int-send-skip", found by "log";

    /// A committed transaction read a value that nobody ever wrote to that key.
    ///
    /// Elle's garbage read (Kingsbury and Alvaro, 2020).
    GARBAGE_READ = "garbage-read", found by "txn";

    /// A read list holds an element twice, though it was appended once.
    ///
    /// Elle's `duplicate-elements`.
    DUPLICATE_ELEMENTS = "duplicate-elements", found by "txn";

    /// Two reads show states of one key of which neither continues the other: they cannot both have been
    /// committed.
    ///
    /// Elle's `incompatible-order`.
    INCOMPATIBLE_ORDER = "incompatible-order", found by "txn";

    /// The state of a key holds a write of a transaction that had certainly failed, and a committed one
    /// built on it.
    ///
    /// Elle's `dirty-update`.
    DIRTY_UPDATE = "dirty-update", found by "txn";

    /// A committed transaction read a state that another one left behind only on its way: it wrote the key
    /// again later.
    ///
    /// Adya (1999), G1b: intermediate reads.
    G1B = "G1b", found by "txn";

    /// A transaction read something other than its own earlier reads and writes of that key say.
    ///
    /// The axiom INT of Cerone, Bernardi and Gotsman (2015), as Elle's `internal`.
    INTERNAL = "internal", found by "txn";

    /// A transaction read a value that it itself wrote only later.
    ///
    /// Elle's `future-read`.
    FUTURE_READ = "future-read", found by "txn";

    /// A transaction read a value whose write had not even begun when the read was over.
    UNOBSERVABLE_READ = "unobservable-read", found by "txn";

    /// What is known of the order of a key's versions goes round in a circle.
    ///
    /// Elle's `cyclic-versions`.
    CYCLIC_VERSIONS = "cyclic-versions", found by "txn";

    /// Transactions read the same version of a key and each wrote it anew, without seeing the others'
    /// writes.
    ///
    /// Adya (1999), H-lost; Elle's `lost-update`.
    LOST_UPDATE = "lost-update", found by "txn";

    /// Transactions overwrote each other's writes in a circle.
    ///
    /// Adya (1999), G0: write cycles.
    G0 = "G0", found by "txn";

    /// Transactions depend on each other's writes in a circle, by overwriting and by reading them.
    ///
    /// Adya (1999), G1c: circular information flow.
    G1C = "G1c", found by "txn";

    /// A circle of dependencies has a single anti-dependency: a transaction missed a write of another on
    /// which it depends in other ways.
    ///
    /// Adya (1999), G-single (on items: no predicates are read).
    G_SINGLE_ITEM = "G-single-item", found by "txn";

    /// A circle of dependencies has a single anti-dependency: a transaction missed a write of another on
    /// which it depends in other ways.
    ///
    /// Adya (1999), G-single.
    G_SINGLE = "G-single", found by "txn";

    /// A circle of dependencies has several anti-dependencies, of which no two follow each other: no
    /// snapshots explain it.
    ///
    /// Elle's `G-nonadjacent`, after Cerone and Gotsman (2016) (on items: no predicates are read).
    G_NONADJACENT_ITEM = "G-nonadjacent-item", found by "txn";

    /// A circle of dependencies has several anti-dependencies, of which no two follow each other: no
    /// snapshots explain it.
    ///
    /// Elle's `G-nonadjacent`, after Cerone and Gotsman (2016).
    G_NONADJACENT = "G-nonadjacent", found by "txn";

    /// A circle of dependencies has several anti-dependencies: transactions missed each other's writes, as
    /// in write skew.
    ///
    /// Adya (1999), G2: anti-dependency cycles (on items: no predicates are read).
    G2_ITEM = "G2-item", found by "txn";

    /// A circle of dependencies has several anti-dependencies: transactions missed each other's writes, as
    /// in write skew.
    ///
    /// Adya (1999), G2: anti-dependency cycles.
    G2 = "G2", found by "txn";

    /// Transactions overwrote each other's writes in a circle. Only the order of a process closes the
    /// circle.
    ///
    /// Adya (1999), G0: write cycles, with Elle's order of clients.
    G0_PROCESS = "G0-process", found by "txn";

    /// Transactions depend on each other's writes in a circle, by overwriting and by reading them. Only the
    /// order of a process closes the circle.
    ///
    /// Adya (1999), G1c: circular information flow, with Elle's order of clients.
    G1C_PROCESS = "G1c-process", found by "txn";

    /// A circle of dependencies has a single anti-dependency: a transaction missed a write of another on
    /// which it depends in other ways. Only the order of a process closes the circle.
    ///
    /// Adya (1999), G-single (on items: no predicates are read), with Elle's order of clients.
    G_SINGLE_ITEM_PROCESS = "G-single-item-process", found by "txn";

    /// A circle of dependencies has a single anti-dependency: a transaction missed a write of another on
    /// which it depends in other ways. Only the order of a process closes the circle.
    ///
    /// Adya (1999), G-single, with Elle's order of clients.
    G_SINGLE_PROCESS = "G-single-process", found by "txn";

    /// A circle of dependencies has several anti-dependencies, of which no two follow each other: no
    /// snapshots explain it. Only the order of a process closes the circle.
    ///
    /// Elle's `G-nonadjacent`, after Cerone and Gotsman (2016) (on items: no predicates are read), with
    /// Elle's order of clients.
    G_NONADJACENT_ITEM_PROCESS = "G-nonadjacent-item-process", found by "txn";

    /// A circle of dependencies has several anti-dependencies, of which no two follow each other: no
    /// snapshots explain it. Only the order of a process closes the circle.
    ///
    /// Elle's `G-nonadjacent`, after Cerone and Gotsman (2016), with Elle's order of clients.
    G_NONADJACENT_PROCESS = "G-nonadjacent-process", found by "txn";

    /// A circle of dependencies has several anti-dependencies: transactions missed each other's writes, as
    /// in write skew. Only the order of a process closes the circle.
    ///
    /// Adya (1999), G2: anti-dependency cycles (on items: no predicates are read), with Elle's order of
    /// clients.
    G2_ITEM_PROCESS = "G2-item-process", found by "txn";

    /// A circle of dependencies has several anti-dependencies: transactions missed each other's writes, as
    /// in write skew. Only the order of a process closes the circle.
    ///
    /// Adya (1999), G2: anti-dependency cycles, with Elle's order of clients.
    G2_PROCESS = "G2-process", found by "txn";

    /// Transactions overwrote each other's writes in a circle. Only real time closes the circle: an
    /// operation had completed before another began.
    ///
    /// Adya (1999), G0: write cycles, with Elle's order of clients.
    G0_REALTIME = "G0-realtime", found by "txn";

    /// Transactions depend on each other's writes in a circle, by overwriting and by reading them. Only
    /// real time closes the circle: an operation had completed before another began.
    ///
    /// Adya (1999), G1c: circular information flow, with Elle's order of clients.
    G1C_REALTIME = "G1c-realtime", found by "txn";

    /// A circle of dependencies has a single anti-dependency: a transaction missed a write of another on
    /// which it depends in other ways. Only real time closes the circle: an operation had completed before
    /// another began.
    ///
    /// Adya (1999), G-single (on items: no predicates are read), with Elle's order of clients.
    G_SINGLE_ITEM_REALTIME = "G-single-item-realtime", found by "txn";

    /// A circle of dependencies has a single anti-dependency: a transaction missed a write of another on
    /// which it depends in other ways. Only real time closes the circle: an operation had completed before
    /// another began.
    ///
    /// Adya (1999), G-single, with Elle's order of clients.
    G_SINGLE_REALTIME = "G-single-realtime", found by "txn";

    /// A circle of dependencies has several anti-dependencies, of which no two follow each other: no
    /// snapshots explain it. Only real time closes the circle: an operation had completed before another
    /// began.
    ///
    /// Elle's `G-nonadjacent`, after Cerone and Gotsman (2016) (on items: no predicates are read), with
    /// Elle's order of clients.
    G_NONADJACENT_ITEM_REALTIME = "G-nonadjacent-item-realtime", found by "txn";

    /// A circle of dependencies has several anti-dependencies, of which no two follow each other: no
    /// snapshots explain it. Only real time closes the circle: an operation had completed before another
    /// began.
    ///
    /// Elle's `G-nonadjacent`, after Cerone and Gotsman (2016), with Elle's order of clients.
    G_NONADJACENT_REALTIME = "G-nonadjacent-realtime", found by "txn";

    /// A circle of dependencies has several anti-dependencies: transactions missed each other's writes, as
    /// in write skew. Only real time closes the circle: an operation had completed before another began.
    ///
    /// Adya (1999), G2: anti-dependency cycles (on items: no predicates are read), with Elle's order of
    /// clients.
    G2_ITEM_REALTIME = "G2-item-realtime", found by "txn";

    /// A circle of dependencies has several anti-dependencies: transactions missed each other's writes, as
    /// in write skew. Only real time closes the circle: an operation had completed before another began.
    ///
    /// Adya (1999), G2: anti-dependency cycles, with Elle's order of clients.
    G2_REALTIME = "G2-realtime", found by "txn";

    /// A partition made no progress for longer than the plan allows, although the faults left enough to make it.
    ///
    /// Tribunal's own, after the liveness mode of `TigerBeetle`'s simulator: what is left can go on, so it must. What Kafka tolerates
    /// is what it documents of `min.insync.replicas` (a replica in sync leads, and so many acknowledge) and of the
    /// controllers (a majority). In stretches of time in which no node is taken away or given back.
    NO_PROGRESS = "no-progress", found by "liveness";

    /// A partition could not be written or read for longer than the plan allows, while the faults were within what the
    /// configuration tolerates.
    ///
    /// Tribunal's own: measured by a prober with connections of its own, held against `limits.availability`.
    UNAVAILABLE_TOO_LONG = "unavailable-too-long", found by "availability";

    /// A partition whose leader was taken away got another one later than the plan allows.
    ///
    /// Tribunal's own: seen by the observer, held against `limits.availability`.
    ELECTED_TOO_LATE = "elected-too-late", found by "availability";

    /// After a fault was healed it took longer than the plan allows until a partition was whole again.
    ///
    /// Tribunal's own: seen by the observer and the prober, held against `limits.availability`.
    RECOVERED_TOO_LATE = "recovered-too-late", found by "availability";

    /// More acknowledged writes of a partition were lost to a fault than the plan allows, or over a longer time.
    ///
    /// Tribunal's own: the recovery point of a fault, held against `limits.availability`.
    LOST_TOO_MUCH = "lost-too-much", found by "availability";

    /// A value was appended or written to one key more than once: whose write a read saw cannot be told.
    ///
    /// Elle's `duplicate-appends`. The fault is the workload's, so it alone gives unknown.
    DUPLICATE_APPENDS = "duplicate-appends", found by "txn";

    /// The search for circles was given up before its end.
    ///
    /// Elle's `cycle-search-timeout`, in steps and not by a clock. It alone gives unknown.
    CYCLE_SEARCH_TIMEOUT = "cycle-search-timeout", found by "txn";

    /// No transaction depends on any other, so that nothing was put to the test.
    ///
    /// Elle's `empty-transaction-graph`. It alone gives unknown.
    EMPTY_TRANSACTION_GRAPH = "empty-transaction-graph", found by "txn";

    /// A metric of a broker contradicted for seconds what that broker said of itself, or counted fewer elections than it made.
    ///
    /// Tribunal's own: operators go by these metrics (Kafka's documentation, "Monitoring"). It is no loss, so it makes a run
    /// invalid where the plan is strict about it alone.
    LYING_METRIC = "lying-metric", found by "metrics";
}

#[cfg(test)]
mod tests {
    use super::{ANOMALIES, Anomaly};

    #[test]
    fn every_name_is_there_once_and_means_something() {
        for (place, anomaly) in ANOMALIES.iter().enumerate() {
            assert_eq!(Anomaly::gravity(anomaly.name), place, "{}", anomaly.name);
            assert!(anomaly.meaning().ends_with('.'), "{}", anomaly.name);
        }
    }

    #[test]
    fn what_follows_the_first_paragraph_is_the_source() {
        let lost = Anomaly::named("lost-write").expect("a name of the list");
        assert!(lost.meaning().starts_with("The write certainly happened"));
        assert!(lost.source().starts_with("Jepsen's `lost-write`"));
    }
}
