//! Life and death: whichever process of a sandbox is killed, and when, nothing is left; signals and statuses pass.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal, kill, killpg};
use nix::unistd::Pid;

use crate::scenarios::{await_equal, make, make_with, role};
use crate::user::User;

/// The environment variable by which a test's processes are found in `/proc`.
pub const MARK: &str = "SANDBOX_TEST_MARK";

/// What is promised: how long anything may outlive a process that was killed.
const REMAINS_LIMIT: Duration = Duration::from_secs(2);

/// When, after it first appears, a process is killed: the set-up takes some tens of milliseconds.
const MOMENTS_MS: [u64; 9] = [0, 1, 2, 4, 8, 16, 32, 64, 128];

type LifeTest = fn(User) -> Result<(), String>;

pub const ALL: &[(&str, LifeTest)] = &[
    ("nothing_outlives_the_first_process", |user| {
        kill_at_each_moment(user, Role::First)
    }),
    ("nothing_outlives_pid_1", |user| {
        kill_at_each_moment(user, Role::Named("sandbox-init"))
    }),
    ("nothing_outlives_the_conductor", |user| {
        kill_at_each_moment(user, Role::Named("conductor"))
    }),
    ("nothing_outlives_an_agent", |user| {
        kill_at_each_moment(user, Role::Named("sandbox-n1"))
    }),
    ("nothing_outlives_a_sandbox_with_frozen_nodes", |user| {
        [
            Role::First,
            Role::Named("sandbox-init"),
            Role::Named("conductor"),
            Role::Named("sandbox-n1"),
        ]
        .into_iter()
        .try_for_each(|role| kill_when_set_up(user, "_frozen", role))
    }),
    (
        "the_next_sandbox_sweeps_what_two_deaths_left",
        the_next_sandbox_sweeps,
    ),
    (
        "nothing_outlives_anybody_with_disks",
        nothing_outlives_anybody_with_disks,
    ),
    (
        "a_signal_reaches_the_conductor_once",
        a_signal_reaches_the_conductor_once,
    ),
    (
        "the_status_of_the_conductor_is_the_programs",
        the_status_of_the_conductor_is_the_programs,
    ),
];

