//! The entry: which model a history is judged by, and its verdict.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use history::{
    Event, F, Format, Header, History, MemorySource, Mop, Names, ReadError, Scanned, Seen, Source, Wanted,
    What,
};

use crate::checks::leadership::Depositions;
use crate::options::{Model, Options};
use crate::verdict::{Stats, Validity, Verdict};

/// The model's name in a verdict where a history speaks of none.
const NO_MODEL: &str = "none";
/// Why there is none.
const NOTHING: &str =
    "the history holds no operation of any model: nothing was sent, polled, appended, written or read";
const ONLY_NIL: &str = "the history holds nothing but reads of nil, which may be of lists or of registers: name the model to judge it by";

/// Judges a history wherever it comes from, by the model that is asked for or that its operations speak of.
pub fn check(source: &mut dyn Source, options: &Options) -> Result<Verdict, ReadError> {
    let mut source = Listener {
        source,
        heard: Heard::default(),
        whole: false,
    };
    let model = match model_of(&mut source, options)? {
        Ok(model) => model,
        Err(reason) => return Ok(nothing_judged(NO_MODEL, reason)),
    };
    let verdict = match model {
        Model::Kafka => crate::kafka::judge(&mut source, options)?,
        Model::ListAppend | Model::RwRegister => {
            let verdict = crate::txn::judge(&mut source, model, options)?;
            if ours(source.header()) {
                crate::objects::join(&mut source, model, options, verdict)?
            } else {
                verdict
            }
        }
    };
    if !source.whole {
        source.scan(&mut |_| ControlFlow::Continue(()))?;
    }
    Ok(source
        .heard
        .object(source.header(), model, options)
        .map_or(verdict, |reason| nothing_judged(model.name(), &reason)))
}

/// Judges a history in memory, by the defaults.
pub fn check_history(history: &History) -> Verdict {
    let judged = check(&mut MemorySource::new(history), &Options::default());
    judged.unwrap_or_else(|error| nothing_judged(NO_MODEL, &format!("the history {error}")))
}

/// A verdict that says nothing but why.
pub(crate) fn nothing_judged(model: &str, reason: &str) -> Verdict {
    Verdict {
        stories: Vec::new(),
        valid: Validity::Unknown,
        model: model.to_owned(),
        summary: format!("nobody can say: {reason}"),
        anomalies: BTreeMap::new(),
        allowed: BTreeMap::new(),
        checks: Vec::new(),
        depositions: Depositions::default(),
        availability: None,
        stats: Stats::default(),
    }
}

/// The model that is asked for, or else the one that the first telling operation speaks of. A run of ours in
/// which no client did anything is one of logs all the same.
/// Where there is none, the reason is returned.
fn model_of(source: &mut Listener, options: &Options) -> Result<Result<Model, &'static str>, ReadError> {
    if let Some(model) = options.model {
        return Ok(Ok(model));
    }
    let mut first = None;
    let mut reads = false;
    source.source.scan(&mut |events| {
        first = events.iter().find_map(|event| {
            let mut heard = Heard::default();
            heard.event(event);
            reads |= heard.reads;
            heard.models().next()
        });
        if first.is_some() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    let model = first.or_else(|| ours(source.header()).then_some(Model::Kafka));
    Ok(model.ok_or(if reads { ONLY_NIL } else { NOTHING }))
}

fn ours(header: &Header) -> bool {
    !header.topics.is_empty()
}

/// Which models a history's operations speak of.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "any of them may be heard, alone or together"
)]
struct Heard {
    logs: bool,
    lists: bool,
    registers: bool,
    /// What was read was the initial state, which any kind of object may have.
    reads: bool,
}

impl Heard {
    fn event(&mut self, event: &Event) {
        let (What::Invoke(op) | What::Ok(op)) = &event.what else {
            return;
        };
        match &op.f {
            F::Send(_)
            | F::Poll(_)
            | F::Assign(_)
            | F::Subscribe(_)
            | F::Group(_)
            | F::Share(_)
            | F::Times(_) => {
                self.logs = true;
            }
            F::Txn(txn) => txn.mops.iter().for_each(|mop| self.mop(mop)),
            F::Crash => {}
        }
    }

    fn mop(&mut self, mop: &Mop) {
        match mop {
            Mop::Send(_) | Mop::Poll(_) => self.logs = true,
            Mop::Append(..) | Mop::Read(_, Seen::List(_)) => self.lists = true,
            Mop::Write(..) | Mop::Read(_, Seen::One(_)) => self.registers = true,
            Mop::Read(_, Seen::Nothing) => self.reads = true,
        }
    }

    fn models(self) -> impl Iterator<Item = Model> {
        Model::ALL.into_iter().filter(move |model| match model {
            Model::Kafka => self.logs,
            Model::ListAppend => self.lists,
            Model::RwRegister => self.registers,
        })
    }

    /// Why the history cannot be judged by a model, where it cannot.
    fn object(self, header: &Header, model: Model, options: &Options) -> Option<String> {
        let names: Vec<&str> = self.models().map(Model::name).collect();
        if options.model.is_none() && names.len() > 1 {
            return Some(format!(
                "the history mixes operations of {}: name the one to judge it by",
                crate::text::list(&names)
            ));
        }
        let spoken = self.models().any(|heard| heard == model)
            || match model {
                Model::Kafka => ours(header),
                Model::ListAppend | Model::RwRegister => self.reads && names.is_empty(),
            };
        (!spoken).then(|| {
            let instead = if names.is_empty() {
                String::new()
            } else {
                format!(", but of {}", crate::text::list(&names))
            };
            format!(
                "the history holds no operation of the model {}{instead}",
                model.name()
            )
        })
    }
}

/// A source that notes what is spoken of on the first whole walk through it.
struct Listener<'s> {
    source: &'s mut dyn Source,
    heard: Heard,
    whole: bool,
}

impl Source for Listener<'_> {
    fn header(&self) -> &Header {
        self.source.header()
    }

    fn format(&self) -> Format {
        self.source.format()
    }

    fn names(&self) -> &Names {
        self.source.names()
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[Event]) -> ControlFlow<()>) -> Result<Scanned, ReadError> {
        if self.whole {
            return self.source.scan(visit);
        }
        let mut whole = true;
        let heard = &mut self.heard;
        let scanned = self.source.scan(&mut |events| {
            for event in events {
                heard.event(event);
            }
            let flow = visit(events);
            whole = flow.is_continue();
            flow
        })?;
        self.whole = whole;
        Ok(scanned)
    }

    fn scan_again(
        &mut self,
        wanted: &Wanted<'_>,
        visit: &mut dyn FnMut(&[Event]) -> ControlFlow<()>,
    ) -> Result<Scanned, ReadError> {
        self.source.scan_again(wanted, visit)
    }
}
