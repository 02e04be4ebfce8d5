//! SIGKILL while faults of every group are in force: whichever of Tribunal's processes is killed, nothing is left, no
//! process, mount, control group, namespace or lock.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::Bench;
use crate::trial::events;

/// One fault of each group, on different nodes, and all in force together.
const FAULTS: [(&str, &str); 6] = [
    ("partition", r#"{ shape = "one-way", target = ["n1"] }"#),
    ("clock-jump", r#"{ target = ["n1"] }"#),
    ("freeze", r#"{ target = ["n2"] }"#),
    ("starve", r#"{ target = ["n3"] }"#),
    ("crash-loop", r#"{ target = ["n1"], lives = "1s" }"#),
    ("slow-disk", r#"{ target = ["n3"], operations = ["sync"] }"#),
];
/// The process that the user started.
const FIRST: &str = "the first process";
/// By this a test's processes are found.
const MARK: &str = "TRIBUNAL_TEST_MARK";
/// How long anything may outlive the first process.
const REMAINS_LIMIT: Duration = Duration::from_secs(2);
/// How long it may take until all faults are in force, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

fn plan() -> String {
    let steps: Vec<String> = FAULTS
        .iter()
        .map(|(word, config)| format!(r#"{{ at = "0s", lasts = "5m", fault = {{ {word} = {config} }} }}"#))
        .collect();
    crate::short_plan(&format!("nemesis = {{ steps = [{}] }}", steps.join(", ")))
}

/// Starts a run whose processes are all marked.
fn start(bench: &Bench) -> Child {
    let log = fs::File::create(bench.path().join("output")).expect("a file can be made");
    bench
        .command(&["run", "plan.toml", "--out", "run"])
        .env(MARK, bench.path())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the binary can be started")
}

/// Waits until each of the faults is in force, or was skipped for a power that is lacking.
#[track_caller]
fn wait_until_all_are_in_force(bench: &Bench) {
    let begun = Instant::now();
    loop {
        let history = fs::read_to_string(bench.path().join("run/history.jsonl")).unwrap_or_default();
        let faults = events(&history, "fault");
        let reached = |word: &str| {
            let of_kind = faults
                .iter()
                .filter(|line| line.contains(&format!("\"kind\":\"{word}\"")));
            of_kind
                .clone()
                .any(|line| line.contains("\"step\":\"injected\"") || line.contains("lacks the power"))
        };
        if FAULTS.iter().all(|(word, _)| reached(word)) {
            return;
        }
        let output = fs::read_to_string(bench.path().join("output")).unwrap_or_default();
        assert!(
            begun.elapsed() < PATIENCE,
            "not all in force: {faults:#?}\n{output}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A process of the run: its number and its name.
fn processes(directory: &Path) -> Vec<(u32, String)> {
    let mark = format!("{MARK}={}", directory.display());
    let path = directory.to_string_lossy().into_owned();
    let entries = fs::read_dir("/proc").expect("/proc can be read").flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
    let ours = numbers.filter(|number| {
        let file = |name: &str| fs::read(format!("/proc/{number}/{name}")).unwrap_or_default();
        // A broker inherits no environment, and has the directory in its arguments.
        file("environ")
            .split(|&byte| byte == 0)
            .any(|variable| variable == mark.as_bytes())
            || String::from_utf8_lossy(&file("cmdline")).contains(&path)
    });
    ours.map(|number| {
        let name = fs::read_to_string(format!("/proc/{number}/comm")).unwrap_or_default();
        (number, name.trim().to_owned())
    })
    .collect()
}

/// The locks on files below a directory, as the kernel lists them.
fn locks(directory: &Path) -> Vec<String> {
    let mut files = BTreeSet::new();
    gather(directory, &mut files);
    let text = fs::read_to_string("/proc/locks").unwrap_or_default();
    let is_ours = |line: &&str| {
        let number = line
            .split_whitespace()
            .find_map(|field| field.rsplit_once(':')?.1.parse::<u64>().ok());
        number.is_some_and(|number| files.contains(&number))
    };
    text.lines().filter(is_ours).map(str::to_owned).collect()
}

fn gather(directory: &Path, files: &mut BTreeSet<u64>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        files.insert(metadata.ino());
        if metadata.is_dir() {
            gather(&entry.path(), files);
        }
    }
}

/// The control groups that the run made, in every hierarchy that is mounted.
fn groups(first: u32) -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts can be read");
    let roots = mounts
        .lines()
        .filter(|line| line.contains(" - cgroup"))
        .filter_map(|line| line.split(' ').nth(4));
    let names = roots.flat_map(|root| fs::read_dir(root).into_iter().flatten().flatten());
    let names = names.map(|entry| entry.path().display().to_string());
    names
        .filter(|name| name.contains(&format!("/sandbox-run-{first}-")))
        .collect()
}

/// Everything that is left of a run, in words.
fn remains(directory: &Path, first: u32) -> Vec<String> {
    let mut left: Vec<String> = processes(directory)
        .iter()
        .map(|(number, name)| format!("process {number} ({name})"))
        .collect();
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts can be read");
    let path = directory.to_string_lossy().into_owned();
    left.extend(
        mounts
            .lines()
            .filter(|line| line.contains(&path))
            .map(|line| format!("mount {line}")),
    );
    left.extend(groups(first).into_iter().map(|name| format!("group {name}")));
    left.extend(locks(directory).into_iter().map(|line| format!("lock {line}")));
    left
}

fn kill_while_faults_are_in_force(victim: &str) {
    let bench = Bench::new();
    bench.file("plan.toml", plan());
    let mut run = start(&bench);
    wait_until_all_are_in_force(&bench);
    let first = run.id();
    let number = if victim == FIRST {
        first
    } else {
        let found = processes(bench.path());
        let is_it = found.iter().find(|(_, name)| name == victim);
        is_it.unwrap_or_else(|| panic!("no {victim} among {found:?}")).0
    };
    crate::signal(number, "-KILL");
    // Where an agent is killed the conductor notices, and ends the run.
    run.wait().expect("the run can be waited for");
    let ended = Instant::now();
    let mut left = remains(bench.path(), first);
    while !left.is_empty() && ended.elapsed() < REMAINS_LIMIT {
        std::thread::sleep(Duration::from_millis(20));
        left = remains(bench.path(), first);
    }
    assert!(
        left.is_empty(),
        "{victim} killed: left after {REMAINS_LIMIT:?}: {left:#?}"
    );
}

#[test]
#[ignore = "brings up a real cluster"]
fn whoever_is_killed_while_faults_are_in_force_nothing_is_left() {
    for victim in [FIRST, "sandbox-init", "conductor", "sandbox-n2"] {
        kill_while_faults_are_in_force(victim);
    }
}
