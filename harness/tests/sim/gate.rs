//! `tribunal gate` and `tribunal compare` from the real command line, on campaigns of the simulated broker.

use serde_json::{Value, json};

use crate::campaign::PLAN;
use crate::support::{Bench, Ran};

/// Two kinds of cell: of the named ones each run loses a tail.
fn campaign(kinds: &[(&str, bool)], more: &str) -> String {
    let cell = |(name, broken): &(&str, bool)| match broken {
        true => format!("{name} = {{ plan = \"sim\", bugs = [\"lost-tail\"] }}\n"),
        false => format!("{name} = {{}}\n"),
    };
    let cells: String = kinds.iter().map(cell).collect();
    format!("name = \"gate\"\nplan = \"short.toml\"\nconfirm = 0\n{more}\n[matrix.kind]\n{cells}")
}

fn bench() -> Bench {
    let bench = Bench::new();
    bench.file("short.toml", PLAN);
    bench
}

#[track_caller]
fn run(bench: &Bench, out: &str, file: &str, code: i32) -> Ran {
    bench.file("campaign.toml", file);
    let ran = bench.run(&["campaign", "campaign.toml", "--out", out]);
    assert_eq!(ran.code, Some(code), "{}", ran.err);
    ran
}

#[track_caller]
fn says(ran: &Ran, code: i32, said: &[&str]) {
    assert_eq!(ran.code, Some(code), "{}", ran.err);
    for said in said {
        assert!(ran.err.contains(said), "{said} is not in {}", ran.err);
    }
}

fn read(bench: &Bench, file: &str) -> Value {
    let path = bench.path().join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("it is JSON")
}

/// A copy of a campaign's summary, changed.
fn copy(bench: &Bench, from: &str, to: &str, change: impl Fn(usize, &mut Value)) {
    let mut summary = read(bench, &format!("{from}/summary.json"));
    let runs = summary["runs"].as_array_mut().expect("there are runs");
    for (number, run) in runs.iter_mut().enumerate() {
        change(number, run);
    }
    std::fs::create_dir(bench.path().join(to)).expect("it can be made");
    bench.file(&format!("{to}/summary.json"), summary.to_string());
}

#[test]
fn a_gate_fails_on_what_is_new() {
    let bench = bench();
    run(
        &bench,
        "old",
        &campaign(&[("first", true), ("second", false)], "seed = 3\nrepeats = 3"),
        1,
    );
    run(
        &bench,
        "new",
        &campaign(&[("second", true), ("first", false)], "seed = 3\nrepeats = 3"),
        1,
    );
    let gate = |more: &[&str]| bench.run(&[&["gate"], more].concat());
    assert_eq!(gate(&["old"]).code, Some(1));
    // What was known already passes.
    let known = gate(&["old", "--baseline", "old"]);
    says(
        &known,
        0,
        &["still there: lost-write in kind first: 3 of 3 runs, 3 of 3 before"],
    );
    assert_eq!(gate(&["old", "--baseline", "old", "--strict"]).code, Some(1));
    let ran = gate(&["new", "--baseline", "old", "--json"]);
    says(
        &ran,
        1,
        &[
            "new: lost-write in kind second",
            "resolved: lost-write in kind first",
        ],
    );
    let found: Value = serde_json::from_str(&ran.out).expect("it is JSON");
    assert_eq!(
        (&found["passes"], &found["findings"][0]["change"]),
        (&json!(false), &json!("new")),
        "{found}"
    );
    let sarif = read(&bench, "new/sarif.json");
    let results = sarif["runs"][0]["results"].as_array().expect("there are results");
    let states: Vec<&Value> = results.iter().map(|result| &result["baselineState"]).collect();
    assert!(
        states.contains(&&json!("new")) && states.contains(&&json!("absent")),
        "{sarif}"
    );
    let mut command = bench.command(&["gate", "new", "--baseline", "old"]);
    command.env("GITHUB_STEP_SUMMARY", bench.path().join("job.md"));
    let ran = Ran::from(command.output().expect("it can be started"));
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let job = std::fs::read_to_string(bench.path().join("job.md")).expect("it was written");
    assert!(
        job.starts_with("# Gate: does not pass") && job.contains("- new: lost-write in kind second"),
        "{job}"
    );
    // A rate: three of three runs are too many for this, and it is known already.
    says(
        &gate(&["old", "--refused", "0.7"]),
        1,
        &[
            "gate: it fails",
            "fails: kind first: 3 of 3 runs found a violation",
        ],
    );
    says(
        &gate(&["old", "--refused", "0.7", "--baseline", "old"]),
        0,
        &["gate: it passes after 6 runs that count"],
    );
}

