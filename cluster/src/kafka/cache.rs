//! The directory that outlives a run: jars, archives and what formatting leaves.
//!
//! Several Tribunals share it. Nothing in it is ever written in place: a file is made under a name of its
//! own and renamed when it is whole, so that what has its final name is whole.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
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

/// Writes a file under a name of its own, then gives it its final one.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let part = part_of(path);
    fs::write(&part, content).with_context(|| format!("write {}", part.display()))?;
    finish(&part, path)
}

/// Gives a part its final name: it is whole from now on.
pub(crate) fn finish(part: &Path, path: &Path) -> Result<()> {
    let synced = fs::File::open(part).and_then(|file| file.sync_all());
    synced
        .and_then(|()| fs::rename(part, path))
        .with_context(|| format!("write {}", path.display()))
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
