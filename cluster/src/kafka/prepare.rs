//! What is made once for a version of Kafka and kept in the cache.
//!
//! *Formatting.* A node without Kafka's own bootstrap file starts with every feature at level 0. That file
//! does not depend on the node, so `StorageTool` runs once, and every later node gets a copy.
//!
//! *The archive of classes* (`AppCDS`) belongs to one build of Java and one class path. A broker that runs once
//! on loopback and ends writes it; with it a cluster comes up in two thirds of the time.
//!
//! Blocking, and to be run inside the sandbox, where nothing else listens and nothing survives.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use history::Topic;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ask::{ACKS_LEADER, End, Place};
use super::cache;
use super::child::Bound;
use super::config::{KafkaConfig, NodeAddress, PORTS};
use super::install::{Install, hex};
use super::java::Java;
use super::jvm;
use super::node_files::{NodeFiles, random_id};
use super::progress::{Progress, Report};
use super::wire::Connection;

/// `StorageTool` is done within this time.
const FORMAT_WITHIN: Duration = Duration::from_secs(60);
/// The broker that is watched comes up within this time…
const TRAINING_UP_WITHIN: Duration = Duration::from_secs(60);
/// …and has ended, its archive written, within this time.
const TRAINING_DOWN_WITHIN: Duration = Duration::from_secs(120);
/// It answers a request within this time.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How often it is asked whether it is up.
const POLL: Duration = Duration::from_millis(50);
/// An archive smaller than this holds none of Kafka's classes (a whole one has some 40 MB).
const ARCHIVE_BYTES_MIN: u64 = 4 << 20;
/// How much of a log an error shows.
const TAIL_LINES: usize = 30;
/// Where `StorageTool` leaves the bootstrap file, below the data directory: up to 4.3, and from 4.4 on.
const BOOTSTRAP_PLACES: [&str; 2] = [
    "bootstrap.checkpoint",
    "__cluster_metadata-0/00000000000000000000-0000000000.checkpoint",
];

/// What every launch of a version needs beside its jars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// What formatting leaves.
    pub bootstrap: Bootstrap,
    /// The archive of classes. Without it JVMs start more slowly.
    pub archive: Option<PathBuf>,
}

/// The file by which a fresh node knows the levels of its features.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// The file in the cache.
    pub file: PathBuf,
    /// Where it belongs, below a node's data directory.
    pub place: PathBuf,
}

/// Finds both in the cache, or makes them, with their own files in `scratch` (removed unless it fails).
///
/// # Errors
/// Formatting fails. An archive that cannot be made is a warning.
pub fn prepare(
    install: &Install,
    java: &Java,
    cache: &Path,
    scratch: &Path,
    report: Report<'_>,
) -> Result<Prepared> {
    let home = cache.join("kafka").join(&install.version);
    let archive = home.join(java_key(install, java)?).join("broker.jsa");
    let bootstrap_root = home.join("bootstrap");
    let known = find_bootstrap(&bootstrap_root);
    if let (Some(bootstrap), true) = (&known, archive.is_file()) {
        return Ok(Prepared {
            bootstrap: bootstrap.clone(),
            archive: Some(archive),
        });
    }
    let training = Training {
        install,
        java,
        files: NodeFiles::new(scratch.join("training")),
        report,
    };
    // A thread of its own: the JVMs live as long as it does, and it may block and hold a runtime, whoever calls.
    let prepared = std::thread::scope(|scope| {
        scope
            .spawn(|| training.run(&bootstrap_root, known, &archive))
            .join()
    });
    prepared.map_err(|_| anyhow::anyhow!("prepare Kafka {}: a bug in Tribunal (panic)", install.version))?
}

fn find_bootstrap(root: &Path) -> Option<Bootstrap> {
    BOOTSTRAP_PLACES
        .iter()
        .map(|place| Bootstrap {
            file: root.join(place),
            place: PathBuf::from(place),
        })
        .find(|bootstrap| bootstrap.file.is_file())
}

/// A directory name for this build of Java and exactly these jars: Java refuses an archive whose class path
/// has other names, sizes or times.
fn java_key(install: &Install, java: &Java) -> Result<String> {
    let mut sum = Sha256::new();
    for jar in &install.jars {
        let data = jar
            .metadata()
            .with_context(|| format!("look at {}", jar.display()))?;
        let modified = data.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        sum.update(format!(
            "{}\n{}\n{}\n",
            jar.display(),
            data.len(),
            modified.as_nanos()
        ));
    }
    let plain = |character: char| {
        if character.is_ascii_alphanumeric() || character == '.' {
            character
        } else {
            '-'
        }
    };
    let build: String = java.build.chars().map(plain).collect();
    sum.update(java.program.display().to_string());
    Ok(format!("java-{build}-{}", &hex(&sum.finalize())[..12]))
}

