//! While the faults are within what the configuration tolerates, each partition that clients write to makes progress.
//!
//! A store that never answers breaks no promise about what it answered, so safety alone is not enough. But
//! progress can only be asked for where enough is left to make it: the nodes that are up and can all talk with each
//! other are a majority of the controllers and, of each partition, as many replicas as `min.insync.replicas` asks for,
//! one of which was in sync when the others went. It is asked for in stretches of time in which that does not change:
//! each fault that takes something away or gives it back begins a new one, so that a stretch may begin with an
//! election, with brokers that start and with clients that try again. What may hold partitions up in ways that other
//! replicas do not make up for (slow nodes, lossy links, a fault that does not say what it takes away or that could
//! not be healed) is not asked through. How long a partition may go without an acknowledged write within a stretch is
//! the plan's to say; what says nothing of it is not judged, and neither are histories from elsewhere.

mod demand;
pub(in crate::checks) mod ground;

use std::collections::BTreeMap;

use history::{Event, F, Header, Key, Mop, NodeId, Op, Phase, Probe, Span, What};

use crate::anomaly::NO_PROGRESS;
use crate::context::{Context, distinct, with_faults};
use crate::outcome::{Kept, Outcome};
use crate::text::{self, seconds};
use crate::verdict::Case;
use demand::{Demand, Gap};
use ground::{Ground, Stand};

/// A partition that made no progress.
pub(crate) struct Starved {
    key: Key,
    gap: Gap,
    /// Since when nothing had changed, and who was gone meanwhile.
    since: u64,
    gone: Vec<NodeId>,
}

/// What the walk through the history gathers of progress.
#[derive(Default)]
pub(crate) struct Progress {
    /// How long a partition may go without; 0 where nobody asks.
    limit: u64,
    ground: Ground,
    demands: Vec<Demand>,
    /// What the open operation of each process writes to.
    open: BTreeMap<u32, Vec<Key>>,
    /// The stretch that is going on.
    stretch: Option<Stand>,
    starved: Kept<Starved>,
    /// Stretches that were long enough to be judged.
    judged: u64,
    now: u64,
}

impl Progress {
    pub(crate) fn new(header: &Header) -> Self {
        let limit = header.expect.liveness.filter(|_| header.expect.acks != "0");
        let limit = limit.map_or(0, Span::as_nanos);
        let keys = if limit == 0 {
            0
        } else {
            crate::index::keys_of(header)
        };
        Self {
            limit,
            ground: Ground::new(header, keys),
            demands: (0..keys).map(|_| Demand::default()).collect(),
            ..Self::default()
        }
    }

    /// The next event.
    pub(crate) fn event(&mut self, event: &Event) {
        if self.limit == 0 {
            return;
        }
        self.now = event.time;
        match &event.what {
            What::Phase(Phase::Steady) => self.change(event.time, true),
            What::Phase(Phase::Settle | Phase::FinalReads | Phase::Teardown) => self.end(event.time),
            What::Fault(fault) if self.ground.fault(fault) => self.change(event.time, self.stretch.is_some()),
            What::Node(node) if self.ground.node(node) => self.change(event.time, self.stretch.is_some()),
            What::Observed(observed) => {
                if let Probe::Metadata(metadata) = &observed.answer {
                    for claim in &metadata.claims {
                        self.ground.claim(event.time, observed.node, claim);
                    }
                    if let Some(stretch) = &mut self.stretch {
                        stretch.excuse(event.time, &metadata.claims);
                    }
                }
            }
            What::Invoke(op) => self.invoked(event.time, op),
            What::Ok(op) => self.completed(event.time, op, true),
            What::Fail(op) | What::Info(op) => self.completed(event.time, op, false),
            _ => {}
        }
    }

    /// The walk is over.
    pub(crate) fn finish(&mut self) {
        self.end(self.now);
    }

    /// What is tolerated is another from now on.
    fn change(&mut self, time: u64, goes_on: bool) {
        let stand = self.ground.stand(time);
        if goes_on
            && self
                .stretch
                .as_ref()
                .is_some_and(|stretch| stretch.is_like(&stand))
        {
            return;
        }
        self.end(time);
        if goes_on {
            for demand in &mut self.demands {
                demand.begin(time);
            }
            self.stretch = Some(stand);
        }
    }

