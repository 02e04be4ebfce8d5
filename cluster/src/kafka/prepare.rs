//! What is made once for a version of Kafka and kept in the cache.
//!
//! *Formatting.* A node without Kafka's own bootstrap file starts with every feature at level 0. What formatting leaves
//! does not depend on the node, so `StorageTool` runs once for each [`Formatting`], and every later node gets a copy.
//!
//! *The archive of classes* (`AppCDS`) belongs to one build of Java and one class path. A broker that runs once
//! on loopback and ends writes it; with it a cluster comes up in two thirds of the time. Java crashes on half
//! an archive, so its sum is checked before each use.
//!
//! Blocking, and to be run inside the sandbox, where nothing else listens and nothing survives.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cache::{self, hex};
use super::formatting::{Bootstrap, Formatting};
use super::install::{Agent, Install};
use super::java::Java;
use super::node_files::NodeFiles;
use super::progress::Report;
use super::release::{Release, release};
use super::training::Training;

/// What the name of an archive in the cache begins with.
pub(super) const ARCHIVE: &str = "broker.jsa";

/// What every launch needs that is made once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// What formatting leaves.
    pub bootstrap: Bootstrap,
    /// The versions that its nodes can run.
    pub ready: Vec<Ready>,
    /// What tells the brokers' own metrics, where they are to be asked for.
    pub agent: Option<Agent>,
}

/// A version that can be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Its jars.
    pub install: Install,
    /// The archive of its classes. Without it JVMs start more slowly.
    pub archive: Option<PathBuf>,
}

/// Finds it in the cache, or makes it, with files of its own in `scratch` (removed unless it fails). The agent is left out: it is
/// installed, not made. `installs` are the
/// versions that the cluster's nodes will run at one time or another.
///
/// # Errors
/// Formatting fails. An archive that cannot be made is a warning.
pub fn prepare(
    installs: &[Install],
    java: &Java,
    formatting: &Formatting,
    cache: &Path,
    scratch: &Path,
    report: Report<'_>,
) -> Result<Prepared> {
    let training = |install, name: &str| Training {
        install,
        java,
        files: NodeFiles::new(scratch.join(name)),
        report,
    };
    let version = &formatting.version;
    let formats = installs.iter().find(|install| install.version == *version);
    let formats =
        formats.with_context(|| format!("format with Kafka {version}: its jars were not asked for"))?;
    let home = home_of(formats, cache).join(formatting.key());
    let bootstrap = match known_bootstrap(&home, formatting) {
        Some(bootstrap) => bootstrap,
        None => training(formats, "formatting").in_a_thread(|training| training.format(formatting, &home))?,
    };
    let mut ready = Vec::new();
    for install in installs {
        let archives = home_of(install, cache).join(java_key(install, java)?);
        let archive = match cache::kept(&archives, ARCHIVE) {
            Some(archive) => Some(archive),
            // The broker that is watched runs alone.
            None if !release(&install.version).is_none_or(Release::formats) => None,
            None => training(install, "training").in_a_thread(|training| Ok(training.archive(&archives)))?,
        };
        ready.push(Ready {
            install: install.clone(),
            archive,
        });
    }
    Ok(Prepared {
        bootstrap,
        ready,
        agent: None,
    })
}

fn home_of(install: &Install, cache: &Path) -> PathBuf {
    cache.join("kafka").join(&install.version)
}

fn known_bootstrap(home: &Path, formatting: &Formatting) -> Option<Bootstrap> {
    let places = formatting.places();
    let kept = places
        .iter()
        .map(|place| Some((cache::kept(home, &stem_of(place))?, place.into())));
    Some(Bootstrap {
        files: kept.collect::<Option<_>>()?,
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

    use super::super::release::FIRST_SNAPSHOT;
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

    fn keep(directory: &Path, stem: &str) -> PathBuf {
        fs::create_dir_all(directory).expect("writable");
        let part = cache::part_of(&directory.join(stem));
        fs::write(&part, "content").expect("writable");
        cache::keep(&part, stem).expect("writable")
    }

    fn no_jars() -> Install {
        Install {
            version: "4.4.0".to_owned(),
            jars: Vec::new(),
        }
    }

    #[test]
    fn what_is_in_the_cache_is_used_while_it_is_whole() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let install = no_jars();
        let formatting = Formatting::plain("4.4.0");
        let home = home_of(&install, directory.path());
        let bootstrap = Bootstrap {
            files: vec![(
                keep(&home.join(formatting.key()), &stem_of(FIRST_SNAPSHOT)),
                FIRST_SNAPSHOT.into(),
            )],
        };
        let archives = home.join(java_key(&install, &java("17")).expect("no jar"));
        let archive = keep(&archives, ARCHIVE);
        let prepared = || {
            let (cache, scratch) = (directory.path(), directory.path().join("scratch"));
            prepare(
                std::slice::from_ref(&install),
                &java("17"),
                &formatting,
                cache,
                &scratch,
                &|_| (),
            )
        };
        let expected = Prepared {
            bootstrap: bootstrap.clone(),
            ready: vec![Ready {
                install: install.clone(),
                archive: Some(archive.clone()),
            }],
            agent: None,
        };
        assert_eq!(prepared().expect("both are there"), expected);
        fs::write(&archive, "cont").expect("writable");
        let without = prepared().expect("slower JVMs are no error").ready[0]
            .archive
            .clone();
        assert_eq!(without, None, "there is no /java to make it again");
        fs::write(&bootstrap.files[0].0, "cont").expect("writable");
        assert!(prepared().is_err(), "there is no /java to format again");
    }

    #[test]
    fn a_java_that_does_not_run_is_an_error() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (cache, formatting) = (directory.path(), Formatting::plain("4.4.0"));
        let error = prepare(&[no_jars()], &java("17"), &formatting, cache, cache, &|_| ());
        let error = format!("{:#}", error.expect_err("there is no such program"));
        assert!(error.starts_with("format Kafka 4.4.0: start /java: "), "{error}");
    }
}
