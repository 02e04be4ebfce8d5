//! What a node's broker said in its own log: a mark a line.

use history::BrokerLine;
use maud::{Markup, html};

use super::scale::Span;
use super::{picture, x};
use crate::broker_lines::{Severity, severity};
use crate::format::{clipped, instant};

const HEIGHT: f64 = 18.0;
/// Lines are marked in this many places at most; of one place the gravest tells.
const PLACES_MAX: u64 = 400;
const LETTERS_MAX: usize = 240;

/// The lines of one node.
pub(crate) fn lines(lines: &[(usize, &BrokerLine)], span: Span) -> Markup {
    let step = (span.length() / PLACES_MAX).max(1);
    let mut places: std::collections::BTreeMap<u64, (usize, &BrokerLine)> = std::collections::BTreeMap::new();
    for (_, line) in lines.iter().filter(|(_, line)| span.meets(line.at, line.at)) {
        let place = places.entry(line.at / step).or_insert((0, line));
        place.0 += 1;
        if severity(line) > severity(place.1) {
            place.1 = line;
        }
    }
    let plot = html! {
        @for (count, line) in places.values() {
            path.said.(severity(line).class()) d={ "M" (x(line.at)) " " (top(severity(line))) "V16" } { title { (words(*count, line)) } }
        }
    };
    picture(span, HEIGHT, &plot, &html! {})
}

/// What is graver stands higher, so that it shows without its colour too.
fn top(severity: Severity) -> &'static str {
    match severity {
        Severity::Other => "8",
        Severity::Warning => "5",
        Severity::Error => "1",
    }
}

fn words(count: usize, line: &BrokerLine) -> String {
    let others = match count {
        1 => String::new(),
        2 => "\nand one more line at that time".to_owned(),
        count => format!("\nand {} more lines at that time", count - 1),
    };
    format!(
        "node {}, {}\n{}{others}",
        line.node,
        instant(line.at),
        clipped(&line.text, LETTERS_MAX)
    )
}
