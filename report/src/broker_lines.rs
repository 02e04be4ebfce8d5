//! What brokers said in their own logs, as far as the history holds it.

use history::{BrokerLine, History, What};

/// How grave a line is, by the level that it begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    Other,
    Warning,
    Error,
}

impl Severity {
    /// The style class that gives it its colour.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Other => "plain",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How grave a line is.
pub(crate) fn severity(line: &BrokerLine) -> Severity {
    match level_and_text(line).0 {
        "WARN" => Severity::Warning,
        "ERROR" | "FATAL" => Severity::Error,
        _ => Severity::Other,
    }
}

/// A line's level, where it begins with one, and the rest of it.
pub(crate) fn level_and_text(line: &BrokerLine) -> (&str, &str) {
    match line.text.split_once(' ') {
        Some((level @ ("TRACE" | "DEBUG" | "INFO" | "WARN" | "ERROR" | "FATAL"), text)) => (level, text),
        _ => ("", &line.text),
    }
}

/// All lines, in the order of their own times, which need not be that of the history.
pub(crate) fn broker_lines(history: &History) -> Vec<&BrokerLine> {
    let said = history.events.iter().filter_map(|event| match &event.what {
        What::Line(line) => Some(line),
        _ => None,
    });
    let mut lines: Vec<_> = said.collect();
    lines.sort_by_key(|line| (line.at, line.node));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Severity, rest: &str) {
        let line = BrokerLine {
            node: 1,
            at: 0,
            key: None,
            text: text.to_owned(),
        };
        assert_eq!((severity(&line), level_and_text(&line).1), (expected, rest));
    }

    #[test]
    fn a_line_is_as_grave_as_it_says() {
        check("WARN [Log] late", Severity::Warning, "[Log] late");
        check("ERROR [Log] gone", Severity::Error, "[Log] gone");
        check("INFO [Log] fine", Severity::Other, "[Log] fine");
        check("WARNING: not a level", Severity::Other, "WARNING: not a level");
        check("", Severity::Other, "");
    }
}
