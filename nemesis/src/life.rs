//! The life of one fault: waited for, aimed, injected, in force, healed; each step of it in the history.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use history::{Fault, FaultStep, Moment, NodeId, Recorder, Span, What};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::cue::{Cue, Mark, Marks, Watch};
use crate::fault::{Action, Aim, Evidence, Power, Scene};
use crate::guard::Guard;
use crate::in_force::{FaultInForce, InForce};
use crate::limits::Hit;
use crate::step::{Start, Step};

/// How long finding a target may take.
const AIM_WITHIN: Duration = Duration::from_secs(10);
/// How long a fault that would break a limit waits for others to be healed.
const ROOM_WITHIN: Duration = Duration::from_secs(2);
/// How long a fault waits for nodes that another one starts anew as it is healed: what is injected then meets a process on its way out.
const RESTART_WITHIN: Duration = Duration::from_secs(30);
/// How long one try to heal may take, …
const HEAL_WITHIN: Duration = Duration::from_secs(30);
/// … how often it is tried, …
const HEAL_TRIES: u32 = 3;
/// … and the time between tries.
const HEAL_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// One step of the schedule on its way.
pub(crate) struct Life {
    pub(crate) id: u32,
    /// When it begins, or begins to wait.
    pub(crate) begin: Instant,
    pub(crate) step: Step,
    pub(crate) shared: Shared,
}

/// What all steps of a schedule share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) scene: Scene,
    pub(crate) recorder: Arc<dyn Recorder>,
    pub(crate) in_force: InForce,
    pub(crate) guard: Guard,
    pub(crate) marks: Marks,
}

/// How a step's own task ended.
pub(crate) enum Ended {
    /// It was not injected: no power, no target, no time.
    Skipped,
    /// Injecting it went wrong; what had been done is undone.
    FailedToInject,
    /// It was in force, and maybe still is.
    FailedToHeal,
    /// It was in force and is over.
    Healed { bit: bool },
    /// It is in force, and has to be healed.
    Left(Box<Live>),
}

impl Life {
    /// Runs until the fault is over, or has to be healed by the caller because `others_over` says so.
    pub(crate) async fn run(self, stop: CancellationToken, others_over: CancellationToken) -> Ended {
        let (marks, own) = (self.shared.marks.clone(), self.step.clone());
        let ended = self.live(stop, others_over).await;
        let mark = match &ended {
            Ended::Healed { .. } => Mark::Healed(Instant::now()),
            _ => Mark::Gone,
        };
        marks.set(&own, mark);
        ended
    }

    async fn live(self, stop: CancellationToken, others_over: CancellationToken) -> Ended {
        let lacks = self.step.fault.kind().needs().iter();
        let lacks = lacks.copied().find(|power| !self.shared.scene.has(*power));
        let admitted = async {
            let aimed = self.aim_in_time(lacks, &others_over).await?;
            self.find_room(aimed).await
        };
        let aimed = match stop.run_until_cancelled(admitted).await {
            Some(Ok(aimed)) => aimed,
            Some(Err(reason)) => return self.skip(&reason),
            None => return self.skip("the run was interrupted before its time"),
        };
        let lasts = self.step.lasts;
        let live = match self.alive(aimed).inject(&stop).await {
            Ok(live) => live,
            Err(failed) => return failed,
        };
        let until = lasts.map(|lasts| Instant::now() + lasts.duration());
        live.last(until, &others_over).await
    }

