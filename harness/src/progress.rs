//! What a person sees while a run goes on: a live line on a terminal, one line a phase elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use cluster::kafka::Progress as Preparing;
use history::{Fault, FaultStep};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(100);

/// The progress of a run, on standard error.
pub struct Progress {
    bar: ProgressBar,
    live: bool,
}

impl Progress {
    /// Progress on standard error, whatever that is.
    pub fn new() -> Self {
        let live = std::io::stderr().is_terminal();
        let bar = if live {
            let style = ProgressStyle::with_template("{spinner:.cyan} {prefix:.bold} {wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            ProgressBar::new_spinner().with_style(style)
        } else {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
        };
        if live {
            bar.enable_steady_tick(TICK);
        }
        Self { bar, live }
    }

    /// Whether somebody sees a line that changes.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// The run goes on to its next phase.
    pub fn phase(&self, name: &str, about: &str) {
        self.bar.set_prefix(name.to_owned());
        self.bar.set_message(about.to_owned());
        if !self.live {
            eprintln!("{name}: {about}");
        }
    }

    /// What happens within the phase; shown on a terminal only.
    pub fn now(&self, message: String) {
        self.bar.set_message(message);
    }

    /// A fault took a step; shown on a terminal only, as lines that stay.
    pub fn fault(&self, time: u64, fault: &Fault) {
        if let Some(step) = step(&fault.step).filter(|_| self.live) {
            let seconds = time as f64 / 1e9;
            self.say(&format!(
                "{seconds:8.1} s  {}: {} {step}",
                fault.kind, fault.detail
            ));
        }
    }

    /// A line that stays.
    pub fn say(&self, line: &str) {
        // Suspended, so that neither overwrites the other.
        self.bar.suspend(|| eprintln!("{line}"));
    }

    /// What happens before a cluster can be launched.
    pub fn preparing(&self, seen: &Preparing<'_>) {
        match seen {
            Preparing::Fetching { done, total, jar } => {
                self.bar.set_prefix("download");
                let (meter, done, total) = (meter(*done, *total), HumanBytes(*done), HumanBytes(*total));
                self.bar.set_message(format!("{meter} {done} of {total}  {jar}"));
            }
            Preparing::Retrying { jar, error } => self.say(&format!("download: {jar} again, as {error}")),
            Preparing::Preparing(what) => {
                self.phase("prepare", &format!("{what} (once; it is kept in the cache)"));
            }
            Preparing::Warning(what) => self.say(&format!("warning: {what}")),
        }
    }

    /// Nothing more comes.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// What a step is for people; `None` for those that only begin something.
fn step(step: &FaultStep) -> Option<String> {
    match step {
        FaultStep::Injecting | FaultStep::Healing => None,
        FaultStep::Injected => Some("· in force".to_owned()),
        FaultStep::Healed { bit: true, evidence } => Some(format!("· healed: {evidence}")),
        FaultStep::Healed { bit: false, evidence } => {
            Some(format!("· healed, and it did not bite: {evidence}"))
        }
        FaultStep::Skipped { reason } => Some(format!("· skipped: {reason}")),
        FaultStep::Failed { error } => Some(format!("· failed: {error}")),
    }
}

/// A bar of twenty places.
fn meter(done: u64, total: u64) -> String {
    const WIDTH: u64 = 20;
    let full = (done * WIDTH).checked_div(total).unwrap_or(WIDTH).min(WIDTH) as usize;
    format!("[{}{}]", "#".repeat(full), "·".repeat(WIDTH as usize - full))
}

#[cfg(test)]
mod tests {
    use super::meter;

    #[test]
    fn a_meter_is_full_at_the_end_and_never_longer() {
        assert_eq!(meter(0, 10), "[····················]");
        assert_eq!(meter(5, 10), "[##########··········]");
        assert_eq!(meter(11, 10), "[####################]");
        assert_eq!(meter(0, 0), "[####################]");
    }
}
