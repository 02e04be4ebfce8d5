//! What a power loss leaves, held against a model: the operations that were synced, done again from the beginning.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::hooks::Hooks;
use super::volume::{Ino, ROOT, Volume};
use super::{Effect, Files, Hook, Loss, Operation};

/// The directories of the trials; they are there from the beginning.
const DIRECTORIES: [&str; 2] = ["p", "q"];
const NAMES: [&str; 3] = ["x", "y", "z"];

/// A file, by the indices of its directory and its name.
type At = (usize, usize);

#[derive(Clone, Debug)]
enum Step {
    Write(At, u64, usize, u8),
    Resize(At, u64),
    Sync(At),
    SyncDirectory(usize),
    Rename(At, At),
    Remove(At),
    WriteBack,
}

fn at() -> impl Strategy<Value = At> {
    (0..DIRECTORIES.len(), 0..NAMES.len())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (at(), 0..20_000_u64, 1..6_000_usize, 1..=255_u8).prop_map(|(at, offset, length, byte)| Step::Write(at, offset, length, byte)),
        1 => (at(), 0..20_000_u64).prop_map(|(at, size)| Step::Resize(at, size)),
        2 => at().prop_map(Step::Sync),
        2 => (0..DIRECTORIES.len()).prop_map(Step::SyncDirectory),
        2 => (at(), at()).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => at().prop_map(Step::Remove),
        1 => Just(Step::WriteBack).boxed(),
    ]
}

/// An operation on names, by the files' own numbers.
#[derive(Clone, Debug)]
enum Done {
    Made(At, Ino),
    Removed(At, Ino),
    /// The last is the file that was replaced.
    Moved(At, At, Ino, Option<Ino>),
}

impl Done {
    fn inos(&self) -> Vec<Ino> {
        match self {
            Self::Made(_, ino) | Self::Removed(_, ino) => vec![*ino],
            Self::Moved(_, _, ino, replaced) => std::iter::once(*ino).chain(*replaced).collect(),
        }
    }

    fn names(&self) -> Vec<At> {
        match self {
            Self::Made(at, _) | Self::Removed(at, _) => vec![*at],
            Self::Moved(from, to, _, _) => vec![*from, *to],
        }
    }

    fn touches(&self, directory: usize) -> bool {
        self.names().iter().any(|name| name.0 == directory)
    }
}

/// Names and the files they stand for.
type Names = BTreeMap<At, Ino>;

fn replay<'a>(done: impl Iterator<Item = &'a Done>) -> Names {
    let mut names = Names::new();
    for operation in done {
        match operation {
            Done::Made(at, ino) => {
                names.insert(*at, *ino);
            }
            Done::Removed(_, ino) => names.retain(|_, other| other != ino),
            Done::Moved(_, to, ino, _) => {
                names.retain(|_, other| other != ino);
                names.insert(*to, *ino);
            }
        }
    }
    names
}

#[derive(Default)]
struct Model {
    /// With whether they are synced by themselves, and whether with a file.
    done: Vec<(Done, bool, bool)>,
    /// What each file holds, and what it held at its last sync.
    contents: BTreeMap<Ino, (Vec<u8>, Vec<u8>)>,
}

impl Model {
    fn now(&self) -> Names {
        replay(self.done.iter().map(|(done, _, _)| done))
    }

    fn note(&mut self, done: Done) {
        self.done.push((done, false, false));
    }

    fn sync(&mut self, synced: impl Fn(&Done) -> bool) {
        for index in self.with_foundations(synced) {
            self.done[index].1 = true;
        }
    }

    fn sync_with_file(&mut self, ino: Ino) {
        for index in self.with_foundations(|done| done.inos().contains(&ino)) {
            self.done[index].2 = true;
        }
    }

    /// With an operation those before it on the same file or name, of those that are not synced.
    fn with_foundations(&self, synced: impl Fn(&Done) -> bool) -> Vec<usize> {
        let (mut inos, mut names) = (BTreeSet::new(), BTreeSet::new());
        let mut found = Vec::new();
        for (index, (done, is_synced, _)) in self.done.iter().enumerate().rev() {
            let by_file = done.inos().iter().any(|ino| inos.contains(ino));
            let by_name = done.names().iter().any(|name| names.contains(name));
            if !is_synced && (synced(done) || by_file || by_name) {
                inos.extend(done.inos());
                names.extend(done.names());
                found.push(index);
            }
        }
        found
    }

