//! `tribunal shrink`: from a run that failed to the smallest plan that still does.
//!
//! What is tried is decided by [`crate::shrink`], which is pure; here it is run, each candidate as a `tribunal run` in
//! a process of its own, and written down run by run, so that whatever ends a search, `--resume` goes on from there.

mod case;
mod outcome;
mod runner;
mod state;

use anyhow::anyhow;

use self::case::Case;
use self::outcome::Outcome;
use self::runner::{Runner, Stop};
use self::state::State;
use crate::cli::ShrinkOptions;
use crate::exit::{Exit, Failure};
use crate::shrink::{Rule, Smaller, search};

/// Shrinks what a run's directory holds.
pub fn shrink(options: &ShrinkOptions) -> Result<Exit, Failure> {
    check(options).map_err(Failure::usage)?;
    let case = Case::open(&options.dir, options.anomaly.as_deref()).map_err(Failure::usage)?;
    let work = options.out.clone().unwrap_or_else(|| options.dir.join("shrink"));
    let state = State::open(&work, &case, options.resume).map_err(Failure::usage)?;
    let mut runner = Runner::new(options, &case, &work, state).map_err(Failure::infrastructure)?;
    runner.announce();
    let mut chain = Vec::new();
    let searched = search(&case.plan, &case.clue, &mut chain, &mut |candidate| {
        runner.fails(candidate)
    });
    match searched {
        Ok(true) => {}
        Ok(false) => return Ok(not_again(&case)),
        Err(Stop::Budget) => runner.say("the budget is used up: what was found so far is confirmed"),
        Err(stop) => return stopped(stop, &runner),
    }
    confirm(options, &case, runner, &chain)
}

fn check(options: &ShrinkOptions) -> anyhow::Result<()> {
    if options.rate.is_nan() || options.rate <= 0.0 || options.rate > 1.0 {
        return Err(anyhow!("--rate {}: give more than 0 and at most 1", options.rate));
    }
    for (flag, runs) in [("--runs", options.runs), ("--confirm", options.confirm)] {
        if runs == 0 {
            return Err(anyhow!("{flag} 0: nothing is known of a plan that is never run"));
        }
    }
    Ok(())
}

/// Confirms the smallest plan by runs that nothing was chosen by; where they do not fail often enough, the one before it.
fn confirm(
    options: &ShrinkOptions,
    case: &Case,
    mut runner: Runner<'_>,
    chain: &[Smaller],
) -> Result<Exit, Failure> {
    let rule = Rule::of_rate(options.confirm, options.rate);
    for (place, smaller) in chain.iter().enumerate().rev() {
        match runner.confirms(&smaller.plan, rule) {
            Ok(true) => {
                let outcome = Outcome::new(case, &runner, &chain[..=place]);
                let outcome = outcome.map_err(Failure::infrastructure)?;
                outcome.publish(options.json).map_err(Failure::infrastructure)?;
                return Ok(Exit::Valid);
            }
            Ok(false) if place > 0 => runner.say("not often enough: the plan before it is tried"),
            Ok(false) => {}
            Err(Stop::Budget) => {
                eprintln!(
                    "tribunal: nothing is confirmed, and the budget is used up: --resume with a larger one goes on"
                );
                return Ok(Exit::Unknown);
            }
            Err(stop) => return stopped(stop, &runner),
        }
    }
    if chain.is_empty() {
        eprintln!("tribunal: the budget was used up before the run was seen to fail again");
        return Ok(Exit::Unknown);
    }
    Ok(not_again(case))
}

fn not_again(case: &Case) -> Exit {
    eprintln!(
        "tribunal: {} does not come again often enough to shrink it: a lower --rate asks for less, more --runs look longer",
        case.anomaly
    );
    Exit::Unknown
}

fn stopped(stop: Stop, runner: &Runner<'_>) -> Result<Exit, Failure> {
    let again = format!("`tribunal shrink {} --resume` goes on", runner.named());
    match stop {
        Stop::Broken(error) => Err(Failure::infrastructure(error.context(format!("go on ({again})")))),
        Stop::Interrupted | Stop::Budget => {
            eprintln!("tribunal: interrupted after {} runs: {again}", runner.runs());
            Ok(Exit::Interrupted)
        }
    }
}
