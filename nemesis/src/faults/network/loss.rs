//! Loses a share of the packets on links, each by itself or in bursts.

use cluster::effect::{self, Effect};
use cluster::Deeds;

use crate::amount::Percent;
use crate::config::Invalid;
use crate::fault::Evidence;
use crate::shaping::{Shaping, is_most, of_all, shaping, some};

shaping! {
    /// Loses packets.
    pub struct Loss {
        /// How many of them.
        pub share: Percent = Percent::whole(10).unwrap_or_default(),
        /// How many in a row are lost on average, once one is.
        pub burst: u32 = 1,
    }
}

impl Shaping for Loss {
    fn check(&self) -> Result<(), Invalid> {
        some(self.share)?;
        if self.burst == 0 {
            return Err(Invalid::new(&["burst"], "a burst has at least one packet"));
        }
        // A stretch without losses is one packet long at least.
        let share = self.share.share().fraction();
        if self.burst > 1 && share * f64::from(self.burst + 1) > f64::from(self.burst) {
            let reason = format!(
                "{} cannot be lost in bursts of {}: between two of them a packet passes",
                self.share, self.burst
            );
            return Err(Invalid::new(&["burst"], reason));
        }
        Ok(())
    }

    fn effect(&self) -> Effect {
        Effect::Lose(effect::PacketLoss { share: self.share.share(), burst: self.burst })
    }

    fn words(&self) -> String {
        match self.burst {
            1 => format!("lost by {}", self.share),
            burst => format!("lost by {} in bursts of {burst}", self.share),
        }
    }

    fn evidence(deeds: &Deeds) -> Evidence {
        of_all(deeds, deeds.dropped.frames, "lost")
    }

    fn parts(&self) -> bool {
        is_most(self.share)
    }
}
