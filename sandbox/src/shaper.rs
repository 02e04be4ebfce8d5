//! A rule at work: what becomes of a packet, drawn from the rule's own random numbers. Pure but for those and for
//! what it counts; the time is given.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::effect::{Bandwidth, Delay, Distribution, Effect, Flap, PacketLoss, Reorder, Share};
use crate::score::Score;

/// How heavy the tail of a Pareto distribution is: with this its variance is still finite.
const PARETO_SHAPE: f64 = 3.0;

/// A rule that is in force, or was until what it holds has gone on.
#[derive(Debug)]
pub(crate) struct Shaper {
    effect: Effect,
    begun: u64,
    score: Arc<Score>,
    /// What waits because of it must wait no longer.
    over: AtomicBool,
    state: Mutex<State>,
}

/// What a rule remembers. All times are nanoseconds of one clock.
#[derive(Debug)]
struct State {
    random: ChaCha8Rng,
    /// A burst of losses is under way.
    losing: bool,
    /// When the last packet goes on.
    last: u64,
    /// When the bucket is full again.
    full: u64,
    /// Packets that were not held back.
    passed: u64,
    /// Whether the link is up, and until when; nothing before the first packet.
    up: Option<(bool, u64)>,
    /// How many times it went down.
    downs: u64,
}

/// One delivery of a packet to be: a packet is none once it is lost, and two once it is duplicated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trip {
    /// When it is to go on.
    pub(crate) due: u64,
    /// What it waits for until then.
    pub(crate) waits: Vec<Wait>,
    /// Random numbers, each of which names a bit to turn over.
    pub(crate) flips: Vec<u64>,
}

/// A part of a packet's waiting.
#[derive(Clone, Debug)]
pub(crate) struct Wait {
    rule: Arc<Shaper>,
    added: u64,
    /// Where it was held back: how many others had passed.
    held_at: Option<u64>,
}

/// Sends a packet of so many bytes through these rules, in their order. What comes out are its deliveries.
pub(crate) fn travel(rules: &[Arc<Shaper>], now: u64, bytes: usize, trips: &mut Vec<Trip>) {
    trips.clear();
    trips.push(Trip {
        due: now,
        ..Trip::default()
    });
    for rule in rules {
        rule.score.seen.add(bytes);
        let mut state = rule.state.lock().unwrap_or_else(PoisonError::into_inner);
        rule.step(&mut state, bytes, trips);
    }
}

impl Shaper {
    /// A rule that begins now, and whose random numbers are one stream of the seed.
    pub(crate) fn new(effect: Effect, (seed, stream): (u64, u64), begun: u64, score: Arc<Score>) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(stream);
        let state = State {
            random,
            losing: false,
            last: 0,
            full: 0,
            passed: 0,
            up: None,
            downs: 0,
        };
        Self {
            effect,
            begun,
            score,
            over: AtomicBool::new(false),
            state: Mutex::new(state),
        }
    }

    /// Ends the rule: what waits because of it goes on.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    fn step(self: &Arc<Self>, state: &mut State, bytes: usize, trips: &mut Vec<Trip>) {
        let score = &*self.score;
        match self.effect {
            // The table does that, with whole frames.
            Effect::Drop => {}
            Effect::Lose(loss) => {
                trips.retain(|_| keep(!state.loses(loss), score, bytes));
            }
            Effect::Flap(flap) => {
                trips.retain(|trip| keep(state.is_up(flap, self.begun, trip.due, score), score, bytes));
            }
            Effect::Duplicate(share) => {
                for index in 0..trips.len() {
                    if state.happens(share) {
                        score.duplicated.add(bytes);
                        let copy = trips[index].clone();
                        trips.push(copy);
                    }
                }
            }
            Effect::Corrupt(share) => {
                for trip in trips {
                    if state.happens(share) {
                        score.corrupted.add(bytes);
                        trip.flips.push(state.random.random());
                    }
                }
            }
            Effect::Delay(delay) => {
                for trip in trips {
                    let due = state.delayed(delay, trip.due, score, bytes);
                    self.wait(trip, due, None);
                }
            }
            Effect::Reorder(reorder) => {
                for trip in trips {
                    self.hold(state, reorder, trip);
                }
            }
            Effect::Throttle(bandwidth) => trips.retain_mut(|trip| {
                let due = state.fitting(bandwidth, trip.due, bytes);
                if let Some(due) = due {
                    self.wait(trip, due, None);
                } else {
                    score.overflowed.add(bytes);
                }
                due.is_some()
            }),
        }
    }

    fn hold(self: &Arc<Self>, state: &mut State, reorder: Reorder, trip: &mut Trip) {
        if state.happens(reorder.share) {
            let due = trip.due + nanoseconds(reorder.by);
            self.wait(trip, due, Some(state.passed));
        } else {
            state.passed += 1;
        }
    }

    /// Makes a packet wait until then.
    fn wait(self: &Arc<Self>, trip: &mut Trip, due: u64, held_at: Option<u64>) {
        if due > trip.due {
            let (rule, added) = (Arc::clone(self), due - trip.due);
            trip.waits.push(Wait { rule, added, held_at });
            trip.due = due;
        }
    }
}

