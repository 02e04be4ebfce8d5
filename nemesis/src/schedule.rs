//! From what a plan says to the steps of one run: a pure function of the plan, the seed and the cluster's shape.

use std::time::Duration;

use history::{NodeId, Span};

use crate::config::{Invalid, NemesisConfig, RandomConfig, Step};
use crate::draw::Draw;
use crate::faults::{FAULTS, FaultSpec};

/// More steps than this are a mistake in a plan's units.
const STEPS_MAX: usize = 10_000;
/// The stream that times and kinds of a random schedule are drawn from; a step's own choices come from the
/// stream of its number.
const SCHEDULE_STREAM: u64 = 0;

impl NemesisConfig {
    /// The steps with every random choice drawn, in the order of their times: written back into a plan as
    /// [`NemesisConfig::Steps`] they resolve to themselves, whatever the seed.
    pub fn resolve(&self, seed: u64, nodes: &[NodeId], keys: u32) -> Result<Vec<Step>, Invalid> {
        let mut steps = match self {
            Self::None => Vec::new(),
            Self::Random(random) => {
                for (index, fault) in random.faults.iter().enumerate() {
                    let mut draw = Draw::new(seed, SCHEDULE_STREAM, nodes, keys);
                    resolve_fault(&mut fault.clone(), &mut draw)
                        .map_err(|error| error.inside(&["random", "faults", &index.to_string()]))?;
                }
                let mut draw = Draw::new(seed, SCHEDULE_STREAM, nodes, keys);
                random
                    .steps(&mut draw)
                    .map_err(|error| error.inside(&["random"]))?
            }
            Self::Steps(steps) => steps.clone(),
        };
        check_lengths(&steps)?;
        for (index, step) in steps.iter_mut().enumerate() {
            let mut draw = Draw::new(seed, index as u64 + 1, nodes, keys);
            resolve_fault(&mut step.fault, &mut draw)
                .map_err(|error| error.inside(&["steps", &index.to_string(), "fault"]))?;
        }
        steps.sort_by_key(|step| step.at);
        Ok(steps)
    }

    /// Whether the plan declares a run without faults.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// The kinds of fault that it may inject, each once, in the order in which it names them.
    pub fn kinds(&self) -> Vec<String> {
        let faults: Vec<_> = match self {
            Self::None => Vec::new(),
            Self::Random(random) => random.faults.iter().collect(),
            Self::Steps(steps) => steps.iter().map(|step| &step.fault).collect(),
        };
        let mut kinds: Vec<String> = Vec::new();
        for fault in faults {
            if !kinds.iter().any(|kind| kind == fault.name()) {
                kinds.push(fault.name().to_owned());
            }
        }
        kinds
    }

    /// Makes a random schedule that long, and ends a list of steps there.
    pub fn set_duration(&mut self, duration: Span) {
        match self {
            Self::None => {}
            Self::Random(random) => random.duration = duration,
            Self::Steps(steps) => {
                steps.retain(|step| step.at < duration);
                for step in steps {
                    let left = Span::from_millis(duration.as_millis() - step.at.as_millis());
                    step.lasts = Some(step.lasts.unwrap_or(left).min(left));
                }
            }
        }
    }
}

/// When the last step is over: how long the schedule goes on, if no injection takes time.
pub fn length(steps: &[Step]) -> Duration {
    let ends = steps
        .iter()
        .map(|step| step.at.duration() + step.lasts.unwrap_or_default().duration());
    ends.max().unwrap_or_default()
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
    Ok(())
}

impl RandomConfig {
    /// Every fault once in an order that is drawn, then any of them as long as there is time for one more.
    fn steps(&self, draw: &mut Draw<'_>) -> Result<Vec<Step>, Invalid> {
        self.check()?;
        let turn_min = self.lasts.0.as_millis() + self.rest.0.as_millis();
        let mut first_round = draw.order(self.faults.len()).into_iter();
        // The shortest rest at the end is set aside.
        let mut time_left = self.duration.as_millis() - self.rest.0.as_millis();
        let mut at = 0;
        let mut steps = Vec::new();
        while time_left >= turn_min && steps.len() <= STEPS_MAX {
            // What this turn may take beyond its shortest, so that the first round fits in.
            let still_due = first_round.len().max(1) as u64;
            let slack = time_left.saturating_sub(still_due * turn_min);
            let index = first_round.next();
            let rest = within(draw, self.rest, slack);
            let slack = slack - (rest - self.rest.0.as_millis());
            let lasts = within(draw, self.lasts, slack);
            let index = index.unwrap_or_else(|| draw.index(self.faults.len()));
            steps.push(Step {
                at: Span::from_millis(at + rest),
                lasts: Some(Span::from_millis(lasts)),
                fault: self.faults[index].clone(),
            });
            at += rest + lasts;
            time_left -= rest + lasts;
        }
        Ok(steps)
    }

    fn check(&self) -> Result<(), Invalid> {
        for (field, (shortest, longest)) in [("lasts", self.lasts), ("rest", self.rest)] {
            if shortest > longest {
                let reason = format!("the shorter time goes first: [\"{longest}\", \"{shortest}\"]");
                return Err(Invalid::new(&[field], reason));
            }
        }
        if self.lasts.0.is_zero() {
            return Err(Invalid::new(&["lasts"], "a fault that lasts no time is none"));
        }
        if self.faults.is_empty() {
            let words: Vec<_> = FAULTS.iter().map(|fault| fault.name).collect();
            let words = words.join(", ");
            let reason = format!("names no fault: choose among {words}, or write nemesis = \"none\"");
            return Err(Invalid::new(&["faults"], reason));
        }
        self.check_duration()
    }

    fn check_duration(&self) -> Result<(), Invalid> {
        let (lasts, rest) = (self.lasts.0, self.rest.0);
        let turn = lasts.as_millis() + rest.as_millis();
        let needed = self.faults.len() as u64 * turn + rest.as_millis();
        if self.duration.as_millis() >= needed {
            return Ok(());
        }
        let reason = format!(
            "{} is too short for {} faults of at least {lasts} with rests of at least {rest}: they need {}",
            self.duration,
            self.faults.len(),
            Span::from_millis(needed)
        );
        Err(Invalid::new(&["duration"], reason))
    }
}

/// A time of the range, in milliseconds, that is at most `slack` longer than its shortest.
fn within(draw: &mut Draw<'_>, (shortest, longest): (Span, Span), slack: u64) -> u64 {
    let most = (shortest.as_millis() + slack).min(longest.as_millis());
    draw.milliseconds(shortest.as_millis(), most)
}
