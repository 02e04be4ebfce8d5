//! Lets only so many bytes a second through each direction of each link; the rest waits in a queue, and what finds it
//! full is lost.

use cluster::effect::{self, Effect};
use cluster::Deeds;
use history::Span;

use crate::amount::Rate;
use crate::config::Invalid;
use crate::fault::Evidence;
use crate::shaping::{Shaping, shaping, waited};

/// What passes at once after a silence: as much as in this time, and two full packets at least.
const BURST_MILLISECONDS: u64 = 10;
const BURST_BYTES_MIN: u64 = 2 * 1514;

shaping! {
    /// Limits the bandwidth.
    pub struct Bandwidth {
        /// How much passes.
        pub rate: Rate = Rate::from_bytes(1_000_000),
        /// How long a packet may have to wait.
        pub queue: Span = Span::from_millis(500),
    }
}

impl Shaping for Bandwidth {
    fn check(&self) -> Result<(), Invalid> {
        if self.queue.is_zero() {
            return Err(Invalid::new(&["queue"], "without a queue every burst is lost: give it some time"));
        }
        Ok(())
    }

    fn effect(&self) -> Effect {
        let rate = self.rate.bytes();
        Effect::Throttle(effect::Bandwidth {
            rate,
            burst: (rate / 1000 * BURST_MILLISECONDS).max(BURST_BYTES_MIN),
            queue: self.queue.duration(),
        })
    }

    fn words(&self) -> String {
        format!("slowed down to {}", self.rate)
    }

    fn evidence(deeds: &Deeds) -> Evidence {
        Evidence {
            bit: deeds.throttled.frames + deeds.overflowed.frames > 0,
            text: format!(
                "{} of {} packets had to wait, {}; {} found the queue full",
                deeds.throttled.frames,
                deeds.seen.frames,
                waited(&deeds.throttled),
                deeds.overflowed.frames
            ),
        }
    }
}
