//! Lets links go down and come up again, over and over: each is up for a time and down for a time, which vary, and both
//! directions go down together.

use cluster::effect::{self, Effect};
use cluster::Deeds;
use history::Span;

use crate::amount::Percent;
use crate::config::Invalid;
use crate::fault::Evidence;
use crate::shaping::{Shaping, shaping};

shaping! {
    /// Flaps links.
    pub struct Flapping {
        /// How long a link is up; it begins so.
        pub up: Span = Span::from_millis(1000),
        /// How long it is down.
        pub down: Span = Span::from_millis(1000),
        /// How far both vary, as a share of them.
        pub jitter: Percent = Percent::whole(30).unwrap_or_default(),
    }
}

impl Shaping for Flapping {
    fn check(&self) -> Result<(), Invalid> {
        for (field, time) in [("up", self.up), ("down", self.down)] {
            if time.is_zero() {
                return Err(Invalid::new(&[field], "a link that flaps is up for some time and down for some"));
            }
        }
        Ok(())
    }

    fn effect(&self) -> Effect {
        Effect::Flap(effect::Flap {
            up: self.up.duration(),
            down: self.down.duration(),
            jitter: self.jitter.share(),
        })
    }

    fn words(&self) -> String {
        format!("dropped for {} after each {}", self.down, self.up)
    }

    fn evidence(deeds: &Deeds) -> Evidence {
        Evidence {
            bit: deeds.dropped.frames > 0,
            text: format!(
                "links down {} times, {} of {} packets dropped",
                deeds.downs, deeds.dropped.frames, deeds.seen.frames
            ),
        }
    }

    fn parts(&self) -> bool {
        true
    }
}
