//! What events show while they are written: latencies, faults in force, and what looks wrong already.
//!
//! Only what is cheap is looked at. Whether anything was lost is known when everything has been read back, and the judge alone says so.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use history::{
    Event, F, Fault, FaultStep, Key, NodeId, Observed, Offset, Op, Probe, Topic, Value, What, key_name,
};

use super::histogram::Histogram;
use super::view::FaultShown;

/// Latencies are told of the last so many seconds.
const SECONDS: usize = 5;
/// So many offsets of a partition are remembered.
const OFFSETS_MAX: usize = 4096;
/// So many epochs are remembered.
const EPOCHS_MAX: usize = 65_536;
/// So many things that look wrong are told one by one.
const WRONG_MAX: usize = 4;

/// Watches a history as it is written.
pub struct Watch {
    topics: Vec<Topic>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// When each process began the write that it has open.
    open: HashMap<u32, u64>,
    latencies: Latencies,
    faults: BTreeMap<u32, FaultShown>,
    leaders: BTreeMap<(Key, i32), NodeId>,
    offsets: BTreeMap<Key, BTreeMap<Offset, Value>>,
    wrong: Vec<String>,
    wrong_more: u64,
}

/// What was seen up to a moment.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// Half of the acknowledged writes of the last seconds took no longer than the first, 99 in 100 no longer than the second, in
    /// nanoseconds.
    pub latency: Option<(u64, u64)>,
    /// The faults in force.
    pub faults: Vec<FaultShown>,
    /// What looks wrong, a sentence each.
    pub wrong: Vec<String>,
    /// How much more does.
    pub wrong_more: u64,
}

impl Watch {
    /// Watches a history of these topics.
    pub fn new(topics: Vec<Topic>) -> Self {
        Self {
            topics,
            inner: Mutex::default(),
        }
    }

    /// The next event.
    pub fn event(&self, event: &Event) {
        match &event.what {
            What::Invoke(op) if matches!(op.f, F::Send(_) | F::Txn(_)) => {
                self.lock().open.insert(op.process, event.time);
            }
            What::Ok(op) => self.lock().acknowledged(event.time, op, &self.topics),
            What::Fail(op) | What::Info(op) => {
                self.lock().open.remove(&op.process);
            }
            What::Fault(fault) => self.lock().fault(event.time, fault),
            What::Observed(observed) => self.lock().observed(observed, &self.topics),
            _ => {}
        }
    }

