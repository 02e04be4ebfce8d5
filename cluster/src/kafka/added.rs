//! Versions that the user added: lock files of the user's own, in `locks/` of the cache directory.
//!
//! Such a file has the form of those that ship. What else has to be known of a version (how it logs, which levels of features it
//! knows) is taken from the release that is nearest to it: see [`release()`].

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::cache;
use super::lock::{LockedJar, RUNNABLE};
use super::release::{is_older, release};

/// Where in the cache the user's lock files lie.
const LOCKS: &str = "locks";

/// The user's folder of lock files.
pub(super) fn folder(cache: &Path) -> PathBuf {
    cache.join(LOCKS)
}

/// Where the lock file of a version is, or would be.
pub(super) fn lock_file(cache: &Path, version: &str) -> PathBuf {
    folder(cache).join(format!("kafka-{version}.lock"))
}

/// What the user's lock file of a version says, where there is one.
pub(super) fn lock_text(version: &str) -> Result<Option<String>> {
    let Ok(cache) = cache::cache_directory() else {
        return Ok(None);
    };
    text_in(&cache, version)
}

fn text_in(cache: &Path, version: &str) -> Result<Option<String>> {
    if !is_version(version) {
        return Ok(None);
    }
    let path = lock_file(cache, version);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("read the lock file {}", path.display())),
    }
}

/// Writes the lock file of a version: whole, or not at all.
pub(super) fn write_lock(cache: &Path, version: &str, jars: &[LockedJar]) -> Result<PathBuf> {
    let path = lock_file(cache, version);
    fs::create_dir_all(folder(cache)).with_context(|| format!("make {}", folder(cache).display()))?;
    let lines: Vec<String> = jars
        .iter()
        .map(|jar| format!("{} {} {}", jar.sha256, jar.bytes, jar.path))
        .collect();
    let text = lines.join("\n") + "\n";
    let part = cache::part_of(&path);
    let written = fs::write(&part, text)
        .with_context(|| format!("write {}", part.display()))
        .and_then(|()| cache::finish(&part, &path));
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written.map(|()| path)
}

/// The versions that the user added and that do not ship, newest first.
pub fn added_versions() -> Vec<String> {
    cache::cache_directory().map_or_else(|_| Vec::new(), |cache| added_in(&cache))
}

fn added_in(cache: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder(cache)).into_iter().flatten().flatten();
    let mut versions: Vec<String> = entries
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name.to_str()?.strip_prefix("kafka-")?.strip_suffix(".lock")?;
            let new = is_version(version) && !RUNNABLE.contains(&version) && release(version).is_some();
            new.then(|| version.to_owned())
        })
        .collect();
    versions.sort_by(|one, other| {
        if is_older(one, other) {
            std::cmp::Ordering::Greater
        } else {
            std::cmp::Ordering::Less
        }
    });
    versions
}

/// Whether a version can be run: it ships, or it was added.
pub fn can_run(version: &str) -> bool {
    RUNNABLE.contains(&version) || added_versions().iter().any(|added| added == version)
}

/// Whether a text is a version of Kafka: three numbers, or four (`0.10.2.2`).
pub fn is_version(text: &str) -> bool {
    let numbers = text.split('.');
    (3..=4).contains(&numbers.clone().count())
        && numbers
            .into_iter()
            .all(|number| number.bytes().all(|byte| byte.is_ascii_digit()) && number.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_written_is_found_and_read() {
        let cache = tempfile::tempdir().expect("a temporary directory");
        assert_eq!(added_in(cache.path()), Vec::<String>::new());
        let jars = [LockedJar {
            sha256: "ab".repeat(32),
            bytes: 7,
            path: "org/a-1.jar".to_owned(),
        }];
        for version in ["4.3.0", "4.10.0", "4.4.0"] {
            write_lock(cache.path(), version, &jars).expect("it can be written");
        }
        fs::write(folder(cache.path()).join("notes.txt"), "").expect("writable");
        assert_eq!(
            added_in(cache.path()),
            ["4.10.0", "4.3.0"],
            "what ships is not added"
        );
        let text = text_in(cache.path(), "4.3.0").expect("readable");
        assert_eq!(text, Some(format!("{} 7 org/a-1.jar\n", "ab".repeat(32))));
        assert_eq!(text_in(cache.path(), "4.3.9").expect("it is not there"), None);
    }

    #[test]
    fn a_version_is_numbers_alone() {
        for good in ["4.4.0", "0.10.2.2", "10.0.1"] {
            assert!(is_version(good), "{good}");
        }
        for bad in [
            "4.4",
            "4.4.0-rc1",
            "4.4.",
            "",
            "../../x",
            "4.4.0.1.2",
            "+4.4.0",
            "4.4.x",
        ] {
            assert!(!is_version(bad), "{bad}");
        }
    }
}