/// Inside: two nodes with a process each, until somebody kills something.
pub fn idle(_: &[String]) {
    let sandbox = make(2);
    sandbox.on_loss(|_| std::process::exit(4));
    let processes = sandbox.nodes().iter().map(|node| node.start(&role(&["sleep"])));
    let _processes: Vec<_> = processes.collect::<Result<_, _>>().expect("they can be started");
    println!("ready");
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

/// Inside: the same with disks, on which the processes work without end.
pub fn idle_with_disks(_: &[String]) {
    let sandbox = make_with(2, Some(crate::disks::spec()));
    sandbox.on_loss(|_| std::process::exit(4));
    let processes = sandbox.nodes().iter().map(|node| {
        let file = node.directory().join("data/file").display().to_string();
        node.start(&role(&["files", &format!("churn:{file}")]))
    });
    let _processes: Vec<_> = processes.collect::<Result<_, _>>().expect("they can be started");
    println!("ready");
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

/// Inside: the same with the first node's process frozen and the second's held down, where this user can.
pub fn frozen(_: &[String]) {
    let sandbox = make(2);
    sandbox.on_loss(|_| std::process::exit(4));
    let processes = sandbox.nodes().iter().map(|node| node.start(&role(&["spin"])));
    let processes: Vec<_> = processes.collect::<Result<_, _>>().expect("they can be started");
    let [first, second] = sandbox.nodes() else {
        unreachable!("there are two nodes")
    };
    if first.can_freeze() {
        processes[0].freeze().expect("it can be frozen");
        await_equal(|| first.groups().expect("the node lives").frozen, &Some(true));
    }
    if second.can_limit_cpu() {
        processes[1].limit_cpu(50).expect("it can be held down");
    }
    println!("ready");
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

/// Inside: counts the signals of one kind that come within a while after the first, and prints how many.
pub fn await_signal(_: &[String]) {
    let signals: SigSet = std::iter::once(Signal::SIGINT).collect();
    signals.thread_block().expect("it can be blocked");
    println!("ready");
    let (sender, received) = std::sync::mpsc::channel();
    thread::spawn(move || while signals.wait().is_ok() && sender.send(()).is_ok() {});
    received
        .recv_timeout(Duration::from_secs(20))
        .expect("a signal comes");
    let mut count = 1;
    while received.recv_timeout(Duration::from_millis(300)).is_ok() {
        count += 1;
    }
    println!("signals: {count}");
}

/// Inside: ends with a status, or by a signal.
pub fn status(words: &[String]) {
    let number: i32 = words[1].parse().expect("a number");
    if words[0] == "exit" {
        std::process::exit(number);
    }
    let signal = Signal::try_from(number).expect("a signal");
    kill(Pid::this(), signal).expect("it can be sent");
    thread::sleep(Duration::from_secs(10));
}

#[derive(Clone, Copy, Debug)]
enum Role {
    First,
    Named(&'static str),
}

fn kill_at_each_moment(user: User, role: Role) -> Result<(), String> {
    for moment in MOMENTS_MS {
        kill_at(user, "_idle", role, Some(Duration::from_millis(moment)))
            .map_err(|text| format!("{role:?} killed after {moment} ms: {text}"))?;
    }
    kill_when_set_up(user, "_idle", role)
}

fn kill_when_set_up(user: User, scenario: &str, role: Role) -> Result<(), String> {
    let killed = kill_at(user, scenario, role, None);
    killed.map_err(|text| format!("{role:?} killed when all was set up: {text}"))
}

/// The processes of the nodes are at work on their disks, and so in the middle of requests, at any moment.
fn nothing_outlives_anybody_with_disks(user: User) -> Result<(), String> {
    let roles = ["sandbox-init", "conductor", "sandbox-n1"].map(Role::Named);
    for role in roles.into_iter().chain([Role::First]) {
        for _ in 0..3 {
            kill_when_set_up(user, "_idle_with_disks", role)?;
        }
    }
    Ok(())
}

/// Starts a sandbox, kills one process of it at a moment, or when all is set up, and looks for remains.
fn kill_at(user: User, scenario: &str, role: Role, moment: Option<Duration>) -> Result<(), String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mark = format!("{MARK}={}", directory.path().display());
    let cards = cards();
    let mut first = begin(user, directory.path(), &[scenario])?;
    if moment.is_none() {
        await_ready(&mut first)?;
    }
    let victim = await_role(&first, role, &mark)?;
    thread::sleep(moment.unwrap_or_default());
    let mut seen = marked(&mark);
    let _numbers = hold_numbers(&seen);
    // What could not be held any more may be somebody else's soon.
    for process in &mut seen {
        process.namespaces = namespaces(&process.pid.to_string());
    }
    kill(Pid::from_raw(victim), Signal::SIGKILL).map_err(|errno| format!("kill it: {errno}"))?;
    let killed = Instant::now();
    let mut remains = remains(&first, &mark, &seen);
    while !remains.is_empty() && killed.elapsed() < REMAINS_LIMIT {
        thread::sleep(Duration::from_millis(10));
        remains = self::remains(&first, &mark, &seen);
    }
    let groups = homes_of(&first);
    let _ = first.kill();
    let _ = first.wait();
    if !groups.is_empty() {
        return Err(format!(
            "control groups are left after {:?}: {groups:?}, and processes: {remains:?}",
            killed.elapsed()
        ));
    }
    if !remains.is_empty() {
        return Err(format!("left after {REMAINS_LIMIT:?}: {remains:?}"));
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    if mounts.contains(&directory.path().display().to_string()) {
        return Err(format!("a mount is left: {mounts}"));
    }
    let new: Vec<_> = self::cards().difference(&cards).cloned().collect();
    if new.is_empty() {
        Ok(())
    } else {
        Err(format!("network cards are left: {new:?}"))
    }
}

/// Where both of those that clean up are killed, what is left is gone with the next sandbox.
fn the_next_sandbox_sweeps(user: User) -> Result<(), String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mark = format!("{MARK}={}", directory.path().display());
    let mut first = begin(user, directory.path(), &["_frozen"])?;
    await_ready(&mut first)?;
    let had = homes_of(&first);
    let janitor = await_role(&first, Role::Named("sandbox-janitor"), &mark)?;
    for victim in [janitor, first.id() as i32] {
        kill(Pid::from_raw(victim), Signal::SIGKILL).map_err(|errno| format!("kill {victim}: {errno}"))?;
    }
    first.wait().map_err(|error| error.to_string())?;
    let begun = Instant::now();
    while !marked(&mark).is_empty() && begun.elapsed() < REMAINS_LIMIT {
        thread::sleep(Duration::from_millis(10));
    }
    let left = homes_of(&first);
    if left != had {
        return Err(format!("somebody else took some of {had:?} away: {left:?}"));
    }
    // The last process to die may hold the lock a moment longer than it can be seen.
    let mut left = left;
    while !left.is_empty() && begun.elapsed() < 2 * REMAINS_LIMIT {
        let mut next = begin(user, directory.path(), &["_status", "exit", "0"])?;
        next.wait().map_err(|error| error.to_string())?;
        left = homes_of(&first);
    }
    if left.is_empty() {
        Ok(())
    } else {
        Err(format!("the next sandbox left {left:?}"))
    }
}

/// The control groups that a sandbox's processes made, wherever they are mounted.
fn homes_of(first: &Child) -> Vec<String> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mounts = text.lines().filter(|line| line.contains(" - cgroup"));
    let mounts = mounts.filter_map(|line| line.split(' ').nth(4));
    let names = mounts.flat_map(|mount| fs::read_dir(mount).into_iter().flatten().flatten());
    let names = names.map(|entry| entry.path().display().to_string());
    let mut homes: Vec<_> = names
        .filter(|name| {
            let number = name
                .rsplit('/')
                .next()
                .and_then(|name| name.strip_prefix("sandbox-run-"));
            number.and_then(|number| number.split('-').next()) == Some(&first.id().to_string())
        })
        .collect();
    homes.sort();
    homes
}

/// Starts this program inside of a sandbox, marked, as the head of a process group.
fn begin(user: User, directory: &Path, words: &[&str]) -> Result<Child, String> {
    let mut program = user.program(directory);
    program
        .arg("inside")
        .args(words)
        .env(MARK, directory)
        .process_group(0);
    program
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    program.spawn().map_err(|error| error.to_string())
}

fn await_ready(first: &mut Child) -> Result<(), String> {
    let output = first.stdout.as_mut().ok_or("its output is ours")?;
    let mut line = String::new();
    BufReader::new(output)
        .read_line(&mut line)
        .map_err(|error| error.to_string())?;
    if line == "ready\n" {
        Ok(())
    } else {
        Err(format!("it was not set up: {line:?}"))
    }
}

fn await_role(first: &Child, role: Role, mark: &str) -> Result<i32, String> {
    let Role::Named(name) = role else {
        return Ok(first.id() as i32);
    };
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        let found = marked(mark).into_iter().find(|process| process.name == name);
        if let Some(process) = found {
            return Ok(process.pid);
        }
    }
    Err(format!("no {name} appeared"))
}

/// A process as `/proc` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    pid: i32,
    name: String,
    begun: String,
    namespaces: Vec<String>,
}

