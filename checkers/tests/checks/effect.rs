//! Whether anything was put to the test.

use crate::{Rows, brief, dsl, table, table_in, told};

const STEADY: &str = "
    phase steady
    p0 send 0:1 -> ok @0
    phase faults
";
const REST: &str = "
    p0 send 0:2 -> ok @1
    finally 0@0=1 0@1=2
";

/// Lines of the load, after a header that asks for nine of ten in time.
const LOADS: Rows = &[
    (
        "as much as was asked for",
        "load due=100 late=3 withheld=7",
        "valid",
    ),
    (
        "a little less",
        "load due=100 late=4 withheld=7",
        "unknown: effect",
    ),
    ("nothing was due", "load due=0", "valid"),
    ("nobody counted", "", "unknown: effect"),
];

#[test]
fn a_load_that_was_not_there_proves_nothing() {
    table_in(
        |load| format!("topics log:2 load=90\n{STEADY}\n{load}\n{REST}"),
        LOADS,
    );
    let nobody_asks = format!("topics log:2\n{STEADY}\nload due=100 late=50 withheld=50\n{REST}");
    table(&[("nobody asks", &nobody_asks, "valid")]);
}

/// Lines of the load, after a header that asks for three requests at once and for ten writes that expired.
const FLIGHTS: Rows = &[
    (
        "as many as were asked for",
        "load due=9 in-flight=3 unsent=4 unknown=6",
        "valid",
    ),
    (
        "fewer at once",
        "load due=9 in-flight=2 unsent=4 unknown=6",
        "unknown: effect",
    ),
    (
        "fewer that expired",
        "load due=9 in-flight=5 unsent=4 unknown=5",
        "unknown: effect",
    ),
    (
        "a library that does not tell",
        "load due=9 unsent=10 unknown=0",
        "unknown: effect",
    ),
    ("nobody looked", "load due=9", "unknown: effect"),
    ("nobody counted", "", "unknown: effect"),
];

#[test]
fn requests_one_after_the_other_and_writes_that_never_expired_prove_nothing() {
    table_in(
        |load| format!("topics log:2 in-flight=3 expired=10\n{STEADY}\n{load}\n{REST}"),
        FLIGHTS,
    );
    let nobody_asks = format!("topics log:2\n{STEADY}\nload due=9 in-flight=1\n{REST}");
    table(&[("nobody asks", &nobody_asks, "valid")]);
}

const ACKNOWLEDGEMENTS: Rows = &[
    (
        "enough",
        "
            topics log:2 min=2
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            finally 0@0=1 0@1=2",
        "valid",
    ),
    (
        "too few",
        "
            topics log:2 min=3
            phase steady
            p0 send 0:1 -> ok @0
            p0 send 0:2 -> ok @1
            finally 0@0=1 0@1=2",
        "unknown: effect",
    ),
    (
        "too few, but one is lost all the same",
        "
            topics log:2 min=3
            phase steady
            p0 send 0:1 -> ok @0
            finally",
        "invalid: lost-write 1",
    ),
    (
        "none at all is too few for anybody",
        "
            topics log:2 min=0
            phase steady
            p0 send 0:1 -> info
            finally",
        "unknown: effect",
    ),
    (
        "none after the faults began",
        "
            topics log:2 require=kill
            phase steady
            p0 send 0:1 -> ok @0
            phase faults
            fault 0 kill [1] node 1 | injected
            fault 0 kill | healed gone
            finally 0@0=1",
        "unknown: effect",
    ),
    ("nothing happened at all", "", "unknown: effect"),
];

#[test]
fn acknowledgements() {
    table(ACKNOWLEDGEMENTS);
}

/// A run with these lines where its faults should be, and what is said of it.
fn with_faults(header: &str, faults: &str) -> String {
    let verdict = checkers::check_history(&dsl::history(&format!(
        "topics log:2 {header}\n{STEADY}\n{faults}\n{REST}"
    )));
    format!("{}\n{}", brief(&verdict), told(&verdict))
}

