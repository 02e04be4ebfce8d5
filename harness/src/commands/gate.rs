//! `tribunal gate`: whether a campaign lets a release pass, by itself or against an earlier one.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use history::Span;
use report::{
    CampaignSummary, Change, Comparison, GateDecision, GateRule, RunState, annotations, campaign_sarif,
    gate_markdown,
};
use serde::Serialize;
use statistics::{Decision, WrongRule};

use super::campaign::{SARIF, annotate, append_to_job, exit, read};
use super::compare::{fill_figures, ignore};
use crate::cli::GateOptions;
use crate::directory::{shown, write_whole};
use crate::exit::{Exit, Failure};
use crate::print;

/// What it comes to, as `--json` prints it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Printed<'a> {
    passes: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<&'a GateDecision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quotable: Option<String>,
    #[serde(flatten)]
    comparison: Option<&'a Comparison>,
}

/// Says what is new, still there and resolved, and ends as a pipeline is to go on.
pub fn gate(options: &GateOptions) -> Result<Exit, Failure> {
    let mut now = read(&options.dir).map_err(Failure::usage)?;
    if now.runs.is_empty() {
        let dir = shown(&options.dir);
        return Err(Failure::usage(anyhow!(
            "{dir} is a campaign without a run: there is nothing to judge"
        )));
    }
    let rule = rule(options, &now).map_err(Failure::usage)?;
    let axes: Vec<BTreeMap<String, String>> = now.runs.iter().map(|run| run.axes.clone()).collect();
    let comparison = options
        .baseline
        .as_deref()
        .map(|dir| against(options, &mut now, dir));
    let comparison = comparison.transpose().map_err(Failure::usage)?;
    let decision = rule.map(|rule| match &comparison {
        Some(comparison) => {
            let mut unknown = now.without_known(comparison);
            // An axis is ignored to match cells: each of them is decided by itself all the same.
            for (run, axes) in unknown.runs.iter_mut().zip(axes) {
                run.axes = axes;
            }
            unknown.decide(rule)
        }
        None => now.decide(rule),
    });
    let slack = options
        .availability_slack
        .or(rule.and_then(|rule| rule.availability_slack));
    let judged = Judged {
        now: &now,
        decision: decision.as_ref(),
        comparison: comparison.as_ref(),
        slack: slack.filter(|_| comparison.is_some()),
        strict: options.strict,
    };
    let exit = judged.exit();
    let sarif = campaign_sarif(&now, comparison.as_ref());
    let file = options.sarif.clone().unwrap_or_else(|| options.dir.join(SARIF));
    write_whole(&file, sarif.as_bytes()).map_err(Failure::infrastructure)?;
    if options.json {
        let printed = Printed {
            passes: exit == Exit::Valid,
            decision: decision.as_ref(),
            quotable: now.quotable(),
            comparison: comparison.as_ref(),
        };
        print::json(&printed).map_err(Failure::infrastructure)?;
    }
    judged.tell();
    annotate(&annotations(&now, comparison.as_ref(), &shown(&options.dir)));
    let markdown = gate_markdown(decision.as_ref(), comparison.as_ref(), exit == Exit::Valid);
    append_to_job(&markdown).map_err(Failure::infrastructure)?;
    Ok(exit)
}

/// By what it passes: what the campaign says, or the command line; nothing but its outcomes where neither does.
fn rule(options: &GateOptions, now: &CampaignSummary) -> Result<Option<GateRule>> {
    let asked = [
        options.tolerated,
        options.refused,
        options.false_fail,
        options.false_pass,
    ];
    if now.gate.is_none() && asked.iter().all(Option::is_none) {
        return Ok(None);
    }
    let known = now.gate.unwrap_or_default();
    let rule = GateRule {
        tolerated: options.tolerated.unwrap_or(known.tolerated),
        refused: options.refused.unwrap_or(known.refused),
        false_fail: options.false_fail.unwrap_or(known.false_fail),
        false_pass: options.false_pass.unwrap_or(known.false_pass),
        availability_slack: known.availability_slack,
    };
    let (tolerated, refused) = (rule.tolerated, rule.refused);
    match rule.of_cells(1).check() {
        Ok(()) => Ok(Some(rule)),
        Err(WrongRule::Tolerated) => {
            bail!("--tolerated {tolerated} is no share of runs from 0 to less than the refused {refused}")
        }
        Err(WrongRule::Refused) => bail!("--refused {refused} is no share of runs above 0 and up to 1"),
        Err(WrongRule::FalseFail) => bail!("--false-fail {} is not above 0 and below 0.5", rule.false_fail),
        Err(WrongRule::FalsePass) => bail!("--false-pass {} is not above 0 and below 0.5", rule.false_pass),
    }
}

