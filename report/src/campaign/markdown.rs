//! A campaign in Markdown, as the summary of a job in a build server.

use std::fmt::Write;

use super::{CampaignRun, CampaignSummary, GateDecision, RunState};
use crate::compare::{Behaviour, Comparison, Finding};
use crate::format::count;

/// Rows beyond this are for the files: a job's summary has its limit.
const ROWS_MAX: usize = 200;

/// The sentence, the totals, what did not come out as expected, then all runs.
pub fn campaign_markdown(summary: &CampaignSummary) -> String {
    let mut text = format!("# {}\n\n", cell(&summary.name));
    if !summary.about.is_empty() {
        let _ = writeln!(text, "{}\n", cell(&summary.about));
    }
    let totals = &summary.totals;
    let _ = writeln!(text, "**{}.**\n", summary.sentence());
    let _ = writeln!(
        text,
        "{} writes acknowledged, {} of them lost where nothing may be; {} faults bit. Seed {}.\n",
        count(totals.acknowledged),
        count(totals.lost),
        count(totals.faults),
        summary.seed
    );
    if let Some(said) = summary.quotable() {
        let _ = writeln!(text, "{said}.\n");
    }
    if let Some(rule) = summary.gate {
        list(&mut text, "Gate", &summary.decide(rule).lines());
    }
    let other: Vec<&CampaignRun> = summary
        .runs
        .iter()
        .filter(|run| run.state != RunState::AsExpected)
        .collect();
    if !other.is_empty() {
        table(&mut text, "Not as expected", &other);
    }
    let all: Vec<&CampaignRun> = summary.runs.iter().collect();
    table(&mut text, "All runs", &all);
    text
}

/// What a gate comes to: the decision, then the comparison with a baseline.
pub fn gate_markdown(
    decision: Option<&GateDecision>,
    comparison: Option<&Comparison>,
    passes: bool,
) -> String {
    let word = if passes { "passes" } else { "does not pass" };
    let mut text = format!("# Gate: {word}\n\n");
    if let Some(decision) = decision {
        list(&mut text, "Decision", &decision.lines());
    }
    if let Some(comparison) = comparison {
        let missing = comparison.missing.iter();
        let missing = missing.map(|cell| format!("not judged: {cell}, which the baseline has"));
        let findings = comparison.findings.iter().map(Finding::line);
        list(
            &mut text,
            "Findings against the baseline",
            &findings.chain(missing).collect::<Vec<_>>(),
        );
        let outages = comparison
            .behaviours
            .iter()
            .filter(|behaviour| behaviour.is_outage());
        list(
            &mut text,
            "Availability against the baseline",
            &outages.map(Behaviour::line).collect::<Vec<_>>(),
        );
    }
    text
}

fn list(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "## {title}\n");
    for line in lines.iter().take(ROWS_MAX) {
        let _ = writeln!(text, "- {}", cell(line));
    }
    if lines.len() > ROWS_MAX {
        let _ = writeln!(text, "- {} more", lines.len() - ROWS_MAX);
    }
    text.push('\n');
}

fn table(text: &mut String, title: &str, runs: &[&CampaignRun]) {
    let _ = writeln!(text, "## {title}\n");
    text.push_str("| run | came to | again | seed | acknowledged | faults | verdict |\n");
    text.push_str("|---|---|---|---|---|---|---|\n");
    for run in runs.iter().take(ROWS_MAX) {
        let again = run
            .confirmed
            .map_or_else(String::new, |(again, of)| format!("{again} of {of}"));
        let _ = writeln!(
            text,
            "| {} | {} | {again} | {} | {} | {} | {} |",
            cell(&run.name),
            run.state.word(),
            run.seed,
            count(run.acknowledged),
            count(run.faults),
            cell(&run.summary)
        );
    }
    if runs.len() > ROWS_MAX {
        let _ = writeln!(text, "\n{} more are in `summary.json`.", runs.len() - ROWS_MAX);
    }
    text.push('\n');
}

/// A text in a table, whatever a broker said in it: no markup, no line of its own.
fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '|' | '<' | '>' | '`' | '*' | '_' | '[' | ']' | '\\' | '!' | '#' | '@' => {
                let _ = write!(safe, "&#{};", letter as u32);
            }
            '&' => safe.push_str("&amp;"),
            letter if letter.is_control() => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::{campaign_markdown, cell, gate_markdown};
    use crate::campaign::tests::summary;
    use crate::{GateRule, compare};

    #[test]
    fn a_gate_reads_well() {
        let (mut now, mut before) = (summary(), summary());
        now.runs[1].anomalies = [("duplicate".to_owned(), 1)].into();
        before.runs[0].axes = [("broker".to_owned(), "<other>".to_owned())].into();
        let comparison = compare(("a", &now), ("b", &before));
        let decision = now.decide(GateRule::default());
        insta::assert_snapshot!(gate_markdown(Some(&decision), Some(&comparison), false));
    }

    #[test]
    fn a_summary_reads_well() {
        insta::assert_snapshot!(campaign_markdown(&summary()));
    }

    #[test]
    fn nothing_that_was_said_becomes_markup() {
        let hostile = "a|b\n<img src=x> [x](http://y) `c` **d** @everyone #1 &amp;";
        let safe = cell(hostile);
        assert!(
            !safe.contains(['|', '<', '>', '`', '*', '[', ']', '@', '\n']),
            "{safe}"
        );
    }
}
