//! The page as text: everything is on it, nothing is fetched, nothing hostile gets through.

mod support;

use std::time::Instant;

use history::{Event, Fault, FaultStep, What};
use support::{acks1, clean, cycles, hostile, page, verdicts};

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
fn a_story_is_told_with_the_lanes_of_its_minute() {
    let history = acks1();
    let page = page(&history, &verdicts::acks1(&history));
    assert_order(
        &page,
        &[
            "id=\"stories\"",
            "514 acknowledged writes are lost",
            "<code>Truncating to offset 120</code>",
            "story-lanes",
            "role=\"img\" aria-label=\"What became of offsets ",
            "acknowledged by node 1, lost",
            "node 2 elected, epoch 1",
            "own lines",
            "id=\"deposed\"",
            "Acknowledged and lost",
        ],
    );
}

#[test]
fn of_many_faults_the_storys_own_are_drawn() {
    let mut history = acks1();
    let fault = |id| Fault {
        id,
        kind: "pause".to_owned(),
        nodes: vec![3],
        detail: "broker 3 stopped".to_owned(),
        impairs: None,
        step: FaultStep::Injected,
    };
    history.events.extend((20..26).map(|id| Event {
        time: 6_000_000_000,
        what: What::Fault(fault(id)),
    }));
    history.events.sort_by_key(|event| event.time);
    let mut verdict = verdicts::acks1(&history);
    verdict.stories[0].faults = vec![25];
    let page = page(&history, &verdict);
    let picture = page
        .split("story-lanes")
        .nth(1)
        .and_then(|rest| rest.split("</figure>").next());
    let picture = picture.expect("it is drawn");
    assert!(picture.contains("fault 25: pause"));
    assert!(
        !picture.contains("fault 24: pause"),
        "no more than five are drawn"
    );
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
        "100 of 514 are shown, the first ones",
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
    for page in [support::hostile_page(), hostile::verdict_page()] {
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
        assert!(
            page.contains("class=\"picture cycle\""),
            "the hostile cycle is drawn"
        );
    }
}

/// Where a page can be entered.
fn ids(page: &str) -> Vec<&str> {
    let after = page.split(" id=\"").skip(1);
    after
        .map(|rest| rest.split('"').next().unwrap_or_default())
        .collect()
}

#[test]
fn every_finding_has_an_address_of_its_own() {
    let history = acks1();
    let pages = [
        page(&history, &verdicts::acks1(&history)),
        support::hostile_page(),
        hostile::verdict_page(),
        cycles::page(&cycles::list_append()),
        cycles::page(&cycles::kafka()),
    ];
    for page in &pages {
        let ids = ids(page);
        let mut once = ids.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), ids.len(), "an address stands for two things");
        for address in addresses(page)
            .into_iter()
            .filter_map(|address| address.strip_prefix('#'))
        {
            assert!(
                ids.contains(&address) || address == "fault-77",
                "#{address} leads nowhere"
            );
        }
    }
    let [run, .., list_append, kafka] = &pages;
    assert!(ids(run).contains(&"lost-write-1") && ids(run).contains(&"allowed-duplicate-1"));
    assert!(ids(list_append).contains(&"G-single-item-realtime-2"));
    assert!(ids(kafka).contains(&"allowed-G0-1"));
}

/// Asserts that the texts stand on the page in this order.
fn assert_order(page: &str, texts: &[&str]) {
    let mut rest = page;
    for text in texts {
        let place = rest
            .find(text)
            .unwrap_or_else(|| panic!("`{text}` is not after what comes before it"));
        rest = &rest[place..];
    }
}

#[test]
fn a_foreign_history_has_a_page_with_its_cycles() {
    let page = cycles::page(&cycles::list_append());
    let texts = [
        "<title>VIOLATION · history.edn · Tribunal</title>",
        "The history is not strict-serializable",
        "jepsen-edn",
        "tribunal check history.edn",
        "The first finding",
        "id=\"findings\"",
        "class=\"picture cycle\"",
        "So T1 came before itself: a contradiction.",
        "id=\"allowed\"",
        "The consistency model that this history was held to does not forbid it.",
        "id=\"definitions\"",
        "id=\"checks\"",
        "id=\"numbers\"",
    ];
    assert_order(&page, &texts);
    assert!(page.contains("Op 31 had completed at 1.340 s"));
    assert!(page.contains("3 operations of other kinds were left out"));
    assert!(page.contains("281 of 300 operations are left out."));
    let absent = [
        "Seed",
        "Broker",
        "Nodes",
        "Producers",
        "id=\"timeline\"",
        "id=\"faults\"",
        "verdict.json",
        "Faults and leaders",
    ];
    for text in absent {
        assert!(!page.contains(text), "{text}");
    }
}

#[test]
fn a_foreign_history_without_a_clock_shows_no_times() {
    let page = cycles::page(&cycles::serializable());
    assert!(page.contains(">VALID<") && page.contains("No check found a broken promise."));
    assert!(!page.contains("0.000 s") && !page.contains("Times are those") && !page.contains("<dt>Length"));
}