/// Against a baseline with which something can be compared.
fn against(options: &GateOptions, now: &mut CampaignSummary, dir: &Path) -> Result<Comparison> {
    let mut before = read(dir).context("the baseline cannot be used")?;
    if !before.runs.iter().any(report::CampaignRun::counts) {
        bail!(
            "the baseline {} has no run that was to be valid and was judged: there is nothing to compare with",
            shown(dir)
        );
    }
    ignore(&options.ignore, now, &mut before)?;
    let cells = |summary: &CampaignSummary| -> Vec<String> {
        summary.runs.iter().map(report::CampaignRun::cell).collect()
    };
    let (here, there) = (cells(now), cells(&before));
    if !here.iter().any(|cell| there.contains(cell)) {
        let first = |cells: &[String]| cells.first().cloned().unwrap_or_default();
        bail!(
            "{} and the baseline {} have no cell in common ({} here, {} there): --ignore AXIS matches cells without an axis",
            shown(&options.dir),
            shown(dir),
            first(&here),
            first(&there)
        );
    }
    fill_figures(&options.dir, now);
    fill_figures(dir, &mut before);
    Ok(report::compare(
        (&shown(&options.dir), now),
        (&shown(dir), &before),
    ))
}

/// Everything that it is judged by.
struct Judged<'a> {
    now: &'a CampaignSummary,
    decision: Option<&'a GateDecision>,
    comparison: Option<&'a Comparison>,
    slack: Option<Span>,
    strict: bool,
}

impl Judged<'_> {
    /// What is known already lets a release pass, unless it is not to; what is not known never does.
    fn exit(&self) -> Exit {
        let Some(comparison) = self.comparison else {
            return self.by_itself();
        };
        let has = |change| comparison.has(change);
        let totals = &self.now.totals;
        let missed = self.now.runs.iter().any(|run| run.state == RunState::Missed);
        let known = [Change::Worse, Change::Still, Change::Better];
        let decision = self.decision.map(|decided| decided.decision);
        if has(Change::New)
            || has(Change::Worse)
            || missed
            || self.strict && known.into_iter().any(has)
            || decision == Some(Decision::Fails)
            || self.is_slower()
        {
            Exit::Violation
        } else if totals.infrastructure > 0 {
            Exit::Infrastructure
        } else if totals.unknown + totals.not_made > 0
            || !comparison.missing.is_empty()
            || decision == Some(Decision::Open)
            || self.slack.is_some() && !self.is_availability_known()
        {
            Exit::Unknown
        } else {
            Exit::Valid
        }
    }

    fn by_itself(&self) -> Exit {
        let mut now = self.now.clone();
        now.gate = self.decision.map(|decided| decided.rule);
        exit(&now)
    }

    fn slack_nanos(&self) -> Option<f64> {
        self.slack.map(|slack| slack.as_millis() as f64 * 1e6)
    }

    fn is_slower(&self) -> bool {
        let slack = self.slack_nanos().zip(self.comparison);
        slack.is_some_and(|(slack, comparison)| comparison.slower(slack).next().is_some())
    }

    /// Whether there is anything that could have been slower.
    fn is_availability_known(&self) -> bool {
        let behaviours = self
            .comparison
            .into_iter()
            .flat_map(|comparison| &comparison.behaviours);
        let mut outages = behaviours.filter(|behaviour| behaviour.is_outage());
        outages.any(|behaviour| behaviour.sure.is_some())
    }

    fn tell(&self) {
        if let Some(comparison) = self.comparison {
            for finding in &comparison.findings {
                eprintln!("{}", finding.line());
            }
            for cell in &comparison.missing {
                eprintln!("not judged: {cell}, which the baseline has");
            }
            self.tell_availability(comparison);
        }
        for line in self.decision.into_iter().flat_map(GateDecision::lines) {
            eprintln!("gate: {line}");
        }
        if let Some(said) = self.now.quotable() {
            eprintln!("tribunal: {said}");
        }
        eprintln!("tribunal: campaign {}: {}", self.now.name, self.now.sentence());
    }

    fn tell_availability(&self, comparison: &Comparison) {
        let slower: Vec<&str> = self
            .slack_nanos()
            .into_iter()
            .flat_map(|slack| comparison.slower(slack))
            .map(|behaviour| behaviour.name.as_str())
            .collect();
        for behaviour in comparison
            .behaviours
            .iter()
            .filter(|behaviour| behaviour.is_outage())
        {
            let fails = if slower.contains(&behaviour.name.as_str()) {
                ", which fails"
            } else {
                ""
            };
            eprintln!("availability: {}{fails}", behaviour.line());
        }
        if self.slack.is_some() && !self.is_availability_known() {
            eprintln!("availability: nothing that both measured in enough runs: it cannot be judged");
        }
    }
}
