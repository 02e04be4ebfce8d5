//! Which program a driver is.

use std::path::PathBuf;

/// A driver's program: how to start it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// What it is called in reports, such as `java` or `exec:./driver.py`.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The directory that it works in, where that is not ours.
    pub directory: Option<PathBuf>,
}

/// What a driver says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The client library's name.
    pub library: String,
    /// Its version.
    pub version: String,
    /// What it can do, in the protocol's words (`transactions`, `groups`, …).
    pub capabilities: Vec<String>,
}

impl Described {
    /// What is asked for and it cannot do.
    pub fn lacks<'a>(&self, needs: &[&'a str]) -> Vec<&'a str> {
        let has = |need: &str| self.capabilities.iter().any(|can| can == need);
        needs.iter().copied().filter(|need| !has(need)).collect()
    }
}
