//! From the axes of a campaign to its cells.

use std::collections::{BTreeMap, BTreeSet};

use report::GateRule;
use serde::{Deserialize, Serialize};
use statistics::WrongRule;
use toml::{Table, Value};

use super::definition::{Definition, Expect, Include};
use crate::cli::EnvironmentName;
use crate::plan::Wrong;

/// A matrix of more cells than this is a mistake.
const CELLS_MAX: usize = 10_000;
/// Settings that a change replaces as a whole: half of one and half of another make no sense.
const WHOLE: [&str; 3] = ["topics", "workload", "nemesis"];
/// What may stand in a named change beside the plan's own settings.
const PLAN: &str = "plan";
/// See [`PLAN`].
const EXPECT: &str = "expect";
/// The axis that is no setting of a plan: where the cluster lives.
const ENV: &str = "env";
/// What may stand on it. A cluster that somebody else runs is no cell: it is the same for all.
const ENVS: [EnvironmentName; 4] = [
    EnvironmentName::Sandbox,
    EnvironmentName::Host,
    EnvironmentName::Docker,
    EnvironmentName::Ssh,
];

/// One combination of values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cell {
    /// Its name: its values, one after the other.
    pub name: String,
    /// Its value on each axis, by the axis.
    pub axes: BTreeMap<String, String>,
    /// Where its cluster lives; none is where `tribunal run` puts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// The plan that it begins with.
    pub plan: String,
    /// What it sets over that.
    pub set: Table,
    /// What its runs are expected to come to.
    pub expect: Expect,
    /// How often it is run.
    pub repeats: u32,
}

/// A value of an axis: what it is called, and what it changes.
#[derive(Clone, Debug)]
struct Choice {
    label: String,
    /// The same as it stands in the cell's name.
    part: String,
    plan: Option<String>,
    env: Option<String>,
    expect: Option<Expect>,
    set: Table,
}

/// All cells of a campaign, in the order of the axes' names, then those that are included.
pub fn cells(definition: &Definition) -> Result<Vec<Cell>, Wrong> {
    definition.check()?;
    let axes = axes(definition)?;
    check_exclusions(definition, &axes)?;
    let size = axes
        .values()
        .try_fold(1_usize, |size, choices| size.checked_mul(choices.len()));
    if size.is_none_or(|size| size > CELLS_MAX) {
        return Err(wrong(
            &["matrix"],
            format!("the matrix has more than {CELLS_MAX} cells"),
        ));
    }
    let mut cells = if axes.is_empty() && !definition.include.is_empty() {
        Vec::new()
    } else {
        multiply(definition, &axes)
    };
    cells.retain(|cell| !definition.exclude.iter().any(|table| matches(table, cell)));
    cells.extend(
        definition
            .include
            .iter()
            .map(|include| included(definition, include)),
    );
    if cells.is_empty() {
        return Err(wrong(
            &["exclude"],
            "every cell is left out: nothing would be run",
        ));
    }
    check_names(definition, &cells)?;
    if let Some(rule) = &definition.gate {
        check_gate(rule, &cells)?;
    }
    Ok(cells)
}

/// Lays changes over a plan's settings: tables are merged, except where half of each makes no sense.
pub fn lay_over(plan: &mut Table, changes: &Table) {
    for (name, change) in changes {
        if WHOLE.contains(&name.as_str()) {
            plan.insert(name.clone(), change.clone());
        } else {
            merge(plan, name, change);
        }
    }
}

/// As deep as a setting lies in the file that was read, and its parser bounds that.
fn merge(table: &mut Table, name: &str, change: &Value) {
    match (table.get_mut(name), change) {
        (Some(Value::Table(inner)), Value::Table(changes)) => {
            for (name, change) in changes {
                merge(inner, name, change);
            }
        }
        _ => {
            table.insert(name.to_owned(), change.clone());
        }
    }
}

