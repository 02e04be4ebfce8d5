//! What the words of a header say of applications, and of what brokers may remove.

use history::{Application, Bank, Header, Queue, Timestamps, Topic};

use super::parse;

/// Takes a word that is of this kind, and says whether it is.
pub(super) fn take(header: &mut Header, word: &str) -> bool {
    match word.split_once('=') {
        Some(("keep", age)) => {
            let retention = header.expect.retention.get_or_insert_with(Default::default);
            retention.keep = Some(age.parse().expect("a length of time"));
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
