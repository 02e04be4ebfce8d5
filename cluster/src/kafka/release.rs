//! What differs between the versions of Kafka that can be run: how they log, what formatting leaves, and which levels
//! of which features they know.
//!
//! A *feature* is a part of the protocol that a cluster switches on as a whole, at a level that is written into its metadata:
//! *finalised*. A broker that does not know the level cannot join, so a cluster's versions can be mixed, and gone back from, only
//! as long as what is finalised is known to all of them.

use super::added::is_version;
use crate::Levels;

/// The feature that all others are measured by: how metadata is written.
pub const METADATA_VERSION: &str = "metadata.version";
/// The feature that says whether the quorum of controllers can change.
pub const KRAFT_VERSION: &str = "kraft.version";

/// A version of Kafka.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// The version.
    pub version: &'static str,
    /// By which library it logs.
    pub(super) logging: Logging,
    /// Where formatting leaves the levels of features, below the data directory.
    pub(super) bootstrap: &'static str,
    /// Whether it has groups that share partitions, and settings for them.
    pub(super) share_groups: bool,
    /// Which shapes it runs in.
    shapes: Shapes,
    /// The features it knows, each with its lowest and highest level, as its brokers say.
    features: &'static [(&'static str, i16, i16)],
}

/// Who holds what the controller knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shapes {
    /// A quorum of controllers alone.
    KRaft,
    /// That, or `ZooKeeper`.
    Both,
    /// `ZooKeeper` alone: what there may be of a quorum is a preview.
    ZooKeeper,
}

/// The library that writes a broker's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logging {
    /// Log4j 1, in the form that is still kept up.
    Reload4j,
    /// Log4j 2.
    Log4j2,
}

/// The bootstrap file of its own that versions up to 4.3 have.
const OWN_FILE: &str = "bootstrap.checkpoint";
/// The first snapshot of the metadata log, which holds the same from 4.4 on, and the voters of a dynamic quorum in all.
pub(super) const FIRST_SNAPSHOT: &str = "__cluster_metadata-0/00000000000000000000-0000000000.checkpoint";

const ELIGIBLE_LEADERS: &str = "eligible.leader.replicas.version";
const GROUP: &str = "group.version";
const SHARE: &str = "share.version";
const STREAMS: &str = "streams.version";
const TRANSACTION: &str = "transaction.version";

/// What can be run, newest first.
const RELEASES: &[Release] = &[
    Release {
        version: "4.4.0",
        logging: Logging::Log4j2,
        bootstrap: FIRST_SNAPSHOT,
        share_groups: true,
        shapes: Shapes::KRaft,
        features: &[
            (METADATA_VERSION, 7, 33),
            (ELIGIBLE_LEADERS, 0, 1),
            (GROUP, 0, 1),
            (KRAFT_VERSION, 0, 1),
            (SHARE, 0, 2),
            (STREAMS, 0, 1),
            (TRANSACTION, 0, 2),
        ],
    },
    Release {
        version: "4.3.1",
        logging: Logging::Log4j2,
        bootstrap: OWN_FILE,
        share_groups: true,
        shapes: Shapes::KRaft,
        features: &[
            (METADATA_VERSION, 7, 30),
            (ELIGIBLE_LEADERS, 0, 1),
            (GROUP, 0, 1),
            (KRAFT_VERSION, 0, 1),
            (SHARE, 0, 1),
            (STREAMS, 0, 1),
            (TRANSACTION, 0, 2),
        ],
    },
    Release {
        version: "4.2.2",
        logging: Logging::Log4j2,
        bootstrap: OWN_FILE,
        share_groups: true,
        shapes: Shapes::KRaft,
        features: &[
            (METADATA_VERSION, 7, 29),
            (ELIGIBLE_LEADERS, 0, 1),
            (GROUP, 0, 1),
            (KRAFT_VERSION, 0, 1),
            (SHARE, 0, 1),
            (STREAMS, 0, 1),
            (TRANSACTION, 0, 2),
        ],
    },
    Release {
        version: "4.1.1",
        logging: Logging::Log4j2,
        bootstrap: OWN_FILE,
        share_groups: true,
        shapes: Shapes::KRaft,
        features: &[
            (METADATA_VERSION, 7, 27),
            (ELIGIBLE_LEADERS, 0, 1),
            (GROUP, 0, 1),
            (KRAFT_VERSION, 0, 1),
            (SHARE, 0, 1),
            (TRANSACTION, 0, 2),
        ],
    },
    Release {
        version: "4.0.1",
        logging: Logging::Log4j2,
        bootstrap: OWN_FILE,
        share_groups: true,
        shapes: Shapes::KRaft,
        features: &[
            (METADATA_VERSION, 7, 25),
            (ELIGIBLE_LEADERS, 0, 1),
            (GROUP, 0, 1),
            (KRAFT_VERSION, 0, 1),
            (TRANSACTION, 0, 2),
        ],
    },
    Release {
        version: "3.9.2",
        logging: Logging::Reload4j,
        bootstrap: OWN_FILE,
        share_groups: false,
        shapes: Shapes::Both,
        features: &[(METADATA_VERSION, 1, 21), (KRAFT_VERSION, 0, 1)],
    },
    of_kafka_3("3.8.1", &[(METADATA_VERSION, 1, 20)]),
    of_kafka_3("3.7.2", &[(METADATA_VERSION, 1, 19)]),
    of_kafka_3("3.6.2", &[(METADATA_VERSION, 1, 14)]),
    of_kafka_3("3.5.1", &[(METADATA_VERSION, 1, 11)]),
    of_kafka_3("3.3.2", &[(METADATA_VERSION, 1, 7)]),
    with_zookeeper("2.8.2"),
    with_zookeeper("1.1.0"),
];

