//! How the members of a consumer group agree.

use std::time::Duration;

use crate::arena::LeastVersion;
use serde::{Deserialize, Serialize};

/// How long after its time a member that does not poll is certainly given up.
pub(crate) const GIVEN_UP_AFTER: Duration = Duration::from_secs(2);

/// `group.protocol`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupProtocol {
    /// The members agree among each other.
    #[default]
    Classic,
    /// The broker decides (KIP-848): Kafka 4.0 and newer.
    Consumer,
}

impl GroupProtocol {
    /// What a setting of it asks of brokers.
    pub(crate) fn least_version(self, field: &'static str) -> Option<LeastVersion> {
        (self == Self::Consumer).then_some(LeastVersion {
            field: Some(field),
            version: "4.0",
            instead: "write \"classic\"",
        })
    }

    /// As Kafka writes it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Consumer => "consumer",
        }
    }
}
