//! What clients do and are told, from words.

use history::{
    Acknowledge, Acknowledged, Acquire, Acquired, Assign, Change, Commit, Committed, F, Fate, GroupStep, Key,
    LookUp, MemberId, Mop, Offset, Op, Poll, Rebalance, Record, Seen, Send, ShareStep, Stamp, Subscribe,
    TimeStep, Txn, What,
};

use super::parse;

pub(super) fn completion(kind: &str, process: u32, op: u64, f: F) -> What {
    let error = (kind != "ok").then(|| "timed out".to_owned());
    let op = Op {
        error,
        ..Op::new(process, op, f)
    };
    match kind {
        "ok" => What::Ok(op),
        "fail" => What::Fail(op),
        "info" => What::Info(op),
        other => panic!("no completion: `{other}`"),
    }
}

/// What stands beside an operation.
pub(super) fn is_aside(word: &str) -> bool {
    word.starts_with("rebalanced=") || word.starts_with("prod=")
}

/// `m1.g3`: its id, and its generation.
pub(super) fn member(word: &str) -> MemberId {
    let (id, generation) = word.split_once(".g").expect("a member is ID.gGENERATION");
    MemberId {
        id: id.to_owned(),
        generation: parse(generation),
    }
}

/// `0@5`, and `0@none` where nothing is.
pub(super) fn committed(word: &str) -> (Key, Option<Offset>) {
    let (key, offset) = word.split_once('@').expect("what is committed is KEY@OFFSET");
    (parse(key), (offset != "none").then(|| parse(offset)))
}

pub(super) fn group_step(words: &[&str]) -> GroupStep {
    let rest = &words[1..];
    match words[0] {
        "commit" => GroupStep::Commit(Commit {
            member: member(rest[0]),
            offsets: rest[1..]
                .iter()
                .map(|word| committed(word))
                .filter_map(|(key, offset)| Some((key, offset?)))
                .collect(),
        }),
        "committed" => GroupStep::Committed(Committed {
            offsets: rest.iter().map(|word| committed(word)).collect(),
        }),
        _ => GroupStep::Rebalance(Rebalance {
            change: match rest[0] {
                "given" => Change::Given,
                "revoked" => Change::Revoked,
                "lost" => Change::Lost,
                other => panic!("no change: `{other}`"),
            },
            member: member(rest[1]),
            keys: rest[2..].iter().map(|word| parse(word)).collect(),
        }),
    }
}

pub(super) fn function(words: &[&str], completed: bool) -> F {
    let rest = &words[1..];
    match words[0] {
        "send" => {
            let (key, value) = rest[0].split_once(':').expect("a send is KEY:VALUE");
            let offset = rest.iter().find_map(|word| word.strip_prefix('@')).map(parse);
            let by = rest.iter().position(|word| *word == "by");
            let broker = by.map(|at| parse(rest[at + 1]));
            F::Send(Send {
                key: parse(key),
                value: parse(value),
                offset,
                broker,
            })
        }
        "poll" if completed => F::Poll(Poll {
            records: rest.iter().map(|word| record(word)).collect(),
        }),
        "poll" => F::Poll(Poll::default()),
        "assign" => F::Assign(Assign {
            keys: rest
                .iter()
                .filter(|word| **word != "from-beginning")
                .map(|word| parse(word))
                .collect(),
            from_beginning: rest.contains(&"from-beginning"),
        }),
        "subscribe" => F::Subscribe(Subscribe {
            keys: rest.iter().map(|word| parse(word)).collect(),
        }),
        "txn" => F::Txn(Txn {
            mops: rest
                .split(|word| *word == "|")
                .filter(|step| !step.is_empty())
                .map(|step| object_step(step).unwrap_or_else(|| mop(function(step, completed))))
                .collect(),
        }),
        "commit" | "committed" | "rebalance" => F::Group(group_step(words)),
        "acquire" => F::Share(ShareStep::Acquire(Acquire {
            records: rest.iter().map(|word| acquired(word)).collect(),
        })),
        "acknowledge" => F::Share(ShareStep::Acknowledge(Acknowledge {
            records: rest.iter().map(|word| acknowledged(word)).collect(),
        })),
        "clock" => F::Times(TimeStep::Clock(rest.first().map_or(0, |wall| parse(wall)))),
        "times" => F::Times(TimeStep::Read(rest.iter().map(|word| stamp(word)).collect())),
        "look-up" => {
            let (key, time) = rest[0].split_once(':').expect("a look-up is KEY:TIME");
            F::Times(TimeStep::LookUp(LookUp {
                key: parse(key),
                time: parse(time),
                found: rest.iter().find_map(|word| word.strip_prefix('@')).map(parse),
            }))
        }
        "crash" => F::Crash,
        other => panic!("no operation: `{other}`"),
    }
}

