//! From a map of an operation's fields to an event.

use std::collections::HashMap;

use crate::event::{Event, F, Mop, Op, Poll, Seen, Txn, What};
use crate::foreign::names::Numbers;
use crate::foreign::steps::{Work, keys, work};
use crate::foreign::tape::{Bad, Form, Kind};
use crate::foreign::text::words_of;
use crate::header::Key;

/// Steps of all operations that are open at one time, an operation itself counted as one. A history in which nothing ever
/// completes would need as much memory as it is long.
const OPEN_STEPS_MAX: usize = 1 << 22;

/// The operations of one walk: which are open, what came last.
#[derive(Default)]
pub struct Operations {
    /// By process.
    open: HashMap<u32, Begun>,
    /// How many steps they have.
    open_steps: usize,
    /// Maps so far.
    ordinal: u64,
    time: u64,
    /// The lowest number that no operation has yet.
    free_op: u64,
    /// Operations of clients that no check knows.
    pub skipped: u64,
}

/// An operation without its completion.
struct Begun {
    op: u64,
    /// What it does, as far as an invocation can know.
    f: F,
}

/// The fields of an operation that mean something.
#[derive(Default)]
struct Fields<'t> {
    index: Option<i64>,
    time: Option<Form<'t>>,
    process: Option<Form<'t>>,
    kind: Option<Form<'t>>,
    f: Option<Form<'t>>,
    value: Option<Form<'t>>,
    error: Option<Form<'t>>,
    rebalances: Option<Form<'t>>,
    from_beginning: bool,
}

impl Operations {
    /// The event that a map tells; `None` where it is none of a client, or of no kind that is known.
    pub fn event(&mut self, form: Form<'_>, numbers: &mut Numbers) -> Result<Option<Event>, Bad> {
        let ordinal = self.ordinal;
        self.ordinal += 1;
        let fields = Fields::of(form)?;
        let process = fields
            .process
            .ok_or_else(|| form.bad("an operation without a process"))?;
        let Some(process) = numbers.process(process)? else {
            return Ok(None);
        };
        let kind = fields
            .kind
            .ok_or_else(|| form.bad("an operation without a type"))?;
        let kind = KindOfEvent::of(kind)?;
        let f = match work(fields.f, fields.value, fields.from_beginning, numbers)? {
            Work::Of(f) => f,
            Work::OfInvocation(otherwise) => self.begun(process, kind).unwrap_or(otherwise),
            Work::Beside => return Ok(None),
            Work::Unknown => {
                self.skipped += 1;
                return Ok(None);
            }
        };
        let op = Op {
            process,
            op: self.number(process, kind, &fields, ordinal),
            f,
            error: fields.error_text(),
            rebalanced: fields.rebalanced(numbers)?,
            producer: None,
        };
        if kind == KindOfEvent::Invoke {
            self.begin(&op, form)?;
        }
        self.time = self.time.max(fields.nanoseconds().unwrap_or(ordinal));
        Ok(Some(Event {
            time: self.time,
            what: kind.with(op),
        }))
    }

    /// What a process is at, where this completes it.
    fn begun(&self, process: u32, kind: KindOfEvent) -> Option<F> {
        if kind == KindOfEvent::Invoke {
            return None;
        }
        let mut f = self.open.get(&process)?.f.clone();
        if let (F::Txn(txn), KindOfEvent::Ok) = (&mut f, kind) {
            // There, a read of nothing would be one of the initial state.
            txn.mops
                .retain(|mop| !matches!(mop, Mop::Poll(_) | Mop::Read(..)));
        }
        Some(f)
    }

    /// The operation's number: its invocation's index, as far as it is free.
    fn number(&mut self, process: u32, kind: KindOfEvent, fields: &Fields<'_>, ordinal: u64) -> u64 {
        if let Some(begun) = self.open.remove(&process) {
            self.open_steps -= steps_of(&begun.f);
            if kind != KindOfEvent::Invoke {
                return begun.op;
            }
        }
        let index = fields.index.and_then(|index| u64::try_from(index).ok());
        let op = index.unwrap_or(ordinal).max(self.free_op);
        self.free_op = op + 1;
        op
    }

    fn begin(&mut self, op: &Op, form: Form<'_>) -> Result<(), Bad> {
        self.open_steps += steps_of(&op.f);
        if self.open_steps > OPEN_STEPS_MAX {
            let reason = format!("more than {OPEN_STEPS_MAX} steps of operations that are not completed");
            return Err(form.bad(reason));
        }
        let begun = Begun {
            op: op.op,
            f: without_results(&op.f),
        };
        self.open.insert(op.process, begun);
        Ok(())
    }
}

