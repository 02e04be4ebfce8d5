//! From a failing plan to a smaller one: first fewer faults, then less of everything else.

use std::collections::BTreeSet;

use history::Key;
use nemesis::{NemesisConfig, Schedule, Step};

use super::dials::{Dial, closed_up, dials, rest_max};
use super::fewest::{as_many, fewest};
use crate::plan::{self, Plan};

/// How many candidates the passes after that of the faults come to: a guess, for people who wait.
const SETTINGS_GUESS: usize = 8;
/// How often the middle between what fails and what does not is tried for one number.
const HALVINGS_MAX: usize = 2;
/// More kinds of fault than this are not named in what a candidate is called.
const KINDS_SHOWN: usize = 3;

/// A plan that may fail too.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The plan, its nemesis a list of steps.
    pub plan: Plan,
    /// What it has less of, for people.
    pub what: String,
    /// How many candidates may come after it: a guess.
    pub ahead: usize,
}

/// What the original run's finding points at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clue {
    /// The steps whose faults were in force when it happened.
    pub faults: BTreeSet<usize>,
    /// The partition that it was found in.
    pub key: Option<Key>,
}

/// A plan that was seen to fail often enough.
#[derive(Clone, Debug, PartialEq)]
pub struct Smaller {
    /// The plan.
    pub plan: Plan,
    /// What it has less of than the one before it.
    pub what: String,
}

/// Asks about smaller and smaller plans, and appends each that fails to the chain: its last is the smallest. `false`
/// where not even the original fails. The chain holds what was found also where the oracle would not go on.
pub fn search<E>(
    original: &Plan,
    clue: &Clue,
    chain: &mut Vec<Smaller>,
    oracle: &mut dyn FnMut(&Candidate) -> Result<bool, E>,
) -> Result<bool, E> {
    let rest = rest_max(&steps_of(original));
    let mut search = Search {
        original,
        clue,
        chain,
        oracle,
        rest,
        asked: Vec::new(),
    };
    let Some(faults) = search.begin()? else {
        return Ok(false);
    };
    let faults = search.fewer_faults(faults)?;
    let before = search.current().clone();
    search.less_of_everything(&faults)?;
    if *search.current() != before {
        // What was needed in a larger plan may not be in this one.
        search.without_single_faults(faults)?;
    }
    Ok(true)
}

struct Search<'s, E> {
    original: &'s Plan,
    clue: &'s Clue,
    chain: &'s mut Vec<Smaller>,
    oracle: &'s mut dyn FnMut(&Candidate) -> Result<bool, E>,
    /// The longest time without a fault that the original has.
    rest: u64,
    /// Every plan that was asked about, and the answer.
    asked: Vec<(Plan, bool)>,
}

