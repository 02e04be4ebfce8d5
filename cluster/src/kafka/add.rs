//! Adding a version: Maven says which jars it needs, their sums are pinned in a lock file of the user's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use uuid::Uuid;

use super::added::{added_versions, is_version, lock_file, write_lock};
use super::cache;
use super::fetch;
use super::install::{InstallOptions, JARS, check_cached};
use super::lock::{LockedJar, RUNNABLE};
use super::maven::{Artefact, Maven, Unresolved, Wait};
use super::progress::{Progress, Report};
use super::release::{Logging, Release, is_older, numbers, release};

/// What the names of folders begin with in which Maven works.
const WORKSHOP: &str = "maven-at-work-";
/// A folder that is older than this was left by a Tribunal that was killed.
const ABANDONED_AFTER: Duration = Duration::from_secs(3600);
/// The first version that is made with Scala 2.13.
const SCALA_2_13: &str = "2.4.0";
/// The library by which versions log that were made for Log4j 1: its sums are those of the locks that ship.
const RELOAD4J: (&str, &str, &str) = ("org.slf4j", "slf4j-reload4j", "1.7.36");

/// A version that can be run from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The lock file, or nothing where the version ships.
    pub lock: Option<PathBuf>,
    /// Whether it could be run before.
    pub already: bool,
    /// How many jars it has, where they were resolved now.
    pub jars: usize,
    /// Their bytes.
    pub bytes: u64,
    /// From which version all else is taken: levels of features, logging, settings.
    pub like: &'static str,
}

/// Adds a version: afterwards it can be run as those that ship.
///
/// # Errors
/// It is older than all that can be run, or does not exist (the nearest that does is named); there is no Maven; the repository cannot be
/// reached; somebody interrupted. Then nothing is left behind.
pub fn add(version: &str, options: &InstallOptions, report: Report<'_>, wait: Wait<'_>) -> Result<Added> {
    add_with("mvn", version, options, report, wait)
}

fn add_with(
    maven: &str,
    version: &str,
    options: &InstallOptions,
    report: Report<'_>,
    wait: Wait<'_>,
) -> Result<Added> {
    let like = nearest_release(version)?;
    let lock = lock_file(&options.cache, version);
    let ships = RUNNABLE.contains(&version);
    if ships || lock.exists() {
        return Ok(Added {
            lock: (!ships).then_some(lock),
            already: true,
            jars: 0,
            bytes: 0,
            like: like.version,
        });
    }
    let workshop = Workshop::new(&options.cache)?;
    let maven = Maven {
        program: maven,
        repository: &options.repository,
        folder: &workshop.0,
    };
    report(Progress::Preparing(&format!(
        "asking Maven for the jars of Kafka {version}"
    )));
    let paths = match resolve(&maven, version, like, wait) {
        Ok(paths) => paths,
        Err(Unresolved::Failed(error)) => return Err(error.context(format!("add Kafka {version}"))),
        Err(Unresolved::NotThere) => bail!("{}", not_there(version, options)),
    };
    let jars = pin(&maven.local(), &paths)?;
    keep(&maven.local(), &options.cache.join(JARS), &jars)?;
    Ok(Added {
        lock: Some(write_lock(&options.cache, version, &jars)?),
        already: false,
        jars: jars.len(),
        bytes: jars.iter().map(|jar| jar.bytes).sum(),
        like: like.version,
    })
}

fn nearest_release(version: &str) -> Result<&'static Release> {
    let oldest = RUNNABLE.last().copied().unwrap_or_default();
    let like = is_version(version).then(|| release(version)).flatten();
    like.with_context(|| {
        format!("add Kafka {version:?}: what is known of running Kafka begins with {oldest}; name a newer one, such as 4.4.0")
    })
}

/// Which jars it takes: the broker's own, and those of its logging.
fn resolve(
    maven: &Maven<'_>,
    version: &str,
    like: &Release,
    wait: Wait<'_>,
) -> Result<Vec<String>, Unresolved> {
    let broker = artefact("org.apache.kafka", &broker_of(version), version);
    match like.logging {
        Logging::Reload4j => {
            let (group, name, version) = RELOAD4J;
            maven.resolve(&[broker, artefact(group, name, version)], wait)
        }
        Logging::Log4j2 => {
            // The bridge has the version of the library, which the broker's own dependencies name.
            let own = maven.resolve(std::slice::from_ref(&broker), wait)?;
            let log4j = version_among(&own, "org/apache/logging/log4j/log4j-core/");
            let log4j = log4j.context("find Log4j 2 among the jars of Kafka: log4j-core is missing")?;
            maven.resolve(
                &[
                    broker,
                    artefact("org.apache.logging.log4j", "log4j-slf4j-impl", log4j),
                ],
                wait,
            )
        }
    }
}

