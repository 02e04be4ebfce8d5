//! What a campaign came to as commands of GitHub's workflows, which shows them beside the change ("Workflow commands", "Setting an error message").

use super::{CampaignRun, CampaignSummary, RunState};
use crate::compare::{Change, Comparison};
use crate::format::{clipped, counted, is_invisible};

/// So many of a kind are shown for a step; GitHub passes over the others.
const SHOWN_MAX: usize = 10;
/// More of a text is for the files.
const TEXT_MAX: usize = 1_000;

/// An annotation, before it is written down.
struct Annotation {
    file: String,
    title: String,
    message: String,
}

/// The lines: errors for what is new, or all that was found where nothing is known from before, and for controls that were missed; warnings for what is
/// known already and for what could not be judged. The directory is that of the campaign, as the repository calls it.
pub fn annotations(summary: &CampaignSummary, comparison: Option<&Comparison>, dir: &str) -> Vec<String> {
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    if let Some(comparison) = comparison {
        for finding in &comparison.findings {
            let kind = match finding.change {
                Change::New | Change::Worse => &mut errors,
                Change::Still | Change::Better => &mut warnings,
                Change::Resolved | Change::NotSeen => continue,
            };
            kind.push(Annotation {
                file: file(dir, finding.run.as_deref().unwrap_or_default()),
                title: format!("{}: {}", finding.change.word(), finding.anomaly),
                message: finding.line(),
            });
        }
    }
    for run in &summary.runs {
        match run.state {
            RunState::Violation if comparison.is_none() => errors.push(of_run(run, dir)),
            RunState::Missed => errors.push(of_run(run, dir)),
            RunState::Unknown | RunState::Infrastructure => warnings.push(of_run(run, dir)),
            _ => {}
        }
    }
    let mut lines = lines("error", errors);
    lines.extend(self::lines("warning", warnings));
    lines
}

fn of_run(run: &CampaignRun, dir: &str) -> Annotation {
    let again = run.confirmed.map_or_else(String::new, |(again, of)| {
        format!(" (again in {again} of {of} further runs)")
    });
    Annotation {
        file: file(dir, &run.dir),
        title: format!("{}: {}", run.state.word(), run.name),
        message: format!("{}{again}", run.summary),
    }
}

/// The plan of a run: running it is the replay.
fn file(dir: &str, run: &str) -> String {
    if run.is_empty() {
        String::new()
    } else {
        format!("{dir}/{run}.toml")
    }
}

/// At most as many as are shown: where there are more, the last says how many.
fn lines(command: &str, mut annotations: Vec<Annotation>) -> Vec<String> {
    if annotations.len() > SHOWN_MAX {
        let more = annotations.split_off(SHOWN_MAX - 1).len() as u64;
        annotations.push(Annotation {
            file: String::new(),
            title: format!("{} of this kind", counted(more, "more", "more")),
            message: "They are in the campaign's summary.".to_owned(),
        });
    }
    let line = |annotation: Annotation| {
        let file = if annotation.file.is_empty() {
            String::new()
        } else {
            format!("file={},", property(&annotation.file))
        };
        format!(
            "::{command} {file}title={}::{}",
            property(&annotation.title),
            data(&annotation.message)
        )
    };
    annotations.into_iter().map(line).collect()
}

/// A message, as the runner's toolkit escapes it: a line that somebody else made up would be a command of theirs.
fn data(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in clipped(text, TEXT_MAX).chars() {
        match letter {
            '%' => safe.push_str("%25"),
            '\r' => safe.push_str("%0D"),
            '\n' => safe.push_str("%0A"),
            letter if is_invisible(letter) => safe.push('\u{fffd}'),
            letter => safe.push(letter),
        }
    }
    safe
}

/// A property, in which what ends one has to be escaped too.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::annotations;
    use crate::campaign::tests::summary;
    use crate::{RunState, compare};

    #[test]
    fn what_was_found_and_missed_are_errors_and_what_was_not_judged_warnings() {
        insta::assert_snapshot!(annotations(&summary(), None, "results/all").join("\n"));
        let known = annotations(
            &summary(),
            Some(&compare(("a", &summary()), ("b", &summary()))),
            "all",
        );
        assert!(
            known
                .iter()
                .any(|line| line.starts_with("::warning title=still there%3A lost-write::")),
            "{known:?}"
        );
    }

    #[test]
    fn nothing_that_was_said_becomes_a_command() {
        let mut hostile = summary();
        hostile.runs.truncate(2);
        hostile.runs[1].summary = "100 %\r\n::set-output name=x::y\u{1b}[2J\u{202e}".to_owned();
        hostile.runs[1].name = "a,file=/etc/passwd::b\n::error::c".to_owned();
        hostile.runs[1].dir = "runs/a:b,c%".to_owned();
        let lines = annotations(&hostile, None, "x");
        assert_eq!(
            lines,
            [
                "::error file=x/runs/a%3Ab%2Cc%25.toml,title=violation%3A a%2Cfile=/etc/passwd%3A%3Ab%0A%3A%3Aerror%3A%3Ac::\
                 100 %25%0D%0A::set-output name=x::y\u{fffd}[2J\u{fffd} (again in 2 of 3 further runs)"
            ]
        );
    }

    #[test]
    fn there_are_no_more_than_are_shown() {
        let mut many = summary();
        let mut run = many.runs[1].clone();
        run.state = RunState::Violation;
        many.runs = vec![run; 40];
        let lines = annotations(&many, None, "x");
        assert_eq!(lines.len(), 10);
        assert_eq!(
            lines[9],
            "::error title=31 more of this kind::They are in the campaign's summary."
        );
    }
}
