//! What an operation does, from its `f` and its value.

use crate::event::{Assign, F, Mop, Poll, Record, Seen, Send, Subscribe, Txn};
use crate::foreign::names::Numbers;
use crate::foreign::tape::{Bad, Form, Items, Kind};
use crate::header::{Key, Offset, Value};

/// The offset of a record that was read without one: as a broker's clients write "none".
pub const NO_OFFSET: Offset = -1;

/// What came of an operation's `f` and value.
pub enum Work {
    /// It does this.
    Of(F),
    /// Its `f` is known, but it has no value: it does what its invocation said, or else this.
    OfInvocation(F),
    /// It says nothing of the log.
    Beside,
    /// No check knows what it does.
    Unknown,
}

/// Understands an operation. `from_beginning` is what it says beside its value on where an assignment begins.
pub fn work(
    f: Option<Form<'_>>,
    value: Option<Form<'_>>,
    from_beginning: bool,
    numbers: &mut Numbers,
) -> Result<Work, Bad> {
    let name = f.and_then(Form::name);
    let value = value.filter(|value| value.kind() != Kind::Nil);
    let nothing = match name {
        Some(b"crash") => return Ok(Work::Of(F::Crash)),
        Some(b"debug-topic-partitions") => return Ok(Work::Beside),
        Some(b"poll") => F::Poll(Poll::default()),
        Some(b"send" | b"txn") => F::Txn(Txn::default()),
        Some(b"assign") => F::Assign(Assign {
            keys: Vec::new(),
            from_beginning,
        }),
        Some(b"subscribe") => F::Subscribe(Subscribe::default()),
        _ => return of_steps(f, value, numbers),
    };
    let Some(value) = value else {
        return Ok(Work::OfInvocation(nothing));
    };
    Ok(Work::Of(match nothing {
        F::Assign(_) => F::Assign(Assign {
            keys: keys(value, numbers)?,
            from_beginning,
        }),
        F::Subscribe(_) => F::Subscribe(Subscribe {
            keys: keys(value, numbers)?,
        }),
        _ => alone(name, mops(value, numbers)?),
    }))
}

/// An operation that is called by no name of ours is still a transaction if its value holds the steps of one.
fn of_steps(f: Option<Form<'_>>, value: Option<Form<'_>>, numbers: &mut Numbers) -> Result<Work, Bad> {
    let named = f.is_some_and(|f| f.kind() != Kind::Nil);
    let Some(value) = value.filter(|value| value.is_sequence()) else {
        return Ok(Work::Unknown);
    };
    let steps = value.items().all(is_step) && (!named || value.items().next().is_some());
    if !steps {
        return Ok(Work::Unknown);
    }
    let mops = mops(value, numbers)?;
    Ok(Work::Of(F::Txn(Txn { mops })))
}

fn is_step(form: Form<'_>) -> bool {
    let name = form.items().next().and_then(Form::name);
    form.is_sequence() && matches!(name, Some(b"send" | b"poll" | b"append" | b"r" | b"w"))
}

/// One send or poll alone is no transaction, where the operation says so.
fn alone(name: Option<&[u8]>, mut mops: Vec<Mop>) -> F {
    if mops.len() == 1 {
        match (name, mops.pop()) {
            (Some(b"send"), Some(Mop::Send(send))) => return F::Send(send),
            (Some(b"poll"), Some(Mop::Poll(poll))) => return F::Poll(poll),
            (_, mop) => mops.extend(mop),
        }
    }
    F::Txn(Txn { mops })
}

fn mops(value: Form<'_>, numbers: &mut Numbers) -> Result<Vec<Mop>, Bad> {
    if !value.is_sequence() {
        return Err(value.instead_of("a vector of steps, such as [[:append 1 2]]"));
    }
    let steps = value.items();
    let mut mops = Vec::with_capacity(steps.len());
    for step in steps {
        mops.push(mop(step, numbers)?);
    }
    Ok(mops)
}

fn mop(step: Form<'_>, numbers: &mut Numbers) -> Result<Mop, Bad> {
    if !step.is_sequence() {
        return Err(step.instead_of("a step, such as [:append 1 2]"));
    }
    let mut parts = step.items();
    let name = parts.next();
    match name.and_then(Form::name) {
        Some(b"append") => Ok(Mop::Append(
            key(step, &mut parts, numbers)?,
            value(step, &mut parts, numbers)?,
        )),
        Some(b"w") => Ok(Mop::Write(
            key(step, &mut parts, numbers)?,
            value(step, &mut parts, numbers)?,
        )),
        Some(b"r") => Ok(Mop::Read(
            key(step, &mut parts, numbers)?,
            seen(parts.next(), numbers)?,
        )),
        Some(b"send") => send(step, parts, numbers).map(Mop::Send),
        Some(b"poll") => poll(parts.next(), numbers).map(Mop::Poll),
        _ => {
            let expected = ":send, :poll, :append, :r or :w at the start of a step";
            let reason = match name {
                Some(name) => format!("expected {expected}, found {}", found(name)),
                None => format!("expected {expected}, found nothing"),
            };
            Err(name.unwrap_or(step).bad(reason))
        }
    }
}

