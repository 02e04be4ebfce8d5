//! From a campaign's file to its runs, each with its resolved plan: every error before anything starts.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use report::GateRule;
use toml::Table;

use super::folder::{self, Identity};
use super::trend;
use crate::campaign::{
    Cell, Definition, Job, Part, cells, check_gate, fingerprint, identity, lay_over, seed_of,
};
use crate::cli::CampaignOptions;
use crate::directory::shown;
use crate::plan::{self, Overrides, Resolved, Wrong, place, resolve};
use crate::run::prepare_machine;

/// The environment that needs an inventory.
pub const SSH: &str = "ssh";
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
    /// Where it is kept.
    pub out: PathBuf,
}

impl Work {
    /// Reads a campaign's file, for a part of it or the whole. Parts can only agree where the seed is given.
    pub fn read(options: &CampaignOptions, part: Option<Part>) -> Result<Self> {
        trend::check(&options.trend)?;
        let file = &options.file;
        let text = fs::read_to_string(file).with_context(|| format!("read campaign {}", shown(file)))?;
        let named = || format!("campaign {}", shown(file));
        let definition: Definition = toml::from_str(&text)
            .map_err(|error| anyhow!("{error}"))
            .with_context(named)?;
        let at = |wrong: Wrong| {
            let path: Vec<&str> = wrong.path.iter().map(String::as_str).collect();
            anyhow!("{}: {}", named(), place::at(&text, &path, &wrong.reason))
        };
        let cells = cells(&definition).map_err(at)?;
        let out = options.out.clone();
        let out = out.unwrap_or_else(|| folder::default(&definition.name, part));
        // One that goes on has the seed that it was begun with, also where that was drawn then.
        let begun_with = options.goes_on().then(|| Identity::read(&out).ok()).flatten();
        let asked = options.gate.then(GateRule::default);
        let begun_by = begun_with.as_ref().and_then(|begun| begun.gate);
        let gate = definition.gate.or(begun_by).or(asked);
        if let Some(rule) = &gate {
            check_gate(rule, &cells).map_err(at)?;
        }
        let on_hosts = cells.iter().any(|cell| cell.env.as_deref() == Some(SSH));
        if on_hosts && options.inventory.is_none() {
            bail!(
                "{} has cells on hosts of an inventory (env = \"{SSH}\"): name it with --inventory",
                named()
            );
        }
        let Some(seed) = options
            .seed
            .or(begun_with.map(|begun| begun.seed))
            .or(definition.seed)
            .or_else(|| part.is_none().then(plan::draw_seed))
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
                gate,
                begun: Some(jiff::Timestamp::now().to_string()),
                part,
                cells,
                jobs,
            },
            definition,
            plans,
            out,
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

    /// How many nodes the largest run of real brokers has; none where all are simulated.
    pub fn nodes_max(&self) -> u32 {
        let real = self.plans.iter().filter(|resolved| !resolved.plan.is_simulated());
        real.map(|resolved| resolved.plan.all_nodes()).max().unwrap_or(0)
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
