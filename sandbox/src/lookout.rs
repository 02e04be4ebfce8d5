//! Looking for the next frame for a moment before going to sleep: waking takes longer than a frame does.
//!
//! Where frames answer each other the next one comes within the moment, and both ends are spared the wait. Where it does not
//! come, looking is left off for ever more sleeps, so that a quiet network costs next to nothing.

use nix::sys::epoll::{Epoll, EpollEvent, EpollTimeout};

/// The moment, in nanoseconds: as long as a process takes to be woken and to answer.
const MOMENT: u64 = 25_000;

/// At most so many sleeps go by without a look.
const SLEEPS_MAX: u32 = 64;

/// Whether looking has been worth it lately.
#[derive(Debug, Default)]
pub(crate) struct Lookout {
    /// So many sleeps follow a look in vain…
    sleeps: u32,
    /// …of which so many are left.
    left: u32,
}

impl Lookout {
    /// Waits for events. `now` reads a clock, in nanoseconds.
    pub(crate) fn wait(
        &mut self,
        epoll: &Epoll,
        events: &mut [EpollEvent],
        now: impl Fn() -> u64,
    ) -> nix::Result<usize> {
        if self.begins() {
            let until = now() + MOMENT;
            loop {
                let count = epoll.wait(events, EpollTimeout::ZERO)?;
                if count > 0 {
                    self.found();
                    return Ok(count);
                }
                if now() >= until {
                    break;
                }
            }
            self.found_nothing();
        }
        epoll.wait(events, EpollTimeout::NONE)
    }

    /// Whether a look is due.
    fn begins(&mut self) -> bool {
        self.left = match self.left.checked_sub(1) {
            Some(left) => left,
            None => return true,
        };
        false
    }

    fn found(&mut self) {
        self.sleeps /= 2;
    }

    fn found_nothing(&mut self) {
        self.sleeps = (2 * self.sleeps + 1).min(SLEEPS_MAX);
        self.left = self.sleeps;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many looks there are in a thousand waits that find nothing, or something.
    fn looks(finds: bool) -> usize {
        let mut lookout = Lookout::default();
        let mut look = || {
            let begins = lookout.begins();
            match (begins, finds) {
                (true, true) => lookout.found(),
                (true, false) => lookout.found_nothing(),
                (false, _) => {}
            }
            begins
        };
        (0..1000).filter(|_| look()).count()
    }

    #[test]
    fn looking_in_vain_is_left_off() {
        assert_eq!(looks(true), 1000);
        assert!(looks(false) < 25, "{}", looks(false));
    }

    #[test]
    fn a_look_that_finds_something_brings_the_others_back() {
        let mut lookout = Lookout::default();
        for _ in 0..10 {
            lookout.found_nothing();
        }
        assert_eq!(lookout.sleeps, SLEEPS_MAX);
        for _ in 0..7 {
            lookout.found();
        }
        assert_eq!(lookout.sleeps, 0);
    }
}
