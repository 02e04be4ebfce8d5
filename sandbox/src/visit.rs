//! Going into a running node from outside: for people who want to look at it.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sched::{CloneFlags, setns};

use crate::address::Port;
use crate::error::{Error, Result};
use crate::namespaces::HOSTS;

/// The namespaces of a node, in the order in which they are entered: first the one that gives the right to the others, last the one
/// in which `/proc` is another.
const NAMESPACES: [(&str, &str, CloneFlags); 6] = [
    ("user", "--user", CloneFlags::CLONE_NEWUSER),
    ("ipc", "--ipc", CloneFlags::CLONE_NEWIPC),
    ("uts", "--uts", CloneFlags::CLONE_NEWUTS),
    ("net", "--net", CloneFlags::CLONE_NEWNET),
    ("pid", "--pid", CloneFlags::CLONE_NEWPID),
    ("mnt", "--mount", CloneFlags::CLONE_NEWNS),
];

/// A running node, as this process sees it.
#[derive(Debug)]
pub struct Visit {
    pid: u32,
    namespaces: Vec<(&'static str, CloneFlags, File)>,
}

impl Visit {
    /// Finds the node of that number in the sandbox whose files lie in a directory ([`crate::SandboxSpec::directory`]); nothing where no such
    /// sandbox runs, or this process may not see it.
    pub fn find(directory: &Path, node: u32) -> Result<Option<Self>> {
        let hosts = directory.join("hosts");
        let Ok(own) = fs::metadata(&hosts) else {
            return Ok(None);
        };
        let address = Port::node(node).data().unwrap_or(Ipv4Addr::UNSPECIFIED);
        let processes = fs::read_dir("/proc").map_err(|source| Error::File {
            path: "/proc".into(),
            source,
        })?;
        let pids = processes
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        // Processes come and go, and not all are ours to look at.
        let found = pids.into_iter().find(|pid| {
            let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
            let is_of_sandbox = || {
                fs::metadata(format!("/proc/{pid}/root{HOSTS}"))
                    .is_ok_and(|seen| (seen.dev(), seen.ino()) == (own.dev(), own.ino()))
            };
            is_first(&read("status")) && is_of_sandbox() && has_address(&read("net/fib_trie"), address)
        });
        found.map(Self::of).transpose()
    }

    /// Into the namespaces of a process.
    pub fn of(pid: u32) -> Result<Self> {
        let mut namespaces = Vec::new();
        for (name, flag, kind) in NAMESPACES {
            let path = format!("/proc/{pid}/ns/{name}");
            // One that this process is in already need not be entered, and the user's must not.
            let own = fs::read_link(format!("/proc/self/ns/{name}")).ok();
            if fs::read_link(&path).ok() == own {
                continue;
            }
            let file = File::open(&path).map_err(|source| Error::File {
                path: path.into(),
                source,
            })?;
            namespaces.push((flag, kind, file));
        }
        Ok(Self { pid, namespaces })
    }

    /// The node's first process, as this process sees it.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The command of util-linux that enters the same.
    pub fn nsenter(&self) -> String {
        let flags: Vec<&str> = self.namespaces.iter().map(|(flag, ..)| *flag).collect();
        format!("nsenter --target {} {}", self.pid, flags.join(" "))
    }

    /// Enters: what this process starts from now on is a process of the node, and ends with it. The process must have one thread.
    pub fn enter(self) -> Result<()> {
        for (_, kind, file) in self.namespaces {
            setns(file, kind).map_err(Error::step("enter the namespaces of a node"))?;
        }
        Ok(())
    }
}

/// Whether a process is the first of a pid namespace of its own, by its `status`.
fn is_first(status: &str) -> bool {
    let pids = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    let mut pids = pids.unwrap_or_default().split_whitespace();
    pids.next().is_some() && pids.next_back() == Some("1")
}

/// Whether a network namespace has an address, by its `fib_trie`: the address in one line, and in the next that it is local.
fn has_address(trie: &str, address: Ipv4Addr) -> bool {
    let mark = format!("|-- {address}");
    let mut lines = trie.lines();
    while let Some(line) = lines.next() {
        if line.trim() == mark
            && lines
                .clone()
                .next()
                .is_some_and(|next| next.contains("/32 host LOCAL"))
        {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_namespace_is_known_by_its_last_number() {
        assert!(is_first("Name:\tx\nNSpid:\t4711\t12\t1\nNSpgid:\t1\n"));
        assert!(!is_first("NSpid:\t4711\t12\t2\n"));
        assert!(
            !is_first("NSpid:\t1\n"),
            "the machine's own first process is no node"
        );
        assert!(!is_first(""));
    }

    #[test]
    fn an_address_is_a_nodes_own_only_where_it_is_local() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.77.0.0\n        /24 link UNICAST\n     |-- 10.77.0.1\n        /32 host LOCAL\n     |-- 10.77.0.12\n        /24 link UNICAST\n";
        assert!(has_address(trie, Ipv4Addr::new(10, 77, 0, 1)));
        for other in [0, 2, 12] {
            assert!(!has_address(trie, Ipv4Addr::new(10, 77, 0, other)), "{other}");
        }
    }
}
