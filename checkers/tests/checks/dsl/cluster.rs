//! What nodes are seen to say, hold and decide, from words.

use history::{Claim, DiskCopy, LogChunk, MetadataBatch, MetadataLog, Metric, Moment, Phase, Ruling};

use super::{list, parse};

pub(super) fn phase(word: &str) -> Phase {
    match word {
        "setup" => Phase::Setup,
        "steady" => Phase::Steady,
        "faults" => Phase::Faults,
        "heal" => Phase::Heal,
        "settle" => Phase::Settle,
        "final-reads" => Phase::FinalReads,
        "teardown" => Phase::Teardown,
        other => panic!("no phase: `{other}`"),
    }
}

pub(super) fn claim(word: &str) -> Claim {
    let (key, rest) = word.split_once('=').expect("a claim is KEY=LEADER/eEPOCH[ISR]");
    let (leader, rest) = rest.split_once("/e").expect("a claim is KEY=LEADER/eEPOCH[ISR]");
    let (epoch, isr) = rest.split_once('[').expect("a claim is KEY=LEADER/eEPOCH[ISR]");
    Claim {
        key: parse(key),
        leader: (leader != "none").then(|| parse(leader)),
        epoch: parse(epoch),
        isr: list(isr.trim_end_matches(']')),
    }
}

/// A metric by its word in a history: `under-replicated=1`.
pub(super) fn metric(word: &str) -> (Metric, i64) {
    let (name, value) = word.split_once('=').expect("a metric is NAME=VALUE");
    let named = |metric: &Metric| {
        let word = serde_json::to_string(metric).expect("a word has a form in JSON");
        word.trim_matches('"') == name
    };
    let metric = Metric::ALL.into_iter().find(named);
    (
        metric.unwrap_or_else(|| panic!("no metric: `{name}`")),
        parse(value),
    )
}

pub(super) fn disk_copy(node: u32, begun: u64, metadata: MetadataLog) -> DiskCopy {
    DiskCopy {
        node,
        incarnation: 0,
        begun,
        moment: Moment::AtTheEnd,
        directory: None,
        logs: Vec::new(),
        metadata: Some(metadata),
        quorum: None,
        problems: Vec::new(),
    }
}

pub(super) fn metadata_log(words: &[&str]) -> MetadataLog {
    let find = |prefix: &str| words.iter().find_map(|word| word.strip_prefix(prefix)).map(parse);
    let batch = |word: &&str| {
        let (offsets, rest) = word.split_once("/t")?;
        let (first, last) = offsets.split_once('-').expect("a batch is FIRST-LAST/tTERM:SUM");
        let (term, crc) = rest.split_once(':').expect("a batch is FIRST-LAST/tTERM:SUM");
        Some(MetadataBatch {
            first: parse(first),
            last: parse(last),
            term: parse(term),
            crc: parse(crc),
        })
    };
    let place = words.iter().position(|word| *word == "rules");
    let (words, rules) = words.split_at(place.unwrap_or(words.len()));
    let batches: Vec<MetadataBatch> = words.iter().filter_map(batch).collect();
    let term = batches.last().map_or(0, |batch| batch.term);
    let rules = rules.get(1..).unwrap_or_default();
    MetadataLog {
        start: 0,
        end: find("end=").expect("a log has an end="),
        high_watermark: find("hw="),
        rulings: rules.iter().map(|word| ruling(word, term)).collect(),
        batches,
    }
}

pub(super) fn ruling(word: &str, term: i32) -> Ruling {
    let parts = word
        .split(['@', '=', '['])
        .map(|part| part.trim_end_matches([']', '!']));
    let parts: Vec<&str> = parts.collect();
    let (leader, epochs) = parts[2].split_once("/e").expect("a ruling names an epoch");
    let (epoch, partition_epoch) = epochs.split_once('.').expect("and a partition epoch");
    Ruling {
        offset: parse(parts[0]),
        term,
        written_ms: 0,
        key: parse(parts[1]),
        leader: (leader != "none").then(|| parse(leader)),
        epoch: parse(epoch),
        partition_epoch: parse(partition_epoch),
        isr: list(parts[3]),
        elr: list(parts.get(4).unwrap_or(&"")),
        last_known_elr: Vec::new(),
        recovering: word.ends_with('!'),
    }
}

pub(super) fn chunk(words: &[&str]) -> LogChunk {
    let records = words.iter().filter_map(|word| {
        let (offset, rest) = word.split_once('=')?;
        let (value, epoch) = rest.split_once("/e")?;
        Some((parse(offset), parse(value), parse(epoch)))
    });
    LogChunk {
        key: parse(words[0]),
        high_watermark: parse(
            words[1]
                .strip_prefix("hw=")
                .expect("a piece of a log names its hw="),
        ),
        last: words.contains(&"last"),
        records: records.collect(),
    }
}

/// `0=1/e4[1,2]elr[3]`
pub(super) fn eligible(word: &str) -> history::Eligible {
    let (known, elr) = word.split_once("elr").unwrap_or((word, "[]"));
    let Claim {
        key,
        leader,
        epoch,
        isr,
    } = claim(known);
    history::Eligible {
        key,
        leader,
        epoch,
        isr,
        elr: list(elr.trim_matches(['[', ']'])),
        last_known: Vec::new(),
    }
}

/// `0/e4`
pub(super) fn reign(word: &str) -> (u32, i32) {
    let (partition, epoch) = word.split_once("/e").expect("it is PARTITION/eEPOCH");
    (parse(partition), parse(epoch))
}

/// `0/e4=7:9` or `0/e4=WHY`
pub(super) fn stand(word: &str) -> history::Stand {
    let (reign_of, answer) = word.split_once('=').expect("a stand is REIGN=ANSWER");
    let (key, epoch) = reign(reign_of);
    let ends = answer
        .split_once(':')
        .map(|(high, end)| (parse(high), parse(end)));
    history::Stand {
        key,
        epoch,
        high_watermark: ends.map(|ends| ends.0),
        end: ends.map(|ends| ends.1),
        refused: ends.is_none().then(|| answer.to_owned()),
    }
}

/// `0/e4=w7,r9` or `0/e4=wNO,r9`
pub(super) fn service(word: &str) -> history::Service {
    let (reign_of, answer) = word.split_once('=').expect("a service is REIGN=ANSWER");
    let (partition, epoch) = reign(reign_of);
    let (write, read) = answer.split_once(',').expect("a write and a read");
    let answer = |word: &str| match word[1..].parse() {
        Ok(offset) => history::Answer::Done(offset),
        Err(_) => history::Answer::Refused("NOT_LEADER_OR_FOLLOWER".to_owned()),
    };
    history::Service {
        partition,
        epoch,
        write: answer(write),
        read: answer(read),
    }
}
