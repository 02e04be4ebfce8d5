//! The pages of campaigns, of lists and of runs that go on, as text: everything is on them, and nothing hostile gets through.

mod support;

use support::{campaigns, hostile};

#[test]
fn a_campaigns_page_reads_without_its_script() {
    let page = campaigns::page();
    let order = [
        ">VIOLATION<",
        "18 of 24 runs came out as expected; 2 found a violation",
        "1 run is damaged",
        "id=\"matrix\"",
        "<table class=\"matrix\">",
        "id=\"found\"",
        "lost-write",
        "flaky: again in 1 of 3",
        "confirmed: again in 3 of 3",
        "Infrastructure",
        "Tried again",
        "id=\"axes\"",
        "id=\"trend\"",
        "class=\"trend-picture\"",
        "EOF at line 3",
        "id=\"runs\"",
        "tribunal run runs/kafka-3.9.2_3_kill-r1.toml --seed 7",
        "Damaged: ",
    ];
    let mut from = 0;
    for words in order {
        let found = page[from..].find(words);
        from += found.unwrap_or_else(|| panic!("{words:?} is not there, or too early"));
    }
    // Every run is in the matrix and in the table; the one that goes on leads to its live page.
    for run in campaigns::summary().runs {
        assert!(
            page.matches(&format!("title=\"{}: ", run.name)).count() >= 2,
            "{}",
            run.name
        );
    }
    assert!(page.contains("href=\"runs/kafka-4.4.0_5_cut-r2/\""));
    assert!(page.contains("href=\"runs/kafka-3.9.2_5_cut-r2/report.html\""));
    // What was lost may not be quoted as nothing.
    assert!(!page.contains("May be quoted"));
}

#[test]
fn hostile_text_stays_text() {
    for page in [
        campaigns::hostile_page(),
        campaigns::hostile_shelf(),
        campaigns::hostile_live(),
    ] {
        assert!(!page.contains(hostile::ATTACK));
        assert!(page.matches("<script").count() <= 1, "only the page's own script");
        assert_eq!(page.matches("<style").count(), 1);
        for tag in ["<img", "<!--", "=\"javascript:", "\u{0}", "\u{1b}", "\u{202e}"] {
            assert!(!page.contains(tag), "{tag:?}");
        }
        let addresses = page
            .split("href=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        for address in addresses {
            assert!(
                ["#", "./", "../", "?"]
                    .iter()
                    .any(|start| address.starts_with(start)),
                "{address}"
            );
        }
    }
}

#[test]
fn a_list_says_what_each_came_to_in_a_word() {
    let page = campaigns::shelf();
    for word in [
        "valid",
        "violation",
        "unknown",
        "goes on",
        "unfinished",
        "damaged",
    ] {
        assert!(page.contains(&format!("</span> {word}</span>")), "{word}");
    }
    assert!(page.contains("6 runs, 1 campaign, 84 MiB"), "{page}");
}

#[test]
fn a_run_that_goes_on_shows_what_is_in_force() {
    let page = campaigns::live();
    for words in [
        "GOES ON",
        "content=\"3600\"",
        "in force",
        "cut from its peers, not from clients",
        "aria-current=\"step\"",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("<script"));
}
