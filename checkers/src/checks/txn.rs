//! No operation depends on itself, by what clients sent and read and by the order in which they did it.
//!
//! Elle's search for cycles (Kingsbury and Alvaro, 2020) as Jepsen's Kafka workload uses it: who read a record
//! depends on who sent it, and whatever was begun when something was over depends on that. Where the offsets are to
//! order the writes as well, a broker promises less: what is found then breaks no promise.

use crate::context::Context;
use crate::cycles::{Base, Found, Kind, Naming, Ring, Timeout};
use crate::dependencies::Dependencies;
use crate::outcome::{Kept, Outcome};
use crate::text::count;

pub(crate) fn run(context: &Context) -> Outcome {
    let mut outcome = Outcome::default();
    if context.index.windows.is_empty() {
        return Outcome::not_asked();
    }
    let dependencies = Dependencies::of(&context.index, &context.evidence.operations);
    if dependencies.too_many() {
        outcome.unknown("more operations may be part of a cycle than can be searched".to_owned());
        return outcome;
    }
    let ordered = context.options.ww_deps;
    tell(
        context,
        &dependencies,
        &dependencies.cycles(),
        ordered,
        &mut outcome,
    );
    if ordered {
        let missed = with_missed_writes(dependencies.cycles_of_missed_writes());
        tell(context, &dependencies, &missed, ordered, &mut outcome);
    }
    outcome
}

/// Those that have anti-dependencies: the others were found before.
fn with_missed_writes(mut found: Found) -> Found {
    let missed = |kind: Kind| !matches!(kind.base, Base::G0 | Base::G1c);
    found.rings.retain(|ring| missed(ring.kind));
    found.timeouts.retain(|timeout| missed(timeout.kind));
    for kind in Kind::all().filter(|kind| !missed(*kind)) {
        found.counts[kind.index()] = 0;
    }
    found
}

/// Jepsen's rule for what a broker promises: no cycle of reading. Where the offsets order the writes, nothing:
/// transactions are not isolated from each other's writes.
fn tell(context: &Context, dependencies: &Dependencies, found: &Found, ordered: bool, outcome: &mut Outcome) {
    for kind in Kind::all().filter(|kind| found.count(*kind) > 0) {
        let rings = found.rings.iter().filter(|ring| ring.kind == kind);
        let kept: Kept<&Ring> = Kept {
            first: rings.collect(),
            count: found.count(kind),
        };
        let name = kind.name(Naming::Plain);
        let case = |ring: &&Ring| dependencies.case(context, ring);
        let promised = !ordered && kind.base != Base::G0;
        outcome.found(promised, name, &kept, case);
    }
    for timeout in &found.timeouts {
        given_up(*timeout, ordered, outcome);
    }
}

fn given_up(timeout: Timeout, ordered: bool, outcome: &mut Outcome) {
    let what = format!(
        "the search for {} was given up among {} that depend on each other",
        timeout.kind.name(Naming::Plain),
        count(timeout.size as u64, "operation")
    );
    if ordered {
        outcome.note(what);
    } else {
        outcome.unknown(what);
    }
}
