//! Properties: a clean log is valid whatever its clients do, each planted mutation is caught by the check
//! that names it, and nothing whatever makes a check panic.

use checkers::{Options, SubVia, Validity, Verdict, check_history};
use history::{Claim, Event, F, History, Metadata, Mop, Observed, Op, Phase, Probe, Record, What};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::simulation::{FINAL, KEYS, foreign, simulate, steps};
use crate::{brief, judge, told};

/// Whether a finding of this name has a case with this value.
fn names(verdict: &Verdict, anomaly: &str, value: u64) -> bool {
    let findings = verdict.anomalies.get(anomaly);
    findings.is_some_and(|findings| findings.cases.iter().any(|case| case.values.contains(&value)))
}

/// The records of every completed poll that a filter lets through.
fn polls(history: &mut History, wanted: impl Fn(u32) -> bool) -> Vec<&mut Vec<Record>> {
    let events = history.events.iter_mut();
    events
        .filter_map(|event| match &mut event.what {
            What::Ok(op) if wanted(op.process) => Some(op),
            _ => None,
        })
        .flat_map(read)
        .collect()
}

fn final_polls(history: &mut History) -> Vec<&mut Vec<Record>> {
    polls(history, |process| process == FINAL)
}

/// The values of writes that ended in one way.
fn values(history: &History, wanted: impl Fn(&What) -> bool) -> Vec<u64> {
    let events = history.events.iter().filter(|event| wanted(&event.what));
    events
        .filter_map(|event| match &event.what {
            What::Ok(op) | What::Fail(op) | What::Info(op) | What::Invoke(op) => Some(op),
            _ => None,
        })
        .flat_map(|op| sent(op).into_iter().map(|(_, value)| value))
        .collect()
}

/// The keys and values that an operation sends.
fn sent(op: &Op) -> Vec<(u32, u64)> {
    match &op.f {
        F::Send(send) => vec![(send.key, send.value)],
        F::Txn(txn) => {
            let sends = txn.mops.iter().filter_map(|mop| match mop {
                Mop::Send(send) => Some((send.key, send.value)),
                _ => None,
            });
            sends.collect()
        }
        _ => Vec::new(),
    }
}

/// All records that an operation read.
fn read(op: &mut Op) -> Vec<&mut Vec<Record>> {
    match &mut op.f {
        F::Poll(poll) => vec![&mut poll.records],
        F::Txn(txn) => {
            let polls = txn.mops.iter_mut().filter_map(|mop| match mop {
                Mop::Poll(poll) => Some(&mut poll.records),
                _ => None,
            });
            polls.collect()
        }
        _ => Vec::new(),
    }
}

fn acknowledged(history: &History) -> Vec<u64> {
    values(history, |what| matches!(what, What::Ok(_)))
}

/// Removes a value from what clients read and replicas hold.
fn unread(history: &mut History, value: u64) {
    for event in &mut history.events {
        match &mut event.what {
            What::Ok(op) | What::Info(op) | What::Fail(op) => {
                for records in read(op) {
                    records.retain(|record| record.value != value);
                }
            }
            What::Observed(Observed {
                answer: Probe::Log(chunk),
                ..
            }) => {
                chunk.records.retain(|record| record.1 != value);
            }
            _ => {}
        }
    }
}

/// Removes a write with every observation of its value.
fn remove(history: &mut History, value: u64) {
    unread(history, value);
    history.events.retain_mut(|event| match &mut event.what {
        What::Invoke(op) | What::Ok(op) | What::Info(op) | What::Fail(op) => match &mut op.f {
            F::Send(send) => send.value != value,
            F::Txn(txn) => {
                txn.mops
                    .retain(|mop| !matches!(mop, Mop::Send(send) if send.value == value));
                true
            }
            _ => true,
        },
        _ => true,
    });
}

/// Adds an event just before the phase of healing.
fn insert(history: &mut History, what: impl FnOnce(u64) -> What) {
    let at = history
        .events
        .iter()
        .position(|event| event.what == What::Phase(Phase::Heal));
    let at = at.expect("the simulation heals");
    let time = history.events[at].time;
    history.events.insert(
        at,
        Event {
            time,
            what: what(time),
        },
    );
}

