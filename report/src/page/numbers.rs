//! The counts of the run.

use maud::{Markup, html};

use crate::format::{count, duration};
use crate::run::Run;

/// The numbers of the verdict, in three groups.
pub(super) fn section(run: &Run<'_>) -> Markup {
    let stats = &run.verdict().stats;
    let number = |name, value| (name, count(value));
    let writes = [
        number("Writes begun", stats.writes),
        number("acknowledged", stats.acknowledged),
        number("certainly failed", stats.failed),
        number("of unknown outcome", stats.unknown),
        number("acknowledged and never read, not proven lost", stats.unseen),
        number("acknowledged and lost", stats.lost),
    ];
    let reads = [
        number("Operations", stats.operations),
        number("Records read, final reads included", stats.read),
    ];
    let rest = [
        number("Faults injected", stats.faults_injected),
        number("with evidence that they bit", stats.faults_bitten),
        number("skipped or failed", stats.faults_skipped),
        number("Changes of a leader", stats.leader_changes),
        number("Deposed leaders that did not know it", stats.deposed_leaders),
        ("the longest of them for", duration(stats.deposed_longest)),
        ("Length of the history", duration(stats.duration)),
    ];
    html! {
        section #numbers {
            h2 { "Numbers" }
            div.columns { (group("Writes", &writes)) (group("Operations", &reads)) (group("Faults and leaders", &rest)) }
        }
    }
}

fn group(title: &str, numbers: &[(&str, String)]) -> Markup {
    html! {
        table.numbers {
            caption { (title) }
            tbody { @for (name, value) in numbers { tr { th scope="row" { (name) } td.number { (value) } } } }
        }
    }
}
