//! A walk through the states of a cluster: at each time a fault is drawn among those that fit what is in force.
//!
//! Up to `at-most` faults are in force together, each in a lane that rests, injects, and rests again. When the time
//! of a lane has come, each fault of the mix that fits the present state wishes to be next, the heavier the more
//! often. One does not fit where its target is down already, or where it would break a limit: then it weighs
//! nothing, and where all do, only healing is left: the lane waits until something heals, and rests anew.

use history::{NodeId, Span};

use super::{Ground, STEPS_MAX, resolve_fault};
use crate::config::{Invalid, NemesisConfig, Period, RandomConfig, RotationConfig};
use crate::draw::{Draw, Stream};
use crate::faults::{FAULTS, FaultSpec};
use crate::limits::{FaultLimits, Hit};
use crate::members::Members;
use crate::step::Step;
use crate::target::Target;
use crate::weighted::Weighted;

/// How many targets are tried before a fault is said not to fit.
const TARGETS_TRIED: usize = 8;
/// More faults together than this are a mistake.
const AT_MOST_MAX: u32 = 32;

/// What a period draws from.
pub(super) struct Mix<'p> {
    faults: &'p [Weighted],
    lasts: (Span, Span),
    rest: (Span, Span),
    at_most: u32,
}

impl RandomConfig {
    pub(super) fn mix(&self) -> Mix<'_> {
        Mix {
            faults: &self.faults,
            lasts: self.lasts,
            rest: self.rest,
            at_most: self.at_most,
        }
    }
}

impl Period {
    fn mix(&self) -> Mix<'_> {
        Mix {
            faults: &self.faults,
            lasts: self.lasts,
            rest: self.rest,
            at_most: self.at_most,
        }
    }
}

impl Mix<'_> {
    /// The shortest time that a fault takes with the rest before it.
    fn turn(&self) -> u64 {
        self.lasts.0.as_millis() + self.rest.0.as_millis()
    }

    /// The time in which each of so many faults surely has its turn.
    fn needs(&self, faults: usize) -> u64 {
        faults as u64 * self.turn() + self.rest.0.as_millis()
    }
}

/// A fault that was drawn, with the time for which it is in force.
struct Placed {
    step: Step,
    until: u64,
    hit: Hit,
}

/// One of the faults that may be in force together.
struct Lane<'a> {
    times: Draw<'a>,
    /// When it injects next; nothing where there is no time left.
    at: Option<u64>,
}

/// A fault of a mix, as long as the schedule is drawn.
struct Dealer<'a> {
    choice: Draw<'a>,
    turns: usize,
}

/// A fault that fits the present state.
struct Fitting {
    index: usize,
    fault: FaultSpec,
    hit: Hit,
}