    /// Waits for its time, or for what it has to see, and finds whom it hits then.
    async fn aim_in_time(
        &self,
        lacks: Option<Power>,
        others_over: &CancellationToken,
    ) -> Result<(Aim, Option<Cue>), String> {
        sleep_until(self.begin).await;
        if let Some(power) = lacks {
            return Err(format!("this environment lacks the power `{}`", power.word()));
        }
        let Start::When(when) = &self.step.start else {
            return Ok((self.aim().await?, None));
        };
        let until = self.begin + when.timeout.duration();
        let mut watch = Watch::new(&self.shared.scene, &self.shared.marks);
        loop {
            let cue = watch.wait(when, until);
            // One that would last until the others are over has no time left once they are.
            let cue = if self.step.lasts.is_some() {
                cue.await?
            } else {
                let cue = others_over.run_until_cancelled(cue).await;
                cue.ok_or_else(|| "the other steps were over before".to_owned())??
            };
            let aim = self.aim().await?;
            let late = |within: Span| cue.at.elapsed() > within.duration();
            if !when.within().is_some_and(late) {
                return Ok((aim, Some(cue)));
            }
        }
    }

    async fn aim(&self) -> Result<Aim, String> {
        match timeout(AIM_WITHIN, self.step.fault.kind().aim(&self.shared.scene)).await {
            Ok(aimed) => aimed.map_err(|none| none.0),
            Err(_) => Err(format!("no target found within {AIM_WITHIN:?}")),
        }
    }

    /// Takes it down as in force. Where that breaks a limit, what is about to be healed is waited for, as healing and
    /// injecting take longer than a schedule knows.
    async fn find_room(&self, (mut aim, cue): (Aim, Option<Cue>)) -> Result<Aimed, String> {
        let restarted_by = Instant::now() + RESTART_WITHIN;
        // One that was waiting for something to see is to come right after that.
        while cue.is_none() {
            let room = self.shared.guard.room();
            if !self.shared.guard.restarts_any(&aim.nodes) || timeout_at(restarted_by, room).await.is_err() {
                break;
            }
            aim = self.aim().await?;
        }
        let until = Instant::now() + ROOM_WITHIN;
        loop {
            let others = self.shared.scene.others(&aim.nodes);
            let hit = Hit {
                impairs: self.step.fault.kind().impairs(&aim.nodes, &others),
                nodes: aim.nodes.clone(),
            };
            let room = self.shared.guard.room();
            match self.shared.guard.admit(self.id, hit.clone(), self.step.exceed) {
                Ok(note) => return Ok(Aimed { aim, hit, note, cue }),
                Err(reason) => timeout_at(until, room).await.map_err(|_| reason)?,
            }
            aim = self.aim().await?;
        }
    }

    fn alive(self, aimed: Aimed) -> Live {
        let Aimed { aim, hit, note, cue } = aimed;
        let mut detail = aim.detail;
        if let Some(note) = note {
            detail = format!("{detail}; {note}");
        }
        if let Some(cue) = cue {
            let after = cue.at.elapsed().as_millis();
            detail = format!("{detail}; {after} ms after {}", cue.what);
        }
        Live {
            life: self,
            hit,
            detail,
            action: aim.action,
            injected_at: 0,
        }
    }

    fn skip(&self, reason: &str) -> Ended {
        let detail = self.step.fault.kind().describe(&self.shared.scene);
        let reason = reason.to_owned();
        self.record(&Hit::nobody(), &detail, FaultStep::Skipped { reason });
        Ended::Skipped
    }

    fn record(&self, hit: &Hit, detail: &str, step: FaultStep) -> u64 {
        let begins = step == FaultStep::Injecting;
        self.shared.recorder.record(What::Fault(Fault {
            id: self.id,
            kind: self.step.fault.name().to_owned(),
            nodes: hit.nodes.clone(),
            detail: detail.to_owned(),
            impairs: begins.then(|| hit.impairs.clone()),
            step,
        }))
    }
}

/// A fault that knows whom it hits, and for which there is room.
struct Aimed {
    aim: Aim,
    hit: Hit,
    /// Which limit it breaks on purpose.
    note: Option<String>,
    /// What it waited for.
    cue: Option<Cue>,
}

/// A fault that is in force, or on its way there.
pub(crate) struct Live {
    life: Life,
    hit: Hit,
    detail: String,
    action: Box<dyn Action>,
    injected_at: u64,
}

impl Live {
    /// When it came into force, by the history's clock.
    pub(crate) fn injected_at(&self) -> u64 {
        self.injected_at
    }

