//! What a plan can set of the `log` workload.

use history::Span;
use serde::{Deserialize, Serialize};

use crate::arena::{Found, Invalid};
use crate::client::GroupProtocol;

/// The settings of the `log` workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LogConfig {
    /// How many producers.
    pub producers: u32,
    /// How many consumers share the partitions among them.
    pub consumers: u32,
    /// How they come by their partitions.
    pub consume_by: ConsumeBy,
    /// How the members of a group agree on who reads what.
    pub group_protocol: GroupProtocol,
    /// Writes a second that all producers together begin.
    pub rate: u32,
    /// Writes that one producer may have open at once; a producer that has as many begins no more.
    pub open_sends: u32,
    /// Who must have a record before it is acknowledged.
    pub acks: Acks,
    /// `enable.idempotence`: the broker drops what a retry writes twice.
    pub idempotence: bool,
    /// How long a producer waits for more records before it sends a batch.
    pub linger: Span,
    /// The largest batch, in bytes.
    pub batch_bytes: u32,
    /// Requests that a producer has under way at one broker. With more than one an idempotent librdkafka makes
    /// duplicates of its own: where a request fails and the next one has overtaken it, it takes a new producer epoch and
    /// sends again, under that, what may have been written under the old one.
    pub max_in_flight: u32,
    /// How long a broker may take to answer a request.
    pub request_timeout: Span,
    /// How long the client goes on trying to write a record. An idempotent librdkafka that gives a record up takes a
    /// new producer epoch and may then write twice what else it had under way: long enough that this never happens.
    pub delivery_timeout: Span,
    /// When Tribunal itself counts a write without a delivery report as `info`.
    pub deadline: Span,
    /// How often a client asks who leads, beside when it is told that it asked the wrong one.
    pub metadata_refresh: Span,
    /// How long a poll gathers records after its first.
    pub poll_timeout: Span,
    /// How many records one poll returns at most.
    pub poll_records: u32,
    /// The size of a record's value, in bytes: 8 are the number, the rest is padding.
    pub record_bytes: u32,
    /// The mean time between crashes of each client; without it none crashes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crash_every: Option<Span>,
}

/// Who must have a record before it is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Acks {
    /// Nobody: it counts as written once it is sent, and has no offset.
    #[serde(rename = "0")]
    None,
    /// The leader.
    #[serde(rename = "1")]
    Leader,
    /// Every replica of the ISR.
    #[default]
    #[serde(rename = "all")]
    All,
}

impl Acks {
    /// As Kafka writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "0",
            Self::Leader => "1",
            Self::All => "all",
        }
    }
}

/// How consumers come by their partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConsumeBy {
    /// Each names its own, which never change.
    #[default]
    Assign,
    /// They are members of a group, which shares the partitions among those that live.
    Subscribe,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            producers: 4,
            consumers: 2,
            consume_by: ConsumeBy::Assign,
            group_protocol: GroupProtocol::Classic,
            rate: 400,
            open_sends: 500,
            acks: Acks::All,
            idempotence: true,
            linger: Span::from_millis(1),
            batch_bytes: 100_000,
            max_in_flight: 1,
            request_timeout: Span::from_millis(1_500),
            delivery_timeout: Span::from_secs(120),
            deadline: Span::from_secs(8),
            metadata_refresh: Span::from_secs(1),
            poll_timeout: Span::from_millis(100),
            poll_records: 500,
            record_bytes: 64,
            crash_every: None,
        }
    }
}

/// The smallest record: the number alone.
pub(crate) const RECORD_BYTES_MIN: u32 = 8;
/// The largest record: brokers take a little more than a million bytes.
const RECORD_BYTES_MAX: u32 = 1_000_000;

impl LogConfig {
    /// Everything that contradicts itself or cannot be done.
    pub(crate) fn check(&self) -> Vec<Invalid> {
        let mut found = Found::default();
        found.range("producers", self.producers, 1, 64);
        found.range("consumers", self.consumers, 0, 64);
        found.range("rate", self.rate, 1, 100_000);
        found.range("open-sends", self.open_sends, 1, 10_000);
        found.range("batch-bytes", self.batch_bytes, 1, 10_000_000);
        found.range("max-in-flight", self.max_in_flight, 1, 1_000);
        found.range("poll-records", self.poll_records, 1, 10_000);
        found.range(
            "record-bytes",
            self.record_bytes,
            RECORD_BYTES_MIN,
            RECORD_BYTES_MAX,
        );
        if self.group_protocol != GroupProtocol::Classic && self.consume_by == ConsumeBy::Assign {
            let reason =
                "consumers that name their partitions are in no group: set consume-by = \"subscribe\"";
            found.say("group-protocol", reason.to_owned());
        }
        self.check_times(&mut found);
        self.check_idempotence(&mut found);
        found.all
    }

    /// When the client library gives a record up by itself; never, for an idempotent producer.
    ///
    /// When librdkafka gives one record up, its producer takes a new epoch, so as not to leave a gap in the sequence
    /// numbers, and with it sends again what else it had under way: the broker cannot tell that from new records,
    /// and what had been written stands there twice, by no fault of the cluster's (librdkafka
    /// 2.12, `INTRODUCTION.md`, "Message timeout considerations", and `rd_kafka_idemp_drain_epoch_bump`). The deadline ends such a write as `info`.
    pub(crate) fn client_gives_up_after(&self) -> Option<Span> {
        (!self.idempotence).then_some(self.delivery_timeout)
    }

