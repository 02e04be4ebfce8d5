//! What a plan can set of the `retention` workload.

use history::{Retention, Span};
use serde::{Deserialize, Serialize};

use crate::arena::{Found, Invalid};
use crate::client::objects::Writing;
use crate::log::Acks;

/// The most bytes that a record takes in a log beside its value, in a batch of its own: the batch's header is 61, the record's own some 20
/// with its key.
const RECORD_OVERHEAD: u64 = 128;

/// The settings of the `retention` workload. What brokers remove the topics' own settings say; here stands what the run is held to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RetentionConfig {
    /// How many clients write.
    pub writers: u32,
    /// How many clients read, each all partitions.
    pub readers: u32,
    /// Writes a second that all clients together begin.
    pub rate: u32,
    /// How many keys the records have at a time; all of a key go to one partition.
    pub names: u32,
    /// After so many records of a key no more come of it, and a new one takes its place; 0: keys last for ever.
    pub renew_every: u32,
    /// Every so-manyth record of a key is a tombstone; 0: none is.
    pub tombstone_every: u32,
    /// Whether a record may go that a newer one of its key follows: for topics that are compacted.
    pub compacted: bool,
    /// How long a tombstone stays at least: no more than the topics' `delete.retention.ms`.
    pub tombstones_stay: Span,
    /// How long any record stays at least: no more than the topics' `retention.ms`. Without it none goes by its age.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<Span>,
    /// How many bytes of each partition stay at least: no more than the topics' `retention.bytes`. Without it none goes by size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_bytes: Option<u64>,
    /// How long a reader reads on before it begins again at the start.
    pub reread_every: Span,
    /// Who must have a record before it is acknowledged: `1` or `all`.
    pub acks: Acks,
    /// `enable.idempotence`: the broker drops what a retry writes twice.
    pub idempotence: bool,
    /// How long a broker may take to answer a request.
    pub request_timeout: Span,
    /// After which time a write counts as unknown.
    pub deadline: Span,
    /// How often a client asks who leads, beside when it is told that it asked the wrong one.
    pub metadata_refresh: Span,
    /// The size of a record's value, in bytes: 8 are the number, the rest is padding.
    pub record_bytes: u32,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self {
            writers: 6,
            readers: 2,
            rate: 200,
            names: 30,
            renew_every: 0,
            tombstone_every: 0,
            compacted: false,
            tombstones_stay: Span::from_secs(1),
            keep: None,
            keep_bytes: None,
            reread_every: Span::from_secs(3),
            acks: Acks::All,
            idempotence: true,
            request_timeout: Span::from_millis(1_500),
            deadline: Span::from_secs(8),
            metadata_refresh: Span::from_secs(1),
            record_bytes: 64,
        }
    }
}

impl RetentionConfig {
    /// Everything that contradicts itself, or is out of range.
    pub(super) fn check(&self) -> Vec<Invalid> {
        let mut found = Found::default();
        let (least, second, hour) = (Span::from_millis(100), Span::from_secs(1), Span::from_secs(3_600));
        found.range("writers", self.writers, 1, 64);
        found.range("readers", self.readers, 0, 64);
        found.range("rate", self.rate, 1, 10_000);
        found.range("names", self.names, 1, 100_000);
        found.range("record-bytes", self.record_bytes, 8, 1_000_000);
        found.span("reread-every", self.reread_every, second, hour);
        found.span("deadline", self.deadline, second, hour);
        found.span("request-timeout", self.request_timeout, least, hour);
        if !self.compacted && self.keep.is_none() && self.keep_bytes.is_none() {
            let reason = "nothing may be removed: set compacted = true, or a time or keep-bytes to keep, as the topics' settings say";
            found.say("keep", reason.to_owned());
        }
        if self.tombstone_every > 0 && !self.compacted {
            let reason = "a tombstone deletes in compacted topics alone: set compacted = true, or none";
            found.say("tombstone-every", reason.to_owned());
        }
        if self.acks == Acks::None {
            let reason = "acks \"0\" says of no write that it happened: give \"1\" or \"all\"";
            found.say("acks", reason.to_owned());
        } else if self.acks == Acks::Leader && self.idempotence {
            let reason =
                "an idempotent producer needs acks \"all\": set idempotence = false, or acks = \"all\"";
            found.say("idempotence", reason.to_owned());
        }
        found.all
    }

    /// What brokers may remove, for the history's header.
    pub(super) fn retention(&self) -> Retention {
        Retention {
            names: self.names.into(),
            renew_every: self.renew_every.into(),
            tombstone_every: self.tombstone_every.into(),
            compacts: self.compacted,
            tombstones_stay: self.tombstones_stay,
            keep: self.keep,
            keep_bytes: self.keep_bytes,
            record_bytes: if self.keep_bytes.is_some() {
                u64::from(self.record_bytes) + RECORD_OVERHEAD
            } else {
                0
            },
        }
    }

    pub(super) fn writing(&self) -> Writing {
        Writing {
            acks: self.acks,
            idempotence: self.idempotence,
            deadline: self.deadline,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RetentionConfig;
    use crate::arena::assert_wrong;
    use crate::log::Acks;
    use history::Span;

    #[track_caller]
    fn check(change: impl FnOnce(&mut RetentionConfig), expected: &[(&str, &str)]) {
        let mut config = RetentionConfig {
            keep: Some(Span::from_secs(5)),
            ..RetentionConfig::default()
        };
        change(&mut config);
        assert_wrong(&config.check(), expected);
    }

    #[test]
    fn what_contradicts_itself_is_named() {
        check(|_| {}, &[]);
        check(|config| config.writers = 0, &[("writers", "1 to 64")]);
        check(|config| config.names = 0, &[("names", "1 to 100000")]);
        check(|config| config.keep = None, &[("keep", "nothing may be removed")]);
        check(
            |config| config.tombstone_every = 3,
            &[("tombstone-every", "compacted")],
        );
        check(|config| config.acks = Acks::None, &[("acks", "of no write")]);
        check(
            |config| config.acks = Acks::Leader,
            &[("idempotence", "acks \"all\"")],
        );
        let compacted = |config: &mut RetentionConfig| {
            (config.compacted, config.keep, config.tombstone_every) = (true, None, 3);
        };
        check(compacted, &[]);
        check(
            |config| (config.keep, config.keep_bytes) = (None, Some(100_000)),
            &[],
        );
    }
}
