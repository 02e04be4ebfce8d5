//! Which of the files in a data directory are what, by their names.

use crate::{FileKind, Files};

/// The directory of the metadata log, with the snapshots of it and the note of who was voted for.
const METADATA: &str = "__cluster_metadata-0";

/// The files of a kind.
pub(super) fn of(kind: FileKind) -> Files {
    let files = |endings: &[&str], inside: Option<&str>, outside: Option<&str>| Files {
        endings: endings.iter().map(|&ending| ending.to_owned()).collect(),
        inside: inside.map(str::to_owned),
        outside: outside.map(str::to_owned),
    };
    match kind {
        FileKind::Any => Files::any(),
        FileKind::Segment => files(&[".log"], None, Some(METADATA)),
        FileKind::Index => files(&[".index", ".timeindex", ".txnindex"], None, Some(METADATA)),
        // Written under another name first, and renamed.
        FileKind::Checkpoint => files(&["-checkpoint", "-checkpoint.tmp"], None, Some(METADATA)),
        FileKind::MetadataLog => files(&[], Some(METADATA), None),
    }
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