    /// What a power loss leaves.
    fn left(strict: bool) -> impl Fn(&&(Done, bool, bool)) -> bool {
        move |(_, synced, with_file)| *synced || *with_file && !strict
    }
}

/// A volume with its model beside it.
struct Trial {
    home: tempfile::TempDir,
    volume: Volume,
    directories: Vec<Ino>,
    model: Model,
}

impl Trial {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        for directory in DIRECTORIES {
            fs::create_dir_all(home.path().join("data").join(directory)).expect("there is room");
        }
        let mut volume =
            Volume::load(&home.path().join("data"), &home.path().join("aside")).expect("it is there");
        let find = |name: &&str| volume.lookup(ROOT, OsStr::new(name)).expect("it is there").0;
        let directories = DIRECTORIES.iter().map(find).collect();
        Self {
            home,
            volume,
            directories,
            model: Model::default(),
        }
    }

    fn place(&self, (directory, name): At) -> (Ino, &'static OsStr) {
        (self.directories[directory], OsStr::new(NAMES[name]))
    }

    fn take(&mut self, step: &Step) {
        let now = Instant::now();
        match *step {
            Step::Write(at, offset, length, byte) => {
                let ino = self.find_or_make(at);
                let content = self.volume.content(ino).expect("it is a file");
                content
                    .open(&self.volume.path(ino).expect("it has a place"))
                    .expect("it can be opened");
                content
                    .write(offset, &vec![byte; length], now)
                    .expect("there is room");
                content.release();
                let held = &mut self.model.contents.get_mut(&ino).expect("it was made").0;
                let end = offset as usize + length;
                held.resize(held.len().max(end), 0);
                held[offset as usize..end].fill(byte);
            }
            Step::Resize(at, size) => {
                let ino = self.find_or_make(at);
                let path = self.volume.path(ino).expect("it has a place");
                self.volume
                    .content(ino)
                    .expect("it is a file")
                    .resize(&path, size, now)
                    .expect("there is room");
                self.model
                    .contents
                    .get_mut(&ino)
                    .expect("it was made")
                    .0
                    .resize(size as usize, 0);
            }
            Step::Sync(at) => {
                if let Some(ino) = self.model.now().get(&at) {
                    self.volume.content(*ino).expect("it is a file").sync();
                    let (now, synced) = self.model.contents.get_mut(ino).expect("it was made");
                    synced.clone_from(now);
                    let ino = *ino;
                    self.volume.sync_names_of(ino);
                    self.model.sync_with_file(ino);
                }
            }
            Step::SyncDirectory(directory) => {
                self.volume.sync_directory(self.directories[directory]);
                self.model.sync(|done| done.touches(directory));
            }
            Step::Rename(from, to) => self.rename(from, to),
            Step::Remove(at) => {
                let (directory, name) = self.place(at);
                if self.volume.remove(directory, name, false).is_ok() {
                    let ino = self.model.now()[&at];
                    self.model.note(Done::Removed(at, ino));
                }
            }
            Step::WriteBack => self.write_back(),
        }
    }

    fn find_or_make(&mut self, at: At) -> Ino {
        if let Some(ino) = self.model.now().get(&at) {
            return *ino;
        }
        let (directory, name) = self.place(at);
        let (ino, _) = self
            .volume
            .make(directory, name, 0o644, false)
            .expect("it is not there");
        self.model.note(Done::Made(at, ino));
        self.model.contents.insert(ino, (Vec::new(), Vec::new()));
        ino
    }

    fn rename(&mut self, from: At, to: At) {
        let now = self.model.now();
        let renamed = self.volume.rename(self.place(from), self.place(to), true);
        assert_eq!(renamed.is_ok(), now.contains_key(&from));
        if let (Some(ino), true) = (now.get(&from), from != to) {
            self.model
                .note(Done::Moved(from, to, *ino, now.get(&to).copied()));
        }
    }

    fn write_back(&mut self) {
        self.volume.sync_before(Instant::now() + Duration::from_secs(1));
        for (ino, _, content) in self.volume.files() {
            content.sync();
            let (now, synced) = self.model.contents.get_mut(&ino).expect("it was made");
            synced.clone_from(now);
        }
        self.model.sync(|_| true);
    }

    fn found(&self) -> BTreeMap<At, Vec<u8>> {
        let root = self.home.path().join("data");
        let mut found = BTreeMap::new();
        for (directory, folder) in DIRECTORIES.iter().enumerate() {
            for entry in fs::read_dir(root.join(folder)).expect("it is there").flatten() {
                let known = NAMES
                    .iter()
                    .position(|name| entry.file_name() == *name)
                    .expect("a name of ours");
                found.insert((directory, known), fs::read(entry.path()).expect("it is there"));
            }
        }
        found
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_was_synced_is_left_and_nothing_else(steps in prop::collection::vec(step(), 1..40), strict: bool) {
        let mut trial = Trial::new();
        for step in &steps {
            trial.take(step);
            let now = trial.model.now();
            let held = now.iter().map(|(at, ino)| (*at, trial.model.contents[ino].0.clone()));
            prop_assert_eq!(trial.found(), held.collect::<BTreeMap<_, _>>(), "before the power fails");
        }
        trial.volume.lose(Loss { strict, torn: None }).expect("it can be undone");
        let synced = trial.model.done.iter().filter(Model::left(strict)).map(|(done, _, _)| done);
        let left = replay(synced).into_iter().map(|(at, ino)| (at, trial.model.contents[&ino].1.clone()));
        prop_assert_eq!(trial.found(), left.collect::<BTreeMap<_, _>>());
    }

    #[test]
    fn torn_is_between_what_was_synced_and_what_was_there(steps in prop::collection::vec(step(), 1..40), seed: u64, strict: bool) {
        let mut trial = Trial::new();
        for step in &steps {
            trial.take(step);
        }
        trial.volume.lose(Loss { strict, torn: Some(seed) }).expect("it can be undone");
        let found = trial.found();
        let unsynced = trial.model.done.iter().filter(|done| !Model::left(strict)(done)).count();
        let states = (0..=unsynced).map(|survivors| {
            let mut left = survivors;
            let survives = |done: &&(Done, bool, bool)| {
                let is_left = Model::left(strict)(done);
                let survives = is_left || left > 0;
                left = left.saturating_sub(usize::from(!is_left));
                survives
            };
            replay(trial.model.done.iter().filter(survives).map(|(done, _, _)| done))
        });
        let state = states.into_iter().find(|names| names.keys().eq(found.keys()));
        prop_assert!(state.is_some(), "{:?} is no state in between", found.keys());
        for (at, ino) in state.unwrap_or_default() {
            // A name may stand for another file in an earlier state with the same names: any of them will do.
            let fits = |(now, synced): &(Vec<u8>, Vec<u8>)| {
                found[&at].len() <= now.len().max(synced.len())
                    && found[&at].iter().enumerate().all(|(index, byte)| {
                        *byte == 0 || now.get(index) == Some(byte) || synced.get(index) == Some(byte)
                    })
            };
            prop_assert!(fits(&trial.model.contents[&ino]) || trial.model.contents.values().any(fits));
        }
    }
}

