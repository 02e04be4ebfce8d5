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

checks![
    assumptions,
    effect,
    log,
    ordering,
    txn,
    transactions,
    groups,
    eos,
    bank,
    queue,
    retention,
    timestamps,
    replicas,
    leadership,
    controllers,
    metrics,
    liveness,
    availability
];

impl Check {
    /// What it is for: the first sentence of its file.
    pub fn doc(&self) -> String {
        let paragraph = history::about(self.source);
        match paragraph.split_once(". ") {
            Some((first, _)) => format!("{first}."),
            None => paragraph,
        }
    }

    /// Whether it judges what clients did with logs, and has nothing to say of lists and registers.
    pub(crate) fn is_of_logs(&self) -> bool {
        ["log", "txn"].contains(&self.name)
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

#[cfg(test)]
mod tests {
    use history::{Expectation, Header, History, MemorySource};

    use super::{Check, guarded};
    use crate::kafka::Gathered;
    use crate::options::Options;
    use crate::verdict::Validity;

    fn nothing() -> History {
        let expect = Expectation::default();
        let header = Header {
            format: history::FORMAT.to_owned(),
            version: history::VERSION,
            plan: String::new(),
            seed: 0,
            broker: String::new(),
            client: None,
            started: String::new(),
            nodes: Vec::new(),
            controllers: Vec::new(),
            zookeepers: Vec::new(),
            topics: Vec::new(),
            expect,
        };
        History {
            header,
            events: Vec::new(),
            truncated: false,
        }
    }

    #[test]
    fn a_check_that_panics_has_judged_nothing() {
        let check = Check {
            name: "broken",
            source: "//! Breaks. Always.\n//! As meant.\n",
            run: |context| panic!("{} operations are too few", context.index.counts.operations),
        };
        let (history, options) = (nothing(), Options::default());
        let mut source = MemorySource::new(&history);
        let gathered = Gathered::of(&mut source, &history.header, &options).expect("it is in memory");
        let outcome = check.run(&gathered.context(&history.header, &source, &options));
        assert_eq!(outcome.valid(), Validity::Unknown);
        assert_eq!(
            outcome.reasons(),
            ["the check `broken` ended by a bug of its own: 0 operations are too few"]
        );
        assert_eq!(check.doc(), "Breaks.");
    }

    #[test]
    fn a_panic_without_text_is_told_as_well() {
        let ended = guarded("passes", || std::panic::panic_any(5));
        assert_eq!(
            ended,
            Err("the check `passes` ended by a bug of its own: without a message".to_owned())
        );
    }
}
