//! A cycle on the page: its picture, its operations, why each came before the next, and what follows.

use checkers::{Case, Cycle, Edge, Rel};
use maud::{Markup, html};

use super::judged::Judged;
use crate::chart;
use crate::cycle::{Shown, Told, because, kind, name, own_story, rel, rel_meaning, rels, who};
use crate::format::{clipped, count, counted};

/// Of one name this many cycles are told; `verdict.json` has more.
pub(super) const CYCLES_SHOWN: usize = 30;
/// Of a longer cycle both ends are told.
const OPERATIONS_SHOWN: usize = 20;
/// More letters of an operation than this are for `verdict.json`.
const LETTERS_MAX: usize = 600;
/// More sentences than this are for `verdict.json`.
const SENTENCES_MAX: usize = 50;
/// More kinds of step than this are not named in one line.
const STEPS_NAMED: usize = 4;

/// The cases of a name that are cycles, each to be opened.
pub(super) fn cards(judged: &Judged<'_>, cases: &[(String, &Case, &Cycle)]) -> Markup {
    html! {
        @for (index, (id, case, cycle)) in cases.iter().take(CYCLES_SHOWN).enumerate() {
            details.cycle-case id=(id) {
                summary {
                    a.self href=(format!("#{id}")) { "No. " (index + 1) } " · "
                    (counted(cycle.operations.len() as u64, "operation", "operations")) ": " (steps_in_short(cycle))
                    @if judged.timed() { span.muted { ", at " (judged.when(case.time)) } }
                }
                (story(judged, case))
                (explained(judged, cycle))
            }
        }
    }
}

/// The kinds of a cycle's edges in one line, each once: `ww on x, rw on y`.
fn steps_in_short(cycle: &Cycle) -> String {
    let mut kinds: Vec<String> = Vec::new();
    for kind in cycle.edges.iter().map(|edge| clipped(&kind(edge), 24)) {
        if kinds.len() == STEPS_NAMED {
            kinds.push("…".to_owned());
            break;
        }
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds.join(", ")
}

/// The sentences of a case, without those that its edges say again.
pub(super) fn story(judged: &Judged<'_>, case: &Case) -> Markup {
    let sentences = own_story(case);
    html! {
        @match sentences.as_slice() {
            [] => {},
            [one] => p.story { (judged.sentence(one)) },
            many => ol.story { @for sentence in many.iter().take(SENTENCES_MAX) { li { (judged.sentence(sentence)) } } },
        }
    }
}

/// The picture, the operations, the steps, and what follows.
pub(super) fn explained(judged: &Judged<'_>, cycle: &Cycle) -> Markup {
    let told = Told::new(cycle);
    html! {
        (picture(&told, judged.timed()))
        div.cycle-words {
            div { h4 { "What was done" } (operations(judged, &told)) }
            div { h4 { "What came before what" } (steps(&told)) }
        }
        p.conclusion { (told.conclusion()) }
    }
}

fn picture(told: &Told<'_>, timed: bool) -> Markup {
    let Some(picture) = chart::cycle(told, timed) else {
        return html! {};
    };
    html! {
        figure.cycle-picture {
            div.scroll tabindex="0" role="region" aria-label="Picture of the cycle" { (picture.svg) }
            figcaption {
                span.kinds { @for kind in rels(told.cycle) { (legend(kind)) } }
                @if picture.in_order { " Each bar is an operation, from invocation to completion. " (distances(timed)) }
                @if picture.left_out > 0 { " " (count(picture.left_out as u64)) " of " (count(told.cycle.operations.len() as u64)) " operations are left out." }
            }
        }
    }
}

fn distances(timed: bool) -> &'static str {
    if timed {
        "The order of the times is exact, their distances are not."
    } else {
        "The history has no clock: they lie in the order of its lines."
    }
}

fn legend(kind: Rel) -> Markup {
    html! { span.rel.(rel(kind)) { b { (rel(kind)) } ": " (rel_meaning(kind)) } " " }
}

fn operations(judged: &Judged<'_>, told: &Told<'_>) -> Markup {
    let operations = &told.cycle.operations;
    let shown = Shown::of(operations.len(), OPERATIONS_SHOWN);
    let one = |place: usize| {
        let operation = &operations[place];
        html! { div { dt { (name(place)) } dd { code { (clipped(&operation.text, LETTERS_MAX)) } " " span.muted { (who(operation, judged.timed())) @if judged.tells_of(operation.op) { ", " a href=(format!("#op-{}", operation.op)) { "show it" } } } } } }
    };
    let gap = |left_out: usize| html! { div { dt { "…" } dd.muted { (count(left_out as u64)) " more operations" } } };
    html! { dl.ops { @for line in shown.map(one, gap) { (line) } } }
}

fn steps(told: &Told<'_>) -> Markup {
    let edges = &told.cycle.edges;
    let one = |index: usize| step(told, &edges[index]);
    let gap = |left_out: usize| html! { li.muted { "… " (count(left_out as u64)) " more such steps" } };
    html! { ul.steps { @for line in Shown::of(edges.len(), OPERATIONS_SHOWN).map(one, gap) { (line) } } }
}

fn step(told: &Told<'_>, edge: &Edge) -> Markup {
    html! {
        li {
            strong { (told.name(edge.from)) " → " (told.name(edge.to)) } " "
            span.rel.(rel(edge.rel)) { b { (kind(edge)) } } " "
            (because(edge))
        }
    }
}