    fn check_times(&self, found: &mut Found) {
        let second = Span::from_secs(1);
        found.span("linger", self.linger, Span::default(), second);
        found.span("poll-timeout", self.poll_timeout, Span::from_millis(1), second);
        let (short, long) = (Span::from_millis(100), Span::from_secs(300));
        found.span("request-timeout", self.request_timeout, short, long);
        found.span("delivery-timeout", self.delivery_timeout, short, long);
        found.span("deadline", self.deadline, short, long);
        found.span("metadata-refresh", self.metadata_refresh, short, long);
        if let Some(crash) = self.crash_every {
            found.span("crash-every", crash, second, Span::from_secs(3_600));
        }
        if self.delivery_timeout < self.request_timeout {
            found.say(
                "delivery-timeout",
                format!(
                    "{} ends before the first request may ({} is the request-timeout): give it at least as much",
                    self.delivery_timeout, self.request_timeout
                ),
            );
        }
        if self.deadline <= self.request_timeout {
            found.say(
                "deadline",
                format!(
                    "{} leaves a broker no time to answer: give it more than the request-timeout of {}",
                    self.deadline, self.request_timeout
                ),
            );
        }
    }

    fn check_idempotence(&self, found: &mut Found) {
        if !self.idempotence {
            return;
        }
        if self.acks != Acks::All {
            found.say(
                "idempotence",
                format!(
                    "an idempotent producer needs acks = \"all\", and this one has acks = \"{}\": \
                     set idempotence = false",
                    self.acks.word()
                ),
            );
        }
        if self.max_in_flight > 5 {
            found.say(
                "max-in-flight",
                format!(
                    "an idempotent producer has at most 5 requests in flight, and this one has {}: \
                     set it to 5 or idempotence = false",
                    self.max_in_flight
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Acks, ConsumeBy, LogConfig};
    use crate::arena::assert_wrong;
    use crate::client::GroupProtocol;
    use history::Span;

    #[track_caller]
    fn check(change: impl FnOnce(&mut LogConfig), expected: &[(&str, &str)]) {
        let mut config = LogConfig::default();
        change(&mut config);
        assert_wrong(&config.check(), expected);
    }

    #[test]
    fn the_default_is_sound() {
        check(|_| {}, &[]);
    }

    #[test]
    fn acks_below_all_need_no_idempotence() {
        for acks in [Acks::None, Acks::Leader] {
            check(
                |config| config.acks = acks,
                &[("idempotence", "set idempotence = false")],
            );
            let plain = |config: &mut LogConfig| (config.acks, config.idempotence) = (acks, false);
            check(plain, &[]);
        }
    }

    #[test]
    fn an_idempotent_producer_has_few_requests_in_flight() {
        check(
            |config| config.max_in_flight = 6,
            &[("max-in-flight", "at most 5")],
        );
    }

    #[test]
    fn what_is_out_of_range_is_named_with_its_range() {
        check(|config| config.producers = 0, &[("producers", "1 to 64")]);
        check(|config| config.rate = 0, &[("rate", "1 to 100000")]);
        check(
            |config| config.record_bytes = 7,
            &[("record-bytes", "8 to 1000000")],
        );
        let crash = |config: &mut LogConfig| config.crash_every = Some(Span::from_millis(10));
        check(crash, &[("crash-every", "\"1s\" to \"1h\"")]);
    }

    #[test]
    fn a_group_has_members() {
        let alone = |config: &mut LogConfig| config.group_protocol = GroupProtocol::Consumer;
        check(alone, &[("group-protocol", "consume-by = \"subscribe\"")]);
        let member = |config: &mut LogConfig| {
            (config.consume_by, config.group_protocol) = (ConsumeBy::Subscribe, GroupProtocol::Consumer);
        };
        check(member, &[]);
    }

    #[test]
    fn times_that_end_in_the_wrong_order_are_refused() {
        let early = |config: &mut LogConfig| config.deadline = config.request_timeout;
        check(early, &[("deadline", "more than the request-timeout of 1500ms")]);
        let short = |config: &mut LogConfig| config.delivery_timeout = Span::from_secs(1);
        check(short, &[("delivery-timeout", "request-timeout")]);
    }

    #[test]
    fn a_plan_sets_what_it_likes_and_nothing_else() {
        let config: LogConfig =
            toml::from_str("acks = \"1\"\nidempotence = false\nlinger = \"5ms\"").expect("a sound plan");
        assert_eq!((config.acks, config.linger), (Acks::Leader, Span::from_millis(5)));
        let wrong = [
            ("ack = \"1\"", "unknown field `ack`"),
            ("acks = \"2\"", "unknown variant `2`"),
            ("linger = 5", "such as \"1500ms\""),
            ("rate = \"many\"", "expected u32"),
        ];
        for (text, part) in wrong {
            let error = toml::from_str::<LogConfig>(text).expect_err(text).to_string();
            assert!(
                error.contains("line 1, column") && error.contains(part),
                "{error}"
            );
        }
    }
}
