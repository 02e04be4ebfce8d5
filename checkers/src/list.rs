//! The list of checks: a new one is a file in `checks/` and a word here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::checks;
use crate::context::Context;
use crate::outcome::Outcome;

/// A check as `tribunal list` and the guide show it.
#[derive(Clone, Copy)]
pub struct Check {
    /// Its word.
    pub name: &'static str,
    source: &'static str,
    run: fn(&Context) -> Outcome,
}

macro_rules! checks {
    ($($name:ident),+ $(,)?) => {
        /// All checks, in the order in which they run.
        pub const LIST: &[Check] = &[$(Check {
            name: stringify!($name),
            source: include_str!(concat!("checks/", stringify!($name), ".rs")),
            run: checks::$name::run,
        }),+];
    };
}

checks![assumptions, effect, log, replicas, leadership, controllers];

impl Check {
    /// What it is for: the first sentence of its file.
    pub fn doc(&self) -> String {
        let lines = self.source.lines().map_while(|line| line.strip_prefix("//!"));
        let paragraph: Vec<&str> = lines.map(str::trim).take_while(|line| !line.is_empty()).collect();
        let paragraph = paragraph.join(" ");
        match paragraph.split_once(". ") {
            Some((first, _)) => format!("{first}."),
            None => paragraph,
        }
    }

    /// Runs it. One that panics has judged nothing: unknown.
    pub(crate) fn run(&self, context: &Context) -> Outcome {
        guarded(self.name, || (self.run)(context)).unwrap_or_else(|reason| {
            let mut outcome = Outcome::default();
            outcome.unknown(reason);
            outcome
        })
    }
}

/// Runs a step of the judgement; what it panicked with becomes the reason for knowing nothing.
pub(crate) fn guarded<T>(name: &str, step: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(step)).map_err(|payload| {
        let text = payload.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        let text = text.unwrap_or_else(|| "without a message".to_owned());
        format!("the check `{name}` ended by a bug of its own: {text}")
    })
}
