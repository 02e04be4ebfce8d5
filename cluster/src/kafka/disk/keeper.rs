//! Keeps what lay on the nodes' disks: copies before truncation can destroy it, and events of what the copies hold.
//!
//! Copying is waited for, as what comes after it (a heal, a start) may cut off the ends of logs; reading is not. Copies are read
//! one after another, so that the events of a node are in the order of its copies. Nothing here fails a run: what could not be
//! copied or read is in the event.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use history::{DiskCopy, Moment, NodeId, Recorder, Topic, What};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet, spawn_blocking};

use super::copy::{Copied, Limits, copy};
use super::node::{Contents, Look, Shown};
use crate::kafka::node::Node;

/// Nobody waits longer for a copy. It goes on, and is read once it is made.
const COPY_WITHIN: Duration = Duration::from_secs(2);
/// The copies that stay take no more than this together. Later ones are read and thrown away.
const KEPT_MAX: u64 = 1 << 30;

/// Where copies go, and who is told.
#[derive(Clone)]
pub(in crate::kafka) struct Place {
    /// The run's directory.
    pub run: PathBuf,
    /// The workload's topics.
    pub topics: Vec<Topic>,
    /// Where events go.
    pub recorder: Arc<dyn Recorder>,
}

/// Keeps what lay on disks.
pub(in crate::kafka) struct Keeper {
    place: Arc<Place>,
    numbers: AtomicU32,
    jobs: mpsc::UnboundedSender<Job>,
    reader: AbortHandle,
}

enum Job {
    /// A copy is being made, and is to be read.
    Read(Taken, oneshot::Receiver<Copied>),
    /// The disks themselves are to be read, after all copies before.
    InPlace(Vec<Taken>, oneshot::Sender<()>),
}

/// Which node's disk, when and why.
struct Taken {
    node: NodeId,
    incarnation: u32,
    begun: u64,
    moment: Moment,
    /// What is to be read: a copy, or the disk itself.
    directory: PathBuf,
}

impl Keeper {
    pub(in crate::kafka) fn new(place: Place) -> Self {
        let place = Arc::new(place);
        let (jobs, queue) = mpsc::unbounded_channel();
        let reader = tokio::spawn(read_all(Arc::clone(&place), queue)).abort_handle();
        Self {
            place,
            numbers: AtomicU32::new(1),
            jobs,
            reader,
        }
    }

    /// Copies the disks of these nodes, all at once, and returns as soon as that is done.
    pub(in crate::kafka) async fn keep(&self, nodes: &[Arc<Node>], moment: &Moment) {
        let mut copies = JoinSet::new();
        for node in nodes {
            let number = self.numbers.fetch_add(1, Ordering::Relaxed);
            let name = format!("{number:03}-n{}-{}", node.id(), word(moment));
            let into = self.place.run.join("evidence").join(name);
            let taken = self.taken(node, moment, into.clone());
            let (data, topics) = (node.files.data(), self.place.topics.clone());
            let machine = Arc::clone(&node.machine);
            let (told, copy_made) = oneshot::channel();
            // The queue ends with the keeper alone.
            let _ = self.jobs.send(Job::Read(taken, copy_made));
            copies.spawn(async move {
                let fetched = machine.fetch(&data).await;
                let copying = spawn_blocking(move || {
                    let mut whole = copy(&data, &into, &topics, Limits::default());
                    whole
                        .problems
                        .extend(fetched.err().map(|error| format!("{error:#}")));
                    let _ = told.send(whole);
                });
                let _ = copying.await;
            });
        }
        let all = async { while copies.join_next().await.is_some() {} };
        // Who is not done by then goes on: what runs on a thread cannot be ended.
        let _ = tokio::time::timeout(COPY_WITHIN, all).await;
    }

    /// Waits until all copies are read, then reads the disks themselves. Their processes have ended.
    pub(in crate::kafka) async fn end(&self, nodes: &[Arc<Node>]) {
        let taken = nodes
            .iter()
            .map(|node| self.taken(node, &Moment::AtTheEnd, node.files.data()));
        let (told, all_read) = oneshot::channel();
        let _ = self.jobs.send(Job::InPlace(taken.collect(), told));
        let _ = all_read.await;
    }

