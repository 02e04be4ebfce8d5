//! Hostile histories and huge ones: numbers beyond all bounds, findings without number.

use std::fmt::Write as _;

use checkers::{CASES_MAX, Options, Validity};

use crate::{brief, dsl, judge, told};

#[test]
fn findings_without_number_are_counted_and_the_first_are_told() {
    let lost = CASES_MAX + 500;
    let mut text = "foreign\n".to_owned();
    for value in 0..=lost {
        writeln!(text, "p{} send 0:{value} -> ok @{value}", value % 7).expect("a string takes all");
    }
    writeln!(text, "p9 poll -> ok 0@{lost}={lost}").expect("a string takes all");
    for value in 0..lost {
        writeln!(text, "p8 poll -> ok 1@{value}={}", 5_000_000 + value).expect("a string takes all");
        writeln!(text, "p8 poll -> info 1@{value}=7").expect("a string takes all");
    }
    let verdict = judge(&dsl::history(&text), &Options::default());
    for (name, count) in [
        ("lost-write", lost),
        ("phantom-read", lost),
        ("inconsistent-offsets", lost),
        ("nonmonotonic-poll", lost),
    ] {
        let found = verdict
            .anomalies
            .get(name)
            .unwrap_or_else(|| panic!("no {name}: {}", brief(&verdict)));
        assert_eq!(
            (found.count, found.cases.len()),
            (count as u64, CASES_MAX),
            "{name}"
        );
    }
    let first = &verdict.anomalies["lost-write"].cases[0];
    assert_eq!((first.values[0], first.ops[0]), (0, 0));
}

#[test]
fn numbers_beyond_all_bounds_cost_nothing() {
    let mut text = "foreign\n".to_owned();
    for number in 0..2_000_u64 {
        let (far, key) = (number * 4_611_686_018_427_387, number * 3_999);
        writeln!(text, "p{} send {key}:{far} -> ok @{far}", number * 2_000_003).expect("a string takes all");
        writeln!(text, "p{} poll -> ok {key}@{far}={far}", number * 2_000_003).expect("a string takes all");
        writeln!(text, "p1 poll -> ok 0@{far}={}", far / 2).expect("a string takes all");
    }
    let options = Options {
        ww_deps: true,
        ..Options::default()
    };
    let verdict = judge(&dsl::history(&text), &options);
    assert_eq!(verdict.valid, Validity::Invalid);
    assert!(!told(&verdict).contains("bug of its own"), "{}", verdict.summary);
}

#[test]
fn a_key_beyond_all_bounds_is_a_flaw() {
    let history = dsl::history("foreign \n p0 send 4294967295:1 -> ok @0 \n p1 poll -> ok 0@0=2");
    let verdict = judge(&history, &Options::default());
    assert!(
        told(&verdict).contains("names key 4294967295"),
        "{}",
        told(&verdict)
    );
}

#[test]
fn gaps_of_any_length_are_passed_over() {
    let text = "
        phase steady
        p0 send 0:1 -> ok @0
        p0 send 0:2 -> ok @9000000000000000000
        p1 poll -> ok 0@0=1 0@9000000000000000000=2
        p2 poll -> ok 0@0=1
        p2 poll -> ok 0@9000000000000000000=2
        finally 0@0=1 0@9000000000000000000=2";
    assert_eq!(brief(&judge(&dsl::history(text), &Options::default())), "valid");
    let filled = text.replace(
        "finally 0@0=1",
        "p3 send 0:3 -> ok @5000000000 \n finally 0@0=1 0@5000000000=3",
    );
    assert_eq!(
        brief(&judge(&dsl::history(&filled), &Options::default())),
        "invalid: int-poll-skip 1, poll-skip 1"
    );
}

#[test]
fn another_than_the_first_client_may_make_the_final_reads() {
    let text = "
        phase steady
        p0 send 0:1 -> ok @0
        p0 send 0:2 -> ok @1
        phase heal
        phase final-reads
        p8 assign 0 1 from-beginning -> ok
        p8 poll -> ok 0@0=1 0@1=2
        p9 assign 0 1 from-beginning -> ok
        p9 poll -> ok 0@0=1
        node1 log 0 hw=1 0=1/e0 last
        node1 log 1 hw=0 last
        final p9 complete 1,0";
    let verdict = judge(&dsl::history(text), &Options::default());
    assert_eq!(brief(&verdict), "invalid: lost-write 1");
    assert!(
        told(&verdict).contains("Client 8 had read it"),
        "{}",
        told(&verdict)
    );
}