fn claim(node: u32, key: u32, leader: u32, epoch: i32) -> impl FnOnce(u64) -> What {
    move |time| {
        let claim = Claim {
            key,
            leader: Some(leader),
            epoch,
            isr: vec![leader],
        };
        let answer = Probe::Metadata(Metadata { claims: vec![claim] });
        What::Observed(Observed {
            node,
            incarnation: 0,
            asked: time,
            answer,
        })
    }
}

/// The records of each transaction that was acknowledged.
fn transactions(history: &History) -> Vec<Vec<(u32, u64)>> {
    let ended = history.events.iter().filter_map(|event| match &event.what {
        What::Ok(op) if matches!(op.f, F::Txn(_)) => Some(sent(op)),
        _ => None,
    });
    ended.collect()
}

/// Values that a client sent to one partition, the second when the first had been acknowledged.
fn followed(history: &History) -> Vec<(u64, u64)> {
    let mut last = std::collections::BTreeMap::new();
    let mut pairs = Vec::new();
    for event in &history.events {
        match &event.what {
            What::Ok(op) => {
                if let F::Send(send) = &op.f
                    && let Some(before) = last.insert((op.process, send.key), send.value)
                {
                    pairs.push((before, send.value));
                }
            }
            // What else it sent meanwhile would come between.
            What::Info(op) | What::Invoke(op) if matches!(op.f, F::Txn(_)) => {
                last.retain(|(process, _), _| *process != op.process);
            }
            _ => {}
        }
    }
    pairs
}

/// Puts two values into each other's places, wherever they were seen.
fn swap(history: &mut History, first: u64, second: u64) {
    let other = |value: u64| match value {
        _ if value == first => second,
        _ if value == second => first,
        _ => value,
    };
    let mut offsets = std::collections::BTreeMap::new();
    for event in &mut history.events {
        let (What::Ok(op) | What::Info(op) | What::Fail(op)) = &mut event.what else {
            continue;
        };
        if let F::Send(send) = &op.f {
            offsets.insert(send.value, send.offset);
        }
        for record in read(op).into_iter().flatten() {
            record.value = other(record.value);
        }
    }
    for event in &mut history.events {
        if let What::Ok(op) = &mut event.what
            && let F::Send(send) = &mut op.f
            && let Some(offset) = offsets.get(&other(send.value))
        {
            send.offset = *offset;
        }
    }
}

