//! The matrix of what came out: two axes, each cell with the signs of its runs.

use maud::{Markup, html};

use super::axes::{Axis, value_of, value_words};
use super::{CampaignInput, CampaignRun, Mark, RunNote, chip};

/// The matrix of the two axes with the most values, and what chooses others.
pub(super) fn section(input: &CampaignInput<'_>, runs: &[&CampaignRun], axes: &[Axis]) -> Markup {
    let (rows, columns) = chosen(axes);
    let marks: Vec<Mark> = Mark::ALL
        .into_iter()
        .filter(|mark| {
            runs.iter()
                .any(|run| Mark::of(run, input.notes.get(&run.name)) == *mark)
        })
        .collect();
    html! {
        section #matrix {
            h2 { "Matrix" }
            p.lead { "Each sign is a run, and leads to its page." }
            form.tools #choose hidden {
                label { "Rows " select name="rows" { (axis_choices(axes, rows)) } }
                label { "Columns " select name="columns" { (axis_choices(axes, columns)) } }
                @for axis in axes {
                    label { (axis.name) " " select data-axis=(axis.name) {
                        option value="*" { "all" }
                        @for value in &axis.values { option value=(value) { (value_words(value)) } }
                    } }
                }
                fieldset { legend.unseen { "States" }
                    @for mark in &marks {
                        label.state { input type="checkbox" checked value=(mark.class()); " " span.chip.(mark.class()) { (mark.shape()) } " " (mark.word()) }
                    }
                }
                button type="reset" { "Show all" }
                output #count aria-live="polite" {}
            }
            p.legend #legend { @for mark in &marks { span.key-of { span.chip.(mark.class()) aria-hidden="true" { (mark.shape()) } " " (mark.word()) } " " }
            }
            @if input.notes.values().any(|note| matches!(note, RunNote::Damaged(_))) {
                p.legend { span.sign { "⚠" } " damaged: the directory does not hold what the run came to" }
            }
            div.scroll #cells { (table(input, runs, rows, columns)) }
        }
    }
}

/// The two axes with the most values: rows, then columns.
fn chosen(axes: &[Axis]) -> (Option<&Axis>, Option<&Axis>) {
    let mut by_size: Vec<&Axis> = axes.iter().collect();
    // Stable: of one size, the first by name.
    by_size.sort_by_key(|axis| std::cmp::Reverse(axis.values.len()));
    let mut by_size = by_size.into_iter();
    (by_size.next(), by_size.next())
}

fn axis_choices(axes: &[Axis], chosen: Option<&Axis>) -> Markup {
    html! {
        option value="" selected[chosen.is_none()] { "none" }
        @for axis in axes {
            option value=(axis.name) selected[chosen.is_some_and(|chosen| chosen.name == axis.name)] { (axis.name) }
        }
    }
}

fn table(
    input: &CampaignInput<'_>,
    runs: &[&CampaignRun],
    rows: Option<&Axis>,
    columns: Option<&Axis>,
) -> Markup {
    // Where there is no axis, there is one value of none.
    let only = [String::new()];
    let values = |axis: Option<&Axis>| axis.map_or_else(|| only.to_vec(), |axis| axis.values.clone());
    let value = |run: &CampaignRun, axis: Option<&Axis>| {
        axis.map_or_else(String::new, |axis| value_of(run, &axis.name).to_owned())
    };
    let (row_values, column_values) = (values(rows), values(columns));
    let place = |all: &[String], value: &String| all.iter().position(|other| other == value).unwrap_or(0);
    let mut cells: Vec<Vec<&CampaignRun>> = vec![Vec::new(); row_values.len() * column_values.len()];
    for run in runs {
        let row = place(&row_values, &value(run, rows));
        let column = place(&column_values, &value(run, columns));
        cells[row * column_values.len() + column].push(run);
    }
    html! {
        table.matrix {
            thead { tr {
                th scope="col" { (corner(rows, columns)) }
                @for value in &column_values { th scope="col" { @if columns.is_some() { (value_words(value)) } @else { "runs" } } }
            } }
            tbody {
                @for (row, value) in row_values.iter().enumerate() {
                    tr {
                        th scope="row" { @if rows.is_some() { (value_words(value)) } @else { "all" } }
                        @for column in 0..column_values.len() {
                            td { div.chips {
                                @for run in &cells[row * column_values.len() + column] { (chip(run, input.notes.get(&run.name))) " " }
                            } }
                        }
                    }
                }
            }
        }
    }
}

fn corner(rows: Option<&Axis>, columns: Option<&Axis>) -> String {
    let names: Vec<&str> = [rows, columns]
        .into_iter()
        .flatten()
        .map(|axis| axis.name.as_str())
        .collect();
    names.join(" × ")
}
