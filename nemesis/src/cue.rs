//! Waits until what a step waits for is seen, and says what it was and when.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster::PartitionView;
use history::Key;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use crate::fault::Scene;
use crate::step::Step;
use crate::when::{After, Condition, IsrOf, Moment, When};

/// What a step waited for.
#[derive(Clone, Debug)]
pub(crate) struct Cue {
    /// What was seen, as the end of `… after`.
    pub(crate) what: String,
    /// When.
    pub(crate) at: Instant,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Mark {
    #[default]
    Waiting,
    Injected(Instant),
    Healed(Instant),
    /// It never was in force, or could not be healed.
    Gone,
}

/// How far each step with a name is. Its clones share that.
#[derive(Clone, Default)]
pub(crate) struct Marks {
    marks: Arc<BTreeMap<String, watch::Sender<Mark>>>,
}

impl Marks {
    pub(crate) fn of(steps: &[Step]) -> Self {
        let names = steps.iter().filter_map(|step| step.name.clone());
        Self {
            marks: Arc::new(names.map(|name| (name, watch::Sender::default())).collect()),
        }
    }

    pub(crate) fn set(&self, step: &Step, mark: Mark) {
        let name = step.name.as_ref();
        if let Some(sender) = name.and_then(|name| self.marks.get(name)) {
            sender.send_replace(mark);
        }
    }
}

/// What was already so when the waiting began, so that only what is newer counts.
pub(crate) struct Watch<'w> {
    scene: &'w Scene,
    marks: &'w Marks,
    changes: watch::Receiver<cluster::Change>,
    epoch: Option<i32>,
    term: Option<i32>,
}

impl<'w> Watch<'w> {
    pub(crate) fn new(scene: &'w Scene, marks: &'w Marks) -> Self {
        Self {
            scene,
            marks,
            changes: scene.cluster.view().changes(),
            epoch: None,
            term: None,
        }
    }

    /// Waits until the condition is seen, or says why it is not.
    pub(crate) async fn wait(&mut self, when: &When, until: Instant) -> Result<Cue, String> {
        let not_seen = || {
            format!(
                "not seen within {}: {}",
                when.timeout,
                words(&when.seen, self.scene)
            )
        };
        match &when.seen {
            Condition::After(after) => match timeout_at(until, self.after(after)).await {
                Ok(cue) => cue,
                Err(_) => Err(not_seen()),
            },
            seen => loop {
                if let Some(what) = self.look(seen) {
                    let at = self.changes.borrow_and_update().at;
                    return Ok(Cue {
                        what,
                        at: at.unwrap_or_else(Instant::now),
                    });
                }
                let changed = timeout_at(until, self.changes.changed()).await;
                if !matches!(changed, Ok(Ok(()))) {
                    return Err(not_seen());
                }
            },
        }
    }

    fn look(&mut self, seen: &Condition) -> Option<String> {
        let view = self.scene.cluster.view();
        match seen {
            Condition::IsrOf(isr) => {
                let key = isr.key.unwrap_or_default();
                let partition = view.partition(key)?;
                has_size(isr, &partition).then(|| {
                    format!(
                        "the ISR of {} was seen to be {:?}",
                        self.scene.key_name(key),
                        partition.isr
                    )
                })
            }
            Condition::Election(election) => {
                let key = election.key.unwrap_or_default();
                let partition = view.partition(key)?;
                let before = *self.epoch.get_or_insert(partition.epoch);
                let leader = partition.leader.filter(|_| partition.epoch > before)?;
                self.epoch = Some(partition.epoch);
                Some(elected(self.scene, key, leader, partition.epoch))
            }
            Condition::ControllerChanged(_) => {
                let (node, term) = view.controller()?;
                let before = *self.term.get_or_insert(term);
                self.term = Some(term);
                (term > before)
                    .then(|| format!("node {node} was seen as the active controller of term {term}"))
            }
            Condition::After(_) => None,
        }
    }

    async fn after(&self, after: &After) -> Result<Cue, String> {
        let gone = || format!("the step `{}` never came so far", after.step);
        let mut mark = self.marks.marks.get(&after.step).ok_or_else(gone)?.subscribe();
        let at = loop {
            let now = *mark.borrow_and_update();
            match (now, after.is) {
                (Mark::Injected(at), Moment::Injected) | (Mark::Healed(at), _) => break at,
                (Mark::Gone, _) => return Err(gone()),
                (Mark::Waiting | Mark::Injected(_), _) => {}
            }
            mark.changed().await.map_err(|_| gone())?;
        };
        sleep(after.delay.duration()).await;
        let moment = match after.is {
            Moment::Injected => "came into force",
            Moment::Healed => "was healed",
        };
        Ok(Cue {
            what: format!("`{}` {moment}", after.step),
            at,
        })
    }
}

fn has_size(isr: &IsrOf, partition: &PartitionView) -> bool {
    let size = partition.isr.len();
    let most = isr.at_most.is_none_or(|most| size <= most as usize);
    let least = isr.at_least.is_none_or(|least| size >= least as usize);
    size > 0 && most && least
}

fn elected(scene: &Scene, key: Key, leader: history::NodeId, epoch: i32) -> String {
    format!(
        "node {leader} was seen to lead {} in epoch {epoch}",
        scene.key_name(key)
    )
}

/// What is waited for, in words.
pub(crate) fn words(seen: &Condition, scene: &Scene) -> String {
    let name = |key: Option<Key>| scene.key_name(key.unwrap_or_default());
    match seen {
        Condition::IsrOf(isr) => match (isr.at_most, isr.at_least) {
            (Some(most), _) => format!("an ISR of {} with at most {most} nodes", name(isr.key)),
            (None, least) => format!(
                "an ISR of {} with at least {} nodes",
                name(isr.key),
                least.unwrap_or(0)
            ),
        },
        Condition::Election(election) => format!("an election in {}", name(election.key)),
        Condition::ControllerChanged(_) => "another active controller".to_owned(),
        Condition::After(after) => match after.is {
            Moment::Injected => format!("`{}` in force", after.step),
            Moment::Healed => format!("`{}` healed", after.step),
        },
    }
}
