//! What a plan can set of the `queue` workload.

use history::{Queue, Span};
use serde::{Deserialize, Serialize};

use crate::arena::{Found, Invalid};
use crate::log::{Acks, LogConfig};

/// The settings of the `queue` workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct QueueConfig {
    /// How many producers.
    pub producers: u32,
    /// How many members the share group has.
    pub members: u32,
    /// Writes a second that all producers together begin.
    pub rate: u32,
    /// Who must have a record before it is acknowledged.
    pub acks: Acks,
    /// `enable.idempotence` of the producers.
    pub idempotence: bool,
    /// Of a hundred records so many are released, to be delivered again.
    pub releases: u32,
    /// Of a hundred records so many are rejected.
    pub rejects: u32,
    /// How long a member holds what it acquired before it says anything, on average.
    pub hold: Span,
    /// The brokers' `group.share.record.lock.duration.ms`.
    pub lock: Span,
    /// The brokers' `group.share.delivery.count.limit`.
    pub delivery_limit: u32,
    /// The mean time between two acquisitions of each member that it sits on until their locks have run out; without it none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall_every: Option<Span>,
    /// The mean time between crashes of each member, each with what it had acquired; without it none crashes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crash_every: Option<Span>,
    /// How long a broker may take to answer a request.
    pub request_timeout: Span,
    /// When Tribunal itself counts a write without a report, or an acknowledgement without an answer, as `info`.
    pub deadline: Span,
    /// How often a client asks who leads, beside when it is told that it asked the wrong one.
    pub metadata_refresh: Span,
    /// How long an acquisition waits for a record.
    pub poll_timeout: Span,
    /// For so long the members go on after the last record, before the group counts as drained.
    pub drain: Span,
    /// The size of a record's value, in bytes: 8 are the number, the rest is padding.
    pub record_bytes: u32,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            producers: 2,
            members: 3,
            rate: 60,
            acks: Acks::All,
            idempotence: true,
            releases: 10,
            rejects: 5,
            hold: Span::from_millis(20),
            lock: Span::from_secs(3),
            delivery_limit: 5,
            stall_every: None,
            crash_every: None,
            request_timeout: Span::from_millis(1_500),
            deadline: Span::from_secs(8),
            metadata_refresh: Span::from_secs(1),
            poll_timeout: Span::from_millis(500),
            drain: Span::from_secs(8),
            record_bytes: 32,
        }
    }
}

impl QueueConfig {
    /// Everything that contradicts itself, or is out of range.
    pub(super) fn check(&self) -> Vec<Invalid> {
        let mut found = Found::default();
        found.range("members", self.members, 1, 64);
        found.range("releases", self.releases, 0, 90);
        found.range("rejects", self.rejects, 0, 90);
        found.range("delivery-limit", self.delivery_limit, 2, 10);
        let (second, hour) = (Span::from_secs(1), Span::from_secs(3_600));
        found.span("hold", self.hold, Span::default(), self.lock);
        found.span("lock", self.lock, second, hour);
        found.span("poll-timeout", self.poll_timeout, Span::from_millis(10), second);
        for (name, every) in [
            ("stall-every", self.stall_every),
            ("crash-every", self.crash_every),
        ] {
            if let Some(every) = every {
                found.span(name, every, second, hour);
            }
        }
        if self.releases + self.rejects > 90 {
            let reason =
                "with the rejects of a hundred records fewer than ten are accepted: give less of both";
            found.say("releases", reason.to_owned());
        }
        if self.drain.as_millis() < 2 * self.lock.as_millis() {
            let reason = format!(
                "{} ends before what a member that is gone held can be delivered again: give at least twice the lock of {}",
                self.drain, self.lock
            );
            found.say("drain", reason);
        }
        // What producers are given is what those of the `log` workload are.
        let taken = [
            "producers",
            "rate",
            "idempotence",
            "record-bytes",
            "request-timeout",
            "deadline",
            "metadata-refresh",
        ];
        let producers = self.producers().check().into_iter();
        found.all.extend(
            producers.filter(|invalid| invalid.path.iter().any(|field| taken.contains(&field.as_str()))),
        );
        found.all
    }

    /// The producers, as those of the `log` workload.
    pub(super) fn producers(&self) -> LogConfig {
        LogConfig {
            producers: self.producers,
            rate: self.rate,
            acks: self.acks,
            idempotence: self.idempotence,
            request_timeout: self.request_timeout,
            deadline: self.deadline,
            metadata_refresh: self.metadata_refresh,
            record_bytes: self.record_bytes,
            ..LogConfig::default()
        }
    }

    /// What the group is held to.
    pub(super) fn queue(&self) -> Queue {
        Queue {
            delivery_limit: self.delivery_limit,
            lock: self.lock,
            request_timeout: self.request_timeout,
            drain: self.drain,
        }
    }
}

#[cfg(test)]
mod tests {
    use history::Span;

    use super::QueueConfig;
    use crate::arena::assert_wrong;
    use crate::log::Acks;

    #[track_caller]
    fn check(change: impl FnOnce(&mut QueueConfig), expected: &[(&str, &str)]) {
        let mut config = QueueConfig::default();
        change(&mut config);
        assert_wrong(&config.check(), expected);
    }

    #[test]
    fn what_contradicts_itself_is_named() {
        check(|_| {}, &[]);
        check(|config| config.members = 0, &[("members", "1 to 64")]);
        check(|config| config.producers = 0, &[("producers", "1 to 64")]);
        check(
            |config| config.delivery_limit = 1,
            &[("delivery-limit", "2 to 10")],
        );
        check(
            |config| config.acks = Acks::Leader,
            &[("idempotence", "idempotence = false")],
        );
        let much = |config: &mut QueueConfig| (config.releases, config.rejects) = (50, 50);
        check(much, &[("releases", "accepted")]);
        let short = |config: &mut QueueConfig| config.drain = Span::from_secs(5);
        check(short, &[("drain", "twice the lock")]);
    }
}
