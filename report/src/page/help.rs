//! The keys, and what can be searched for. A browser without scripts never shows it.

use maud::{Markup, html};

const KEYS: [(&str, &str); 12] = [
    ("/", "find an operation, a line of a broker, a finding, a fault"),
    (
        "Enter, Shift+Enter",
        "in the search: the next hit, the one before",
    ),
    ("n, p", "the next finding, the one before"),
    ("l, Shift+L", "the next line of a broker, the one before"),
    ("], [", "the next operation of the same client, the one before"),
    ("+, −", "zoom in, zoom out"),
    ("←, →", "in the timeline: earlier, later"),
    ("0", "the whole run"),
    ("t", "to the timeline"),
    ("Ctrl+wheel, Shift+wheel", "over the timeline: zoom, move"),
    ("Esc", "close what is open"),
    ("?", "this"),
];

const SEARCHES: [(&str, &str); 8] = [
    (
        "120",
        "the operation with this number, and all that wrote or read this value",
    ),
    ("value 120, offset 7, op 5", "that alone"),
    ("client 3", "what this client did (also: process 3)"),
    ("orders-0", "what was done to this partition"),
    ("ok, fail, info, open", "by outcome"),
    ("send, poll, txn, assign", "by what was done"),
    ("orders-0 info", "several of these: all have to hold"),
    (
        "truncating",
        "other words: in lines, findings, faults and errors of operations",
    ),
];

/// A dialog that the script opens.
pub(super) fn help() -> Markup {
    html! {
        dialog #help aria-labelledby="help-title" {
            h2 #help-title { "Keys" }
            (list(&KEYS))
            h3 { "What the search understands" }
            (list(&SEARCHES))
            p.muted { "An address that ends in " code { "#op-120" } " opens the page at that operation, " code { "#at=5.301" } " at that second." }
            button type="button" data-do="close" { "Close" }
        }
    }
}

fn list(rows: &[(&str, &str)]) -> Markup {
    html! { dl.keys-list { @for (keys, what) in rows { div { dt { kbd { (keys) } } dd { (what) } } } } }
}
