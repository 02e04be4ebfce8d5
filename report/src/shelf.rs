//! A folder of results as a page: its runs and campaigns, what they came to, and what is damaged.

use checkers::Validity;
use maud::{Markup, html};

use crate::format::{count, counted};
use crate::page::{Frame, frame, wall_clock};

const STYLE: &str = include_str!("assets/overview.css");
const SCRIPT: &str = include_str!("assets/shelf.js");

/// A folder of results.
#[derive(Clone, Copy, Debug)]
pub struct Shelf<'a> {
    /// The folder's name.
    pub name: &'a str,
    /// What lies in it, in the order of the page.
    pub content: &'a [Shelved],
    /// Whether there is a folder above it.
    pub is_below: bool,
}

/// A run or a campaign on its shelf.
#[derive(Clone, Debug)]
pub struct Shelved {
    /// Its directory's name.
    pub name: String,
    /// Where its page is, from the list's.
    pub address: String,
    /// What it is.
    pub kind: ShelvedKind,
    /// What it came to, where it was judged.
    pub standing: Standing,
    /// The verdict in a sentence, or why there is none.
    pub summary: String,
    /// Bytes on the disk.
    pub bytes: u64,
    /// When it was last changed (RFC 3339).
    pub changed: String,
}

/// What lies on a shelf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShelvedKind {
    /// A run.
    Run,
    /// A campaign.
    Campaign,
}

/// What it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was judged: a run by its verdict, a campaign by whether all came out as expected.
    Judged(Validity),
    /// It goes on.
    GoingOn,
    /// It was ended before it was judged.
    Unfinished,
    /// It cannot be read.
    Damaged,
}

impl Standing {
    fn word(self) -> &'static str {
        match self {
            Self::Judged(Validity::Valid) => "valid",
            Self::Judged(Validity::Invalid) => "violation",
            Self::Judged(Validity::Unknown) => "unknown",
            Self::GoingOn => "goes on",
            Self::Unfinished => "unfinished",
            Self::Damaged => "damaged",
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Judged(Validity::Valid) => "✓",
            Self::Judged(Validity::Invalid) => "✕",
            Self::Judged(Validity::Unknown) => "?",
            Self::GoingOn => "▸",
            Self::Unfinished => "–",
            Self::Damaged => "⚠",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Judged(Validity::Valid) => "valid",
            Self::Judged(Validity::Invalid) => "invalid",
            Self::Judged(Validity::Unknown) => "unknown",
            Self::GoingOn => "going-on",
            Self::Unfinished => "not-made",
            Self::Damaged => "missed",
        }
    }
}

/// The list of a folder of results.
pub fn shelf_page(shelf: &Shelf<'_>) -> String {
    let of = |kind| shelf.content.iter().filter(|one| one.kind == kind).count() as u64;
    let damaged = shelf
        .content
        .iter()
        .filter(|one| one.standing == Standing::Damaged)
        .count() as u64;
    let bytes: u64 = shelf.content.iter().map(|one| one.bytes).sum();
    let banner = html! {
        @if shelf.is_below { (crumbs()) }
        header.banner {
            h1 { "Results in " (shelf.name) }
            p.note {
                (counted(of(ShelvedKind::Run), "run", "runs")) ", " (counted(of(ShelvedKind::Campaign), "campaign", "campaigns")) ", " (size(bytes)) "."
                @if damaged > 0 { " " strong { (counted(damaged, "of them is", "of them are")) " damaged." } }
            }
        }
    };
    let main = html! {
        section {
            form.tools #choose hidden {
                label { "Only what holds " input type="search" name="words"; }
                output #count aria-live="polite" {}
            }
            @if shelf.content.is_empty() { p.muted { "Nothing of Tribunal's lies here: `tribunal run` makes a run, `tribunal campaign` a campaign." } }
            @else { div.scroll { table.shelf {
                thead { tr { th scope="col" { "Came to" } th scope="col" { "Name" } th scope="col" { "What" } th scope="col" { "In a sentence" } th.number scope="col" { "Size" } th scope="col" { "Changed" } } }
                tbody { @for one in shelf.content { (row(one)) } }
            } } }
        }
    };
    frame(&Frame {
        title: &["Results", shelf.name],
        sections: &[],
        banner: &banner,
        main: &main,
        foot: "Times are of this machine's clock.",
        more_style: STYLE,
        script: SCRIPT,
        refresh: None,
    })
}

fn row(one: &Shelved) -> Markup {
    html! {
        tr {
            td.nowrap { span.chip.(one.standing.class()) { span.sign aria-hidden="true" { (one.standing.sign()) } " " (one.standing.word()) } }
            th scope="row" { a href=(one.address) { (one.name) } }
            td { @match one.kind { ShelvedKind::Run => "run", ShelvedKind::Campaign => "campaign" } }
            td { (one.summary) }
            td.number { (size(one.bytes)) }
            td.nowrap { (wall_clock(&one.changed)) }
        }
    }
}

fn crumbs() -> Markup {
    html! { p.crumbs { a href="../" { "Up" } } }
}

/// A folder that is no run and no campaign: names of what lies in it, those of folders with a slash, and their sizes.
pub fn files_page(name: &str, files: &[(String, u64)]) -> String {
    let banner = html! { (crumbs()) header.banner { h1 { (name) } p.note { (counted(files.len() as u64, "entry", "entries")) "." } } };
    let main = html! {
        section { div.scroll { table {
            thead { tr { th scope="col" { "Name" } th.number scope="col" { "Size" } } }
            tbody { @for (name, bytes) in files { tr {
                th scope="row" { a href={ "./" (encoded(name)) } { (name) } }
                td.number { @if !name.ends_with('/') { (size(*bytes)) } }
            } } }
        } } }
    };
    plain(name, &banner, &main)
}

/// A page that says one thing: why there is no other.
pub fn message_page(title: &str, what: &str, files: &[String]) -> String {
    let banner = html! { header.banner.unknown { p.badge { span.sign aria-hidden="true" { "⚠" } (title) } h1.long-sentence { (what) } } };
    let main = html! {
        @if !files.is_empty() { section { h2 { "Files" } ul.files { @for file in files { li { a href={ "./" (encoded(file)) } { (file) } } } } } }
        p.crumbs { a href="/" { "All results" } }
    };
    plain(title, &banner, &main)
}

fn plain(title: &str, banner: &Markup, main: &Markup) -> String {
    frame(&Frame {
        title: &[title],
        sections: &[],
        banner,
        main,
        foot: "",
        more_style: STYLE,
        script: "",
        refresh: None,
    })
}

/// A path as an address: what is neither a letter, a digit nor plain is written as its bytes (RFC 3986, section 2.1).
pub fn encoded(path: &str) -> String {
    use std::fmt::Write;
    let mut address = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            address.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(address, "%{byte:02X}");
        }
    }
    address
}

/// Bytes as people read them: `640 B`, `1.5 KiB`, `12 MiB`.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{} B", count(bytes));
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let decimals = usize::from(value < 10.0);
    format!("{value:.decimals$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::{encoded, size};

    #[test]
    fn sizes_are_short() {
        let sizes = [0, 640, 1_536, 12 << 20, 1_000 << 30].map(size);
        assert_eq!(sizes, ["0 B", "640 B", "1.5 KiB", "12 MiB", "1000 GiB"]);
    }

    #[test]
    fn an_address_holds_nothing_that_means_something_else() {
        assert_eq!(encoded("a b/c?d#e%f\"<ä"), "a%20b/c%3Fd%23e%25f%22%3C%C3%A4");
    }
}