/// One node that is formatted, watched, and thrown away.
struct Training<'a> {
    install: &'a Install,
    java: &'a Java,
    files: NodeFiles,
    report: Report<'a>,
}

impl Training<'_> {
    fn run(&self, bootstrap_root: &Path, known: Option<Bootstrap>, archive: &Path) -> Result<Prepared> {
        let version = &self.install.version;
        let config = KafkaConfig {
            version: version.clone(),
            nodes: 1,
            ..KafkaConfig::default()
        };
        let address = loopback_address();
        let own = NodeAddress {
            node: 1,
            advertised: address,
            bind: address,
        };
        self.clear()?;
        self.files.write_configuration(&config, own, &[own])?;
        (self.report)(Progress::Preparing(&format!("formatting Kafka {version}")));
        self.format().with_context(|| format!("format Kafka {version}"))?;
        let bootstrap = match known {
            Some(bootstrap) => bootstrap,
            None => self.keep_bootstrap(bootstrap_root)?,
        };
        if archive.is_file() {
            self.clear()?;
            return Ok(Prepared {
                bootstrap,
                archive: Some(archive.to_owned()),
            });
        }
        (self.report)(Progress::Preparing(&format!(
            "making the class archive of Kafka {version}, once"
        )));
        let made = self.train(SocketAddrV4::new(address, PORTS.client), archive);
        let archive = made.map(|()| archive.to_owned()).map_err(|error| {
            let text = format!("no class archive of Kafka {version}, so JVMs start more slowly: {error:#}");
            (self.report)(Progress::Warning(&text));
        });
        if archive.is_ok() {
            self.clear()?;
        }
        Ok(Prepared {
            bootstrap,
            archive: archive.ok(),
        })
    }

    fn clear(&self) -> Result<()> {
        match fs::remove_dir_all(self.files.root()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("remove {}", self.files.root().display()))
            }
            _ => Ok(()),
        }
    }

    fn spawn(&self, command: &[String]) -> Result<Bound> {
        let (program, arguments) = command
            .split_first()
            .context("find the program of an empty command")?;
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.files.log())?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_remove("JAVA_TOOL_OPTIONS")
            .current_dir(self.files.root());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Bound::spawn(&mut command).with_context(|| format!("start {program}"))
    }

    fn format(&self) -> Result<()> {
        let command = jvm::format(self.java, self.install, &self.files, &random_id());
        let status = self.spawn(&command)?.wait(FORMAT_WITHIN)?;
        ensure!(
            status.success(),
            "StorageTool ended with {status}; the end of its output:\n{}",
            self.files.log_tail(TAIL_LINES)
        );
        Ok(())
    }

    fn keep_bootstrap(&self, root: &Path) -> Result<Bootstrap> {
        let version = &self.install.version;
        let made = find_bootstrap(&self.files.data())
            .with_context(|| format!("find what formatting of Kafka {version} left: no bootstrap file"))?;
        let kept = root.join(&made.place);
        let directory = kept
            .parent()
            .context("find the directory of the bootstrap file")?;
        fs::create_dir_all(directory).with_context(|| format!("make {}", directory.display()))?;
        cache::sweep(directory);
        let content = fs::read(&made.file).with_context(|| format!("read {}", made.file.display()))?;
        cache::write_whole(&kept, &content)?;
        Ok(Bootstrap {
            file: kept,
            place: made.place,
        })
    }

    fn train(&self, address: SocketAddrV4, archive: &Path) -> Result<()> {
        let directory = archive.parent().context("find the directory of the archive")?;
        fs::create_dir_all(directory).with_context(|| format!("make {}", directory.display()))?;
        cache::sweep(directory);
        let part = cache::part_of(archive);
        let made = self
            .train_into(address, &part)
            .and_then(|()| cache::finish(&part, archive));
        let _ = fs::remove_file(&part);
        made.map_err(|error| {
            error.context(format!(
                "the end of the broker's log:\n{}\n",
                self.files.log_tail(TAIL_LINES)
            ))
        })
    }

    fn train_into(&self, address: SocketAddrV4, part: &Path) -> Result<()> {
        let command = jvm::training_broker(self.java, self.install, &self.files, part);
        let mut broker = self.spawn(&command)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let mut connection = runtime.block_on(wait_until_up(address, &mut broker))?;
        // Without these the classes of the first requests would be missing; with a part of them it is an
        // archive still.
        let _ = runtime.block_on(exercise(&mut connection));
        drop(connection);
        broker.terminate();
        let status = broker.wait(TRAINING_DOWN_WITHIN)?;
        let bytes = part.metadata().map_or(0, |data| data.len());
        ensure!(
            bytes >= ARCHIVE_BYTES_MIN,
            "the broker ended with {status} and left an archive of {bytes} bytes"
        );
        Ok(())
    }
}

