//! When writes were begun.

/// The times of some writes.
#[derive(Debug, Default)]
pub(crate) struct Begun {
    /// The writes in question, ascending.
    wanted: Vec<u32>,
    /// Each with its time, ascending.
    pub(crate) times: Vec<(u32, u64)>,
}

impl Begun {
    pub(super) fn new(wanted: &[u32]) -> Self {
        Self {
            wanted: wanted.to_vec(),
            times: Vec::new(),
        }
    }

    pub(super) fn begun(&mut self, number: u32, time: u64) {
        // Writes are numbered in the order in which they are begun.
        if self.wanted.get(self.times.len()) == Some(&number) {
            self.times.push((number, time));
        }
    }
}
