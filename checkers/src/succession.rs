//! Epochs and terms as one process of one node named them over time: may the next answer go below?
//!
//! An answer may only be held against those that had arrived before it was asked for: requests that overlap
//! can be answered in any order.

/// What one process has shown so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Succession {
    /// Each new highest epoch: when the answer that showed it arrived, and whom it named.
    heights: Vec<Height>,
}

/// An answer that showed an epoch for the first time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Height {
    pub(crate) answered: u64,
    pub(crate) epoch: i32,
    pub(crate) leader: u32,
}

impl Succession {
    /// Takes an answer down. Returns the earlier answer that named a higher epoch, if there was one.
    pub(crate) fn next(&mut self, asked: u64, answered: u64, epoch: i32, leader: u32) -> Option<Height> {
        let before = self.heights.partition_point(|height| height.answered < asked);
        let highest = before.checked_sub(1).map(|index| self.heights[index]);
        if self.heights.last().is_none_or(|last| epoch > last.epoch) {
            self.heights.push(Height {
                answered,
                epoch,
                leader,
            });
        }
        highest.filter(|height| height.epoch > epoch)
    }
}
