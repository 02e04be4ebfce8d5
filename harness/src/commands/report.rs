//! `tribunal report`: judge run directories again and write verdict, test results and page anew.

use crate::cli::ReportOptions;
use crate::directory::RunDirectory;
use crate::exit::{Exit, Failure};
use crate::{judge, print};

/// Writes each directory's files anew. Its exit says whether that worked, not what the verdicts are.
pub fn report(options: &ReportOptions) -> Result<Exit, Failure> {
    let mut histories = Vec::new();
    for dir in &options.dirs {
        let directory = RunDirectory::open(dir).map_err(Failure::usage)?;
        let history = judge::read(&directory.history())?;
        let verdict = checkers::check_history(&history);
        judge::publish(&directory, &history, &verdict).map_err(Failure::infrastructure)?;
        eprintln!("{}: {}", directory.report().display(), verdict.summary);
        if options.faults {
            histories.push(history);
        }
    }
    if options.faults {
        print::data(report::fault_table(&histories).trim_end()).map_err(Failure::infrastructure)?;
    }
    Ok(Exit::Valid)
}
