//! `tribunal results` from the real command line: what is there is told, and what somebody will want to see is never removed.

use serde_json::Value;

use crate::support::Bench;

const PLAN: &str = "
name = \"short\"
broker = \"sim\"
nemesis = \"none\"
[limits]
minimum-acknowledged = 10
steady = \"1s\"
recover = \"1s\"
[[topics]]
name = \"log\"
partitions = 1
[workload.log]
producers = 1
consumers = 1
rate = 50
";

/// Three valid runs, a violation, half a run, a damaged one, a campaign, and something that is not ours.
fn results() -> Bench {
    let bench = Bench::new();
    bench.file("short.toml", PLAN);
    for (name, bug) in [
        ("good-1", None),
        ("good-2", None),
        ("good-3", None),
        ("bad", Some("lost-tail")),
    ] {
        let plan = if bug.is_some() { "sim" } else { "short.toml" };
        let out = format!("results/{name}");
        let mut arguments = vec!["run", plan, "--seed", "1", "--out", &out];
        arguments.extend(bug.map(|bug| ["--bug", bug]).into_iter().flatten());
        let ran = bench.run(&arguments);
        assert_eq!(ran.code, Some(i32::from(bug.is_some())), "{}", ran.err);
    }
    for (dir, file, content) in [
        ("half", "resolved.toml", "name = \"x\""),
        ("damaged", "verdict.json", "{\"valid\": \"va"),
        ("letters", "letter.txt", "mine"),
    ] {
        std::fs::create_dir(bench.path().join("results").join(dir)).expect("it can be made");
        bench.file(&format!("results/{dir}/{file}"), content);
    }
    bench.file(
        "campaign.toml",
        "name = \"all\"\nplan = \"short.toml\"\nseed = 1\n",
    );
    let ran = bench.run(&["campaign", "campaign.toml"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    std::os::unix::fs::symlink("good-1", bench.path().join("results/latest")).expect("it can be made");
    bench
}

fn words(bench: &Bench) -> Vec<(String, String)> {
    let ran = bench.run(&["results"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let words = |line: &str| {
        let parts: Vec<&str> = line.split_whitespace().collect();
        (parts[3].to_owned(), parts[0].to_owned())
    };
    let mut words: Vec<(String, String)> = ran.out.lines().map(words).collect();
    words.sort();
    words
}

#[test]
fn results_are_told_as_what_they_are_and_only_valid_runs_are_pruned() {
    let bench = results();
    let expected = [
        ("bad", "violation"),
        ("campaign-all", "campaign"),
        ("damaged", "damaged"),
        ("good-1", "valid"),
        ("good-2", "valid"),
        ("good-3", "valid"),
        ("half", "unfinished"),
    ];
    let expected = expected.map(|(name, word)| (name.to_owned(), word.to_owned()));
    assert_eq!(words(&bench), expected);
    let listed: Value =
        serde_json::from_str(&bench.run(&["results", "list", "--json"]).out).expect("it is JSON");
    assert!(listed[0]["bytes"].as_u64() > Some(0), "{listed}");

    let shown = bench.run(&["results", "show", "results/bad"]);
    assert!(shown.out.contains("lost-write"), "{}", shown.out);
    assert!(
        bench
            .run(&["results", "show", "results/campaign-all"])
            .out
            .contains("1 of 1 runs")
    );
    let wrong = bench.run(&["results", "show", "results/letters"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.err);

    let would = bench.run(&["results", "prune", "--keep", "1", "--dry-run"]);
    assert_eq!(would.out.lines().count(), 2, "{}", would.out);
    assert_eq!(words(&bench), expected);
    let ran = bench.run(&["results", "prune", "--keep", "1"]);
    assert_eq!((ran.code, ran.out), (Some(0), would.out), "{}", ran.err);
    let left = words(&bench);
    assert_eq!(
        left.iter().filter(|(_, word)| word == "valid").count(),
        1,
        "{left:?}"
    );
    assert_eq!(left.len(), 5, "{left:?}");
    assert!(bench.path().join("results/letters/letter.txt").exists());
    // The link to the latest run leads somewhere, or is gone.
    let latest = bench.path().join("results/latest");
    assert!(!latest.is_symlink() || latest.exists());
    let nowhere = bench.run(&["results", "list", "nowhere"]);
    assert_eq!(nowhere.code, Some(2), "{}", nowhere.err);
}