    async fn inject(mut self, stop: &CancellationToken) -> Result<Self, Ended> {
        self.record(FaultStep::Injecting);
        let within = self.life.step.fault.kind().inject_within();
        let injection = timeout(within, self.action.inject(&self.life.shared.scene));
        let error = match stop.run_until_cancelled(injection).await {
            Some(Ok(Ok(()))) => {
                self.injected_at = self.record(FaultStep::Injected);
                self.life.shared.in_force.enter(FaultInForce {
                    id: self.life.id,
                    kind: self.life.step.fault.name(),
                    nodes: self.hit.nodes.clone(),
                });
                let mark = Mark::Injected(Instant::now());
                self.life.shared.marks.set(&self.life.step, mark);
                return Ok(self);
            }
            Some(Ok(Err(error))) => format!("{error:#}"),
            Some(Err(_)) => format!("not in force within {within:?}"),
            None => "interrupted before it was in force".to_owned(),
        };
        let error = match self.undo().await {
            Ok(_) => {
                self.life.shared.guard.release(self.life.id);
                error
            }
            Err(also) => format!("{error}; and then healing: {also:#}"),
        };
        self.record(FaultStep::Failed { error });
        Err(Ended::FailedToInject)
    }

    /// Stays in force until its time is over and heals; is left in force where the others' end comes first.
    async fn last(self, until: Option<Instant>, others_over: &CancellationToken) -> Ended {
        if let Some(until) = until {
            let over = others_over.run_until_cancelled(sleep_until(until)).await;
            if over.is_some() && !self.life.step.fault.kind().stays() {
                return self.heal().await;
            }
        } else {
            others_over.cancelled().await;
        }
        Ended::Left(Box::new(self))
    }

    /// Ends it.
    pub(crate) async fn heal(mut self) -> Ended {
        self.record(FaultStep::Healing);
        let (cluster, at_risk) = (self.life.shared.scene.cluster.clone(), self.at_risk());
        cluster.keep(&at_risk, Moment::BeforeHeal(self.life.id)).await;
        let guard = self.life.shared.guard.clone();
        guard.begin_restart(self.life.id, self.action.restarts());
        let healed = self.undo().await;
        guard.end_restart(self.life.id);
        self.life.shared.in_force.leave(self.life.id);
        match healed {
            Ok(Evidence { bit, text }) => {
                self.life.shared.guard.release(self.life.id);
                self.record(FaultStep::Healed { bit, evidence: text });
                Ended::Healed { bit }
            }
            Err(error) => {
                self.record(FaultStep::Failed {
                    error: format!("heal: {error:#}"),
                });
                Ended::FailedToHeal
            }
        }
    }

    /// Once it is healed, whoever was deposed meanwhile may cut off the end of his log: where nodes were apart that is anybody,
    /// otherwise who was hit.
    fn at_risk(&self) -> Vec<NodeId> {
        let needs = self.life.step.fault.kind().needs();
        if needs.contains(&Power::Network) || needs.contains(&Power::Shaping) {
            self.life.shared.scene.cluster.nodes()
        } else {
            self.hit.nodes.clone()
        }
    }

    async fn undo(&mut self) -> Result<Evidence> {
        let mut failed = None;
        for attempt in 0..HEAL_TRIES {
            if attempt > 0 {
                sleep(HEAL_AGAIN_AFTER).await;
            }
            match timeout(HEAL_WITHIN, self.action.heal(&self.life.shared.scene)).await {
                Ok(Ok(evidence)) => return Ok(evidence),
                Ok(Err(error)) => failed = Some(error),
                Err(_) => failed = Some(anyhow!("not over within {HEAL_WITHIN:?}")),
            }
        }
        Err(failed.unwrap_or_else(|| anyhow!("was never tried")))
    }

    fn record(&self, step: FaultStep) -> u64 {
        self.life.record(&self.hit, &self.detail, step)
    }
}