/// A step on a list or a register; `None` where it is none.
pub(super) fn object_step(words: &[&str]) -> Option<Mop> {
    let pair = |word: &str| {
        let (object, value) = word.split_once(':').expect("a change is OBJECT:VALUE");
        (parse(object), parse(value))
    };
    match words {
        ["append", change] => {
            let (object, value) = pair(change);
            Some(Mop::Append(object, value))
        }
        ["set", change] => {
            let (object, value) = pair(change);
            Some(Mop::Write(object, value))
        }
        ["read", seen] => {
            let (object, seen) = seen.split_once('=').unwrap_or((seen, "nil"));
            Some(Mop::Read(parse(object), object_seen(seen)))
        }
        _ => None,
    }
}

pub(super) fn object_seen(word: &str) -> Seen {
    if word == "nil" {
        return Seen::Nothing;
    }
    let values = word.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    values.map_or_else(
        || Seen::One(parse(word)),
        |values| {
            let values = values.split(',').filter(|value| !value.is_empty());
            Seen::List(values.map(parse).collect())
        },
    )
}

pub(super) fn stamp(word: &str) -> Stamp {
    let (of, time) = word.split_once('/').expect("a time is KEY@OFFSET=VALUE/TIME");
    let record = record(of);
    Stamp {
        key: record.key,
        offset: record.offset,
        value: record.value,
        time: parse(time),
    }
}

pub(super) fn mop(f: F) -> Mop {
    match f {
        F::Send(send) => Mop::Send(send),
        F::Poll(poll) => Mop::Poll(poll),
        other => panic!("no step of a transaction: {other:?}"),
    }
}

pub(super) fn record(word: &str) -> Record {
    let (key, rest) = word.split_once('@').expect("a record is KEY@OFFSET=VALUE");
    let (offset, value) = rest.split_once('=').expect("a record is KEY@OFFSET=VALUE");
    Record {
        key: parse(key),
        offset: parse(offset),
        value: parse(value),
    }
}

/// `KEY@OFFSET=VALUExDELIVERIES`.
pub(super) fn acquired(word: &str) -> Acquired {
    let (word, deliveries) = word
        .split_once('x')
        .expect("a delivery is KEY@OFFSET=VALUExDELIVERIES");
    let Record { key, offset, value } = record(word);
    Acquired {
        key,
        offset,
        value: Some(value),
        deliveries: parse(deliveries),
    }
}

/// `KEY@OFFSET=accept`, with + where it was confirmed, - where it was refused, and ? or nothing where nobody knows.
pub(super) fn acknowledged(word: &str) -> Acknowledged {
    let (key, rest) = word
        .split_once('@')
        .expect("an acknowledgement is KEY@OFFSET=FATE");
    let (offset, fate) = rest
        .split_once('=')
        .expect("an acknowledgement is KEY@OFFSET=FATE");
    Acknowledged {
        key: parse(key),
        offset: parse(offset),
        fate: match fate.trim_end_matches(['+', '-', '?']) {
            "accept" => Fate::Accept,
            "release" => Fate::Release,
            "reject" => Fate::Reject,
            other => panic!("no fate of a record: `{other}`"),
        },
        confirmed: match fate.chars().last() {
            Some('+') => Some(true),
            Some('-') => Some(false),
            _ => None,
        },
    }
}
