//! What a plan can set of the `list-append` workload.

use history::Span;
use serde::{Deserialize, Serialize};

use crate::arena::{Found, Invalid};
use crate::client::objects::{Data, ReadBy, Settings};
use crate::log::Acks;

/// The settings of the `list-append` workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ListAppendConfig {
    /// How many clients, each a producer and a consumer of all partitions.
    pub clients: u32,
    /// Operations a second that all clients together begin.
    pub rate: u32,
    /// Of a hundred operations so many are reads.
    pub reads: u32,
    /// How many appends a list gets before its partition's next list takes its place.
    pub appends: u32,
    /// Up to where a read reads: `barrier` or `end`. It decides which consistency model the run is held to.
    pub read: ReadBy,
    /// Who must have a record before it is acknowledged: `1` or `all`.
    pub acks: Acks,
    /// `enable.idempotence`: the broker drops what a retry writes twice. Without it a repeated element counts where it stands first.
    pub idempotence: bool,
    /// How long a client builds upon what it has read before it reads all logs from their start again.
    pub reread_every: Span,
    /// How long a broker may take to answer a request.
    pub request_timeout: Span,
    /// After which time a write counts as unknown and a read as failed.
    pub deadline: Span,
    /// How often a client asks who leads, beside when it is told that it asked the wrong one.
    pub metadata_refresh: Span,
    /// The size of a record's value, in bytes: 8 are the number, the rest is padding.
    pub record_bytes: u32,
}

impl Default for ListAppendConfig {
    fn default() -> Self {
        Self {
            clients: 8,
            rate: 160,
            reads: 40,
            appends: 60,
            read: ReadBy::Barrier,
            acks: Acks::All,
            idempotence: true,
            reread_every: Span::from_secs(5),
            request_timeout: Span::from_millis(1_500),
            deadline: Span::from_secs(8),
            metadata_refresh: Span::from_secs(1),
            record_bytes: 32,
        }
    }
}

impl ListAppendConfig {
    /// Everything that contradicts itself, or is out of range.
    pub(super) fn check(&self) -> Vec<Invalid> {
        let mut found = Found::default();
        self.settings().check(&mut found);
        found.range("rate", self.rate, 1, 10_000);
        found.range("reads", self.reads, 1, 99);
        // A read is as long as its list.
        found.range("appends", self.appends, 1, 10_000);
        let (least, hour) = (Span::from_millis(100), Span::from_secs(3_600));
        found.span("request-timeout", self.request_timeout, least, hour);
        found.all
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            data: Data::Lists,
            clients: self.clients,
            acks: self.acks,
            idempotence: self.idempotence,
            read: self.read,
            reread_every: self.reread_every,
            deadline: self.deadline,
            record_bytes: self.record_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ListAppendConfig;
    use crate::arena::assert_wrong;
    use crate::log::Acks;
    use history::Span;

    #[track_caller]
    fn check(change: impl FnOnce(&mut ListAppendConfig), expected: &[(&str, &str)]) {
        let mut config = ListAppendConfig::default();
        change(&mut config);
        assert_wrong(&config.check(), expected);
    }

    #[test]
    fn what_contradicts_itself_is_named() {
        check(|_| {}, &[]);
        check(|config| config.clients = 0, &[("clients", "1 to 64")]);
        check(|config| config.reads = 100, &[("reads", "1 to 99")]);
        check(|config| config.appends = 0, &[("appends", "1 to 10000")]);
        check(|config| config.acks = Acks::None, &[("acks", "of no write")]);
        check(
            |config| config.acks = Acks::Leader,
            &[("idempotence", "acks \"all\"")],
        );
        let weak = |config: &mut ListAppendConfig| {
            config.acks = Acks::Leader;
            config.idempotence = false;
        };
        check(weak, &[]);
        let short = |config: &mut ListAppendConfig| config.deadline = Span::from_millis(10);
        check(short, &[("deadline", "\"1s\" to \"1h\"")]);
    }
}