#[test]
fn kinds_of_files_are_told_by_their_paths() {
    let files = |endings: &[&str], inside: Option<&str>, outside: Option<&str>| Files {
        endings: endings.iter().map(|&ending| ending.to_owned()).collect(),
        inside: inside.map(str::to_owned),
        outside: outside.map(str::to_owned).into_iter().collect(),
    };
    let segment = Path::new("log-0/00.log");
    let metadata = Path::new("__cluster_metadata-0/00.log");
    assert!(Files::any().contain(segment));
    let segments = files(&[".log"], None, Some("__cluster_metadata-0"));
    assert!(segments.contain(segment) && !segments.contain(metadata));
    assert!(!segments.contain(Path::new("log-0/00.index")));
    let of_metadata = files(&[], Some("__cluster_metadata-0"), None);
    assert!(of_metadata.contain(metadata) && !of_metadata.contain(segment));
}

#[test]
fn a_hook_that_heals_before_its_delay_begins_ends_it_all_the_same() {
    let hooks = Hooks::default();
    let minute = Duration::from_secs(60);
    let id = hooks.set(Hook {
        files: Files::any(),
        operation: Operation::Write,
        effect: Effect::Delay(minute),
    });
    let verdict = hooks.judge(Operation::Write, Path::new("log-0/00.log"), 0..10);
    assert_eq!(verdict.delay, minute);
    hooks.remove(id);
    assert!(hooks.wait(verdict) < minute);
}
