//! A cluster that somebody else runs, given by the addresses that clients begin with.
//!
//! Nothing is started here, signalled, or cut: what there is are its brokers' answers, and its administration. Topics carry a
//! prefix of this run's and are deleted at its end; nothing else of the cluster is touched.

mod door;
mod properties;
mod sasl;
mod security;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use async_trait::async_trait;
use history::NodeId;
use kafka_protocol::messages::MetadataRequest;
use tokio::task::JoinSet;

use super::config::PORTS;
use super::wire::Connection;
use crate::loopback::LoopbackNet;
use crate::{Environment, Exit, Links, Machine, ProcessSpec};
pub use properties::ClientProperties;
use security::Security;

/// Whoever is asked before a run begins has answered within this time.
const SURVEY_WITHIN: Duration = Duration::from_secs(10);
/// Topics are deleted within this time.
const DELETE_WITHIN: Duration = Duration::from_secs(30);
/// How soon what was in vain is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// A broker as the cluster names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Its number.
    pub node: NodeId,
    /// The host that clients are told.
    pub host: String,
    /// The port that clients are told.
    pub port: u16,
}

/// A cluster that was found, and how to speak to it.
#[derive(Clone)]
pub struct Attachment {
    /// The cluster's own name for itself.
    pub cluster_id: String,
    /// Its brokers, in the order of their numbers.
    pub brokers: Vec<Remote>,
    /// The levels of features that it has finalised: they tell its version.
    pub features: Vec<(String, i16)>,
    properties: ClientProperties,
    /// The same, understood.
    security: Arc<Security>,
    bootstrap: Vec<(String, u16)>,
}

/// Nothing of how to speak to it: that may be secret.
impl fmt::Debug for Attachment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the cluster {} of {} brokers",
            self.cluster_id,
            self.brokers.len()
        )
    }
}

impl Attachment {
    /// Asks a cluster who it is, at the first of these addresses (`host:port,…`) that answers.
    ///
    /// # Errors
    /// An address is none, nobody answers, or the cluster does not take who we are: why, for each address.
    pub async fn find(bootstrap: &str, properties: ClientProperties) -> Result<Self> {
        let bootstrap = addresses(bootstrap)?;
        let security = Arc::new(Security::new(&properties)?);
        let mut refusals = Vec::new();
        for (host, port) in bootstrap.clone() {
            match survey(&host, port, &security).await {
                Ok((cluster_id, brokers, features)) => {
                    return Ok(Self {
                        cluster_id,
                        brokers,
                        features,
                        properties,
                        security,
                        bootstrap,
                    });
                }
                Err(error) => refusals.push(format!("{error:#}")),
            }
        }
        bail!("find the cluster: {}", refusals.join("; "))
    }

    /// Which of these topics are there already.
    pub async fn existing(&self, topics: &[String]) -> Result<Vec<String>> {
        let mut connection = self.connect().await?;
        let known = connection.metadata_of(topics, SURVEY_WITHIN).await?;
        Ok(known.topics.into_keys().collect())
    }

    /// The topics that there are, but for the cluster's own.
    pub async fn topics(&self) -> Result<Vec<String>> {
        let mut connection = self.connect().await?;
        let known = connection.metadata_of_all(SURVEY_WITHIN).await?;
        let names = known.topics.into_keys();
        Ok(names.filter(|name| !name.starts_with("__")).collect())
    }

