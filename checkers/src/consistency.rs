//! What a consistency model forbids.

/// A consistency model that a transactional history is held to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// Serializable, in an order that agrees with real time.
    #[default]
    StrictSerializable,
}
