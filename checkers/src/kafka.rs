//! Histories of logs: one walk that takes everything down, a second for the evidence of what it found, then every
//! check of the list, the heaviest judgement, and one sentence.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use history::{Event, Header, ReadError, Scanned, Source, What};

use crate::applications::Applications;
use crate::checks::availability::{Attempts, Losses};
use crate::checks::controllers::Quorums;
use crate::checks::leadership::{Claims, Depositions};
use crate::checks::liveness::Progress;
use crate::checks::log::{self, Tally};
use crate::checks::metrics::Told;
use crate::checks::queue::Deliveries;
use crate::checks::retention::Returned;
use crate::context::Context;
use crate::dependencies::BackEdges;
use crate::disks::Disks;
use crate::evidence::{Evidence, Gatherer};
use crate::index::{self, Index};
use crate::judge::nothing_judged;
use crate::list::{Check, LIST, guarded};
use crate::options::{Model, Options};
use crate::outcome::{Kept, Outcome};
use crate::rulings::{self, Rulings};
use crate::stories::{self, Scene};
use crate::summary;
use crate::timeline::{self, Timeline};
use crate::verdict::{CheckResult, Findings, Stats, Validity, Verdict};

/// Judges a history of logs.
pub(crate) fn judge(source: &mut dyn Source, options: &Options) -> Result<Verdict, ReadError> {
    let header = source.header().clone();
    let gathered = guarded("passes", || Gathered::of(source, &header, options));
    let judged = match gathered {
        Ok(gathered) => {
            let context = gathered?.context(&header, source, options);
            guarded("summary", || by_the_list(&context))
        }
        Err(reason) => Err(reason),
    };
    Ok(judged.unwrap_or_else(|reason| nothing_judged(Model::Kafka.name(), &reason)))
}

/// What the walks through a history gather.
pub(crate) struct Gathered {
    walk: Walk,
    index: Index,
    tally: Tally,
    losses: Losses,
    evidence: Evidence,
    scanned: Scanned,
}

impl Gathered {
    /// Walks.
    pub(crate) fn of(source: &mut dyn Source, header: &Header, options: &Options) -> Result<Self, ReadError> {
        let versions = options.ww_deps;
        let (walk, mut index, scanned) = walk(source, header, None, versions)?;
        let (walk, scanned) = match index.other_final_process {
            None => (walk, scanned),
            // Only the end of the history names the process of the final reads.
            known => {
                let again = self::walk(source, header, known, versions)?;
                index = again.1;
                (again.0, again.2)
            }
        };
        if versions {
            index.windows = BackEdges::windows(source, &index)?;
        }
        let passed_over = log::passed_over(source, &index)?;
        let tally = Tally::of(&index, passed_over);
        let wanted = log::wanted(&index, &tally);
        let mut evidence = Evidence::default();
        if !wanted.is_empty() {
            let mut gatherer = Gatherer::new(&index, options, &wanted);
            scan(source, |event| gatherer.event(event))?;
            evidence = gatherer.finish();
        }
        let losses = Losses::of_all(&index, &tally, &walk.timeline, &evidence);
        Ok(Self {
            walk,
            index,
            tally,
            losses,
            evidence,
            scanned,
        })
    }

    /// What the checks are given.
    pub(crate) fn context<'s>(
        self,
        header: &'s Header,
        source: &'s dyn Source,
        options: &'s Options,
    ) -> Context<'s> {
        Context {
            header,
            names: source.names(),
            options,
            model: Model::Kafka,
            index: self.index,
            timeline: self.walk.timeline,
            claims: self.walk.claims,
            quorums: self.walk.quorums,
            told: self.walk.told,
            progress: self.walk.progress,
            scene: self.walk.scene,
            disks: self.walk.disks,
            rulings: self.walk.rulings,
            attempts: self.walk.attempts,
            applications: self.walk.applications,
            deliveries: self.walk.deliveries,
            returned: self.walk.returned,
            losses: self.losses,
            interrupted: self.walk.interrupted,
            truncated: self.scanned.truncated,
            skipped: self.scanned.skipped,
            tally: self.tally,
            evidence: self.evidence,
        }
    }
}

/// What the first walk gathers beside the index.
#[derive(Default)]
struct Walk {
    timeline: Timeline,
    claims: Claims,
    quorums: Quorums,
    told: Told,
    progress: Progress,
    disks: Disks,
    rulings: Rulings,
    scene: Scene,
    attempts: Attempts,
    applications: Applications,
    deliveries: Deliveries,
    returned: Returned,
    interrupted: Kept<u64>,
}

