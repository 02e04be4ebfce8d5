//! The files of one node: its configuration, its logging, and a freshly formatted data directory.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use history::NodeId;
use uuid::Uuid;

use super::broker_log::milliseconds;
use super::config::{KafkaConfig, NodeAddress, Program, Role, to_file};
use super::formatting::Bootstrap;
use super::metrics;
use super::release::{Logging, release};
use crate::Recovery;

/// Each line begins with the time in milliseconds since 1970, so that it can be laid beside a history.
/// The dump of every configuration value is left out: `server.properties` is beside the log.
const LOG4J: &str = "\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{UNIX_MILLIS} %p %m (%c)%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
logger.config.name = org.apache.kafka.common.config.AbstractConfig
logger.config.level = warn
logger.appinfo.name = org.apache.kafka.common.utils.AppInfoParser
logger.appinfo.level = warn
";

/// The same for versions that log by log4j 1, whose layouts cannot write the milliseconds: the time is UTC.
const RELOAD4J: &str = "\
log4j.rootLogger=INFO, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.EnhancedPatternLayout
log4j.appender.out.layout.ConversionPattern=%d{yyyy-MM-dd'T'HH:mm:ss.SSS}{UTC}Z %p %m (%c)%n
log4j.logger.org.apache.kafka.common.config.AbstractConfig=WARN
log4j.logger.org.apache.kafka.common.utils.AppInfoParser=WARN
";

/// Where the files of one node are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFiles {
    root: PathBuf,
}

impl NodeFiles {
    /// The files below a machine's own directory.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where the node was told to run.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory of configurations.
    pub(super) fn config(&self) -> PathBuf {
        self.root.join("config")
    }

    /// The broker's configuration.
    pub fn server_properties(&self) -> PathBuf {
        self.config().join("server.properties")
    }

    /// The configuration of a node of `ZooKeeper`.
    pub fn zoo_cfg(&self) -> PathBuf {
        self.root.join("config").join("zoo.cfg")
    }

    /// The configuration of the broker's logging.
    pub fn log4j(&self) -> PathBuf {
        self.config().join("log4j.properties")
    }

    /// What the agent that tells the broker's metrics is to tell.
    pub(super) fn metrics_rules(&self) -> PathBuf {
        self.config().join("metrics.yaml")
    }

    /// What the broker wrote to its standard output and error: its whole log.
    pub fn log(&self) -> PathBuf {
        self.logs().join("broker.log")
    }

    /// The directory of logs.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// The directory of partitions.
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// The directory of temporary files.
    pub fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Writes the configuration for what the node is to run.
    pub fn write_configuration(
        &self,
        config: &KafkaConfig,
        program: Program<'_>,
        own: NodeAddress,
        all: &[NodeAddress],
    ) -> Result<()> {
        for directory in [self.config(), self.logs(), self.data(), self.temporary()] {
            fs::create_dir_all(&directory).with_context(|| format!("make {}", directory.display()))?;
        }
        if config.role(own.node) == Role::ZooKeeper {
            write(&self.zoo_cfg(), config.zoo_cfg(own, all, &self.data()).as_bytes())?;
        } else {
            let properties = config.server_properties(program, own, all, &self.data());
            write(&self.server_properties(), to_file(&properties).as_bytes())?;
        }
        let logging = match release(program.version).map(|release| release.logging) {
            Some(Logging::Reload4j) => RELOAD4J,
            Some(Logging::Log4j2) | None => LOG4J,
        };
        write(&self.log4j(), logging.as_bytes())?;
        write(&self.metrics_rules(), metrics::rules().as_bytes())
    }

    /// Formats the data directory as `StorageTool` would, with what it once made for another node.
    pub fn format(
        &self,
        cluster_id: &str,
        node: NodeId,
        directory_id: &str,
        bootstrap: &Bootstrap,
    ) -> Result<()> {
        let text =
            format!("version=1\ncluster.id={cluster_id}\nnode.id={node}\ndirectory.id={directory_id}\n");
        write(&self.data().join("meta.properties"), text.as_bytes())?;
        for (file, place) in &bootstrap.files {
            let target = self.data().join(place);
            if let Some(directory) = target.parent() {
                fs::create_dir_all(directory).with_context(|| format!("make {}", directory.display()))?;
            }
            fs::copy(file, &target)
                .with_context(|| format!("copy {} to {}", file.display(), target.display()))?;
        }
        Ok(())
    }

    /// Writes by which number a node of `ZooKeeper` knows itself.
    pub(super) fn write_my_id(&self, node: NodeId) -> Result<()> {
        write(&self.data().join("myid"), format!("{node}\n").as_bytes())
    }