fn steps_of(f: &F) -> usize {
    1 + match f {
        F::Txn(txn) => txn.mops.len(),
        F::Assign(assign) => assign.keys.len(),
        F::Subscribe(subscribe) => subscribe.keys.len(),
        F::Send(_) | F::Poll(_) | F::Group(_) | F::Share(_) | F::Times(_) | F::Crash => 0,
    }
}

/// What an invocation says of a completion that says nothing: what was read is not known.
fn without_results(f: &F) -> F {
    match f {
        F::Txn(txn) => {
            let mops = txn.mops.iter().map(|mop| match mop {
                Mop::Poll(_) => Mop::Poll(Poll::default()),
                Mop::Read(key, _) => Mop::Read(*key, Seen::Nothing),
                Mop::Send(_) | Mop::Append(..) | Mop::Write(..) => mop.clone(),
            });
            F::Txn(Txn { mops: mops.collect() })
        }
        F::Poll(_) => F::Poll(Poll::default()),
        F::Send(_) | F::Assign(_) | F::Subscribe(_) | F::Group(_) | F::Share(_) | F::Times(_) | F::Crash => {
            f.clone()
        }
    }
}

impl<'t> Fields<'t> {
    fn of(form: Form<'t>) -> Result<Self, Bad> {
        if form.kind() != Kind::Map {
            return Err(form.instead_of("an operation, which is a map"));
        }
        let mut fields = Self::default();
        let mut parts = form.items();
        while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
            match key.name() {
                Some(b"index") => fields.index = value.int(),
                Some(b"time") => fields.time = Some(value),
                Some(b"process") => fields.process = Some(value),
                Some(b"type") => fields.kind = Some(value),
                Some(b"f") => fields.f = Some(value),
                Some(b"value") => fields.value = Some(value),
                Some(b"error") => fields.error = Some(value),
                Some(b"rebalance-log") => fields.rebalances = Some(value),
                Some(b"seek-to-beginning?") => fields.from_beginning = value.kind() == Kind::True,
                _ => {}
            }
        }
        Ok(fields)
    }

    /// Jepsen writes -1 for a time that it does not know.
    fn nanoseconds(&self) -> Option<u64> {
        let time = self.time?;
        match time.int() {
            Some(time) => u64::try_from(time).ok(),
            None if time.kind() == Kind::Number => {
                let time: f64 = str::from_utf8(time.raw()).ok()?.parse().ok()?;
                (time >= 0.0).then_some(time as u64)
            }
            None => None,
        }
    }

    fn error_text(&self) -> Option<String> {
        let error = self.error.filter(|error| error.kind() != Kind::Nil);
        error.map(words_of)
    }

    /// The keys of all entries of the rebalance log.
    fn rebalanced(&self, numbers: &mut Numbers) -> Result<Vec<Key>, Bad> {
        let mut rebalanced = Vec::new();
        let Some(log) = self.rebalances.filter(|log| log.kind() != Kind::Nil) else {
            return Ok(rebalanced);
        };
        if !log.is_sequence() {
            return Err(log.instead_of("a rebalance log, such as [{:keys [1 2]}]"));
        }
        for entry in log.items().filter(|entry| entry.kind() == Kind::Map) {
            let mut parts = entry.items();
            while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
                if key.name() == Some(b"keys") && value.kind() != Kind::Nil {
                    rebalanced.extend(keys(value, numbers)?);
                }
            }
        }
        Ok(rebalanced)
    }
}

/// What kind of event an operation's `type` says it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum KindOfEvent {
    Invoke,
    Ok,
    Fail,
    Info,
}

impl KindOfEvent {
    fn of(form: Form<'_>) -> Result<Self, Bad> {
        match form.name() {
            Some(b"invoke") => Ok(Self::Invoke),
            Some(b"ok") => Ok(Self::Ok),
            Some(b"fail") => Ok(Self::Fail),
            Some(b"info") => Ok(Self::Info),
            Some(_) => Err(form.bad("expected the type :invoke, :ok, :fail or :info, found another")),
            None => Err(form.instead_of("the type :invoke, :ok, :fail or :info")),
        }
    }

    fn with(self, op: Op) -> What {
        match self {
            Self::Invoke => What::Invoke(op),
            Self::Ok => What::Ok(op),
            Self::Fail => What::Fail(op),
            Self::Info => What::Info(op),
        }
    }
}
