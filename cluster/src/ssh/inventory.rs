//! The hosts that nodes may run on, as a person writes them down, and as they are used.

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// How long a host goes on by itself when nothing is heard of Tribunal, where nothing else is said, in seconds.
const LEASE: u64 = 30;
/// Less would end runs over a hiccup of the network.
const LEASE_LEAST: u64 = 5;

/// An inventory, as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Inventory {
    /// What holds for every host that says nothing else.
    #[serde(default)]
    pub defaults: Defaults,
    /// The hosts: node 1 runs on the first, and so on.
    #[serde(default)]
    pub hosts: Vec<Entry>,
}

/// What holds for every host that says nothing else.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Defaults {
    /// Who logs in.
    pub user: Option<String>,
    /// The port of the SSH server.
    pub port: Option<u16>,
    /// The file of the private key.
    pub key: Option<String>,
    /// The directory on the host that is Tribunal's own.
    pub directory: Option<String>,
    /// Whether Tribunal becomes root there by `sudo`, which must not ask for a password.
    pub sudo: Option<bool>,
    /// The Java there.
    pub java: Option<String>,
    /// How many seconds a host goes on by itself when nothing is heard of Tribunal.
    pub lease: Option<u64>,
    /// The file of known hosts.
    pub known_hosts: Option<String>,
    /// Whether a host whose key is not known is trusted.
    #[serde(default)]
    pub accept_new_host_keys: bool,
}

/// A host, as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entry {
    /// Its name or address for SSH.
    pub host: String,
    /// See [`Defaults::user`].
    pub user: Option<String>,
    /// See [`Defaults::port`].
    pub port: Option<u16>,
    /// See [`Defaults::key`].
    pub key: Option<String>,
    /// See [`Defaults::directory`].
    pub directory: Option<String>,
    /// See [`Defaults::sudo`].
    pub sudo: Option<bool>,
    /// See [`Defaults::java`].
    pub java: Option<String>,
    /// The address that brokers and clients use, where it is not that of the host's name.
    pub address: Option<Ipv4Addr>,
    /// Another address of the host, for the observer alone: without one clients cannot be cut off.
    pub side_address: Option<Ipv4Addr>,
}

/// A host, with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name or address for SSH.
    pub(crate) name: String,
    pub(crate) user: String,
    pub(crate) port: u16,
    pub(crate) key: Option<PathBuf>,
    pub(crate) directory: String,
    pub(crate) sudo: bool,
    pub(crate) java: Option<String>,
    pub(crate) address: Option<Ipv4Addr>,
    pub(crate) side_address: Option<Ipv4Addr>,
    pub(crate) lease: Duration,
    /// The files of known hosts.
    pub(crate) known_hosts: Vec<PathBuf>,
    pub(crate) accept_new: bool,
}

impl Inventory {
    /// Every host, with what holds for it.
    ///
    /// # Errors
    /// Something contradicts itself, or is missing.
    pub fn resolve(&self) -> Result<Vec<Host>> {
        let mut hosts: Vec<Host> = Vec::new();
        for entry in &self.hosts {
            let host = self
                .host(entry)
                .with_context(|| format!("use the host {}", entry.host))?;
            let twin = hosts.iter().any(|other| {
                (&other.name, other.port) == (&host.name, host.port)
                    || (host.address.is_some() && other.address == host.address)
            });
            ensure!(
                !twin,
                "use the host {}: it stands there twice, and a host runs one node",
                entry.host
            );
            hosts.push(host);
        }
        Ok(hosts)
    }

    fn host(&self, entry: &Entry) -> Result<Host> {
        let defaults = &self.defaults;
        ensure!(!entry.host.is_empty(), "its name is empty");
        let or = |own: &Option<String>, general: &Option<String>| own.clone().or_else(|| general.clone());
        let user = or(&entry.user, &defaults.user).or_else(|| std::env::var("USER").ok());
        let user = user.context("say who logs in: `user` is not given, and USER is not set")?;
        let directory =
            or(&entry.directory, &defaults.directory).unwrap_or_else(|| format!("/tmp/tribunal-{user}"));
        let is_plain = directory.starts_with('/')
            && directory.len() > 1
            && !directory.contains(|letter: char| letter.is_whitespace() || "'\"\\:,".contains(letter))
            && !directory.split('/').any(|part| part == "..");
        ensure!(
            is_plain,
            "use the directory {directory}: it has to be an absolute path without blanks, quotes, colons and commas"
        );
        let lease = defaults.lease.unwrap_or(LEASE);
        ensure!(
            lease >= LEASE_LEAST,
            "a lease of {lease} s is too short: {LEASE_LEAST} s at least"
        );
        ensure!(
            entry.side_address.is_none() || entry.side_address != entry.address,
            "`side-address` has to be another address than `address`"
        );
        Ok(Host {
            name: entry.host.clone(),
            user,
            port: entry.port.or(defaults.port).unwrap_or(22),
            key: or(&entry.key, &defaults.key)
                .as_deref()
                .map(at_home)
                .transpose()?,
            directory: directory.trim_end_matches('/').to_owned(),
            sudo: entry.sudo.or(defaults.sudo).unwrap_or(false),
            java: or(&entry.java, &defaults.java),
            address: entry.address,
            side_address: entry.side_address,
            lease: Duration::from_secs(lease),
            known_hosts: known_hosts(defaults.known_hosts.as_deref())?,
            accept_new: defaults.accept_new_host_keys,
        })
    }
}

