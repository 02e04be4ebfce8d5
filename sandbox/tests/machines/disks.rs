//! Disks that lose what was not synced, and fail, with real processes at work on them.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt;
use std::process::ExitCode;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::mman::{MapFlags, MsFlags, ProtFlags, mmap, msync};
use sandbox::{
    Disk, DiskEffect, DiskSpec, Exit, Files, Hook, Loss, Node, Operation, Process, Sandbox, Which,
};

use crate::scenarios::{await_equal, make_with, role};

/// Nothing is left, and names only where their directory was synced.
const WHOLE: Loss = Loss {
    torn: None,
    strict: true,
};

/// Longer than any test waits for less.
const PATIENCE: Duration = Duration::from_secs(10);

/// A disk that writes nothing back unasked while a test runs.
pub fn spec() -> DiskSpec {
    DiskSpec {
        directory: "data".to_owned(),
        write_back: Duration::from_secs(60),
    }
}

/// On a node: works on files as the words say, each `what:file:…`, and prints what came of it. The files stay open.
pub fn work(words: &[String]) -> ExitCode {
    let mut worker = Worker::default();
    for word in words {
        let parts: Vec<&str> = word.split(':').collect();
        match worker.step(&parts) {
            Ok(Some(text)) => println!("{text}"),
            Ok(None) => {}
            Err(error) => println!("{} failed: {}", parts[0], error.raw_os_error().unwrap_or(0)),
        }
    }
    println!("done");
    ExitCode::SUCCESS
}

#[derive(Default)]
struct Worker {
    open: HashMap<String, File>,
    maps: HashMap<String, NonNull<libc::c_void>>,
}

/// How much of a file is mapped.
const MAPPED: usize = 64 * 1024;

impl Worker {
    fn step(&mut self, parts: &[&str]) -> io::Result<Option<String>> {
        let number = |index: usize| parts[index].parse::<u64>().expect("a number");
        match parts[0] {
            "write" => self
                .file(parts[1])?
                .write_all_at(&vec![parts[4].as_bytes()[0]; number(3) as usize], number(2))?,
            "sync" => self.file(parts[1])?.sync_data()?,
            "sync-directory" => File::open(parts[1])?.sync_all()?,
            "resize" => self.file(parts[1])?.set_len(number(2))?,
            "rename" => fs::rename(parts[1], parts[2])?,
            "remove" => fs::remove_file(parts[1])?,
            "make" => fs::create_dir(parts[1])?,
            "map" => self.store(parts[1], number(2) as usize, parts[3].as_bytes()[0])?,
            "sync-map" => self.sync_map(parts[1])?,
            "read" => return Ok(Some(summary(&fs::read(parts[1])?))),
            "time" => {
                let begun = Instant::now();
                self.step(&parts[1..])?;
                return Ok(Some(format!("took {}", begun.elapsed().as_millis())));
            }
            "churn" => loop {
                self.step(&["write", parts[1], "0", "4096", "x"])?;
                self.step(&["sync", parts[1]])?;
            },
            "hold" => {
                println!("holding");
                std::thread::sleep(Duration::from_secs(60));
            }
            other => panic!("there is no {other}"),
        }
        Ok(None)
    }

    fn file(&mut self, path: &str) -> io::Result<&File> {
        if !self.open.contains_key(path) {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)?;
            self.open.insert(path.to_owned(), file);
        }
        Ok(&self.open[path])
    }

    fn map(&mut self, path: &str) -> io::Result<NonNull<libc::c_void>> {
        if let Some(map) = self.maps.get(path) {
            return Ok(*map);
        }
        let file = self.file(path)?;
        let length = NonZeroUsize::new(MAPPED).expect("it is not zero");
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a fresh mapping, of a file that is as long.
        let map = unsafe { mmap(None, length, access, MapFlags::MAP_SHARED, file, 0) }?;
        self.maps.insert(path.to_owned(), map);
        Ok(map)
    }

    fn store(&mut self, path: &str, offset: usize, byte: u8) -> io::Result<()> {
        let map = self.map(path)?;
        assert!(offset < MAPPED);
        // SAFETY: inside of the mapping, which lives as long as this process.
        unsafe { map.cast::<u8>().add(offset).write_volatile(byte) };
        Ok(())
    }

    fn sync_map(&mut self, path: &str) -> io::Result<()> {
        let map = self.map(path)?;
        // SAFETY: the whole of a mapping of this length.
        Ok(unsafe { msync(map, MAPPED, MsFlags::MS_SYNC) }?)
    }
}

