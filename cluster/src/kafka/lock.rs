//! Which versions of Kafka are known, and exactly which jars each consists of.
//!
//! A lock file has one line for each jar: its SHA-256, its size in bytes and its path below the root of a
//! Maven repository.

use anyhow::{Context as _, Result, bail, ensure};

use super::added::lock_text;

/// The version that runs where a plan names none.
pub const DEFAULT_VERSION: &str = "4.4.0";

/// The versions that Tribunal can run, newest first.
pub const RUNNABLE: &[&str] = &[
    "4.4.0", "4.3.1", "4.2.2", "4.1.1", "4.0.1", "3.9.2", "3.8.1", "3.7.2", "3.6.2", "3.5.1", "3.3.2",
    "2.8.2", "1.1.0",
];

macro_rules! locks {
    ($($version:literal)*) => {
        /// Every version with a lock file, newest first, and that file's text.
        const LOCKS: &[(&str, &str)] =
            &[$(($version, include_str!(concat!("../../locks/kafka-", $version, ".lock")))),*];
    };
}

locks! {
    "4.4.0" "4.3.1" "4.2.2" "4.1.1" "4.0.1" "3.9.2" "3.8.1" "3.7.2" "3.6.2" "3.5.1" "3.3.2" "2.8.2" "2.0.1"
    "1.1.0" "0.11.0.3" "0.10.2.2"
}

/// The lock line of the agent that tells a broker's own metrics: the same for every version.
const AGENT: &str = include_str!("../../locks/jmx-agent.lock");

/// One jar as its lock file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedJar {
    /// The SHA-256 of its content, in lower-case hexadecimal.
    pub sha256: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// Its path below the root of a Maven repository.
    pub path: String,
}

impl LockedJar {
    /// The file's name.
    pub fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// The jars of a version that ships or that the user added, in the order of its class path.
///
/// # Errors
/// The version is not known, or is known and cannot be run yet; the text lists those that can.
pub fn locked_jars(version: &str) -> Result<Vec<LockedJar>> {
    if let Some((_, text)) = LOCKS
        .iter()
        .find(|(name, _)| *name == version && RUNNABLE.contains(name))
    {
        return parse(text);
    }
    if let Some(text) = lock_text(version)? {
        return parse(&text).with_context(|| format!("read the lock file that was made for Kafka {version}"));
    }
    let runnable = RUNNABLE.join(", ");
    ensure!(
        !LOCKS.iter().any(|(name, _)| *name == version),
        "run Kafka {version}: its jars are known but it cannot be run yet; the versions that can are {runnable}"
    );
    bail!(
        "find Kafka {version:?}: it is not known; the versions that can be run are {runnable}; \
         `tribunal broker add kafka-X.Y.Z` adds others"
    );
}

/// The jar of the agent that tells a broker's own metrics.
///
/// # Errors
/// Never: a test reads its lock file.
pub(super) fn locked_agent() -> Result<LockedJar> {
    parse_line(AGENT.trim_end())
}

fn parse(text: &str) -> Result<Vec<LockedJar>> {
    text.lines()
        .filter(|line| !line.is_empty())
        .map(parse_line)
        .collect()
}

fn parse_line(line: &str) -> Result<LockedJar> {
    let mut fields = line.split_ascii_whitespace();
    let (Some(sha256), Some(bytes), Some(path), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        bail!("read the lock file's line {line:?}: it is not of the form `sha256 size path`");
    };
    ensure!(
        sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "read the lock file's line {line:?}: its first field is not a SHA-256"
    );
    Ok(LockedJar {
        sha256: sha256.to_ascii_lowercase(),
        bytes: bytes.parse()?,
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_lock_file_is_well_formed_and_has_the_broker() {
        for (version, text) in LOCKS {
            let jars = parse(text).expect(version);
            let names: BTreeSet<&str> = jars.iter().map(LockedJar::file_name).collect();
            assert_eq!(names.len(), jars.len(), "{version} has two jars of one name");
            assert!(jars.iter().all(|jar| jar.bytes > 0), "{version}");
            let broker = jars.iter().any(|jar| {
                jar.path.starts_with("org/apache/kafka/kafka_")
                    && jar.path.ends_with(&format!("-{version}.jar"))
            });
            assert!(broker, "{version} has no broker");
        }
    }

    #[test]
    fn every_lock_file_of_the_folder_is_in_the_list() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/locks");
        let found: BTreeSet<String> = std::fs::read_dir(folder)
            .expect("the folder of lock files is part of the crate")
            .map(|entry| {
                entry
                    .expect("a readable entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        let listed: BTreeSet<String> = LOCKS
            .iter()
            .map(|(version, _)| format!("kafka-{version}.lock"))
            .chain(["jmx-agent.lock".to_owned()])
            .collect();
        assert_eq!(found, listed);
    }

    #[test]
    fn the_agent_is_locked() {
        let agent = locked_agent().expect("its line is well-formed");
        assert!(agent.file_name().starts_with("jmx_prometheus_javaagent-"));
    }

    #[test]
    fn what_runs_is_locked() {
        for version in RUNNABLE {
            assert!(locked_jars(version).is_ok(), "{version}");
        }
        assert!(RUNNABLE.contains(&DEFAULT_VERSION));
    }

    #[test]
    fn a_version_that_is_not_known_lists_those_that_are() {
        let error = locked_jars("9.9.9")
            .expect_err("there is no such version")
            .to_string();
        assert_eq!(
            error,
            "find Kafka \"9.9.9\": it is not known; the versions that can be run are 4.4.0, 4.3.1, 4.2.2, \
             4.1.1, 4.0.1, 3.9.2, 3.8.1, 3.7.2, 3.6.2, 3.5.1, 3.3.2, 2.8.2, 1.1.0; `tribunal broker add kafka-X.Y.Z` adds others"
        );
    }

    #[test]
    fn a_version_that_is_known_and_not_runnable_says_so() {
        let error = locked_jars("2.0.1").expect_err("it cannot be run").to_string();
        assert!(
            error.contains("cannot be run yet") && error.contains("4.4.0, 4.3.1"),
            "{error}"
        );
    }

    #[test]
    fn a_torn_line_is_refused() {
        for line in ["abc 12 a.jar", "", "x"] {
            assert!(parse_line(line).is_err(), "{line:?}");
        }
    }
}
