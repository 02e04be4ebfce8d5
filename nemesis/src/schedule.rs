//! From what a plan says to the steps of one run: a pure function of the plan, the seed and the cluster's shape.

use std::time::Duration;

use history::{NodeId, Span};

use crate::config::{Invalid, NemesisConfig, RandomConfig, Step};
use crate::draw::Draw;
use crate::faults::FaultSpec;

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
                let mut draw = Draw::new(seed, SCHEDULE_STREAM, nodes, keys);
                random.steps(&mut draw).map_err(|error| error.inside("random"))?
            }
            Self::Steps(steps) => steps.clone(),
        };
        check_lengths(&steps)?;
        for (index, step) in steps.iter_mut().enumerate() {
            let mut draw = Draw::new(seed, index as u64 + 1, nodes, keys);
            step.fault
                .kind_mut()
                .resolve(&mut draw)
                .map_err(|error| error.inside(&format!("steps[{index}].fault.{}", step.fault.name())))?;
        }
        steps.sort_by_key(|step| step.at);
        Ok(steps)
    }
}

/// When the last step is over: how long the schedule goes on, if no injection takes time.
pub fn length(steps: &[Step]) -> Duration {
    let ends = steps
        .iter()
        .map(|step| step.at.duration() + step.lasts.unwrap_or_default().duration());
    ends.max().unwrap_or_default()
}

/// The kinds of fault that a schedule holds, each once, in the order of their first steps.
pub fn kinds(steps: &[Step]) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    for step in steps {
        if !kinds.contains(&step.fault.name()) {
            kinds.push(step.fault.name());
        }
    }
    kinds
}

fn check_lengths(steps: &[Step]) -> Result<(), Invalid> {
    if steps.len() > STEPS_MAX {
        return Err(Invalid::new("steps", format!("more than {STEPS_MAX} steps")));
    }
    if let Some(index) = steps
        .iter()
        .position(|step| step.lasts.is_some_and(Span::is_zero))
    {
        return Err(Invalid::new(
            format!("steps[{index}].lasts"),
            "a fault that lasts no time is none",
        ));
    }
    if !steps.is_empty() && steps.iter().all(|step| step.lasts.is_none()) {
        return Err(Invalid::new(
            "steps",
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
        let ((lasts_min, lasts_max), (rest_min, rest_max)) = (self.lasts, self.rest);
        let turn_min = lasts_min.as_millis() + rest_min.as_millis();
        let mut first_round = draw.order(self.faults.len()).into_iter();
        // What is left beyond the time that the first round and the last rest need at least.
        let mut time_left = self.duration.as_millis() - rest_min.as_millis();
        let mut at = 0;
        let mut steps = Vec::new();
        while time_left >= turn_min && steps.len() <= STEPS_MAX {
            let still_due = first_round.len().max(1) as u64;
            let slack = time_left.saturating_sub(still_due * turn_min);
            let index = first_round.next();
            let rest = draw.span(rest_min, rest_max.min(plus(rest_min, slack)));
            let slack = slack - (rest.as_millis() - rest_min.as_millis());
            let lasts = draw.span(lasts_min, lasts_max.min(plus(lasts_min, slack)));
            let index = index.unwrap_or_else(|| draw.index(self.faults.len()));
            steps.push(Step {
                at: Span::from_millis(at + rest.as_millis()),
                lasts: Some(lasts),
                fault: self.faults[index].clone(),
            });
            at += rest.as_millis() + lasts.as_millis();
            time_left -= rest.as_millis() + lasts.as_millis();
        }
        Ok(steps)
    }

    fn check(&self) -> Result<(), Invalid> {
        for (field, (shortest, longest)) in [("lasts", self.lasts), ("rest", self.rest)] {
            if shortest > longest {
                return Err(Invalid::new(
                    field,
                    format!("write the shorter time first: [\"{longest}\", \"{shortest}\"]"),
                ));
            }
        }
        if self.lasts.0.is_zero() {
            return Err(Invalid::new("lasts", "a fault that lasts no time is none"));
        }
        if self.faults.is_empty() {
            let words: Vec<_> = crate::faults::FAULTS.iter().map(|fault| fault.name).collect();
            let reason = format!(
                "is empty: name at least one of {}, or write nemesis = \"none\"",
                words.join(", ")
            );
            return Err(Invalid::new("faults", reason));
        }
        let turn = self.lasts.0.as_millis() + self.rest.0.as_millis();
        let needed = self.faults.len() as u64 * turn + self.rest.0.as_millis();
        if self.duration.as_millis() < needed {
            return Err(Invalid::new(
                "duration",
                format!(
                    "{} is too short for {} faults of at least {} with rests of at least {}: at least {} is needed",
                    self.duration,
                    self.faults.len(),
                    self.lasts.0,
                    self.rest.0,
                    Span::from_millis(needed)
                ),
            ));
        }
        Ok(())
    }
}

fn plus(span: Span, milliseconds: u64) -> Span {
    Span::from_millis(span.as_millis() + milliseconds)
}

impl Step {
    /// A step that begins at a time and lasts so long.
    pub fn new(at: Span, lasts: Option<Span>, fault: FaultSpec) -> Self {
        Self { at, lasts, fault }
    }
}