fn axes(definition: &Definition) -> Result<BTreeMap<String, Vec<Choice>>, Wrong> {
    let mut axes = BTreeMap::new();
    for (axis, values) in &definition.matrix {
        let choices = match values {
            Value::Array(values) => values
                .iter()
                .enumerate()
                .map(|(index, value)| listed(axis, index, value))
                .collect::<Result<Vec<_>, _>>()?,
            Value::Table(_) if axis == ENV => {
                let reason = format!("where clusters live is a list: `{ENV} = [\"sandbox\", \"docker\"]`");
                return Err(wrong(&["matrix", axis], reason));
            }
            Value::Table(values) => values
                .iter()
                .map(|(label, value)| named(axis, label, value))
                .collect::<Result<Vec<_>, _>>()?,
            _ => {
                let reason = format!(
                    "an axis is a list of values (`{axis} = [3, 5]`) or a table of named changes (`[matrix.{axis}]`)"
                );
                return Err(wrong(&["matrix", axis], reason));
            }
        };
        if choices.is_empty() {
            return Err(wrong(
                &["matrix", axis],
                "an axis without a value makes no cell: leave it out",
            ));
        }
        axes.insert(axis.clone(), choices);
    }
    Ok(axes)
}

/// A value in a list is one of the plan's settings, or the plan itself.
fn listed(axis: &str, index: usize, value: &Value) -> Result<Choice, Wrong> {
    let (label, part) = match value {
        Value::String(text) => (text.clone(), text.clone()),
        Value::Integer(_) | Value::Boolean(_) | Value::Float(_) => {
            (value.to_string(), format!("{axis}-{value}"))
        }
        _ => {
            let reason =
                format!("a value of this kind has no name: write `[matrix.{axis}]` with a name before each");
            return Err(wrong(&["matrix", axis, &index.to_string()], reason));
        }
    };
    let plan = (axis == PLAN).then(|| label.clone());
    let env = (axis == ENV).then(|| label.clone());
    if env.is_some() && !ENVS.iter().any(|env| env.to_string() == label) {
        let known: Vec<String> = ENVS.iter().map(ToString::to_string).collect();
        let reason = format!("`{label}` is no environment of a campaign: {}", known.join(", "));
        return Err(wrong(&["matrix", axis, &index.to_string()], reason));
    }
    let is_setting = plan.is_none() && env.is_none();
    let set = Table::from_iter(is_setting.then(|| (axis.to_owned(), value.clone())));
    Ok(Choice {
        part: part_of_name(&part),
        label,
        plan,
        env,
        expect: None,
        set,
    })
}

fn named(axis: &str, label: &str, value: &Value) -> Result<Choice, Wrong> {
    let path = ["matrix", axis, label];
    let Value::Table(changes) = value else {
        return Err(wrong(
            &path,
            "a named value is a table of the plan's settings: `{ nodes = 5 }`",
        ));
    };
    let mut set = changes.clone();
    let plan = match set.remove(PLAN) {
        None => None,
        Some(Value::String(plan)) => Some(plan),
        Some(_) => return Err(wrong(&path, "`plan` is a file or the name of a plan that ships")),
    };
    let expect = match set.remove(EXPECT) {
        None => None,
        Some(expect) => Some(
            expect
                .try_into()
                .map_err(|_| wrong(&path, "`expect` is \"valid\" or \"violation\""))?,
        ),
    };
    Ok(Choice {
        label: label.to_owned(),
        part: part_of_name(label),
        plan,
        env: None,
        expect,
        set,
    })
}

/// What may stand in a directory's name.
fn part_of_name(label: &str) -> String {
    let legal = |letter: char| {
        if letter.is_ascii_alphanumeric() || "-.".contains(letter) {
            letter
        } else {
            '-'
        }
    };
    label.chars().map(legal).collect()
}

fn multiply(definition: &Definition, axes: &BTreeMap<String, Vec<Choice>>) -> Vec<Cell> {
    let mut cells = vec![Cell {
        name: String::new(),
        axes: BTreeMap::new(),
        env: None,
        plan: definition.plan.clone(),
        set: definition.set.clone(),
        expect: definition.expect,
        repeats: definition.repeats,
    }];
    for (axis, choices) in axes {
        let with = |cell: &Cell| {
            let cell = cell.clone();
            choices
                .iter()
                .map(move |choice| chosen(cell.clone(), axis, choice))
        };
        cells = cells.iter().flat_map(with).collect();
    }
    if let ([only], true) = (&mut cells[..], axes.is_empty()) {
        only.name = part_of_name(&definition.name);
    }
    cells
}

fn chosen(mut cell: Cell, axis: &str, choice: &Choice) -> Cell {
    if !cell.name.is_empty() {
        cell.name.push('_');
    }
    cell.name.push_str(&choice.part);
    cell.axes.insert(axis.to_owned(), choice.label.clone());
    lay_over(&mut cell.set, &choice.set);
    cell.plan = choice.plan.clone().unwrap_or(cell.plan);
    cell.env = choice.env.clone().or(cell.env);
    cell.expect = choice.expect.unwrap_or(cell.expect);
    cell
}

