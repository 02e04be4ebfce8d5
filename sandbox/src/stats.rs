//! What a switch has done so far, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::address::Port;
use crate::score::{Counters, Tally};
use crate::table::Layout;

/// What a switch has done since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SwitchStats {
    /// All that was forwarded.
    pub forwarded: Counters,
    /// All that rules took; each frame once, however many groups matched it.
    pub dropped: Counters,
    /// Frames that a full or absent card did not take.
    pub overrun: u64,
    /// ARP questions answered.
    pub answered: u64,
    /// Frames that are neither IPv4 nor a question that anybody can answer.
    pub foreign: u64,
    /// IPv4 frames between addresses that have no link.
    pub stray: u64,
    /// How often the switch's thread found something to do: a frame, a rule, or that a frame had waited long enough.
    pub wakes: u64,
    /// The CPU time of the switch's own thread.
    pub cpu: Duration,
    /// Each direction of a link that carried or lost anything.
    pub links: Vec<LinkStats>,
}

/// What happened on one direction of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkStats {
    /// Frames from here…
    pub from: Port,
    /// …to there.
    pub to: Port,
    /// What was forwarded.
    pub forwarded: Counters,
    /// What rules took.
    pub dropped: Counters,
    /// Frames that the receiving card did not take.
    pub overrun: u64,
}

/// The counters behind [`SwitchStats`]: the switch's thread adds, others read.
#[derive(Debug)]
pub(crate) struct Totals {
    links: Vec<LinkTotals>,
    pub(crate) answered: AtomicU64,
    pub(crate) foreign: AtomicU64,
    pub(crate) stray: AtomicU64,
    pub(crate) wakes: AtomicU64,
}

/// The counters of one direction of a link.
#[derive(Debug, Default)]
pub(crate) struct LinkTotals {
    pub(crate) forwarded: Tally,
    pub(crate) dropped: Tally,
    pub(crate) overrun: AtomicU64,
}

impl Totals {
    pub(crate) fn new(layout: &Layout) -> Self {
        Self {
            links: (0..layout.links()).map(|_| LinkTotals::default()).collect(),
            answered: AtomicU64::new(0),
            foreign: AtomicU64::new(0),
            stray: AtomicU64::new(0),
            wakes: AtomicU64::new(0),
        }
    }

    /// The counters of a direction of a link, by [`Layout::link`].
    pub(crate) fn link(&self, index: usize) -> &LinkTotals {
        &self.links[index]
    }

    /// All of them, with the thread's CPU time.
    pub(crate) fn read(&self, layout: &Layout, cpu: Duration) -> SwitchStats {
        let mut stats = SwitchStats {
            cpu,
            answered: self.answered.load(Ordering::Relaxed),
            foreign: self.foreign.load(Ordering::Relaxed),
            stray: self.stray.load(Ordering::Relaxed),
            wakes: self.wakes.load(Ordering::Relaxed),
            ..SwitchStats::default()
        };
        for (from, &sender) in layout.ports().iter().enumerate() {
            for (to, &receiver) in layout.ports().iter().enumerate() {
                let link = self.link(layout.link(from, to)).read(sender, receiver);
                add(&mut stats.forwarded, link.forwarded);
                add(&mut stats.dropped, link.dropped);
                stats.overrun += link.overrun;
                if link.forwarded.frames + link.dropped.frames + link.overrun > 0 {
                    stats.links.push(link);
                }
            }
        }
        stats
    }
}

impl LinkTotals {
    fn read(&self, from: Port, to: Port) -> LinkStats {
        LinkStats {
            from,
            to,
            forwarded: self.forwarded.read(),
            dropped: self.dropped.read(),
            overrun: self.overrun.load(Ordering::Relaxed),
        }
    }
}

fn add(sum: &mut Counters, part: Counters) {
    sum.frames += part.frames;
    sum.bytes += part.bytes;
}