/// Every living process.
fn living() -> Vec<i32> {
    let entries = fs::read_dir("/proc").expect("/proc is there").flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// Every process with this mark in its environment.
fn marked(mark: &str) -> Vec<Seen> {
    let is_marked = |pid: &i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment
            .split(|&byte| byte == 0)
            .any(|variable| variable == mark.as_bytes())
    };
    living().into_iter().filter(is_marked).filter_map(look).collect()
}

/// A process, unless it is dead and only waits for its parent.
fn look(pid: i32) -> Option<Seen> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (head, tail) = stat.rsplit_once(") ")?;
    let mut fields = tail.split(' ');
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    let name = head.split_once('(')?.1.to_owned();
    Some(Seen {
        pid,
        name,
        begun: fields.nth(18)?.to_owned(),
        namespaces: namespaces(&pid.to_string()),
    })
}

const NAMESPACES: [&str; 6] = ["mnt", "net", "pid", "uts", "ipc", "user"];

/// The namespaces that a process is in.
fn namespaces(pid: &str) -> Vec<String> {
    let link = |kind: &str| fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok();
    NAMESPACES
        .into_iter()
        .filter_map(link)
        .map(|link| link.display().to_string())
        .collect()
}

/// Keeps the numbers of these processes' namespaces from being given to others while we look for inhabitants.
fn hold_numbers(seen: &[Seen]) -> Vec<File> {
    let path = |process: &Seen| NAMESPACES.map(|kind| format!("/proc/{}/ns/{kind}", process.pid));
    seen.iter()
        .flat_map(path)
        .filter_map(|path| File::open(path).ok())
        .collect()
}

/// What is left: processes with the mark, those that were seen, and any in a namespace that one of them had made.
fn remains(first: &Child, mark: &str, seen: &[Seen]) -> Vec<Seen> {
    let own = namespaces("self");
    let theirs: BTreeSet<&String> = seen
        .iter()
        .flat_map(|process| &process.namespaces)
        .filter(|link| !own.contains(link))
        .collect();
    let mut left = marked(mark);
    for process in living().into_iter().filter_map(look) {
        let known = seen
            .iter()
            .any(|one| (one.pid, &one.begun) == (process.pid, &process.begun));
        let inhabits = process.namespaces.iter().any(|link| theirs.contains(link));
        if (known || inhabits) && !left.contains(&process) {
            left.push(process);
        }
    }
    // Between its death and our look it may be seen in passing; as a zombie it is not.
    left.retain(|process| process.pid != first.id() as i32 || look(process.pid).is_some());
    left
}

/// The names of the network cards of this namespace.
fn cards() -> BTreeSet<String> {
    let text = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    text.lines()
        .filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned()))
        .collect()
}

fn a_signal_reaches_the_conductor_once(user: User) -> Result<(), String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut first = begin(user, directory.path(), &["_await_signal"])?;
    await_ready(&mut first)?;
    // As a terminal does on ctrl-C: to all of the foreground group.
    killpg(Pid::from_raw(first.id() as i32), Signal::SIGINT).map_err(|errno| errno.to_string())?;
    let mut text = String::new();
    let output = first.stdout.as_mut().ok_or("its output is ours")?;
    output
        .read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    let status = first.wait().map_err(|error| error.to_string())?;
    if text == "signals: 1\n" && status.success() {
        Ok(())
    } else {
        Err(format!("{status}: {text:?}"))
    }
}

fn the_status_of_the_conductor_is_the_programs(user: User) -> Result<(), String> {
    for (words, expected) in [
        (["exit", "0"], 0),
        (["exit", "3"], 3),
        (["signal", "9"], 137),
        (["signal", "15"], 143),
    ] {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut first = begin(user, directory.path(), &["_status", words[0], words[1]])?;
        let status = first.wait().map_err(|error| error.to_string())?;
        if status.code() != Some(expected) {
            return Err(format!("{words:?} ended the program with {status}"));
        }
    }
    Ok(())
}
