//! Runs of ours whose clients worked on lists and registers: what they read and wrote is judged by the transaction models, and the
//! cluster that they did it on by the same checks as any other run's.

mod lost;

use std::collections::BTreeMap;

use history::{ReadError, Source};

use crate::anomaly::{G_SINGLE_ITEM_REALTIME, LOST_WRITE};
use crate::context::Context;
use crate::judge::nothing_judged;
use crate::kafka::{self, Gathered};
use crate::list::guarded;
use crate::options::{Model, Options};
use crate::summary;
use crate::verdict::{Case, Stats, Validity, Verdict};
use lost::Kept;

/// Adds to a verdict on lists or registers what the run is held to beside: enough was acknowledged, the faults bit, the final reads are
/// complete, and the cluster kept what it promises of leaders, replicas and availability.
pub(crate) fn join(
    source: &mut dyn Source,
    model: Model,
    options: &Options,
    mut objects: Verdict,
) -> Result<Verdict, ReadError> {
    let header = source.header().clone();
    let gathered = match guarded("passes", || Gathered::of(source, &header, options)) {
        Ok(gathered) => gathered?,
        Err(reason) => return Ok(in_doubt(objects, model, &reason)),
    };
    // Where real time is part of the model what is lost closes a cycle, and is found as that.
    let realtime =
        crate::txn::asked(source, options).is_ok_and(|model| model.forbids(G_SINGLE_ITEM_REALTIME));
    let kept = if realtime { None } else { Some(Kept::of(source)?) };
    let mut context = gathered.context(&header, source, options);
    context.model = model;
    context.tally.acknowledged = objects.stats.acknowledged;
    for findings in objects.anomalies.values_mut().chain(objects.allowed.values_mut()) {
        findings.cases.iter_mut().for_each(|case| place(&context, case));
    }
    if let Some(lost) = kept.and_then(|kept| kept.lost(&context)) {
        objects.valid = Validity::Invalid;
        let count = crate::text::count(lost.count, "acknowledged write");
        for check in objects.checks.iter_mut().take(1) {
            check.valid = Validity::Invalid;
            check.reasons.insert(0, format!("{count} lost"));
        }
        objects.summary = format!("{count} lost; {}", objects.summary);
        objects.anomalies.insert(LOST_WRITE.to_owned(), lost);
    }
    let joined = guarded("summary", || {
        let mut cluster = nothing_found(model);
        kafka::run_checks(&context, &mut cluster, |check| !check.is_of_logs());
        cluster.stats = kafka::stats(&context, &cluster.anomalies, 0);
        cluster.summary = summary::sentence(&context, &cluster);
        cluster
    });
    Ok(match joined {
        Ok(cluster) => both(objects, cluster),
        Err(reason) => in_doubt(objects, model, &reason),
    })
}

/// Where what was found happened: the partition that its object lives in, and the faults that were in force.
fn place(context: &Context, case: &mut Case) {
    let home = case.key.map(|object| context.header.home(object));
    let known = match home {
        Some(key) => context.case(case.time, key),
        None => context.case_of_cluster(case.time),
    };
    (case.key, case.partition, case.faults) = (home, known.partition, known.faults);
}

/// The cluster could not be judged: what was found of its objects stands, and nothing is valid.
fn in_doubt(objects: Verdict, model: Model, reason: &str) -> Verdict {
    if objects.valid == Validity::Invalid {
        objects
    } else {
        nothing_judged(model.name(), reason)
    }
}

fn nothing_found(model: Model) -> Verdict {
    Verdict {
        valid: Validity::Valid,
        ..nothing_judged(model.name(), "")
    }
}

/// Whichever says the worse says the sentence: a broken promise of the objects before one of the cluster.
fn both(objects: Verdict, cluster: Verdict) -> Verdict {
    let told = &cluster.stats;
    let summary = match (objects.valid, cluster.valid) {
        (Validity::Valid, Validity::Valid) => format!(
            "{}; {}, and all objects were read back",
            objects.summary,
            match told.faults_bitten {
                0 => "no faults, as the plan declares".to_owned(),
                bitten => format!("{} that bit", crate::text::count(bitten, "fault")),
            }
        ),
        (ours, theirs) if theirs > ours => cluster.summary,
        _ => objects.summary,
    };
    let mut checks = objects.checks;
    checks.extend(cluster.checks);
    Verdict {
        valid: objects.valid.max(cluster.valid),
        model: objects.model,
        summary,
        anomalies: merged(objects.anomalies, cluster.anomalies),
        allowed: merged(objects.allowed, cluster.allowed),
        stories: Vec::new(),
        checks,
        depositions: cluster.depositions,
        availability: cluster.availability,
        stats: Stats {
            faults_injected: told.faults_injected,
            faults_bitten: told.faults_bitten,
            faults_skipped: told.faults_skipped,
            leader_changes: told.leader_changes,
            deposed_leaders: told.deposed_leaders,
            deposed_longest: told.deposed_longest,
            ..objects.stats
        },
    }
}

/// The names are of different checks, so none is in both.
fn merged<T>(mut one: BTreeMap<String, T>, other: BTreeMap<String, T>) -> BTreeMap<String, T> {
    one.extend(other);
    one
}