/// A version before 3.9: all of them log and format alike.
const fn of_kafka_3(version: &'static str, features: &'static [(&'static str, i16, i16)]) -> Release {
    Release {
        version,
        logging: Logging::Reload4j,
        bootstrap: OWN_FILE,
        share_groups: false,
        shapes: Shapes::Both,
        features,
    }
}

/// A version that runs with `ZooKeeper` alone: it finalises nothing.
const fn with_zookeeper(version: &'static str) -> Release {
    Release {
        shapes: Shapes::ZooKeeper,
        ..of_kafka_3(version, &[])
    }
}

/// From which level of `metadata.version` on formatting, and finalising a release, sets a feature to a level. In the
/// order of the levels.
const DEFAULTS: &[(i16, &str, i16)] = &[
    (22, GROUP, 1),
    (24, TRANSACTION, 2),
    (26, ELIGIBLE_LEADERS, 1),
    (28, SHARE, 1),
    (29, STREAMS, 1),
    (31, SHARE, 2),
];

/// The levels of `metadata.version` by their names, oldest first.
const METADATA_VERSIONS: &[(&str, i16)] = &[
    ("3.0-IV1", 1),
    ("3.1-IV0", 2),
    ("3.2-IV0", 3),
    ("3.3-IV0", 4),
    ("3.3-IV1", 5),
    ("3.3-IV2", 6),
    ("3.3-IV3", 7),
    ("3.4-IV0", 8),
    ("3.5-IV0", 9),
    ("3.5-IV1", 10),
    ("3.5-IV2", 11),
    ("3.6-IV0", 12),
    ("3.6-IV1", 13),
    ("3.6-IV2", 14),
    ("3.7-IV0", 15),
    ("3.7-IV1", 16),
    ("3.7-IV2", 17),
    ("3.7-IV3", 18),
    ("3.7-IV4", 19),
    ("3.8-IV0", 20),
    ("3.9-IV0", 21),
    ("4.0-IV0", 22),
    ("4.0-IV1", 23),
    ("4.0-IV2", 24),
    ("4.0-IV3", 25),
    ("4.1-IV0", 26),
    ("4.1-IV1", 27),
    ("4.2-IV0", 28),
    ("4.2-IV1", 29),
    ("4.3-IV0", 30),
    ("4.4-IV0", 31),
    ("4.4-IV1", 32),
    ("4.4-IV2", 33),
];

/// What is known of a version: its own entry, or, for one that was added, that of its line (`4.3` for `4.3.0`), in which nothing of this
/// changes, or else that of the newest that is not newer.
pub fn release(version: &str) -> Option<&'static Release> {
    let found = |fits: &dyn Fn(&Release) -> bool| RELEASES.iter().find(|release| fits(release));
    found(&|release| release.version == version)
        .or_else(|| found(&|release| line(release.version) == line(version)))
        .or_else(|| found(&|release| is_version(version) && !is_older(version, release.version)))
}

/// The version without its last number.
fn line(version: &str) -> Option<&str> {
    version.rsplit_once('.').map(|(line, _)| line)
}

/// Whether the first of two versions is the older; the text is compared number by number.
pub fn is_older(one: &str, other: &str) -> bool {
    numbers(one) < numbers(other)
}

/// The numbers of a version.
pub(super) fn numbers(version: &str) -> Vec<u32> {
    version.split('.').flat_map(str::parse).collect()
}

/// The level that a name of `metadata.version` means: `3.9-IV0`, or `3.9` for the newest of that release.
pub(super) fn metadata_version(name: &str) -> Option<i16> {
    let of_release = |full: &str| full.split('-').next() == Some(name);
    let found = METADATA_VERSIONS
        .iter()
        .rfind(|(full, _)| *full == name || of_release(full));
    found.map(|(_, level)| *level)
}

/// The name of a level of `metadata.version`.
pub(super) fn metadata_version_name(level: i16) -> Option<&'static str> {
    let found = METADATA_VERSIONS.iter().find(|(_, known)| *known == level);
    found.map(|(name, _)| *name)
}

