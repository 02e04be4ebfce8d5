//! A node's container that runs, found by its first process: for people who want to look into it.

use std::fs;
use std::path::Path;

use super::agent::PROGRAM_FILE;
use super::labels::SCRATCH_PREFIX;

/// A node's container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its first process, as this host numbers it.
    pub pid: u32,
    /// Its name for the engine.
    pub name: String,
}

/// Finds the container of that node in the run whose nodes' files lie in a directory; nothing where none runs, or this
/// process may not see it.
pub fn find(directory: &Path, node: u32) -> Option<Found> {
    let mounted = directory.join(format!("n{node}"));
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.find_map(|pid| {
        let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let name = name_of(&read("cmdline"), node)?;
        has_mount(&read("mountinfo"), &mounted).then_some(Found { pid, name })
    })
}

/// The name of the container whose first process has this command, where it is a node's of that number.
fn name_of(command: &str, node: u32) -> Option<String> {
    let mut words = command.split('\0').map(Path::new);
    let (program, socket) = (words.next()?, words.next()?);
    let run = program
        .parent()?
        .file_name()?
        .to_str()?
        .strip_prefix(SCRATCH_PREFIX)?;
    let fits =
        program.file_name()? == PROGRAM_FILE && socket.file_name()? == format!("n{node}.sock").as_str();
    fits.then(|| format!("tribunal-{run}-n{node}"))
}

/// Whether something is mounted there, by a process's `mountinfo`.
fn has_mount(mounts: &str, at: &Path) -> bool {
    // The kernel writes what would end a field as octal numbers.
    let at = at
        .display()
        .to_string()
        .replace('\\', "\\134")
        .replace(' ', "\\040");
    mounts.lines().any(|line| line.split(' ').nth(4) == Some(&at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_told_by_its_agent_and_its_mount() {
        let command = "/tmp/tribunal-docker-12ab/agent\0/tmp/tribunal-docker-12ab/n2.sock\x000\x000\0";
        assert_eq!(name_of(command, 2).as_deref(), Some("tribunal-12ab-n2"));
        assert_eq!(name_of(command, 1), None);
        assert_eq!(name_of("/usr/bin/agent\0/tmp/n2.sock\0", 2), None);
        assert_eq!(name_of("", 2), None);
        let mounts = "31 23 8:1 /r/my\\040run/n2 /r/my\\040run/n2 rw - ext4 /dev/sda rw\n";
        assert!(has_mount(mounts, Path::new("/r/my run/n2")));
        assert!(!has_mount(mounts, Path::new("/r/my run/n1")));
    }
}
