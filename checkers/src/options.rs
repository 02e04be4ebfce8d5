//! What a history is judged by.

use crate::consistency::Consistency;

/// How a history is judged; the defaults are those of Jepsen and Elle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The model; `None` takes the one that the history's operations speak of.
    pub model: Option<Model>,
    /// What the transaction models hold a history to; `None` takes what its header says, or else strict serializability.
    pub consistency: Option<Consistency>,
    /// How the consumers of a Kafka history came to their partitions.
    pub sub_via: SubVia,
    /// Whether a Kafka history's writes are ordered by their offsets when cycles are looked for.
    pub ww_deps: bool,
}

/// What the operations of a history are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// Logs that are sent to and polled.
    Kafka,
    /// Lists that are appended to and read.
    ListAppend,
    /// Registers that are written and read.
    RwRegister,
}

impl Model {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Kafka, Self::ListAppend, Self::RwRegister];

    /// Its word on the command line and in a verdict.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::ListAppend => "list-append",
            Self::RwRegister => "rw-register",
        }
    }
}

/// How consumers come to their partitions, which decides what a poll must follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SubVia {
    /// They name the partitions themselves.
    #[default]
    Assign,
    /// Their group gives them partitions, so skipped and repeated polls are allowed.
    Subscribe,
}