/// The first version with a quorum whose voters can change. Three more things came with it: formatting is told levels of
/// any feature, controllers tell where they are, and `ApiVersions` has version 4.
const QUORUMS_CHANGE: &str = "3.9";
/// The first version whose active controller resigns where no majority fetches from it (`LeaderState.checkQuorumTimeoutMs`).
const CONTROLLERS_RESIGN: &str = "3.7";

/// The first version with `StorageTool`.
const FORMATS: &str = "2.8";
/// The first version of those here that runs on Java 17 as it is.
const RUNS_ON_17: &str = "2.8";
/// The first that is moved from `ZooKeeper` for good.
const MOVES_TO_KRAFT: &str = "3.6";
/// What older ones reach into.
const OPENED: &[&str] = &[
    "java.base/sun.nio.ch",
    "java.base/java.nio",
    "java.base/jdk.internal.ref",
    "java.base/java.lang",
    "java.base/java.util",
];

impl Release {
    /// Whether the voters of its quorum can change.
    pub fn quorums_change(&self) -> bool {
        !is_older(self.version, QUORUMS_CHANGE)
    }

    /// Whether its active controller resigns by itself where no majority fetches from it.
    pub(super) fn controllers_resign(&self) -> bool {
        !is_older(self.version, CONTROLLERS_RESIGN)
    }

    /// Whether `StorageTool` comes with it, and a broker that needs no `ZooKeeper`, if only as a preview.
    pub(super) fn formats(&self) -> bool {
        !is_older(self.version, FORMATS)
    }

