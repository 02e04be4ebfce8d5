//! The life of one fault: waited for, aimed, injected, in force, healed; each step of it in the history.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use history::{Fault, FaultStep, NodeId, Recorder, What};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::config::Step;
use crate::fault::{Action, Aim, Evidence, Scene};
use crate::in_force::{FaultInForce, InForce};

/// How long finding a target may take.
const AIM_WITHIN: Duration = Duration::from_secs(10);
/// How long an injection may take, whatever the fault allows itself.
const INJECT_WITHIN: Duration = Duration::from_secs(120);
/// How long one try to heal may take, …
const HEAL_WITHIN: Duration = Duration::from_secs(30);
/// … how often it is tried, …
const HEAL_TRIES: u32 = 3;
/// … and the time between tries.
const HEAL_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// One step of the schedule on its way.
pub(crate) struct Life {
    pub(crate) id: u32,
    pub(crate) begin: Instant,
    pub(crate) step: Step,
    pub(crate) scene: Scene,
    pub(crate) recorder: Arc<dyn Recorder>,
    pub(crate) in_force: InForce,
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
        let interrupted = stop.run_until_cancelled(sleep_until(self.begin)).await.is_none();
        if interrupted {
            return self.skip("the run was interrupted before its time");
        }
        let lacks = self.step.fault.kind().needs().iter();
        if let Some(power) = lacks.copied().find(|power| !self.scene.has(*power)) {
            return self.skip(&format!("this environment lacks the power `{}`", power.word()));
        }
        let Aim {
            nodes,
            detail,
            action,
        } = match self.aim().await {
            Ok(aim) => aim,
            Err(reason) => return self.skip(&reason),
        };
        let lasts = self.step.lasts;
        let live = Live {
            life: self,
            nodes,
            detail,
            action,
            injected_at: 0,
        };
        let live = match live.inject(&stop).await {
            Ok(live) => live,
            Err(failed) => return failed,
        };
        let until = lasts.map(|lasts| Instant::now() + lasts.duration());
        live.last(until, &others_over).await
    }

    async fn aim(&self) -> Result<Aim, String> {
        match timeout(AIM_WITHIN, self.step.fault.kind().aim(&self.scene)).await {
            Ok(aimed) => aimed.map_err(|none| none.0),
            Err(_) => Err(format!("no target found within {AIM_WITHIN:?}")),
        }
    }

    fn skip(&self, reason: &str) -> Ended {
        let detail = self.step.fault.kind().describe(&self.scene);
        let reason = reason.to_owned();
        self.record(&[], &detail, FaultStep::Skipped { reason });
        Ended::Skipped
    }

    fn record(&self, nodes: &[NodeId], detail: &str, step: FaultStep) -> u64 {
        self.recorder.record(What::Fault(Fault {
            id: self.id,
            kind: self.step.fault.name().to_owned(),
            nodes: nodes.to_vec(),
            detail: detail.to_owned(),
            step,
        }))
    }
}

/// A fault that is in force, or on its way there.
pub(crate) struct Live {
    life: Life,
    nodes: Vec<NodeId>,
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
        let injection = timeout(INJECT_WITHIN, self.action.inject(&self.life.scene));
        let error = match stop.run_until_cancelled(injection).await {
            Some(Ok(Ok(()))) => {
                self.injected_at = self.record(FaultStep::Injected);
                self.life.in_force.enter(FaultInForce {
                    id: self.life.id,
                    kind: self.life.step.fault.name(),
                    nodes: self.nodes.clone(),
                });
                return Ok(self);
            }
            Some(Ok(Err(error))) => format!("{error:#}"),
            Some(Err(_)) => format!("not in force within {INJECT_WITHIN:?}"),
            None => "interrupted before it was in force".to_owned(),
        };
        let error = match self.undo().await {
            Ok(_) => error,
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
        let healed = self.undo().await;
        self.life.in_force.leave(self.life.id);
        match healed {
            Ok(Evidence { bit, text }) => {
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

    async fn undo(&mut self) -> Result<Evidence> {
        let mut failed = None;
        for attempt in 0..HEAL_TRIES {
            if attempt > 0 {
                sleep(HEAL_AGAIN_AFTER).await;
            }
            match timeout(HEAL_WITHIN, self.action.heal(&self.life.scene)).await {
                Ok(Ok(evidence)) => return Ok(evidence),
                Ok(Err(error)) => failed = Some(error),
                Err(_) => failed = Some(anyhow!("not over within {HEAL_WITHIN:?}")),
            }
        }
        Err(failed.unwrap_or_else(|| anyhow!("was never tried")))
    }

    fn record(&self, step: FaultStep) -> u64 {
        self.life.record(&self.nodes, &self.detail, step)
    }
}
