//! How fast histories are judged, as ratios measured in one run: `cargo bench -p tribunal --bench checks`.
//!
//! Histories are made from a seed by the crate `synthetic`. Each figure is that of a whole process, this binary
//! re-executed or the binary of the same build: CPU seconds (user and system) and the greatest resident set, the
//! median of some rounds. The peer is the crate `adya`, reading the same transactions in Elle's JSON.
//!
//! By itself this takes some two minutes and holds smaller histories to the goals in proportion; `-- --full`
//! takes the goals' own sizes, and needs 5 GB of disk and of memory.

mod child;
mod figures;
mod goals;
mod measure;
mod plot;
mod sections;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use crate::figures::Figures;
use crate::sections::{Bench, Sizes};

/// What the bench is asked for.
#[derive(Debug, Parser)]
struct Arguments {
    /// Take the sizes that the goals are set for.
    #[arg(long)]
    full: bool,
    /// How often each is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Leave the peer out.
    #[arg(long)]
    without_peer: bool,
    /// Write the picture of the growth here.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Make the histories below this directory instead of the system's temporary one.
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Be one of the processes that are measured.
    #[command(subcommand)]
    child: Option<child::Child>,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Some(child) = &arguments.child {
        return child.run().map(|()| ExitCode::SUCCESS);
    }
    let scratch = arguments.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let sizes = if arguments.full {
        Sizes::full()
    } else {
        Sizes::quick()
    };
    let mut bench = Bench {
        sizes,
        rounds: arguments.rounds.max(1),
        peer: !arguments.without_peer,
        scratch: tempfile::tempdir_in(scratch).context("make a temporary directory")?,
        figures: Figures::default(),
    };
    bench.kafka()?;
    bench.transactions()?;
    bench.planted()?;
    println!("\n{}", bench.figures);
    let goals = goals::all(&bench.figures, &bench.sizes);
    for goal in &goals {
        println!("{goal}");
    }
    if let Some(path) = &arguments.svg {
        let picture = plot::growth(&bench.figures);
        std::fs::write(path, picture).with_context(|| format!("write {}", path.display()))?;
    }
    let wrong = bench.figures.wrong();
    for row in &wrong {
        println!("WRONG  {row}");
    }
    Ok(if wrong.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