/// A file's bytes in runs: `3xa 2xb`.
fn summary(bytes: &[u8]) -> String {
    let runs = bytes.chunk_by(|one, other| one == other);
    let named = |byte: u8| if byte == 0 { '0' } else { byte as char };
    let texts: Vec<String> = runs
        .map(|run| format!("{}x{}", run.len(), named(run[0])))
        .collect();
    texts.join(" ")
}

/// A node with a disk, and who works there.
struct Bench {
    sandbox: Sandbox,
}

impl Bench {
    fn new() -> Self {
        Self::with(spec())
    }

    fn with(spec: DiskSpec) -> Self {
        Self {
            sandbox: make_with(1, Some(spec)),
        }
    }

    fn node(&self) -> &Arc<Node> {
        &self.sandbox.nodes()[0]
    }

    fn disk(&self) -> &Arc<Disk> {
        self.node().disk().expect("it was asked for")
    }

    fn data(&self, name: &str) -> String {
        self.node()
            .directory()
            .join("data")
            .join(name)
            .display()
            .to_string()
    }

    /// Starts work in the disk's directory; `@` stands for it.
    fn start(&self, words: &[&str]) -> Process {
        let words: Vec<String> = words
            .iter()
            .map(|word| word.replace('@', &self.data("")))
            .collect();
        let mut all = vec!["files"];
        all.extend(words.iter().map(String::as_str));
        let _ = fs::remove_file("output");
        self.node()
            .start(&role(&all))
            .unwrap_or_else(|error| panic!("failed to {error}"))
    }

    /// Has work done and gives what it printed.
    fn run(&self, words: &[&str]) -> Vec<String> {
        let exit = self.start(words).wait_exit(PATIENCE).expect("the node lives");
        let text = fs::read_to_string("output").expect("it wrote");
        assert_eq!(exit, Some(Exit::Status(0)), "{text}");
        text.lines().map(str::to_owned).collect()
    }

    /// Has work done and lets the process go on holding its files.
    fn hold(&self, words: &[&str]) -> Process {
        let process = self.start(&[words, &["hold"]].concat());
        let holds = || fs::read_to_string("output").is_ok_and(|text| text.contains("holding"));
        await_equal(holds, &true);
        process
    }

    /// The power fails under a process, which is killed, and comes back.
    fn fail(&self, process: &Process, how: Loss) -> sandbox::Lost {
        assert!(self.disk().cut(), "there was power");
        process.signal(libc::SIGKILL).expect("it holds");
        assert_eq!(
            process.wait_exit(PATIENCE).expect("the node lives"),
            Some(Exit::Signal(libc::SIGKILL))
        );
        let lost = self
            .disk()
            .lose(how)
            .unwrap_or_else(|error| panic!("failed to {error}"));
        self.disk()
            .restore()
            .unwrap_or_else(|error| panic!("failed to {error}"));
        lost
    }

    /// What a file holds, by the plain directory, and just the same by the disk.
    fn check(&self, name: &str, expected: Option<&str>) {
        let plain = fs::read(self.data(name)).ok().map(|bytes| summary(&bytes));
        assert_eq!(plain.as_deref(), expected, "{name} beneath");
        let seen = self.run(&[&format!("read:@{name}")]);
        let wanted = expected.unwrap_or("read failed: 2");
        assert_eq!(seen, [wanted, "done"], "{name} on the disk");
    }
}

