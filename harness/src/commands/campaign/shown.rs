//! What a person sees of a campaign while it goes on.

use crate::child::rough;
use crate::live::{Line, Tone, fit};

/// A campaign at one moment.
pub struct Shown {
    /// Runs of this machine that came to something.
    pub done: usize,
    /// All runs of this machine.
    pub all: usize,
    /// Runs that need something yet and were not begun.
    pub pending: usize,
    /// How long it has gone on, in seconds.
    pub elapsed: f64,
    /// How long the rest takes, in seconds, where that can be told.
    pub left: Option<f64>,
    /// Runs that go on: their name, whether one is made again to confirm, and for how many seconds.
    pub running: Vec<(String, bool, f64)>,
}

impl Shown {
    /// The whole in one line.
    pub fn line(&self) -> String {
        let left = self
            .left
            .map_or_else(String::new, |left| format!(", some {} left", rough(left)));
        format!(
            "{} of {} done, {} go on{left}",
            self.done,
            self.all,
            self.running.len()
        )
    }

    /// The same and the runs that go on, for a terminal of that size.
    pub fn lines(&self, width: usize, height: usize) -> Vec<Line> {
        let head = format!("campaign  {}, for {}", self.line(), rough(self.elapsed));
        let mut lines = vec![fit(&head, Tone::Head, width)];
        let room = height.saturating_sub(3).max(1);
        for (name, confirms, seconds) in self.running.iter().take(room) {
            let what = if *confirms { ", made again to confirm" } else { "" };
            let text = format!("  {:>6}  {name}{what}", rough(*seconds));
            lines.push(fit(&text, Tone::Plain, width));
        }
        if self.running.len() > room {
            let more = format!("          … and {} more", self.running.len() - room);
            lines.push(fit(&more, Tone::Faint, width));
        }
        if self.pending > 0 {
            lines.push(fit(
                &format!("          {} wait", self.pending),
                Tone::Faint,
                width,
            ));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_go_on_are_shown_as_far_as_there_is_room() {
        let shown = Shown {
            done: 3,
            all: 24,
            pending: 18,
            elapsed: 130.0,
            left: Some(400.0),
            running: (0..3)
                .map(|number| (format!("cell-{number}\u{1b}[2J"), number == 1, 12.0))
                .collect(),
        };
        let texts = |width, height| -> Vec<String> {
            shown
                .lines(width, height)
                .into_iter()
                .map(|line| line.text)
                .collect()
        };
        assert_eq!(
            texts(100, 24),
            [
                "campaign  3 of 24 done, 3 go on, some 7 min left, for 2 min",
                "    12 s  cell-0 [2J",
                "    12 s  cell-1 [2J, made again to confirm",
                "    12 s  cell-2 [2J",
                "          18 wait"
            ]
        );
        assert_eq!(texts(100, 5).len(), 5);
        assert!(texts(100, 5)[3].contains("1 more"));
        assert!(texts(24, 24).iter().all(|line| line.chars().count() < 24));
    }
}