    /// Removes everything in the data directory, and says how many files and bytes that were. The directory itself
    /// stays: something may be mounted there.
    pub fn clear_data(&self) -> Result<(u64, u64)> {
        let data = self.data();
        let mut removed = (0, 0);
        let entries = fs::read_dir(&data).with_context(|| format!("list {}", data.display()))?;
        for entry in entries {
            let path = entry.with_context(|| format!("list {}", data.display()))?.path();
            remove(&path, &mut removed).with_context(|| format!("remove {}", path.display()))?;
        }
        Ok(removed)
    }

    /// By which number the cluster knows the data directory; nothing where it was never formatted.
    pub fn directory_id(&self) -> Option<String> {
        self.identity("directory.id=")
    }

    /// By which identity its cluster is known, as it stands on the node's disk.
    pub(super) fn cluster_id(&self) -> Option<String> {
        self.identity("cluster.id=")
    }

    fn identity(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.data().join("meta.properties")).ok()?;
        let id = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(id.to_owned())
    }

    /// How long the broker's log is.
    pub(super) fn log_length(&self) -> u64 {
        fs::metadata(self.log()).map_or(0, |metadata| metadata.len())
    }

    /// How far a process whose log begins there has come with recovering its partitions.
    pub(super) fn recovery(&self, role: Role, log_begins: u64) -> Result<Recovery> {
        let text = self.log_since(log_begins)?;
        let signs = if role.is_broker() {
            BROKER_RECOVERS
        } else {
            CONTROLLER_RECOVERS
        };
        Ok(recovery_in(&text, signs))
    }

    /// When, in milliseconds since 1970 by its own clock, the process first noted something of that port, in a log that begins there.
    pub(super) fn noted_since(&self, log_begins: u64, port: u16) -> Result<Option<i64>> {
        Ok(noted_in(&self.log_since(log_begins)?, port))
    }

    fn log_since(&self, begins: u64) -> Result<String> {
        let path = self.log();
        let mut text = Vec::new();
        let mut file = File::open(&path).with_context(|| format!("open {}", path.display()))?;
        file.seek(SeekFrom::Start(begins))
            .and_then(|_| file.read_to_end(&mut text))
            .with_context(|| format!("read {}", path.display()))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// The last lines of the broker's log, for people.
    pub fn log_tail(&self, lines: usize) -> String {
        let text = fs::read(self.log()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let text = text.unwrap_or_else(|error| format!("(no log: {error})"));
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

/// Removes a file, or a directory with everything in it, and counts the files and the bytes that they take up.
fn remove(path: &Path, removed: &mut (u64, u64)) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        removed.0 += 1;
        // What it takes up: an index is a file of ten megabytes with nothing in it.
        removed.1 += metadata.blocks() * 512;
        return fs::remove_file(path);
    }
    for entry in fs::read_dir(path)? {
        remove(&entry?.path(), removed)?;
    }
    fs::remove_dir(path)
}

/// What a process says in its log when it begins to recover what lies on its disk, and when it has.
#[derive(Clone, Copy)]
struct Signs {
    begun: &'static str,
    /// One line holds all of these.
    over: &'static [&'static str],
}

/// A broker loads its partitions.
const BROKER_RECOVERS: Signs = Signs {
    begun: "Loading logs from log dirs",
    over: &["Loaded ", " logs in "],
};
/// A controller loads the metadata log, and takes part in the quorum once it has.
const CONTROLLER_RECOVERS: Signs = Signs {
    begun: "[LogLoader partition=__cluster_metadata-0",
    over: &["Completed transition to "],
};

fn recovery_in(log: &str, signs: Signs) -> Recovery {
    let Some(begun) = log.find(signs.begun) else {
        return Recovery::Before;
    };
    let over = |line: &str| signs.over.iter().all(|part| line.contains(part));
    if log[begun..].lines().any(over) {
        return Recovery::Over;
    }
    Recovery::Underway
}

fn noted_in(log: &str, port: u16) -> Option<i64> {
    let port = format!(":{port}");
    // Not a longer number that begins so.
    let names = |line: &str| {
        line.match_indices(&port).any(|(at, found)| {
            let next = line[at + found.len()..].chars().next();
            next.is_none_or(|next| !next.is_ascii_digit())
        })
    };
    let line = log.lines().find(|line| names(line))?;
    milliseconds(line.split(' ').next()?)
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content).with_context(|| format!("write {}", path.display()))
}

/// A random identifier as Kafka writes them: 16 bytes in URL-safe base 64 without padding, never one that
/// begins with a dash (Kafka's own tools would take it for an option). The reserved ones, all of whose high
/// bytes are zero, cannot occur in a random (version 4) UUID.
pub(crate) fn random_id() -> String {
    loop {
        if let Some(id) = id_of(Uuid::new_v4()) {
            return id;
        }
    }
}

