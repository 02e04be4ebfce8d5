//! The one broker that runs so that others start well: formatted, watched, and thrown away.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use history::Topic;

use super::ask::{ACKS_LEADER, End, Led, Place};
use super::cache;
use super::child::Bound;
use super::config::{NodeAddress, PORTS};
use super::formatting::{Bootstrap, Formatting};
use super::install::Install;
use super::java::Java;
use super::jvm;
use super::node_files::{NodeFiles, random_id};
use super::prepare::{ARCHIVE, stem_of};
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

/// One node that is formatted, watched, and thrown away.
pub(super) struct Training<'a> {
    pub install: &'a Install,
    pub java: &'a Java,
    pub files: NodeFiles,
    pub report: Report<'a>,
}

impl Training<'_> {
    /// Does the work in a thread of its own: the JVMs live as long as it does, and it may block and hold a runtime, whoever
    /// calls.
    pub(super) fn in_a_thread<T: Send>(&self, work: impl FnOnce(&Self) -> Result<T> + Send) -> Result<T> {
        let done = std::thread::scope(|scope| scope.spawn(|| work(self)).join());
        done.map_err(|_| {
            anyhow!(
                "prepare Kafka {}: a bug in Tribunal (panic)",
                self.install.version
            )
        })?
    }

    /// Formats once, and keeps what that leaves in `home`.
    pub(super) fn format(&self, formatting: &Formatting, home: &Path) -> Result<Bootstrap> {
        let version = &self.install.version;
        (self.report)(Progress::Preparing(&format!("formatting Kafka {version}")));
        self.write_and_format(formatting, loopback_address())
            .with_context(|| format!("format Kafka {version}"))?;
        let bootstrap = self.keep_bootstrap(formatting, home)?;
        self.clear()?;
        Ok(bootstrap)
    }

    /// Makes the archive, in `archives`. Where that fails it is a warning.
    pub(super) fn archive(&self, archives: &Path) -> Option<PathBuf> {
        let version = &self.install.version;
        let text = format!("making the class archive of Kafka {version}, once");
        (self.report)(Progress::Preparing(&text));
        let address = loopback_address();
        let made = self
            .write_and_format(&Formatting::plain(version), address)
            .and_then(|()| self.train(SocketAddrV4::new(address, PORTS.client), archives))
            .and_then(|archive| self.clear().map(|()| archive));
        made.map_err(|error| {
            let text = format!("no class archive of Kafka {version}, so JVMs start more slowly: {error:#}");
            (self.report)(Progress::Warning(&text));
        })
        .ok()
    }

    /// The files of a node at this address, formatted; at that of the first voter, where there are voters.
    fn write_and_format(&self, formatting: &Formatting, address: Ipv4Addr) -> Result<()> {
        let (config, own) = formatting.config(NodeAddress {
            node: 1,
            advertised: address,
            bind: address,
        });
        self.clear()?;
        self.files
            .write_configuration(&config, config.program_of(own.node), own, &[own])?;
        let command = jvm::format(self.java, self.install, &self.files, &random_id(), formatting);
        let status = self.spawn(&command)?.wait(FORMAT_WITHIN)?;
        ensure!(
            status.success(),
            "StorageTool ended with {status}; the end of its output:\n{}",
            self.files.log_tail(TAIL_LINES)
        );
        Ok(())
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

    fn keep_bootstrap(&self, formatting: &Formatting, home: &Path) -> Result<Bootstrap> {
        let version = &self.install.version;
        let keep = |place: &str| -> Result<(PathBuf, PathBuf)> {
            let stem = stem_of(place);
            let part = part_in(home, &stem)?;
            let made = self.files.data().join(place);
            // Not copied with its mode, which is the owner's alone: a cache may be shared.
            let content = fs::read(&made).with_context(|| {
                format!(
                    "find what formatting of Kafka {version} left: read {}",
                    made.display()
                )
            })?;
            fs::write(&part, content).with_context(|| format!("write {}", part.display()))?;
            Ok((cache::keep(&part, &stem)?, place.into()))
        };
        Ok(Bootstrap {
            files: formatting.places().into_iter().map(keep).collect::<Result<_>>()?,
        })
    }

    fn train(&self, address: SocketAddrV4, archives: &Path) -> Result<PathBuf> {
        let part = part_in(archives, ARCHIVE)?;
        let made = self
            .train_into(address, &part)
            .and_then(|()| cache::keep(&part, ARCHIVE));
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

/// A name for a file that is not whole yet, in a directory that is there and swept.
fn part_in(directory: &Path, stem: &str) -> Result<PathBuf> {
    fs::create_dir_all(directory).with_context(|| format!("make {}", directory.display()))?;
    cache::sweep(directory);
    Ok(cache::part_of(&directory.join(stem)))
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
        config: std::collections::BTreeMap::new(),
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
            observe(connection, &topics).await?;
            break;
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// Asks what the observer asks.
async fn observe(connection: &mut Connection, topics: &[Topic]) -> Result<()> {
    if connection.tells_who_may_lead() {
        connection.eligible(topics, ANSWER_WITHIN).await?;
    }
    let led = Led {
        topic: "training".to_owned(),
        partition: 0,
        epoch: 0,
    };
    connection.epoch_ends(&[led], ANSWER_WITHIN).await?;
    Ok(())
}
