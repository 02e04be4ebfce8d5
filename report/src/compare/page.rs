//! A comparison as a page.

use maud::{Markup, html};

use super::settings::shown;
use super::{Behaviour, Change, ClientError, Comparison, Difference, Finding, Side};
use crate::format::{coordinate, count, list};
use crate::page::page;

/// How wide the picture of a difference is, …
const WIDTH: f64 = 180.0;
/// … and how high.
const HEIGHT: f64 = 18.0;

/// The page: what differs in a sentence, then the findings, how they behave, and what both are.
pub fn compare_page(comparison: &Comparison) -> String {
    let sections = [
        ("findings", "Findings"),
        ("behaviours", "Behaviour"),
        ("errors", "Client errors"),
        ("sides", "What is compared"),
    ];
    let names = [
        comparison.here.name.as_str(),
        "against",
        comparison.before.name.as_str(),
    ];
    page(
        &[&names.join(" ")],
        &sections,
        &banner(comparison),
        &html! {
            (findings(comparison))
            (behaviours(comparison))
            (errors(comparison))
            (sides(comparison))
        },
        "",
    )
}

fn banner(comparison: &Comparison) -> Markup {
    let worse = [Change::New, Change::Worse]
        .iter()
        .any(|change| comparison.has(*change));
    let (tone, sign, word) = if worse {
        ("invalid", "✕", "WORSE")
    } else if comparison.behaviours.iter().any(differs)
        || comparison.errors.iter().any(|error| differs(&error.rate))
    {
        ("unknown", "≠", "DIFFERENT")
    } else {
        ("valid", "=", "NO DIFFERENCE SHOWN")
    };
    html! {
        header.banner.(tone) {
            p.badge { span.sign aria-hidden="true" { (sign) } (word) }
            h1.long-sentence { (comparison.sentence()) }
            dl.facts {
                div { dt { "Here" } dd { (comparison.here.name) } }
                div { dt { "Compared with" } dd { (comparison.before.name) } }
            }
        }
    }
}

fn differs(behaviour: &Behaviour) -> bool {
    matches!(behaviour.difference, Difference::More | Difference::Less)
}

fn findings(comparison: &Comparison) -> Markup {
    html! {
        section #findings {
            h2 { "Findings" }
            p.lead { "Cell by cell. A rate is called another where the difference would come by chance no more than once in twenty (Fisher's exact test)." }
            @if comparison.findings.is_empty() { p { "Neither found a violation that nobody expected." } }
            @else { div.scroll { table {
                thead { tr { th scope="col" { "Change" } th scope="col" { "Finding" } th scope="col" { "Cell" } th.number scope="col" { "Here" } th.number scope="col" { "Before" } } }
                tbody { @for finding in &comparison.findings { (finding_row(finding)) } }
            } } }
            @for cell in &comparison.missing { p.note { "Not judged here, and judged before: " (cell) } }
        }
    }
}

fn finding_row(finding: &Finding) -> Markup {
    let of = |(found, runs): (u32, u32)| format!("{found} of {runs}");
    let tone = match finding.change {
        Change::New | Change::Worse => "invalid",
        Change::Still | Change::NotSeen => "unknown",
        Change::Better | Change::Resolved => "valid",
    };
    html! {
        tr {
            td { span.pill.(tone) { (finding.change.word()) } }
            th scope="row" { strong.name { (finding.anomaly) } }
            td { (finding.cell) }
            td.number { (of(finding.here)) }
            td.number { @if let Some(before) = finding.before { (of(before)) } @else { "no such cell" } }
        }
    }
}

