//! Reads a line of the form that [`crate::HistoryWriter`] gives to an operation, and no other, without JSON's
//! generality.
//!
//! What is read here means what it means to serde, and whatever is not read here is read by serde: each step passes
//! the very bytes that the writer puts there, so that nothing is left to how a JSON text might else be written.

mod buffers;
mod cursor;

pub(crate) use buffers::Buffers;

use cursor::Cursor;

use std::mem;

use crate::event::{Assign, Event, F, Mop, Op, Poll, Record, Seen, Send, Subscribe, Txn, What};
use crate::header::{Key, Value};
use crate::source::Wanted;

/// Reads the operation's line that the text starts with over an event that is gone, and says how many bytes it took
/// without the line's end.
///
/// The event that is gone holds no memory, or what it holds is lost: see [`Buffers::reclaim`].
#[inline]
pub(crate) fn scan_event(text: &[u8], event: &mut Event, buffers: &mut Buffers) -> Option<usize> {
    let mut scan = Scan {
        line: Cursor::new(text),
        buffers,
    };
    scan.event(event)?;
    Some(text.len() - scan.line.left())
}

/// Passes over the line that the text starts with where it is that of a transaction or a poll which nobody wants, and
/// says how many bytes it took with its end. Whatever else it is stays to be read.
#[inline]
pub(crate) fn pass_over(text: &[u8], event: &mut Event, wanted: &Wanted<'_>) -> Option<usize> {
    let mut line = Cursor::new(text);
    let op = head(&mut line, event)?;
    if wanted(op.op) {
        return None;
    }
    if line.passes(b"{\"txn\":{\"mops\":[") {
        overwrite(&mut op.f, F::Txn(Txn::default()));
    } else {
        line.pass(b"{\"poll\":{\"records\":[")?;
        overwrite(&mut op.f, F::Poll(Poll::default()));
    }
    line.pass_line()?;
    Some(text.len() - line.left())
}

/// What stands before what the operation does.
#[inline]
fn head<'e>(line: &mut Cursor<'_>, event: &'e mut Event) -> Option<&'e mut Op> {
    line.pass(b"{\"time\":")?;
    event.time = line.usually_long_u64()?;
    let op = kind(line, &mut event.what)?;
    line.pass(b"{\"process\":")?;
    op.process = line.u32()?;
    line.pass(b",\"op\":")?;
    op.op = line.u64()?;
    line.pass(b",\"f\":")?;
    Some(op)
}

#[inline]
fn kind<'w>(line: &mut Cursor<'_>, what: &'w mut What) -> Option<&'w mut Op> {
    if line.passes(b",\"invoke\":") {
        overwrite(what, What::Invoke(blank()));
    } else if line.passes(b",\"ok\":") {
        overwrite(what, What::Ok(blank()));
    } else if line.passes(b",\"fail\":") {
        overwrite(what, What::Fail(blank()));
    } else if line.passes(b",\"info\":") {
        overwrite(what, What::Info(blank()));
    } else {
        return None;
    }
    match what {
        What::Invoke(op) | What::Ok(op) | What::Fail(op) | What::Info(op) => Some(op),
        _ => None,
    }
}

struct Scan<'t, 'b> {
    line: Cursor<'t>,
    buffers: &'b mut Buffers,
}

/// Overwrites what holds no memory, without looking for any.
fn overwrite<T>(old: &mut T, new: T) {
    mem::forget(mem::replace(old, new));
}

fn blank() -> Op {
    Op::new(0, 0, F::Crash)
}

impl Scan<'_, '_> {
    #[inline]
    fn event(&mut self, event: &mut Event) -> Option<()> {
        let op = head(&mut self.line, event)?;
        self.f(&mut op.f)?;
        if self.line.passes(b"}}") {
            return Some(());
        }
        self.rest_of_op(op)
    }

    #[inline(never)]
    fn rest_of_op(&mut self, op: &mut Op) -> Option<()> {
        if self.line.passes(b",\"error\":\"") {
            op.error = Some(self.text()?);
        }
        if self.line.passes(b",\"rebalanced\":") {
            op.rebalanced = self.keys()?;
        }
        if self.line.passes(b",\"producer\":") {
            op.producer = Some(self.line.u32()?);
        }
        self.line.pass(b"}}")
    }

    #[inline]
    fn f(&mut self, f: &mut F) -> Option<()> {
        if self.line.passes(b"{\"send\":") {
            overwrite(f, F::Send(self.send()?));
        } else if self.line.passes(b"{\"poll\":") {
            overwrite(f, F::Poll(self.poll()?));
        } else if self.line.passes(b"{\"txn\":{\"mops\":") {
            overwrite(f, F::Txn(self.txn()?));
        } else {
            return self.rare_f(f);
        }
        self.line.pass(b"}")
    }