fn walk(
    source: &mut dyn Source,
    header: &Header,
    final_process: Option<u32>,
    versions: bool,
) -> Result<(Walk, Index, Scanned), ReadError> {
    let mut walk = Walk {
        progress: Progress::new(header),
        attempts: Attempts::new(header),
        deliveries: Deliveries::new(header),
        returned: Returned::new(header),
        told: Told::new(header),
        applications: Applications::new(header),
        ..Walk::default()
    };
    let mut index = index::Builder::new(header, final_process, versions);
    let mut timeline = timeline::Builder::new(header);
    let mut rulings = rulings::Builder::default();
    let scanned = scan(source, |event| {
        index.event(event);
        timeline.event(event);
        walk.progress.event(event);
        walk.scene.event(event);
        walk.attempts.event(event);
        walk.applications.event(event);
        walk.deliveries.event(event);
        walk.returned.event(event);
        match &event.what {
            What::Observed(observed) => {
                walk.claims.observed(event.time, observed);
                walk.quorums.observed(event.time, observed);
                walk.told.observed(event.time, observed);
            }
            What::Disk(copy) => {
                walk.disks.push(event.time, copy);
                rulings.push(event.time, copy);
            }
            What::Interrupted => walk.interrupted.push(|| event.time),
            _ => {}
        }
    })?;
    walk.timeline = timeline.finish();
    walk.rulings = rulings.finish(header, &walk.timeline);
    walk.progress.finish();
    walk.scene.finish();
    walk.attempts.finish();
    Ok((walk, index.finish(), scanned))
}

/// Walks through a history to its end.
pub(crate) fn scan(source: &mut dyn Source, mut visit: impl FnMut(&Event)) -> Result<Scanned, ReadError> {
    source.scan(&mut |events| {
        events.iter().for_each(&mut visit);
        ControlFlow::Continue(())
    })
}

fn by_the_list(context: &Context) -> Verdict {
    let mut verdict = Verdict {
        valid: Validity::Valid,
        model: Model::Kafka.name().to_owned(),
        summary: String::new(),
        anomalies: BTreeMap::new(),
        allowed: BTreeMap::new(),
        stories: Vec::new(),
        checks: Vec::new(),
        depositions: Depositions::default(),
        availability: None,
        stats: Stats::default(),
    };
    let unseen = run_checks(context, &mut verdict, |_| true);
    verdict.stats = stats(context, &verdict.anomalies, unseen);
    verdict.summary = summary::sentence(context, &verdict);
    // A story that cannot be told changes no judgement.
    verdict.stories = guarded("stories", || stories::of(context, &verdict)).unwrap_or_default();
    verdict
}

/// Runs the checks that are asked for, and adds what they say to a verdict. Returns how many acknowledged writes nobody read.
pub(crate) fn run_checks(context: &Context, verdict: &mut Verdict, asked: impl Fn(&Check) -> bool) -> u64 {
    let asked = LIST.iter().filter(|check| asked(check));
    let outcomes: Vec<(&str, Outcome)> = asked.map(|check| (check.name, check.run(context))).collect();
    let mut unseen = 0;
    for (name, mut outcome) in outcomes {
        outcome.sort();
        unseen += outcome.unseen;
        verdict.valid = verdict.valid.max(outcome.valid());
        verdict.checks.push(CheckResult {
            name: name.to_owned(),
            valid: outcome.valid(),
            asked: outcome.is_asked(),
            reasons: outcome.reasons(),
        });
        take(&mut verdict.anomalies, outcome.anomalies);
        take(&mut verdict.allowed, outcome.allowed);
        if !outcome.depositions.is_empty() {
            verdict.depositions = outcome.depositions;
        }
        verdict.availability = verdict.availability.take().or(outcome.availability);
    }
    unseen
}

fn take(into: &mut BTreeMap<String, Findings>, from: BTreeMap<&'static str, Findings>) {
    into.extend(
        from.into_iter()
            .map(|(name, findings)| (name.to_owned(), findings)),
    );
}

/// What was counted.
pub(crate) fn stats(context: &Context, anomalies: &BTreeMap<String, Findings>, unseen: u64) -> Stats {
    let (index, tally, timeline) = (&context.index, &context.tally, &context.timeline);
    let deposed = timeline.deposed();
    let faults =
        |test: fn(&crate::FaultInterval) -> bool| timeline.faults.iter().filter(|fault| test(fault)).count();
    Stats {
        operations: index.counts.operations,
        transactions: index.counts.transactions,
        writes: u64::from(index.writes.len()),
        acknowledged: tally.acknowledged,
        failed: tally.failed,
        unknown: tally.unknown,
        read: index.counts.records,
        unseen,
        lost: anomalies
            .get(crate::anomaly::LOST_WRITE)
            .map_or(0, |lost| lost.count),
        faults_injected: faults(|fault| fault.from.is_some()) as u64,
        faults_bitten: faults(crate::FaultInterval::bit) as u64,
        faults_skipped: faults(crate::FaultInterval::gone_wrong) as u64,
        leader_changes: timeline.leader_changes(),
        deposed_leaders: deposed.len() as u64,
        deposed_longest: deposed
            .iter()
            .map(|belief| belief.until - belief.since)
            .max()
            .unwrap_or(0),
        duration: timeline.end,
        ..Stats::default()
    }
}
