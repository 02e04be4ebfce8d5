//! How the members of a consumer group agree.

use crate::arena::LeastVersion;
use serde::{Deserialize, Serialize};

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
