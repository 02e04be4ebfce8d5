//! A transactional producer of Tribunal's own, whose last record comes late: after its transaction has ended.
//!
//! A network that delays a request does the same to any client (KIP-890). A broker that takes the record opens a transaction
//! which no coordinator knows of: it hangs. The record bears the producer's number and the epoch of the transaction that has
//! ended, and asks for nothing else.

use std::net::SocketAddrV4;
use std::time::Duration;

use history::Offset;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::ask::{Identity, Place};
use super::wire::{Connection, WireError};

/// How long one broker may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// How long is waited before all brokers are asked again.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// Kafka's codes that say that another broker is the one, or that it is to be asked again: nothing happened.
const ELSEWHERE_OR_AGAIN: [i16; 6] = [3, 6, 14, 15, 16, 51];
/// Kafka's codes that say that a record is not taken, and never will be as it is: its sequence, its epoch, its transaction's state, its
/// producer's number, or that of one that was fenced, and an error that asks to abort.
const NEVER: [i16; 6] = [45, 47, 48, 59, 90, 120];

/// What a request is for.
enum Ask<'a> {
    Init { id: &'a str, timeout: Duration },
    Add,
    Write { sequence: i32, value: &'a [u8] },
    Commit,
}

/// What it brought.
enum Brought {
    Identity(Identity),
    Offset(Offset),
    Nothing,
}

/// What became of a record that came late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Late {
    /// A broker took it.
    Taken(Offset),
    /// It was refused, and certainly is not there.
    Refused(String),
    /// Nobody knows.
    Unknown(String),
}

/// A producer whose last record comes late.
pub struct Latecomer {
    brokers: Vec<SocketAddrV4>,
    topic: String,
    partition: u32,
    who: Identity,
    /// How long it goes on asking for one thing.
    deadline: Duration,
}

impl Latecomer {
    /// Gets its number from its coordinator. `bootstrap` names every broker, as `host:port,…`; the transaction is one of a single
    /// partition.
    pub async fn make(
        bootstrap: &str,
        (topic, partition): (&str, u32),
        (id, timeout): (&str, Duration),
        deadline: Duration,
    ) -> Result<Self, WireError> {
        let brokers = bootstrap.split(',').filter_map(|address| address.parse().ok());
        let mut latecomer = Self {
            brokers: brokers.collect(),
            topic: topic.to_owned(),
            partition,
            who: Identity {
                id: id.to_owned(),
                producer: -1,
                epoch: -1,
            },
            deadline,
        };
        if let Brought::Identity(who) = latecomer.ask(Ask::Init { id, timeout }).await? {
            latecomer.who = who;
        }
        Ok(latecomer)
    }

    /// Writes a record in a transaction, and commits that: the record's offset. After an error nobody knows.
    pub async fn commit(&self, value: &[u8]) -> Result<Offset, WireError> {
        self.ask(Ask::Add).await?;
        let written = self.ask(Ask::Write { sequence: 0, value }).await?;
        self.ask(Ask::Commit).await?;
        match written {
            Brought::Offset(offset) => Ok(offset),
            Brought::Identity(_) | Brought::Nothing => Ok(-1),
        }
    }

    /// Writes another record of the transaction that has ended.
    pub async fn come_late(&self, value: &[u8]) -> Late {
        match self.ask(Ask::Write { sequence: 1, value }).await {
            Ok(Brought::Offset(offset)) => Late::Taken(offset),
            Ok(Brought::Identity(_) | Brought::Nothing) => Late::Unknown("no offset".to_owned()),
            Err(error) if error.code().is_some_and(|code| NEVER.contains(&code)) => {
                Late::Refused(error.to_string())
            }
            Err(error) => Late::Unknown(error.to_string()),
        }
    }

    /// Asks one broker after the other, until one of them is the right one.
    async fn ask(&self, ask: Ask<'_>) -> Result<Brought, WireError> {
        let until = Instant::now() + self.deadline;
        loop {
            let mut last = WireError::Protocol("no broker is known".to_owned());
            for broker in &self.brokers {
                let mut connection = match Connection::open(*broker, ANSWER_WITHIN).await {
                    Ok(connection) => connection,
                    Err(error) => {
                        last = error;
                        continue;
                    }
                };
                match self.ask_one(&mut connection, &ask).await {
                    Err(error)
                        if error
                            .code()
                            .is_some_and(|code| ELSEWHERE_OR_AGAIN.contains(&code)) =>
                    {
                        last = error;
                    }
                    answered => return answered,
                }
            }
            if Instant::now() + AGAIN_AFTER >= until {
                return Err(last);
            }
            sleep(AGAIN_AFTER).await;
        }
    }

    async fn ask_one(&self, broker: &mut Connection, ask: &Ask<'_>) -> Result<Brought, WireError> {
        let mut at = Place {
            topic: &self.topic,
            id: Uuid::nil(),
            partition: self.partition,
            offset: 0,
        };
        match ask {
            Ask::Init { id, timeout } => {
                let who = broker.init_transactional(id, *timeout, ANSWER_WITHIN).await?;
                Ok(Brought::Identity(who))
            }
            Ask::Add if broker.adds_partitions() => Ok(Brought::Nothing),
            Ask::Add => {
                broker.add_partition(&self.who, at, ANSWER_WITHIN).await?;
                Ok(Brought::Nothing)
            }
            Ask::Write { sequence, value } => {
                let known = broker.metadata_of(&[&self.topic], ANSWER_WITHIN).await?;
                at.id = known.topics.get(&self.topic).map_or(at.id, |topic| topic.id);
                let written = broker.write_as(&self.who, at, (*sequence, value), ANSWER_WITHIN);
                Ok(Brought::Offset(written.await?))
            }
            Ask::Commit => {
                broker.commit_as(&self.who, ANSWER_WITHIN).await?;
                Ok(Brought::Nothing)
            }
        }
    }
}