impl Host {
    /// Where its SSH server is.
    pub(crate) fn server(&self) -> Result<Vec<SocketAddr>> {
        let found = (self.name.as_str(), self.port).to_socket_addrs();
        let found = found.with_context(|| format!("find the address of {}", self.name))?;
        Ok(found.collect())
    }

    /// The address that brokers listen on.
    pub(crate) fn data_address(&self) -> Result<Ipv4Addr> {
        if let Some(address) = self.address {
            return Ok(address);
        }
        let found = self.server()?.into_iter().find_map(|address| match address {
            SocketAddr::V4(address) => Some(*address.ip()),
            SocketAddr::V6(_) => None,
        });
        found.with_context(|| {
            format!(
                "find an IPv4 address of {}: give one in the inventory (`address`)",
                self.name
            )
        })
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}@{}:{}", self.user, self.name, self.port)
    }
}

/// A path in which `~/` is the user's own directory.
fn at_home(path: &str) -> Result<PathBuf> {
    match path.strip_prefix("~/") {
        None => Ok(PathBuf::from(path)),
        Some(rest) => {
            let home = std::env::home_dir().with_context(|| format!("understand {path}: HOME is not set"))?;
            Ok(home.join(rest))
        }
    }
}

/// The file that was named, which has to be there, or those that `ssh` reads.
fn known_hosts(named: Option<&str>) -> Result<Vec<PathBuf>> {
    if let Some(named) = named {
        let path = at_home(named)?;
        ensure!(
            path.is_file(),
            "read the known hosts: there is no file {}",
            path.display()
        );
        return Ok(vec![path]);
    }
    let usual = [
        at_home("~/.ssh/known_hosts").ok(),
        Some("/etc/ssh/ssh_known_hosts".into()),
    ];
    Ok(usual
        .into_iter()
        .flatten()
        .filter(|path| path.is_file())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(host: &str) -> Entry {
        Entry {
            host: host.to_owned(),
            user: Some("me".to_owned()),
            ..Entry::default()
        }
    }

    fn resolve(hosts: Vec<Entry>, defaults: Defaults) -> Result<Vec<Host>> {
        Inventory { defaults, hosts }.resolve()
    }

    #[test]
    fn a_host_says_more_than_the_defaults() {
        let defaults = Defaults {
            user: Some("all".to_owned()),
            port: Some(2222),
            lease: Some(9),
            ..Defaults::default()
        };
        let other = Entry {
            host: "b".to_owned(),
            port: Some(23),
            ..Entry::default()
        };
        let hosts = resolve(vec![entry("a"), other], defaults).expect("sound");
        assert_eq!(hosts[0].to_string(), "me@a:2222");
        assert_eq!(hosts[1].to_string(), "all@b:23");
        assert_eq!(hosts[0].directory, "/tmp/tribunal-me");
        assert_eq!(hosts[1].lease, Duration::from_secs(9));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let error = resolve(vec![entry("a"), entry("a")], Defaults::default()).expect_err("twice");
        assert!(error.to_string().contains("twice"), "{error}");
        let short = Defaults {
            lease: Some(1),
            ..Defaults::default()
        };
        resolve(vec![entry("a")], short).expect_err("too short");
        for directory in ["relative", "/", "/a b", "/it's", "/a/../b"] {
            let defaults = Defaults {
                directory: Some(directory.to_owned()),
                ..Defaults::default()
            };
            resolve(vec![entry("a")], defaults).expect_err(directory);
        }
        let missing = Defaults {
            known_hosts: Some("/no/such/file".to_owned()),
            ..Defaults::default()
        };
        resolve(vec![entry("a")], missing).expect_err("not there");
    }
}
