//! No transaction stays open for ever: once the clients have ended, every partition is decided up to its end.
//!
//! A transaction that is open in a partition holds its last stable offset back, and who reads committed records gets nothing
//! behind it, of anybody. The coordinator aborts what its client leaves open; what no coordinator knows of nobody ever ends: it hangs (KIP-664,
//! and the reason for KIP-890). It is said of a partition only where its last stable offset stood for longer than the coordinator
//! may take, by far, with all clients ended and all faults healed, and where no coordinator says that it is at it still.

use history::{Key, OpenTransaction, Told};

use crate::anomaly::HANGING_TRANSACTION;
use crate::applications::Held;
use crate::context::Context;
use crate::outcome::Outcome;
use crate::text::seconds;
use crate::verdict::Case;

pub(crate) fn run(context: &Context) -> Outcome {
    let mut held = context.applications.transactions.held().peekable();
    if context.header.expect.transactions.is_none() && held.peek().is_none() {
        return Outcome::not_asked();
    }
    let mut outcome = Outcome::default();
    for (key, held) in held {
        match hangs(context, held) {
            Ok(since) => outcome.violation(HANGING_TRANSACTION, || case(context, key, held, since)),
            Err(why) => outcome.unknown_because(|| {
                format!(
                    "a transaction is open in {}, whose last stable offset stood at {} of {}: {why}",
                    context.name(key),
                    held.last.last_stable,
                    held.last.high_watermark
                )
            }),
        }
    }
    outcome
}

/// Since when nobody could end it but the coordinator, where it certainly hangs; otherwise why that is not certain.
fn hangs(context: &Context, held: &Held) -> Result<u64, String> {
    let limits = context.header.expect.transactions;
    let limits = limits.ok_or("nothing says how long a transaction of this run may take")?;
    let transactions = &context.applications.transactions;
    if let Some(op) = transactions.unended() {
        return Err(format!("op {op} never ended, so its client may be at it still"));
    }
    let faults = &context.timeline.faults;
    if let Some(fault) = faults
        .iter()
        .find(|fault| fault.from.is_some() && fault.to.is_none())
    {
        return Err(format!("{} never ended", crate::text::fault(fault)));
    }
    let healed = faults.iter().filter_map(|fault| fault.to).max().unwrap_or(0);
    let since = transactions.clients_end().max(healed);
    let (stood, limit) = (
        held.until.saturating_sub(held.since.max(since)),
        limits.hangs_after().as_nanos() as u64,
    );
    if held.asked < 2 || stood <= limit {
        return Err(format!(
            "that was seen for {} after the last client and the last fault had ended, and only what takes longer than {} hangs",
            seconds(stood),
            seconds(limit)
        ));
    }
    if let Told::Silent(reason) = &held.last.told {
        return Err(format!("whether a coordinator is at it is not known ({reason})"));
    }
    match holder(held) {
        Some(open) if open.may_end() => Err(format!(
            "its coordinator is at it still ({})",
            open.state.as_deref().unwrap_or_default()
        )),
        None if held.last.told == Told::All => {
            Err("its leader names no producer that has one open".to_owned())
        }
        _ => Ok(since),
    }
}

/// The transaction that holds the last stable offset back.
fn holder(held: &Held) -> Option<&OpenTransaction> {
    let open = held.last.open.iter();
    open.filter(|open| open.first <= held.last.last_stable)
        .min_by_key(|open| open.first)
}

fn case(context: &Context, key: Key, held: &Held, since: u64) -> Case {
    let (name, last) = (context.name(key), &held.last);
    let mut story = vec![format!(
        "The last stable offset of {name} stood at {} of {} from {} to {}, the last client and the last fault having ended at {}: who reads committed records gets nothing behind it.",
        last.last_stable,
        last.high_watermark,
        seconds(held.since),
        seconds(held.until),
        seconds(since)
    )];
    let writes = &context.index.writes;
    let first = writes
        .numbers()
        .find(|number| writes.key(*number) == key && writes.place(*number) == Some(last.last_stable));
    let value = first.map(|number| writes.value(number));
    if let Some(value) = value {
        story.push(format!(
            "At that offset stands the value {}.",
            context.value(value)
        ));
    }
    story.push(match holder(held) {
        Some(open) => who(open),
        None => "Which producer holds it open these brokers cannot tell: that it hangs is known by the time alone.".to_owned(),
    });
    if let Some(limits) = context.header.expect.transactions {
        story.push(format!(
            "A coordinator aborts after the transaction's timeout of {}, for which it looks every {}.",
            limits.timeout, limits.abort_interval
        ));
    }
    Case {
        offset: Some(last.last_stable),
        values: value.into_iter().collect(),
        story,
        ..context.case(held.since, key)
    }
}

/// Who wrote it, and what the coordinators know of that.
fn who(open: &OpenTransaction) -> String {
    let producer = format!(
        "Producer {} has had it open in epoch {} since offset {}",
        open.producer, open.epoch, open.first
    );
    match (&open.transactional_id, &open.state) {
        (Some(id), Some(state)) => format!(
            "{producer}; its transactional id is `{id}`, of which the coordinator says {state}: it will write no marker."
        ),
        _ => format!("{producer}; no coordinator knows it, so nobody will write its marker."),
    }
}
