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
    /// The broker acknowledged the write, and the healed cluster no longer holds it.
    ///
    /// Jepsen's `lost-write` (`jepsen.tests.kafka`), and beyond the highest offset that was read where the
    /// final reads are complete.
    LOST_WRITE = "lost-write", found by "log";

    /// A client had read the record, though its write was never acknowledged, and the healed cluster no
    /// longer holds it.
    VANISHED_READ = "vanished-read", found by "log";

    /// Two brokers were named as leader of one partition in one leader epoch.
    TWO_LEADERS_IN_EPOCH = "two-leaders-in-epoch", found by "leadership";

    /// One broker process named two leaders of one partition in one leader epoch.
    LEADER_CHANGED_IN_EPOCH = "leader-changed-in-epoch", found by "leadership";

    /// Two controllers led the metadata quorum in one term.
    TWO_CONTROLLERS_IN_TERM = "two-controllers-in-term", found by "controllers";

    /// Below the high watermark two replicas hold different records at one offset.
    REPLICA_DIVERGENCE = "replica-divergence", found by "replicas";

    /// Two different values were seen at one offset of one partition.
    INCONSISTENT_OFFSETS = "inconsistent-offsets", found by "log";

    /// The broker acknowledged the write, and no client ever read it: it may be lost or late.
    UNSEEN = "unseen", found by "log";

    /// A client read a write that had certainly failed.
    G1A = "G1a", found by "log";

    /// A client read a value that nobody wrote.
    PHANTOM_READ = "phantom-read", found by "log";

    /// A client read a value from another partition or offset than the one it was written to.
    MISPLACED_RECORD = "misplaced-record", found by "log";

    /// One write stands at two offsets of its partition.
    DUPLICATE = "duplicate", found by "log";

    /// One broker process named a leader epoch lower than one that it had named before.
    EPOCH_WENT_BACK = "epoch-went-back", found by "leadership";

    /// One controller process named a term lower than one that it had named before.
    TERM_WENT_BACK = "term-went-back", found by "controllers";

    /// Between two of its reads a consumer passed over records that were there.
    POLL_SKIP = "poll-skip", found by "log";

    /// Within one read a consumer passed over records that were there.
    INT_POLL_SKIP = "int-poll-skip", found by "log";

    /// A consumer's later read returned an offset at or before one that it had read.
    NONMONOTONIC_POLL = "nonmonotonic-poll", found by "log";

    /// Within one read a later record has an offset at or before an earlier one.
    INT_NONMONOTONIC_POLL = "int-nonmonotonic-poll", found by "log";
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
        assert!(lost.meaning().starts_with("The broker acknowledged"));
        assert!(lost.source().starts_with("Jepsen's `lost-write`"));
    }
}
