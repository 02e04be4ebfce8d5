//! What was measured, as a table.

use std::fmt;

use crate::child::Kind;
use crate::measure::Usage;

/// Who did what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// `tribunal check --parse-only`.
    ParseOnly,
    /// `tribunal check`.
    Check,
    /// One line after the other with `serde_json`.
    Serde,
    /// The crate `adya`.
    Peer,
}

/// One row of the table.
pub struct Row {
    pub kind: Kind,
    pub operations: u64,
    pub doing: Doing,
    pub usage: Usage,
    /// What is wrong with how it ended.
    pub wrong: Option<String>,
}

/// All rows, in the order in which they were measured.
#[derive(Default)]
pub struct Figures {
    pub rows: Vec<Row>,
}

impl Figures {
    /// What somebody took for a history and came to the right end.
    pub fn of(&self, kind: Kind, operations: u64, doing: Doing) -> Option<Usage> {
        let mut rows = self.right();
        let row = rows.find(|row| (row.kind, row.operations, row.doing) == (kind, operations, doing))?;
        Some(row.usage)
    }

    /// By how many operations a history was measured, and what it took.
    pub fn growth(&self, kind: Kind, doing: Doing) -> Vec<(u64, Usage)> {
        let rows = self.right().filter(|row| row.kind == kind && row.doing == doing);
        rows.map(|row| (row.operations, row.usage)).collect()
    }

    fn right(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.wrong.is_none())
    }

    /// What was judged otherwise than it is.
    pub fn wrong(&self) -> Vec<String> {
        let rows = self.rows.iter();
        rows.filter_map(|row| row.wrong.as_ref().map(|wrong| format!("{row}: {wrong}")))
            .collect()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "| history | operations | who | CPU s | memory MB | µs an operation |"
        )?;
        writeln!(formatter, "|---|--:|---|--:|--:|--:|")?;
        for row in self.right() {
            let cpu = row.usage.cpu.as_secs_f64();
            writeln!(
                formatter,
                "| {} | {} | {} | {cpu:.2} | {:.0} | {:.2} |",
                row.kind,
                thousands(row.operations),
                row.doing,
                row.usage.memory as f64 / 1e6,
                cpu * 1e6 / row.operations as f64
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations = thousands(self.operations);
        write!(formatter, "{} of {operations} by {}", self.kind, self.doing)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Kafka => "kafka",
            Self::ListAppend => "list-append",
            Self::RwRegister => "rw-register",
            Self::Planted => "list-append, one anomaly in ten",
            Self::Snapshot => "list-append, snapshot isolation",
        })
    }
}

impl fmt::Display for Doing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::ParseOnly => "check --parse-only",
            Self::Check => "check",
            Self::Serde => "serde_json",
            Self::Peer => "adya",
        })
    }
}

/// A number with its thousands apart.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
