//! What the names in a data directory say: which partition a directory is of, and what becomes of it; where a segment
//! begins.
//!
//! Source: `LogFileUtils` and `UnifiedLog` in Kafka's storage module.

use history::Offset;

/// The directory of the cluster's metadata.
pub const METADATA: &str = "__cluster_metadata-0";

/// A directory that holds a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionDirectory {
    /// The topic.
    pub topic: String,
    /// The partition's number in it.
    pub partition: u32,
    /// What it is to the broker.
    pub role: Role,
}

/// What a partition's directory is to its broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The replica.
    Current,
    /// It will be deleted (`-delete`): its topic was, or the replica moved away.
    Deleted,
    /// It is being copied to, from another of the broker's disks (`-future`).
    Future,
    /// The broker found it as it came up, and is no replica of it (`-stray`).
    Stray,
}

/// What the name of a directory says; none where it is no partition's.
pub fn partition_directory(name: &str) -> Option<PartitionDirectory> {
    let roles = [
        ("-delete", Role::Deleted),
        ("-future", Role::Future),
        ("-stray", Role::Stray),
    ];
    let special = roles.iter().find_map(|(suffix, role)| {
        // The name, a dot, a number that makes it unique, and the suffix.
        let (plain, unique) = name.strip_suffix(suffix)?.rsplit_once('.')?;
        (unique.len() == 32 && unique.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some((plain, *role))
    });
    let (place, role) = special.unwrap_or((name, Role::Current));
    let (topic, partition) = place.rsplit_once('-')?;
    let digits = !partition.is_empty() && partition.bytes().all(|byte| byte.is_ascii_digit());
    (digits && !topic.is_empty()).then_some(())?;
    Some(PartitionDirectory {
        topic: topic.to_owned(),
        partition: partition.parse().ok()?,
        role,
    })
}

/// The offset at which a segment begins, by its file's name; none where it is none. What was replaced or is on its way
/// (`.deleted`, `.cleaned`, `.swap`) is none either.
pub fn segment_base(name: &str) -> Option<Offset> {
    twenty_digits(name.strip_suffix(".log")?)
}

/// The end offset and the epoch that a snapshot of the metadata is of, by its file's name. One that is not yet whole
/// (`.checkpoint.part`) is none.
pub fn snapshot_end(name: &str) -> Option<(Offset, i32)> {
    let (end, epoch) = name.strip_suffix(".checkpoint")?.split_once('-')?;
    (epoch.len() == 10).then_some(())?;
    Some((twenty_digits(end)?, epoch.parse().ok()?))
}

/// The name of the segment that begins at an offset.
pub fn segment_name(base: Offset) -> String {
    format!("{base:020}.log")
}

fn twenty_digits(text: &str) -> Option<Offset> {
    (text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(())?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories() {
        let known = |topic: &str, partition, role| {
            Some(PartitionDirectory {
                topic: topic.to_owned(),
                partition,
                role,
            })
        };
        let unique = "0123456789abcdef0123456789abcdef";
        for (name, expected) in [
            ("log-0", known("log", 0, Role::Current)),
            ("a.b-c-12", known("a.b-c", 12, Role::Current)),
            (METADATA, known("__cluster_metadata", 0, Role::Current)),
            (&format!("log-3.{unique}-delete"), known("log", 3, Role::Deleted)),
            (&format!("a.b-3.{unique}-future"), known("a.b", 3, Role::Future)),
            (&format!("log-3.{unique}-stray"), known("log", 3, Role::Stray)),
            ("log-3.short-delete", None),
            ("log", None),
            ("-0", None),
            ("log-+1", None),
            ("log-99999999999", None),
        ] {
            assert_eq!(partition_directory(name), expected, "{name}");
        }
    }

    #[test]
    fn files() {
        assert_eq!(segment_base("00000000000000000128.log"), Some(128));
        assert_eq!(segment_base(&segment_name(77)), Some(77));
        assert_eq!(segment_base("00000000000000000128.log.deleted"), None);
        assert_eq!(segment_base("99999999999999999999.log"), None);
        assert_eq!(segment_base("128.log"), None);
        assert_eq!(
            snapshot_end("00000000000000000017-0000000003.checkpoint"),
            Some((17, 3))
        );
        assert_eq!(
            snapshot_end("00000000000000000017-0000000003.checkpoint.part"),
            None
        );
    }
}