/// An address on loopback that, in all likelihood, nobody else uses.
fn loopback_address() -> Ipv4Addr {
    let random = uuid::Uuid::new_v4();
    let [first, second, third, ..] = *random.as_bytes();
    Ipv4Addr::new(127, first.clamp(1, 254), second, third.clamp(1, 254))
}

async fn wait_until_up(address: SocketAddrV4, broker: &mut Bound) -> Result<Connection> {
    let deadline = Instant::now() + TRAINING_UP_WITHIN;
    loop {
        if let Some(status) = broker.ended() {
            bail!("the broker ended with {status}");
        }
        if let Ok(mut connection) = Connection::open(address, ANSWER_WITHIN).await
            && connection
                .metadata(&[], ANSWER_WITHIN)
                .await
                .is_ok_and(|known| !known.brokers.is_empty())
        {
            return Ok(connection);
        }
        ensure!(
            Instant::now() < deadline,
            "the broker was not up within {} s",
            TRAINING_UP_WITHIN.as_secs()
        );
        tokio::time::sleep(POLL).await;
    }
}

/// Does what every run does first.
async fn exercise(connection: &mut Connection) -> Result<()> {
    let topic = Topic {
        name: "training".to_owned(),
        partitions: 1,
        replication_factor: 1,
        min_insync_replicas: 1,
        unclean_election: false,
    };
    let topics = [topic];
    connection.create_topics(&topics, ANSWER_WITHIN).await?;
    let deadline = Instant::now() + ANSWER_WITHIN;
    while Instant::now() < deadline {
        let known = connection.metadata(&topics, ANSWER_WITHIN).await?;
        if let Some(state) = known.topics.get("training") {
            let at = Place {
                topic: "training",
                id: state.id,
                partition: 0,
                offset: 0,
            };
            connection.write(at, &[[]], ACKS_LEADER, ANSWER_WITHIN).await?;
            connection.log_end(at, End::Latest, ANSWER_WITHIN).await?;
            connection.fetch(at, 1 << 20, ANSWER_WITHIN).await?;
            break;
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn java(build: &str) -> Java {
        Java {
            program: "/java".into(),
            feature: 17,
            build: build.to_owned(),
        }
    }

    #[test]
    fn an_archive_belongs_to_one_java_and_exactly_these_jars() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let jar = directory.path().join("a.jar");
        fs::write(&jar, "one").expect("writable");
        let install = Install {
            version: "4.4.0".to_owned(),
            jars: vec![jar.clone()],
        };
        let key = |build: &str| java_key(&install, &java(build)).expect("the jar is there");
        let first = key("17.0.15+6-Debian-1");
        assert!(first.starts_with("java-17.0.15-6-Debian-1-"), "{first}");
        assert_eq!(first, key("17.0.15+6-Debian-1"));
        assert_ne!(first, key("17.0.16+1"));
        fs::write(&jar, "another").expect("writable");
        assert_ne!(first, key("17.0.15+6-Debian-1"));
    }

    #[test]
    fn what_is_in_the_cache_is_used() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let install = Install {
            version: "4.4.0".to_owned(),
            jars: Vec::new(),
        };
        let home = directory.path().join("kafka/4.4.0");
        let archive = home
            .join(java_key(&install, &java("17")).expect("no jar"))
            .join("broker.jsa");
        let file = home.join("bootstrap").join(BOOTSTRAP_PLACES[1]);
        for path in [&archive, &file] {
            fs::create_dir_all(path.parent().expect("it has one")).expect("writable");
            fs::write(path, "x").expect("writable");
        }
        let prepared = prepare(&install, &java("17"), directory.path(), directory.path(), &|_| ());
        let bootstrap = Bootstrap {
            file,
            place: BOOTSTRAP_PLACES[1].into(),
        };
        assert_eq!(
            prepared.expect("both are there"),
            Prepared {
                bootstrap,
                archive: Some(archive)
            }
        );
    }

    #[test]
    fn a_java_that_does_not_run_is_an_error() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let install = Install {
            version: "4.4.0".to_owned(),
            jars: Vec::new(),
        };
        let error = prepare(&install, &java("17"), directory.path(), directory.path(), &|_| ());
        let error = format!("{:#}", error.expect_err("there is no such program"));
        assert!(error.starts_with("format Kafka 4.4.0: start /java: "), "{error}");
    }
}
