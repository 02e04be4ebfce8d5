//! `tribunal bundle`: a run as one file, to be sent to somebody and run or judged there.

use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use indicatif::HumanBytes;

use super::campaign::IDENTITY;
use crate::bundle::{self, ENDING, FORMAT, Manifest, VERSION, Without};
use crate::child::verdict;
use crate::cli::BundleOptions;
use crate::directory::{RunDirectory, shown};
use crate::exit::{Exit, Failure};
use crate::print;

/// Writes the bundle of a run.
pub fn bundle(options: &BundleOptions) -> Result<Exit, Failure> {
    let run = open(&options.dir).map_err(Failure::usage)?;
    let manifest = describe(&run, &options.without);
    if !manifest.damage.is_empty() && !options.force {
        return Err(Failure::usage(anyhow!(
            "{} is damaged: {}; --force bundles what there is",
            run.shown(),
            manifest.damage.join("; ")
        )));
    }
    let out = options.out.clone().unwrap_or_else(|| beside(run.root()));
    if out.symlink_metadata().is_ok() {
        return Err(Failure::usage(anyhow!(
            "{} is there already: --out names another file",
            shown(&out)
        )));
    }
    let files = bundle::select(run.root(), &options.without).map_err(Failure::infrastructure)?;
    let manifest = write(&run, &files, manifest, &out).map_err(Failure::infrastructure)?;
    let packed = fs::metadata(&out).map_or(0, |meta| meta.len());
    print::data(&shown(&out)).map_err(Failure::infrastructure)?;
    eprintln!(
        "tribunal: {} files, {}, in {}; again: tribunal replay {}",
        manifest.files.len(),
        HumanBytes(manifest.bytes().unwrap_or_default()),
        HumanBytes(packed),
        shown(&out)
    );
    Ok(Exit::Valid)
}

/// `results/NAME` becomes `results/NAME.bundle.tar.zst`.
fn beside(root: &Path) -> PathBuf {
    let mut name = root.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ENDING);
    root.with_file_name(name)
}

/// A run's directory that may be bundled: one that is a run's, and nobody writes to.
fn open(dir: &Path) -> Result<RunDirectory> {
    let root = dir
        .canonicalize()
        .with_context(|| format!("open {}", dir.display()))?;
    let run = RunDirectory::open(&root)?;
    if root.join(IDENTITY).is_file() {
        return Err(anyhow!(
            "{} is a campaign's: name one of its runs, below {}",
            run.shown(),
            shown(&root.join("runs"))
        ));
    }
    if ![run.plan(), run.history(), run.verdict()]
        .iter()
        .any(|file| file.is_file())
    {
        return Err(anyhow!("{} is no run's directory", run.shown()));
    }
    if run.goes_on() {
        return Err(anyhow!("{} goes on: wait until it has ended", run.shown()));
    }
    Ok(run)
}

/// What the manifest says of a run, beside its files.
fn describe(run: &RunDirectory, without: &[Without]) -> Manifest {
    let mut damage = Vec::new();
    let mut or_damage = |outcome: Result<()>| {
        damage.extend(outcome.err().map(|error| format!("{error:#}")));
    };
    let mut manifest = Manifest {
        format: FORMAT.to_owned(),
        version: VERSION,
        tribunal: env!("CARGO_PKG_VERSION").to_owned(),
        plan: String::new(),
        seed: 0,
        broker: String::new(),
        valid: None,
        damage: Vec::new(),
        without: Vec::new(),
        files: Vec::new(),
    };
    or_damage(run.resolved().map(|resolved| {
        manifest.plan.clone_from(&resolved.plan.name);
        manifest.seed = resolved.seed;
        manifest.broker.clone_from(&resolved.plan.broker);
    }));
    or_damage(if run.verdict().is_file() {
        verdict(&run.verdict()).map(|verdict| manifest.valid = Some(verdict.valid))
    } else {
        Err(anyhow!(
            "it has no verdict, as it was ended before it had one (`tribunal report` judges what there is)"
        ))
    });
    or_damage(whole(&run.history()));
    let made_of = fs::read(run.made_of()).context("read made-of.json");
    or_damage(made_of.and_then(|json| {
        serde_json::from_slice::<crate::judge::MadeOf>(&json)
            .map(drop)
            .context("read made-of.json")
    }));
    let mut words: Vec<String> = without.iter().map(|part| part.word().to_owned()).collect();
    words.sort();
    words.dedup();
    manifest.without = words;
    manifest.damage = damage;
    manifest
}

/// Fails where a history cannot be read to its end.
fn whole(history: &Path) -> Result<()> {
    let name = history.file_name().unwrap_or_default().display();
    let mut source = history::open(history).map_err(|error| anyhow!("{name} {error}"))?;
    let scanned = source
        .scan(&mut |_| ControlFlow::Continue(()))
        .map_err(|error| anyhow!("{name} {error}"))?;
    if scanned.truncated {
        return Err(anyhow!("{name} is cut off in its last line"));
    }
    Ok(())
}

/// Writes it under another name first: half a bundle is never there under its own.
fn write(run: &RunDirectory, files: &[String], manifest: Manifest, out: &Path) -> Result<Manifest> {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(".half");
    let half = out.with_file_name(name);
    let written = File::create(&half)
        .with_context(|| format!("create {}", half.display()))
        .and_then(|mut file| {
            let manifest = bundle::pack(run.root(), files, manifest, &mut file)?;
            file.sync_all()
                .with_context(|| format!("write {}", half.display()))?;
            Ok(manifest)
        })
        .and_then(|manifest| {
            fs::rename(&half, out).with_context(|| format!("write {}", out.display()))?;
            Ok(manifest)
        });
    if written.is_err() {
        let _ = fs::remove_file(&half);
    }
    written
}
