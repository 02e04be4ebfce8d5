//! A run as a small sign: a shape and a colour for what it came to, a link to its page.

use maud::{Markup, html};

use super::{CampaignRun, RunNote, RunState};

/// What a sign stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    /// What it came to.
    State(RunState),
    /// It goes on.
    GoingOn,
}

impl Mark {
    /// All of them, in the order in which people want to see them.
    pub(super) const ALL: [Self; 8] = [
        Self::State(RunState::Violation),
        Self::State(RunState::Missed),
        Self::State(RunState::Unknown),
        Self::State(RunState::Infrastructure),
        Self::GoingOn,
        Self::State(RunState::NotMade),
        Self::State(RunState::NotNeeded),
        Self::State(RunState::AsExpected),
    ];

    pub(super) fn of(run: &CampaignRun, note: Option<&RunNote>) -> Self {
        match note {
            Some(RunNote::GoingOn(_)) if run.state == RunState::NotMade => Self::GoingOn,
            _ => Self::State(run.state),
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::State(state) => state.word(),
            Self::GoingOn => "going on",
        }
    }

    /// The shape, which says it without a colour.
    pub(super) fn shape(self) -> &'static str {
        match self {
            Self::State(RunState::AsExpected) => "✓",
            Self::State(RunState::Violation) => "✕",
            Self::State(RunState::Missed) => "∅",
            Self::State(RunState::Unknown) => "?",
            Self::State(RunState::Infrastructure) => "!",
            Self::State(RunState::NotMade) => "–",
            Self::State(RunState::NotNeeded) => "·",
            Self::GoingOn => "▸",
        }
    }

    /// The class, which gives it its colour.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::State(RunState::AsExpected) => "valid",
            Self::State(RunState::Violation) => "invalid",
            Self::State(RunState::Missed) => "missed",
            Self::State(RunState::Unknown) => "unknown",
            Self::State(RunState::Infrastructure) => "infrastructure",
            Self::State(RunState::NotMade) => "not-made",
            Self::State(RunState::NotNeeded) => "not-needed",
            Self::GoingOn => "going-on",
        }
    }
}

/// The sign of a run, with its repeat's number.
pub(super) fn chip(run: &CampaignRun, note: Option<&RunNote>) -> Markup {
    let mark = Mark::of(run, note);
    let damaged = matches!(note, Some(RunNote::Damaged(_)));
    let repeat = run.name.rsplit_once("-r").map_or("", |(_, number)| number);
    let repeat = if repeat.bytes().all(|byte| byte.is_ascii_digit()) {
        repeat
    } else {
        ""
    };
    let title = format!(
        "{}: {}{}{}: {}",
        run.name,
        mark.word(),
        if is_flaky(run) { ", flaky" } else { "" },
        if damaged { ", damaged" } else { "" },
        run.summary
    );
    let content = html! {
        span.sign aria-hidden="true" { (mark.shape()) }
        @if damaged { span.sign aria-hidden="true" { "⚠" } }
        (repeat)
        span.unseen { " " (mark.word()) @if damaged { ", damaged" } }
    };
    html! {
        @match address(run, note) {
            Some(address) => a.chip.(mark.class()) href=(address) title=(title) { (content) },
            None => span.chip.(mark.class()) title=(title) { (content) },
        }
    }
}

/// Whether its violation came again in some of the further runs only.
pub(super) fn is_flaky(run: &CampaignRun) -> bool {
    run.confirmed.is_some_and(|(again, of)| again < of)
}

/// Where a run's page lies, from the campaign's; its output where it came to no verdict.
pub(super) fn address(run: &CampaignRun, note: Option<&RunNote>) -> Option<String> {
    if let Some(RunNote::GoingOn(dir)) = note {
        return below(dir).map(|dir| format!("{dir}/"));
    }
    let dir = below(&run.dir)?;
    Some(match run.state {
        RunState::Infrastructure => format!("{dir}.log"),
        _ if matches!(note, Some(RunNote::Damaged(_))) => format!("{dir}/"),
        _ => format!("{dir}/report.html"),
    })
}

/// The command that runs it again, from the campaign's directory.
pub(super) fn replay(run: &CampaignRun) -> Option<String> {
    let dir = below(&run.dir)?;
    // Where the cluster lived is no setting of a plan, and what stands here is pasted into a shell.
    let env = run
        .axes
        .get("env")
        .filter(|env| env.chars().all(|letter| letter.is_ascii_lowercase()));
    let env = env.map(|env| format!(" --env {env}")).unwrap_or_default();
    Some(format!("tribunal run {dir}.toml --seed {}{env}", run.seed))
}

/// A run's directory as an address; `None` where it is none that a campaign makes: whoever wrote it does not choose where a link leads.
fn below(dir: &str) -> Option<String> {
    let name = dir.strip_prefix("runs/")?;
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.~+=,".contains(letter);
    let is_name = !name.is_empty() && !name.starts_with('.') && name.chars().all(is_plain);
    is_name.then(|| format!("runs/{name}"))
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn a_link_leads_to_a_run_or_nowhere() {
        assert_eq!(below("runs/a_b-r1~2").as_deref(), Some("runs/a_b-r1~2"));
        for hostile in [
            "javascript:alert(1)",
            "runs/../..",
            "runs/a/b",
            "/etc",
            "runs/",
            "runs/a b\"'<",
        ] {
            assert_eq!(below(hostile), None, "{hostile}");
        }
    }
}
