//! The verdict as `JUnit` XML, which build servers show: one test case a check.

use std::time::Duration;

use checkers::{Case, CheckResult, Validity, Verdict};
use history::Header;
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::cycle::{Told, own_story};
use crate::findings::{belongs_to, by_gravity, timed};
use crate::first::place;
use crate::format::{count, instant};

/// More sentences of a case than this are for the page.
const SENTENCES_MAX: usize = 20;
/// Of a cycle, this many operations and steps.
const OPERATIONS_MAX: usize = 12;
/// Of each kind of anomaly, this many stories are told in full; the page has the rest.
const STORIES_MAX: usize = 5;

/// What a build server is told besides the verdict.
#[derive(Clone, Copy, Debug)]
pub struct JunitInput<'a> {
    /// What was run.
    pub header: &'a Header,
    /// What came of it.
    pub verdict: &'a Verdict,
    /// The command line that runs it again.
    pub replay: &'a str,
}

/// The verdict as a `JUnit` document. A violation is a failure with its stories, an unknown is an error.
pub fn junit(input: &JunitInput<'_>) -> String {
    let header = input.header;
    let time = Duration::from_nanos(input.verdict.stats.duration);
    let mut suite = TestSuite::new(suite_name(header));
    suite.set_time(time);
    for (name, value) in properties(input)
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
    {
        suite.add_property(Property::new(name, value));
    }
    for check in &input.verdict.checks {
        suite.add_test_case(test_case(input, check));
    }
    let mut report = Report::new("tribunal");
    report.set_time(time);
    report.add_test_suite(suite);
    report
        .to_string()
        .expect("the XML of a report is plain text in memory")
}

/// A history from elsewhere has no plan.
fn suite_name(header: &Header) -> String {
    match header.plan.as_str() {
        "" => "tribunal".to_owned(),
        plan => format!("tribunal.{plan}"),
    }
}

fn properties(input: &JunitInput<'_>) -> [(&'static str, String); 8] {
    let header = input.header;
    [
        ("plan", header.plan.clone()),
        ("model", input.verdict.model.clone()),
        ("seed", seed(header)),
        ("broker", header.broker.clone()),
        ("started", header.started.clone()),
        ("verdict", crate::text::word(input.verdict.valid).to_lowercase()),
        ("summary", input.verdict.summary.clone()),
        ("replay", input.replay.to_owned()),
    ]
}

fn seed(header: &Header) -> String {
    if header.plan.is_empty() {
        String::new()
    } else {
        header.seed.to_string()
    }
}

fn test_case(input: &JunitInput<'_>, check: &CheckResult) -> TestCase {
    let mut case = TestCase::new(check.name.clone(), status(input.verdict, check));
    case.set_classname(suite_name(input.header));
    case
}

fn status(verdict: &Verdict, check: &CheckResult) -> TestCaseStatus {
    if !check.asked {
        let mut skipped = TestCaseStatus::skipped();
        skipped.set_message(crate::text::NOT_ASKED);
        return skipped;
    }
    let (kind, word) = match check.valid {
        Validity::Valid => return TestCaseStatus::success(),
        Validity::Unknown => (NonSuccessKind::Error, "unknown"),
        Validity::Invalid => (NonSuccessKind::Failure, "violation"),
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(word);
    status.set_message(
        check
            .reasons
            .first()
            .map_or(verdict.summary.as_str(), String::as_str),
    );
    status.set_description(description(verdict, check));
    status
}

/// The reasons, then the stories of what this check found.
fn description(verdict: &Verdict, check: &CheckResult) -> String {
    let mut lines = check.reasons.clone();
    if check.valid == Validity::Invalid {
        lines.extend(stories(verdict, &check.name));
    }
    lines.join("\n")
}

fn stories(verdict: &Verdict, check: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let timed = timed(verdict);
    let found = by_gravity(&verdict.anomalies);
    let found = found
        .into_iter()
        .filter(|(name, _)| belongs_to(name, check, verdict));
    for (name, findings) in found {
        lines.push(String::new());
        lines.push(format!("{name}: {}", count(findings.count)));
        for case in findings.cases.iter().take(STORIES_MAX) {
            lines.push(format!("{name}{}", place_and_time(case, timed)));
            let story = own_story(case);
            lines.extend(
                story
                    .iter()
                    .take(SENTENCES_MAX)
                    .map(|sentence| format!("  - {sentence}")),
            );
            let cycle = case
                .cycle
                .as_ref()
                .map(|cycle| Told::new(cycle).lines(OPERATIONS_MAX, timed));
            lines.extend(cycle.into_iter().flatten().map(|line| format!("    {line}")));
        }
        let more = findings.count.saturating_sub(STORIES_MAX as u64);
        if more > 0 {
            lines.push(format!("… and {} more", count(more)));
        }
    }
    lines
}

fn place_and_time(case: &Case, timed: bool) -> String {
    let place = place(case).map(|place| format!(" in {place}"));
    let time = timed.then(|| format!(", at {}", instant(case.time)));
    format!("{}{}", place.unwrap_or_default(), time.unwrap_or_default())
}
