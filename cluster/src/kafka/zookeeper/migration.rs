//! What a quorum of controllers needs of `ZooKeeper` to take over from it, and what it leaves there when it has.

use std::time::Duration;

use serde::Deserialize;

use super::client::{Client, Held};
use super::state::parse;
use crate::kafka::wire::WireError;

const CLUSTER_ID: &str = "/cluster/id";
const MIGRATION: &str = "/migration";

/// `/migration`: how much of the quorum's metadata log `ZooKeeper` holds as well. Written by the active controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(in crate::kafka) struct Copied {
    /// Up to which offset; none is -1.
    #[serde(rename = "kraft_metadata_offset")]
    pub(in crate::kafka) offset: i64,
    /// The term of that offset.
    #[serde(rename = "kraft_metadata_epoch")]
    pub(in crate::kafka) term: i32,
    /// Who wrote it.
    #[serde(rename = "kraft_controller_id")]
    pub(in crate::kafka) controller: i64,
}

/// `/cluster/id`.
#[derive(Deserialize)]
struct ClusterId {
    id: String,
}

/// By which identity `ZooKeeper` knows the cluster.
pub(in crate::kafka) async fn cluster_id(client: &mut Client, within: Duration) -> Result<String, WireError> {
    let Some((data, _)) = read(client, CLUSTER_ID, within).await? else {
        return Err(WireError::Protocol(
            "ZooKeeper holds no identity of the cluster".to_owned(),
        ));
    };
    let id: ClusterId = parse("the cluster's identity", &data)?;
    Ok(id.id)
}

/// What `ZooKeeper` holds of the quorum's log; nothing as long as none has begun to take over.
pub(in crate::kafka) async fn copied(
    client: &mut Client,
    within: Duration,
) -> Result<Option<Copied>, WireError> {
    let held = read(client, MIGRATION, within).await?;
    held.map(|(data, _)| parse("how far the quorum has taken over", &data))
        .transpose()
}

async fn read(client: &mut Client, path: &str, within: Duration) -> Result<Option<Held>, WireError> {
    let held = client.read_all(&[path], within).await?;
    Ok(held.into_iter().next().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_controller_writes_is_understood() {
        let data = br#"{"version":0,"kraft_metadata_offset":1234,"kraft_controller_id":5,"kraft_metadata_epoch":3,"kraft_controller_epoch":3}"#;
        let copied: Copied = parse("it", data).expect("it is well formed");
        assert_eq!(
            copied,
            Copied {
                offset: 1234,
                term: 3,
                controller: 5
            }
        );
    }
}
