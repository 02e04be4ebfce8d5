//! What a person sees while a run goes on: a live line on a terminal, one line a phase elsewhere.

use std::env;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cluster::kafka::Progress as Preparing;
use history::{Fault, FaultStep};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::live::{Line, Tone, safe};

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(100);
/// The size of a terminal that does not tell its own.
const SIZE: (usize, usize) = (80, 24);

/// The progress of a run, on standard error.
///
/// Nothing here changes how the terminal works (no raw mode, no other screen, no hidden cursor), so that there is nothing to undo, however
/// the process ends.
pub struct Progress {
    bar: ProgressBar,
    live: bool,
    now: Mutex<Now>,
    /// What drawing has cost, in microseconds of CPU time.
    cpu_us: AtomicU64,
}

#[derive(Default)]
struct Now {
    phase: String,
    about: String,
    /// The width that was last drawn for, while there is a view.
    view: Option<usize>,
}

impl Progress {
    /// Progress on standard error: live where that is a terminal that can do it, and nobody asked for plain lines.
    pub fn new(plain: bool) -> Self {
        let live = !plain && std::io::stderr().is_terminal() && can_move(&|name| env::var(name).ok());
        let bar = if live {
            ProgressBar::new_spinner().with_style(one_line())
        } else {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
        };
        if live {
            bar.enable_steady_tick(TICK);
        }
        Self {
            bar,
            live,
            now: Mutex::default(),
            cpu_us: AtomicU64::new(0),
        }
    }

    /// Whether somebody sees lines that change.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// The run goes on to its next phase.
    pub fn phase(&self, name: &str, about: &str) {
        let mut now = self.lock();
        name.clone_into(&mut now.phase);
        about.clone_into(&mut now.about);
        // A view is made anew in a moment, and shows the phase itself.
        let is_view = now.view.is_some();
        drop(now);
        if !is_view {
            self.bar.set_prefix(name.to_owned());
            self.bar.set_message(about.to_owned());
        }
        if !self.live {
            eprintln!("{name}: {about}");
        }
    }

    /// The phase and what it is about.
    pub fn at(&self) -> (String, String) {
        let now = self.lock();
        (now.phase.clone(), now.about.clone())
    }

    /// What happens within the phase; shown on a terminal only.
    pub fn now(&self, message: String) {
        self.bar.set_message(message);
    }

    /// How many columns and lines there are now.
    pub fn size() -> (usize, usize) {
        console::Term::stderr()
            .size_checked()
            .map_or(SIZE, |(lines, columns)| {
                (usize::from(columns), usize::from(lines))
            })
    }

    /// Draws these lines where those of the last time were; on a terminal only.
    pub fn view(&self, lines: &[Line], width: usize) {
        if !self.live {
            return;
        }
        let before = self.lock().view.replace(width);
        if before.is_none() {
            self.bar.disable_steady_tick();
            self.bar.set_style(several_lines());
        }
        let text: Vec<String> = lines.iter().map(painted).collect();
        if before.is_some_and(|before| width < before) {
            // What was drawn for a wider terminal may have been broken into more lines than anybody knows.
            self.bar.suspend(|| eprint!("\u{1b}[2J\u{1b}[H"));
        }
        self.bar.set_message(text.join("\n"));
    }

    /// Ends the view; these lines of it stay.
    pub fn end_view(&self, stay: &[Line]) {
        if self.lock().view.take().is_none() {
            return;
        }
        self.bar.set_message("");
        for line in stay {
            self.say(&painted(line));
        }
        let (phase, about) = self.at();
        self.bar.set_style(one_line());
        self.bar.set_prefix(phase);
        self.bar.set_message(about);
        self.bar.enable_steady_tick(TICK);
    }

    /// Drawing has cost so much CPU time.
    pub fn spent(&self, cpu: Duration) {
        self.cpu_us.fetch_add(cpu.as_micros() as u64, Ordering::Relaxed);
    }

    /// What drawing has cost so far, in microseconds of CPU time.
    pub fn cpu_us(&self) -> u64 {
        self.cpu_us.load(Ordering::Relaxed)
    }

    /// A fault took a step; shown on a terminal only, as lines that stay.
    pub fn fault(&self, time: u64, fault: &Fault) {
        if let Some(step) = step(&fault.step).filter(|_| self.live) {
            let seconds = time as f64 / 1e9;
            self.say(&safe(&format!(
                "{seconds:8.1} s  {}: {} {step}",
                fault.kind, fault.detail
            )));
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

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.live && std::thread::panicking() {
            // The bar draws no more then. What comes next begins on a line of its own.
            eprintln!();
        }
        self.bar.finish_and_clear();
    }
}

/// Whether a terminal with this environment takes more than plain lines.
fn can_move(variable: &dyn Fn(&str) -> Option<String>) -> bool {
    let is_dumb = variable("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    let no_color = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    !is_dumb && !no_color
}

fn one_line() -> ProgressStyle {
    ProgressStyle::with_template("{spinner:.cyan} {prefix:.bold} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn several_lines() -> ProgressStyle {
    ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// A line with its looks.
fn painted(line: &Line) -> String {
    let code = match line.tone {
        Tone::Plain => return line.text.clone(),
        Tone::Head => "1",
        Tone::Faint => "2",
        Tone::Alarm => "33",
    };
    format!("\u{1b}[{code}m{}\u{1b}[0m", line.text)
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
    use super::{can_move, meter};

    #[test]
    fn a_terminal_that_cannot_or_shall_not_gets_plain_lines() {
        let with = |term: Option<&str>, color: Option<&str>| {
            let (term, color) = (term.map(str::to_owned), color.map(str::to_owned));
            can_move(&|name| {
                if name == "TERM" {
                    term.clone()
                } else {
                    color.clone()
                }
            })
        };
        assert!(with(Some("xterm-256color"), None));
        assert!(with(Some("xterm"), Some("")));
        assert!(!with(Some("xterm"), Some("1")));
        assert!(!with(Some("dumb"), None));
        assert!(!with(None, None));
    }

    #[test]
    fn a_meter_is_full_at_the_end_and_never_longer() {
        assert_eq!(meter(0, 10), "[····················]");
        assert_eq!(meter(5, 10), "[##########··········]");
        assert_eq!(meter(11, 10), "[####################]");
        assert_eq!(meter(0, 0), "[####################]");
    }
}
