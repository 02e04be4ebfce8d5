//! From what a plan says to the steps of one run: a pure function of the plan, the seed and the cluster's shape.

mod order;
mod swarm;
#[cfg(test)]
mod tests;
mod walk;

use std::time::Duration;

use history::Span;

use crate::config::{Invalid, NemesisConfig, Schedule};
use crate::draw::{Draw, Stream};
use crate::faults::FaultSpec;
use crate::members::Members;
use crate::roll::VersionChange;
use crate::step::{Start, Step};
use crate::weighted::Weighted;
use walk::Walk;

/// More steps than this are a mistake in a plan's units.
const STEPS_MAX: usize = 10_000;

/// The cluster that a schedule is drawn for, and the seed.
#[derive(Clone, Copy)]
struct Ground<'a> {
    seed: u64,
    members: &'a Members,
    keys: u32,
}

impl<'a> Ground<'a> {
    fn draw(&self, stream: Stream<'_>) -> Draw<'a> {
        Draw::new(self.seed, stream, self.members, self.keys)
    }
}

impl NemesisConfig {
    /// The same with every random choice drawn: a list of steps in the order of their times, which resolves to
    /// itself, whatever the seed.
    pub fn resolved(&self, seed: u64, members: impl Into<Members>, keys: u32) -> Result<Self, Invalid> {
        if self.is_none() {
            return Ok(self.clone());
        }
        let members = &members.into();
        let ground = Ground { seed, members, keys };
        let mut off = self.off.clone();
        let steps = match &self.schedule {
            Schedule::None => Vec::new(),
            Schedule::Steps(steps) => steps.clone(),
            Schedule::Random(random) => {
                let mix = random.mix();
                self.check_mix(&mix, random.duration, "duration", ground)
                    .map_err(|error| error.inside(&["random"]))?;
                off = swarm::off(random.swarm, &self.kinds(), ground);
                let mut walk = Walk::new(ground, &self.limits, &off);
                walk.period(0, &mix, 0, random.duration.as_millis());
                walk.steps()
            }
            Schedule::Rotation(rotation) => {
                self.check_rotation(rotation, ground)
                    .map_err(|error| error.inside(&["rotation"]))?;
                off = swarm::off(rotation.swarm, &self.kinds(), ground);
                let mut walk = Walk::new(ground, &self.limits, &off);
                walk.rotation(rotation);
                walk.steps()
            }
        };
        Ok(Self {
            schedule: Schedule::Steps(finish(steps, ground)?),
            limits: self.limits.clone(),
            off,
        })
    }

    /// The steps of [`NemesisConfig::resolved`].
    pub fn resolve(&self, seed: u64, members: impl Into<Members>, keys: u32) -> Result<Vec<Step>, Invalid> {
        match self.resolved(seed, members, keys)?.schedule {
            Schedule::Steps(steps) => Ok(steps),
            _ => Ok(Vec::new()),
        }
    }

    /// Whether the plan declares a run without faults.
    pub fn is_none(&self) -> bool {
        self.schedule == Schedule::None
    }

    /// The kinds of fault that it may inject, each once, in the order in which it names them.
    pub fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<String> = Vec::new();
        for (_, fault) in self.faults() {
            if !kinds.iter().any(|kind| kind == fault.name()) {
                kinds.push(fault.name().to_owned());
            }
        }
        kinds
    }

    /// The names of its steps.
    pub fn names(&self) -> Vec<String> {
        match &self.schedule {
            Schedule::Steps(steps) => steps.iter().filter_map(|step| step.name.clone()).collect(),
            _ => Vec::new(),
        }
    }

    /// What its faults do to the versions of nodes, each with the keys that lead to its setting: the versions have to be
    /// at hand before anything starts.
    pub fn version_changes(&self) -> Vec<(Vec<String>, VersionChange)> {
        let faults = self.faults().into_iter();
        let changes = faults.filter_map(|(mut path, fault)| {
            let change = fault.kind().version_change()?;
            path.extend([fault.name().to_owned(), "to".to_owned()]);
            Some((path, change))
        });
        changes.collect()
    }

