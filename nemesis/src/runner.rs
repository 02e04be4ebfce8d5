//! Carries a schedule out: injects at the steps' times, heals each when it is over, and at the end, on ctrl-C too,
//! whatever is still in force, the newest first.

use std::sync::Arc;

use cluster::Cluster;
use history::{Recorder, Topic};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cue::Marks;
use crate::fault::Scene;
use crate::guard::Guard;
use crate::in_force::InForce;
use crate::life::{Ended, Life, Live, Shared};
use crate::limits::FaultLimits;
use crate::step::Step;

/// What came of a schedule, by number of faults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Brought into force.
    pub injected: u32,
    /// Healed, with evidence that they had an effect.
    pub bitten: u32,
    /// Not injected: no power, no target, or the run was over before.
    pub skipped: u32,
    /// Injecting or healing went wrong.
    pub failed: u32,
}

/// Injects the faults of a schedule into a cluster.
pub struct Nemesis {
    scene: Scene,
    recorder: Arc<dyn Recorder>,
    in_force: InForce,
    limits: FaultLimits,
}

impl Nemesis {
    /// A nemesis of this cluster, whose workload writes to these topics.
    pub fn new(cluster: Arc<dyn Cluster>, topics: &[Topic], recorder: Arc<dyn Recorder>) -> Self {
        Self {
            scene: Scene::new(cluster, topics).recording(recorder.clone()),
            recorder,
            in_force: InForce::default(),
            limits: FaultLimits::default(),
        }
    }

    /// The same, kept to these limits.
    pub fn within(self, limits: FaultLimits) -> Self {
        Self { limits, ..self }
    }

    /// The faults in force, for the progress line: a handle that stays true while [`Self::run`] runs.
    pub fn in_force(&self) -> InForce {
        self.in_force.clone()
    }

    /// Runs the steps of a schedule, as [`crate::NemesisConfig::resolve`] made it, to its end or until `stop`. Nothing is in
    /// force when it returns, except what could not be healed, which the history names.
    pub async fn run(self, steps: Vec<Step>, stop: CancellationToken) -> Tally {
        let others_over = stop.child_token();
        let mut with_end = steps.iter().filter(|step| step.lasts.is_some()).count();
        let mut lives = self.begin(steps, &stop, &others_over);
        let mut tally = Tally::default();
        let mut ledger = Vec::new();
        while let Some(life) = lives.join_next().await {
            let Ok((had_end, ended)) = life else {
                // A fault that panicked: the rest is healed rather than waited for.
                tally.failed += 1;
                others_over.cancel();
                continue;
            };
            with_end -= usize::from(had_end);
            if with_end == 0 {
                others_over.cancel();
            }
            match ended {
                Ended::Left(live) => ledger.push(*live),
                over => tally.count(&over),
            }
        }
        heal_all(ledger, &mut tally).await;
        tally
    }

    /// Every step as a task of its own, which ends when its fault is over or has to be healed by the ledger.
    fn begin(
        &self,
        steps: Vec<Step>,
        stop: &CancellationToken,
        others_over: &CancellationToken,
    ) -> JoinSet<(bool, Ended)> {
        let begun = Instant::now();
        let shared = Shared {
            scene: self.scene.clone(),
            recorder: self.recorder.clone(),
            in_force: self.in_force.clone(),
            guard: Guard::new(self.limits.clone(), self.scene.members().groups()),
            marks: Marks::of(&steps),
        };
        let mut lives = JoinSet::new();
        for (id, step) in steps.into_iter().enumerate() {
            let had_end = step.lasts.is_some();
            let life = Life {
                id: id as u32,
                begin: begun + step.earliest().duration(),
                step,
                shared: shared.clone(),
            };
            let (stop, others_over) = (stop.clone(), others_over.clone());
            lives.spawn(async move { (had_end, life.run(stop, others_over).await) });
        }
        lives
    }
}

/// Heals what is still in force, the newest first, one after the other.
async fn heal_all(mut ledger: Vec<Live>, tally: &mut Tally) {
    ledger.sort_by_key(Live::injected_at);
    while let Some(live) = ledger.pop() {
        tally.count(&live.heal().await);
    }
}

impl Tally {
    fn count(&mut self, ended: &Ended) {
        match ended {
            Ended::Skipped => self.skipped += 1,
            Ended::FailedToInject => self.failed += 1,
            Ended::FailedToHeal => {
                self.injected += 1;
                self.failed += 1;
            }
            Ended::Healed { bit } => {
                self.injected += 1;
                self.bitten += u32::from(*bit);
            }
            Ended::Left(_) => {}
        }
    }
}
