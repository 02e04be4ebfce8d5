//! What is made once for a version of Kafka and kept in the cache.
//!
//! *Formatting.* A node without Kafka's own bootstrap file starts with every feature at level 0. That file
//! does not depend on the node, so `StorageTool` runs once, and every later node gets a copy.
//!
//! *The archive of classes* (`AppCDS`) belongs to one build of Java and one class path. A broker that runs once
//! on loopback and ends writes it; with it a cluster comes up in two thirds of the time. Java crashes on half
//! an archive, so its sum is checked before each use.
//!
//! Blocking, and to be run inside the sandbox, where nothing else listens and nothing survives.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cache::{self, hex};
use super::install::Install;
use super::java::Java;
use super::node_files::NodeFiles;
use super::progress::Report;
use super::training::Training;

/// Where `StorageTool` leaves the bootstrap file, below the data directory: up to 4.3, and from 4.4 on.
pub(super) const BOOTSTRAP_PLACES: [&str; 2] = [
    "bootstrap.checkpoint",
    "__cluster_metadata-0/00000000000000000000-0000000000.checkpoint",
];
/// What the name of an archive in the cache begins with.
pub(super) const ARCHIVE: &str = "broker.jsa";

/// What every launch of a version needs beside its jars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// What formatting leaves.
    pub bootstrap: Bootstrap,
    /// The archive of classes. Without it JVMs start more slowly.
    pub archive: Option<PathBuf>,
}

/// The file by which a fresh node knows the levels of its features.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// The file in the cache.
    pub file: PathBuf,
    /// Where it belongs, below a node's data directory.
    pub place: PathBuf,
}

/// What the cache holds of it.
#[derive(Default)]
pub(super) struct Known {
    pub bootstrap: Option<Bootstrap>,
    pub archive: Option<PathBuf>,
}

/// Finds both in the cache, or makes them, with their own files in `scratch` (removed unless it fails).
///
/// # Errors
/// Formatting fails. An archive that cannot be made is a warning.
pub fn prepare(
    install: &Install,
    java: &Java,
    cache: &Path,
    scratch: &Path,
    report: Report<'_>,
) -> Result<Prepared> {
    let home = cache.join("kafka").join(&install.version);
    let archives = home.join(java_key(install, java)?);
    let known = Known {
        bootstrap: known_bootstrap(&home),
        archive: cache::kept(&archives, ARCHIVE),
    };
    if let Known {
        bootstrap: Some(bootstrap),
        archive: Some(archive),
    } = known
    {
        return Ok(Prepared {
            bootstrap,
            archive: Some(archive),
        });
    }
    let training = Training {
        install,
        java,
        files: NodeFiles::new(scratch.join("training")),
        report,
    };
    // A thread of its own: the JVMs live as long as it does, and it may block and hold a runtime, whoever calls.
    let prepared = std::thread::scope(|scope| scope.spawn(|| training.run(&home, &archives, known)).join());
    prepared.map_err(|_| anyhow!("prepare Kafka {}: a bug in Tribunal (panic)", install.version))?
}

fn known_bootstrap(home: &Path) -> Option<Bootstrap> {
    BOOTSTRAP_PLACES.iter().find_map(|place| {
        Some(Bootstrap {
            file: cache::kept(home, &stem_of(place))?,
            place: place.into(),
        })
    })
}

/// What the name of a bootstrap file in the cache begins with.
pub(super) fn stem_of(place: &str) -> String {
    place.replace('/', "%")
}

/// A directory name for this build of Java and exactly these jars: Java refuses an archive whose class path
/// has other names, sizes or times.
fn java_key(install: &Install, java: &Java) -> Result<String> {
    let mut sum = Sha256::new();
    for jar in &install.jars {
        let data = jar
            .metadata()
            .with_context(|| format!("look at {}", jar.display()))?;
        let modified = data.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        sum.update(format!(
            "{}\n{}\n{}\n",
            jar.display(),
            data.len(),
            modified.as_nanos()
        ));
    }
    let plain = |character: char| {
        if character.is_ascii_alphanumeric() || character == '.' {
            character
        } else {
            '-'
        }
    };
    let build: String = java.build.chars().map(plain).collect();
    sum.update(java.program.display().to_string());
    Ok(format!("java-{build}-{}", &hex(&sum.finalize())[..12]))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn java(build: &str) -> Java {
        Java {
            program: "/java".into(),
            feature: 17,
            build: build.to_owned(),
        }
    }

    #[test]
    fn an_archive_belongs_to_one_java_and_exactly_these_jars() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let jar = directory.path().join("a.jar");
        fs::write(&jar, "one").expect("writable");
        let install = Install {
            version: "4.4.0".to_owned(),
            jars: vec![jar.clone()],
        };
        let key = |build: &str| java_key(&install, &java(build)).expect("the jar is there");
        let first = key("17.0.15+6-Debian-1");
        assert!(first.starts_with("java-17.0.15-6-Debian-1-"), "{first}");
        assert_eq!(first, key("17.0.15+6-Debian-1"));
        assert_ne!(first, key("17.0.16+1"));
        fs::write(&jar, "another").expect("writable");
        assert_ne!(first, key("17.0.15+6-Debian-1"));
    }

    #[test]
    fn what_is_in_the_cache_is_used_while_it_is_whole() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let install = Install {
            version: "4.4.0".to_owned(),
            jars: Vec::new(),
        };
        let home = directory.path().join("kafka/4.4.0");
        let archives = home.join(java_key(&install, &java("17")).expect("no jar"));
        fs::create_dir_all(&archives).expect("writable");
        let keep = |directory: &Path, stem: &str| {
            let part = cache::part_of(&directory.join(stem));
            fs::write(&part, "content").expect("writable");
            cache::keep(&part, stem).expect("writable")
        };
        let bootstrap = Bootstrap {
            file: keep(&home, &stem_of(BOOTSTRAP_PLACES[1])),
            place: BOOTSTRAP_PLACES[1].into(),
        };
        let archive = keep(&archives, ARCHIVE);
        let prepared = || prepare(&install, &java("17"), directory.path(), directory.path(), &|_| ());
        let expected = Prepared {
            bootstrap,
            archive: Some(archive.clone()),
        };
        assert_eq!(prepared().expect("both are there"), expected);
        fs::write(&archive, "cont").expect("writable");
        assert!(prepared().is_err(), "there is no /java to make it again");
    }

    #[test]
    fn a_java_that_does_not_run_is_an_error() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let install = Install {
            version: "4.4.0".to_owned(),
            jars: Vec::new(),
        };
        let error = prepare(&install, &java("17"), directory.path(), directory.path(), &|_| ());
        let error = format!("{:#}", error.expect_err("there is no such program"));
        assert!(error.starts_with("format Kafka 4.4.0: start /java: "), "{error}");
    }
}
