//! What the names on the page mean, and whose definitions these are.

use std::collections::BTreeSet;

use checkers::{ANOMALIES, Anomaly, Verdict};
use maud::{Markup, html};

use super::marked;

/// The definitions of everything that was found.
pub(super) fn section(verdict: &Verdict) -> Markup {
    let found = found(verdict);
    html! {
        @if !found.is_empty() {
            section #definitions {
                h2 { "Definitions" }
                div.scroll { table.definitions {
                    thead { tr { th scope="col" { "Name" } th scope="col" { "What it means" } th scope="col" { "Where the definition comes from" } } }
                    tbody { @for anomaly in found { (row(anomaly)) } }
                } }
            }
        }
    }
}

/// Whether the section has anything to say.
pub(super) fn are_there(verdict: &Verdict) -> bool {
    !found(verdict).is_empty()
}

fn row(anomaly: &Anomaly) -> Markup {
    let source = anomaly.source();
    html! {
        tr {
            th.nowrap scope="row" { strong.name { (anomaly.name) } }
            td { (marked(&anomaly.meaning())) }
            td { @if source.is_empty() { span.muted { "Tribunal's own." } } @else { (marked(&source)) } }
        }
    }
}

/// What was found, in the list's order: the gravest first.
fn found(verdict: &Verdict) -> Vec<&'static Anomaly> {
    let names: BTreeSet<&str> = verdict
        .anomalies
        .keys()
        .chain(verdict.allowed.keys())
        .map(String::as_str)
        .collect();
    ANOMALIES
        .iter()
        .filter(|anomaly| names.contains(anomaly.name))
        .collect()
}
