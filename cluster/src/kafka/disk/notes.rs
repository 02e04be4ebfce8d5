//! What a broker notes of itself and of its quorum: `meta.properties`, `partition.metadata`, `quorum-state`.

use std::path::Path;

use history::QuorumState;
use serde::Deserialize;
use uuid::Uuid;

use super::checkpoint::text;
use super::damage::Damage;
use crate::kafka::node_files::uuid_of;

/// None of these files is longer.
const TEXT_MAX: u64 = 1 << 20;

/// Who a data directory belongs to (`meta.properties`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The cluster.
    pub cluster: Option<String>,
    /// The node.
    pub node: Option<u32>,
    /// The directory, as the cluster knows it.
    pub directory: Option<String>,
}

/// Reads `meta.properties`; none where there is no such file: the directory was never formatted.
pub fn identity(file: &Path) -> Result<Option<Identity>, Damage> {
    let Some(text) = text(file, TEXT_MAX)? else {
        return Ok(None);
    };
    let mut identity = Identity::default();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match line.split_once('=') {
            Some(("cluster.id", id)) => identity.cluster = Some(id.to_owned()),
            // In ZooKeeper's days it was the broker's.
            Some(("node.id" | "broker.id", id)) => {
                let node = id.trim().parse();
                let position = place(&text, line);
                identity.node = Some(
                    node.map_err(|_| Damage::new(file, position, format!("{id:?} is no node's number")))?,
                );
            }
            Some(("directory.id", id)) => identity.directory = Some(id.to_owned()),
            _ => {}
        }
    }
    Ok(Some(identity))
}

/// The identity of the topic that a partition's directory is of (`partition.metadata`); none where there is no such
/// file, as before Kafka 2.8.
pub fn topic_id(file: &Path) -> Result<Option<Uuid>, Damage> {
    let Some(text) = text(file, TEXT_MAX)? else {
        return Ok(None);
    };
    let id = text.lines().find_map(|line| line.strip_prefix("topic_id:"));
    let id = id.and_then(|id| uuid_of(id.trim()));
    id.map(Some)
        .ok_or_else(|| Damage::new(file, 0, "it names no topic's identity"))
}

/// The state of its quorum that a node has noted (`quorum-state`); none where there is no such file.
pub fn quorum_state(file: &Path) -> Result<Option<QuorumState>, Damage> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Noted {
        #[serde(default = "nobody")]
        leader_id: i64,
        #[serde(default = "nobody")]
        leader_epoch: i64,
        #[serde(default = "nobody")]
        voted_id: i64,
    }
    fn nobody() -> i64 {
        -1
    }

    let Some(text) = text(file, TEXT_MAX)? else {
        return Ok(None);
    };
    let noted: Noted = serde_json::from_str(&text).map_err(|error| {
        let before: usize = text
            .split_inclusive('\n')
            .take(error.line().saturating_sub(1))
            .map(str::len)
            .sum();
        let position = before + error.column().saturating_sub(1);
        Damage::new(file, position as u64, error.to_string())
    })?;
    let term = i32::try_from(noted.leader_epoch);
    let somebody = |id: i64| u32::try_from(id).ok();
    Ok(Some(QuorumState {
        term: term.map_err(|_| Damage::new(file, 0, format!("{} is no term", noted.leader_epoch)))?,
        leader: somebody(noted.leader_id),
        voted: somebody(noted.voted_id),
    }))
}

fn place(text: &str, line: &str) -> u64 {
    (line.as_ptr() as usize - text.as_ptr() as usize) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), text).expect("writable");
        file
    }

    #[test]
    fn a_directorys_identity() {
        let text =
            "#\n#Thu Nov 26 17:00:00 UTC 2026\ncluster.id=abc\nversion=1\nnode.id=3\ndirectory.id=xyz\n";
        let identity = identity(file(text).path())
            .expect("it is one")
            .expect("it is there");
        assert_eq!(identity.cluster.as_deref(), Some("abc"));
        assert_eq!(identity.node, Some(3));
        assert_eq!(identity.directory.as_deref(), Some("xyz"));
    }

    #[test]
    fn a_quorums_state_in_both_of_its_versions() {
        let old = r#"{"clusterId":"","leaderId":2,"leaderEpoch":7,"votedId":-1,"appliedOffset":0,"currentVoters":[{"voterId":1}],"data_version":0}"#;
        let new = r#"{"leaderId":-1,"leaderEpoch":9,"votedId":3,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1}"#;
        let read = |text| quorum_state(file(text).path());
        assert_eq!(
            read(old),
            Ok(Some(QuorumState {
                term: 7,
                leader: Some(2),
                voted: None
            }))
        );
        assert_eq!(
            read(new),
            Ok(Some(QuorumState {
                term: 9,
                leader: None,
                voted: Some(3)
            }))
        );
        assert_eq!(quorum_state(Path::new("/nowhere/quorum-state")), Ok(None));
        let damage = read("{\"leaderId\":2,\nx").expect_err("it is none");
        assert_eq!(damage.position, 15);
    }

    #[test]
    fn a_topics_identity() {
        let read = topic_id(file("version: 0\ntopic_id: a6e4EJ2tEdGAtADAT9QwyA").path());
        let expected = Uuid::from_u128(0x6ba7_b810_9dad_11d1_80b4_00c0_4fd4_30c8);
        assert_eq!(read, Ok(Some(expected)));
        assert!(topic_id(file("version: 0\n").path()).is_err());
    }
}