#[test]
fn a_campaign_stops_as_soon_as_it_is_decided() {
    let bench = bench();
    let gate = "seed = 5\nrepeats = 12\nparallel = 2\n[gate]\nrefused = 0.5";
    let ran = run(&bench, "good", &campaign(&[("a", false), ("b", false)], gate), 0);
    assert!(
        ran.err.contains("gate: it passes after 10 runs that count"),
        "{}",
        ran.err
    );
    let summary = read(&bench, "good/summary.json");
    let totals = &summary["totals"];
    let made = totals["as-expected"].as_u64().expect("a number");
    // Five of each cell, and what had begun beside the fifth.
    assert!((10..=12).contains(&made), "{totals}");
    assert_eq!(totals["not-needed"].as_u64(), Some(24 - made), "{totals}");
    let said = ran
        .err
        .lines()
        .find(|line| line.contains("no acknowledged write lost"));
    let faults = format!("in {} effective faults", totals["faults"]);
    assert!(said.is_some_and(|said| said.contains(&faults)), "{}", ran.err);
    // There is nothing left to do, and the gate says the same again.
    let again = bench.run(&["campaign", "campaign.toml", "--out", "good", "--resume"]);
    says(&again, 0, &["gate: it passes after 10 runs that count"]);
    assert_eq!(read(&bench, "good/summary.json"), summary);
    says(
        &bench.run(&["gate", "good"]),
        0,
        &["gate: it passes after 10 runs that count"],
    );
    // What was seen must not choose the rule.
    bench.file(
        "campaign.toml",
        campaign(&[("a", false), ("b", false)], &gate.replace("0.5", "0.6")),
    );
    let other = bench.run(&["campaign", "campaign.toml", "--out", "good", "--resume"]);
    says(&other, 2, &["was begun with another [gate]"]);

    let ran = run(&bench, "bad", &campaign(&[("a", true), ("b", false)], gate), 1);
    assert!(ran.err.contains("gate: it fails"), "{}", ran.err);
    let totals = &read(&bench, "bad/summary.json")["totals"];
    assert!(totals["not-needed"].as_u64() >= Some(21), "{totals}");
}

#[test]
fn parts_decide_nothing_alone() {
    let bench = bench();
    let gate = "seed = 5\nrepeats = 6\n[gate]\nrefused = 0.5";
    bench.file("campaign.toml", campaign(&[("a", false)], gate));
    for part in ["1", "2"] {
        let (out, part) = (format!("p{part}"), format!("count:{part}/2"));
        let ran = bench.run(&["campaign", "campaign.toml", "--out", &out, "--partition", &part]);
        says(&ran, 3, &["a part alone decides nothing", "not decided"]);
        assert_eq!(
            read(&bench, &format!("{out}/summary.json"))["totals"]["as-expected"],
            3
        );
    }
    let merged = bench.run(&["merge", "p1", "p2", "--out", "whole"]);
    says(&merged, 0, &["gate: it passes after 5 runs that count"]);
}

#[test]
fn what_cannot_be_compared_is_told_by_what_is_wrong() {
    let bench = bench();
    run(&bench, "one", &campaign(&[("a", false)], "seed = 5"), 0);
    run(&bench, "other", &campaign(&[("b", false)], "seed = 5"), 0);
    std::fs::create_dir(bench.path().join("damaged")).expect("it can be made");
    bench.file("damaged/summary.json", "{\"name\": \"x\"");
    copy(&bench, "one", "unjudged", |_, run| {
        run["state"] = json!("infrastructure");
    });
    std::fs::create_dir(bench.path().join("empty")).expect("it can be made");
    let mut empty = read(&bench, "one/summary.json");
    empty["runs"] = json!([]);
    bench.file("empty/summary.json", empty.to_string());
    for (arguments, said) in [
        (
            &["one", "--baseline", "nowhere"][..],
            "is it a campaign that ended?",
        ),
        (
            &["one", "--baseline", "damaged"],
            "damaged/summary.json as a campaign's summary",
        ),
        (
            &["one", "--baseline", "unjudged"],
            "has no run that was to be valid and was judged",
        ),
        (
            &["one", "--baseline", "other"],
            "have no cell in common (kind a here, kind b there)",
        ),
        (
            &["one", "--baseline", "other", "--ignore", "broker"],
            "--ignore broker: neither has such an axis: kind",
        ),
        (&["empty"], "a campaign without a run"),
        (&["one", "--refused", "0"], "--refused 0 is no share"),
        (&["one", "--tolerated", "0.5"], "--tolerated 0.5 is no share"),
    ] {
        says(&bench.run(&[&["gate"], arguments].concat()), 2, &[said]);
    }
    let matched = bench.run(&["gate", "one", "--baseline", "other", "--ignore", "kind"]);
    assert_eq!(matched.code, Some(0), "{}", matched.err);
}