fn behaviours(comparison: &Comparison) -> Markup {
    html! {
        section #behaviours {
            h2 { "Behaviour" }
            p.lead {
                "The middle of the runs of each side, and between what the difference lies: Hodges and Lehmann's estimate with Mann and Whitney's interval at 95 %, each cell's runs held against that cell's alone. "
                strong { "More" } " and " strong { "less" } " hold at 95 % for all figures of a kind together, " strong { "perhaps" } " for one by itself."
            }
            @if comparison.behaviours.is_empty() { p { "There are no figures that both have: the runs of one were made before figures were kept." } }
            @else { div.scroll { table {
                thead { tr {
                    th scope="col" { "Figure" } th.number scope="col" { "Here" } th.number scope="col" { "Before" }
                    th scope="col" { "Less ← → more" } th scope="col" { "Difference" } th scope="col" { "What follows" }
                } }
                tbody { @for behaviour in &comparison.behaviours { (behaviour_row(behaviour)) } }
            } } }
        }
    }
}

/// What clients met with, by kind.
fn errors(comparison: &Comparison) -> Markup {
    html! {
        section #errors {
            h2 { "Client errors" }
            p.lead {
                "What clients were refused (" strong { "failed" } ": it certainly did not happen) and what nobody knows (" strong { "unknown" }
                "), by the kind of error: how often over all runs, and in thousandths of a run's operations (‰). Compared as above."
            }
            @if comparison.errors.is_empty() { p { "Neither side's clients met with an error, or the runs were made before errors were counted by kind." } }
            @else { div.scroll { table {
                thead { tr {
                    th scope="col" { "Error" } th scope="col" { "Outcome" } th.number scope="col" { "Here" } th.number scope="col" { "Before" }
                    th scope="col" { "Less ← → more" } th scope="col" { "Difference" } th scope="col" { "What follows" }
                } }
                tbody { @for error in &comparison.errors { (error_row(error)) } }
            } } }
        }
    }
}

fn error_row(error: &ClientError) -> Markup {
    let cell = |number: u64, spread: super::Levels| {
        html! { td.number { (count(number)) br; span.muted { (error.rate.number(spread.middle)) } } }
    };
    html! {
        tr {
            th scope="row" { (error.kind) }
            td { (error.outcome()) }
            (cell(error.here, error.rate.here)) (cell(error.before, error.rate.before))
            td { (picture(&error.rate)) }
            td { (error.rate.between()) }
            td.nowrap { @if differs(&error.rate) { strong { (error.rate.difference.word()) } } @else { (error.rate.difference.word()) } }
        }
    }
}

fn behaviour_row(behaviour: &Behaviour) -> Markup {
    let cell = |spread: super::Levels| {
        let range = format!(
            "{} to {}, {} runs",
            behaviour.number(spread.least),
            behaviour.number(spread.most),
            spread.runs
        );
        html! { td.number { (behaviour.number(spread.middle)) br; span.muted { (range) } } }
    };
    html! {
        tr {
            th scope="row" { (behaviour.name) }
            (cell(behaviour.here)) (cell(behaviour.before))
            td { (picture(behaviour)) }
            td { (behaviour.between()) }
            td.nowrap { @if differs(behaviour) { strong { (behaviour.difference.word()) } } @else { (behaviour.difference.word()) } }
        }
    }
}

/// The interval on a scale of its own, with nothing in the middle.
fn picture(behaviour: &Behaviour) -> Markup {
    let (Some((low, high)), Some(middle)) = (behaviour.interval, behaviour.middle) else {
        return html! {};
    };
    let reach = [low, high, middle]
        .iter()
        .fold(0.0_f64, |reach, value| reach.max(value.abs()))
        * 1.1;
    let x = |value: f64| {
        let share = if reach > 0.0 { value / reach } else { 0.0 };
        WIDTH / 2.0 * (1.0 + share)
    };
    let half = HEIGHT / 2.0;
    html! {
        svg width=(WIDTH) height=(HEIGHT) viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(behaviour.between()) {
            line x1=(WIDTH / 2.0) x2=(WIDTH / 2.0) y1="0" y2=(HEIGHT) stroke="currentColor" stroke-opacity=".35" {}
            line x1=(coordinate(x(low))) x2=(coordinate(x(high))) y1=(half) y2=(half) stroke="currentColor" stroke-width="3" stroke-linecap="round" {}
            circle cx=(coordinate(x(middle))) cy=(half) r="4.5" fill="currentColor" {}
        }
    }
}

