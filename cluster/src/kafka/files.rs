//! Which of the files in a data directory are what, by their names.

use super::ask::PROBE_TOPIC;
use super::config::NODES_MAX;
use super::disk::names::METADATA;
use crate::{FileKind, Files};

/// The files of a kind. What belongs to partitions is that of the workload's and of Kafka's own: a fault that looks for
/// a segment means one that somebody relies on, and never one of the probe topic.
pub(super) fn of(kind: FileKind) -> Files {
    let of_partitions = |endings: &[&str]| Files {
        endings: endings.iter().map(|&ending| ending.to_owned()).collect(),
        inside: None,
        outside: [METADATA.to_owned()].into_iter().chain(probes()).collect(),
    };
    match kind {
        FileKind::Any => Files::any(),
        FileKind::Segment => of_partitions(&[".log"]),
        FileKind::Index => of_partitions(&[".index", ".timeindex", ".txnindex"]),
        // Written under another name first, and renamed.
        FileKind::Checkpoint => of_partitions(&["-checkpoint", "-checkpoint.tmp"]),
        FileKind::MetadataLog => Files {
            inside: Some(METADATA.to_owned()),
            ..Files::any()
        },
    }
}

/// The directories of the probe topic's partitions: as many as there can be nodes.
fn probes() -> impl Iterator<Item = String> {
    (0..NODES_MAX).map(|partition| format!("{PROBE_TOPIC}-{partition}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn each_file_is_of_its_kind() {
        let kinds = [
            FileKind::Segment,
            FileKind::Index,
            FileKind::Checkpoint,
            FileKind::MetadataLog,
        ];
        for (file, expected) in [
            ("log-0/00000000000000000000.log", Some(FileKind::Segment)),
            ("log-0/00000000000000000000.index", Some(FileKind::Index)),
            ("log-0/00000000000000000000.timeindex", Some(FileKind::Index)),
            ("log-0/leader-epoch-checkpoint", Some(FileKind::Checkpoint)),
            ("replication-offset-checkpoint", Some(FileKind::Checkpoint)),
            ("recovery-point-offset-checkpoint.tmp", Some(FileKind::Checkpoint)),
            (
                "__cluster_metadata-0/00000000000000000000.log",
                Some(FileKind::MetadataLog),
            ),
            ("__cluster_metadata-0/quorum-state", Some(FileKind::MetadataLog)),
            (
                "__cluster_metadata-0/leader-epoch-checkpoint",
                Some(FileKind::MetadataLog),
            ),
            ("tribunal-probe-0/00000000000000000000.log", None),
            ("meta.properties", None),
        ] {
            let found: Vec<FileKind> = kinds
                .into_iter()
                .filter(|kind| of(*kind).contain(Path::new(file)))
                .collect();
            assert_eq!(found, Vec::from_iter(expected), "{file}");
            assert!(of(FileKind::Any).contain(Path::new(file)));
        }
    }
}