fn artefact(group: &str, name: &str, version: &str) -> Artefact {
    (group.to_owned(), name.to_owned(), version.to_owned())
}

fn broker_of(version: &str) -> String {
    let scala = if is_older(version, SCALA_2_13) {
        "2.12"
    } else {
        "2.13"
    };
    format!("kafka_{scala}")
}

/// The version of an artefact that is among these jars: the part of the path after its folder.
fn version_among<'a>(paths: &'a [String], folder: &str) -> Option<&'a str> {
    let rest = paths.iter().find_map(|path| path.strip_prefix(folder))?;
    rest.split('/').next()
}

/// The sums of what Maven fetched.
fn pin(root: &Path, paths: &[String]) -> Result<Vec<LockedJar>> {
    let pinned = paths.iter().map(|path| {
        let file = root.join(path);
        let bytes = file
            .metadata()
            .with_context(|| format!("look at {}", file.display()))?
            .len();
        Ok(LockedJar {
            sha256: cache::sha256_of(&file)?,
            bytes,
            path: path.clone(),
        })
    });
    pinned.collect()
}

/// Moves what the cache does not have into it; what it has must be the same.
fn keep(from: &Path, to: &Path, jars: &[LockedJar]) -> Result<()> {
    for jar in jars {
        let path = to.join(&jar.path);
        if path.exists() {
            check_cached(&path, jar)?;
            continue;
        }
        let directory = path.parent().context("find the directory of a jar")?;
        fs::create_dir_all(directory).with_context(|| format!("make {}", directory.display()))?;
        cache::finish(&from.join(&jar.path), &path)?;
    }
    Ok(())
}

/// Says that a version does not exist, and which does.
fn not_there(version: &str, options: &InstallOptions) -> String {
    let broker = broker_of(version);
    let listed = fetch::listed_versions(&options.repository, &broker).unwrap_or_default();
    let known = RUNNABLE
        .iter()
        .copied()
        .map(str::to_owned)
        .chain(added_versions());
    let candidates: Vec<String> = if listed.is_empty() {
        known.collect()
    } else {
        listed
    };
    let nearest = nearest(version, &candidates).unwrap_or_default();
    format!(
        "add Kafka {version}: the Maven repository has no org.apache.kafka:{broker}:{version}; the nearest version that exists is {nearest}"
    )
}

/// The version that differs least, the first numbers counting most.
fn nearest<'a>(version: &str, candidates: &'a [String]) -> Option<&'a str> {
    let asked = numbers(version);
    let distance = |candidate: &&String| -> Vec<u32> {
        let other = numbers(candidate);
        let pairs = (0..4).map(|at| (asked.get(at), other.get(at)));
        pairs
            .map(|(one, other)| one.copied().unwrap_or(0).abs_diff(other.copied().unwrap_or(0)))
            .collect()
    };
    let whole = candidates.iter().filter(|candidate| is_version(candidate));
    whole.min_by_key(distance).map(String::as_str)
}

/// A folder for Maven, on the cache's disk, that goes away with this.
struct Workshop(PathBuf);

