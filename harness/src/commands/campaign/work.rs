//! From a campaign's file to its runs, each with its resolved plan: every error before anything starts.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use toml::Table;

use super::folder::Identity;
use crate::campaign::{Cell, Definition, Job, cells, fingerprint, identity, lay_over, seed_of};
use crate::directory::shown;
use crate::plan::{self, Overrides, Resolved, Wrong, place, resolve};
use crate::run::prepare_machine;

/// More runs than this are a mistake.
const RUNS_MAX: usize = 100_000;

/// A campaign, and all that it runs.
pub struct Work {
    /// The file as it was read.
    pub definition: Definition,
    /// What it is, and its runs.
    pub identity: Identity,
    /// The resolved plan of each run, in the order of the runs.
    pub plans: Vec<Resolved>,
}

impl Work {
    /// Reads a campaign's file. Parts of it can only agree where the seed is given.
    pub fn read(file: &Path, seed: Option<u64>, in_parts: bool) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("read campaign {}", shown(file)))?;
        let named = || format!("campaign {}", shown(file));
        let definition: Definition = toml::from_str(&text)
            .map_err(|error| anyhow!("{error}"))
            .with_context(named)?;
        let at = |wrong: &Wrong| {
            let path: Vec<&str> = wrong.path.iter().map(String::as_str).collect();
            anyhow!("{}: {}", named(), place::at(&text, &path, &wrong.reason))
        };
        check(&definition).map_err(|wrong| at(&wrong))?;
        let cells = cells(&definition).map_err(|wrong| at(&wrong))?;
        let Some(seed) = seed
            .or(definition.seed)
            .or_else(|| (!in_parts).then(plan::draw_seed))
        else {
            bail!(
                "{} has no seed, and each part would draw its own: write `seed = 7` into it, or give --seed",
                named()
            );
        };
        let beside = file.parent().unwrap_or(Path::new(""));
        let mut jobs = Vec::new();
        let mut plans = Vec::new();
        for (index, cell) in cells.iter().enumerate() {
            let text = plan_of(cell, beside).with_context(|| format!("{}: cell {}", named(), cell.name))?;
            if jobs.len() + cell.repeats as usize > RUNS_MAX {
                bail!("{} makes more than {RUNS_MAX} runs", named());
            }
            for repeat in 1..=cell.repeats {
                let (job, resolved) = job(seed, cell, index, repeat, &text)
                    .with_context(|| format!("{}: cell {}", named(), cell.name))?;
                jobs.push(job);
                plans.push(resolved);
            }
        }
        Ok(Self {
            identity: Identity {
                name: definition.name.clone(),
                about: definition.about.clone(),
                seed,
                fingerprint: whole(&jobs, &plans)?,
                part: None,
                cells,
                jobs,
            },
            definition,
            plans,
        })
    }

    /// Refuses a machine that cannot run it, and fetches what is missing: once, not in every run.
    pub fn check_machine(&self, offline: bool) -> Result<()> {
        let real: Vec<&Resolved> = self
            .plans
            .iter()
            .filter(|resolved| !resolved.plan.is_simulated())
            .collect();
        if real.is_empty() {
            return Ok(());
        }
        let versions: BTreeSet<String> = real.iter().flat_map(|resolved| resolved.versions()).collect();
        let metrics = real.iter().any(|resolved| resolved.has_metrics());
        prepare_machine(&versions, metrics, offline)
    }

    /// The cell of a run.
    pub fn cell(&self, run: &str) -> Option<&Cell> {
        let job = self.identity.jobs.iter().find(|job| job.name == run)?;
        self.identity.cells.get(job.cell)
    }

    /// How many nodes the largest run of real brokers has; none where all are simulated.
    pub fn nodes_max(&self) -> u32 {
        let real = self.plans.iter().filter(|resolved| !resolved.plan.is_simulated());
        real.map(|resolved| resolved.plan.nodes).max().unwrap_or(0)
    }
}

/// A run and its plan; whatever is left to chance is drawn.
fn job(campaign: u64, cell: &Cell, index: usize, repeat: u32, text: &str) -> Result<(Job, Resolved)> {
    let name = identity(cell, repeat);
    let overrides = Overrides {
        // A plan that has a seed keeps it.
        seed: (!cell.set.contains_key("seed")).then(|| seed_of(campaign, &name)),
        ..Overrides::default()
    };
    let made = format!("{}, with what the cell sets", cell.plan);
    let resolved = resolve(&made, text, &overrides)?;
    let job = Job {
        name,
        cell: index,
        seed: resolved.seed,
    };
    Ok((job, resolved))
}

/// A cell's plan as text: that which it begins with, and over it what the cell sets.
fn plan_of(cell: &Cell, beside: &Path) -> Result<String> {
    let (file, text) = plan::load(&cell.plan, Some(beside))?;
    let parsed: Result<Table, _> = toml::from_str(&text);
    let mut table = parsed
        .map_err(|error| anyhow!("{error}"))
        .with_context(|| format!("plan {file}"))?;
    lay_over(&mut table, &cell.set);
    table.insert("name".to_owned(), cell.name.clone().into());
    toml::to_string(&table).context("a plan always has a form in TOML")
}

fn whole(jobs: &[Job], plans: &[Resolved]) -> Result<String> {
    let texts: Result<Vec<String>> = plans
        .iter()
        .map(|resolved| toml::to_string(&resolved.plan).context("a plan always has a form in TOML"))
        .collect();
    let texts = texts?;
    Ok(fingerprint(jobs.iter().zip(texts.iter().map(String::as_str))))
}

fn check(definition: &Definition) -> Result<(), Wrong> {
    let legal = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let begins = |letter: char| letter.is_ascii_alphanumeric();
    if !definition.name.starts_with(begins) || !definition.name.chars().all(legal) {
        return Err(Wrong::new(
            &["name"],
            "a name becomes part of a directory's: letters, digits, `-`, `_` and `.` only, a letter or digit first",
        ));
    }
    if definition.repeats == 0 {
        return Err(Wrong::new(
            &["repeats"],
            "a cell that is run no time says nothing",
        ));
    }
    if definition.parallel == Some(0) {
        return Err(Wrong::new(
            &["parallel"],
            "at least one run has to go on at a time",
        ));
    }
    Ok(())
}
