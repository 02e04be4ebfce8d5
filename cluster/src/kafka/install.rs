//! Kafka's jars, fetched from Maven Central or a mirror into the cache, and checked against the lock file.
//!
//! A jar gets its final name only when its size and SHA-256 are right, and both are checked again whenever a
//! run begins. Blocking: it runs before anything else does.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::cache;
use super::fetch::Fetcher;
use super::lock::{LockedJar, locked_agent, locked_jars};
use super::progress::Report;

/// Names a mirror of Maven Central by its root.
pub const MIRROR_VARIABLE: &str = "TRIBUNAL_MAVEN_MIRROR";
/// The root of Maven Central.
pub(super) const MAVEN_CENTRAL: &str = "https://repo.maven.apache.org/maven2";
/// Where in the cache the jars lie, by their path below a Maven repository's root.
pub(super) const JARS: &str = "maven";

/// Where jars come from and go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallOptions {
    /// The cache directory, made where it is missing.
    pub cache: PathBuf,
    /// Use what is in the cache, and never the network.
    pub offline: bool,
    /// The root of the Maven repository.
    pub repository: String,
}

impl InstallOptions {
    /// The user's cache, and Maven Central or the mirror that the environment names.
    pub fn from_environment(offline: bool) -> Result<Self> {
        let mirror = std::env::var(MIRROR_VARIABLE)
            .ok()
            .filter(|mirror| !mirror.is_empty());
        let repository = mirror.unwrap_or_else(|| MAVEN_CENTRAL.to_owned());
        ensure!(
            repository.starts_with("https://") || repository.starts_with("http://"),
            "use the mirror {repository:?} of {MIRROR_VARIABLE}: it must begin with https:// or http://"
        );
        Ok(Self {
            cache: cache::cache_directory()?,
            offline,
            repository,
        })
    }
}

/// A version of Kafka that is here, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Install {
    /// The version, such as `4.4.0`.
    pub version: String,
    /// The jars, in the order of the class path.
    pub jars: Vec<PathBuf>,
}

impl Install {
    /// The class path. Archives of classes hold only for exactly this list.
    pub fn class_path(&self) -> String {
        let jars: Vec<String> = self.jars.iter().map(|jar| jar.display().to_string()).collect();
        jars.join(":")
    }

    /// Each jar's file name and SHA-256, for the record of what a run was made of.
    pub fn sums(&self) -> Vec<(String, String)> {
        let jars = locked_jars(&self.version).unwrap_or_default();
        jars.into_iter()
            .map(|jar| (jar.file_name().to_owned(), jar.sha256))
            .collect()
    }
}

/// The agent that tells brokers' own metrics, that is here, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Its jar.
    pub jar: PathBuf,
    /// The jar's SHA-256.
    pub sha256: String,
}

impl Agent {
    /// Its jar's name and sum, for the record of what a run was made of.
    pub fn sum(&self) -> (String, String) {
        let name = self.jar.file_name().unwrap_or_default();
        (name.to_string_lossy().into_owned(), self.sha256.clone())
    }
}

/// Checks the agent's jar in the cache, or fetches it.
///
/// # Errors
/// As [`install()`].
pub fn install_agent(options: &InstallOptions, report: Report<'_>) -> Result<Agent> {
    let locked = [locked_agent()?];
    let jars = checked("the metrics agent", &locked, options, report)?;
    let [LockedJar { sha256, .. }] = locked;
    let jar = jars.into_iter().next().context("one jar was asked for")?;
    Ok(Agent { jar, sha256 })
}

/// Checks the jars of a version in the cache, and fetches those that are missing.
///
/// # Errors
/// The version cannot be run; a jar's sum is wrong, in the cache or as fetched (it is named, and what to do);
/// the network fails again and again; a jar is missing and `offline` is set.
pub fn install(version: &str, options: &InstallOptions, report: Report<'_>) -> Result<Install> {
    let jars = locked_jars(version)?;
    Ok(Install {
        version: version.to_owned(),
        jars: checked(&format!("Kafka {version}"), &jars, options, report)?,
    })
}

