//! In what order: the one binary of Tribunal.
//!
//! Only this crate parses arguments and TOML, prints, and decides how the process exits. What a run *is*
//! lives in the crates above; here is the order in which it happens.

mod bundle;
mod campaign;
mod child;
mod cli;
mod commands;
mod directory;
mod drivers;
mod exit;
mod found;
mod interrupts;
mod inventory;
mod judge;
mod live;
mod machine;
mod plan;
mod print;
mod progress;
mod recorder;
mod run;
mod shrink;
mod store;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Arguments, Command};
use crate::exit::{Exit, Failure};

fn main() -> ExitCode {
    // Before anything else, while the process has one thread: it may have been started as a supervisor or
    // as a node, and never come back from here.
    let arguments = match sandbox::entry() {
        Ok(sandbox::Entered::Outside) => Arguments::try_parse(),
        Ok(sandbox::Entered::Inside { arguments }) => {
            Arguments::try_parse_from([OsString::from("tribunal")].into_iter().chain(arguments))
        }
        Err(error) => return exit::report(Err(Failure::infrastructure(error.into()))),
    };
    match arguments {
        Ok(arguments) => exit::report(dispatch(arguments.command)),
        Err(error) => exit::usage(&error),
    }
}

fn dispatch(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Run(options) => run::prepare(&options),
        Command::Conduct(options) => run::conduct(&options),
        Command::Check(options) => commands::check(&options),
        Command::Export(options) => commands::export(&options),
        Command::Bundle(options) => commands::bundle(&options),
        Command::Replay(options) => commands::replay(&options),
        Command::Report(options) => commands::report(&options),
        Command::Shrink(options) => commands::shrink(&options),
        Command::Campaign(options) => commands::campaign(&options),
        Command::Merge(options) => commands::merge(&options),
        Command::Gate(options) => commands::gate(&options),
        Command::Compare(options) => commands::compare(&options),
        Command::Shell(options) => commands::shell(&options),
        Command::Results(options) => commands::results(&options),
        Command::Serve(options) => commands::serve(&options),
        Command::Broker(options) => commands::broker(&options),
        Command::List(options) => commands::list(&options),
        Command::Doctor(options) => commands::doctor(&options),
        Command::Clean(options) => commands::clean(&options),
    }
}
