//! What a plan can set of the `register` workload.

use history::Span;
use serde::{Deserialize, Serialize};

use crate::arena::{Found, Invalid};
use crate::client::objects::{Data, ReadBy, Settings};
use crate::log::Acks;

/// The settings of the `register` workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RegisterConfig {
    /// How many clients, each a producer and a consumer of all partitions.
    pub clients: u32,
    /// Operations a second that all clients together begin.
    pub rate: u32,
    /// Of a hundred operations so many are reads.
    pub reads: u32,
    /// How many registers, shared out among the partitions.
    pub registers: u32,
    /// Up to where a read reads: `barrier` or `end`. It decides which consistency model the run is held to.
    pub read: ReadBy,
    /// Who must have a record before it is acknowledged: `1` or `all`.
    pub acks: Acks,
    /// `enable.idempotence`: the broker drops what a retry writes twice. Without it a retry may set a register back.
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

impl Default for RegisterConfig {
    fn default() -> Self {
        Self {
            clients: 8,
            rate: 160,
            reads: 40,
            registers: 12,
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

impl RegisterConfig {
    /// Everything that contradicts itself, or is out of range.
    pub(super) fn check(&self) -> Vec<Invalid> {
        let mut found = Found::default();
        self.settings().check(&mut found);
        found.range("rate", self.rate, 1, 10_000);
        found.range("reads", self.reads, 1, 99);
        found.range("registers", self.registers, 1, 10_000);
        if self.acks == Acks::All && !self.idempotence {
            found.say(
                "idempotence",
                "a retry of a producer that is not idempotent sets a register back: set idempotence = true"
                    .to_owned(),
            );
        }
        let (least, hour) = (Span::from_millis(100), Span::from_secs(3_600));
        found.span("request-timeout", self.request_timeout, least, hour);
        found.all
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            data: Data::Registers,
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
    use super::RegisterConfig;
    use crate::arena::assert_wrong;
    use crate::log::Acks;
    use history::Span;

    #[track_caller]
    fn check(change: impl FnOnce(&mut RegisterConfig), expected: &[(&str, &str)]) {
        let mut config = RegisterConfig::default();
        change(&mut config);
        assert_wrong(&config.check(), expected);
    }

    #[test]
    fn what_contradicts_itself_is_named() {
        check(|_| {}, &[]);
        check(|config| config.clients = 0, &[("clients", "1 to 64")]);
        check(|config| config.reads = 100, &[("reads", "1 to 99")]);
        check(|config| config.registers = 0, &[("registers", "1 to 10000")]);
        check(
            |config| config.idempotence = false,
            &[("idempotence", "sets a register back")],
        );
        check(|config| config.acks = Acks::None, &[("acks", "of no write")]);
        check(
            |config| config.acks = Acks::Leader,
            &[("idempotence", "acks \"all\"")],
        );
        let weak = |config: &mut RegisterConfig| {
            config.acks = Acks::Leader;
            config.idempotence = false;
        };
        check(weak, &[]);
        let short = |config: &mut RegisterConfig| config.deadline = Span::from_millis(10);
        check(short, &[("deadline", "\"1s\" to \"1h\"")]);
    }
}