    /// Deletes topics, and waits until the cluster knows none of them. One that is not there is no error.
    pub async fn delete(&self, topics: &[String]) -> Result<()> {
        let delete = async {
            loop {
                // A broker that is gone, or a controller that changes, is met again in a moment.
                if self.try_delete(topics).await.is_ok_and(|left| left.is_empty()) {
                    return;
                }
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        };
        if tokio::time::timeout(DELETE_WITHIN, delete).await.is_ok() {
            return Ok(());
        }
        let why = match self.try_delete(topics).await {
            Ok(left) => anyhow!("{} are still there", left.join(", ")),
            Err(error) => error,
        };
        Err(why.context(format!(
            "delete the topics {} of this run within {} s: they have to be deleted by hand",
            topics.join(", "),
            DELETE_WITHIN.as_secs()
        )))
    }

    /// Which were there when they were asked to be gone.
    async fn try_delete(&self, topics: &[String]) -> Result<Vec<String>> {
        let mut connection = self.connect().await?;
        let there = connection.metadata_of(topics, SURVEY_WITHIN).await?.topics;
        let there: Vec<String> = there.into_keys().collect();
        if !there.is_empty() {
            connection.delete_topics(&there, SURVEY_WITHIN).await?;
        }
        Ok(there)
    }

    /// A connection to any broker that is up.
    async fn connect(&self) -> Result<Connection> {
        let own = self.brokers.iter().map(|remote| (&remote.host, remote.port));
        let begun = self.bootstrap.iter().map(|(host, port)| (host, *port));
        let mut last = anyhow!("there is no broker");
        for (host, port) in own.chain(begun) {
            match open(host, port, &self.security).await {
                Ok(connection) => return Ok(connection),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// What a client of librdkafka begins with.
    pub fn bootstrap(&self) -> String {
        let each = self.bootstrap.iter().map(|(host, port)| format!("{host}:{port}"));
        each.collect::<Vec<_>>().join(",")
    }

    /// How a client of librdkafka speaks to it. These may be secrets: they belong in no result.
    pub fn client_settings(&self) -> Vec<(String, String)> {
        self.properties.for_librdkafka()
    }

    /// How it is spoken to, for results: nothing of it is secret.
    pub fn spoken(&self) -> String {
        self.properties.shown()
    }
}

async fn open(host: &str, port: u16, security: &Security) -> Result<Connection> {
    let stream = security.connect(host, port, SURVEY_WITHIN).await?;
    let opened = tokio::time::timeout(SURVEY_WITHIN, Connection::over(stream)).await;
    let asked = || format!("ask {host}:{port} for its versions: is it a broker, and does it speak TLS?");
    opened
        .map_err(|_| anyhow!("no answer in {} s", SURVEY_WITHIN.as_secs()))
        .with_context(asked)?
        .with_context(asked)
}

type Survey = (String, Vec<Remote>, Vec<(String, i16)>);

async fn survey(host: &str, port: u16, security: &Security) -> Result<Survey> {
    let mut connection = open(host, port, security).await?;
    let request = MetadataRequest::default()
        .with_topics(Some(Vec::new()))
        .with_allow_auto_topic_creation(false);
    let answer = connection.call(&request, SURVEY_WITHIN).await;
    let answer = answer.with_context(|| format!("ask {host}:{port} who is there"))?;
    let mut brokers = Vec::new();
    for broker in answer.brokers {
        brokers.push(Remote {
            node: super::ask::node(broker.node_id).context("a broker has a number below 0")?,
            host: broker.host.to_string(),
            port: u16::try_from(broker.port).context("a broker's port is none")?,
        });
    }
    brokers.sort_by_key(|remote| remote.node);
    ensure!(!brokers.is_empty(), "{host}:{port} names no broker");
    let cluster_id = answer.cluster_id.map(|id| id.to_string()).unwrap_or_default();
    let features = connection.features().clone().into_iter().collect();
    Ok((cluster_id, brokers, features))
}

/// `host:port,host:port` apart.
fn addresses(text: &str) -> Result<Vec<(String, u16)>> {
    let mut found = Vec::new();
    for address in text.split(',').map(str::trim) {
        let parted = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        let (host, port) = parted.with_context(|| format!("`{address}` is no address: give HOST:PORT"))?;
        let port = port.parse().ok().filter(|port| *port > 0);
        let port =
            port.with_context(|| format!("`{address}` has no port: give HOST:PORT, port 1 to 65535"))?;
        found.push((host.trim_matches(['[', ']']).to_owned(), port));
    }
    Ok(found)
}

/// The brokers of such a cluster as machines: each has a door of its own on this host, and nothing can be done to it.
pub struct AttachedEnvironment {
    machines: Vec<Arc<dyn Machine>>,
    _doors: Vec<JoinSet<()>>,
}

impl AttachedEnvironment {
    /// Opens the doors. What is written of a node would lie below that directory.
    pub async fn open(attachment: &Attachment, directory: &Path) -> Result<Self> {
        let net = LoopbackNet::random();
        let (mut machines, mut doors): (Vec<Arc<dyn Machine>>, _) = (Vec::new(), Vec::new());
        for (number, remote) in (1..).zip(&attachment.brokers) {
            let address = net.address(number)?;
            let at = SocketAddrV4::new(address, PORTS.client);
            doors.push(door::open(at, remote.clone(), Arc::clone(&attachment.security)).await?);
            machines.push(Arc::new(AttachedMachine {
                remote: remote.clone(),
                address,
                directory: directory.join(format!("n{}", remote.node)),
            }));
        }
        Ok(Self {
            machines,
            _doors: doors,
        })
    }
}

impl Environment for AttachedEnvironment {
    fn machines(&self) -> &[Arc<dyn Machine>] {
        &self.machines
    }

    fn links(&self) -> Option<Arc<dyn Links>> {
        None
    }
}

/// Somebody else's broker.
struct AttachedMachine {
    remote: Remote,
    address: Ipv4Addr,
    directory: PathBuf,
}

impl AttachedMachine {
    fn not_ours<T>(&self, what: &str) -> Result<T> {
        bail!("{what} node {}: its process is somebody else's", self.remote.node)
    }
}

#[async_trait]
impl Machine for AttachedMachine {
    fn node(&self) -> NodeId {
        self.remote.node
    }

    fn host(&self) -> &str {
        &self.remote.host
    }

    fn address(&self) -> Ipv4Addr {
        self.address
    }

    fn side_address(&self) -> Ipv4Addr {
        self.address
    }

    fn directory(&self) -> PathBuf {
        self.directory.clone()
    }

    fn is_ours(&self) -> bool {
        false
    }

    async fn start(&self, _spec: &ProcessSpec) -> Result<()> {
        self.not_ours("start a process on")
    }

    async fn signal(&self, _signal: i32) -> Result<()> {
        self.not_ours("signal")
    }

    async fn process_state(&self) -> Result<Option<char>> {
        self.not_ours("look at")
    }

    async fn exited(&self) -> Result<Exit> {
        std::future::pending().await
    }
}

/// The topics of a run in a cluster that is not its own: their names begin with this.
pub fn prefix(seed: u64) -> String {
    format!("tribunal-{seed}-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parted_and_checked() {
        let found = addresses("a:1, [::1]:9092").expect("they are right");
        assert_eq!(found, [("a".to_owned(), 1), ("::1".to_owned(), 9092)]);
        for wrong in ["", "a", ":1", "a:0", "a:70000", "a:1,"] {
            assert!(addresses(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn nobody_there_is_told_for_each_address() {
        let found = Attachment::find("127.0.0.1:1,127.0.0.2:1", ClientProperties::default()).await;
        let error = format!("{:#}", found.expect_err("nobody listens"));
        assert!(
            error.contains("127.0.0.1:1") && error.contains("127.0.0.2:1"),
            "{error}"
        );
    }
}