/// The same of this UUID, unless it begins with a dash.
pub(super) fn id_of(uuid: Uuid) -> Option<String> {
    Some(base64_url(uuid.as_bytes())).filter(|id| !id.starts_with('-'))
}

/// The UUID that is written so, where the text is one.
pub(super) fn uuid_of(id: &str) -> Option<Uuid> {
    let mut bits = 0_u128;
    if id.len() != 22 {
        return None;
    }
    for (index, letter) in id.bytes().enumerate() {
        let sextet = ALPHABET.iter().position(|known| *known == letter)? as u128;
        // The last letter holds the last two bits, and four that are none.
        bits = if index == 21 {
            bits << 2 | sextet >> 4
        } else {
            bits << 6 | sextet
        };
    }
    Some(Uuid::from_u128(bits))
}

/// In the other alphabet, with padding: as SSH writes keys.
pub(crate) fn base64(bytes: &[u8]) -> String {
    let text = base64_url(bytes).replace('-', "+").replace('_', "/");
    let padding = "=".repeat((4 - text.len() % 4) % 4);
    text + &padding
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn base64_url(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .fold(0_u32, |group, byte| group << 8 | u32::from(*byte));
        let bits = 8 * chunk.len();
        let group = group << (24 - bits);
        for sextet in 0..bits.div_ceil(6) {
            let index = (group >> (18 - 6 * sextet)) & 63;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_rfc_4648_has_it() {
        for (plain, expected) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
        ] {
            assert_eq!(base64_url(plain.as_bytes()), expected);
        }
        assert_eq!(base64_url(&[0xfb, 0xff]), "-_8");
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }

    #[test]
    fn identifiers_are_of_kafkas_length_and_differ() {
        let uuid = Uuid::from_u128(0x6ba7_b810_9dad_11d1_80b4_00c0_4fd4_30c8);
        assert_eq!(uuid_of(&base64_url(uuid.as_bytes())), Some(uuid));
        assert_eq!(uuid_of("too-short"), None);
        assert_eq!(random_id().len(), 22);
        assert_ne!(random_id(), random_id());
    }

    #[test]
    fn the_tail_of_a_log() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let files = NodeFiles::new(directory.path());
        assert!(files.log_tail(2).starts_with("(no log: "));
        fs::create_dir_all(files.logs()).expect("writable");
        fs::write(files.log(), "a\nb\nc\n").expect("writable");
        assert_eq!(files.log_tail(2), "b\nc");
        assert_eq!(files.log_tail(9), "a\nb\nc");
    }

    #[test]
    fn a_wiped_directory_is_empty_and_gets_another_number() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let files = NodeFiles::new(directory.path());
        let template = directory.path().join("template");
        fs::write(&template, "bootstrap").expect("writable");
        let bootstrap = Bootstrap {
            files: vec![(template, "__cluster_metadata-0/0.checkpoint".into())],
        };
        fs::create_dir_all(files.data().join("log-0")).expect("writable");
        fs::write(files.data().join("log-0/00.log"), "12345").expect("writable");
        files.format("c", 1, &random_id(), &bootstrap).expect("formatted");
        let before = files.directory_id().expect("a number");
        assert_eq!(files.clear_data().expect("removed").0, 3);
        assert_eq!(files.directory_id(), None);
        files.format("c", 1, &random_id(), &bootstrap).expect("formatted");
        assert!(!files.data().join("log-0").exists());
        assert_ne!(files.directory_id().expect("a number"), before);
    }

    #[test]
    fn a_log_tells_when_something_of_a_port_was_noted() {
        let kafka = "1795793002316 INFO other 10.0.0.9:45678-0\n1795793002317 ERROR Closing socket for \
                     10.0.0.4:9093-10.0.0.9:4567-0 because of error (kafka.network.Processor)\n";
        assert_eq!(noted_in(kafka, 4567), Some(1_795_793_002_317));
        let zookeeper =
            "1970-01-01T00:00:01.250Z INFO Processing srvr command from /10.0.0.9:4567 (NIOServerCnxn)\n";
        assert_eq!(noted_in(zookeeper, 4567), Some(1_250));
        assert_eq!(noted_in(kafka, 456), None);
    }

    #[test]
    fn a_log_tells_how_far_the_recovery_is() {
        let begun = "1 INFO Loading logs from log dirs [/d] (LogManager)\n2 INFO Recovering 5 logs from /d\n";
        assert_eq!(
            recovery_in("1 INFO starting\n", BROKER_RECOVERS),
            Recovery::Before
        );
        assert_eq!(recovery_in(begun, BROKER_RECOVERS), Recovery::Underway);
        let over = format!("{begun}3 INFO Loaded 5 logs in 23ms (LogManager)\n");
        assert_eq!(recovery_in(&over, BROKER_RECOVERS), Recovery::Over);
    }
}