#[test]
fn a_step_that_has_to_bite_and_did_not_is_never_valid() {
    let first = "fault 0 kill [1] node 1 | injected\n fault 0 kill | healed gone";
    let header = "require=kill require-step=last:1";
    for (faults, valid) in [
        (first.to_owned(), false),
        (
            format!("{first}\n fault 1 kill [2] node 2 | failed no such process"),
            false,
        ),
        (
            format!("{first}\n fault 1 kill [2] node 2 | injected\n fault 1 kill | healed gone"),
            true,
        ),
    ] {
        let said = with_faults(header, &faults);
        assert_eq!(said.starts_with("valid"), valid, "{said}");
        assert_eq!(
            said.contains("the step `last`, which has to bite, did not"),
            !valid,
            "{said}"
        );
    }
}

#[test]
fn a_nemesis_that_did_nothing_is_never_valid() {
    for (header, faults) in [
        ("faults", ""),
        ("require=kill", ""),
        ("faults", "fault 0 kill [1] node 1 | injecting"),
        ("faults", "fault 0 kill [1] node 1 | injected"),
        (
            "faults",
            "fault 0 kill [1] node 1 | injected\n fault 0 kill | in-vain it still runs",
        ),
        ("faults", "fault 0 kill [1] node 1 | skipped no power"),
        ("faults", "fault 0 kill [1] node 1 | failed no such process"),
        (
            "require=kill,pause",
            "fault 0 kill [1] node 1 | injected\n fault 0 kill | healed gone",
        ),
        (
            "require=kill",
            "fault 0 pause [1] node 1 | injected\n fault 0 pause | healed silent for 2 s",
        ),
    ] {
        let told = with_faults(header, faults);
        assert!(
            told.starts_with("unknown: effect\n"),
            "{header}\n{faults}\n{told}"
        );
    }
}

#[test]
fn a_fault_that_bit_is_enough() {
    let told = with_faults(
        "require=kill",
        "fault 0 kill [1] node 1 | injected\n fault 0 kill | healed gone",
    );
    assert!(told.starts_with("valid\n"), "{told}");
    let one_of_two = "
        fault 0 kill [1] node 1 | injected
        fault 0 kill | in-vain it still runs
        fault 1 kill [2] node 2 | injected
        fault 1 kill | healed gone";
    let told = with_faults("require=kill", one_of_two);
    assert!(told.starts_with("valid\n"), "{told}");
    assert!(
        told.contains("fault 0 (kill) did not bite: it still runs"),
        "{told}"
    );
    assert!(
        with_faults("", "").starts_with("valid\n"),
        "declared to be without faults"
    );
}

#[test]
fn reasons_name_what_is_missing() {
    let faults = "
        fault 0 kill [1] node 1 | skipped node 1 has no process of ours
        fault 1 pause [2] node 2 | injected
        fault 1 pause | in-vain it answered within 3 ms throughout";
    insta::assert_snapshot!(with_faults("min=9 require=kill,pause,partition", faults), @r##"
    unknown: effect
    nobody can say: 2 writes were acknowledged, where the plan asks for at least 9: too little was put to the test
    [effect] 2 writes were acknowledged, where the plan asks for at least 9: too little was put to the test
      no fault of kind `kill` bit: skipped: node 1 has no process of ours
      no fault of kind `pause` bit: it answered within 3 ms throughout
      no fault of kind `partition` bit: none was injected
      the plan does not declare a run without faults, and no fault bit: 2 faults in vain
      fault 0 (kill) did not bite: skipped: node 1 has no process of ours
      fault 1 (pause) did not bite: it answered within 3 ms throughout
    "##);
}

const CUT_SHORT: Rows = &[
    (
        "interrupted",
        "
            phase steady
            p0 send 0:1 -> ok @0
            interrupted
            finally 0@0=1",
        "unknown: effect",
    ),
    (
        "interrupted, and lost",
        "
            phase steady
            p0 send 0:1 -> ok @0
            interrupted
            finally",
        "invalid: lost-write 1",
    ),
    (
        "cut off in a line",
        "
            phase steady
            p0 send 0:1 -> ok @0
            finally 0@0=1
            truncated",
        "unknown: effect",
    ),
    (
        "ends in the faults",
        "
            phase steady
            p0 send 0:1 -> ok @0
            phase faults",
        "unknown: effect log",
    ),
];

#[test]
fn cut_short() {
    table(CUT_SHORT);
}
