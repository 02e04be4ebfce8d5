//! How the campaigns of this name came out, one after the other.

use maud::{Markup, html};

use super::axes::Outages;
use super::trend_picture::picture;
use super::{CampaignSummary, TrendPoint};
use crate::format::{count, duration};
use crate::page::wall_clock;

/// The times without a successful write of a whole campaign: the middle and the longest.
pub(super) fn outage(summary: &CampaignSummary) -> Option<(u64, u64)> {
    outages(summary).spread()
}

fn outages(summary: &CampaignSummary) -> Outages {
    let mut outages = Outages::default();
    for run in &summary.runs {
        outages.add(run);
    }
    outages
}

/// The campaigns as a picture and as a table, the newest last and first.
pub(super) fn section(trend: &[TrendPoint]) -> Markup {
    let read: Vec<(&TrendPoint, &CampaignSummary)> = trend
        .iter()
        .filter_map(|point| Some((point, point.summary.as_ref().ok()?)))
        .collect();
    html! {
        @if !trend.is_empty() {
            section #trend {
                h2 { "Trend" }
                p.lead { "Campaigns of the same name, by when they were begun." }
                @if read.len() > 1 { figure { (picture(&read)) } }
                div.scroll { table.trend {
                    thead { tr {
                        th scope="col" { "Begun" } th scope="col" { "Campaign" }
                        @for name in ["Runs", "As expected", "Violations", "Missed", "Unknown", "Infrastructure", "Not made", "Faults", "Lost"] {
                            th.number scope="col" { (name) }
                        }
                        th scope="col" { "Outage: middle, longest" }
                    } }
                    tbody { @for point in trend.iter().rev() { (row(point)) } }
                } }
            }
        }
    }
}

fn row(point: &TrendPoint) -> Markup {
    html! {
        tr.this[point.is_this] {
            td.nowrap { (point.begun.as_deref().map_or_else(|| "unknown".to_owned(), wall_clock)) }
            th scope="row" {
                @match &point.address { Some(address) if !point.is_this => a href=(address) { (point.name) }, _ => (point.name) }
                @if point.is_this { span.muted { " this one" } }
            }
            @match &point.summary {
                Ok(summary) => {
                    @let totals = &summary.totals;
                    @for number in [totals.runs, totals.as_expected, totals.violations, totals.missed, totals.unknown, totals.infrastructure, totals.not_made + totals.not_needed, totals.faults, totals.lost] {
                        td.number { (count(number)) }
                    }
                    td { (waited(summary)) }
                },
                Err(why) => td colspan="10" { span.damaged { strong { "Damaged: " } (why) } },
            }
        }
    }
}

fn waited(summary: &CampaignSummary) -> Markup {
    let outages = outages(summary);
    html! {
        @match outages.spread() {
            _ if outages.measured == 0 => span.muted { "not measured" },
            None => span.muted { "none" },
            Some((middle, most)) => span.nowrap { (duration(middle)) ", " (duration(most)) },
        }
    }
}