proptest! {
    #[test]
    fn a_clean_log_is_valid(steps in steps()) {
        let verdict = check_history(&simulate(&steps));
        prop_assert_eq!(verdict.valid, Validity::Valid, "{}", told(&verdict));
        prop_assert_eq!(verdict.stats.lost, 0);
    }

    #[test]
    fn so_it_is_as_a_history_of_others(steps in steps(), ww_deps: bool) {
        let options = Options { ww_deps, sub_via: SubVia::Subscribe, ..Options::default() };
        let verdict = judge(&foreign(&simulate(&steps)), &options);
        prop_assert_eq!(verdict.valid, Validity::Valid, "{}", told(&verdict));
    }

    #[test]
    fn a_run_that_promised_faults_is_not_valid_without_any(steps in steps()) {
        let mut history = simulate(&steps);
        history.header.expect.without_faults = false;
        prop_assert!(brief(&check_history(&history)).starts_with("unknown: effect"));
    }

    #[test]
    fn a_dropped_value_is_lost(steps in steps(), which: Index) {
        let mut history = simulate(&steps);
        let value = *which.get(&acknowledged(&history));
        for records in final_polls(&mut history) {
            records.retain(|record| record.value != value);
        }
        let verdict = check_history(&history);
        // A log of one record leaves nothing to read: then the reader contradicts its own end.
        let alone = final_polls(&mut history).iter().all(|records| records.is_empty());
        prop_assert!(names(&verdict, "lost-write", value) || alone, "{}", told(&verdict));
        prop_assert!(verdict.valid != Validity::Valid);
    }

    #[test]
    fn a_value_dropped_everywhere_is_lost(steps in steps(), which: Index) {
        let mut history = simulate(&steps);
        let value = *which.get(&acknowledged(&history));
        unread(&mut history, value);
        let verdict = check_history(&history);
        let alone = final_polls(&mut history).iter().all(|records| records.is_empty());
        prop_assert!(names(&verdict, "lost-write", value) || alone, "{}", told(&verdict));
        prop_assert!(verdict.stats.lost <= 1);
    }

    #[test]
    fn a_repeated_value_is_a_duplicate(steps in steps(), which: Index) {
        let mut history = simulate(&steps);
        let value = *which.get(&acknowledged(&history));
        let mut last = None;
        for records in final_polls(&mut history) {
            let found = records.iter().find(|record| record.value == value).copied();
            last = found.or(last);
        }
        let record = last.expect("an acknowledged value is read");
        let mut polls = final_polls(&mut history);
        let end = polls.last_mut().expect("there are final polls");
        end.push(Record { offset: 1_000, ..record });
        prop_assert!(names(&check_history(&history), "duplicate", value));
    }

    #[test]
    fn swapped_records_are_nonmonotonic(steps in steps(), which: Index) {
        let mut history = simulate(&steps);
        let polls = final_polls(&mut history);
        let mut pairs: Vec<(&mut Record, &mut Record)> = Vec::new();
        for records in polls {
            for pair in records.chunks_mut(2) {
                if let [left, right] = pair && left.key == right.key {
                    pairs.push((left, right));
                }
            }
        }
        prop_assume!(!pairs.is_empty());
        let index = which.index(pairs.len());
        let (left, right) = &mut pairs[index];
        std::mem::swap(*left, *right);
        let value = right.value;
        let verdict = check_history(&history);
        prop_assert!(names(&verdict, "int-nonmonotonic-poll", value), "{}", told(&verdict));
    }

    #[test]
    fn a_divergent_value_is_inconsistent(steps in steps(), which: Index) {
        let mut history = simulate(&steps);
        let mut polls = polls(&mut history, |process| process != FINAL);
        let mut records: Vec<&mut Record> = polls.iter_mut().flat_map(|records| records.iter_mut()).collect();
        prop_assume!(!records.is_empty());
        let index = which.index(records.len());
        let offset = records[index].offset;
        let (key, value) = (records[index].key, records[index].value);
        // Another value of the run, or a phantom where there is none.
        records[index].value = u64::from(value == 0);
        let verdict = check_history(&history);
        let found = verdict.anomalies.get("inconsistent-offsets");
        let found = found.is_some_and(|found| {
            found.cases.iter().any(|case| case.key == Some(key) && case.offset == Some(offset))
        });
        prop_assert!(found, "{}", told(&verdict));
    }

    #[test]
    fn a_value_that_nobody_sent_is_a_phantom(steps in steps(), which: Index, value in 1_000..u64::MAX) {
        let mut history = simulate(&steps);
        let mut polls = final_polls(&mut history);
        let index = which.index(polls.len());
        let records = &mut *polls[index];
        let offset = records.iter().map(|record| record.offset).max().unwrap_or(0) + 500;
        records.push(Record { key: 0, offset, value });
        prop_assert!(names(&check_history(&history), "phantom-read", value));
    }

    #[test]
    fn a_record_of_another_partition_is_misplaced(steps in steps(), which: Index) {
        let mut history = simulate(&steps);
        let mut polls = final_polls(&mut history);
        let mut records: Vec<&mut Record> = polls.iter_mut().flat_map(|records| records.iter_mut()).collect();
        let index = which.index(records.len());
        let record = &mut *records[index];
        record.key = (record.key + 1) % KEYS;
        let value = record.value;
        prop_assert!(names(&check_history(&history), "misplaced-record", value));
    }

    #[test]
    fn a_failed_write_that_is_read_is_aborted(steps in steps(), which: Index) {
        let mut history = simulate(&steps);
        let failed = values(&history, |what| matches!(what, What::Fail(_)));
        prop_assume!(!failed.is_empty());
        let value = *which.get(&failed);
        let of_it = |op: &Op| sent(op).into_iter().find(|(_, sent)| *sent == value);
        let sent = history.events.iter().find_map(|event| match &event.what {
            What::Invoke(op) => of_it(op),
            _ => None,
        });
        let (key, _) = sent.expect("it was sent");
        let mut polls = final_polls(&mut history);
        let last = polls.last_mut().expect("there are final polls");
        last.push(Record { key, offset: 1_000, value });
        prop_assert!(names(&check_history(&history), "G1a", value));
    }

    #[test]
    fn a_replica_that_lacks_a_record_diverges(steps in steps(), which: Index) {
        let mut history = simulate(&steps);
        let mut copies: Vec<&mut Vec<(i64, u64, i32)>> = history.events.iter_mut().filter_map(|event| {
            match &mut event.what {
                What::Observed(Observed { answer: Probe::Log(chunk), .. }) if !chunk.records.is_empty() => {
                    Some(&mut chunk.records)
                }
                _ => None,
            }
        }).collect();
        let index = which.index(copies.len());
        let index_in_piece = which.index(copies[index].len());
        let (_, value, _) = copies[index].remove(index_in_piece);
        let verdict = check_history(&history);
        prop_assert!(names(&verdict, "replica-divergence", value), "{}", told(&verdict));
    }

    #[test]
    fn a_second_leader_and_a_step_back_are_caught(steps in steps(), key in 0..KEYS, epoch in 1_000..9_000) {
        let mut history = simulate(&steps);
        insert(&mut history, claim(1, key, 2, epoch));
        prop_assert_eq!(check_history(&history).valid, Validity::Valid);
        let mut two = history.clone();
        insert(&mut two, claim(3, key, 1, epoch));
        prop_assert!(check_history(&two).anomalies.contains_key("two-leaders-in-epoch"));
        insert(&mut history, |time| What::Observed(Observed {
            node: 1,
            incarnation: 0,
            asked: time,
            answer: Probe::Silent(history::Silence { asked_for: "metadata".to_owned(), reason: String::new() }),
        }));
        let at = history.events.len() - 1;
        let time = history.events[at].time + 1;
        history.events.push(Event { time, what: claim(1, key, 2, epoch - 1)(time) });
        prop_assert!(check_history(&history).anomalies.contains_key("epoch-went-back"));
    }

    #[test]
    fn a_write_that_others_never_read_is_lost_or_unseen(steps in steps(), which: Index) {
        let mut history = foreign(&simulate(&steps));
        let value = *which.get(&acknowledged(&history));
        unread(&mut history, value);
        let verdict = judge(&history, &Options { sub_via: SubVia::Subscribe, ..Options::default() });
        let missed = ["lost-write", "unseen"].into_iter().any(|name| names(&verdict, name, value));
        prop_assert!(missed, "{}", told(&verdict));
    }

    #[test]
    fn a_torn_transaction_is_a_lost_write(steps in steps(), which: Index) {
        let mut history = simulate(&steps);
        let torn = transactions(&history);
        let torn: Vec<&Vec<(u32, u64)>> = torn.iter().filter(|records| records.len() > 1).collect();
        prop_assume!(!torn.is_empty());
        let (_, value) = torn[which.index(torn.len())][0];
        unread(&mut history, value);
        let verdict = check_history(&history);
        prop_assert!(names(&verdict, "lost-write", value), "{}", told(&verdict));
    }

    #[test]
    fn a_transaction_that_reads_its_own_writes_is_caught(steps in steps(), which: Index) {
        let mut history = simulate(&steps);
        let ends = history.events.iter_mut().filter_map(|event| match &mut event.what {
            What::Ok(op) | What::Fail(op) | What::Info(op) => Some(op),
            _ => None,
        });
        let mut reading: Vec<&mut Op> = ends.filter(|op| {
            matches!(&op.f, F::Txn(txn) if matches!(txn.mops[..], [Mop::Poll(_), Mop::Send(_), ..]))
        }).collect();
        prop_assume!(!reading.is_empty());
        let op = which.index(reading.len());
        let (key, value) = sent(reading[op])[0];
        read(reading[op])[0].push(Record { key, offset: 1_000, value });
        prop_assert!(names(&check_history(&history), "precommitted-read", value));
    }

    #[test]
    fn a_record_that_is_left_out_is_a_skip(steps in steps(), which: Index) {
        let mut history = simulate(&steps);
        // A transaction of unknown outcome that nobody else read may have been aborted.
        let certain = acknowledged(&history);
        let mut polls = final_polls(&mut history);
        let mut middles: Vec<(usize, usize)> = Vec::new();
        for (poll, records) in polls.iter().enumerate() {
            for (place, three) in records.windows(3).enumerate() {
                if three[0].key == three[2].key && certain.contains(&three[1].value) {
                    middles.push((poll, place + 1));
                }
            }
        }
        prop_assume!(!middles.is_empty());
        let (poll, place) = middles[which.index(middles.len())];
        let skipped = polls[poll].remove(place);
        let verdict = check_history(&history);
        let known = !verdict.anomalies.contains_key("phantom-read");
        prop_assert!(known && names(&verdict, "int-poll-skip", skipped.value), "{}", told(&verdict));
    }

    #[test]
    fn writes_of_a_client_in_the_wrong_order_are_caught(steps in steps(), which: Index) {
        let mut history = foreign(&simulate(&steps));
        let followed = followed(&history);
        prop_assume!(!followed.is_empty());
        let (first, second) = followed[which.index(followed.len())];
        swap(&mut history, first, second);
        let verdict = judge(&history, &Options::default());
        prop_assert!(names(&verdict, "nonmonotonic-send", second), "{}", told(&verdict));
    }

    #[test]
    fn what_is_read_before_it_is_sent_closes_a_circle(steps in steps(), which: Index) {
        let mut history = foreign(&simulate(&steps));
        let value = *which.get(&acknowledged(&history));
        let of_it = |event: &Event| match &event.what {
            What::Invoke(op) => sent(op).iter().any(|(_, sent)| *sent == value),
            _ => false,
        };
        let at = history.events.iter().position(of_it).expect("it was sent");
        let key = match &history.events[at].what {
            What::Invoke(op) => sent(op).iter().find(|(_, sent)| *sent == value).expect("it was sent").0,
            _ => unreachable!("an invocation"),
        };
        let time = history.events[at].time;
        let poll = F::Poll(history::Poll { records: vec![Record { key, offset: -1, value }] });
        let op = Op::new(77, 1_000_000, poll);
        for (place, what) in [What::Invoke(op.clone()), What::Ok(op)].into_iter().enumerate() {
            history.events.insert(at + place, Event { time, what });
        }
        let verdict = judge(&history, &Options { sub_via: SubVia::Subscribe, ..Options::default() });
        prop_assert!(names(&verdict, "G1c-realtime", value), "{}", told(&verdict));
    }

    #[test]
    fn removing_a_write_with_all_that_was_seen_of_it_adds_no_loss(steps in steps(), which: Index) {
        let mut history = simulate(&steps);
        let value = *which.get(&acknowledged(&history));
        remove(&mut history, value);
        let verdict = check_history(&history);
        prop_assert!(verdict.valid != Validity::Invalid, "{}", told(&verdict));
    }

    #[test]
    fn removing_an_info_write_that_nobody_read_changes_nothing(steps in steps(), which: Index) {
        let mut history = simulate(&steps);
        let read: Vec<u64> = polls(&mut history, |_| true).into_iter().flatten().map(|record| record.value).collect();
        let info = values(&history, |what| matches!(what, What::Info(_)));
        let unread: Vec<u64> = info.into_iter().filter(|value| !read.contains(value)).collect();
        prop_assume!(!unread.is_empty());
        let before = brief(&check_history(&history));
        remove(&mut history, *which.get(&unread));
        prop_assert_eq!(brief(&check_history(&history)), before);
    }

    #[test]
    fn no_disorder_makes_a_check_panic(
        steps in steps(),
        moves in prop::collection::vec(any::<(Index, Index, u8)>(), 1..20),
        truncated: bool,
        others: bool,
        ww_deps: bool,
    ) {
        let mut history = simulate(&steps);
        if others {
            history = foreign(&history);
        }
        history.truncated = truncated;
        for (from, to, what) in moves {
            let (from, to) = (from.index(history.events.len()), to.index(history.events.len()));
            match what % 4 {
                0 => history.events.swap(from, to),
                1 if history.events.len() > 1 => drop(history.events.remove(from)),
                2 => {
                    let again = history.events[from].clone();
                    history.events.insert(to, again);
                }
                _ => history.events[from].time = to as u64,
            }
        }
        let verdict = judge(&history, &Options { ww_deps, ..Options::default() });
        let told = told(&verdict);
        prop_assert!(!told.contains("bug of its own"), "{}", told);
    }
}
