//! What each fault of several runs did, as a table in Markdown: for a guide, or for whoever asks.

use checkers::{Aftermath, FaultInterval, aftermaths, timeline};
use history::{Header, History};

use crate::aftermath::{leadership, recovery, silent};
use crate::format::clipped;
use crate::run::outcome;

/// Longer evidence than this is for the report's page.
const EVIDENCE_CHARS: usize = 240;

/// One row for each fault of each run, in their order; skipped ones say so.
pub fn fault_table(runs: &[History]) -> String {
    let mut lines = vec![
        "| fault | target | evidence | effect on leadership | longest without an acknowledgement | time to recover |"
            .to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    for history in runs {
        let timeline = timeline(history);
        let after = aftermaths(history, &timeline);
        let rows = timeline.faults.iter().zip(&after);
        lines.extend(rows.map(|(fault, after)| row(&history.header, fault, after)));
    }
    lines.join("\n") + "\n"
}

fn row(header: &Header, fault: &FaultInterval, after: &Aftermath) -> String {
    let (word, evidence) = outcome(fault);
    let evidence = if fault.bit() {
        evidence.to_owned()
    } else {
        format!("{word}: {evidence}")
    };
    let mut cells = vec![
        format!("`{}`", fault.kind),
        fault.detail.clone(),
        clipped(&evidence, EVIDENCE_CHARS),
    ];
    if fault.from.is_some() {
        cells.extend([leadership(header, after), silent(header, after), recovery(after)]);
    } else {
        cells.extend(["–", "–", "–"].map(str::to_owned));
    }
    let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
    format!("| {} |", cells.join(" | "))
}

/// A cell's text, whatever a broker said in it.
fn escaped(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    text.replace('|', "\\|").replace('<', "&lt;")
}