#[test]
fn writes_that_fail_for_longer_fail_where_that_is_asked_for() {
    let bench = bench();
    run(
        &bench,
        "real",
        &campaign(&[("a", false)], "seed = 5\nrepeats = 6"),
        0,
    );
    let with = |name: &str, tenths: u64| {
        copy(&bench, "real", name, |number, run| {
            run["figures"]["outages"] = json!({ "kill": (tenths + number as u64) * 100_000_000 });
        });
    };
    with("slow", 36);
    with("fast", 18);
    let gate =
        |here, before, slack| bench.run(&["gate", here, "--baseline", before, "--availability-slack", slack]);
    let said =
        "availability: writes failed for 2.0 s after a kill, 3.9 s before: 1.5 s to 2.1 s less at 95 %";
    says(&gate("fast", "slow", "500ms"), 0, &[said]);
    says(
        &gate("slow", "fast", "500ms"),
        1,
        &["1.5 s to 2.1 s more at 95 %, which fails"],
    );
    says(&gate("slow", "fast", "3s"), 0, &["1.5 s to 2.1 s more at 95 %\n"]);
    // Where nothing was measured nobody can say.
    says(&gate("slow", "real", "500ms"), 3, &["it cannot be judged"]);
    // A summary of before there were figures is read as it was.
    copy(&bench, "slow", "older", |_, run| {
        let run = run.as_object_mut().expect("a run is an object");
        run.remove("figures");
        run.remove("dir");
    });
    says(&gate("slow", "older", "500ms"), 3, &["it cannot be judged"]);
}

#[test]
fn what_was_found_is_annotated_and_has_the_same_fingerprint_in_the_next_campaign() {
    let bench = bench();
    let fingerprints = |out: &str, seed: &str| {
        bench.file("campaign.toml", campaign(&[("a", true)], seed));
        let mut command = bench.command(&["campaign", "campaign.toml", "--out", out]);
        let ran = Ran::from(
            command
                .env("GITHUB_ACTIONS", "true")
                .output()
                .expect("it can be started"),
        );
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        let lines: Vec<&str> = ran.err.lines().filter(|line| line.starts_with("::")).collect();
        let start = format!("::error file={out}/runs/a-r1.toml,title=violation%3A a-r1::");
        assert!(lines.len() == 1 && lines[0].starts_with(&start), "{lines:?}");
        let sarif = read(&bench, &format!("{out}/sarif.json"));
        let results = sarif["runs"][0]["results"]
            .as_array()
            .expect("there are results")
            .clone();
        let lost = results
            .into_iter()
            .find(|result| result["ruleId"] == "lost-write");
        lost.expect("it is there")["partialFingerprints"].clone()
    };
    assert_eq!(
        fingerprints("one", "seed = 1"),
        fingerprints("two", "seed = 2\nretries = 0")
    );
}

#[test]
fn two_campaigns_and_two_runs_are_compared() {
    let bench = bench();
    run(
        &bench,
        "old",
        &campaign(&[("a", false)], "seed = 5\nrepeats = 6"),
        0,
    );
    let slower = campaign(
        &[("a", false)],
        "seed = 6\nrepeats = 6\n[set.workload.log]\nrate = 20\nproducers = 1",
    );
    run(&bench, "new", &slower, 0);
    let ran = bench.run(&["compare", "old", "new", "--out", "page.html"]);
    says(&ran, 0, &["tribunal: less: writes acknowledged", "page.html"]);
    assert!(ran.out.contains("\n- writes acknowledged: "), "{}", ran.out);
    let page = std::fs::read_to_string(bench.path().join("page.html")).expect("it was written");
    assert!(
        page.contains("NO DIFFERENCE") || page.contains("DIFFERENT"),
        "{page}"
    );
    let ran = bench.run(&["compare", "old", "old", "--json"]);
    says(&ran, 0, &["no difference beyond chance was found"]);
    let found: Value = serde_json::from_str(&ran.out).expect("it is JSON");
    assert_eq!(found["here"]["runs"], 6, "{found}");

    let between = |between: &str| bench.run(&["compare", "old", "new", "--between", between, "--json"]);
    let ran = between("kind=a,a");
    says(&ran, 0, &["less: writes acknowledged"]);
    let found: Value = serde_json::from_str(&ran.out).expect("it is JSON");
    assert_eq!(found["here"]["name"], "new, kind a", "{found}");
    assert_eq!(
        (&found["here"]["runs"], &found["before"]["runs"]),
        (&json!(6), &json!(6))
    );
    says(
        &between("kind=a,b"),
        2,
        &["no run of new has kind b; its values of that axis: a"],
    );
    says(&between("kind"), 2, &["give an axis and two of its values"]);

    let ran = bench.run(&["compare", "old/runs/a-r1", "new/runs/a-r1"]);
    says(&ran, 0, &["too few runs to tell a difference from chance"]);
    // A run from before there were figures is compared by its history.
    std::fs::remove_file(bench.path().join("old/runs/a-r1/figures.json")).expect("it was there");
    let without = bench.run(&["compare", "old/runs/a-r1", "new/runs/a-r1"]);
    assert_eq!(without.out, ran.out);

    let mixed = bench.run(&["compare", "old", "new/runs/a-r1"]);
    says(&mixed, 2, &["old is a campaign and new/runs/a-r1 is none"]);
    let nowhere = bench.run(&["compare", "old/runs/a-r1", "nowhere"]);
    says(&nowhere, 2, &["nowhere is not a directory"]);
    let nothing = bench.run(&["compare", "old/runs/a-r1", "old/runs"]);
    says(
        &nothing,
        2,
        &["old/runs is neither a campaign that ended nor a run"],
    );
}
