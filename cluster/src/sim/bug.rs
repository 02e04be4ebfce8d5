//! The bugs that a simulated cluster can have. All are off unless they are asked for.
//!
//! Each waits until its time, then for its first occasion, and does its harm: once, or for those that work on
//! the clients' requests a few times, as one answer alone may never reach anybody.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What a bug needs of a run to show itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Transactions.
    Transactions,
    /// Transactions of which some are aborted.
    Aborts,
    /// Transactions of at least two steps.
    Steps,
    /// Transactions that overlap.
    Contention,
    /// Writes outside transactions.
    PlainWrites,
    /// Producers whose retries are told from new records.
    Idempotence,
    /// Acknowledgements.
    Acks,
    /// A partition that has more than one replica.
    Replicas,
    /// More than one partition.
    Partitions,
    /// More than one node.
    Nodes,
    /// Consumers that name their partitions.
    Assign,
    /// Seconds in which nothing changes.
    Time,
    /// An end of every operation in the history.
    Ends,
}

impl Need {
    /// What is needed, in words.
    pub fn text(self) -> &'static str {
        match self {
            Self::Transactions => "transactions",
            Self::Aborts => "transactions of which some are aborted on purpose",
            Self::Steps => "transactions of at least two steps",
            Self::Contention => "several clients at once",
            Self::PlainWrites => "writes outside transactions",
            Self::Idempotence => "idempotent producers",
            Self::Acks => "acknowledgements",
            Self::Replicas => "more than one replica of each partition",
            Self::Partitions => "more than one partition",
            Self::Nodes => "more than one node",
            Self::Assign => "consumers that name their partitions",
            Self::Time => "a `recover` as long as `liveness` in its limits",
            Self::Ends => "clients whose operations all end in the history",
        }
    }
}

macro_rules! bugs {
    ($($(#[doc = $doc:literal])+ $variant:ident = $word:literal, shows $anomaly:literal, needs [$($need:ident),*];)+) => {
        /// A bug of the simulated cluster.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Bug {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Bug {
            /// All of them, in the order of the list.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its word in a plan and on the command line.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// The anomaly that it must be found out by.
            pub fn anomaly(self) -> &'static str {
                match self {
                    $(Self::$variant => $anomaly,)+
                }
            }

            /// What a run must have for it to show.
            pub fn needs(self) -> &'static [Need] {
                match self {
                    $(Self::$variant => &[$(Need::$need),*],)+
                }
            }

            /// What it does.
            pub fn about(self) -> String {
                let text = match self {
                    $(Self::$variant => concat!($($doc, "\n"),+),)+
                };
                text.split_whitespace().collect::<Vec<_>>().join(" ")
            }
        }
    };
}