pub fn what_was_not_synced_is_lost_with_the_power(_: &[String]) {
    let bench = Bench::new();
    let process = bench.hold(&[
        "write:@synced:0:5000:a",
        "sync:@synced",
        "sync-directory:@",
        // Over it, behind it, and in a hole further on.
        "write:@synced:100:50:b",
        "write:@synced:5000:9000:c",
        "write:@synced:90000:10:d",
        "write:@never:0:10:e",
        "write:@nameless:0:10:f",
        "sync:@nameless",
    ]);
    let lost = bench.fail(&process, WHOLE);
    assert_eq!((lost.files, lost.operations), (2, 2), "{lost:?}");
    // Counted in whole pages where there are holes.
    assert!(
        (9_020..20_000).contains(&lost.bytes) && lost.pages == 1,
        "{lost:?}"
    );
    bench.check("synced", Some("5000xa"));
    bench.check("never", None);
    bench.check("nameless", None);
    // And so on, as often as one likes.
    let process = bench.hold(&["resize:@synced:10", "write:@synced:4000:2000:g"]);
    bench.fail(&process, WHOLE);
    bench.check("synced", Some("5000xa"));
}

pub fn a_process_that_is_killed_loses_nothing(_: &[String]) {
    let bench = Bench::new();
    let process = bench.hold(&["write:@a:0:5000:a", "resize:@b:65536", "map:@b:70:m"]);
    process.signal(libc::SIGKILL).expect("it holds");
    process.wait_exit(PATIENCE).expect("the node lives");
    bench.run(&["read:@a"]);
    let seen = bench.run(&["read:@a", "read:@b"]);
    assert_eq!(seen, ["5000xa", "70x0 1xm 65465x0", "done"]);
}

pub fn names_are_synced_with_their_directory(_: &[String]) {
    let bench = Bench::new();
    bench.run(&[
        "write:@checkpoint:0:3:1",
        "sync:@checkpoint",
        "write:@gone:0:4:g",
        "sync:@gone",
        "make:@kept",
        "sync-directory:@",
    ]);
    // As checkpoints are written; then as they should be.
    let process = bench.hold(&[
        "write:@checkpoint.tmp:0:3:2",
        "sync:@checkpoint.tmp",
        "rename:@checkpoint.tmp:@checkpoint",
        "remove:@gone",
        "make:@fresh",
        "write:@fresh/a:0:1:x",
        "sync:@fresh/a",
        "sync-directory:@fresh",
        "write:@kept/a:0:1:y",
        "sync:@kept/a",
        "sync-directory:@kept",
    ]);
    let lost = bench.fail(&process, WHOLE);
    assert_eq!(lost.operations, 4, "{lost:?}");
    bench.check("checkpoint", Some("3x1"));
    bench.check("gone", Some("4xg"));
    bench.check("fresh/a", None);
    bench.check("kept/a", Some("1xy"));
    let process = bench.hold(&[
        "write:@checkpoint.tmp:0:3:2",
        "sync:@checkpoint.tmp",
        "rename:@checkpoint.tmp:@checkpoint",
        "remove:@gone",
        "sync-directory:@",
    ]);
    bench.fail(&process, WHOLE);
    bench.check("checkpoint", Some("3x2"));
    bench.check("gone", None);
}

pub fn names_come_with_a_file_on_the_usual_file_systems(_: &[String]) {
    let bench = Bench::new();
    let process = bench.hold(&[
        "make:@log-0",
        "write:@log-0/00.log:0:5:a",
        "sync:@log-0/00.log",
        "write:@log-0/00.index:0:5:a",
        "write:@checkpoint.tmp:0:3:2",
        "sync:@checkpoint.tmp",
        "rename:@checkpoint.tmp:@checkpoint",
    ]);
    bench.fail(&process, Loss::default());
    bench.check("log-0/00.log", Some("5xa"));
    bench.check("log-0/00.index", None);
    bench.check("checkpoint.tmp", Some("3x2"));
    bench.check("checkpoint", None);
}

pub fn mapped_pages_are_synced_by_msync(_: &[String]) {
    let bench = Bench::new();
    let process = bench.hold(&[
        "resize:@index:65536",
        "map:@index:0:a",
        "map:@index:8192:b",
        "sync-map:@index",
        "sync-directory:@",
        "map:@index:0:c",
        "map:@index:60000:d",
    ]);
    bench.fail(&process, WHOLE);
    bench.check("index", Some("1xa 8191x0 1xb 57343x0"));
}

