//! `tribunal compare`: two runs or two campaigns side by side.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};
use report::{CampaignRun, CampaignSummary, RunFigures, compare_page, compare_text};

use super::campaign::{SUMMARY, of_record, read};
use super::settings::settings;
use crate::campaign::{Expect, Record, Role};
use crate::child::verdict;
use crate::cli::CompareOptions;
use crate::directory::{RunDirectory, shown, write_whole};
use crate::exit::{Exit, Failure};
use crate::{judge, print};

/// Says how two runs or two campaigns differ. Its exit says whether that worked, not whether they do: that is for `gate`.
pub fn compare(options: &CompareOptions) -> Result<Exit, Failure> {
    let sides = both(options).map_err(Failure::usage)?;
    let [(base_name, base), (name, here)] = &sides;
    let comparison = report::compare((name, here), (base_name, base));
    if let Some(file) = &options.out {
        write_whole(file, compare_page(&comparison).as_bytes()).map_err(Failure::infrastructure)?;
    }
    if options.json {
        print::json(&comparison).map_err(Failure::infrastructure)?;
    } else {
        print::data(compare_text(&comparison).trim_end()).map_err(Failure::infrastructure)?;
    }
    let page = options
        .out
        .as_deref()
        .map_or_else(String::new, |file| format!(" · {}", shown(file)));
    eprintln!("tribunal: {}{page}", comparison.sentence());
    Ok(Exit::Valid)
}

/// Both sides, the base first, with what they are called.
fn both(options: &CompareOptions) -> Result<[(String, CampaignSummary); 2]> {
    let (base, dir) = (&options.base, &options.dir);
    let is_campaign = |dir: &Path| dir.join(SUMMARY).is_file();
    if is_campaign(base) != is_campaign(dir) {
        let (campaign, run) = if is_campaign(base) {
            (base, dir)
        } else {
            (dir, base)
        };
        bail!(
            "{} is a campaign and {} is none: compare two campaigns, or two runs",
            shown(campaign),
            shown(run)
        );
    }
    let side = |dir: &Path| if is_campaign(dir) { read(dir) } else { of_run(dir) };
    let (mut before, mut here) = (side(base)?, side(dir)?);
    let (mut base_name, mut name) = (shown(base), shown(dir));
    if let Some(between) = &options.between {
        let (axis, values) = values(between)?;
        for (value, name, summary) in [
            (values[0], &mut base_name, &mut before),
            (values[1], &mut name, &mut here),
        ] {
            only(summary, axis, value, name)?;
            *name = format!("{name}, {axis} {value}");
        }
        ignore(&[axis.to_owned()], &mut here, &mut before)?;
    }
    ignore(&options.ignore, &mut here, &mut before)?;
    if is_campaign(base) {
        for (root, summary) in [(base, &mut before), (dir, &mut here)] {
            fill_figures(root, summary);
            fill_settings(root, summary);
        }
    }
    Ok([(base_name, before), (name, here)])
}

/// `axis=base,here`.
fn values(between: &str) -> Result<(&str, [&str; 2])> {
    let parts = between
        .split_once('=')
        .and_then(|(axis, values)| Some((axis, values.split_once(',')?)));
    match parts {
        Some((axis, (base, here))) => Ok((axis, [base, here])),
        None => {
            bail!("--between {between}: give an axis and two of its values, such as client=librdkafka,java")
        }
    }
}

/// Keeps the runs with that value of an axis; there has to be one.
fn only(summary: &mut CampaignSummary, axis: &str, value: &str, name: &str) -> Result<()> {
    let runs = std::mem::take(&mut summary.runs);
    let has = |run: &CampaignRun| run.axes.get(axis).is_some_and(|has| has == value);
    let (kept, others): (Vec<_>, Vec<_>) = runs.into_iter().partition(has);
    if kept.is_empty() {
        let known: BTreeSet<&str> = others
            .iter()
            .filter_map(|run| run.axes.get(axis).map(String::as_str))
            .collect();
        let known: Vec<&str> = known.into_iter().collect();
        bail!(
            "--between: no run of {name} has {axis} {value}; its values of that axis: {}",
            if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            }
        );
    }
    let [own, about, fingerprint] =
        [&mut summary.name, &mut summary.about, &mut summary.fingerprint].map(std::mem::take);
    *summary = CampaignSummary::new(own, about, summary.seed, fingerprint, kept);
    Ok(())
}

/// A run as a campaign of one.
fn of_run(dir: &Path) -> Result<CampaignSummary> {
    let directory = RunDirectory::open(dir)?;
    let verdict = verdict(&directory.verdict())
        .with_context(|| format!("{} is neither a campaign that ended nor a run", shown(dir)))?;
    let record = Record::judged(&shown(dir), Role::Run, String::new(), 0.0, &verdict);
    let run = CampaignRun {
        name: shown(dir),
        figures: figures(&directory),
        settings: settings(&directory),
        ..of_record(&record, Expect::Valid)
    };
    Ok(CampaignSummary::new(
        shown(dir),
        String::new(),
        0,
        String::new(),
        vec![run],
    ))
}

/// What a run is compared by: as it was written down, or else from its history, where it was made before that was done.
fn figures(directory: &RunDirectory) -> Option<RunFigures> {
    judge::figures(directory.root()).or_else(|| {
        let verdict = verdict(&directory.verdict()).ok()?;
        let history = judge::read(&directory.history()).ok()?;
        Some(RunFigures::of(&history, &verdict))
    })
}

/// Takes from the runs' directories, where they are still there, what an older summary does not hold.
pub(super) fn fill_figures(root: &Path, summary: &mut CampaignSummary) {
    let without = summary
        .runs
        .iter_mut()
        .filter(|run| run.figures.is_none() && !run.dir.is_empty());
    for run in without {
        if let Some(directory) = directory_of(root, &run.dir) {
            run.figures = figures(&directory);
        }
    }
}

/// Takes from the runs' directories, where they are still there, what they were set up with.
fn fill_settings(root: &Path, summary: &mut CampaignSummary) {
    for run in summary.runs.iter_mut().filter(|run| !run.dir.is_empty()) {
        if let Some(directory) = directory_of(root, &run.dir) {
            run.settings = settings(&directory);
        }
    }
}

/// Where a run of a campaign lies, if it is still there.
fn directory_of(root: &Path, dir: &str) -> Option<RunDirectory> {
    // A summary is a file that people may have written: it names what lies below.
    let is_below = Path::new(dir)
        .components()
        .all(|part| matches!(part, std::path::Component::Normal(_)));
    is_below
        .then(|| RunDirectory::open(&root.join(dir)).ok())
        .flatten()
}

/// Takes axes out of both, so that cells are matched without them.
pub(super) fn ignore(
    axes: &[String],
    here: &mut CampaignSummary,
    before: &mut CampaignSummary,
) -> Result<()> {
    let runs = || here.runs.iter().chain(&before.runs);
    let known: BTreeSet<&String> = runs().flat_map(|run| run.axes.keys()).collect();
    for axis in axes {
        if !known.contains(axis) {
            let known: Vec<&str> = known.iter().map(|axis| axis.as_str()).collect();
            bail!("--ignore {axis}: neither has such an axis: {}", known.join(", "));
        }
    }
    for run in here.runs.iter_mut().chain(&mut before.runs) {
        run.axes.retain(|axis, _| !axes.contains(axis));
    }
    Ok(())
}