bugs! {
    /// The last acknowledged records of a partition vanish from every replica once the producers are closed.
    LostTail = "lost-tail", shows "lost-write", needs [Acks];

    /// An acknowledged record vanishes from the middle of every replica's log.
    LostMiddle = "lost-middle", shows "lost-write", needs [Acks];

    /// A deposed leader does not notice, and goes on acknowledging alone until it does.
    StaleLeader = "stale-leader", shows "lost-write", needs [Acks, Replicas];

    /// A replica that fell out of the ISR is elected, where the topic allows clean elections only.
    UncleanLeader = "unclean-leader", shows "lost-write", needs [Acks, Replicas];

    /// A committed transaction is aborted in one of its partitions.
    TornTransaction = "torn-transaction", shows "lost-write", needs [Transactions, Steps, Partitions];

    /// From some transaction on, one partition gets no markers of one producer any more, and its coordinator believes that it has them.
    HangingTransaction = "hanging-transaction", shows "hanging-transaction", needs [Transactions, Ends];

    /// A record that consumers have read, and whose producer never got an answer, vanishes.
    VanishedRecord = "vanished-record", shows "vanished-read", needs [Acks];

    /// A broker's cache names a second leader in an epoch that has one.
    TwoLeaders = "two-leaders", shows "two-leaders-in-epoch", needs [Acks, Replicas];

    /// A broker's cache changes its mind about who leads in an epoch.
    SameEpochElection = "same-epoch-election", shows "leader-changed-in-epoch", needs [Acks, Replicas];

    /// A second controller claims to lead the quorum in the term of the first.
    TwoControllers = "two-controllers", shows "two-controllers-in-term", needs [Nodes];

    /// Two neighbouring records change places in one follower's log.
    Divergence = "divergence", shows "replica-divergence", needs [Acks, Replicas];

    /// One follower's log lacks a record in its middle.
    ReplicaHole = "replica-hole", shows "replica-hole", needs [Acks, Replicas];

    /// One follower's log says of a record that it is of another leader's epoch.
    FalseLineage = "false-lineage", shows "lineage-divergence", needs [Acks, Replicas];

    /// A new record takes the offset, and the place, of an acknowledged one.
    ReusedOffset = "reused-offset", shows "inconsistent-offsets", needs [Acks];

    /// Two acknowledged neighbours change places in every replica's log.
    ReorderedLog = "reordered-log", shows "inconsistent-offsets", needs [Acks];

    /// A consumer that reads committed records gets those of an aborted transaction too.
    DirtyRead = "dirty-read", shows "G1a", needs [Transactions, Aborts];

    /// A write that was refused, or whose transaction was aborted, turns up in the log later.
    ResurrectedWrite = "resurrected-write", shows "G1a", needs [Acks, Aborts];

    /// A transaction reads its own records before it is committed.
    PrecommittedRead = "precommitted-read", shows "precommitted-read", needs [Transactions, Steps];

    /// Consumers that read committed records get those of open transactions too, from then on.
    UncommittedRead = "uncommitted-read", shows "G1c", needs [Transactions, Steps, Contention, Assign, Partitions];

    /// A consumer gets a record with other bytes than were written.
    PhantomRecord = "phantom-record", shows "phantom-read", needs [];

    /// A copy of a record turns up in another partition.
    MisplacedRecord = "misplaced-record", shows "misplaced-record", needs [Partitions];

    /// A record of an idempotent producer is appended twice.
    Duplicate = "duplicate", shows "duplicate", needs [Idempotence];

    /// A broker's cache goes back to the leader epoch before.
    EpochGoesBack = "epoch-goes-back", shows "epoch-went-back", needs [Acks, Replicas];

    /// The controller goes back to the term before.
    TermGoesBack = "term-goes-back", shows "term-went-back", needs [];

    /// Between two answers a consumer is moved past records.
    SkippedBatch = "skipped-batch", shows "poll-skip", needs [Assign];

    /// An answer to a consumer lacks a record in its middle.
    SkippedRecord = "skipped-record", shows "int-poll-skip", needs [];

    /// A consumer is moved back to records that it has read.
    RepeatedPoll = "repeated-poll", shows "nonmonotonic-poll", needs [Assign];

    /// An answer to a consumer has two records in the wrong order.
    ReorderedPoll = "reordered-poll", shows "int-nonmonotonic-poll", needs [];

    /// A later record of a client is put into a gap that was left before an earlier one.
    LateSlot = "late-slot", shows "nonmonotonic-send", needs [PlainWrites, Acks];

    /// A partition takes no record any more, and its producers get no answer.
    StalledPartition = "stalled-partition", shows "no-progress", needs [Acks, Time];

    /// The second record of a transaction is put before its first.
    ReversedSends = "reversed-sends", shows "int-nonmonotonic-send", needs [Transactions, Steps];
}

impl fmt::Display for Bug {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

impl FromStr for Bug {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|bug| bug.word() == word);
        found.copied().ok_or_else(|| {
            let words: Vec<_> = Self::ALL.iter().map(|bug| bug.word()).collect();
            format!("there is no bug `{word}`: {}", words.join(", "))
        })
    }
}

impl Serialize for Bug {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for Bug {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        word.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Bug;

    #[test]
    fn what_a_bug_needs_is_said_in_words() {
        let needs = Bug::ALL.iter().flat_map(|bug| bug.needs());
        assert!(needs.clone().count() > 0 && needs.into_iter().all(|need| !need.text().is_empty()));
    }

    #[test]
    fn each_is_found_by_its_word_and_says_what_it_does() {
        for bug in Bug::ALL {
            assert_eq!(bug.word().parse(), Ok(*bug));
            assert!(bug.about().ends_with('.'), "{bug}");
        }
        let error = "lost".parse::<Bug>().expect_err("no bug");
        assert!(error.contains("there is no bug `lost`: lost-tail, "), "{error}");
    }
}