pub fn torn_writes_leave_sectors(_: &[String]) {
    let bench = Bench::new();
    let mut left = Vec::new();
    for seed in [7, 7, 8] {
        bench.run(&[
            "write:@a:0:8192:a",
            "resize:@a:8192",
            "write:@a:0:8192:a",
            "sync:@a",
            "sync-directory:@",
        ]);
        let process = bench.hold(&["write:@a:0:16384:b"]);
        let lost = bench.fail(
            &process,
            Loss {
                torn: Some(seed),
                strict: true,
            },
        );
        assert!(lost.bytes > 0 || lost.pages > 0, "{lost:?}");
        left.push(fs::read(bench.data("a")).expect("it is there"));
    }
    assert_eq!(left[0], left[1], "one seed loses the same");
    assert_ne!(left[0], left[2]);
    for bytes in &left {
        let sectors = bytes.chunks(512).map(|sector| {
            assert!(
                sector.iter().all(|byte| *byte == sector[0]),
                "a sector is written whole or not at all"
            );
            sector[0]
        });
        let sectors: Vec<u8> = sectors.collect();
        assert!(
            sectors[..16].iter().all(|byte| b"ab".contains(byte)),
            "{sectors:?}"
        );
        assert!(
            sectors[16..].iter().all(|byte| b"\0b".contains(byte)),
            "{sectors:?}"
        );
        assert!(sectors.contains(&b'b') && sectors.contains(&b'a'), "{sectors:?}");
    }
}

pub fn old_writes_are_written_back(_: &[String]) {
    let bench = Bench::with(DiskSpec {
        write_back: Duration::from_millis(300),
        ..spec()
    });
    let process = bench.hold(&["write:@a:0:10:a"]);
    await_equal(|| bench.disk().stats().unsynced_files, &0);
    let stats = bench.disk().stats();
    assert_eq!(
        (stats.unsynced_operations, stats.files_written_back),
        (0, 1),
        "{stats:?}"
    );
    bench.fail(&process, WHOLE);
    bench.check("a", Some("10xa"));
}

fn hook(operation: Operation, ending: &str, effect: DiskEffect) -> Hook {
    let files = Files {
        endings: vec![ending.to_owned()],
        ..Files::any()
    };
    Hook {
        files,
        operation,
        effect,
    }
}

pub fn a_full_disk_says_so(_: &[String]) {
    let bench = Bench::new();
    let id = bench
        .disk()
        .hook(hook(Operation::Write, ".log", DiskEffect::Full { after: 1000 }));
    let seen = bench.run(&[
        "write:@a.log:0:600:a",
        "write:@a.log:600:600:a",
        "write:@b:0:9000:b",
        "write:@c.log:0:1:c",
    ]);
    assert_eq!(seen, ["write failed: 28", "write failed: 28", "done"]);
    let counts = bench.disk().unhook(id);
    assert_eq!((counts.seen, counts.hit), (3, 2), "{counts:?}");
    assert_eq!(bench.run(&["write:@c.log:0:1:c"]), ["done"]);
    bench.check("a.log", Some("600xa"));
}

pub fn a_bad_disk_says_so(_: &[String]) {
    let bench = Bench::new();
    bench.run(&["write:@a:0:5000:a"]);
    let all = |which| DiskEffect::Fail(which);
    let ids = [
        hook(Operation::Write, "a", all(Which::Nth(2))),
        hook(Operation::Sync, "a", all(Which::Share { share: 1.0, seed: 3 })),
        hook(Operation::Read, "a", all(Which::Share { share: 1.0, seed: 3 })),
    ]
    .map(|hook| bench.disk().hook(hook));
    let steps = [
        "write:@a:0:1:x",
        "write:@a:0:1:y",
        "write:@a:0:1:z",
        "write:@a:1:1:z",
        "sync:@a",
        "read:@a",
    ];
    assert_eq!(
        bench.run(&steps),
        [
            "write failed: 5",
            "write failed: 5",
            "sync failed: 5",
            "read failed: 5",
            "done"
        ]
    );
    for id in ids {
        let counts = bench.disk().unhook(id);
        assert!(counts.hit >= 1, "{counts:?}");
    }
    bench.check("a", Some("1xx 1xz 4998xa"));
}

