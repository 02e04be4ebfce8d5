//! What else a history of a run holds: readers, the prober's attempts, the brokers' own lines.

use std::collections::BTreeMap;

use history::{BrokerLine, Event, F, History, Key, NodeId, Op, Poll, ProbeOf, Probed, Record, What};

use super::cluster::MS;

/// Readers that share the partitions and read one of them after the other.
pub struct Readers {
    /// Their processes are numbered from here on.
    pub first: u32,
    pub count: u32,
    /// How often each polls, and how much it gets at most.
    pub every: u64,
    pub batch: usize,
    pub from: u64,
    pub until: u64,
}

/// Lets the readers read what is acknowledged by then.
pub fn read(history: &mut History, readers: &Readers) {
    let mut logs: BTreeMap<Key, Vec<(u64, Record)>> = BTreeMap::new();
    let mut op = 0;
    for event in &history.events {
        match &event.what {
            What::Invoke(invoked) => op = op.max(invoked.op + 1),
            What::Ok(Op { f: F::Send(send), .. }) => {
                let record = Record {
                    key: send.key,
                    offset: send.offset.unwrap_or_default(),
                    value: send.value,
                };
                logs.entry(send.key).or_default().push((event.time, record));
            }
            _ => {}
        }
    }
    for log in logs.values_mut() {
        log.sort_by_key(|(_, record)| record.offset);
    }
    let mut positions: BTreeMap<Key, usize> = BTreeMap::new();
    let keys: Vec<Key> = logs.keys().copied().collect();
    let mut turn = 0;
    let mut at = readers.from * MS;
    while at < readers.until * MS {
        for reader in 0..readers.count {
            let own: Vec<Key> = keys
                .iter()
                .copied()
                .filter(|key| key % readers.count == reader)
                .collect();
            let Some(key) = own.get(turn % own.len().max(1)) else {
                continue;
            };
            let position = positions.entry(*key).or_default();
            let rest = logs[key][*position..].iter();
            let there = rest.take_while(|(time, _)| *time < at).take(readers.batch);
            let records: Vec<Record> = there.map(|(_, record)| *record).collect();
            *position += records.len();
            let make = |records| Op::new(readers.first + reader, op, F::Poll(Poll { records }));
            let (asked, got) = (make(Vec::new()), make(records));
            history.events.push(Event {
                time: at,
                what: What::Invoke(asked),
            });
            history.events.push(Event {
                time: at + 3 * MS,
                what: What::Ok(got),
            });
            op += 1;
        }
        turn += 1;
        at += readers.every * MS;
    }
    history.events.sort_by_key(|event| event.time);
}

/// What the prober found of a partition: all well but for these times, in milliseconds, in which writes failed for this
/// reason, and reads with them where it says so.
pub fn probe(history: &mut History, key: Key, outages: &[(u64, u64, bool)], why: &str) {
    let streak = |f, from: u64, until: u64, failed: Option<String>| Event {
        time: until * MS,
        what: What::Probed(Probed {
            key,
            f,
            from: from * MS,
            until: until * MS,
            attempts: if failed.is_some() { 9 } else { 2 },
            failed,
        }),
    };
    for f in [ProbeOf::Write, ProbeOf::Read] {
        history.events.push(streak(f, 3_100, 3_200, None));
        for (from, to, reads) in outages {
            if f == ProbeOf::Write || *reads {
                history
                    .events
                    .push(streak(f, *from, to - 50, Some(why.to_owned())));
                history.events.push(streak(f, *to, to + 100, None));
            }
        }
    }
    history.events.sort_by_key(|event| event.time);
}

/// What a broker said in its log, in the order of the file: when the run was over.
pub fn say(history: &mut History, lines: &[(NodeId, u64, &str)]) {
    let end = history.events.last().map_or(0, |event| event.time);
    history.events.extend(lines.iter().map(|(node, at, text)| Event {
        time: end,
        what: What::Line(BrokerLine {
            node: *node,
            at: at * MS,
            key: None,
            text: (*text).to_owned(),
        }),
    }));
}
