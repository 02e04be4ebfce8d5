//! A comparison for a terminal.

use std::fmt::Write;

use super::{Comparison, Difference, Side};
use crate::format::{count, counted, is_invisible, list};

/// Both sides, the findings, and how they behave.
pub fn compare_text(comparison: &Comparison) -> String {
    let mut text = String::new();
    for (word, side) in [("base", &comparison.before), ("here", &comparison.here)] {
        let _ = writeln!(text, "{word}: {}: {}", side.name, facts(side));
    }
    for setting in &comparison.settings {
        let _ = writeln!(text, "differs: {}", setting.line());
    }
    text.push('\n');
    for finding in &comparison.findings {
        let _ = writeln!(text, "{}", finding.line());
    }
    for cell in &comparison.missing {
        let _ = writeln!(text, "not judged: {cell}, which the base has");
    }
    if !comparison.findings.is_empty() || !comparison.missing.is_empty() {
        text.push('\n');
    }
    for behaviour in &comparison.behaviours {
        let _ = writeln!(text, "{} {}", sign(behaviour.difference), behaviour.line());
    }
    for error in &comparison.errors {
        let _ = writeln!(text, "{} {}", sign(error.rate.difference), error.line());
    }
    if comparison.behaviours.is_empty() {
        text.push_str("no figures that both have: their runs were made before figures were kept\n");
    }
    // A summary is a file: what it says must not move a terminal's cursor.
    text.replace(|letter| is_invisible(letter) && letter != '\n', "\u{fffd}")
}

fn sign(difference: Difference) -> &'static str {
    match difference {
        Difference::More => "+",
        Difference::Less => "-",
        Difference::PerhapsMore | Difference::PerhapsLess => "?",
        Difference::None | Difference::TooFew => " ",
    }
}

/// What a side is, in a line.
pub(super) fn facts(side: &Side) -> String {
    let mut facts = vec![counted(side.runs, "judged run", "judged runs")];
    if !side.brokers.is_empty() {
        facts.push(list(&side.brokers));
        facts.push(list(&side.sizes));
    }
    facts.push(counted(
        side.acknowledged,
        "write acknowledged",
        "writes acknowledged",
    ));
    facts.push(format!("{} lost", count(side.lost)));
    facts.push(counted(side.faults, "fault bit", "faults bit"));
    facts.join(", ")
}
