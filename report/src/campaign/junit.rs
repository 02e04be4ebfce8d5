//! A campaign as `JUnit` XML: a test case a run, its further runs as nextest writes reruns.

use std::time::Duration;

use quick_junit::{
    FlakyOrRerun, NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestRerun, TestSuite,
};

use super::{CampaignRun, CampaignSummary, RunState};

/// The campaign as a document. What nobody can say and what the machine would not do are errors, the rest that was not expected failures.
pub fn campaign_junit(summary: &CampaignSummary) -> String {
    let mut suite = TestSuite::new(format!("tribunal.{}", summary.name));
    for (name, value) in [
        ("seed", summary.seed.to_string()),
        ("fingerprint", summary.fingerprint.clone()),
        ("summary", summary.sentence()),
    ] {
        suite.add_property(Property::new(name, value));
    }
    for run in &summary.runs {
        suite.add_test_case(test_case(summary, run));
    }
    suite.set_time(Duration::from_secs_f64(
        summary.runs.iter().map(|run| run.seconds).sum(),
    ));
    let mut report = Report::new("tribunal");
    report.add_test_suite(suite);
    report
        .to_string()
        .expect("the XML of a report is plain text in memory")
}

fn test_case(summary: &CampaignSummary, run: &CampaignRun) -> TestCase {
    let mut case = TestCase::new(run.name.clone(), status(run));
    case.set_classname(format!("tribunal.{}", summary.name));
    case.set_time(Duration::from_secs_f64(run.seconds));
    case.add_property(Property::new("seed", run.seed.to_string()));
    for (axis, value) in &run.axes {
        case.add_property(Property::new(axis.clone(), value.clone()));
    }
    case
}

fn status(run: &CampaignRun) -> TestCaseStatus {
    let kind = match run.state {
        // A run that the machine would not do at first passed at another try: flaky, and not by the broker's fault.
        RunState::AsExpected => {
            let mut status = TestCaseStatus::success();
            status.add_reruns(failures(run));
            return status;
        }
        RunState::NotMade | RunState::NotNeeded => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(run.summary.clone());
            return status;
        }
        RunState::Violation | RunState::Missed => NonSuccessKind::Failure,
        RunState::Unknown | RunState::Infrastructure => NonSuccessKind::Error,
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(run.state.word());
    status.set_message(run.summary.clone());
    status.add_reruns(failures(run));
    if let Some((again, of)) = run.confirmed {
        status.set_description(format!(
            "{again} of {of} further runs of the same plan and seed found it again"
        ));
        let rerun = || {
            let mut rerun = TestRerun::new(NonSuccessKind::Failure);
            rerun.set_type(run.state.word());
            rerun.set_message("found again");
            rerun
        };
        if again < of {
            status.set_rerun_kind(FlakyOrRerun::Flaky);
        }
        status.add_reruns((0..again).map(|_| rerun()));
    }
    status
}

/// The tries that the machine would not do, before the last.
fn failures(run: &CampaignRun) -> impl Iterator<Item = TestRerun> {
    let last = u32::from(run.state == RunState::Infrastructure);
    (0..run.failures.saturating_sub(last)).map(|_| {
        let mut rerun = TestRerun::new(NonSuccessKind::Error);
        rerun.set_type(RunState::Infrastructure.word());
        rerun.set_message("the machine would not do it");
        rerun
    })
}

#[cfg(test)]
mod tests {
    use super::campaign_junit;
    use crate::campaign::tests::summary;

    #[test]
    fn runs_are_test_cases_and_further_runs_are_reruns() {
        insta::assert_snapshot!(campaign_junit(&summary()));
    }
}
