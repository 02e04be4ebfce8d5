//! Whether the share group is drained: nothing came to any member for long enough, and each of them went on asking.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What the members tell of what they got.
pub(super) struct Drain {
    state: Mutex<State>,
}

struct State {
    /// When something came last, or the draining began.
    last: Instant,
    /// By member: when the newest acquisition began that came to nothing.
    empty: BTreeMap<u32, Instant>,
}

impl Drain {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                last: Instant::now(),
                empty: BTreeMap::new(),
            }),
        }
    }

    /// A member got something, or the draining begins.
    pub(super) fn something(&self) {
        self.lock().last = Instant::now();
    }

    /// A member's acquisition came to nothing; `ok` where that is certain.
    pub(super) fn nothing(&self, member: u32, began: Instant, ok: bool) {
        let mut state = self.lock();
        if ok {
            state.empty.insert(member, began);
        } else {
            state.empty.remove(&member);
        }
    }

    /// Whether each of so many members began to ask in vain that long after anything came.
    pub(super) fn is_over(&self, members: u32, quiet: Duration) -> bool {
        let state = self.lock();
        let since = state.last + quiet;
        state.empty.len() == members as usize && state.empty.values().all(|began| *began >= since)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Drain;

    #[test]
    fn it_is_over_once_every_member_asked_long_enough_after_the_last_record() {
        let (drain, second) = (Drain::new(), Duration::from_secs(1));
        let (soon, later) = (Instant::now(), Instant::now() + 3 * second);
        drain.something();
        assert!(!drain.is_over(2, second));
        drain.nothing(0, later, true);
        assert!(!drain.is_over(2, second), "the other has not asked");
        drain.nothing(1, soon, true);
        assert!(!drain.is_over(2, second), "the other asked too early");
        drain.nothing(1, later, true);
        assert!(drain.is_over(2, second));
        drain.nothing(1, later, false);
        assert!(!drain.is_over(2, second), "nobody knows what the other got");
    }
}