/// A schedule that is being drawn.
pub(super) struct Walk<'a> {
    ground: Ground<'a>,
    limits: &'a FaultLimits,
    off: &'a [String],
    placed: Vec<Placed>,
    /// How many periods have been drawn.
    periods: usize,
    /// By mix, then by its faults.
    dealers: Vec<Vec<Dealer<'a>>>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(ground: Ground<'a>, limits: &'a FaultLimits, off: &'a [String]) -> Self {
        Self {
            ground,
            limits,
            off,
            placed: Vec::new(),
            periods: 0,
            dealers: Vec::new(),
        }
    }

    pub(super) fn steps(self) -> Vec<Step> {
        self.placed.into_iter().map(|placed| placed.step).collect()
    }

    /// The periods in turn, each whole; the last may be shorter, as long as each of its faults has its turn.
    pub(super) fn rotation(&mut self, rotation: &RotationConfig) {
        let duration = rotation.duration.as_millis();
        let mut from = 0;
        for (index, period) in rotation.periods.iter().enumerate().cycle() {
            let mix = period.mix();
            let to = (from + period.length.as_millis()).min(duration);
            if to < from + mix.needs(mix.faults.len())
                || self.placed.len() > STEPS_MAX
                || self.periods > STEPS_MAX
            {
                return;
            }
            self.period(index, &mix, from, to);
            from = to + period.quiet_after.as_millis();
        }
    }

    /// One period: each fault once in an order that is drawn, then any of them as long as there is time for one more.
    pub(super) fn period(&mut self, number: usize, mix: &Mix<'_>, from: u64, to: u64) {
        let mut due = self.begin(number, mix);
        let mut lanes: Vec<Lane<'a>> = (0..mix.at_most as usize)
            .map(|lane| Lane {
                times: self.ground.draw(Stream::Times {
                    period: self.periods,
                    lane,
                }),
                at: None,
            })
            .collect();
        for lane in &mut lanes {
            lane.rest(mix, from, due.len(), to);
        }
        self.periods += 1;
        while self.placed.len() <= STEPS_MAX {
            let waiting = lanes.iter_mut().filter_map(|lane| Some((lane.at?, lane)));
            let Some((at, lane)) = waiting.min_by_key(|(at, _)| *at) else {
                break;
            };
            let Some(next) = self.choose(number, mix, &due, at) else {
                match self.in_force(at).map(|placed| placed.until).min() {
                    Some(healed) if healed < to => lane.rest(mix, healed, due.len(), to),
                    _ => lane.at = None,
                }
                continue;
            };
            due.retain(|index| *index != next.index);
            let last = to - mix.rest.0.as_millis() - due.len() as u64 * mix.turn();
            let lasts = lane.times.between(mix.lasts).min(last.saturating_sub(at));
            self.place(next, at, lasts);
            lane.rest(mix, at + lasts, due.len(), to);
        }
    }

    /// The faults that are due in the period's first round, in their order.
    fn begin(&mut self, number: usize, mix: &Mix<'_>) -> Vec<usize> {
        for mix_number in self.dealers.len()..=number {
            let faults = if mix_number == number { mix.faults.len() } else { 0 };
            self.dealers.push(self.dealers_of(mix_number, faults));
        }
        if self.dealers[number].is_empty() {
            self.dealers[number] = self.dealers_of(number, mix.faults.len());
        }
        self.by_wish(number, mix)
    }

    fn dealers_of(&self, mix: usize, faults: usize) -> Vec<Dealer<'a>> {
        let dealer = |fault| Dealer {
            choice: self.ground.draw(Stream::Choice { mix, fault }),
            turns: 0,
        };
        (0..faults).map(dealer).collect()
    }

    /// The faults that are not switched off, the one that wishes most to be next first.
    fn by_wish(&mut self, number: usize, mix: &Mix<'_>) -> Vec<usize> {
        let mut wishes: Vec<(u64, usize)> = self.dealers[number]
            .iter_mut()
            .zip(mix.faults)
            .enumerate()
            .map(|(index, (dealer, weighted))| (dealer.choice.wish(weighted.weight), index))
            .collect();
        wishes.retain(|(_, index)| !self.off.iter().any(|off| off == mix.faults[*index].fault.name()));
        wishes.sort_unstable_by(|one, other| other.cmp(one));
        wishes.into_iter().map(|(_, index)| index).collect()
    }

    /// The fault that is next at a time: the first of those that are due, or of all, that fits what is in force.
    fn choose(&mut self, number: usize, mix: &Mix<'_>, due: &[usize], at: u64) -> Option<Fitting> {
        let all;
        let candidates = if due.is_empty() {
            all = self.by_wish(number, mix);
            &all
        } else {
            due
        };
        let in_force: Vec<Hit> = self.in_force(at).map(|placed| placed.hit.clone()).collect();
        let fitting = candidates
            .iter()
            .find_map(|index| self.fit(number, mix, *index, &in_force))?;
        self.dealers[number][fitting.index].turns += 1;
        Some(fitting)
    }

    fn in_force(&self, at: u64) -> impl Iterator<Item = &Placed> {
        self.placed.iter().filter(move |placed| placed.until > at)
    }

    fn fit(&self, number: usize, mix: &Mix<'_>, index: usize, in_force: &[Hit]) -> Option<Fitting> {
        let mut draw = self.ground.draw(Stream::Target {
            mix: number,
            fault: index,
            turn: self.dealers[number][index].turns,
        });
        (0..TARGETS_TRIED).find_map(|_| {
            let mut fault = mix.faults[index].fault.clone();
            resolve_fault(&mut fault, &mut draw).ok()?;
            let hit = hit(&fault, self.ground.members, in_force);
            fits(self.limits, self.ground.members, in_force, &hit).then_some(Fitting { index, fault, hit })
        })
    }

    fn place(&mut self, next: Fitting, at: u64, lasts: u64) {
        let until = if next.fault.kind().stays() {
            u64::MAX
        } else {
            at + lasts
        };
        let step = Step::at(Span::from_millis(at), Some(Span::from_millis(lasts)), next.fault);
        self.placed.push(Placed {
            step,
            until,
            hit: next.hit,
        });
    }
}

impl Lane<'_> {
    /// Draws the rest from a time on. While faults are due it is so short that each of them has its turn.
    fn rest(&mut self, mix: &Mix<'_>, free_from: u64, due: usize, to: u64) {
        // The latest time at which one may begin, with the shortest turns for all that are due after it.
        let latest = to.checked_sub(due.max(1) as u64 * mix.turn());
        let rest = self.times.between(mix.rest);
        self.at = latest
            .filter(|latest| free_from + mix.rest.0.as_millis() <= *latest)
            .map(|latest| (free_from + rest).min(latest));
    }
}

