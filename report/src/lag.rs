//! How far behind the readers are: of each partition the newest acknowledged offset against the furthest that anybody
//! has read, in the buckets of the other series.

use history::{Event, F, History, Key, Mop, Offset, Op, Poll, Send, What};

use crate::series::Series;

/// Records that are acknowledged and that no client has read or gone past yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lag {
    /// The greatest lag within each bucket.
    pub(crate) buckets: Vec<LagBucket>,
    /// Whether anybody read anything at all before the final reads were over.
    pub(crate) any_read: bool,
}

/// The greatest lag within a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LagBucket {
    /// Of all partitions together.
    pub(crate) total: u64,
    /// Of the partition that was furthest behind, and which.
    pub(crate) worst: u64,
    pub(crate) worst_key: Key,
}

/// Both ends of one partition: one past the newest acknowledged offset, and one past the furthest that was read.
#[derive(Clone, Copy, Default)]
struct Ends {
    written: Offset,
    read: Offset,
}

impl Ends {
    fn lag(self) -> u64 {
        self.written.saturating_sub(self.read).max(0) as u64
    }
}

struct Walk {
    ends: Vec<Ends>,
    total: u64,
    lag: Lag,
}

impl Lag {
    pub(crate) fn of(history: &History, series: &Series) -> Self {
        let mut walk = Walk {
            ends: vec![Ends::default(); history.header.keys() as usize],
            total: 0,
            lag: Self::default(),
        };
        for Event { time, what } in &history.events {
            if let What::Ok(op) = what {
                walk.advance_to((time / series.step) as usize);
                walk.operation(op);
            }
        }
        walk.advance_to(series.buckets.len().saturating_sub(1));
        walk.lag
    }
}

impl Walk {
    /// A bucket begins with what the one before it ended with.
    fn advance_to(&mut self, bucket: usize) {
        if self.lag.buckets.len() > bucket {
            return;
        }
        let worst = (0..).zip(&self.ends).max_by_key(|(_, ends)| ends.lag());
        let (worst_key, worst) = worst.map_or((0, 0), |(key, ends)| (key, ends.lag()));
        let carried = LagBucket {
            total: self.total,
            worst,
            worst_key,
        };
        self.lag.buckets.resize(bucket + 1, carried);
    }

    fn operation(&mut self, op: &Op) {
        match &op.f {
            F::Send(send) => self.sent(send),
            F::Poll(poll) => self.polled(poll),
            F::Txn(txn) => txn.mops.iter().for_each(|mop| match mop {
                Mop::Send(send) => self.sent(send),
                Mop::Poll(poll) => self.polled(poll),
                _ => {}
            }),
            _ => {}
        }
    }

    fn sent(&mut self, send: &Send) {
        if let Some(offset) = send.offset {
            self.change(send.key, |ends| {
                ends.written = ends.written.max(offset.saturating_add(1));
            });
        }
    }

    fn polled(&mut self, poll: &Poll) {
        for record in &poll.records {
            self.lag.any_read = true;
            self.change(record.key, |ends| {
                ends.read = ends.read.max(record.offset.saturating_add(1));
            });
        }
    }

    fn change(&mut self, key: Key, change: impl FnOnce(&mut Ends)) {
        let Some(ends) = self.ends.get_mut(key as usize) else {
            return;
        };
        let before = ends.lag();
        change(ends);
        let lag = ends.lag();
        self.total = (self.total - before).saturating_add(lag);
        if let Some(bucket) = self.lag.buckets.last_mut() {
            bucket.total = bucket.total.max(self.total);
            if lag > bucket.worst {
                (bucket.worst, bucket.worst_key) = (lag, key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use history::{Header, Record, Topic};

    use super::*;
    use crate::series::Bucket;

    fn ok(time: u64, f: F) -> Event {
        Event {
            time,
            what: What::Ok(Op::new(0, 0, f)),
        }
    }

    fn sent(key: Key, offset: Offset) -> F {
        F::Send(Send {
            key,
            value: 0,
            offset: Some(offset),
            broker: None,
        })
    }

    fn polled(key: Key, offset: Offset) -> F {
        F::Poll(Poll {
            records: vec![Record {
                key,
                offset,
                value: 0,
            }],
        })
    }

    #[test]
    fn a_bucket_has_the_greatest_lag_within_it_and_begins_with_what_was_left() {
        let topic = Topic {
            name: "log".to_owned(),
            partitions: 2,
            replication_factor: 1,
            min_insync_replicas: 1,
            unclean_election: false,
            config: std::collections::BTreeMap::new(),
        };
        let history = History {
            header: Header {
                format: String::new(),
                version: 1,
                plan: String::new(),
                seed: 0,
                broker: String::new(),
                client: None,
                started: String::new(),
                nodes: Vec::new(),
                controllers: Vec::new(),
                zookeepers: Vec::new(),
                topics: vec![topic],
                expect: history::Expectation::default(),
            },
            events: vec![
                ok(0, sent(0, 4)),
                ok(5, sent(1, 9)),
                ok(9, polled(1, 7)),
                ok(25, polled(0, 9)),
                ok(26, sent(7, 100)),
            ],
            truncated: false,
        };
        let series = Series {
            step: 10,
            buckets: vec![Bucket::default(); 4],
        };
        let lag = Lag::of(&history, &series);
        let told: Vec<_> = lag
            .buckets
            .iter()
            .map(|bucket| (bucket.total, bucket.worst, bucket.worst_key))
            .collect();
        assert_eq!(told, [(15, 10, 1), (7, 5, 0), (7, 5, 0), (2, 2, 1)]);
    }
}
