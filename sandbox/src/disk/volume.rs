//! The files by name, and which of the operations on names are not synced.
//!
//! Every operation is done on the backing directory at once. Until the directory is synced it also stands in a journal
//! by which it can be undone; what it removed lies aside until then.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::content::Content;
use super::dice::Dice;
use super::{Loss, Lost};

/// The number of a file or directory, never used twice.
pub(crate) type Ino = u64;
/// The number of the root.
pub(crate) const ROOT: Ino = 1;

#[derive(Debug)]
enum Body {
    Directory(BTreeMap<OsString, Ino>),
    File(Arc<Content>),
}

#[derive(Debug)]
struct Node {
    /// The directory it is in and its name there; nothing where it has been removed.
    place: Option<(Ino, OsString)>,
    body: Body,
    /// How often the kernel was told of it and has not forgotten.
    lookups: u64,
}

/// An operation on names that is not synced.
#[derive(Debug)]
struct Change {
    at: Instant,
    kind: ChangeKind,
    /// It leads to a file that is synced.
    with_file: bool,
}

/// A name in a directory.
type Name = (Ino, OsString);

#[derive(Debug)]
enum ChangeKind {
    Made {
        at: Name,
        ino: Ino,
    },
    Removed {
        at: Name,
        ino: Ino,
    },
    Moved {
        from: Name,
        to: Name,
        ino: Ino,
        replaced: Option<Ino>,
    },
}

impl ChangeKind {
    /// The names that it changed.
    fn names(&self) -> impl Iterator<Item = &Name> {
        let (first, second) = match self {
            Self::Made { at, .. } | Self::Removed { at, .. } => (at, None),
            Self::Moved { from, to, .. } => (from, Some(to)),
        };
        std::iter::once(first).chain(second)
    }

    /// What it was done to.
    fn inos(&self) -> impl Iterator<Item = Ino> {
        let (Self::Made { ino, .. } | Self::Removed { ino, .. } | Self::Moved { ino, .. }) = self;
        std::iter::once(*ino).chain(self.aside())
    }

    /// What lies aside for it.
    fn aside(&self) -> Option<Ino> {
        match self {
            Self::Made { .. } => None,
            Self::Removed { ino, .. } => Some(*ino),
            Self::Moved { replaced, .. } => *replaced,
        }
    }
}

/// The volume.
#[derive(Debug)]
pub(crate) struct Volume {
    root: PathBuf,
    /// Where what was removed lies until that is synced: beside the root, in the same file system.
    aside: PathBuf,
    nodes: HashMap<Ino, Node>,
    next: Ino,
    journal: VecDeque<Change>,
    /// The backing root as it was found: another one in its place is another volume.
    identity: (u64, u64),
}

impl Volume {
    /// Takes what lies there as it is: all of it is on the disk.
    pub(crate) fn load(root: &Path, aside: &Path) -> io::Result<Self> {
        match fs::remove_dir_all(aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(aside)?,
        }
        let found = fs::symlink_metadata(root)?;
        let mut volume = Self {
            root: root.to_owned(),
            aside: aside.to_owned(),
            nodes: HashMap::new(),
            next: ROOT + 1,
            journal: VecDeque::new(),
            identity: (found.dev(), found.ino()),
        };
        volume.nodes.insert(
            ROOT,
            Node {
                place: None,
                body: Body::Directory(BTreeMap::new()),
                lookups: 1,
            },
        );
        volume.load_directory(ROOT, root)?;
        Ok(volume)
    }