pub fn a_slow_disk_is_slow_until_it_heals(_: &[String]) {
    let bench = Bench::new();
    let slow = |operation, milliseconds| {
        hook(
            operation,
            "a",
            DiskEffect::Delay(Duration::from_millis(milliseconds)),
        )
    };
    let id = bench.disk().hook(slow(Operation::Sync, 300));
    let seen = bench.run(&["write:@a:0:10:a", "time:sync:@a", "time:write:@a:0:10:a"]);
    let took: Vec<u64> = seen
        .iter()
        .filter_map(|line| line.strip_prefix("took ")?.parse().ok())
        .collect();
    assert!(took[0] >= 300 && took[1] < 200, "{seen:?}");
    let counts = bench.disk().unhook(id);
    assert!(
        counts.hit == 1 && counts.waited >= Duration::from_millis(300),
        "{counts:?}"
    );
    // Who waits when it heals goes on.
    let id = bench.disk().hook(slow(Operation::Write, 60_000));
    let begun = Instant::now();
    let process = bench.start(&["write:@a:0:10:b"]);
    await_equal(|| bench.disk().counts(id).hit, &1);
    bench.disk().unhook(id);
    assert_eq!(
        process.wait_exit(PATIENCE).expect("the node lives"),
        Some(Exit::Status(0))
    );
    assert!(begun.elapsed() < PATIENCE);
    bench.check("a", Some("10xb"));
}

pub fn the_power_can_fail_at_a_sync(_: &[String]) {
    let bench = Bench::new();
    bench.run(&["write:@a:0:10:a", "sync:@a", "sync-directory:@"]);
    let id = bench
        .disk()
        .hook(hook(Operation::Sync, "a", DiskEffect::Cut { nth: 2 }));
    let process = bench.hold(&[
        "write:@a:0:10:b",
        "sync:@a",
        "write:@a:0:10:c",
        "sync:@a",
        "write:@a:0:10:d",
    ]);
    let text = fs::read_to_string("output").expect("it wrote");
    assert_eq!(
        text.lines().take(2).collect::<Vec<_>>(),
        ["sync failed: 5", "write failed: 5"]
    );
    assert!(!bench.disk().is_on());
    process.signal(libc::SIGKILL).expect("it holds");
    process.wait_exit(PATIENCE).expect("the node lives");
    bench.disk().lose(WHOLE).expect("it has no power");
    assert_eq!(bench.disk().unhook(id).hit, 1);
    bench.disk().restore().expect("it can be mounted again");
    bench.check("a", Some("10xb"));
}

pub fn rotten_bits_are_read(_: &[String]) {
    let bench = Bench::new();
    let process = bench.hold(&["write:@a:0:100:a", "resize:@a:100000", "read:@a"]);
    let flips = bench.disk().rot(&Files::any(), 3, 11).expect("it can be flipped");
    assert_eq!(flips.len(), 3);
    assert!(
        flips.iter().all(|flip| flip.offset < 100 && flip.was == b'a'),
        "{flips:?}"
    );
    let rotten = summary(&fs::read(bench.data("a")).expect("it is there"));
    assert_ne!(rotten, "100xa 99900x0");
    bench.check("a", Some(&rotten));
    assert_eq!(bench.disk().mend(&flips).expect("it can be flipped back"), 3);
    bench.check("a", Some("100xa 99900x0"));
    process.signal(libc::SIGKILL).expect("it holds");
}

pub fn changes_from_outside_are_noticed(_: &[String]) {
    let bench = Bench::new();
    bench.run(&["write:@a:0:10:a", "make:@d", "write:@d/b:0:10:b"]);
    // As when a data directory is wiped and formatted anew.
    fs::remove_dir_all(bench.data("")).expect("nobody uses it");
    fs::create_dir(bench.data("")).expect("there is room");
    fs::write(bench.data("c"), "cc").expect("there is room");
    bench.disk().refresh().expect("it can be mounted again");
    bench.check("a", None);
    bench.check("d/b", None);
    bench.check("c", Some("2xc"));
    let process = bench.hold(&["write:@c:2:5:d"]);
    bench.fail(&process, WHOLE);
    bench.check("c", Some("2xc"));
}
