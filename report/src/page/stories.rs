//! The stories of what was lost, diverged or written twice: a dozen sentences each, and a picture of that minute.

use checkers::{Disks, Story};
use history::BrokerLine;
use maud::{Markup, html};

use crate::chart;
use crate::first;
use crate::format::{count, instant};
use crate::run::Run;

/// Stories that are drawn; the others are words.
const DRAWN_MAX: usize = 8;
/// Stories that stand open.
const OPEN: usize = 1;

/// Nothing where there is no story.
pub(super) fn section(run: &Run<'_>) -> Markup {
    let stories = &run.verdict().stories;
    if stories.is_empty() {
        return html! {};
    }
    let disks = checkers::disks(run.input.history);
    html! {
        section #stories {
            h2 { "Stories" }
            p.lead { "Records of one partition that met one fate together: who had acknowledged them, who held them, what was wrong, who was elected, who threw them away." }
            @for (index, story) in stories.iter().enumerate() {
                (told(run, &disks, index, story))
            }
        }
    }
}

fn told(run: &Run<'_>, disks: &Disks, index: usize, story: &Story) -> Markup {
    html! {
        details.group.violation id=(format!("story-{}", index + 1)) open[index < OPEN] {
            summary {
                span.count { (count(story.records)) } " " strong.name { (story.anomaly) }
                span.meaning { (first::range(story)) }
            }
            ol.story { @for sentence in &story.sentences { li { (super::sentence(sentence, &|op| run.named.contains(op))) } } }
            @if index < DRAWN_MAX {
                figure {
                    (chart::story(run, disks, story))
                    figcaption { (legend(run)) }
                }
            }
            (lines(&story.lines))
        }
    }
}

fn legend(run: &Run<'_>) -> Markup {
    html! {
        @for node in &run.header().nodes { span.node.(run.colour(*node)) { "node " (node) } " " }
        "A lane is one replica. Its bar: the epochs in which it led (dashed: it had been deposed; dotted edge: its process was down). "
        "Its line: where its log ended, straight from one sighting to the next and no further than the last; the " span.swatch.lost {} "red fall is where it was cut off. "
        "The reddish band is the range of the story. Below the line its acknowledgements, " span.swatch.lost {} "lost and " span.swatch.kept {} "kept. "
        "Shaded: a fault was in force. Dashed line through all lanes: an election, no later than there."
    }
}

/// What the brokers said themselves, whole.
fn lines(lines: &[BrokerLine]) -> Markup {
    html! {
        @if !lines.is_empty() {
            details {
                summary { "The brokers' own lines" }
                pre { @for line in lines { (instant(line.at)) "  node " (line.node) "  " (line.text) "\n" } }
            }
        }
    }
}
