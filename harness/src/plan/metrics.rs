//! Whether the brokers' own metrics are asked for.

use serde::{Deserialize, Serialize};

/// Whether the brokers' own metrics are asked for. The agent that tells them is in each broker's process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MetricsChoice {
    /// They are, and one that lies is listed: it is no lost write, so the run may be valid all the same.
    #[default]
    Listed,
    /// They are, and one that lies makes the run invalid.
    Strict,
    /// They are not: the brokers run without the agent.
    Off,
}
