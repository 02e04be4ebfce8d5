//! Whose something is that outlives its process: told by what cannot be mistaken for another process.

use std::fs;

/// A process of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// Its number…
    pub(crate) pid: String,
    /// …the boot and the moment of its start, since numbers come again…
    pub(crate) started: String,
    /// …and the namespace in which it has that number.
    pub(crate) namespace: String,
}

impl Process {
    pub(crate) fn own() -> Self {
        let pid = std::process::id().to_string();
        Self {
            started: started(&pid).unwrap_or_default(),
            namespace: namespace(),
            pid,
        }
    }

    /// The one that is written so.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace().map(str::to_owned);
        Some(Self {
            pid: words.next()?,
            started: words.next()?,
            namespace: words.next()?,
        })
    }

    /// Whether it is of this machine, since it was booted.
    pub(crate) fn is_here(&self) -> bool {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        !boot.is_empty() && self.started.starts_with(boot.trim())
    }

    /// Whether it has surely ended. Of another namespace nothing is known.
    pub(crate) fn is_gone(&self) -> bool {
        let whole = self.pid.bytes().all(|digit| digit.is_ascii_digit()) && !self.pid.is_empty();
        whole && self.namespace == namespace() && started(&self.pid).is_none_or(|now| now != self.started)
    }
}

impl std::fmt::Display for Process {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {} {}", self.pid, self.started, self.namespace)
    }
}

/// When a process started: the boot, and the clock ticks since.
fn started(pid: &str) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may hold anything, blanks and brackets included.
    let ticks = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(format!("{}-{ticks}", boot.trim()))
}

fn namespace() -> String {
    fs::read_link("/proc/self/ns/pid").map_or_else(|_| String::new(), |link| link.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_is_written() {
        let own = Process::own();
        assert_eq!(Process::parse(&own.to_string()), Some(own.clone()));
        assert!(own.is_here() && !own.is_gone());
        let other = Process {
            started: "another-boot-1".to_owned(),
            ..own
        };
        assert!(!other.is_here(), "of another machine, or another time");
        assert_eq!(Process::parse("1 2"), None);
    }
}
