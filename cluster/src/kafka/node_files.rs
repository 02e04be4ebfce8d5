//! The files of one node: its configuration, its logging, and a freshly formatted data directory.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use history::NodeId;
use uuid::Uuid;

use super::config::{KafkaConfig, NodeAddress, to_file};
use super::prepare::Bootstrap;

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

    /// The broker's configuration.
    pub fn server_properties(&self) -> PathBuf {
        self.root.join("config").join("server.properties")
    }

    /// The configuration of the broker's logging.
    pub fn log4j(&self) -> PathBuf {
        self.root.join("config").join("log4j2.properties")
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

    /// Writes the configuration.
    pub fn write_configuration(
        &self,
        config: &KafkaConfig,
        own: NodeAddress,
        all: &[NodeAddress],
    ) -> Result<()> {
        for directory in [
            self.root.join("config"),
            self.logs(),
            self.data(),
            self.temporary(),
        ] {
            fs::create_dir_all(&directory).with_context(|| format!("make {}", directory.display()))?;
        }
        let properties = config.server_properties(own, all, &self.data());
        write(&self.server_properties(), to_file(&properties).as_bytes())?;
        write(&self.log4j(), LOG4J.as_bytes())
    }

    /// Formats the data directory as `StorageTool` would, with what it once made for another node.
    pub fn format(&self, cluster_id: &str, node: NodeId, bootstrap: &Bootstrap) -> Result<()> {
        let text = format!(
            "version=1\ncluster.id={cluster_id}\nnode.id={node}\ndirectory.id={}\n",
            random_id()
        );
        write(&self.data().join("meta.properties"), text.as_bytes())?;
        let target = self.data().join(&bootstrap.place);
        if let Some(directory) = target.parent() {
            fs::create_dir_all(directory).with_context(|| format!("make {}", directory.display()))?;
        }
        let copied = fs::copy(&bootstrap.file, &target);
        copied
            .map(drop)
            .with_context(|| format!("copy {} to {}", bootstrap.file.display(), target.display()))
    }

    /// The last lines of the broker's log, for people.
    pub fn log_tail(&self, lines: usize) -> String {
        let text = fs::read(self.log()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let text = text.unwrap_or_else(|error| format!("(no log: {error})"));
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content).with_context(|| format!("write {}", path.display()))
}

/// A random identifier as Kafka writes them: 16 bytes in URL-safe base 64 without padding, never one that
/// begins with a dash (Kafka's own tools would take it for an option). The reserved ones, all of whose high
/// bytes are zero, cannot occur in a random (version 4) UUID.
pub(crate) fn random_id() -> String {
    loop {
        let id = base64_url(Uuid::new_v4().as_bytes());
        if !id.starts_with('-') {
            return id;
        }
    }
}

fn base64_url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
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
    }

    #[test]
    fn identifiers_are_of_kafkas_length_and_differ() {
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
}