impl<E> Search<'_, E> {
    /// The smallest plan so far.
    fn current(&self) -> &Plan {
        self.chain.last().map_or(self.original, |smaller| &smaller.plan)
    }

    /// Asks about a plan, and goes on from it where it fails. One that makes no sense, does not.
    fn fails(&mut self, plan: Option<Plan>, what: String, ahead: usize) -> Result<bool, E> {
        let Some(plan) = plan.map(tidy) else {
            return Ok(false);
        };
        if !plan::makes_sense(&plan) {
            return Ok(false);
        }
        if let Some((_, fails)) = self.asked.iter().find(|(asked, _)| *asked == plan) {
            return Ok(*fails);
        }
        let candidate = Candidate { plan, what, ahead };
        let fails = (self.oracle)(&candidate)?;
        self.asked.push((candidate.plan.clone(), fails));
        if fails {
            let Candidate { plan, what, .. } = candidate;
            self.chain.push(Smaller { plan, what });
        }
        Ok(fails)
    }

    /// The faults to begin with, by their number in the original: those that were in force, where they alone do it;
    /// `None` where not even all of them do.
    fn begin(&mut self) -> Result<Option<Vec<usize>>, E> {
        let all: Vec<usize> = (0..steps_of(self.original).len()).collect();
        let in_force: Vec<usize> = all
            .iter()
            .copied()
            .filter(|fault| self.clue.faults.contains(fault))
            .collect();
        let ahead = SETTINGS_GUESS + 2 * all.len().max(1).ilog2() as usize;
        if !in_force.is_empty() && in_force.len() <= all.len() / 2 {
            let plan = self.with_faults(&in_force);
            let what = format!("{}, in force at the finding", self.name(&in_force));
            if self.fails(Some(plan), what, ahead)? {
                return Ok(Some(in_force));
            }
        }
        let fails = self.fails(
            Some(self.original.clone()),
            "the plan as it was".to_owned(),
            ahead,
        )?;
        Ok(fails.then_some(all))
    }

    fn fewer_faults(&mut self, faults: Vec<usize>) -> Result<Vec<usize>, E> {
        if faults.is_empty() {
            return Ok(faults);
        }
        let none = self.with_faults(&[]);
        let ahead = SETTINGS_GUESS + 2 * faults.len().ilog2() as usize;
        if self.fails(Some(none), "no fault at all".to_owned(), ahead)? {
            return Ok(Vec::new());
        }
        fewest(faults, |some, more| {
            let plan = self.with_faults(some);
            self.fails(Some(plan), self.name(some), more + SETTINGS_GUESS)
        })
    }

    /// The original with these of its faults alone, and no rest that is longer than it had.
    fn with_faults(&self, faults: &[usize]) -> Plan {
        let left = some_of(&steps_of(self.original), faults);
        with_steps(self.original, closed_up(left, self.rest))
    }

    /// Some of the original's faults, for people.
    fn name(&self, faults: &[usize]) -> String {
        let steps = steps_of(self.original);
        let kinds: Vec<String> = faults
            .iter()
            .map(|fault| format!("{} (fault {fault})", steps[*fault].fault.name()))
            .collect();
        let (some, all) = (faults.len(), steps.len());
        match (faults, kinds.len() <= KINDS_SHOWN) {
            (_, true) => format!("{some} of {all} faults: {}", kinds.join(", ")),
            ([first, .., last], _) if last - first + 1 == some => {
                format!("{some} of {all} faults: {first} to {last}")
            }
            _ => format!("{some} of {all} faults, without {}", without(faults, all)),
        }
    }

    /// Everything but the faults: all of it turned down at once, and where that does not fail, as much of it as does.
    fn less_of_everything(&mut self, faults: &[usize]) -> Result<(), E> {
        let dials = dials(self.current());
        let left = as_many(&dials, 0, &mut |some: &[Dial], more| {
            let turn = |plan: Option<Plan>, dial: &Dial| dial.turned(&plan?, dial.least, self.clue);
            let plan = some.iter().fold(Some(self.current().clone()), turn);
            let what: Vec<String> = some.iter().map(|dial| dial.tell(dial.least, faults)).collect();
            self.fails(plan, what.join(", "), more)
        })?;
        for (turn, dial) in left.iter().enumerate() {
            self.half_way(dial, faults, left.len() - turn)?;
        }
        Ok(())
    }

    /// Turns a dial down that cannot be at its least: between what fails and what does not.
    fn half_way(&mut self, dial: &Dial, faults: &[usize], ahead: usize) -> Result<(), E> {
        let (mut low, mut high) = (dial.least, dial.from);
        for halving in 0..HALVINGS_MAX {
            let middle = u64::midpoint(low, high);
            if middle == low || middle == high {
                break;
            }
            let plan = dial.turned(self.current(), middle, self.clue);
            if self.fails(
                plan,
                dial.tell(middle, faults),
                ahead * HALVINGS_MAX - halving - 1,
            )? {
                high = middle;
            } else {
                low = middle;
            }
        }
        Ok(())
    }

    /// Tries to leave out each of the faults that are left.
    fn without_single_faults(&mut self, mut faults: Vec<usize>) -> Result<(), E> {
        let mut index = 0;
        while faults.len() > 1 && index < faults.len() {
            let steps = steps_of(self.current());
            let others: Vec<usize> = (0..steps.len()).filter(|step| *step != index).collect();
            let left = closed_up(some_of(&steps, &others), rest_max(&steps));
            let plan = with_steps(self.current(), left);
            let what = format!("without fault {}", faults[index]);
            if self.fails(Some(plan), what, faults.len() - index - 1)? {
                faults.remove(index);
            } else {
                index += 1;
            }
        }
        Ok(())
    }
}

/// The numbers below `all` that are not among these.
fn without(faults: &[usize], all: usize) -> String {
    let gone: Vec<String> = (0..all)
        .filter(|fault| !faults.contains(fault))
        .map(|fault| fault.to_string())
        .collect();
    gone.join(", ")
}

/// The steps of a resolved plan.
pub fn steps_of(plan: &Plan) -> Vec<Step> {
    match &plan.nemesis.schedule {
        Schedule::Steps(steps) => steps.clone(),
        Schedule::None | Schedule::Random(_) | Schedule::Rotation(_) => Vec::new(),
    }
}

/// The plan with these steps instead of its own.
pub fn with_steps(plan: &Plan, steps: Vec<Step>) -> Plan {
    let mut other = plan.clone();
    other.nemesis.schedule = Schedule::Steps(steps);
    other
}

/// Some of the steps. One that waits for a step which is not among them begins when that one would have.
fn some_of(steps: &[Step], some: &[usize]) -> Vec<Step> {
    let names: Vec<&str> = some
        .iter()
        .filter_map(|step| steps[*step].name.as_deref())
        .collect();
    let picked = some.iter().map(|step| {
        let mut step = steps[*step].clone();
        // Nobody waits in a circle: that is no plan.
        for _ in 0..steps.len() {
            let gone = step.waits_for().filter(|name| !names.contains(name));
            let gone = gone.and_then(|gone| steps.iter().find(|other| other.name.as_deref() == Some(gone)));
            let Some(gone) = gone else { break };
            step.start = gone.start.clone();
        }
        step
    });
    picked.collect()
}

/// The plan without what no longer fits it: kinds of fault that are required and gone, a schedule of nothing.
fn tidy(mut plan: Plan) -> Plan {
    let kinds = plan.nemesis.kinds();
    if let Some(required) = &mut plan.limits.required_faults {
        required.retain(|kind| kinds.contains(kind));
    }
    let names = plan.nemesis.names();
    plan.limits.required_steps.retain(|name| names.contains(name));
    if kinds.is_empty() {
        plan.nemesis = NemesisConfig::default();
    }
    plan.seed = None;
    plan
}
