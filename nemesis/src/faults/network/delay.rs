//! Delays what is sent on links, each packet by a time that may vary: evenly, as a bell, or with a long tail. Packets
//! of one link keep their order, unless they may overtake each other.

use cluster::effect::{self, Effect};
use cluster::Deeds;
use history::Span;
use serde::{Deserialize, Serialize};

use crate::config::Invalid;
use crate::fault::Evidence;
use crate::shaping::{Shaping, shaping, waited};

shaping! {
    /// Delays packets.
    pub struct Delay {
        /// By how long.
        pub by: Span = Span::from_millis(100),
        /// How far that varies.
        pub jitter: Span = Span::from_millis(0),
        /// In which way: `uniform` where not given.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub distribution: Option<Distribution> = None,
        /// Whether a packet that is delayed by less may pass those before it.
        pub overtake: bool = false,
    }
}

/// In which way a delay varies about its time, by its jitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// Not at all.
    Constant,
    /// Evenly, by the jitter less or more.
    Uniform,
    /// As a bell whose standard deviation is the jitter.
    Normal,
    /// Only later, by the jitter on average, most often by less.
    Exponential,
    /// The same, now and then by very much more.
    Pareto,
}

impl Shaping for Delay {
    fn check(&self) -> Result<(), Invalid> {
        let refuse = |field: &str, reason: &str| Err(Invalid::new(&[field], reason));
        let varies = !self.jitter.is_zero();
        match self.distribution {
            Some(Distribution::Constant) if varies => {
                refuse("distribution", "a constant delay has no jitter: leave one of the two out")
            }
            Some(Distribution::Constant) | None if !varies && self.by.is_zero() => {
                refuse("by", "a delay of no time is none")
            }
            Some(word) if !varies && word != Distribution::Constant => {
                refuse("distribution", "a delay without jitter is constant: say how far it varies with `jitter`")
            }
            None | Some(Distribution::Uniform) if self.jitter > self.by => {
                refuse("jitter", "varies by more than the delay itself, which cannot be less than nothing")
            }
            _ if self.overtake && !varies => {
                refuse("overtake", "packets that are delayed alike never overtake: give `jitter` too")
            }
            _ => Ok(()),
        }
    }

    fn effect(&self) -> Effect {
        Effect::Delay(effect::Delay {
            by: self.by.duration(),
            jitter: self.jitter.duration(),
            distribution: match self.distribution {
                None | Some(Distribution::Constant | Distribution::Uniform) => effect::Distribution::Uniform,
                Some(Distribution::Normal) => effect::Distribution::Normal,
                Some(Distribution::Exponential) => effect::Distribution::Exponential,
                Some(Distribution::Pareto) => effect::Distribution::Pareto,
            },
            overtake: self.overtake,
        })
    }

    fn words(&self) -> String {
        let jitter = match self.jitter {
            none if none.is_zero() => String::new(),
            jitter => format!(" ± {jitter}"),
        };
        format!("delayed by {}{jitter}", self.by)
    }

    fn evidence(deeds: &Deeds) -> Evidence {
        let released = match deeds.released.frames {
            0 => String::new(),
            frames => format!(", {frames} more held to the end"),
        };
        Evidence {
            bit: deeds.delayed.frames + deeds.released.frames > 0,
            text: format!(
                "{} of {} packets delayed, {}{released}",
                deeds.delayed.frames,
                deeds.seen.frames,
                waited(&deeds.delayed)
            ),
        }
    }
}
