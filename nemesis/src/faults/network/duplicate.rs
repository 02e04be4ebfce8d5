//! Delivers a share of the packets on links twice.

use cluster::effect::Effect;
use cluster::Deeds;

use crate::amount::Percent;
use crate::config::Invalid;
use crate::fault::Evidence;
use crate::shaping::{Shaping, of_all, shaping, some};

shaping! {
    /// Duplicates packets.
    pub struct Duplicate {
        /// How many of them.
        pub share: Percent = Percent::whole(10).unwrap_or_default(),
    }
}

impl Shaping for Duplicate {
    fn check(&self) -> Result<(), Invalid> {
        some(self.share)
    }

    fn effect(&self) -> Effect {
        Effect::Duplicate(self.share.share())
    }

    fn words(&self) -> String {
        format!("doubled by {}", self.share)
    }

    fn evidence(deeds: &Deeds) -> Evidence {
        of_all(deeds, deeds.duplicated.frames, "delivered twice")
    }
}