/// A word as it stands, and anything else by its kind.
fn found(form: Form<'_>) -> String {
    match form.kind() {
        Kind::Keyword | Kind::Symbol | Kind::Text if form.raw().len() < 100 => {
            format!("`{}`", String::from_utf8_lossy(form.raw()))
        }
        kind => kind.in_words().to_owned(),
    }
}

fn key(step: Form<'_>, parts: &mut Items<'_>, numbers: &mut Numbers) -> Result<Key, Bad> {
    let key = parts.next().ok_or_else(|| step.bad("a step without a key"))?;
    numbers.key(key)
}

fn value(step: Form<'_>, parts: &mut Items<'_>, numbers: &mut Numbers) -> Result<Value, Bad> {
    let value = parts.next().ok_or_else(|| step.bad("a step without a value"))?;
    numbers.value(value)
}

/// `[:send k v]`, or `[:send k [offset v]]` with an offset that may be nil.
fn send(step: Form<'_>, mut parts: Items<'_>, numbers: &mut Numbers) -> Result<Send, Bad> {
    let key = key(step, &mut parts, numbers)?;
    let sent = parts.next().ok_or_else(|| step.bad("a step without a value"))?;
    let (offset, value) = if sent.is_sequence() {
        pair(sent)?
    } else {
        (None, sent)
    };
    Ok(Send {
        key,
        value: numbers.value(value)?,
        offset,
        broker: None,
    })
}

/// `[:poll]`, or `[:poll {k [[offset v] …], …}]`.
fn poll(read: Option<Form<'_>>, numbers: &mut Numbers) -> Result<Poll, Bad> {
    let mut records = Vec::new();
    let Some(read) = read.filter(|read| read.kind() != Kind::Nil) else {
        return Ok(Poll { records });
    };
    let empty = read.is_sequence() && read.items().next().is_none();
    if read.kind() != Kind::Map && !empty {
        return Err(read.instead_of("what was polled, such as {1 [[0 5]]}"));
    }
    let mut parts = read.items();
    while let (Some(key), Some(list)) = (parts.next(), parts.next()) {
        if !list.is_sequence() {
            return Err(list.instead_of("records, such as [[0 5] [1 6]]"));
        }
        let key = numbers.key(key)?;
        records.reserve(list.items().len());
        for record in list.items() {
            let (offset, value) = pair(record)?;
            let value = numbers.value(value)?;
            let offset = offset.unwrap_or(NO_OFFSET);
            records.push(Record { key, offset, value });
        }
    }
    Ok(Poll { records })
}

/// An offset, where there is one, and a value.
fn pair(form: Form<'_>) -> Result<(Option<Offset>, Form<'_>), Bad> {
    let mut parts = form.items();
    let (Some(offset), Some(value), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err(form.bad("expected an offset and a value, such as [0 5]"));
    };
    match (form.is_sequence(), offset.kind()) {
        (true, Kind::Int) => Ok((offset.int(), value)),
        (true, Kind::Nil) => Ok((None, value)),
        (true, _) => Err(offset.instead_of("an offset or nil")),
        (false, _) => Err(form.instead_of("an offset and a value, such as [0 5]")),
    }
}

/// What a read shows: nothing yet, a list, or a register's value.
fn seen(form: Option<Form<'_>>, numbers: &mut Numbers) -> Result<Seen, Bad> {
    match form {
        None => Ok(Seen::Nothing),
        Some(form) if form.kind() == Kind::Nil => Ok(Seen::Nothing),
        Some(form) if form.is_sequence() => {
            let elements = form.items();
            let mut values = Vec::with_capacity(elements.len());
            for element in elements {
                values.push(numbers.value(element)?);
            }
            Ok(Seen::List(values))
        }
        Some(form) => numbers.value(form).map(Seen::One),
    }
}

/// The keys that a vector, a list or a set holds.
pub fn keys(form: Form<'_>, numbers: &mut Numbers) -> Result<Vec<Key>, Bad> {
    if !form.is_sequence() && form.kind() != Kind::Set {
        return Err(form.instead_of("keys, such as [1 2]"));
    }
    form.items().map(|key| numbers.key(key)).collect()
}
