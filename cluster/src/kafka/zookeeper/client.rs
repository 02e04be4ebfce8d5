//! One session with one node of `ZooKeeper`, in its own protocol: reading alone, with a deadline on everything.
//!
//! A session is what the ensemble grants: a node that has no leader grants none, and drops those that it has. After any error it is
//! of no more use. It is not ended but left to time out, as a client that is killed does.

use std::net::SocketAddrV4;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::jute::{Reader, Stat, Writer};
use crate::kafka::wire::{WireError, dial, network};

/// What is asked for, by `ZooKeeper`'s number.
mod code {
    pub(super) const GET_DATA: i32 = 4;
    pub(super) const GET_CHILDREN: i32 = 8;
}

/// `ZooKeeper`'s code for what is not there.
const NO_NODE: i32 = -101;
/// An answer longer than this is not one.
const ANSWER_BYTES_MAX: u32 = 4 << 20;
/// A session ends this long after it was last heard of, in milliseconds: it is heard of ten times a second.
const SESSION: i32 = 6_000;

/// A session with one node.
#[derive(Debug)]
pub(in crate::kafka) struct Client {
    stream: TcpStream,
    last: i32,
}

/// A node of the tree: what it holds, and what is known of it.
pub(super) type Held = (Bytes, Stat);

impl Client {
    /// Begins a session.
    pub(in crate::kafka) async fn open(address: SocketAddrV4, within: Duration) -> Result<Self, WireError> {
        bounded(within, async {
            let mut client = Self {
                stream: dial(address).await?,
                last: 0,
            };
            // Version, the last change that was seen, the timeout, no session of before and so no password; reading alone will not do.
            let greeting = Writer::new().int(0).long(0).int(SESSION).long(0);
            let greeting = greeting.buffer(&[0; 16]).flag(false).finish();
            client.send(&greeting).await?;
            let mut answer = client.receive().await?;
            let (_version, timeout) = (answer.int()?, answer.int()?);
            if timeout <= 0 {
                return Err(WireError::Protocol("ZooKeeper grants no session".to_owned()));
            }
            Ok(client)
        })
        .await
    }

    /// What these nodes of the tree hold, in their order; nothing of one that is not there. They are asked for at once, and
    /// answered in the order in which they were asked for.
    pub(super) async fn read_all(
        &mut self,
        paths: &[impl AsRef<str>],
        within: Duration,
    ) -> Result<Vec<Option<Held>>, WireError> {
        let read = |mut answer: Reader| Ok((answer.buffer()?, answer.stat()?));
        bounded(within, self.ask(code::GET_DATA, paths, read)).await
    }

    /// The names below a node of the tree; none below one that is not there.
    pub(super) async fn children(&mut self, path: &str, within: Duration) -> Result<Vec<String>, WireError> {
        let read = |mut answer: Reader| answer.texts();
        let answers = bounded(within, self.ask(code::GET_CHILDREN, &[path], read)).await?;
        Ok(answers.into_iter().flatten().flatten().collect())
    }

    async fn ask<T>(
        &mut self,
        what: i32,
        paths: &[impl AsRef<str>],
        read: impl Fn(Reader) -> Result<T, WireError>,
    ) -> Result<Vec<Option<T>>, WireError> {
        let first = self.last;
        let mut requests = BytesMut::new();
        for path in paths {
            self.last = self.last.wrapping_add(1) & i32::MAX;
            let request = Writer::new().int(self.last).int(what);
            requests.extend(request.buffer(path.as_ref().as_bytes()).flag(false).finish());
        }
        self.send(&requests).await?;
        let mut answers = Vec::with_capacity(paths.len());
        let mut number = first;
        for path in paths {
            number = number.wrapping_add(1) & i32::MAX;
            let mut answer = self.receive().await?;
            let (answered, _change, error) = (answer.int()?, answer.long()?, answer.int()?);
            if answered != number {
                return Err(WireError::Protocol(format!(
                    "ZooKeeper's answer to request {answered} instead of {number}"
                )));
            }
            answers.push(match error {
                0 => Some(read(answer)?),
                NO_NODE => None,
                other => {
                    let path = path.as_ref();
                    return Err(WireError::Protocol(format!(
                        "ZooKeeper's error {other} of {path}"
                    )));
                }
            });
        }
        Ok(answers)
    }

    async fn send(&mut self, message: &[u8]) -> Result<(), WireError> {
        self.stream
            .write_all(message)
            .await
            .map_err(|error| network(&error))
    }

    async fn receive(&mut self) -> Result<Reader, WireError> {
        let length = self.stream.read_u32().await.map_err(|error| network(&error))?;
        if length > ANSWER_BYTES_MAX {
            return Err(WireError::Protocol(format!(
                "an answer of ZooKeeper of {length} bytes"
            )));
        }
        let mut answer = vec![0; length as usize];
        self.stream
            .read_exact(&mut answer)
            .await
            .map_err(|error| network(&error))?;
        Ok(Reader::new(answer.into()))
    }
}

async fn bounded<T>(
    within: Duration,
    work: impl Future<Output = Result<T, WireError>>,
) -> Result<T, WireError> {
    tokio::time::timeout(within, work)
        .await
        .unwrap_or_else(|_| Err(WireError::Timeout(within.as_millis())))
}
