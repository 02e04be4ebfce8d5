//! Histories of transactions as lines of the JSON that Elle's command line and its peers read.

use std::fmt::Write;

use history::{Event, F, Mop, Op, Seen, What};

/// An operation on lists or registers as one line without its end; `None` for every other event.
pub fn elle_line(event: &Event, index: u64) -> Option<String> {
    let (kind, op) = match &event.what {
        What::Invoke(op) => ("invoke", op),
        What::Ok(op) => ("ok", op),
        What::Fail(op) => ("fail", op),
        What::Info(op) => ("info", op),
        _ => return None,
    };
    let Op {
        process,
        f: F::Txn(txn),
        ..
    } = op
    else {
        return None;
    };
    let mut line = format!(
        "{{\"index\":{index},\"type\":\"{kind}\",\"process\":{process},\"f\":\"txn\",\"time\":{},\"value\":[",
        event.time
    );
    for (place, mop) in txn.mops.iter().enumerate() {
        line.push_str(if place == 0 { "" } else { "," });
        write_mop(&mut line, mop)?;
    }
    line.push_str("]}");
    Some(line)
}

fn write_mop(line: &mut String, mop: &Mop) -> Option<()> {
    match mop {
        Mop::Append(key, value) => write!(line, "[\"append\",{key},{value}]"),
        Mop::Write(key, value) => write!(line, "[\"w\",{key},{value}]"),
        Mop::Read(key, Seen::Nothing) => write!(line, "[\"r\",{key},null]"),
        Mop::Read(key, Seen::One(value)) => write!(line, "[\"r\",{key},{value}]"),
        Mop::Read(key, Seen::List(values)) => {
            write!(line, "[\"r\",{key},[").ok()?;
            for (place, value) in values.iter().enumerate() {
                write!(line, "{}{value}", if place == 0 { "" } else { "," }).ok()?;
            }
            line.write_str("]]")
        }
        Mop::Send(_) | Mop::Poll(_) => return None,
    }
    .ok()
}