    #[inline(never)]
    fn rare_f(&mut self, f: &mut F) -> Option<()> {
        if self.line.passes(b"\"crash\"") {
            overwrite(f, F::Crash);
            return Some(());
        }
        if self.line.passes(b"{\"assign\":{\"keys\":") {
            overwrite(f, F::Assign(self.assign()?));
        } else {
            self.line.pass(b"{\"subscribe\":{\"keys\":")?;
            overwrite(f, F::Subscribe(self.subscribe()?));
        }
        self.line.pass(b"}")
    }

    #[inline]
    fn send(&mut self) -> Option<Send> {
        self.line.pass(b"{\"key\":")?;
        let key = self.line.u32()?;
        self.line.pass(b",\"value\":")?;
        let value = self.line.u64()?;
        let offset = if self.line.passes(b",\"offset\":") {
            Some(self.line.i64()?)
        } else {
            None
        };
        let broker = if self.line.passes(b",\"broker\":") {
            Some(self.line.u32()?)
        } else {
            None
        };
        self.line.pass(b"}")?;
        Some(Send {
            key,
            value,
            offset,
            broker,
        })
    }

    #[inline]
    fn poll(&mut self) -> Option<Poll> {
        self.line.pass(b"{\"records\":[")?;
        let mut records = Vec::new();
        if !self.line.passes(b"]") {
            records = self.buffers.records();
            self.list(&mut records, Self::record)?;
        }
        self.line.pass(b"}")?;
        Some(Poll { records })
    }

    #[inline]
    fn record(&mut self) -> Option<Record> {
        self.line.pass(b"[")?;
        let key = self.line.u32()?;
        self.line.pass(b",")?;
        let offset = self.line.i64()?;
        self.line.pass(b",")?;
        let value = self.line.u64()?;
        self.line.pass(b"]")?;
        Some(Record { key, offset, value })
    }

    fn assign(&mut self) -> Option<Assign> {
        let keys = self.keys()?;
        let from_beginning = self.line.passes(b",\"from_beginning\":true}");
        if !from_beginning {
            self.line.pass(b",\"from_beginning\":false}")?;
        }
        Some(Assign { keys, from_beginning })
    }

    fn subscribe(&mut self) -> Option<Subscribe> {
        let keys = self.keys()?;
        self.line.pass(b"}")?;
        Some(Subscribe { keys })
    }

    fn keys(&mut self) -> Option<Vec<Key>> {
        self.line.pass(b"[")?;
        let mut keys = Vec::new();
        if !self.line.passes(b"]") {
            keys = self.buffers.keys();
            self.list(&mut keys, |scan| scan.line.u32())?;
        }
        Some(keys)
    }

    #[inline(never)]
    fn txn(&mut self) -> Option<Txn> {
        self.line.pass(b"[")?;
        let mut mops = Vec::new();
        if !self.line.passes(b"]") {
            mops = self.buffers.mops();
            self.list(&mut mops, Self::mop)?;
        }
        self.line.pass(b"}")?;
        Some(Txn { mops })
    }

    fn mop(&mut self) -> Option<Mop> {
        let mop = if self.line.passes(b"{\"append\":") {
            let (key, value) = self.pair()?;
            Mop::Append(key, value)
        } else if self.line.passes(b"{\"read\":[") {
            self.read()?
        } else if self.line.passes(b"{\"write\":") {
            let (key, value) = self.pair()?;
            Mop::Write(key, value)
        } else if self.line.passes(b"{\"send\":") {
            Mop::Send(self.send()?)
        } else {
            self.line.pass(b"{\"poll\":")?;
            Mop::Poll(self.poll()?)
        };
        self.line.pass(b"}")?;
        Some(mop)
    }

    fn pair(&mut self) -> Option<(Key, Value)> {
        self.line.pass(b"[")?;
        let key = self.line.u32()?;
        self.line.pass(b",")?;
        let value = self.line.u64()?;
        self.line.pass(b"]")?;
        Some((key, value))
    }

    fn read(&mut self) -> Option<Mop> {
        let key = self.line.u32()?;
        self.line.pass(b",")?;
        let seen = if self.line.passes(b"null") {
            Seen::Nothing
        } else if self.line.passes(b"[]") {
            Seen::List(Vec::new())
        } else if self.line.passes(b"[") {
            let mut values = self.buffers.values();
            self.list(&mut values, |scan| scan.line.u64())?;
            Seen::List(values)
        } else {
            Seen::One(self.line.u64()?)
        };
        self.line.pass(b"]")?;
        Some(Mop::Read(key, seen))
    }

    /// What stands up to the bracket that ends a list, which holds at least one.
    #[inline]
    fn list<T>(&mut self, list: &mut Vec<T>, element: impl Fn(&mut Self) -> Option<T>) -> Option<()> {
        loop {
            list.push(element(self)?);
            if !self.line.passes(b",") {
                return self.line.pass(b"]");
            }
        }
    }

