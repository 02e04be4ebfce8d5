//! What stands at an offset, in 32 bits.

/// Set in the number of a stranger.
const STRANGER: u32 = 1 << 31;

/// A write by its number, or a value that nobody sent there by its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(u32);

impl Id {
    /// A write.
    pub(crate) fn write(number: u32) -> Self {
        assert!(number < STRANGER, "more writes than 32 bits can number");
        Self(number)
    }

    /// A value that nobody sent to where it stands.
    pub(crate) fn stranger(number: u32) -> Self {
        assert!(
            number < STRANGER - 1,
            "more values that nobody sent than 32 bits can number"
        );
        Self(number | STRANGER)
    }

    /// The write's number, where it is one.
    pub(crate) fn as_write(self) -> Option<u32> {
        (self.0 & STRANGER == 0).then_some(self.0)
    }

    /// The stranger's number, where it is one.
    pub(crate) fn as_stranger(self) -> Option<u32> {
        (self.0 & STRANGER != 0).then_some(self.0 & !STRANGER)
    }

    /// As a slot holds it, in which 0 is nothing.
    pub(super) fn to_slot(self) -> u32 {
        self.0 + 1
    }

    pub(super) fn of_slot(slot: u32) -> Option<Self> {
        slot.checked_sub(1).map(Self)
    }
}