    /// Packages of Java that it reaches into, which Java has closed since.
    pub(super) fn opens(&self) -> &'static [&'static str] {
        if is_older(self.version, RUNS_ON_17) {
            OPENED
        } else {
            &[]
        }
    }

    /// Whether it runs with `ZooKeeper`.
    pub fn has_zookeeper(&self) -> bool {
        self.shapes != Shapes::KRaft
    }

    /// Whether it runs without `ZooKeeper`.
    pub fn has_kraft(&self) -> bool {
        self.shapes != Shapes::ZooKeeper
    }

    /// Whether a cluster of it can be moved from `ZooKeeper` to a quorum of controllers: from 3.6 on, where that was no preview any more
    /// (KIP-866), as long as there is `ZooKeeper`.
    pub fn moves_to_kraft(&self) -> bool {
        self.shapes == Shapes::Both && !is_older(self.version, MOVES_TO_KRAFT)
    }

    /// The lowest and highest level of a feature that its brokers know.
    pub fn levels(&self, feature: &str) -> Option<(i16, i16)> {
        let found = self.features.iter().find(|(name, _, _)| *name == feature);
        found.map(|(_, lowest, highest)| (*lowest, *highest))
    }

    /// The names of the features it knows.
    pub fn features(&self) -> impl Iterator<Item = &'static str> {
        self.features.iter().map(|(name, _, _)| *name)
    }

    /// What a cluster of this version has finalised once it is formatted with these levels, everything else left to Kafka.
    /// `kraft.version` is not among them: the quorum decides it.
    pub fn formatted(&self, asked: &Levels) -> Levels {
        let newest = self.levels(METADATA_VERSION).map_or(0, |(_, highest)| highest);
        let metadata = asked.get(METADATA_VERSION).copied().unwrap_or(newest);
        let defaults = DEFAULTS
            .iter()
            .filter(|(since, feature, _)| *since <= metadata && self.levels(feature).is_some());
        let mut levels: Levels = defaults
            .map(|(_, feature, level)| ((*feature).to_owned(), *level))
            .collect();
        levels.insert(METADATA_VERSION.to_owned(), metadata);
        levels.extend(asked.iter().map(|(feature, level)| (feature.clone(), *level)));
        levels.retain(|_, level| *level > 0);
        levels
    }

    /// Of what is finalised, the first thing that its brokers do not know, so that they could not join: in words.
    pub fn cannot_join(&self, finalised: &Levels) -> Option<String> {
        finalised.iter().find_map(|(feature, level)| {
            let (lowest, highest) = self.levels(feature).unwrap_or_default();
            if (lowest..=highest).contains(level) || *level == 0 {
                return None;
            }
            let known = match self.levels(feature) {
                None => "does not know it".to_owned(),
                Some((lowest, highest)) => format!("knows {lowest} to {highest}"),
            };
            Some(format!(
                "{feature} is finalised at {level}, and Kafka {} {known}",
                self.version
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::lock::RUNNABLE;
    use super::*;

    fn levels(list: &[(&str, i16)]) -> Levels {
        list.iter()
            .map(|(name, level)| ((*name).to_owned(), *level))
            .collect()
    }

    #[test]
    fn every_version_that_can_be_run_is_known_newest_first() {
        let known: Vec<&str> = RELEASES.iter().map(|release| release.version).collect();
        assert_eq!(known, RUNNABLE);
        assert!(known.windows(2).all(|pair| is_older(pair[1], pair[0])));
        assert!(!is_older("4.10.0", "4.9.1"));
    }

    #[test]
    fn what_came_when() {
        let of = |version: &str| release(version).expect("it is known");
        assert!(of("3.9.2").quorums_change() && !of("3.8.1").quorums_change());
        assert!(of("3.7.2").controllers_resign() && !of("3.6.2").controllers_resign());
    }

    #[test]
    fn a_version_that_was_added_is_like_its_line_or_what_came_before() {
        let like = |version: &str| release(version).map(|release| release.version);
        assert_eq!(like("4.3.0"), Some("4.3.1"));
        assert_eq!(like("4.99.0"), Some("4.4.0"));
        assert_eq!(like("0.0.1"), None);
        assert_eq!(like("next"), None);
    }

    #[test]
    fn a_release_formats_with_the_newest_it_knows() {
        let newest = |version: &str| release(version).expect("it is known").formatted(&Levels::new());
        assert_eq!(newest("3.9.2"), levels(&[(METADATA_VERSION, 21)]));
        assert_eq!(
            newest("4.0.1"),
            levels(&[(METADATA_VERSION, 25), (GROUP, 1), (TRANSACTION, 2)])
        );
        let all = [
            (METADATA_VERSION, 33),
            (ELIGIBLE_LEADERS, 1),
            (GROUP, 1),
            (SHARE, 2),
            (STREAMS, 1),
            (TRANSACTION, 2),
        ];
        assert_eq!(newest("4.4.0"), levels(&all));
    }

    #[test]
    fn an_older_metadata_version_takes_the_defaults_of_its_time() {
        let newest = release("4.4.0").expect("it is known");
        assert_eq!(
            newest.formatted(&levels(&[(METADATA_VERSION, 21)])),
            levels(&[(METADATA_VERSION, 21)])
        );
        let without = newest.formatted(&levels(&[(METADATA_VERSION, 27), (ELIGIBLE_LEADERS, 0)]));
        assert_eq!(
            without,
            levels(&[(METADATA_VERSION, 27), (GROUP, 1), (TRANSACTION, 2)])
        );
    }

    #[test]
    fn who_cannot_join_says_what_it_does_not_know() {
        let (old, new) = (release("3.9.2").expect("known"), release("4.4.0").expect("known"));
        assert_eq!(new.cannot_join(&old.formatted(&Levels::new())), None);
        assert_eq!(
            old.cannot_join(&new.formatted(&Levels::new())).as_deref(),
            Some("eligible.leader.replicas.version is finalised at 1, and Kafka 3.9.2 does not know it")
        );
        let metadata = levels(&[(METADATA_VERSION, 33)]);
        assert_eq!(
            old.cannot_join(&metadata).as_deref(),
            Some("metadata.version is finalised at 33, and Kafka 3.9.2 knows 1 to 21")
        );
    }

    #[test]
    fn metadata_versions_have_names() {
        assert_eq!(metadata_version("3.9-IV0"), Some(21));
        assert_eq!(metadata_version("3.9"), Some(21));
        assert_eq!(metadata_version("4.0"), Some(25));
        assert_eq!(metadata_version("4"), None);
        assert_eq!(metadata_version_name(11), Some("3.5-IV2"));
        assert_eq!(metadata_version_name(0), None);
        for release in RELEASES {
            let name = release.version.rsplit_once('.').expect("it has a dot").0;
            let newest = release.levels(METADATA_VERSION).map(|(_, highest)| highest);
            assert_eq!(metadata_version(name), newest, "{}", release.version);
        }
    }
}
