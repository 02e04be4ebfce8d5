//! What the brokers said themselves, as a table.

use maud::{Markup, html};

use crate::broker_lines::{level_and_text, severity};
use crate::format::{clipped, count, counted};
use crate::page::when;
use crate::run::Run;

/// More lines than this are in the history alone.
const LINES_SHOWN: usize = 2_000;
/// More letters than this are, too.
const LETTERS_MAX: usize = 400;

/// Nothing where nothing was said.
pub(super) fn section(run: &Run<'_>) -> Markup {
    if run.lines.is_empty() {
        return html! {};
    }
    let shown = run.lines.len().min(LINES_SHOWN);
    html! {
        section #lines {
            h2 { "Brokers’ own words" }
            p.lead { (counted(run.lines.len() as u64, "line", "lines"))
                " of the brokers’ logs about leadership, elections and what was cut off. Times are the nodes’ own: where a fault moved a clock, they are wrong." }
            details.group open[shown <= 40] {
                summary { strong { "The lines" } }
                div.scroll.long tabindex="0" role="region" aria-label="The lines" { table.lines {
                    thead { tr { th scope="col" { "When" } th scope="col" { "Node" } th scope="col" { "Level" } th scope="col" { "Line" } } }
                    tbody { @for (index, line) in run.lines.iter().take(shown).enumerate() {
                        @let (level, text) = level_and_text(line);
                        tr id=(format!("line-{}", index + 1)) {
                            td.nowrap { (when(line.at)) }
                            td.nowrap { span.node.(run.colour(line.node)) { "node " (line.node) } }
                            td.level.(severity(line).class()) { (level) }
                            td.code { (clipped(text, LETTERS_MAX)) }
                        }
                    } }
                } }
            }
            @if shown < run.lines.len() { p.muted { "The first " (count(shown as u64)) " are shown; the history holds the others." } }
        }
    }
}
