//! What the network cards of a sandbox are made of.

use std::fmt;
use std::os::fd::OwnedFd;

use serde::{Deserialize, Serialize};

use crate::address::Port;
use crate::error::{Error, Result};
use crate::{card, veth};

/// What network cards are made of. The switch is the same for both, with all that it can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cards {
    /// TAP devices, through `/dev/net/tun`.
    Tap,
    /// Pairs of joined cards, which need no device node.
    Veth,
}

impl fmt::Display for Cards {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Tap => "TAP devices",
            Self::Veth => "veth pairs",
        })
    }
}

impl Cards {
    /// The environment variable that decides it: `tap` or `veth`.
    pub const VARIABLE: &'static str = "TRIBUNAL_CARDS";

    /// What the variable asks for; without it TAP devices where they can be had, and otherwise pairs.
    pub fn choose() -> Result<Self> {
        match std::env::var(Self::VARIABLE).as_deref() {
            Ok("tap") => Ok(Self::Tap),
            Ok("veth") => Ok(Self::Veth),
            Ok("") | Err(_) => Ok(card::open_tun().map_or(Self::Veth, |_| Self::Tap)),
            Ok(other) => Err(Error::Specification {
                reason: format!("{} is `{other}`: it can be `tap` or `veth`", Self::VARIABLE),
            }),
        }
    }

    /// What a machine hands over, so that its card can be made: the card's other end, or where the card is to be.
    pub(crate) fn offer(self, port: Port) -> Result<OwnedFd> {
        match self {
            Self::Tap => card::create(port.card()),
            Self::Veth => veth::namespace(),
        }
    }

    /// The switch's ends of all cards, from what was handed over. The cards exist from here on, and are down.
    pub(crate) fn create(self, offers: Vec<(Port, OwnedFd)>) -> Result<Vec<(Port, OwnedFd)>> {
        match self {
            Self::Tap => Ok(offers),
            Self::Veth => veth::create(offers),
        }
    }
}
