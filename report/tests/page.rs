//! The page as text: everything is on it, nothing is fetched, nothing hostile gets through.

mod support;

use std::time::Instant;

use support::{acks1, clean, hostile, page, verdicts};

/// Every place of the page where something could be fetched from.
fn addresses(page: &str) -> Vec<&str> {
    ["href=\"", "src=\"", "action=\"", "xlink:href=\"", "url("]
        .iter()
        .flat_map(|start| page.split(start).skip(1))
        .map(|rest| rest.split(['"', ')']).next().unwrap_or_default())
        .collect()
}

#[test]
fn a_violation_comes_first_with_its_story() {
    let history = acks1();
    let page = page(&history, &verdicts::acks1(&history));
    let order = [
        ">VIOLATION<",
        "514 of 830 acknowledged writes were lost, the first",
        "tribunal run results/latest/acks1/resolved.toml",
        "The first finding",
        "node 1 acknowledged it",
        "leader of log-0 (node 1) cut from its peers, not from clients",
        "id=\"findings\"",
        "id=\"checks\"",
        "id=\"timeline\"",
        "id=\"faults\"",
        "id=\"numbers\"",
        "id=\"sources\"",
    ];
    let mut rest = page.as_str();
    for text in order {
        let place = rest
            .find(text)
            .unwrap_or_else(|| panic!("`{text}` is not after what comes before it"));
        rest = &rest[place..];
    }
}

#[test]
fn every_finding_fault_and_file_is_on_the_page() {
    let history = acks1();
    let verdict = verdicts::acks1(&history);
    let page = page(&history, &verdict);
    for name in verdict.anomalies.keys().chain(verdict.allowed.keys()) {
        assert!(
            page.contains(&format!("<strong class=\"name\">{name}</strong>")),
            "{name}"
        );
    }
    for text in [
        "1,204 frames dropped",
        "no machine has the power `clock`",
        "all its probes were answered",
        "href=\"./nodes/1/server.log\"",
        "n1 still e0",
        "n2 e1",
        "n3 t2",
        "The first 100 of 514 are shown",
        "sha256 5f1c0a9e",
    ] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn a_clean_run_says_so_and_has_no_finding() {
    let history = clean();
    let page = page(&history, &verdicts::clean(&history));
    assert!(page.contains(">VALID<"));
    assert!(page.contains("No check found a broken promise."));
    assert!(!page.contains("id=\"first\""));
}

#[test]
fn nothing_is_fetched() {
    let history = acks1();
    let page = page(&history, &verdicts::acks1(&history));
    assert!(!page.contains("http://") && !page.contains("https://"));
    for address in addresses(&page) {
        assert!(
            address.starts_with('#') || address.starts_with("./") || address == "verdict.json",
            "{address}"
        );
    }
}

#[test]
fn hostile_text_stays_text() {
    let page = support::hostile_page();
    assert!(!page.contains(hostile::ATTACK));
    assert_eq!(page.matches("<script").count(), 1, "only the page's own script");
    assert_eq!(page.matches("</script>").count(), 1);
    assert_eq!(page.matches("<style").count(), 1);
    for tag in [
        "<img",
        "<!--",
        "</text></title></style>",
        "\"javascript:",
        "\u{0}",
        "\u{1b}",
        "\u{202e}",
    ] {
        assert!(!page.contains(tag), "{tag:?}");
    }
    for address in addresses(&page) {
        assert!(
            address.starts_with('#') || address.starts_with("./") || address == "verdict.json",
            "{address}"
        );
    }
}

#[test]
fn the_same_run_makes_the_same_page() {
    let history = acks1();
    let verdict = verdicts::acks1(&history);
    assert_eq!(page(&history, &verdict), page(&history, &verdict));
}

#[test]
fn a_run_that_ended_at_once_still_has_a_page() {
    let mut history = clean();
    history.events.clear();
    let mut verdict = verdicts::unknown(&history);
    verdict.stats = checkers::Stats::default();
    assert!(page(&history, &verdict).contains("No write was acknowledged."));
}

#[test]
fn a_million_operations_make_a_page_of_a_few_megabytes() {
    let history = support::big::big();
    assert!(history.events.len() > 2_000_000);
    let verdict = verdicts::clean(&history);
    let start = Instant::now();
    let page = page(&history, &verdict);
    println!("{} bytes in {:?}", page.len(), start.elapsed());
    assert!(page.len() < 4_000_000, "{} bytes", page.len());
}
