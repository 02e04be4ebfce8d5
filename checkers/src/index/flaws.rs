//! What makes a history ill-formed.

/// Flaws that are kept in words.
const FLAWS_MAX: usize = 50;

/// The flaws of a history, the first of them in words.
#[derive(Debug, Default)]
pub(crate) struct Flaws {
    /// The first of them, each with its time.
    pub(crate) texts: Vec<(u64, String)>,
    /// All of them.
    pub(crate) count: u64,
}

impl Flaws {
    /// Takes one down.
    pub(super) fn add(&mut self, time: u64, text: impl FnOnce() -> String) {
        self.count += 1;
        if self.texts.len() < FLAWS_MAX {
            self.texts.push((time, text()));
        }
    }
}
