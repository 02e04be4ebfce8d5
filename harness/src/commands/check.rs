//! `tribunal check`: judge a history again. Changes nothing on disk.

use crate::cli::CheckOptions;
use crate::directory::RunDirectory;
use crate::exit::{Exit, Failure};
use crate::{judge, print};

/// Judges a run's directory or a history file.
pub fn check(options: &CheckOptions) -> Result<Exit, Failure> {
    let path = if options.path.is_dir() {
        RunDirectory::open(&options.path)
            .map_err(Failure::usage)?
            .history()
    } else {
        options.path.clone()
    };
    let history = judge::read(&path)?;
    let verdict = checkers::check_history(&history);
    if options.json {
        let dir = options.path.is_dir().then(|| options.path.display().to_string());
        let text = judge::to_json(&verdict, &history, dir.as_deref()).map_err(Failure::infrastructure)?;
        print::data(&text).map_err(Failure::infrastructure)?;
    } else {
        eprintln!(
            "format: tribunal-history {}, {} events",
            history.header.version,
            history.events.len() + 1
        );
    }
    eprint!("{}", report::text(&verdict));
    Ok(verdict.valid.into())
}
