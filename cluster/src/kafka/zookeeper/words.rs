//! What a node of `ZooKeeper` says to a word of four letters: whether it serves, and as what.

use std::net::SocketAddrV4;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::kafka::wire::{WireError, dial, network};

/// As what a node serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kafka) enum Standing {
    /// It leads the ensemble.
    Leader,
    /// It follows.
    Follower,
    /// It is alone.
    Alone,
}

/// An answer longer than this is not one.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// As what the node serves. One without a leader says that it does not, which is an error.
pub(in crate::kafka) async fn standing(
    address: SocketAddrV4,
    within: Duration,
) -> Result<Standing, WireError> {
    let said = tokio::time::timeout(within, say(address, b"srvr")).await;
    let said = said.map_err(|_| WireError::Timeout(within.as_millis()))??;
    standing_in(&said)
}

/// The version of the node itself, as a number: 3.8.4 is 30804.
pub(in crate::kafka) async fn version(address: SocketAddrV4, within: Duration) -> Result<i16, WireError> {
    let said = tokio::time::timeout(within, say(address, b"srvr")).await;
    let said = said.map_err(|_| WireError::Timeout(within.as_millis()))??;
    version_in(&said).ok_or_else(|| WireError::Protocol("ZooKeeper does not tell its version".to_owned()))
}

fn version_in(answer: &str) -> Option<i16> {
    let line = answer
        .lines()
        .find_map(|line| line.strip_prefix("Zookeeper version: "))?;
    let numbers = line.split(|letter: char| !letter.is_ascii_digit()).take(3);
    let numbers: Vec<i16> = numbers.map(str::parse).collect::<Result<_, _>>().ok()?;
    let [major, minor, patch] = *numbers.as_slice() else {
        return None;
    };
    major
        .checked_mul(10_000)?
        .checked_add(minor.checked_mul(100)?)?
        .checked_add(patch)
}

async fn say(address: SocketAddrV4, word: &[u8; 4]) -> Result<String, WireError> {
    let mut stream = dial(address).await?;
    stream.write_all(word).await.map_err(|error| network(&error))?;
    let mut answer = Vec::new();
    let mut bounded = stream.take(ANSWER_BYTES_MAX);
    bounded
        .read_to_end(&mut answer)
        .await
        .map_err(|error| network(&error))?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn standing_in(answer: &str) -> Result<Standing, WireError> {
    let mode = answer.lines().find_map(|line| line.strip_prefix("Mode: "));
    match mode.map(str::trim) {
        Some("leader") => Ok(Standing::Leader),
        Some("follower") => Ok(Standing::Follower),
        Some("standalone") => Ok(Standing::Alone),
        _ => {
            let said = answer.lines().next().unwrap_or("nothing");
            Err(WireError::Protocol(format!(
                "ZooKeeper does not serve: it says {said:?}"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nodes_say() {
        let answer = "Zookeeper version: 3.8.4\nLatency min/avg/max: 0/0.0/0\nMode: leader\nNode count: 5\n";
        assert_eq!(standing_in(answer), Ok(Standing::Leader));
        assert_eq!(version_in(answer), Some(30_804));
        let old = "Zookeeper version: 3.4.10-39d3a4f2, built on 03/23/2017 10:13 GMT\nMode: follower\n";
        assert_eq!(version_in(old), Some(30_410));
        assert_eq!(version_in("Mode: leader\n"), None);
        assert_eq!(standing_in("Mode: standalone\n"), Ok(Standing::Alone));
        let error = standing_in("This ZooKeeper instance is not currently serving requests\n");
        assert!(error.is_err_and(|error| error.to_string().contains("not currently serving")));
        assert!(standing_in("").is_err());
    }
}