impl Workshop {
    fn new(cache: &Path) -> Result<Self> {
        sweep(cache);
        let path = cache.join(format!("{WORKSHOP}{}", Uuid::new_v4().simple()));
        fs::create_dir_all(&path).with_context(|| format!("make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removes what killed Tribunals left. Best effort.
fn sweep(cache: &Path) {
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(WORKSHOP);
        let changed = entry.metadata().and_then(|data| data.modified()).ok();
        let age = changed.and_then(|changed| SystemTime::now().duration_since(changed).ok());
        if ours && age.is_some_and(|age| age > ABANDONED_AFTER) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A Maven that puts two jars into its local repository, or fails with these words.
    fn maven(folder: &Path, fails_with: Option<&str>) -> String {
        let program = folder.join("mvn");
        let script = match fails_with {
            Some(words) => format!("#!/bin/sh\necho '[ERROR] {words}'\nexit 1\n"),
            None => "#!/bin/sh\nfor word; do case $word in\n-Dmaven.repo.local=*) root=${word#*=};;\n-Dmdep.outputFile=*) out=${word#*=};;\n\
                     esac; done\nmkdir -p $root/org/a $root/org/apache/logging/log4j/log4j-core/2.1\necho one > $root/org/a/a-1.jar\n\
                     echo two > $root/org/apache/logging/log4j/log4j-core/2.1/log4j-core-2.1.jar\n\
                     printf '%s|%s' $root/org/a/a-1.jar $root/org/apache/logging/log4j/log4j-core/2.1/log4j-core-2.1.jar > $out\n"
                .to_owned(),
        };
        fs::write(&program, script).expect("writable");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it is ours");
        program.display().to_string()
    }

    fn options(cache: &Path) -> InstallOptions {
        InstallOptions {
            cache: cache.to_owned(),
            offline: false,
            // Nothing listens there: what is near is taken from what is known.
            repository: "http://127.0.0.1:9".to_owned(),
        }
    }

    fn add_from(cache: &Path, version: &str, fails_with: Option<&str>) -> Result<Added> {
        let bin = tempfile::tempdir().expect("a temporary directory");
        let maven = maven(bin.path(), fails_with);
        add_with(&maven, version, &options(cache), &|_| (), &mut |time| {
            std::thread::sleep(time);
            false
        })
    }

    #[test]
    fn what_maven_resolves_is_pinned_and_kept_and_nothing_else_is() {
        let cache = tempfile::tempdir().expect("a temporary directory");
        let added = add_from(cache.path(), "4.3.0", None).expect("both jars are there");
        assert_eq!(
            (added.jars, added.bytes, added.like, added.already),
            (2, 8, "4.3.1", false)
        );
        let lock = fs::read_to_string(added.lock.expect("it does not ship")).expect("it is there");
        let paths: Vec<&str> = lock.lines().filter_map(|line| line.split(' ').nth(2)).collect();
        assert_eq!(
            paths,
            [
                "org/a/a-1.jar",
                "org/apache/logging/log4j/log4j-core/2.1/log4j-core-2.1.jar"
            ]
        );
        let jar = cache.path().join(JARS).join(paths[0]);
        assert_eq!(fs::read_to_string(jar).expect("it is in the cache"), "one\n");
        let names: Vec<_> = fs::read_dir(cache.path())
            .expect("readable")
            .flatten()
            .map(|entry| entry.file_name())
            .collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(
            add_from(cache.path(), "4.3.0", Some("nobody asks it"))
                .expect("it is there")
                .already
        );
    }

    #[test]
    fn what_fails_leaves_nothing() {
        let missing = "Could not find artifact org.apache.kafka:kafka_2.13:jar:4.4.77 in central";
        for (words, expected) in [
            (missing, "the nearest version that exists is 4.4.0"),
            (
                "Could not transfer artifact x: Unknown host",
                "reach the Maven repository",
            ),
        ] {
            let cache = tempfile::tempdir().expect("a temporary directory");
            let error = add_from(cache.path(), "4.4.77", Some(words)).expect_err("it fails");
            assert!(format!("{error:#}").contains(expected), "{error:#}");
            assert_eq!(
                fs::read_dir(cache.path()).expect("readable").count(),
                0,
                "{words}"
            );
        }
    }

    #[test]
    fn what_ships_needs_nothing_and_what_is_too_old_is_refused() {
        let cache = tempfile::tempdir().expect("a temporary directory");
        let ships = add_from(cache.path(), "4.4.0", Some("nobody asks it")).expect("it ships");
        assert!(ships.already && ships.lock.is_none());
        let error = add_from(cache.path(), "0.8.0", None).expect_err("nobody knows it");
        assert!(error.to_string().contains("begins with"), "{error}");
    }

    #[test]
    fn the_nearest_version_differs_least_where_it_counts_most() {
        let known: Vec<String> = ["3.9.2", "4.0.0", "4.0.2", "4.2.0", "4.2.0-rc1"]
            .map(str::to_owned)
            .into();
        assert_eq!(nearest("4.0.9", &known), Some("4.0.2"));
        assert_eq!(nearest("4.3.0", &known), Some("4.2.0"));
        assert_eq!(nearest("9.9.9", &known), Some("4.2.0"));
        assert_eq!(nearest("1.0.0", &[]), None);
        assert_eq!(
            (broker_of("2.3.1"), broker_of("2.4.0")),
            ("kafka_2.12".to_owned(), "kafka_2.13".to_owned())
        );
    }
}