    fn text(&mut self) -> Option<String> {
        let text = self.line.plain_text()?;
        let mut bytes = self.buffers.bytes();
        bytes.extend_from_slice(text.as_bytes());
        String::from_utf8(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{Buffers, pass_over, scan_event};
    use crate::event::{Event, F, Op, Poll, Txn, What};
    use crate::line::blank;

    /// The event of a whole line, where it is one that is read here.
    fn scan(line: &str) -> Option<Event> {
        let mut event = blank();
        let length = scan_event(line.as_bytes(), &mut event, &mut Buffers::default())?;
        assert_eq!(length, line.len(), "{line}");
        Some(event)
    }

    #[test]
    fn what_the_writer_writes_is_read_here() {
        for rest in [
            r#""f":{"send":{"key":0,"value":5}}"#,
            r#""f":{"send":{"key":0,"value":5,"offset":9}}"#,
            r#""f":{"send":{"key":4294967295,"value":9999999999999999999,"offset":-1,"broker":2}}"#,
            r#""f":{"poll":{"records":[]}}"#,
            r#""f":{"poll":{"records":[[0,9,5],[1,-9223372036854775807,6]]}}"#,
            r#""f":{"assign":{"keys":[0,1],"from_beginning":true}}"#,
            r#""f":{"assign":{"keys":[],"from_beginning":false}}"#,
            r#""f":{"subscribe":{"keys":[3]}}"#,
            r#""f":"crash""#,
            r#""f":{"txn":{"mops":[]}}"#,
            r#""f":{"txn":{"mops":[{"send":{"key":0,"value":5}},{"poll":{"records":[[0,9,5]]}}]}}"#,
            r#""f":{"txn":{"mops":[{"append":[1,2]},{"write":[1,2]},{"read":[1,null]},{"read":[1,5]}]}}"#,
            r#""f":{"txn":{"mops":[{"read":[1,[]]},{"read":[1,[5]]},{"read":[1,[5,6]]}]}}"#,
            r#""f":"crash","error":"timed out: 3 of 5 (~ 60 %)""#,
            r#""f":"crash","rebalanced":[0,7]"#,
            r#""f":"crash","error":"","rebalanced":[0]"#,
        ] {
            for kind in ["invoke", "ok", "fail", "info"] {
                let line = format!(r#"{{"time":123456789012,"{kind}":{{"process":3,"op":7,{rest}}}}}"#);
                let by_serde: Event = serde_json::from_str(&line).expect("it is of the format");
                assert_eq!(scan(&line), Some(by_serde), "{line}");
            }
        }
    }

    #[test]
    fn what_nobody_wants_is_passed_over() {
        let passed = |rest: &str, wanted: bool| {
            let line = format!("{{\"time\":5,\"ok\":{{\"process\":3,\"op\":7,\"f\":{rest}}}}}\n");
            let mut event = blank();
            let length = pass_over(line.as_bytes(), &mut event, &|op| (op == 7) == wanted)?;
            assert_eq!(length, line.len(), "{line}");
            Some(event)
        };
        let left_out = |f| {
            let what = What::Ok(Op::new(3, 7, f));
            Some(Event { time: 5, what })
        };
        let txn = r#"{"txn":{"mops":[{"append":[1,2]},{"read":[1,[5]]}]}},"rebalanced":[1]"#;
        assert_eq!(passed(txn, false), left_out(F::Txn(Txn::default())));
        assert_eq!(passed(txn, true), None);
        let poll = r#"{"poll":{"records":[[0,9,5]]}},"error":"late""#;
        assert_eq!(passed(poll, false), left_out(F::Poll(Poll::default())));
        assert_eq!(passed(r#"{"send":{"key":0,"value":5}}"#, false), None);
        assert_eq!(
            pass_over(b"{\"time\":5,\"phase\":\"heal\"}\n", &mut blank(), &|_| false),
            None
        );
    }

    #[test]
    fn anything_else_is_left_to_serde() {
        for line in [
            r#"{"time":1,"phase":"heal"}"#,
            r#"{"time":1, "info":{"process":3,"op":7,"f":"crash"}}"#,
            r#"{"info":{"process":3,"op":7,"f":"crash"},"time":1}"#,
            r#"{"time":01,"info":{"process":3,"op":7,"f":"crash"}}"#,
            r#"{"time":1.0,"info":{"process":3,"op":7,"f":"crash"}}"#,
            r#"{"time":1,"info":{"process":3,"op":7,"f":"crash","error":null}}"#,
            r#"{"time":1,"info":{"process":3,"op":7,"f":"crash","error":"a \" in it"}}"#,
            r#"{"time":1,"info":{"process":3,"op":7,"f":"crash","error":"zażółć"}}"#,
            "{\"time\":1,\"info\":{\"process\":3,\"op\":7,\"f\":\"crash\",\"error\":\"a\tb\"}}",
            r#"{"time":1,"info":{"process":3,"op":4294967296,"f":{"subscribe":{"keys":[4294967296]}}}}"#,
            r#"{"time":1,"info":{"process":3,"op":7,"f":{"poll":{"records":[[0,9,5],]}}}}"#,
            r#"{"time":1,"info":{"process":3,"op":7,"f":{"poll":{"records":[[0,9]]}}}}"#,
            r#"{"time":1,"info":{"process":3,"op":7,"f":"crash"}"#,
        ] {
            assert_eq!(scan(line), None, "{line}");
        }
    }
}