    /// What there is to tell at a time.
    pub fn now(&self, time: u64) -> Watched {
        let mut inner = self.lock();
        Watched {
            latency: inner.latencies.now(time),
            faults: inner.faults.values().cloned().collect(),
            wrong: inner.wrong.clone(),
            wrong_more: inner.wrong_more,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn acknowledged(&mut self, time: u64, op: &Op, topics: &[Topic]) {
        if let Some(begun) = self.open.remove(&op.process) {
            self.latencies.add(time, time.saturating_sub(begun));
        }
        let F::Send(send) = &op.f else { return };
        let Some(offset) = send.offset else { return };
        let known = self.offsets.entry(send.key).or_default();
        match known.entry(offset) {
            Entry::Vacant(vacant) => {
                vacant.insert(send.value);
            }
            Entry::Occupied(other) if *other.get() != send.value => {
                let text = format!(
                    "{}: two acknowledged writes at offset {offset}, values {} and {}",
                    key_name(topics, send.key),
                    other.get(),
                    send.value
                );
                self.looks_wrong(text);
            }
            Entry::Occupied(_) => {}
        }
        if let Some(known) = self
            .offsets
            .get_mut(&send.key)
            .filter(|known| known.len() > OFFSETS_MAX)
        {
            known.pop_first();
        }
    }

    fn fault(&mut self, time: u64, fault: &Fault) {
        match &fault.step {
            FaultStep::Injected => {
                self.faults.insert(
                    fault.id,
                    FaultShown {
                        kind: fault.kind.clone(),
                        detail: fault.detail.clone(),
                        since: time,
                    },
                );
            }
            FaultStep::Healed { .. } | FaultStep::Failed { .. } => {
                self.faults.remove(&fault.id);
            }
            FaultStep::Injecting | FaultStep::Healing | FaultStep::Skipped { .. } => {}
        }
    }

    fn observed(&mut self, observed: &Observed, topics: &[Topic]) {
        let Probe::Metadata(metadata) = &observed.answer else {
            return;
        };
        for claim in &metadata.claims {
            let Some(leader) = claim.leader else { continue };
            let known = *self.leaders.entry((claim.key, claim.epoch)).or_insert(leader);
            if known != leader {
                // Told once.
                self.leaders.insert((claim.key, claim.epoch), leader);
                self.looks_wrong(format!(
                    "{}: nodes {known} and {leader} were both named as leader of epoch {}",
                    key_name(topics, claim.key),
                    claim.epoch
                ));
            }
        }
        while self.leaders.len() > EPOCHS_MAX {
            self.leaders.pop_first();
        }
    }

    fn looks_wrong(&mut self, text: String) {
        if self.wrong.len() < WRONG_MAX {
            self.wrong.push(text);
        } else {
            self.wrong_more += 1;
        }
    }
}

/// Latencies of the last seconds, second by second.
#[derive(Default)]
struct Latencies {
    seconds: [Histogram; SECONDS],
    /// The newest second.
    second: u64,
}

impl Latencies {
    fn add(&mut self, time: u64, length: u64) {
        self.reach(time);
        self.seconds[(self.second % SECONDS as u64) as usize].add(length);
    }

    /// Forgets what is too long ago by then.
    fn reach(&mut self, time: u64) {
        let second = time / 1_000_000_000;
        let passed = second.saturating_sub(self.second).min(SECONDS as u64);
        for back in 0..passed {
            self.seconds[((second - back) % SECONDS as u64) as usize].clear();
        }
        self.second = self.second.max(second);
    }

    fn now(&mut self, time: u64) -> Option<(u64, u64)> {
        self.reach(time);
        let mut all = Histogram::default();
        for second in &self.seconds {
            all.join(second);
        }
        all.percentile(50).zip(all.percentile(99))
    }
}

#[cfg(test)]
mod tests {
    use history::{Claim, Metadata, Send};

    use super::*;

    const MS: u64 = 1_000_000;

    fn send(process: u32, value: u64, offset: Option<i64>) -> Op {
        let send = Send {
            key: 0,
            value,
            offset,
            broker: None,
        };
        Op::new(process, value, F::Send(send))
    }

    fn watch(events: &[(u64, What)]) -> Watch {
        let topics = vec![Topic {
            name: "log".to_owned(),
            partitions: 1,
            replication_factor: 3,
            min_insync_replicas: 2,
            unclean_election: false,
            config: BTreeMap::new(),
        }];
        let watch = Watch::new(topics);
        for (time, what) in events {
            watch.event(&Event {
                time: *time,
                what: what.clone(),
            });
        }
        watch
    }

    fn named(leader: Option<u32>, epoch: i32) -> What {
        let claim = Claim {
            key: 0,
            leader,
            epoch,
            isr: vec![1],
        };
        What::Observed(Observed {
            node: 1,
            incarnation: 0,
            asked: 0,
            answer: Probe::Metadata(Metadata { claims: vec![claim] }),
        })
    }

    #[test]
    fn latencies_are_of_acknowledged_writes_of_the_last_seconds() {
        let watch = watch(&[
            (0, What::Invoke(send(1, 1, None))),
            (0, What::Invoke(send(2, 2, None))),
            (4 * MS, What::Ok(send(1, 1, Some(0)))),
            (900 * MS, What::Info(send(2, 2, None))),
        ]);
        let (half, most) = watch.now(1_000 * MS).latency.expect("one was acknowledged");
        assert!((4 * MS..5 * MS).contains(&half) && half == most, "{half} {most}");
        assert_eq!(watch.now(7_000 * MS).latency, None);
    }

    #[test]
    fn two_leaders_of_one_epoch_and_two_values_at_one_offset_look_wrong() {
        let quiet = watch(&[
            (0, named(Some(1), 1)),
            (1, named(None, 2)),
            (2, named(Some(2), 2)),
            (3, named(Some(1), 1)),
            (4, What::Ok(send(1, 1, Some(7)))),
        ]);
        assert_eq!(quiet.now(5).wrong, Vec::<String>::new());
        let wrong = watch(&[
            (0, named(Some(1), 1)),
            (1, named(Some(2), 1)),
            (2, What::Ok(send(1, 1, Some(7)))),
            (3, What::Ok(send(2, 2, Some(7)))),
        ])
        .now(5)
        .wrong;
        assert_eq!(
            wrong,
            [
                "log-0: nodes 1 and 2 were both named as leader of epoch 1",
                "log-0: two acknowledged writes at offset 7, values 1 and 2"
            ]
        );
    }

    #[test]
    fn a_fault_is_in_force_until_it_is_healed() {
        let fault = |step: FaultStep| {
            What::Fault(Fault {
                id: 1,
                kind: "kill".to_owned(),
                nodes: vec![1],
                detail: "node 1".to_owned(),
                impairs: None,
                step,
            })
        };
        let healed = FaultStep::Healed {
            bit: true,
            evidence: String::new(),
        };
        let watch = watch(&[(0, fault(FaultStep::Injecting)), (1, fault(FaultStep::Injected))]);
        assert_eq!(watch.now(2).faults.len(), 1);
        watch.event(&Event {
            time: 3,
            what: fault(healed),
        });
        assert!(watch.now(4).faults.is_empty());
    }
}