#[test]
fn what_could_not_be_judged_is_no_violation() {
    let mut verdict = cycles::serializable();
    verdict.valid = checkers::Validity::Unknown;
    let case = checkers::Case {
        story: vec!["The search was given up.".to_owned()],
        ..checkers::Case::default()
    };
    let found = [("cycle-search-timeout".to_owned(), verdicts::findings(vec![case]))];
    verdict.anomalies = found.into_iter().collect();
    let page = cycles::page(&verdict);
    assert_order(
        &page,
        &[
            ">UNKNOWN<",
            "No check found a broken promise.",
            "Not judged",
            "id=\"cycle-search-timeout-1\"",
        ],
    );
    assert!(!page.contains("id=\"first\"") && !page.contains("group violation"));
    let text = report::text(&verdict);
    assert!(
        text.contains("not judged: cycle-search-timeout 1") && !text.contains("the first"),
        "{text}"
    );
}

#[test]
fn what_is_allowed_stands_apart_with_its_reason() {
    let page = cycles::page(&cycles::kafka());
    let texts = [
        "id=\"lost-write-1\"",
        "id=\"allowed\"",
        "Kafka isolates no writes",
        "id=\"allowed-G0-1\"",
    ];
    assert_order(&page, &texts);
}

#[test]
fn a_run_with_a_cycle_shows_it_beside_its_timeline() {
    let history = clean();
    let mut verdict = verdicts::clean(&history);
    verdict.valid = checkers::Validity::Invalid;
    verdict.anomalies = cycles::list_append().anomalies;
    verdict.anomalies.remove("G1a");
    let page = page(&history, &verdict);
    assert_order(
        &page,
        &[
            "id=\"first\"",
            "class=\"picture cycle\"",
            "So T1 came before itself",
            "id=\"findings\"",
            "id=\"timeline\"",
        ],
    );
}

#[test]
fn ten_thousand_cycles_make_a_page_of_a_few_megabytes() {
    let mut verdict = cycles::list_append();
    let case = cycles::case(cycles::hundreds(400));
    for name in ["G0", "G1c", "G-single-item", "G2-item", "G-nonadjacent-item"] {
        let findings = checkers::Findings {
            count: 10_000,
            cases: vec![case.clone(); checkers::CASES_MAX],
        };
        verdict.anomalies.insert(name.to_owned(), findings);
    }
    let page = cycles::page(&verdict);
    assert!(page.contains("30 of 10,000 are shown"));
    println!("{} bytes", page.len());
    assert!(page.len() < 4_000_000, "{} bytes", page.len());
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
fn a_million_operations_make_a_page_of_less_than_thirty_megabytes() {
    let history = support::big::big();
    assert!(history.events.len() > 2_000_000);
    let verdict = verdicts::clean(&history);
    let start = Instant::now();
    let page = page(&history, &verdict);
    println!("{} bytes in {:?}", page.len(), start.elapsed());
    assert!(page.len() < 30_000_000, "{} bytes", page.len());
    let (before, data) = page
        .split_once("<template id=\"operations-data\">")
        .expect("it has its data");
    let data = data.split('<').next().unwrap_or_default();
    // What is drawn does not grow with the run; what is known of each operation does.
    assert!(before.len() < 6_000_000, "{} bytes are drawn", before.len());
    assert!(data.len() > 1_000_000);
}

#[test]
fn the_data_of_a_page_is_letters_of_base64_alone() {
    let history = acks1();
    for page in [
        support::hostile_page(),
        page(&history, &verdicts::acks1(&history)),
    ] {
        let data = page
            .split("<template id=\"operations-data\">")
            .nth(1)
            .and_then(|rest| rest.split_once("</template>"))
            .map(|(data, _)| data)
            .expect("it has its data");
        assert!(data.len() > 1_000);
        assert!(
            data.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
        );
    }
}

#[test]
fn all_panels_share_the_axis_and_read_as_tables() {
    let history = acks1();
    let mut verdict = verdicts::acks1(&history);
    verdict.availability = Some(checkers::Availability {
        probed: 3,
        partitions: 3,
        outages: vec![checkers::Outage {
            kind: "partition".to_owned(),
            partition: "log-0".to_owned(),
            hit_leader: true,
            write_outage: Some(2_100_000_000),
            unended: true,
            ..checkers::Outage::default()
        }],
        writes: checkers::Spread::of([2_100_000_000]),
        ..checkers::Availability::default()
    });
    let page = page(&history, &verdict);
    assert_order(
        &page,
        &[
            "Unavailability",
            "1 partition of 3 always served",
            "not written for 4.2 s\n3.200 s – 7.400 s, success to success",
            "Leaders, epochs and ISR",
            "Brokers’ own words",
            "node 3, 15.950 s\nERROR [LogDirFailureHandler]",
            "Writes a second",
            "Lag of the readers",
            "Operations by client",
            "data-lane=\"0\"",
            "id=\"availability\"",
            "#fault-0",
            "at least 2.1 s",
            "id=\"operations\"",
            "id=\"op-120\"",
            "id=\"lines\"",
            "id=\"line-1\"",
            "Truncating to offset 120",
            "id=\"help\"",
        ],
    );
    assert!(
        page.contains("(<a href=\"#op-120\">op 120</a>)"),
        "a story links what it names"
    );
}

#[test]
fn a_run_without_a_prober_says_so() {
    let history = clean();
    let page = page(&history, &verdicts::clean(&history));
    assert!(page.contains("no prober ran: not measured") && !page.contains("id=\"availability\""));
    assert!(!page.contains("id=\"lines\""));
}