fn sides(comparison: &Comparison) -> Markup {
    type Row = (&'static str, fn(&Side) -> String);
    let rows: [Row; 8] = [
        ("Name", |side| side.name.clone()),
        ("Brokers", |side| list(&side.brokers)),
        ("Clusters", |side| list(&side.sizes)),
        ("Judged runs", |side| count(side.runs)),
        ("Writes acknowledged", |side| count(side.acknowledged)),
        ("Of these lost", |side| count(side.lost)),
        ("Faults that bit", |side| count(side.faults)),
        ("Came to", |side| side.sentence.clone()),
    ];
    html! {
        section #sides {
            h2 { "What is compared" }
            div.scroll { table {
                thead { tr { th {} th scope="col" { "Here" } th scope="col" { "Before" } } }
                tbody { @for (name, value) in rows { tr { th scope="row" { (name) } td { (value(&comparison.here)) } td { (value(&comparison.before)) } } } }
            } }
            (settings(comparison))
        }
    }
}

/// How both were set up, where that differs.
fn settings(comparison: &Comparison) -> Markup {
    html! {
        @if !comparison.settings.is_empty() {
            h3 #settings { "Settings that differ" }
            div.scroll { table {
                thead { tr { th scope="col" { "Setting" } th scope="col" { "Here" } th scope="col" { "Before" } } }
                tbody { @for setting in &comparison.settings {
                    tr { th scope="row" { (setting.name) } td { (shown(&setting.here)) } td { (shown(&setting.before)) } }
                } }
            } }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::compare_page;
    use crate::{CampaignRun, CampaignSummary, RunFigures, RunState, compare, compare_text};

    /// A campaign of six runs, in one of which this was found, in which writes failed for so many seconds after a kill.
    fn campaign(found: &str, seconds: u64) -> CampaignSummary {
        let run = |number: u64| CampaignRun {
            axes: BTreeMap::from([("nodes".to_owned(), "<b>3</b>".to_owned())]),
            expect: "valid".to_owned(),
            state: if number == 0 {
                RunState::Violation
            } else {
                RunState::AsExpected
            },
            anomalies: (number == 0).then(|| (found.to_owned(), 1)).into_iter().collect(),
            acknowledged: 1_000,
            faults: 2,
            settings: [
                ("timeouts", format!("{seconds} <u>s</u>")),
                ("nodes", "3".to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), BTreeSet::from([value])))
            .into(),
            figures: Some(RunFigures {
                broker: "kafka-4.4.0".to_owned(),
                nodes: 3,
                writes: 1_010,
                failed: 10,
                duration: 20_000_000_000,
                outages: BTreeMap::from([("kill".to_owned(), seconds * 1_000_000_000 + number * 10_000_000)]),
                latency_p50: Some(3_000_000 + number),
                ..RunFigures::default()
            }),
            ..CampaignRun::default()
        };
        let runs = (0..6).map(run).collect();
        CampaignSummary::new("x".to_owned(), String::new(), 1, String::new(), runs)
    }

    #[test]
    fn a_comparison_reads_well_and_nothing_said_becomes_markup() {
        let (here, before) = (campaign("<img src=x>", 2), campaign("lost-write", 4));
        let comparison = compare(("new <script>", &here), ("ol\u{1b}d", &before));
        insta::assert_snapshot!(format!(
            "{}\n{}",
            comparison.sentence(),
            compare_text(&comparison)
        ));
        let page = compare_page(&comparison);
        assert!(!page.contains("<img") && !page.contains("<b>3"), "{page}");
        assert!(
            page.contains("Settings that differ") && !page.contains("<u>s"),
            "{page}"
        );
        assert!(!page.contains("new <script>"));
        assert!(
            page.contains("1.9 s to 2.0 s less at 95 %") || page.contains("2.0 s to 2.0 s less"),
            "{page}"
        );
    }
}
