//! From a request's path to a place in the folder, and to nothing outside of it.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

/// Why a path is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is no path that this server gives out.
    Malformed,
    /// It is hidden, or leads out of the folder.
    Forbidden,
    /// Nothing is there.
    Missing,
}

/// A path below the folder, its parts decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its parts: none is empty, `.` or `..`, none has a slash.
    pub parts: Vec<String>,
    /// Whether it ended with a slash, as a directory's does.
    pub is_directory: bool,
}

impl Wanted {
    /// What a request's path asks for. It is decoded once: what is encoded twice is a name with a percent sign.
    pub fn parse(path: &str) -> Result<Self, Refusal> {
        let path = path.strip_prefix('/').ok_or(Refusal::Malformed)?;
        if path.starts_with('/') {
            return Err(Refusal::Malformed);
        }
        let is_directory = path.is_empty() || path.ends_with('/');
        let path = path.strip_suffix('/').unwrap_or(path);
        if path.is_empty() {
            return Ok(Self {
                parts: Vec::new(),
                is_directory,
            });
        }
        let parts: Result<Vec<String>, Refusal> = path.split('/').map(part).collect();
        Ok(Self {
            parts: parts?,
            is_directory,
        })
    }
}

fn part(text: &str) -> Result<String, Refusal> {
    let part = decoded(text).ok_or(Refusal::Malformed)?;
    if part.is_empty() || part == "." || part == ".." || part.contains(['/', '\\']) {
        return Err(Refusal::Malformed);
    }
    if part.contains(char::is_control) {
        return Err(Refusal::Malformed);
    }
    if part.starts_with('.') {
        return Err(Refusal::Forbidden);
    }
    Ok(part)
}

/// The bytes that a part of a path stands for (RFC 3986, section 2.1), as text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        if *first == b'%' {
            let [high, low, after @ ..] = after else {
                return None;
            };
            let digit = |byte: u8| char::from(byte).to_digit(16);
            bytes.push((digit(*high)? * 16 + digit(*low)?) as u8);
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

/// The place that a path leads to, all links followed: below the root, and not hidden there.
pub fn place(root: &Path, wanted: &Wanted) -> Result<PathBuf, Refusal> {
    let mut path = root.to_owned();
    path.extend(&wanted.parts);
    let place = path.canonicalize().map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Refusal::Missing,
        _ => Refusal::Forbidden,
    })?;
    check(root, &place)?;
    Ok(place)
}

fn check(root: &Path, place: &Path) -> Result<(), Refusal> {
    let below = place.strip_prefix(root).map_err(|_| Refusal::Forbidden)?;
    let is_hidden = |part: Component| part.as_os_str().as_encoded_bytes().starts_with(b".");
    if below.components().any(is_hidden) {
        return Err(Refusal::Forbidden);
    }
    Ok(())
}

/// Opens a regular file at a place. What was opened is looked at once more: a link may have been put there meanwhile.
pub fn open(root: &Path, place: &Path) -> Result<(File, Metadata), Refusal> {
    // Neither a pipe nor a terminal holds this up, or becomes ours.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(place)
        .map_err(|_| Refusal::Forbidden)?;
    let opened =
        fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).map_err(|_| Refusal::Forbidden)?;
    check(root, &opened)?;
    let meta = file.metadata().map_err(|_| Refusal::Forbidden)?;
    if !meta.is_file() {
        return Err(Refusal::Forbidden);
    }
    Ok((file, meta))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_are_taken() {
        let parse = |path| Wanted::parse(path).map(|wanted| (wanted.parts.join("|"), wanted.is_directory));
        assert_eq!(parse("/"), Ok((String::new(), true)));
        assert_eq!(parse("/a/b%20c/"), Ok(("a|b c".to_owned(), true)));
        assert_eq!(parse("/a/r~2.toml"), Ok(("a|r~2.toml".to_owned(), false)));
        // Decoded once.
        assert_eq!(parse("/%252e%252e"), Ok(("%2e%2e".to_owned(), false)));
        for path in [
            "",
            "a",
            "*",
            "//",
            "/a//b",
            "/..",
            "/a/../b",
            "/%2e%2e/x",
            "/.%2E/x",
            "/a%2fb",
            "/a%5cb",
            "/a%00",
            "/a%0ab",
            "/%",
            "/%2",
            "/%zz",
            "/%ff",
            "/./a",
        ] {
            assert_eq!(parse(path), Err(Refusal::Malformed), "{path}");
        }
        for path in ["/.git/config", "/a/.lock", "/%2elock"] {
            assert_eq!(parse(path), Err(Refusal::Forbidden), "{path}");
        }
    }

    #[test]
    fn links_are_followed_inside_only() {
        let folder = tempfile::tempdir().expect("it can be made");
        let root = folder.path().canonicalize().expect("it is there").join("root");
        fs::create_dir_all(root.join("run")).expect("it can be made");
        for (path, content) in [("root/run/a", "in"), ("root/.hidden", "in"), ("secret", "out")] {
            fs::write(folder.path().join(path), content).expect("it can be written");
        }
        for (to, link) in [
            ("run", "latest"),
            ("../secret", "out"),
            ("..", "up"),
            (".hidden", "shown"),
            ("nowhere", "gone"),
        ] {
            std::os::unix::fs::symlink(to, root.join(link)).expect("it can be made");
        }
        let at = |path: &str| {
            let place = place(&root, &Wanted::parse(path)?)?;
            open(&root, &place).map(drop)
        };
        assert_eq!(at("/latest/a"), Ok(()));
        assert_eq!(at("/out"), Err(Refusal::Forbidden));
        assert_eq!(at("/up/secret"), Err(Refusal::Forbidden));
        assert_eq!(at("/shown"), Err(Refusal::Forbidden));
        assert_eq!(at("/gone"), Err(Refusal::Missing));
        assert_eq!(at("/run"), Err(Refusal::Forbidden));
        assert_eq!(at("/run/a/b"), Err(Refusal::Missing));
    }
}
