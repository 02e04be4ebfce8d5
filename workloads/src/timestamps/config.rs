//! What a plan can set of the `timestamps` workload.

use history::Span;
use serde::{Deserialize, Serialize};

use crate::arena::{Found, Invalid};
use crate::log::LogConfig;

/// The settings of the `timestamps` workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct TimestampsConfig {
    /// How many producers.
    pub producers: u32,
    /// How many readers, each of all partitions.
    pub readers: u32,
    /// Writes a second that all producers together begin.
    pub rate: u32,
    /// How far a broker's wall clock may be from the clients', faults of clocks included: what the run promises.
    pub skew: Span,
    /// How often each reader looks a record up.
    pub look_up_every: Span,
    /// How long a broker may take to answer a request.
    pub request_timeout: Span,
    /// When Tribunal itself counts a write without a delivery report as `info`.
    pub deadline: Span,
    /// How often a client asks who leads, beside when it is told that it asked the wrong one.
    pub metadata_refresh: Span,
    /// The size of a record's value, in bytes: 8 are the number, the rest is padding.
    pub record_bytes: u32,
}

impl Default for TimestampsConfig {
    fn default() -> Self {
        let log = LogConfig::default();
        Self {
            producers: 2,
            readers: 2,
            rate: 200,
            skew: Span::from_secs(2),
            look_up_every: Span::from_millis(100),
            request_timeout: log.request_timeout,
            deadline: log.deadline,
            metadata_refresh: log.metadata_refresh,
            record_bytes: log.record_bytes,
        }
    }
}

/// Clocks that may differ by more than this are no clocks.
const YEAR: Span = Span::from_secs(365 * 24 * 3_600);

impl TimestampsConfig {
    /// Everything that contradicts itself, or is out of range.
    pub(super) fn check(&self) -> Vec<Invalid> {
        let mut found = Found::default();
        found.range("readers", self.readers, 1, 64);
        found.span("skew", self.skew, Span::from_millis(100), YEAR);
        found.span(
            "look-up-every",
            self.look_up_every,
            Span::from_millis(1),
            Span::from_secs(60),
        );
        found.all.extend(self.writes().check());
        found.all
    }

    /// The producers.
    pub(super) fn writes(&self) -> LogConfig {
        LogConfig {
            producers: self.producers,
            rate: self.rate,
            request_timeout: self.request_timeout,
            deadline: self.deadline,
            metadata_refresh: self.metadata_refresh,
            record_bytes: self.record_bytes,
            ..LogConfig::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use history::Span;

    use super::TimestampsConfig;
    use crate::arena::assert_wrong;

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert_wrong(&TimestampsConfig::default().check(), &[]);
        let config = TimestampsConfig {
            readers: 0,
            skew: Span::from_millis(1),
            rate: 0,
            ..TimestampsConfig::default()
        };
        assert_wrong(
            &config.check(),
            &[
                ("readers", "give 1 to 64"),
                ("skew", "give \"100ms\""),
                ("rate", "give 1"),
            ],
        );
    }
}
