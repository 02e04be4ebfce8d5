//! Directories in object storage: S3 and what speaks its language, Google's, Azure's. A directory is fetched whole and put there whole.
//!
//! Who we are and where the service is comes from the variables that the services' own tools read (`AWS_…`, `GOOGLE_…`, `AZURE_…`), never from
//! an address: addresses are shown.

use std::fmt;
use std::future::Future;
use std::ops::Add;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use object_store::buffered::BufWriter;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

use crate::interrupts::Interrupts;

/// Objects that are moved at one time.
const AT_ONCE: usize = 8;
/// Bytes of one object that are held at one time.
const PIECE: usize = 1 << 20;
/// A service that does not answer for so long is not there. The library tries again by itself meanwhile.
const ANSWER: Duration = Duration::from_secs(60);
/// Beginnings of the names of the variables that say who we are and where the service is.
const VARIABLES: [&str; 3] = ["AWS_", "AZURE_", "GOOGLE_"];

/// Where a directory is: on this machine, or in object storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On this machine.
    Directory(PathBuf),
    /// In object storage, at an address that nobody has looked at: it may hold a secret, so it is not shown before it is opened.
    Store(String),
}

impl Place {
    /// A folder of this machine, for what is on its way there: on the same disk, where it is a directory.
    pub fn beside(&self) -> PathBuf {
        match self {
            Self::Directory(path) => {
                let above = path.ancestors().skip(1).find(|above| above.is_dir());
                above.unwrap_or(Path::new(".")).to_owned()
            }
            Self::Store(_) => std::env::temp_dir(),
        }
    }
}

impl From<&str> for Place {
    fn from(text: &str) -> Self {
        if text.contains("://") {
            Self::Store(text.to_owned())
        } else {
            Self::Directory(PathBuf::from(text))
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => formatter.write_str(&crate::directory::shown(path)),
            Self::Store(url) => formatter.write_str(url),
        }
    }
}

/// An address that may be shown.
fn address(text: &str) -> Result<Url> {
    let url = Url::parse(text).context("an address is like s3://bucket/folder")?;
    ensure!(
        url.username().is_empty() && url.password().is_none(),
        "an address holds no secrets: give them by the service's variables, such as AWS_ACCESS_KEY_ID"
    );
    ensure!(
        url.query().is_none() && url.fragment().is_none(),
        "an address has no ? and no #"
    );
    Ok(url)
}

/// What was moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Files.
    pub files: u64,
    /// What they hold together.
    pub bytes: u64,
}

impl Add for Moved {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            files: self.files + other.files,
            bytes: self.bytes + other.bytes,
        }
    }
}

impl fmt::Display for Moved {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.files == 1 { "" } else { "s" };
        write!(
            formatter,
            "{} file{plural}, {:.1} MB",
            self.files,
            self.bytes as f64 / 1e6
        )
    }
}

/// A directory in object storage.
pub struct Folder {
    store: Arc<dyn ObjectStore>,
    prefix: Key,
    url: Url,
    interrupts: Interrupts,
}

impl Folder {
    /// What an address names. Nothing is asked of the service yet.
    ///
    /// # Errors
    /// It is no address, holds a secret, or is of a kind that is not known.
    pub fn open(text: &str) -> Result<Self> {
        let url = address(text)?;
        // A second call finds what the first installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let ours = VARIABLES.iter().any(|start| name.starts_with(start));
            Some((
                ours.then(|| name.to_ascii_lowercase())?,
                value.into_string().ok()?,
            ))
        });
        let (store, prefix) = object_store::parse_url_opts(&url, variables).with_context(|| {
            format!("{url} names no object storage that is known: s3://BUCKET/…, gs://BUCKET/…, az://CONTAINER/… or file:///…")
        })?;
        Ok(Self {
            store: Arc::from(store),
            prefix,
            url,
            interrupts: Interrupts::listen()?,
        })
    }

    /// Nothing may be there yet: what is there is somebody's.
    pub fn check_empty(&mut self) -> Result<()> {
        let Self {
            store,
            prefix,
            url,
            interrupts,
        } = self;
        let first = interrupts.during(answered(store.list(Some(prefix)).try_next()));
        let first = first
            .context("interrupted")?
            .with_context(|| format!("ask what lies at {url}"))?;
        if let Some(object) = first {
            bail!(
                "{url} is not empty, it holds {}: name another place",
                object.location
            );
        }
        Ok(())
    }

    /// Fetches everything into a directory, which must be empty.
    pub fn fetch(&mut self, to: &Path) -> Result<Moved> {
        let Self {
            store,
            prefix,
            url,
            interrupts,
        } = self;
        let work = async {
            let objects = store.list(Some(prefix));
            let moved = objects.map_err(said).map(|object| async {
                let object = object?;
                let path = below(to, prefix, &object.location)?;
                fetch(store.as_ref(), &object.location, &path).await
            });
            sum(moved.buffer_unordered(AT_ONCE)).await
        };
        let moved = interrupts.during(work).context("interrupted")?;
        let moved = moved.with_context(|| format!("fetch {url}"))?;
        ensure!(moved.files > 0, "nothing lies at {url}");
        Ok(moved)
    }

    /// Puts a directory there, one of its files last: who finds that finds the others. Links and hidden files stay behind.
    pub fn put(&mut self, from: &Path, last: &str) -> Result<Moved> {
        let Self {
            store,
            prefix,
            url,
            interrupts,
        } = self;
        let (ends, files): (Vec<PathBuf>, Vec<PathBuf>) = files_of(from)?
            .into_iter()
            .partition(|file| file == Path::new(last));
        let put = |file: PathBuf| {
            let (store, prefix) = (Arc::clone(store), prefix.clone());
            async move {
                let key = file
                    .iter()
                    .fold(prefix, |key, part| key.join(part.to_string_lossy().as_ref()));
                put(store, key, &from.join(&file)).await
            }
        };
        let work = async {
            let moved = sum(stream::iter(files).map(put).buffer_unordered(AT_ONCE)).await?;
            let end = sum(stream::iter(ends).map(put).buffer_unordered(1)).await?;
            anyhow::Ok(moved + end)
        };
        let moved = interrupts.during(work);
        let moved =
            moved.with_context(|| format!("interrupted: part of it lies at {url}, without {last}"))?;
        moved.with_context(|| format!("put {} at {url}", crate::directory::shown(from)))
    }
}

