//! The operations: those that findings name as rows with an address each, and all of them as data for the script.

use history::{F, Mop, Op};
use maud::{Markup, PreEscaped, html};

use crate::format::{clipped, count, counted, duration};
use crate::operations::{Operation, word};
use crate::page::when;
use crate::run::Run;

/// More letters of an error than this are for the history.
const ERROR_LETTERS_MAX: usize = 200;

/// Nothing where no finding names an operation.
pub(super) fn section(run: &Run<'_>) -> Markup {
    let named = &run.named.operations;
    if named.is_empty() {
        return html! {};
    }
    html! {
        section #operations {
            h2 { "Operations in question" }
            p.lead { (counted(named.len() as u64, "operation", "operations")) " that findings and stories name, of "
                (count(run.operations.all.len() as u64)) "." }
            div.scroll.long tabindex="0" role="region" aria-label="Operations in question" { table {
                thead { tr {
                    th.number scope="col" { "Operation" } th.number scope="col" { "Client" } th scope="col" { "What" }
                    th scope="col" { "Partition" } th.number scope="col" { "Value" } th.number scope="col" { "Offset" }
                    th scope="col" { "Begun" } th.number scope="col" { "Took" } th scope="col" { "Outcome" }
                } }
                tbody { @for (number, operation) in named { (row(run, *number, operation)) } }
            } }
        }
    }
}

fn row(run: &Run<'_>, number: u64, operation: &Operation<'_>) -> Markup {
    let op = operation.op;
    let send = match &op.f {
        F::Send(send) => Some(send),
        _ => None,
    };
    html! {
        tr id=(format!("op-{number}")) {
            td.number { a.self href=(format!("#op-{number}")) { (number) } }
            td.number { (op.process) }
            td.nowrap { (word(&op.f)) (size(op)) }
            td.nowrap { @if let Some(send) = send { (run.header().key_name(send.key)) } }
            td.number { @if let Some(send) = send { (send.value) } }
            td.number { @if let Some(offset) = send.and_then(|send| send.offset) { (offset) } }
            td.nowrap { (when(operation.begin)) }
            td.number { @if let Some(end) = operation.end { (duration(end - operation.begin)) } }
            td { (operation.outcome.word())
                @if let Some(node) = send.and_then(|send| send.broker) { " by node " (node) }
                @if let Some(error) = &op.error { ": " (clipped(error, ERROR_LETTERS_MAX)) } }
        }
    }
}

/// How much an operation read, or how many steps it had.
fn size(op: &Op) -> String {
    match &op.f {
        F::Poll(poll) => format!(" of {}", counted(poll.records.len() as u64, "record", "records")),
        F::Txn(txn) => {
            let read = txn.mops.iter().map(|mop| match mop {
                Mop::Poll(poll) => poll.records.len() as u64,
                _ => 1,
            });
            format!(" of {}", counted(read.sum(), "record", "records"))
        }
        _ => String::new(),
    }
}

/// The page with the operations as data before its script: in a template, which no browser shows, runs or fetches from,
/// and whose letters are those of base64 alone.
pub(super) fn with_data(mut page: String, run: &Run<'_>) -> String {
    let data = run.operations.encoded(run.input.history, &run.named.numbers());
    let template = html! { template #operations-data { (PreEscaped(data)) } };
    let script = page.rfind("<script>").expect("every page has its script");
    page.insert_str(script, &template.into_string());
    page
}
