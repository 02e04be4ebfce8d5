//! The counts of the run.

use checkers::Verdict;
use maud::{Markup, html};

use super::judged::Judged;
use crate::format::{count, duration};

/// The numbers of the verdict, in three groups; without a run behind it only those that count something.
pub(super) fn section(judged: &Judged<'_>) -> Markup {
    let whole = judged.run.is_some();
    let groups = groups(judged.verdict, judged.timed()).map(|(title, mut numbers)| {
        numbers.retain(|(_, _, empty)| whole || !empty);
        (title, numbers)
    });
    html! {
        section #numbers {
            h2 { "Numbers" }
            div.columns { @for (title, numbers) in &groups { @if !numbers.is_empty() { (group(title, numbers)) } } }
        }
    }
}

type Number = (&'static str, String, bool);

fn groups(verdict: &Verdict, timed: bool) -> [(&'static str, Vec<Number>); 3] {
    let stats = &verdict.stats;
    let read = match verdict.model.as_str() {
        "list-append" | "rw-register" => "Values read",
        _ => "Records read, final reads included",
    };
    let number = |name, value| (name, count(value), value == 0);
    let time = |name, nanos| (name, duration(nanos), nanos == 0 || !timed);
    let writes = vec![
        number("Writes begun", stats.writes),
        number("acknowledged", stats.acknowledged),
        number("certainly failed", stats.failed),
        number("of unknown outcome", stats.unknown),
        number("acknowledged and never read, not proven lost", stats.unseen),
        number("acknowledged and lost", stats.lost),
    ];
    let mut reads = vec![
        number("Operations", stats.operations),
        number(read, stats.read),
        time("Length of the history", stats.duration),
    ];
    if stats.transactions > 0 {
        reads.push(number("Transactions", stats.transactions));
        reads.push(number("Dependencies among them", stats.dependencies));
    }
    let rest = vec![
        number("Faults injected", stats.faults_injected),
        number("with evidence that they bit", stats.faults_bitten),
        number("skipped or failed", stats.faults_skipped),
        number("Changes of a leader", stats.leader_changes),
        number("Deposed leaders that did not know it", stats.deposed_leaders),
        time("the longest of them for", stats.deposed_longest),
    ];
    [
        ("Writes", writes),
        ("Operations", reads),
        ("Faults and leaders", rest),
    ]
}

fn group(title: &str, numbers: &[Number]) -> Markup {
    html! {
        table.numbers {
            caption { (title) }
            tbody { @for (name, value, _) in numbers { tr { th scope="row" { (name) } td.number { (value) } } } }
        }
    }
}
