//! What is left of runs that were ended.

use std::path::Path;
use std::time::{Duration, Instant};

/// Waits until no process names this directory in its command line.
#[track_caller]
pub fn no_process_of(directory: &Path, within: Duration) {
    let begun = Instant::now();
    loop {
        let left = processes_of(directory);
        if left.is_empty() {
            return;
        }
        assert!(
            begun.elapsed() < within,
            "still there after {} s: {left:#?}",
            within.as_secs()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn processes_of(directory: &Path) -> Vec<String> {
    let mark = directory.to_string_lossy().into_owned();
    let entries = std::fs::read_dir("/proc").expect("/proc can be read");
    let commands = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok())
        .filter_map(|entry| {
            let command = String::from_utf8_lossy(&std::fs::read(entry.path().join("cmdline")).ok()?)
                .replace('\0', " ");
            Some(format!("{} {command}", entry.file_name().to_string_lossy()))
        });
    commands.filter(|command| command.contains(&mark)).collect()
}