    fn taken(&self, node: &Node, moment: &Moment, directory: PathBuf) -> Taken {
        Taken {
            node: node.id(),
            incarnation: node.life().incarnation,
            begun: self.place.recorder.now(),
            moment: moment.clone(),
            directory,
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

fn word(moment: &Moment) -> String {
    match moment {
        Moment::BeforeHeal(fault) => format!("before-heal-{fault}"),
        Moment::BeforeStart => "before-start".to_owned(),
        Moment::BeforePowerLoss => "before-power-loss".to_owned(),
        Moment::BeforeWipe => "before-wipe".to_owned(),
        Moment::AtTheEnd => "at-the-end".to_owned(),
    }
}

/// What is remembered from one copy to the next.
#[derive(Default)]
struct Memory {
    shown: Mutex<BTreeMap<NodeId, Shown>>,
    kept: AtomicU64,
}

async fn read_all(place: Arc<Place>, mut queue: mpsc::UnboundedReceiver<Job>) {
    let memory = Arc::new(Memory::default());
    while let Some(job) = queue.recv().await {
        match job {
            Job::Read(taken, copied) => {
                let copied = copied.await.unwrap_or_else(|_| Copied {
                    problems: vec!["copy the disk: a bug in Tribunal (panic)".to_owned()],
                    ..Copied::default()
                });
                read(&place, &memory, taken, Some(copied), 1).await;
            }
            Job::InPlace(all, told) => {
                // The brokers have ended: all processors are free.
                let threads = std::thread::available_parallelism().map_or(1, usize::from);
                for taken in all {
                    read(&place, &memory, taken, None, threads).await;
                }
                let _ = told.send(());
            }
        }
    }
}

/// Reads one directory, a copy or the disk itself, and records what it holds.
async fn read(
    place: &Arc<Place>,
    memory: &Arc<Memory>,
    taken: Taken,
    copied: Option<Copied>,
    threads: usize,
) {
    let (of, with) = (Arc::clone(place), Arc::clone(memory));
    let (node, directory) = (taken.node, taken.directory.clone());
    let reading = spawn_blocking(move || contents(&of, &with, node, &directory, copied.as_ref(), threads));
    let (contents, is_kept) = reading.await.unwrap_or_else(|_| {
        let problem = "read the copy of the disk: a bug in Tribunal (panic)".to_owned();
        let contents = Contents {
            problems: vec![problem],
            ..Contents::default()
        };
        (contents, true)
    });
    let shown = taken
        .directory
        .strip_prefix(&place.run)
        .unwrap_or(&taken.directory);
    place.recorder.record(What::Disk(Box::new(DiskCopy {
        node: taken.node,
        incarnation: taken.incarnation,
        begun: taken.begun,
        moment: taken.moment,
        directory: is_kept.then(|| shown.display().to_string()),
        logs: contents.logs,
        metadata: contents.metadata,
        quorum: contents.quorum,
        problems: contents.problems,
    })));
}

/// What a directory holds, and whether it stays. A copy for which there is no room is thrown away; a disk never is.
fn contents(
    place: &Place,
    memory: &Memory,
    node: NodeId,
    directory: &Path,
    copied: Option<&Copied>,
    threads: usize,
) -> (Contents, bool) {
    let whole = BTreeMap::new();
    let look = Look {
        data: directory,
        root: &place.run,
        topics: &place.topics,
        starts: copied.map_or(&whole, |copied| &copied.starts),
        threads,
    };
    let mut contents = {
        let mut all = memory.shown.lock().unwrap_or_else(PoisonError::into_inner);
        look.read(all.entry(node).or_default())
    };
    let Some(copied) = copied else {
        return (contents, true);
    };
    contents.problems.extend(copied.problems.iter().cloned());
    let kept = memory.kept.fetch_add(copied.bytes, Ordering::Relaxed) + copied.bytes;
    let is_kept = kept <= KEPT_MAX;
    if !is_kept && std::fs::remove_dir_all(directory).is_ok() {
        memory.kept.fetch_sub(copied.bytes, Ordering::Relaxed);
    }
    (contents, is_kept)
}
