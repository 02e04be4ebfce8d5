//! Holds a share of the packets on links back, so that those behind them arrive before them.

use cluster::effect::{self, Effect};
use cluster::Deeds;
use history::Span;

use crate::amount::Percent;
use crate::config::Invalid;
use crate::fault::Evidence;
use crate::shaping::{Shaping, of_all, shaping, some};

shaping! {
    /// Reorders packets.
    pub struct Reorder {
        /// How many of them are held back.
        pub share: Percent = Percent::whole(10).unwrap_or_default(),
        /// For how long.
        pub by: Span = Span::from_millis(10),
    }
}

impl Shaping for Reorder {
    fn check(&self) -> Result<(), Invalid> {
        if self.by.is_zero() {
            return Err(Invalid::new(&["by"], "what is held back for no time keeps its order"));
        }
        some(self.share)
    }

    fn effect(&self) -> Effect {
        Effect::Reorder(effect::Reorder { share: self.share.share(), by: self.by.duration() })
    }

    fn words(&self) -> String {
        format!("held back by {} for {}", self.share, self.by)
    }

    fn evidence(deeds: &Deeds) -> Evidence {
        of_all(deeds, deeds.reordered.frames, "overtaken by later ones")
    }
}
