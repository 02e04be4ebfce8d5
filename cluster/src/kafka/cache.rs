//! The directory that outlives a run: jars, archives and what formatting leaves.
//!
//! Several Tribunals share it. Nothing in it is ever written in place: a file is made under a name of its
//! own and renamed when it is whole. What is made here (and so has no lock file that knows its sum) has its
//! SHA-256 in its name: what does not match is not there.

use std::ffi::OsString;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// What ends the name of a file that is not whole yet.
const PART: &str = ".part";
/// A part that is older than this belongs to a Tribunal that was killed.
const ABANDONED_AFTER: Duration = Duration::from_secs(3600);

/// The user's cache directory for Tribunal: `$TRIBUNAL_CACHE`, else `$XDG_CACHE_HOME/tribunal`, else
/// `~/.cache/tribunal`.
pub fn cache_directory() -> Result<PathBuf> {
    cache_of(|name| std::env::var_os(name))
}

fn cache_of(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    let set = |name: &str| {
        variable(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let path = set("TRIBUNAL_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|path| path.join("tribunal")))
        .or_else(|| set("HOME").map(|path| path.join(".cache").join("tribunal")))
        .context("find a cache directory: neither TRIBUNAL_CACHE, XDG_CACHE_HOME nor HOME is set")?;
    std::path::absolute(&path).with_context(|| format!("make {} absolute", path.display()))
}

/// A name beside `path` that no other process uses, for the file until it is whole.
pub(crate) fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}{PART}", Uuid::new_v4().simple()));
    path.with_file_name(name)
}

/// Gives a part its final name: it is whole from now on.
pub(crate) fn finish(part: &Path, path: &Path) -> Result<()> {
    let synced = fs::File::open(part).and_then(|file| file.sync_all());
    synced
        .and_then(|()| fs::rename(part, path))
        .with_context(|| format!("write {}", path.display()))
}

/// Gives a part a final name that begins with `stem` and holds its sum.
pub(crate) fn keep(part: &Path, stem: &str) -> Result<PathBuf> {
    let path = part.with_file_name(format!("{stem}.{}", sha256_of(part)?));
    finish(part, &path)?;
    Ok(path)
}

/// What was kept under that stem, if it is still what it was. What is not is removed.
pub(crate) fn kept(directory: &Path, stem: &str) -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(directory)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found.into_iter().find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(sum) = name.strip_prefix(stem).and_then(|rest| rest.strip_prefix('.')) else {
            return false;
        };
        if sum.len() != 64 || !sum.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return false;
        }
        let whole = sha256_of(path).is_ok_and(|found| found == sum);
        if !whole {
            let _ = fs::remove_file(path);
        }
        whole
    })
}

/// The SHA-256 of a file, in lower-case hexadecimal.
pub(crate) fn sha256_of(path: &Path) -> Result<String> {
    let mut file = fs::File::open(path).with_context(|| format!("read {}", path.display()))?;
    let mut sum = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let read = file
            .read(&mut buffer)
            .with_context(|| format!("read {}", path.display()))?;
        if read == 0 {
            return Ok(hex(&sum.finalize()));
        }
        sum.update(&buffer[..read]);
    }
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Removes what killed Tribunals left half-written in a directory. Best effort: nothing trusts it.
pub(crate) fn sweep(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let is_part = entry.file_name().to_string_lossy().ends_with(PART);
        let age = entry.metadata().and_then(|data| data.modified()).ok();
        let abandoned = age
            .and_then(|modified| SystemTime::now().duration_since(modified).ok())
            .is_some_and(|age| age > ABANDONED_AFTER);
        if is_part && abandoned {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], expected: Option<&str>) {
        let found = cache_of(|name| {
            variables
                .iter()
                .find(|(candidate, _)| *candidate == name)
                .map(|(_, value)| OsString::from(value))
        });
        assert_eq!(found.ok(), expected.map(PathBuf::from), "{variables:?}");
    }

    #[test]
    fn the_cache_is_where_the_user_says() {
        let all = [("TRIBUNAL_CACHE", "/a"), ("XDG_CACHE_HOME", "/b"), ("HOME", "/c")];
        check(&all, Some("/a"));
        check(&all[1..], Some("/b/tribunal"));
        check(&all[2..], Some("/c/.cache/tribunal"));
        check(
            &[("TRIBUNAL_CACHE", ""), ("HOME", "/c")],
            Some("/c/.cache/tribunal"),
        );
        check(&[], None);
    }

    #[test]
    fn parts_differ_and_stay_beside_the_file() {
        let path = Path::new("/x/y.jar");
        assert_ne!(part_of(path), part_of(path));
        assert_eq!(part_of(path).parent(), path.parent());
    }

    #[test]
    fn what_was_kept_is_found_as_long_as_it_is_whole() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        assert_eq!(kept(directory.path(), "a.jsa"), None);
        let part = part_of(&directory.path().join("a.jsa"));
        fs::write(&part, "content").expect("writable");
        assert_eq!(kept(directory.path(), "a.jsa"), None);
        let path = keep(&part, "a.jsa").expect("writable");
        assert!(!part.exists());
        assert_eq!(kept(directory.path(), "a.jsa").as_ref(), Some(&path));
        assert_eq!(kept(directory.path(), "a"), None);
        fs::write(&path, "cont").expect("writable");
        assert_eq!(kept(directory.path(), "a.jsa"), None);
        assert!(!path.exists());
    }

    #[test]
    fn sweeping_spares_what_is_whole_or_young() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let [old, young, whole] = ["a.part", "b.part", "c.jar"].map(|name| directory.path().join(name));
        for path in [&old, &young, &whole] {
            fs::write(path, "x").expect("writable");
        }
        let long_ago = SystemTime::now() - 2 * ABANDONED_AFTER;
        for path in [&old, &whole] {
            let file = fs::File::options().write(true).open(path).expect("just written");
            file.set_modified(long_ago).expect("its time can be set");
        }
        sweep(directory.path());
        assert!(!old.exists() && young.exists() && whole.exists());
    }
}