fn included(definition: &Definition, include: &Include) -> Cell {
    let mut set = definition.set.clone();
    lay_over(&mut set, &include.set);
    Cell {
        name: part_of_name(&include.name),
        axes: BTreeMap::from([("include".to_owned(), include.name.clone())]),
        env: None,
        plan: include.plan.clone().unwrap_or_else(|| definition.plan.clone()),
        set,
        expect: include.expect.unwrap_or(definition.expect),
        repeats: include.repeats.unwrap_or(definition.repeats),
    }
}

/// What cells are left out by, as it stands in their axes.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn matches(table: &Table, cell: &Cell) -> bool {
    table
        .iter()
        .all(|(axis, value)| cell.axes.get(axis) == Some(&text(value)))
}

/// What is wrong with a gate for these cells: errors that are none, or fewer runs than could ever pass.
pub fn check_gate(rule: &GateRule, cells: &[Cell]) -> Result<(), Wrong> {
    let error = "is a share of campaigns above 0 and below 0.5, such as 0.05";
    let (name, reason) = match rule.of_cells(1).check() {
        Err(WrongRule::Tolerated) => ("tolerated", "is a share of runs from 0 to less than `refused`"),
        Err(WrongRule::Refused) => ("refused", "is a share of runs above 0 and up to 1"),
        Err(WrongRule::FalseFail) => ("false-fail", error),
        Err(WrongRule::FalsePass) => ("false-pass", error),
        Ok(()) => {
            let valid = || cells.iter().filter(|cell| cell.expect == Expect::Valid);
            let needed = rule.of_cells(valid().count()).clean_runs();
            let Some(short) = valid().find(|cell| cell.repeats < needed) else {
                return Ok(());
            };
            let reason = format!(
                "no cell can pass by this in fewer than {needed} runs, and `{}` has {}: raise `repeats`, or `refused`",
                short.name, short.repeats
            );
            return Err(wrong(&["gate"], reason));
        }
    };
    Err(wrong(&["gate", name], format!("`{name}` {reason}")))
}

/// An exclusion that names what is not there leaves nothing out, and nobody would notice.
fn check_exclusions(definition: &Definition, axes: &BTreeMap<String, Vec<Choice>>) -> Result<(), Wrong> {
    for (index, table) in definition.exclude.iter().enumerate() {
        let index = index.to_string();
        if table.is_empty() {
            return Err(wrong(
                &["exclude", &index],
                "what is left out has to be named: one value or more",
            ));
        }
        for (axis, value) in table {
            let path = ["exclude", &index, axis];
            let Some(choices) = axes.get(axis) else {
                let known: Vec<&str> = axes.keys().map(String::as_str).collect();
                let reason = format!("the matrix has no axis `{axis}`: {}", known.join(", "));
                return Err(wrong(&path, reason));
            };
            if !choices.iter().any(|choice| choice.label == text(value)) {
                let known: Vec<&str> = choices.iter().map(|choice| choice.label.as_str()).collect();
                let reason = format!("the axis `{axis}` has no value {value}: {}", known.join(", "));
                return Err(wrong(&path, reason));
            }
        }
    }
    Ok(())
}

fn check_names(definition: &Definition, cells: &[Cell]) -> Result<(), Wrong> {
    let mut names = BTreeSet::new();
    let included = cells.len() - definition.include.len();
    for (index, cell) in cells.iter().enumerate() {
        let include = index.checked_sub(included).map(|index| index.to_string());
        let (name, repeats) = match &include {
            Some(index) => (vec!["include", index, "name"], vec!["include", index, "repeats"]),
            None => (vec!["matrix"], vec!["repeats"]),
        };
        if !cell
            .name
            .starts_with(|letter: char| letter.is_ascii_alphanumeric())
        {
            let reason = format!("`{}` cannot be a cell's name: a letter or digit first", cell.name);
            return Err(wrong(&name, reason));
        }
        if !names.insert(&cell.name) {
            return Err(wrong(&name, format!("two cells are called `{}`", cell.name)));
        }
        if cell.repeats == 0 {
            return Err(wrong(&repeats, "a cell that is run no time says nothing"));
        }
    }
    Ok(())
}

fn wrong(path: &[&str], reason: impl Into<String>) -> Wrong {
    Wrong::new(path, reason)
}