    fn load_directory(&mut self, directory: Ino, path: &Path) -> io::Result<()> {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let found = entry.metadata()?;
            let body = if found.is_dir() {
                Body::Directory(BTreeMap::new())
            } else if found.is_file() {
                Body::File(Arc::new(Content::durable(found.len())))
            } else {
                continue;
            };
            let is_directory = found.is_dir();
            let ino = self.adopt(directory, entry.file_name(), body);
            if is_directory {
                self.load_directory(ino, &entry.path())?;
            }
        }
        Ok(())
    }

    /// Whether the backing directory holds just what this does: nobody changed it from outside.
    pub(crate) fn is_current(&self) -> bool {
        let Ok(found) = fs::symlink_metadata(&self.root) else {
            return false;
        };
        (found.dev(), found.ino()) == self.identity
            && self.directory_is_current(ROOT, &self.root).unwrap_or(false)
    }

    fn directory_is_current(&self, directory: Ino, path: &Path) -> io::Result<bool> {
        let entries = self.entries(directory)?;
        let mut seen = 0;
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let found = entry.metadata()?;
            if !found.is_dir() && !found.is_file() {
                continue;
            }
            seen += 1;
            let same = match entries
                .get(&entry.file_name())
                .and_then(|ino| self.nodes.get(ino).map(|node| (ino, &node.body)))
            {
                Some((ino, Body::Directory(_))) => {
                    found.is_dir() && self.directory_is_current(*ino, &entry.path())?
                }
                Some((_, Body::File(content))) => found.is_file() && content.size() == found.len(),
                None => false,
            };
            if !same {
                return Ok(false);
            }
        }
        Ok(seen == entries.len())
    }

    fn adopt(&mut self, directory: Ino, name: OsString, body: Body) -> Ino {
        let ino = self.next;
        self.next += 1;
        if let Some(Node {
            body: Body::Directory(entries),
            ..
        }) = self.nodes.get_mut(&directory)
        {
            entries.insert(name.clone(), ino);
        }
        self.nodes.insert(
            ino,
            Node {
                place: Some((directory, name)),
                body,
                lookups: 0,
            },
        );
        ino
    }

    fn node(&self, ino: Ino) -> io::Result<&Node> {
        self.nodes.get(&ino).ok_or_else(|| errno(libc::ESTALE))
    }

    fn entries(&self, directory: Ino) -> io::Result<&BTreeMap<OsString, Ino>> {
        match &self.node(directory)?.body {
            Body::Directory(entries) => Ok(entries),
            Body::File(_) => Err(errno(libc::ENOTDIR)),
        }
    }

    fn entries_mut(&mut self, directory: Ino) -> io::Result<&mut BTreeMap<OsString, Ino>> {
        match self.nodes.get_mut(&directory).map(|node| &mut node.body) {
            Some(Body::Directory(entries)) => Ok(entries),
            Some(Body::File(_)) => Err(errno(libc::ENOTDIR)),
            None => Err(errno(libc::ESTALE)),
        }
    }

    /// Where it lies in the backing file system.
    pub(crate) fn path(&self, ino: Ino) -> io::Result<PathBuf> {
        if ino == ROOT {
            return Ok(self.root.clone());
        }
        Ok(match &self.node(ino)?.place {
            Some((directory, name)) => self.path(*directory)?.join(name),
            None => self.aside.join(ino.to_string()),
        })
    }

    /// Its path below the root, for matching; nothing where it has been removed.
    pub(crate) fn name(&self, ino: Ino) -> Option<PathBuf> {
        if ino == ROOT {
            return Some(PathBuf::new());
        }
        let (directory, name) = self.nodes.get(&ino)?.place.as_ref()?;
        Some(self.name(*directory)?.join(name))
    }

    /// The path below the root of what a name in a directory would be.
    pub(crate) fn name_in(&self, directory: Ino, name: &OsStr) -> PathBuf {
        self.name(directory).unwrap_or_default().join(name)
    }

    pub(crate) fn lookup(&mut self, directory: Ino, name: &OsStr) -> io::Result<(Ino, Metadata)> {
        let ino = *self
            .entries(directory)?
            .get(name)
            .ok_or_else(|| errno(libc::ENOENT))?;
        let found = self.metadata(ino)?;
        self.told(ino);
        Ok((ino, found))
    }

    pub(crate) fn metadata(&self, ino: Ino) -> io::Result<Metadata> {
        if let Body::File(content) = &self.node(ino)?.body
            && let Ok(file) = content.handle()
        {
            return file.metadata();
        }
        fs::symlink_metadata(self.path(ino)?)
    }

    /// The kernel was told of it once more.
    fn told(&mut self, ino: Ino) {
        if let Some(node) = self.nodes.get_mut(&ino) {
            node.lookups += 1;
        }
    }

    /// The kernel has forgotten it so many times.
    pub(crate) fn forget(&mut self, ino: Ino, times: u64) {
        if let Some(node) = self.nodes.get_mut(&ino) {
            node.lookups = node.lookups.saturating_sub(times);
        }
        self.drop_if_gone(ino);
    }

    /// Drops what has no name, is in nobody's hands and cannot come back.
    fn drop_if_gone(&mut self, ino: Ino) {
        let gone = |node: &Node| node.place.is_none() && node.lookups == 0;
        let kept = self.journal.iter().any(|change| change.kind.aside() == Some(ino));
        if ino != ROOT && !kept && self.nodes.get(&ino).is_some_and(gone) {
            self.nodes.remove(&ino);
        }
    }

    pub(crate) fn content(&self, ino: Ino) -> io::Result<Arc<Content>> {
        match &self.node(ino)?.body {
            Body::File(content) => Ok(Arc::clone(content)),
            Body::Directory(_) => Err(errno(libc::EISDIR)),
        }
    }

    /// A directory's entries: number, whether it is a directory, name.
    pub(crate) fn list(&self, directory: Ino) -> io::Result<Vec<(Ino, bool, OsString)>> {
        let is_directory = |ino: &Ino| {
            matches!(
                self.nodes.get(ino),
                Some(Node {
                    body: Body::Directory(_),
                    ..
                })
            )
        };
        let entries = self.entries(directory)?.iter();
        Ok(entries
            .map(|(name, ino)| (*ino, is_directory(ino), name.clone()))
            .collect())
    }

    /// Every file that has a name: its number, its path below the root, and its content.
    pub(crate) fn files(&self) -> Vec<(Ino, PathBuf, Arc<Content>)> {
        let mut files: Vec<_> = self
            .nodes
            .iter()
            .filter_map(|(ino, node)| match &node.body {
                Body::File(content) => Some((*ino, self.name(*ino)?, Arc::clone(content))),
                Body::Directory(_) => None,
            })
            .collect();
        files.sort_by(|one, other| one.1.cmp(&other.1));
        files
    }

    /// Makes a file, empty, or a directory.
    pub(crate) fn make(
        &mut self,
        directory: Ino,
        name: &OsStr,
        mode: u32,
        is_directory: bool,
    ) -> io::Result<(Ino, Metadata)> {
        if self.entries(directory)?.contains_key(name) {
            return Err(errno(libc::EEXIST));
        }
        let path = self.path(directory)?.join(name);
        let body = if is_directory {
            fs::DirBuilder::new().mode(mode & 0o7777).create(&path)?;
            Body::Directory(BTreeMap::new())
        } else {
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(mode & 0o7777)
                .open(&path)?;
            Body::File(Arc::new(Content::durable(0)))
        };
        let ino = self.adopt(directory, name.to_owned(), body);
        self.note(ChangeKind::Made {
            at: (directory, name.to_owned()),
            ino,
        });
        let found = fs::symlink_metadata(path)?;
        self.told(ino);
        Ok((ino, found))
    }

    /// Removes a file, or an empty directory.
    pub(crate) fn remove(&mut self, directory: Ino, name: &OsStr, is_directory: bool) -> io::Result<()> {
        let ino = *self
            .entries(directory)?
            .get(name)
            .ok_or_else(|| errno(libc::ENOENT))?;
        self.check_replaceable(ino, is_directory)?;
        self.put_aside(ino)?;
        self.note(ChangeKind::Removed {
            at: (directory, name.to_owned()),
            ino,
        });
        Ok(())
    }

    fn check_replaceable(&self, ino: Ino, by_directory: bool) -> io::Result<()> {
        match (&self.node(ino)?.body, by_directory) {
            (Body::File(_), true) => Err(errno(libc::ENOTDIR)),
            (Body::Directory(_), false) => Err(errno(libc::EISDIR)),
            (Body::Directory(entries), true) if !entries.is_empty() => Err(errno(libc::ENOTEMPTY)),
            _ => Ok(()),
        }
    }

    pub(crate) fn rename(
        &mut self,
        from: (Ino, &OsStr),
        to: (Ino, &OsStr),
        may_replace: bool,
    ) -> io::Result<()> {
        let ino = *self
            .entries(from.0)?
            .get(from.1)
            .ok_or_else(|| errno(libc::ENOENT))?;
        let replaced = self.entries(to.0)?.get(to.1).copied();
        if replaced == Some(ino) {
            return Ok(());
        }
        if let Some(replaced) = replaced {
            if !may_replace {
                return Err(errno(libc::EEXIST));
            }
            let is_directory = matches!(self.node(ino)?.body, Body::Directory(_));
            self.check_replaceable(replaced, is_directory)?;
            self.put_aside(replaced)?;
        }
        self.put(ino, to.0, to.1)?;
        let owned = |(directory, name): (Ino, &OsStr)| (directory, name.to_owned());
        self.note(ChangeKind::Moved {
            from: owned(from),
            to: owned(to),
            ino,
            replaced,
        });
        Ok(())
    }

    /// Takes it out of its directory, and moves what it is on the disk aside.
    fn put_aside(&mut self, ino: Ino) -> io::Result<()> {
        fs::rename(self.path(ino)?, self.aside.join(ino.to_string()))?;
        self.unplace(ino);
        Ok(())
    }

    /// Gives it this place, on the disk too.
    fn put(&mut self, ino: Ino, directory: Ino, name: &OsStr) -> io::Result<()> {
        fs::rename(self.path(ino)?, self.path(directory)?.join(name))?;
        self.unplace(ino);
        self.entries_mut(directory)?.insert(name.to_owned(), ino);
        if let Some(node) = self.nodes.get_mut(&ino) {
            node.place = Some((directory, name.to_owned()));
        }
        Ok(())
    }

    fn unplace(&mut self, ino: Ino) {
        let place = self.nodes.get_mut(&ino).and_then(|node| node.place.take());
        if let Some((directory, name)) = place
            && let Ok(entries) = self.entries_mut(directory)
        {
            entries.remove(&name);
        }
    }

    fn note(&mut self, kind: ChangeKind) {
        let at = Instant::now();
        self.journal.push_back(Change {
            at,
            kind,
            with_file: false,
        });
    }

    /// The operations on this directory's names are on the disk.
    pub(crate) fn sync_directory(&mut self, directory: Ino) {
        self.commit(|change| change.kind.names().any(|(changed, _)| *changed == directory));
    }

    /// A file is synced: what leads to it is on the disk too, on the usual file systems.
    pub(crate) fn sync_names_of(&mut self, file: Ino) {
        if self.journal.is_empty() {
            return;
        }
        let mut way = HashSet::new();
        let mut next = Some(file);
        while let Some(ino) = next {
            way.insert(ino);
            next = self.nodes.get(&ino).and_then(|node| Some(node.place.as_ref()?.0));
        }
        let leads = |change: &Change| change.kind.inos().any(|ino| way.contains(&ino));
        for index in self.with_foundations(leads) {
            self.journal[index].with_file = true;
        }
    }

    /// Those from before that moment are on the disk.
    pub(crate) fn sync_before(&mut self, moment: Instant) {
        // They stand in the order of their times.
        if self.journal.front().is_some_and(|change| change.at < moment) {
            self.commit(|change| change.at < moment);
        }
    }

    /// These operations are on the disk.
    fn commit(&mut self, is_synced: impl Fn(&Change) -> bool) {
        for index in self.with_foundations(is_synced) {
            if let Some(ino) = self.journal.remove(index).and_then(|change| change.kind.aside()) {
                self.purge(ino);
            }
        }
    }

    /// The places in the journal of some operations, and of those on which they build: the ones before them on the
    /// same file or the same name, whatever the directory. The last goes first.
    fn with_foundations(&self, chosen: impl Fn(&Change) -> bool) -> Vec<usize> {
        let (mut inos, mut names) = (HashSet::new(), HashSet::new());
        let mut places = Vec::new();
        for (index, change) in self.journal.iter().enumerate().rev() {
            let kind = &change.kind;
            let is_built_on =
                kind.inos().any(|ino| inos.contains(&ino)) || kind.names().any(|name| names.contains(name));
            if is_built_on || chosen(change) {
                inos.extend(kind.inos());
                names.extend(kind.names());
                places.push(index);
            }
        }
        places
    }

    /// Nothing can bring it back any more.
    fn purge(&mut self, ino: Ino) {
        remove_whole(&self.aside.join(ino.to_string()));
        self.drop_if_gone(ino);
    }

    /// How many operations are not on the disk.
    pub(crate) fn unsynced_operations(&self) -> usize {
        self.journal.len()
    }

    /// Undoes what was not synced: everything, or what luck did not bring to the disk. Names go to the disk in their
    /// order, as with a journal; sectors of files in any.
    pub(crate) fn lose(&mut self, how: Loss) -> io::Result<Lost> {
        let mut dice = how.torn.map(Dice::new);
        if !how.strict {
            self.commit(|change| change.with_file);
        }
        let mut lost = Lost::default();
        let mut inos: Vec<Ino> = self.nodes.keys().copied().collect();
        inos.sort_unstable();
        for ino in inos {
            let Ok(content) = self.content(ino) else { continue };
            match content.lose(&self.path(ino)?, dice.as_mut()) {
                Ok(Some(dropped)) => {
                    lost.files += 1;
                    lost.bytes += dropped.bytes;
                    lost.pages += dropped.pages;
                }
                Ok(None) => {}
                // It was removed for good: its backing is gone.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let survivors = dice.map_or(0, |mut dice| dice.below(self.journal.len() as u64 + 1) as usize);
        self.journal.drain(..survivors);
        while let Some(change) = self.journal.pop_back() {
            self.undo(change.kind)?;
            lost.operations += 1;
        }
        Ok(lost)
    }

    fn undo(&mut self, kind: ChangeKind) -> io::Result<()> {
        match kind {
            ChangeKind::Made {
                at: (directory, name),
                ino,
            } => {
                if self.is_at(ino, directory, &name) {
                    let path = self.path(ino)?;
                    self.unplace(ino);
                    remove_whole(&path);
                }
            }
            ChangeKind::Removed {
                at: (directory, name),
                ino,
            } => self.bring_back(ino, directory, &name)?,
            ChangeKind::Moved {
                from,
                to,
                ino,
                replaced,
            } => {
                if self.is_at(ino, to.0, &to.1) && self.is_free(from.0, &from.1) {
                    self.put(ino, from.0, &from.1)?;
                }
                if let Some(replaced) = replaced {
                    self.bring_back(replaced, to.0, &to.1)?;
                }
            }
        }
        Ok(())
    }

    fn bring_back(&mut self, ino: Ino, directory: Ino, name: &OsStr) -> io::Result<()> {
        if self.is_free(directory, name) {
            self.put(ino, directory, name)?;
        }
        Ok(())
    }

    fn is_at(&self, ino: Ino, directory: Ino, name: &OsStr) -> bool {
        self.entries(directory)
            .is_ok_and(|entries| entries.get(name) == Some(&ino))
    }

    fn is_free(&self, directory: Ino, name: &OsStr) -> bool {
        self.entries(directory)
            .is_ok_and(|entries| !entries.contains_key(name))
    }
}

/// Removes a file or a directory with all in it. Where it is gone already there is nothing to do.
fn remove_whole(path: &Path) {
    let _ = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        _ => fs::remove_file(path),
    };
}

fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}
