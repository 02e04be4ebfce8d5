//! Steps that wait for other steps: each name is one step's, and nobody waits for himself.

use std::collections::BTreeMap;

use crate::config::Invalid;
use crate::step::{Start, Step};
use crate::when::Moment;

/// Refuses names that are given twice, steps that wait for one which is not there or ends after them, and circles.
pub(super) fn check(steps: &[Step]) -> Result<(), Invalid> {
    let names = names(steps)?;
    for (index, step) in steps.iter().enumerate() {
        let Start::When(when) = &step.start else { continue };
        let Some(after) = when.after() else { continue };
        let wrong = |reason: String| {
            let path = ["steps", &index.to_string(), "when", "after", "step"];
            Err(Invalid::new(&path, reason))
        };
        let Some(&awaited) = names.get(after.step.as_str()) else {
            let known: Vec<&str> = names.keys().copied().collect();
            let known = if known.is_empty() {
                "none has a `name`".to_owned()
            } else {
                format!("those with a name are {}", known.join(", "))
            };
            return wrong(format!("there is no step `{}`: {known}", after.step));
        };
        if after.is == Moment::Healed && steps[awaited].lasts.is_none() {
            return wrong(format!(
                "`{}` is in force until all others are over, this one too: say how long it `lasts`",
                after.step
            ));
        }
        if let Some(circle) = circle(steps, &names, index) {
            return wrong(format!("the steps wait for each other in a circle: {circle}"));
        }
    }
    Ok(())
}

fn names(steps: &[Step]) -> Result<BTreeMap<&str, usize>, Invalid> {
    let mut names = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        let Some(name) = &step.name else { continue };
        if names.insert(name.as_str(), index).is_some() {
            let path = ["steps", &index.to_string(), "name"];
            return Err(Invalid::new(&path, format!("a second step named `{name}`")));
        }
    }
    Ok(names)
}

/// The names of the steps that one waits for, where they lead back to it.
fn circle(steps: &[Step], names: &BTreeMap<&str, usize>, start: usize) -> Option<String> {
    let mut on_the_way = Vec::new();
    let mut at = start;
    while on_the_way.len() <= steps.len() {
        let Start::When(when) = &steps[at].start else {
            return None;
        };
        let after = when.after()?;
        on_the_way.push(after.step.as_str());
        at = *names.get(after.step.as_str())?;
        if at == start {
            return Some(on_the_way.join(", "));
        }
    }
    None
}
