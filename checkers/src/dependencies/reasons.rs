//! A cycle in words: its operations, and why each comes before the next.

use history::{Key, Value};

use super::edges::Dependencies;
use super::operations::Operation;
use crate::context::Context;
use crate::cycles::{Ring, Step};
use crate::index::WriteOutcome;
use crate::text::{self, list};
use crate::verdict::{Case, Cycle, CycleOperation, Edge, Rel};

/// Records of an operation that are named, and operations of a cycle.
const NAMED_MAX: usize = 8;

/// An operation of a cycle with its short name.
type Named<'o> = (&'o Operation, String);

/// What a dependency of data is about.
struct About {
    key: Key,
    value: Value,
    because: String,
}

impl Dependencies<'_> {
    /// A cycle as a case.
    pub(crate) fn case(&self, context: &Context, ring: &Ring) -> Case {
        let steps = ring.steps.iter();
        let members: Vec<&Operation> = steps.clone().map(|step| self.operation(step.from)).collect();
        let named = members
            .iter()
            .copied()
            .zip((1..).map(|place| format!("T{place}")));
        let named: Vec<Named> = named.collect();
        let next = named.iter().cycle().skip(1);
        let edges = steps.zip(named.iter().zip(next));
        let edges = edges.map(|(step, (from, to))| self.edge(context, *step, from, to));
        let edges: Vec<(Edge, Option<About>)> = edges.collect();
        let abouts = edges.iter().filter_map(|(_, about)| about.as_ref());
        let key = abouts.clone().next().map(|about| about.key);
        let last = |operation: &Operation| operation.ended.unwrap_or(operation.begun).time;
        let time = members.iter().copied().map(last).max().unwrap_or_default();
        let mut values: Vec<Value> = abouts.map(|about| about.value).collect();
        values.dedup();
        let mut story = vec![opening(&members)];
        story.extend(edges.iter().map(|(edge, _)| edge.because.clone()));
        story.extend(named.iter().filter_map(aborted));
        let case = key.map_or_else(|| context.case_of_cluster(time), |key| context.case(time, key));
        Case {
            values,
            ops: members.iter().map(|operation| operation.op).collect(),
            cycle: Some(Cycle {
                operations: members
                    .iter()
                    .map(|operation| self.in_short(context, operation))
                    .collect(),
                edges: edges.into_iter().map(|(edge, _)| edge).collect(),
            }),
            story,
            ..case
        }
    }

    fn edge(&self, context: &Context, step: Step, from: &Named, to: &Named) -> (Edge, Option<About>) {
        let about = match step.rel {
            Rel::Wr => self.read(context, from, to),
            Rel::Ww => self.followed(context, from, to),
            Rel::Rw => self.not_read(context, from, to),
            Rel::Process | Rel::Realtime => None,
        };
        let because = match &about {
            Some(about) => about.because.clone(),
            None => in_time(context, step.rel, from, to),
        };
        let edge = Edge {
            from: from.0.op,
            to: to.0.op,
            rel: step.rel,
            key: about.as_ref().map(|about| context.key_word(about.key)),
            because,
        };
        (edge, about)
    }

    fn about(&self, write: u32, because: impl FnOnce(Key, Value) -> String) -> About {
        let (key, value) = (self.index.writes.key(write), self.index.writes.value(write));
        About {
            key,
            value,
            because: because(key, value),
        }
    }

    fn read(&self, context: &Context, (from, one): &Named, (to, other): &Named) -> Option<About> {
        let mut reads = self.operations.reads(to).iter();
        let read = reads.find(|read| from.writes.contains(&read.write))?;
        let at = if read.offset < 0 {
            String::new()
        } else {
            format!(" at offset {}", read.offset)
        };
        Some(self.about(read.write, |key, value| {
            format!(
                "{other} read value {} of {}{at}, which {one} sent.",
                context.value(value),
                context.name(key),
            )
        }))
    }

    fn followed(&self, context: &Context, (from, one): &Named, (to, other): &Named) -> Option<About> {
        let index = self.index;
        from.writes.clone().find_map(|write| {
            let (key, place) = (index.writes.key(write), index.writes.place(write)?);
            let next = index.next_version(key, place)?;
            to.writes.contains(&next).then(|| {
                self.about(next, |key, value| {
                    format!(
                        "In {} {one}'s value {} stands at offset {place}, and {other}'s value {} is the next.",
                        context.name(key),
                        context.value(index.writes.value(write)),
                        context.value(value),
                    )
                })
            })
        })
    }

    fn not_read(&self, context: &Context, (from, one): &Named, (to, other): &Named) -> Option<About> {
        let mut missed = self.missed(from);
        let (_, offset, next) = missed.find(|(_, _, next)| to.writes.contains(next))?;
        Some(self.about(next, |key, value| {
            format!(
                "{one} read {} up to offset {offset}, without {other}'s value {}, which is the next.",
                context.name(key),
                context.value(value),
            )
        }))
    }

    fn in_short(&self, context: &Context, operation: &Operation) -> CycleOperation {
        let writes = &self.index.writes;
        let sent = operation.writes.clone().map(|write| ("send", write));
        let read = self
            .operations
            .reads(operation)
            .iter()
            .map(|read| ("poll", read.write));
        let count = operation.writes.len() + self.operations.reads(operation).len();
        let named = sent.chain(read).take(NAMED_MAX);
        let mut text: Vec<String> = named
            .map(|(what, write)| {
                format!(
                    "{what} {} {}",
                    context.key_word(writes.key(write)),
                    context.value(writes.value(write))
                )
            })
            .collect();
        if count > NAMED_MAX {
            text.push(format!("and {} more", count - NAMED_MAX));
        }
        let outcome = match operation.outcome {
            WriteOutcome::Ok => "ok",
            WriteOutcome::Fail => "fail",
            WriteOutcome::Info => "info",
        };
        CycleOperation {
            op: operation.op,
            process: operation.process,
            outcome: outcome.to_owned(),
            text: text.join(", "),
            invoked: operation.begun.time,
            completed: operation.ended.map(|ended| ended.time),
        }
    }
}

/// That one came before another in the order of a client, or in real time.
fn in_time(context: &Context, rel: Rel, (from, one): &Named, (to, other): &Named) -> String {
    if rel == Rel::Process {
        return format!("Client {} did {one} before {other}.", from.process);
    }
    let ended = from.ended.unwrap_or(from.begun);
    match (context.at(ended.time), context.at(to.begun.time)) {
        (completed, begun) if completed == begun => format!("{one} had completed before {other} began."),
        (completed, begun) => format!("{one} had completed{completed}, before {other} began{begun}."),
    }
}

fn opening(members: &[&Operation]) -> String {
    let named = (1..).zip(members).take(NAMED_MAX);
    let named = named.map(|(place, operation)| format!("T{place} (op {})", operation.op));
    let mut named: Vec<String> = named.collect();
    if members.len() > NAMED_MAX {
        named.push(text::count((members.len() - NAMED_MAX) as u64, "more operation"));
    }
    let circle = if members.len() == 2 {
        "each came before the other"
    } else {
        "came before each other in a circle"
    };
    format!("{} {circle}.", list(&named))
}

fn aborted((operation, name): &Named) -> Option<String> {
    (operation.outcome == WriteOutcome::Fail)
        .then(|| format!("{name} certainly failed; others depend on it all the same."))
}
