//! A campaign in Markdown, as the summary of a job in a build server.

use std::fmt::Write;

use super::{CampaignRun, CampaignSummary, RunState};
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
    use super::{campaign_markdown, cell};
    use crate::campaign::tests::summary;

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