/// Where these jars are, each checked, those that were missing fetched.
fn checked(
    of: &str,
    jars: &[LockedJar],
    options: &InstallOptions,
    report: Report<'_>,
) -> Result<Vec<PathBuf>> {
    let root = options.cache.join(JARS);
    let missing: Vec<&LockedJar> = jars.iter().filter(|jar| !root.join(&jar.path).exists()).collect();
    if options.offline && !missing.is_empty() {
        bail!("{}", offline_error(of, &missing, &root));
    }
    let present: Vec<&LockedJar> = jars.iter().filter(|jar| !missing.contains(jar)).collect();
    in_parallel(&present, checkers(), |jar| {
        check_cached(&root.join(&jar.path), jar)
    })?;
    if !missing.is_empty() {
        Fetcher::new(&options.repository, &root, &missing, report).fetch_all()?;
    }
    Ok(jars.iter().map(|jar| root.join(&jar.path)).collect())
}

fn offline_error(of: &str, missing: &[&LockedJar], root: &Path) -> String {
    let names: Vec<&str> = missing.iter().take(3).map(|jar| jar.file_name()).collect();
    let more = missing.len() - names.len();
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!(
        "find all jars of {of} offline: {}{rest} missing below {}; run once without --offline",
        names.join(", "),
        root.display()
    )
}

/// Checks that a file of the cache is the locked one.
pub(super) fn check_cached(path: &Path, jar: &LockedJar) -> Result<()> {
    let advice = || format!("remove {} and run again", path.display());
    let found = path
        .metadata()
        .with_context(|| format!("look at {}", path.display()))?
        .len();
    ensure!(
        found == jar.bytes,
        "use {}: it has {found} bytes instead of {}; {}",
        jar.file_name(),
        jar.bytes,
        advice()
    );
    let sum = cache::sha256_of(path)?;
    ensure!(
        sum == jar.sha256,
        "use {}: its SHA-256 is {sum} instead of {}; {}",
        jar.file_name(),
        jar.sha256,
        advice()
    );
    Ok(())
}

fn checkers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Does the work on every item, `threads` at a time; the first error ends it, and is returned.
pub(super) fn in_parallel<T: Sync>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> Result<()> + Sync,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    let lock = || failed.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(items.len()) {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if lock().is_some() {
                        break;
                    }
                    if let Err(error) = work(item) {
                        lock().get_or_insert(error);
                    }
                }
            });
        }
    });
    failed
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use sha2::{Digest as _, Sha256};

    use super::super::cache::hex;
    use super::*;

    fn jar(content: &[u8]) -> LockedJar {
        LockedJar {
            sha256: hex(&Sha256::digest(content)),
            bytes: content.len() as u64,
            path: "org/example/a-1.jar".to_owned(),
        }
    }

    fn check(content: &[u8], locked: &LockedJar, expected: &str) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("a-1.jar");
        fs::write(&path, content).expect("writable");
        let found =
            check_cached(&path, locked).map_or_else(|error| error.to_string(), |()| "fine".to_owned());
        assert!(found.contains(expected), "{found}");
    }

    #[test]
    fn a_cached_jar_is_checked_by_size_and_sum() {
        let locked = jar(b"content");
        check(b"content", &locked, "fine");
        check(
            b"conten",
            &locked,
            "use a-1.jar: it has 6 bytes instead of 7; remove /",
        );
        check(b"CONTENT", &locked, "use a-1.jar: its SHA-256 is ");
        check(b"CONTENT", &locked, "and run again");
    }

    #[test]
    fn offline_says_what_is_missing() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let options = InstallOptions {
            cache: directory.path().to_owned(),
            offline: true,
            repository: "http://127.0.0.1:9".to_owned(),
        };
        let error = install("4.4.0", &options, &|_| ())
            .expect_err("nothing is there")
            .to_string();
        assert!(
            error.starts_with("find all jars of Kafka 4.4.0 offline: HdrHistogram-2.2.2.jar, "),
            "{error}"
        );
        assert!(
            error.contains(" and 42 more missing below ") && error.ends_with("without --offline"),
            "{error}"
        );
    }

    #[test]
    fn the_agent_is_fetched_like_the_other_jars() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let options = InstallOptions {
            cache: directory.path().to_owned(),
            offline: true,
            repository: "http://127.0.0.1:9".to_owned(),
        };
        let error = install_agent(&options, &|_| ())
            .expect_err("it is not there")
            .to_string();
        let expected = "find all jars of the metrics agent offline: jmx_prometheus_javaagent-";
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn the_first_error_ends_the_work() {
        let done = AtomicUsize::new(0);
        let error = in_parallel(&[1, 2, 3, 4], 1, |item| {
            done.fetch_add(1, Ordering::Relaxed);
            ensure!(*item != 2, "no {item}");
            Ok(())
        });
        assert_eq!(error.expect_err("the second fails").to_string(), "no 2");
        assert_eq!(done.into_inner(), 2);
    }
}
