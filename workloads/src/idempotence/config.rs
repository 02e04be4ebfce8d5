//! What a plan can set of the `idempotence` workload.

use history::Span;
use serde::{Deserialize, Serialize};

use crate::arena::{Found, Invalid};
use crate::log::LogConfig;

/// The settings of the `idempotence` workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct IdempotenceConfig {
    /// How many producers.
    pub producers: u32,
    /// How many consumers share the partitions among them.
    pub consumers: u32,
    /// Writes a second that all producers together begin.
    pub rate: u32,
    /// `enable.idempotence`. Without it a retry may write twice, and overtake: that breaks the workload's promise.
    pub idempotence: bool,
    /// Writes that one producer may have open at once.
    pub open_sends: u32,
    /// Requests that a producer has under way at one broker, at most 5.
    pub max_in_flight: u32,
    /// Whether a new producer with several requests under way begins its second write to a partition only once the first was
    /// acknowledged. A broker takes any first sequence number of a producer that it does not know (KIP-360): where the first batch
    /// fails, one that overtook it stands before it, and then there twice.
    pub first_alone: bool,
    /// How long a producer waits for more records before it sends a batch.
    pub linger: Span,
    /// The largest batch, in bytes: small ones make many requests.
    pub batch_bytes: u32,
    /// How long the client goes on trying to write a record before it gives it up; without it without end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry: Option<Span>,
    /// What becomes of a client that gave a record up.
    pub after_expiry: AfterExpiry,
    /// How long a broker may take to answer a request.
    pub request_timeout: Span,
    /// When Tribunal itself counts a write without a delivery report as `info`.
    pub deadline: Span,
    /// The size of a record's value, in bytes: 8 are the number, the rest is padding.
    pub record_bytes: u32,
    /// The mean time between crashes of each client; without it none crashes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crash_every: Option<Span>,
}

/// What becomes of a client that gave a record up. Kafka's documentation advises to end it: what it had under way may be there or not,
/// and a client that goes on may write that twice (`KafkaProducer`'s documentation of idempotence; KAFKA-14397).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterExpiry {
    /// It ends with all that it has under way, and a new one follows.
    #[default]
    NewProducer,
    /// It goes on.
    SameProducer,
}

impl Default for IdempotenceConfig {
    fn default() -> Self {
        Self {
            producers: 3,
            consumers: 1,
            rate: 400,
            idempotence: true,
            open_sends: 100,
            max_in_flight: 5,
            first_alone: true,
            linger: Span::from_millis(1),
            batch_bytes: 500,
            expiry: None,
            after_expiry: AfterExpiry::default(),
            request_timeout: Span::from_millis(1_000),
            deadline: Span::from_secs(20),
            record_bytes: 32,
            crash_every: None,
        }
    }
}

impl IdempotenceConfig {
    /// Everything that contradicts itself, or is out of range.
    pub(super) fn check(&self) -> Vec<Invalid> {
        let mut found = Found::default();
        if self.expiry.is_some_and(|expiry| expiry >= self.deadline) {
            found.say(
                "expiry",
                format!(
                    "no write is waited for so long: give it less than the deadline of {}",
                    self.deadline
                ),
            );
        }
        let least = self.linger.duration() + self.request_timeout.duration();
        if self.expiry.is_some_and(|expiry| expiry.duration() < least) {
            found.say(
                "expiry",
                format!(
                    "it ends before the first request may: give it at least the linger of {} and the request-timeout of {} together",
                    self.linger, self.request_timeout
                ),
            );
        }
        found.range("max-in-flight", self.max_in_flight, 1, 5);
        let log = self.log().check();
        found.all.extend(
            log.into_iter()
                .filter(|invalid| invalid.path != ["max-in-flight"] && invalid.path != ["delivery-timeout"]),
        );
        found.all
    }

    /// The same as settings of the workload `log`, whose clients do the work.
    pub(super) fn log(&self) -> LogConfig {
        LogConfig {
            producers: self.producers,
            consumers: self.consumers,
            rate: self.rate,
            idempotence: self.idempotence,
            open_sends: self.open_sends,
            max_in_flight: self.max_in_flight,
            linger: self.linger,
            batch_bytes: self.batch_bytes,
            delivery_timeout: self.expiry.unwrap_or(LogConfig::default().delivery_timeout),
            request_timeout: self.request_timeout,
            deadline: self.deadline,
            record_bytes: self.record_bytes,
            crash_every: self.crash_every,
            ..LogConfig::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use history::Span;

    use super::{AfterExpiry, IdempotenceConfig};
    use crate::arena::assert_wrong;

    #[test]
    fn what_contradicts_itself_is_refused() {
        assert_wrong(&IdempotenceConfig::default().check(), &[]);
        let config = IdempotenceConfig {
            expiry: Some(Span::from_secs(20)),
            max_in_flight: 6,
            ..IdempotenceConfig::default()
        };
        assert_wrong(
            &config.check(),
            &[
                ("expiry", "less than the deadline"),
                ("max-in-flight", "give 1 to 5"),
            ],
        );
        let config = IdempotenceConfig {
            expiry: Some(Span::from_secs(1)),
            ..IdempotenceConfig::default()
        };
        assert_wrong(
            &config.check(),
            &[("expiry", "the linger of 1ms and the request-timeout of 1s")],
        );
    }

    #[test]
    fn a_client_that_gave_a_record_up_ends_unless_it_is_to_go_on() {
        let config: IdempotenceConfig = toml::from_str("expiry = \"2s\"").expect("a sound plan");
        assert_eq!(config.after_expiry, AfterExpiry::NewProducer);
        let config: IdempotenceConfig =
            toml::from_str("expiry = \"2s\"\nafter-expiry = \"same-producer\"").expect("a sound plan");
        assert_eq!(config.after_expiry, AfterExpiry::SameProducer);
    }
}
