//! `tribunal campaign`: a matrix of runs, each a process of its own, as many at a time as the machine carries.
//!
//! What is to be run is decided by [`crate::campaign`], which is pure; here it is run, and each run that ends becomes a line of the
//! campaign's journal. So whatever ends a campaign, `--resume` goes on from there, and parts from several machines are merged by
//! their journals.

mod folder;
mod merge;
mod page;
mod runner;
mod shown;
mod summary;
mod trend;
mod work;

use anyhow::anyhow;

use self::folder::Folder;
use self::runner::{Runner, Stopped};
use self::work::Work;
use crate::campaign::{Part, Rules};
use crate::cli::CampaignOptions;
use crate::directory::shown;
use crate::exit::{Exit, Failure};
use crate::print;

pub use folder::{IDENTITY, Identity, LOCK, RUNS, read_journal};
pub use merge::merge;
pub use page::{PAGE, page_of};
pub use summary::{
    MARKDOWN, SARIF, SUMMARY, annotate, append_to_job, exit, of as summary_of, of_record, read,
};

/// Runs a campaign, or what is left of it, or the part of it that is this machine's.
pub fn campaign(options: &CampaignOptions) -> Result<Exit, Failure> {
    let (part, by) = part(options).map_err(|error| Failure::usage(anyhow!(error)))?;
    let work = Work::read(options, part).map_err(Failure::usage)?;
    if options.list {
        return list(&work.identity);
    }
    work.check_machine(options.offline)
        .map_err(Failure::infrastructure)?;
    let mut folder = Folder::open(&work.out, &work.identity, options.goes_on()).map_err(Failure::usage)?;
    if options.rerun_failed {
        folder.forget_failed().map_err(Failure::infrastructure)?;
    }
    announce(&folder, by);
    if folder.identity.gate.is_some() && part.is_some() {
        eprintln!(
            "tribunal: a part alone decides nothing: all its runs are made, and `tribunal merge` says what the gate comes to"
        );
    }
    let rules = Rules {
        retries: work.definition.retries,
        confirm: options.confirm.unwrap_or(work.definition.confirm),
    };
    let mut runner = Runner::new(options, &work, &mut folder, rules).map_err(Failure::infrastructure)?;
    let stopped = runner.run().map_err(Failure::infrastructure)?;
    let summary = summary::of(&folder.identity, &folder.standings);
    let place = shown(folder.root());
    summary::publish(folder.root(), &folder.identity, &summary, &options.trend, &place)
        .map_err(Failure::infrastructure)?;
    summary::tell(&summary, &place);
    if options.json {
        print::json(&summary).map_err(Failure::infrastructure)?;
    }
    Ok(match stopped {
        Stopped::Interrupted => {
            let again = format!(
                "tribunal campaign {} --out {} --resume",
                shown(&options.file),
                shown(folder.root())
            );
            eprintln!("tribunal: interrupted: `{again}` goes on");
            Exit::Interrupted
        }
        Stopped::Done | Stopped::Decided | Stopped::OutOfTime => exit(&summary),
    })
}

/// The part that is this machine's: what the command line says, else what the scheduler does.
fn part(options: &CampaignOptions) -> Result<(Option<Part>, Option<&'static str>), String> {
    if options.partition.is_some() {
        return Ok((options.partition, None));
    }
    let found = Part::from_environment(&|name| std::env::var(name).ok())?;
    Ok(found.map_or((None, None), |(part, by)| (Some(part), Some(by))))
}

fn list(identity: &Identity) -> Result<Exit, Failure> {
    let lines = identity.ours();
    let lines: Vec<String> = lines
        .map(|(_, job)| format!("{}\t{}", job.name, job.seed))
        .collect();
    print::data(&lines.join("\n")).map_err(Failure::infrastructure)?;
    Ok(Exit::Valid)
}

fn announce(folder: &Folder, by: Option<&str>) {
    let identity = &folder.identity;
    let part = identity.part.map_or_else(String::new, |part| {
        let by = by.map_or_else(String::new, |by| format!(" by {by}"));
        format!(", part {part}{by}")
    });
    let known = match folder.standings.done() {
        0 => String::new(),
        runs => format!(", {runs} known"),
    };
    eprintln!(
        "tribunal: campaign {}, seed {}, {} runs of {} cells{part}{known}, in {}",
        identity.name,
        identity.seed,
        identity.jobs.len(),
        identity.cells.len(),
        shown(folder.root()),
    );
}