    /// The stretch ends here, and is judged.
    fn end(&mut self, time: u64) {
        let Some(stretch) = self.stretch.take() else {
            return;
        };
        if time.saturating_sub(stretch.since) < self.limit || !stretch.is_asked() {
            return;
        }
        self.judged += 1;
        for key in 0..self.demands.len() as Key {
            let gap = self.demands[key as usize].until(time);
            self.judge(&stretch, key, gap);
        }
    }

    fn judge(&mut self, stretch: &Stand, key: Key, gap: Option<Gap>) {
        let long = gap.filter(|gap| gap.length() >= self.limit && stretch.asks(key));
        if let Some(gap) = long {
            self.starved.push(|| Starved {
                key,
                gap,
                since: stretch.since,
                gone: stretch.gone.clone(),
            });
        }
    }

    fn invoked(&mut self, time: u64, op: &Op) {
        let keys = written(&op.f, self.demands.len());
        if !keys.is_empty() {
            for key in &keys {
                if let Some(demand) = self.demands.get_mut(*key as usize) {
                    demand.asked(time, self.limit);
                }
            }
            self.open.insert(op.process, keys);
        }
    }

    fn completed(&mut self, time: u64, op: &Op, acknowledged: bool) {
        for key in self.open.remove(&op.process).into_iter().flatten() {
            let Some(demand) = self.demands.get_mut(key as usize) else {
                continue;
            };
            if !acknowledged {
                demand.given_up(time);
                continue;
            }
            let gap = demand.served(time);
            if let Some(stretch) = self.stretch.take() {
                // What was acknowledged late was acknowledged too late.
                if stretch.is_asked() {
                    self.judge(&stretch, key, gap);
                }
                self.stretch = Some(stretch);
            }
        }
    }
}

/// The partitions that an operation writes to, of so many; lists and registers live in them by their numbers.
fn written(f: &F, partitions: usize) -> Vec<Key> {
    match f {
        F::Send(send) => vec![send.key],
        F::Txn(txn) => {
            let sends = txn.mops.iter().filter_map(|mop| match mop {
                Mop::Send(send) => Some(send.key),
                Mop::Append(object, _) | Mop::Write(object, _) => Some(object % partitions.max(1) as Key),
                _ => None,
            });
            distinct(sends)
        }
        _ => Vec::new(),
    }
}

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    let progress = &context.progress;
    if progress.limit == 0 {
        return outcome;
    }
    if progress.judged == 0 {
        outcome.note(format!(
            "progress was not asked for: the faults were in no stretch of {} unchanged and within what the \
             configuration tolerates",
            seconds(progress.limit)
        ));
    }
    outcome.violations(NO_PROGRESS, &progress.starved, |starved| {
        case(context, progress, starved)
    });
    outcome
}

fn case(context: &Context, progress: &Progress, starved: &Starved) -> Case {
    let Starved {
        key,
        gap,
        since,
        gone,
    } = starved;
    let name = context.name(*key);
    let until = seconds(gap.to);
    let left = progress.ground.left(gone);
    let mut story = vec![
        format!(
            "No write to {name} was acknowledged for {}, from {} to {until}, although clients wrote to it; the plan \
             allows {}.",
            seconds(gap.length()),
            seconds(gap.from),
            seconds(progress.limit)
        ),
        format!(
            "From {} on nothing changed that would take a node away or give one back: {} up and together.",
            seconds(*since),
            if left.len() == 1 {
                format!("node {} was", left[0])
            } else {
                format!("{} were", text::nodes(&left))
            }
        ),
    ];
    if let Some((replicas, needed)) = progress.ground.demands_of(*key) {
        story.push(format!(
            "{name} has {replicas} replicas, of which {needed} have to be in sync, and {} gone.",
            match gone.as_slice() {
                [] => "no node was".to_owned(),
                [node] => format!("only node {node} was"),
                nodes => format!("only {} were", text::nodes(nodes)),
            }
        ));
    }
    Case {
        nodes: gone.clone(),
        story: with_faults(context, gap.from, story),
        ..context.case(gap.from, *key)
    }
}