/// Where an object belongs below a directory. A name that would lead out of it, or hide there, is no file of ours.
fn below(to: &Path, prefix: &Key, object: &Key) -> Result<PathBuf> {
    let parts = object.prefix_match(prefix);
    let parts = parts.with_context(|| format!("{object} does not lie below {prefix}"))?;
    let mut path = to.to_owned();
    for part in parts {
        let part = part.as_ref().to_owned();
        let hides = part.is_empty() || part.starts_with('.') || part.contains(['/', '\\', '\0']);
        ensure!(!hides, "{object} is no name that a campaign's file has");
        path.push(part);
    }
    ensure!(path != to, "{object} is a file, where a directory was expected");
    Ok(path)
}

async fn fetch(store: &dyn ObjectStore, key: &Key, path: &Path) -> Result<Moved> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
    }
    let file = tokio::fs::File::create_new(path).await;
    let mut file = file.with_context(|| format!("create {}", path.display()))?;
    let mut pieces = answered(store.get(key))
        .await
        .with_context(|| format!("get {key}"))?
        .into_stream();
    let mut moved = Moved { files: 1, bytes: 0 };
    while let Some(piece) = answered(pieces.try_next())
        .await
        .with_context(|| format!("get {key}"))?
    {
        file.write_all(&piece)
            .await
            .with_context(|| format!("write {}", path.display()))?;
        moved.bytes += piece.len() as u64;
    }
    file.flush()
        .await
        .with_context(|| format!("write {}", path.display()))?;
    Ok(moved)
}

async fn put(store: Arc<dyn ObjectStore>, key: Key, path: &Path) -> Result<Moved> {
    let file = tokio::fs::File::open(path).await;
    let mut file = file.with_context(|| format!("open {}", path.display()))?;
    let mut object = BufWriter::new(store, key.clone());
    let mut piece = vec![0; PIECE];
    let mut moved = Moved { files: 1, bytes: 0 };
    loop {
        let length = file
            .read(&mut piece)
            .await
            .with_context(|| format!("read {}", path.display()))?;
        if length == 0 {
            break;
        }
        answered(object.write_all(&piece[..length]))
            .await
            .with_context(|| format!("put {key}"))?;
        moved.bytes += length as u64;
    }
    answered(object.shutdown())
        .await
        .with_context(|| format!("put {key}"))?;
    Ok(moved)
}

/// What a service says, if it does.
async fn answered<T, E: fmt::Display>(asked: impl Future<Output = Result<T, E>>) -> Result<T> {
    let answer = tokio::time::timeout(ANSWER, asked).await;
    let answer = answer.with_context(|| format!("the service has not answered for {} s", ANSWER.as_secs()));
    answer?.map_err(said)
}

/// An error of the library's, which names its causes itself.
fn said(error: impl fmt::Display) -> anyhow::Error {
    anyhow!("{error}")
}

async fn sum(moved: impl futures_util::Stream<Item = Result<Moved>>) -> Result<Moved> {
    let add = |sum: Moved, one| async move { Ok(sum + one) };
    moved.try_fold(Moved::default(), add).await
}

/// The files below a directory, by their paths from there, in order.
fn files_of(root: &Path) -> Result<Vec<PathBuf>> {
    let (mut files, mut left) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(directory) = left.pop() {
        let path = root.join(&directory);
        let entries = std::fs::read_dir(&path).with_context(|| format!("read {}", path.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("read {}", path.display()))?;
            let kind = entry
                .file_type()
                .with_context(|| format!("read {}", entry.path().display()))?;
            let name = directory.join(entry.file_name());
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            if kind.is_dir() {
                left.push(name);
            } else if kind.is_file() {
                files.push(name);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_from_a_directory_and_holds_no_secret() {
        assert_eq!(Place::from("results/a"), Place::Directory("results/a".into()));
        assert!(matches!(Place::from("s3://bucket/a"), Place::Store(_)));
        assert!(address("s3://bucket/a").is_ok());
        for wrong in [
            "s3://key:secret@bucket/a",
            "s3://bucket/a?x=1",
            "s3://bucket/a#b",
            "://",
        ] {
            let said = address(wrong).expect_err(wrong).to_string();
            assert!(!said.contains("secret@"), "{said}");
        }
    }

    #[test]
    fn no_name_leads_out_of_the_directory() {
        let prefix = Key::from("nightly/1");
        let place = |name: &str| {
            let key = Key::parse(name).map_err(anyhow::Error::from);
            key.and_then(|key| below(Path::new("to"), &prefix, &key))
        };
        let path = place("nightly/1/runs/a/verdict.json").ok();
        assert_eq!(path, Some(PathBuf::from("to/runs/a/verdict.json")));
        for wrong in [
            "nightly/1/../2",
            "nightly/1/.lock",
            "nightly/2/a",
            "nightly/1/a\\..\\b",
            "nightly/1",
        ] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
