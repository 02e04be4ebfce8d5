//! Turns over one bit in a share of the packets on links. Their checksums are those of before, so that the receiver's
//! kernel refuses them: to TCP it is a loss that arrives.

use cluster::effect::Effect;
use cluster::Deeds;

use crate::amount::Percent;
use crate::config::Invalid;
use crate::fault::Evidence;
use crate::shaping::{Shaping, is_most, of_all, shaping, some};

shaping! {
    /// Corrupts packets.
    pub struct Corrupt {
        /// How many of them.
        pub share: Percent = Percent::whole(5).unwrap_or_default(),
    }
}

impl Shaping for Corrupt {
    fn check(&self) -> Result<(), Invalid> {
        some(self.share)
    }

    fn effect(&self) -> Effect {
        Effect::Corrupt(self.share.share())
    }

    fn words(&self) -> String {
        format!("corrupted by {}", self.share)
    }

    fn evidence(deeds: &Deeds) -> Evidence {
        of_all(deeds, deeds.corrupted.frames, "delivered with a wrong bit")
    }

    fn parts(&self) -> bool {
        is_most(self.share)
    }
}
