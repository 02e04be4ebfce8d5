//! What the walk through a history gathers of a prober's attempts, and of the times in which they had to succeed.

use std::collections::BTreeMap;

use history::{AvailabilityLimits, Event, Header, Impairment, Key, Phase, Probe, ProbeOf, Probed, What};

use crate::checks::liveness::ground::{Ground, Stand};

/// More outages of one partition than this are not kept.
const GAPS_MAX: usize = 1_000;
/// More stretches of time, each counted once for each partition, are not kept.
const STRETCHES_MAX: usize = 1 << 22;

/// A time without a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    /// The last success before; where there was none, the first attempt.
    pub(crate) from: u64,
    /// The first success after; where there was none, the end of the last attempt.
    pub(crate) to: u64,
    /// Whether there was one.
    pub(crate) ended: bool,
    /// How many attempts failed.
    pub(crate) attempts: u64,
    /// Why the last of them did.
    pub(crate) why: String,
}

/// The attempts at one partition of one kind.
#[derive(Debug, Default)]
struct Track {
    succeeded: Option<u64>,
    /// The outage that goes on.
    open: Option<Gap>,
    gaps: Vec<Gap>,
    /// Outages beyond [`GAPS_MAX`].
    left_out: u64,
}

impl Track {
    fn streak(&mut self, streak: &Probed) {
        let Some(why) = &streak.failed else {
            // The first success is a streak of its own; of a longer one only the beginning is known.
            let to = if streak.attempts == 1 {
                streak.until
            } else {
                streak.from
            };
            if let Some(gap) = self.open.take() {
                self.keep(Gap {
                    to,
                    ended: true,
                    ..gap
                });
            }
            self.succeeded = Some(streak.until);
            return;
        };
        let gap = self.open.get_or_insert_with(|| Gap {
            from: self.succeeded.unwrap_or(streak.from),
            to: streak.until,
            ended: false,
            attempts: 0,
            why: String::new(),
        });
        gap.to = streak.until.max(gap.from);
        gap.attempts = gap.attempts.saturating_add(streak.attempts);
        gap.why.clone_from(why);
    }

    fn keep(&mut self, gap: Gap) {
        if gap.to < gap.from {
            return;
        }
        if self.gaps.len() < GAPS_MAX {
            self.gaps.push(gap);
        } else {
            self.left_out += 1;
        }
    }
}

/// What there is of them.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    keys: u32,
    tracks: BTreeMap<(Key, ProbeOf), Track>,
    /// What each fault takes away, where it says so.
    impairs: BTreeMap<u32, Impairment>,
    /// Whether anybody asks for the rest.
    limited: bool,
    ground: Ground,
    /// The stretch that goes on.
    stretch: Option<Stand>,
    /// Those in which service was owed, each with its end.
    owed: Vec<(Stand, u64)>,
    overflowed: bool,
    now: u64,
}

impl Attempts {
    pub(crate) fn new(header: &Header) -> Self {
        let limited = header.expect.availability != AvailabilityLimits::default();
        let keys = crate::index::keys_of(header);
        Self {
            keys,
            limited,
            ground: Ground::new(header, if limited { keys } else { 0 }),
            ..Self::default()
        }
    }

    /// The next event.
    pub(crate) fn event(&mut self, event: &Event) {
        self.now = event.time;
        match &event.what {
            What::Probed(streak) if streak.key < self.keys && streak.from <= streak.until => {
                self.tracks
                    .entry((streak.key, streak.f))
                    .or_default()
                    .streak(streak);
            }
            What::Fault(fault) => {
                if let Some(impairs) = &fault.impairs {
                    self.impairs.insert(fault.id, impairs.clone());
                }
                if self.limited && self.ground.fault(fault) {
                    self.change(event.time);
                }
            }
            What::Phase(Phase::Steady) if self.limited => {
                self.stretch = Some(self.ground.stand(event.time));
            }
            What::Phase(Phase::Settle | Phase::FinalReads | Phase::Teardown) => self.end(event.time),
            What::Node(node) if self.limited && self.ground.node(node) => self.change(event.time),
            What::Observed(observed) if self.limited => {
                if let Probe::Metadata(metadata) = &observed.answer {
                    for claim in &metadata.claims {
                        self.ground.claim(event.time, observed.node, claim);
                    }
                    if let Some(stretch) = &mut self.stretch {
                        stretch.excuse(event.time, &metadata.claims);
                    }
                }
            }
            _ => {}
        }
    }

    /// The walk is over.
    pub(crate) fn finish(&mut self) {
        self.end(self.now);
        for track in self.tracks.values_mut() {
            if let Some(gap) = track.open.take() {
                track.keep(gap);
            }
        }
    }

    /// What is tolerated is another from now on.
    fn change(&mut self, time: u64) {
        let Some(before) = &self.stretch else { return };
        let stand = self.ground.stand(time);
        if !before.is_like(&stand) {
            self.end(time);
            self.stretch = Some(stand);
        }
    }

    fn end(&mut self, time: u64) {
        let Some(stretch) = self.stretch.take().filter(Stand::is_asked) else {
            return;
        };
        if self.owed.len().saturating_mul(self.keys as usize) < STRETCHES_MAX {
            self.owed.push((stretch, time));
        } else {
            self.overflowed = true;
        }
    }

    /// The partitions that were tried, in order.
    pub(crate) fn probed(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = self.tracks.keys().map(|(key, _)| *key).collect();
        keys.dedup();
        keys
    }

    /// Whether there were more stretches of time than can be kept.
    pub(crate) fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// All outages of one kind, by partition and in order of time.
    pub(crate) fn gaps(&self, f: ProbeOf) -> impl Iterator<Item = (Key, &Gap)> {
        let tracks = self.tracks.iter().filter(move |((_, of), _)| *of == f);
        tracks.flat_map(|((key, _), track)| track.gaps.iter().map(|gap| (*key, gap)))
    }

    /// The outages of one partition; `None` where it was not tried.
    pub(crate) fn gaps_of(&self, key: Key, f: ProbeOf) -> Option<&[Gap]> {
        self.tracks.get(&(key, f)).map(|track| track.gaps.as_slice())
    }

    /// How many outages are not kept.
    pub(crate) fn left_out(&self) -> u64 {
        self.tracks.values().map(|track| track.left_out).sum()
    }

    /// What a fault takes away, where it says so.
    pub(crate) fn impairs(&self, fault: u32) -> Option<&Impairment> {
        self.impairs.get(&fault)
    }

    /// The longest part of a time that lies within one stretch in which this was owed.
    pub(super) fn owed(&self, is_owed: impl Fn(&Stand) -> bool, from: u64, to: u64) -> u64 {
        // They follow each other.
        let first = self.owed.partition_point(|(_, end)| *end <= from);
        let within = self.owed[first..]
            .iter()
            .take_while(|(stand, _)| stand.since < to);
        let parts = within.filter(|(stand, _)| is_owed(stand));
        let lengths = parts.map(|(stand, end)| to.min(*end).saturating_sub(from.max(stand.since)));
        lengths.max().unwrap_or(0)
    }
}