/// Whom a resolved fault hits, as far as it is known: a leader is taken for the first node that nothing is wrong
/// with, which is looked at again at the injection.
fn hit(fault: &FaultSpec, members: &Members, in_force: &[Hit]) -> Hit {
    let one_of = |group: &[NodeId]| -> Vec<NodeId> {
        let sound = |node: &&NodeId| !in_force.iter().any(|hit| hit.nodes.contains(node));
        let found = group.iter().find(sound).or(group.first());
        found.copied().into_iter().collect()
    };
    let nodes = match fault.kind().target() {
        Some(Target::Nodes(nodes)) => nodes,
        Some(Target::All) => members.brokers.clone(),
        Some(Target::Controller) if !members.controllers.is_empty() => one_of(&members.controllers),
        Some(Target::ZooKeepers) => members.zookeepers.clone(),
        Some(Target::ZooKeeperLeader | Target::ZooKeeperFollower) => one_of(&members.zookeepers),
        _ => one_of(&members.brokers),
    };
    let mut others = members.all();
    others.retain(|node| !nodes.contains(node));
    Hit {
        impairs: fault.kind().impairs(&nodes, &others),
        nodes,
    }
}

fn fits(limits: &FaultLimits, members: &Members, in_force: &[Hit], hit: &Hit) -> bool {
    let mut down = in_force.iter().flat_map(|other| &other.impairs.down);
    let is_up = !down.any(|node| hit.nodes.contains(node));
    is_up && (limits.exceed || limits.broken_in_any(&members.groups(), in_force, hit).is_none())
}

impl NemesisConfig {
    pub(super) fn check_rotation(
        &self,
        rotation: &RotationConfig,
        ground: Ground<'_>,
    ) -> Result<(), Invalid> {
        if rotation.periods.is_empty() {
            return Err(Invalid::new(&["periods"], "names no period"));
        }
        let mut round = 0;
        for (index, period) in rotation.periods.iter().enumerate() {
            let place = ["periods", &index.to_string()];
            self.check_mix(&period.mix(), period.length, "length", ground)
                .map_err(|error| error.inside(&place))?;
            round += period.length.as_millis();
            if index + 1 < rotation.periods.len() {
                round += period.quiet_after.as_millis();
            }
        }
        if rotation.duration.as_millis() < round {
            let reason = format!(
                "{} is too short for each period once: they take {}",
                rotation.duration,
                Span::from_millis(round)
            );
            return Err(Invalid::new(&["duration"], reason));
        }
        Ok(())
    }

    pub(super) fn check_mix(
        &self,
        mix: &Mix<'_>,
        time: Span,
        time_name: &str,
        ground: Ground<'_>,
    ) -> Result<(), Invalid> {
        for (index, weighted) in mix.faults.iter().enumerate() {
            self.check_fault(&weighted.fault, ground)
                .map_err(|error| error.inside(&["faults", &index.to_string()]))?;
        }
        for (field, (shortest, longest)) in [("lasts", mix.lasts), ("rest", mix.rest)] {
            if shortest > longest {
                let reason = format!("the shorter time goes first: [\"{longest}\", \"{shortest}\"]");
                return Err(Invalid::new(&[field], reason));
            }
        }
        if mix.lasts.0.is_zero() {
            return Err(Invalid::new(&["lasts"], "a fault that lasts no time is none"));
        }
        if mix.faults.is_empty() {
            let words: Vec<_> = FAULTS.iter().map(|fault| fault.name).collect();
            let words = words.join(", ");
            let reason = format!("names no fault: choose among {words}, or write nemesis = \"none\"");
            return Err(Invalid::new(&["faults"], reason));
        }
        if !(1..=AT_MOST_MAX).contains(&mix.at_most) {
            let reason = format!(
                "{} faults in force together: give 1 to {AT_MOST_MAX}",
                mix.at_most
            );
            return Err(Invalid::new(&["at-most"], reason));
        }
        let needed = mix.needs(mix.faults.len());
        if time.as_millis() >= needed {
            return Ok(());
        }
        let reason = format!(
            "{time} is too short for {} faults of at least {} with rests of at least {}: they need {}",
            mix.faults.len(),
            mix.lasts.0,
            mix.rest.0,
            Span::from_millis(needed)
        );
        Err(Invalid::new(&[time_name], reason))
    }

    /// Refuses a fault that does not fit the cluster, or that would break a limit even if it were alone.
    fn check_fault(&self, fault: &FaultSpec, ground: Ground<'_>) -> Result<(), Invalid> {
        let mut fault = fault.clone();
        resolve_fault(&mut fault, &mut ground.draw(Stream::Trial))?;
        let hit = hit(&fault, ground.members, &[]);
        match self.limits.broken_in_any(&ground.members.groups(), &[], &hit) {
            Some(reason) if !self.limits.exceed => Err(Invalid::new(
                &[fault.name()],
                format!(
                    "breaks the limits wherever it hits: {reason}; or set `exceed = true` to do so on purpose"
                ),
            )),
            _ => Ok(()),
        }
    }
}
