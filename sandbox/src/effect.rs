//! What can happen to the packets of a link. Plain data; what it does is in `shaper.rs`.

use std::fmt;
use std::time::Duration;

/// What happens to a packet that a rule matches. `Drop` takes whole frames; with every other effect segments that
/// travel together are taken apart first, so that a packet is what is lost or late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// It vanishes: nothing is refused, nothing arrives.
    Drop,
    /// It vanishes now and then.
    Lose(PacketLoss),
    /// It arrives later.
    Delay(Delay),
    /// It arrives twice now and then.
    Duplicate(Share),
    /// It is held back now and then, and those behind it pass.
    Reorder(Reorder),
    /// One bit of what it carries is turned over now and then; its checksum is that of before.
    Corrupt(Share),
    /// It waits until there is room.
    Throttle(Bandwidth),
    /// It vanishes while the link is down.
    Flap(Flap),
}

impl fmt::Display for Effect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drop => formatter.write_str("drop"),
            Self::Lose(loss) => write!(formatter, "lose {}", loss.share),
            Self::Delay(delay) => write!(formatter, "delay by {:?}", delay.by),
            Self::Duplicate(share) => write!(formatter, "duplicate {share}"),
            Self::Reorder(reorder) => write!(formatter, "hold {} back", reorder.share),
            Self::Corrupt(share) => write!(formatter, "corrupt {share}"),
            Self::Throttle(bandwidth) => write!(formatter, "pass {} bytes a second", bandwidth.rate),
            Self::Flap(flap) => write!(formatter, "go down for {:?} after {:?}", flap.down, flap.up),
        }
    }
}

/// A share of all packets, in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u32);

impl Share {
    /// All of them.
    pub const WHOLE: Self = Self(1_000_000);

    /// So many millionths, where these are no more than the whole.
    pub const fn from_millionths(millionths: u32) -> Option<Self> {
        if millionths <= Self::WHOLE.0 {
            Some(Self(millionths))
        } else {
            None
        }
    }

    /// In millionths.
    pub const fn millionths(self) -> u32 {
        self.0
    }

    /// Between 0 and 1.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / f64::from(Self::WHOLE.0)
    }
}

/// In per cent, with no more digits than needed.
impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 10_000, self.0 % 10_000);
        if rest == 0 {
            return write!(formatter, "{whole}%");
        }
        let digits = format!("{rest:04}");
        write!(formatter, "{whole}.{}%", digits.trim_end_matches('0'))
    }
}

/// How packets are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PacketLoss {
    /// How many of them, in the long run.
    pub share: Share,
    /// How many in a row are lost on average, once one is; 1 for losses that do not hang together.
    pub burst: u32,
}

/// How much later packets arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Delay {
    /// How long each is held; on average, where the jitter goes both ways.
    pub by: Duration,
    /// How far that varies.
    pub jitter: Duration,
    /// In which way.
    pub distribution: Distribution,
    /// Whether a packet that is held for a shorter time may pass those before it. Without it all keep their order.
    pub overtake: bool,
}

/// In which way a delay varies about its time, by its jitter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Distribution {
    /// Evenly, from the time less the jitter to the time plus the jitter.
    #[default]
    Uniform,
    /// As a bell about the time; the jitter is its standard deviation, and beyond three of it nothing lies.
    Normal,
    /// The time, and on top something that is most often small; the jitter is its mean.
    Exponential,
    /// The time, and on top something that is most often small and now and then very large; the jitter is its mean.
    Pareto,
}

/// How packets lose their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reorder {
    /// How many of them are held back.
    pub share: Share,
    /// For how long, while the others pass.
    pub by: Duration,
}

/// How much passes: a bucket of tokens, and a queue in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bandwidth {
    /// Bytes a second.
    pub rate: u64,
    /// Bytes that pass at once after a silence.
    pub burst: u64,
    /// How long a packet may have to wait; one that would have to wait for longer is dropped.
    pub queue: Duration,
}

/// How a link goes up and down. All rules of a group that join the same two places, in either direction, go down
/// together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flap {
    /// How long it is up; it begins so.
    pub up: Duration,
    /// How long it is down.
    pub down: Duration,
    /// How far each of the two varies, evenly, as a share of it.
    pub jitter: Share,
}

impl Effect {
    /// What is wrong with it, if anything is.
    pub(crate) fn flaw(&self) -> Option<&'static str> {
        let nothing = |share: Share, or: bool, flaw| match share.millionths() {
            0 => Some("a share of nothing does nothing"),
            _ => or.then_some(flaw),
        };
        match *self {
            Self::Drop => None,
            Self::Lose(PacketLoss { share, burst }) => {
                nothing(share, burst == 0, "a burst has at least one packet")
            }
            Self::Duplicate(share) | Self::Corrupt(share) => nothing(share, false, ""),
            Self::Reorder(Reorder { share, by }) => nothing(
                share,
                by.is_zero(),
                "what is held back for no time keeps its order",
            ),
            Self::Delay(Delay { by, jitter, .. }) => {
                (by.is_zero() && jitter.is_zero()).then_some("a delay of no time does nothing")
            }
            Self::Throttle(Bandwidth { rate, burst, .. }) => {
                (rate == 0 || burst == 0).then_some("where nothing may pass, say drop")
            }
            Self::Flap(Flap { up, down, .. }) => {
                (up.is_zero() || down.is_zero()).then_some("a link that flaps is up and down for some time")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_aloud_in_per_cent() {
        let shown = |millionths| Share::from_millionths(millionths).map(|share| share.to_string());
        assert_eq!(shown(50_000).as_deref(), Some("5%"));
        assert_eq!(shown(1_000_000).as_deref(), Some("100%"));
        assert_eq!(shown(125_000).as_deref(), Some("12.5%"));
        assert_eq!(shown(100).as_deref(), Some("0.01%"));
        assert_eq!(shown(1_000_001), None);
    }

    #[test]
    fn effects_that_would_do_nothing_have_a_flaw() {
        let none = Share::default();
        let second = Duration::from_secs(1);
        for effect in [
            Effect::Duplicate(none),
            Effect::Corrupt(none),
            Effect::Lose(PacketLoss {
                share: none,
                burst: 1,
            }),
            Effect::Lose(PacketLoss {
                share: Share::WHOLE,
                burst: 0,
            }),
            Effect::Reorder(Reorder {
                share: Share::WHOLE,
                by: Duration::ZERO,
            }),
            Effect::Throttle(Bandwidth {
                rate: 0,
                burst: 1,
                queue: second,
            }),
            Effect::Flap(Flap {
                up: second,
                down: Duration::ZERO,
                jitter: none,
            }),
        ] {
            assert!(effect.flaw().is_some(), "{effect:?}");
        }
        assert_eq!(Effect::Drop.flaw(), None);
        assert_eq!(Effect::Duplicate(Share::WHOLE).flaw(), None);
    }
}