fn keep(kept: bool, score: &Score, bytes: usize) -> bool {
    if !kept {
        score.dropped.add(bytes);
    }
    kept
}

impl Trip {
    /// Takes away what it waited for because of rules that have ended.
    pub(crate) fn forget_ended(&mut self, bytes: usize) {
        let due = &mut self.due;
        self.waits.retain_mut(|wait| {
            let over = wait.rule.over.load(Ordering::Acquire);
            if over {
                *due -= wait.added;
                wait.rule.score.released.add(bytes);
            }
            !over
        });
    }

    /// It goes on now: counts what it really waited.
    pub(crate) fn went_on(&self, now: u64, bytes: usize) {
        let late = now.saturating_sub(self.due);
        for Wait { rule, added, held_at } in &self.waits {
            let score = &rule.score;
            match rule.effect {
                Effect::Throttle(_) => score.throttled.add(added + late),
                _ => score.delayed.add(added + late),
            }
            if let Some(passed) = held_at {
                let state = rule.state.lock().unwrap_or_else(PoisonError::into_inner);
                if state.passed > *passed {
                    score.reordered.add(bytes);
                }
            }
        }
    }

    /// It found no room to wait in.
    pub(crate) fn overflowed(&self, bytes: usize) {
        for wait in &self.waits {
            wait.rule.score.overflowed.add(bytes);
        }
    }
}

impl State {
    fn happens(&mut self, share: Share) -> bool {
        self.random.random_range(0..Share::WHOLE.millionths()) < share.millionths()
    }

    /// Between 0 and 1.
    fn part(&mut self) -> f64 {
        self.random.random()
    }

    /// Two states, as Gilbert had them: in one everything is lost, in the other nothing.
    fn loses(&mut self, loss: PacketLoss) -> bool {
        let share = loss.share.fraction();
        if loss.burst <= 1 || share >= 1.0 {
            return self.happens(loss.share);
        }
        let ends = 1.0 / f64::from(loss.burst);
        // So that the share is lost in the long run, where it can be: a good stretch has at least one packet.
        let begins = (ends * share / (1.0 - share)).min(1.0);
        self.losing = if self.losing {
            self.part() >= ends
        } else {
            self.part() < begins
        };
        self.losing
    }

    fn is_up(&mut self, flap: Flap, begun: u64, now: u64, score: &Score) -> bool {
        let (mut up, mut until) = match self.up {
            Some(state) => state,
            None => (true, begun + self.varied(flap.up, flap.jitter)),
        };
        while until <= now {
            up = !up;
            let lasts = if up { flap.up } else { flap.down };
            until += self.varied(lasts, flap.jitter).max(1);
            self.downs += u64::from(!up);
        }
        // Each link of a group has times of its own: told is how often the liveliest went down.
        score.downs.fetch_max(self.downs, Ordering::Relaxed);
        self.up = Some((up, until));
        up
    }

    fn varied(&mut self, time: Duration, jitter: Share) -> u64 {
        let way = self.part() * 2.0 - 1.0;
        (time.as_nanos() as f64 * (1.0 + way * jitter.fraction())) as u64
    }

    /// When a packet that is due then goes on.
    fn delayed(&mut self, delay: Delay, due: u64, score: &Score, bytes: usize) -> u64 {
        let due = due + self.delay(delay);
        if due < self.last {
            if !delay.overtake {
                return self.last;
            }
            score.reordered.add(bytes);
            return due;
        }
        self.last = due;
        due
    }

    fn delay(&mut self, delay: Delay) -> u64 {
        let by = delay.by.as_nanos() as f64;
        let jitter = delay.jitter.as_nanos() as f64;
        if delay.jitter.is_zero() {
            return by as u64;
        }
        // Never zero, so that it has a logarithm.
        let part = 1.0 - self.part();
        let off = match delay.distribution {
            Distribution::Uniform => 2.0 * part - 1.0,
            Distribution::Normal => {
                let angle = self.part() * std::f64::consts::TAU;
                ((-2.0 * part.ln()).sqrt() * angle.cos()).clamp(-3.0, 3.0)
            }
            Distribution::Exponential => -part.ln(),
            // A Lomax distribution, whose mean is 1.
            Distribution::Pareto => (part.powf(-1.0 / PARETO_SHAPE) - 1.0) * (PARETO_SHAPE - 1.0),
        };
        (by + jitter * off).max(0.0) as u64
    }

    /// When a packet that is due then has got its tokens; nothing where that is too long.
    fn fitting(&mut self, bandwidth: Bandwidth, due: u64, bytes: usize) -> Option<u64> {
        let cost = |bytes: u64| (u128::from(bytes) * 1_000_000_000 / u128::from(bandwidth.rate)) as u64;
        // A full bucket lets through what it holds; it is full again once all that was taken has run in.
        let full = self.full.max(due) + cost(bytes as u64);
        let goes = full
            .saturating_sub(cost(bandwidth.burst.max(bytes as u64)))
            .max(due);
        if goes - due > nanoseconds(bandwidth.queue) {
            return None;
        }
        self.full = full;
        Some(goes)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    time.as_nanos() as u64
}

#[cfg(test)]
mod tests;
