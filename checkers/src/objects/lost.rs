//! Acknowledged writes that the objects no longer hold, of a run that is held to a model which does not forbid that by itself.
//!
//! Below strict serializability a read may show an old state, and so may the final ones: no cycle tells of what is lost. But these are
//! made of whole logs, once everything is whole and nobody writes any more, so what was acknowledged has to be in them. An append has to
//! be in its list; and a register may not hold what was over before another acknowledged write began, nor nothing where there was one.

use std::collections::BTreeMap;

use history::{Event, F, Key, Mop, Op, Phase, ReadError, Seen, Source, Value, What};

use crate::anomaly::LOST_WRITE;
use crate::context::Context;
use crate::kafka::scan;
use crate::outcome::Outcome;
use crate::text::seconds;
use crate::verdict::{Case, Findings};

/// A write of an object.
#[derive(Clone, Copy)]
struct Written {
    op: u64,
    begun: u64,
    /// When it was acknowledged, if it was.
    over: Option<u64>,
}

/// What was written and acknowledged, and what was read in the end.
#[derive(Default)]
pub(super) struct Kept {
    finally: bool,
    written: BTreeMap<(Key, Value), Written>,
    /// What each object was read to hold in the end, lists in the order of their values, by whom and when.
    held: BTreeMap<Key, (u32, u64, Seen)>,
}

impl Kept {
    /// Walks through a history.
    pub(super) fn of(source: &mut dyn Source) -> Result<Self, ReadError> {
        let mut kept = Self::default();
        scan(source, |event| kept.event(event))?;
        Ok(kept)
    }

    /// What is lost, if anything is.
    pub(super) fn lost(&self, context: &Context) -> Option<Findings> {
        let mut outcome = Outcome::default();
        let finally = context.index.final_reads.as_ref().map(|reads| reads.process);
        for ((object, value), written) in &self.written {
            let (Some(over), Some((process, read, held))) = (written.over, self.held.get(object)) else {
                continue;
            };
            let judged = finally == Some(*process) && context.index.complete(context.header.home(*object));
            if judged && !self.holds(*object, *value, written, held) {
                outcome.violation(LOST_WRITE, || {
                    case(context, (*object, *value), written, (over, *read))
                });
            }
        }
        outcome.sort();
        outcome.anomalies.remove(LOST_WRITE)
    }

    fn event(&mut self, event: &Event) {
        match &event.what {
            What::Phase(phase) => self.finally |= *phase >= Phase::FinalReads,
            What::Invoke(op) => {
                for (object, value) in changes(op) {
                    let written = Written {
                        op: op.op,
                        begun: event.time,
                        over: None,
                    };
                    self.written.insert((object, value), written);
                }
            }
            What::Ok(op) => self.ok(event.time, op),
            _ => {}
        }
    }

    fn ok(&mut self, time: u64, op: &Op) {
        for change in changes(op) {
            if let Some(written) = self
                .written
                .get_mut(&change)
                .filter(|written| written.op == op.op)
            {
                written.over = Some(time);
            }
        }
        let F::Txn(txn) = &op.f else { return };
        for mop in txn.mops.iter().filter(|_| self.finally) {
            if let Mop::Read(object, seen) = mop {
                let mut seen = seen.clone();
                if let Seen::List(values) = &mut seen {
                    // What is asked of it is only whether it holds a value.
                    values.sort_unstable();
                }
                self.held.insert(*object, (op.process, time, seen));
            }
        }
    }

    /// Whether what was read in the end can be what is left of an acknowledged write.
    fn holds(&self, object: Key, value: Value, written: &Written, held: &Seen) -> bool {
        match held {
            Seen::Nothing => false,
            Seen::List(values) => values.binary_search(&value).is_ok(),
            Seen::One(last) => {
                let last = self.written.get(&(object, *last));
                let over = last.and_then(|last| last.over);
                over.is_none_or(|over| over >= written.begun)
            }
        }
    }
}

/// What an operation appends and sets.
fn changes(op: &Op) -> impl Iterator<Item = (Key, Value)> {
    let mops = match &op.f {
        F::Txn(txn) => &txn.mops[..],
        _ => &[],
    };
    mops.iter().filter_map(|mop| match mop {
        Mop::Append(object, value) | Mop::Write(object, value) => Some((*object, *value)),
        _ => None,
    })
}

fn case(
    context: &Context,
    (object, value): (Key, Value),
    written: &Written,
    (over, read): (u64, u64),
) -> Case {
    Case {
        values: vec![value],
        ops: vec![written.op],
        story: vec![
            format!(
                "Value {} was written to object {object} in {} by op {}, acknowledged at {}.",
                context.value(value),
                context.name(context.header.home(object)),
                written.op,
                seconds(over)
            ),
            format!(
                "The final reads, made at {} of whole logs, do not show it, nor anything that may have taken its place.",
                seconds(read)
            ),
            context.faults_sentence(over),
        ],
        ..context.case(over, context.header.home(object))
    }
}
