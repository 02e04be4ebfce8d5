//! What the words of a header say of applications, of transactions, and of what brokers may remove.

use history::{
    Application, Bank, Header, OpenTransaction, Queue, Timestamps, Told, Topic, TransactionLimits, Undecided,
};

use super::parse;

/// Takes a word that is of this kind, and says whether it is.
pub(super) fn take(header: &mut Header, word: &str) -> bool {
    match word.split_once('=') {
        Some(("keep", age)) => {
            let retention = header.expect.retention.get_or_insert_with(Default::default);
            retention.keep = Some(age.parse().expect("a length of time"));
        }
        Some(("keeps", bytes)) => {
            let (bytes, each) = bytes.split_once('/').expect("bytes are ALL/RECORD");
            let retention = header.expect.retention.get_or_insert_with(Default::default);
            (retention.keep_bytes, retention.record_bytes) = (Some(parse(bytes)), parse(each));
        }
        Some(("stay", stay)) => {
            let retention = header.expect.retention.get_or_insert_with(Default::default);
            retention.tombstones_stay = stay.parse().expect("a length of time");
        }
        Some(("names", names)) => {
            let retention = header.expect.retention.get_or_insert_with(Default::default);
            (retention.names, retention.compacts) = (parse(names), true);
        }
        Some(("tombstones", every)) => {
            let retention = header.expect.retention.get_or_insert_with(Default::default);
            retention.tombstone_every = parse(every);
        }
        Some(("queue", queue)) => {
            let parts: Vec<&str> = queue.split(',').collect();
            let span = |at: usize| parts[at].parse().expect("a length of time");
            header.expect.application = Some(Application::Queue(Queue {
                delivery_limit: parse(parts[0]),
                lock: span(1),
                request_timeout: span(2),
                drain: span(3),
            }));
        }
        Some(("then", topic)) => {
            let (name, partitions) = topic.split_once(':').expect("a topic is NAME:PARTITIONS");
            let second = Topic {
                name: name.to_owned(),
                partitions: parse(partitions),
                ..header.topics[0].clone()
            };
            header.topics.push(second);
        }
        Some(("transactions", limits)) => {
            let (timeout, interval) = limits.split_once(',').expect("TIMEOUT,INTERVAL");
            header.expect.transactions = Some(TransactionLimits {
                timeout: timeout.parse().expect("a length of time"),
                abort_interval: interval.parse().expect("a length of time"),
            });
        }
        Some(("skew", skew)) => {
            let skew = skew.parse().expect("a length of time");
            header.expect.application = Some(Application::Timestamps(Timestamps { skew }));
        }
        Some(("bank", initial)) => {
            let initial = parse(initial);
            header.expect.application = Some(Application::Bank(Bank { initial }));
        }
        _ if word == "group" => header.expect.application = Some(Application::Group),
        _ if word == "exactly-once" => {
            header.expect.application = Some(Application::ExactlyOnce);
        }
        _ => return false,
    }
    true
}

/// `0 5:9 told` or `cannot-tell` or `silent`, then `7/e0@5` or `7/e0@5=ID:STATE`
pub(super) fn undecided(words: &[&str]) -> Undecided {
    let (stable, high) = words[1].split_once(':').expect("it is STABLE:HIGH");
    Undecided {
        key: parse(words[0]),
        last_stable: parse(stable),
        high_watermark: parse(high),
        open: words[3..].iter().map(|word| open(word)).collect(),
        told: match words[2] {
            "told" => Told::All,
            "cannot-tell" => Told::CannotTell,
            "silent" => Told::Silent("no answer in 2000 ms".to_owned()),
            other => panic!("nobody tells `{other}`"),
        },
    }
}

fn open(word: &str) -> OpenTransaction {
    let (who, known) = word
        .split_once('=')
        .map_or((word, None), |(who, known)| (who, Some(known)));
    let (producer, rest) = who.split_once("/e").expect("it is PRODUCER/eEPOCH@OFFSET");
    let (epoch, first) = rest.split_once('@').expect("it is PRODUCER/eEPOCH@OFFSET");
    let known = known.map(|known| known.split_once(':').expect("it is ID:STATE"));
    OpenTransaction {
        producer: parse(producer),
        epoch: parse(epoch),
        first: parse(first),
        transactional_id: known.map(|(id, _)| id.to_owned()),
        state: known.map(|(_, state)| state.to_owned()),
    }
}
