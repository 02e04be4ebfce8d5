//! A cycle in words: its operations, and why each comes before the next.

use history::{Key, Value};

use super::edges::Dependencies;
use super::operations::Operation;
use crate::context::Context;
use crate::cycles::{Ring, Step};
use crate::index::WriteOutcome;
use crate::text::{list, seconds};
use crate::verdict::{Case, Cycle, CycleOperation, Edge, Rel};

/// Records of an operation that are named.
const NAMED_MAX: usize = 8;

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
        let edges: Vec<(Edge, Option<About>)> = steps.map(|step| self.edge(context, *step)).collect();
        let abouts = edges.iter().filter_map(|(_, about)| about.as_ref());
        let key = abouts.clone().next().map(|about| about.key);
        let last = |operation: &Operation| operation.ended.unwrap_or(operation.begun).time;
        let time = members.iter().copied().map(last).max().unwrap_or_default();
        let mut values: Vec<Value> = abouts.map(|about| about.value).collect();
        values.dedup();
        let mut story = vec![opening(&members)];
        story.extend(edges.iter().map(|(edge, _)| format!("{}.", edge.because)));
        story.extend(members.iter().copied().filter_map(aborted));
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

    fn edge(&self, context: &Context, step: Step) -> (Edge, Option<About>) {
        let (from, to) = (self.operation(step.from), self.operation(step.to));
        let about = match step.rel {
            Rel::Wr => self.read(context, from, to),
            Rel::Ww => self.followed(context, from, to),
            Rel::Rw => self.not_read(context, from, to),
            Rel::Process | Rel::Realtime => None,
        };
        let because = match (&about, step.rel) {
            (Some(about), _) => about.because.clone(),
            (None, Rel::Process) => {
                format!(
                    "client {} had done operation {} before it began operation {}",
                    from.process, from.op, to.op
                )
            }
            (None, _) => format!(
                "operation {} was over at {}, before operation {} was begun at {}",
                from.op,
                seconds(from.ended.unwrap_or(from.begun).time),
                to.op,
                seconds(to.begun.time)
            ),
        };
        let edge = Edge {
            from: from.op,
            to: to.op,
            rel: step.rel,
            key: about.as_ref().map(|about| context.key_word(about.key)),
            because: capitalised(because),
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

    fn read(&self, context: &Context, from: &Operation, to: &Operation) -> Option<About> {
        let mut reads = self.operations.reads(to).iter();
        let read = reads.find(|read| from.writes.contains(&read.write))?;
        let at = if read.offset < 0 {
            String::new()
        } else {
            format!(" at offset {}", read.offset)
        };
        Some(self.about(read.write, |key, value| {
            format!(
                "operation {} read value {} of {}{at}, which operation {} sent",
                to.op,
                context.value(value),
                context.name(key),
                from.op
            )
        }))
    }

    fn followed(&self, context: &Context, from: &Operation, to: &Operation) -> Option<About> {
        let index = self.index;
        from.writes.clone().find_map(|write| {
            let (key, place) = (index.writes.key(write), index.writes.place(write)?);
            let next = index.next_version(key, place)?;
            to.writes.contains(&next).then(|| {
                self.about(next, |key, value| {
                    format!(
                        "in {} value {} of operation {} stands at offset {place}, and value {} of operation {} is the next",
                        context.name(key),
                        context.value(index.writes.value(write)),
                        from.op,
                        context.value(value),
                        to.op
                    )
                })
            })
        })
    }

    fn not_read(&self, context: &Context, from: &Operation, to: &Operation) -> Option<About> {
        let mut missed = self.missed(from);
        let (_, offset, next) = missed.find(|(_, _, next)| to.writes.contains(next))?;
        Some(self.about(next, |key, value| {
            format!(
                "operation {} read {} up to offset {offset}, and did not read value {} of operation {}, which is the next",
                from.op,
                context.name(key),
                context.value(value),
                to.op
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

fn opening(members: &[&Operation]) -> String {
    let named: Vec<String> = members
        .iter()
        .map(|operation| format!("operation {} of client {}", operation.op, operation.process))
        .collect();
    format!(
        "Each of these had to happen before the next, and the last before the first: {}.",
        list(&named)
    )
}

fn aborted(operation: &Operation) -> Option<String> {
    (operation.outcome == WriteOutcome::Fail).then(|| {
        format!(
            "Operation {} certainly failed; others depend on it all the same.",
            operation.op
        )
    })
}

fn capitalised(text: String) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => text,
    }
}