    /// Every fault that it names, with the keys that lead to it.
    fn faults(&self) -> Vec<(Vec<String>, &FaultSpec)> {
        fn mixed<'a>(place: &[&str], faults: &'a [Weighted]) -> Vec<(Vec<String>, &'a FaultSpec)> {
            let one = |(index, weighted): (usize, &'a Weighted)| {
                let path = place.iter().map(|&key| key.to_owned());
                (path.chain([index.to_string()]).collect(), &weighted.fault)
            };
            faults.iter().enumerate().map(one).collect()
        }
        match &self.schedule {
            Schedule::None => Vec::new(),
            Schedule::Random(random) => mixed(&["random", "faults"], &random.faults),
            Schedule::Rotation(rotation) => {
                let periods = rotation.periods.iter().enumerate();
                periods
                    .flat_map(|(index, period)| {
                        mixed(
                            &["rotation", "periods", &index.to_string(), "faults"],
                            &period.faults,
                        )
                    })
                    .collect()
            }
            Schedule::Steps(steps) => {
                let steps = steps.iter().enumerate();
                let path = |index: usize| vec!["steps".to_owned(), index.to_string(), "fault".to_owned()];
                steps.map(|(index, step)| (path(index), &step.fault)).collect()
            }
        }
    }

    /// Whether its length can be set: it is drawn from the seed.
    pub fn is_drawn(&self) -> bool {
        matches!(self.schedule, Schedule::Random(_) | Schedule::Rotation(_))
    }

    /// Makes a random schedule that long, and ends a list of steps there.
    pub fn set_duration(&mut self, duration: Span) {
        match &mut self.schedule {
            Schedule::None => {}
            Schedule::Random(random) => random.duration = duration,
            Schedule::Rotation(rotation) => rotation.duration = duration,
            Schedule::Steps(steps) => {
                steps.retain(|step| step.earliest() < duration);
                for step in steps {
                    let left = Span::from_millis(duration.as_millis() - step.earliest().as_millis());
                    step.lasts = Some(step.lasts.unwrap_or(left).min(left));
                    if let Start::When(when) = &mut step.start {
                        when.timeout = when.timeout.min(left);
                    }
                }
            }
        }
    }
}

/// When the last step with an end is over: how long the schedule goes on, if no injection takes time and whatever
/// is waited for is there at once.
pub fn length(steps: &[Step]) -> Duration {
    let end = |step: &Step| Some(step.earliest().duration() + step.lasts?.duration());
    steps.iter().filter_map(end).max().unwrap_or_default()
}

/// Draws what the steps leave open, and puts them in order.
fn finish(mut steps: Vec<Step>, ground: Ground<'_>) -> Result<Vec<Step>, Invalid> {
    check_lengths(&steps)?;
    order::check(&steps)?;
    for (index, step) in steps.iter_mut().enumerate() {
        let mut draw = ground.draw(Stream::Step(index));
        let place = index.to_string();
        if let Start::When(when) = &mut step.start {
            when.resolve(&mut draw)
                .map_err(|error| error.inside(&["steps", &place, "when"]))?;
        }
        resolve_fault(&mut step.fault, &mut draw)
            .map_err(|error| error.inside(&["steps", &place, "fault"]))?;
    }
    steps.sort_by_key(Step::earliest);
    Ok(steps)
}

fn resolve_fault(fault: &mut FaultSpec, draw: &mut Draw<'_>) -> Result<(), Invalid> {
    let name = fault.name();
    fault
        .kind_mut()
        .resolve(draw)
        .map_err(|error| error.inside(&[name]))
}

fn check_lengths(steps: &[Step]) -> Result<(), Invalid> {
    if steps.len() > STEPS_MAX {
        return Err(Invalid::new(&["steps"], format!("more than {STEPS_MAX} steps")));
    }
    let zero = |step: &Step| step.lasts.is_some_and(Span::is_zero);
    if let Some(index) = steps.iter().position(zero) {
        let path = ["steps", &index.to_string(), "lasts"];
        return Err(Invalid::new(&path, "a fault that lasts no time is none"));
    }
    if !steps.is_empty() && steps.iter().all(|step| step.lasts.is_none()) {
        return Err(Invalid::new(
            &["steps"],
            "a step without `lasts` is in force until the others are over, and no other has an end: \
             say how long one of them `lasts`",
        ));
    }
    let over = Span::from_millis(length(steps).as_millis() as u64);
    let late = |step: &Step| {
        let at = matches!(step.start, Start::At(at) if at >= over);
        step.lasts.is_none() && at
    };
    // Who waits for something may wait longer than it is known here.
    let all_timed = steps.iter().all(|step| matches!(step.start, Start::At(_)));
    if let Some(index) = steps.iter().position(late).filter(|_| all_timed) {
        let reason = format!(
            "a step without `lasts` is in force until the others are over, and they are at {over}: \
             say how long it lasts"
        );
        return Err(Invalid::new(&["steps", &index.to_string(), "at"], reason));
    }
    Ok(())
}
