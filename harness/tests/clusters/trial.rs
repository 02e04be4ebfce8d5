//! One trial from the real command line, and what it left.

use serde_json::Value;

use crate::support::{Bench, Ran};

/// A trial: the verdict as `--json` printed it, and what else the command did.
pub struct Trial {
    /// Where it ran.
    pub bench: Bench,
    /// What the command did.
    pub ran: Ran,
}

impl Trial {
    /// Runs a plan in a directory of its own.
    pub fn of(plan: &str, more: &[&str]) -> Self {
        let bench = Bench::new();
        Self::in_bench(bench, plan, more)
    }

    /// The same in this directory.
    pub fn in_bench(bench: Bench, plan: &str, more: &[&str]) -> Self {
        let arguments = [&["run", plan, "--json", "--out", "run"], more].concat();
        let ran = bench.run(&arguments);
        Self { bench, ran }
    }

    /// The verdict; what the run said is shown where there is none, or another exit code than this.
    #[track_caller]
    pub fn verdict(&self, code: i32) -> Value {
        assert_eq!(self.ran.code, Some(code), "{}\n{}", self.ran.err, self.ran.out);
        serde_json::from_str(&self.ran.out).unwrap_or_else(|error| panic!("{error}: {}", self.ran.out))
    }

    /// A file of the run's directory.
    pub fn file(&self, name: &str) -> String {
        let path = self.bench.path().join("run").join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

/// The events of one kind in a history.
pub fn events<'text>(history: &'text str, kind: &str) -> Vec<&'text str> {
    let mark = format!(",\"{kind}\":");
    history.lines().filter(|line| line.contains(&mark)).collect()
}

/// Each of these kinds of fault was healed with evidence that it bit, and none without.
#[track_caller]
pub fn every_fault_bit(trial: &Trial, kinds: &[&str]) {
    let history = trial.file("history.jsonl");
    let faults = events(&history, "fault");
    for kind in kinds {
        let of_kind = |line: &&&str| line.contains(&format!("\"kind\":\"{kind}\""));
        let bit = faults
            .iter()
            .filter(of_kind)
            .any(|line| line.contains("\"bit\":true"));
        let of_kind: Vec<_> = faults.iter().filter(of_kind).collect();
        assert!(bit, "{kind} has no evidence: {of_kind:#?}");
    }
    let idle: Vec<_> = faults
        .iter()
        .filter(|line| line.contains("\"bit\":false"))
        .collect();
    assert!(idle.is_empty(), "{idle:#?}");
}
