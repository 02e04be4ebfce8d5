//! The verdict as `JUnit` XML, which build servers show: one test case a check.

use std::time::Duration;

use checkers::{CheckResult, Validity, Verdict};
use history::Header;
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::definitions;
use crate::first::place;
use crate::format::{count, instant};

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
    let mut suite = TestSuite::new(format!("tribunal.{}", header.plan));
    suite.set_time(time);
    for (name, value) in properties(input) {
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

fn properties(input: &JunitInput<'_>) -> [(&'static str, String); 7] {
    let header = input.header;
    [
        ("plan", header.plan.clone()),
        ("seed", header.seed.to_string()),
        ("broker", header.broker.clone()),
        ("started", header.started.clone()),
        ("verdict", crate::text::word(input.verdict.valid).to_lowercase()),
        ("summary", input.verdict.summary.clone()),
        ("replay", input.replay.to_owned()),
    ]
}

fn test_case(input: &JunitInput<'_>, check: &CheckResult) -> TestCase {
    let mut case = TestCase::new(check.name.clone(), status(input.verdict, check));
    case.set_classname(format!("tribunal.{}", input.header.plan));
    case
}

fn status(verdict: &Verdict, check: &CheckResult) -> TestCaseStatus {
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
    let found = definitions::by_gravity(&verdict.anomalies);
    let found = found
        .into_iter()
        .filter(|(name, _)| definitions::belongs_to(name, check));
    for (name, findings) in found {
        lines.push(String::new());
        lines.push(format!("{name}: {}", count(findings.count)));
        for case in findings.cases.iter().take(STORIES_MAX) {
            let place = place(case)
                .map(|place| format!(" in {place}"))
                .unwrap_or_default();
            lines.push(format!("{name}{place}, at {}", instant(case.time)));
            lines.extend(case.story.iter().map(|sentence| format!("  - {sentence}")));
        }
        let more = findings.count.saturating_sub(STORIES_MAX as u64);
        if more > 0 {
            lines.push(format!("… and {} more", count(more)));
        }
    }
    lines
}
