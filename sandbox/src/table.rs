//! The switch's mind: where a frame goes and whether a rule takes it. Pure; no file is touched here.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::address::{Mac, Place, Port};
use crate::capture::Capture;
use crate::effect::Effect;
use crate::error::{Error, Result};
use crate::frame::{ArpRequest, Frame, Packet};
use crate::rule::{Matcher, Rule};
use crate::score::Score;
use crate::shaper::Shaper;

/// The ports of a switch, which never change, and how to find one.
#[derive(Debug)]
pub(crate) struct Layout {
    ports: Vec<Port>,
    by_mac: HashMap<Mac, usize>,
    by_address: HashMap<Ipv4Addr, usize>,
}

impl Layout {
    pub(crate) fn new(ports: Vec<Port>) -> Self {
        let indices = || ports.iter().enumerate();
        let by_mac = indices().map(|(index, port)| (port.mac(), index)).collect();
        let by_address = indices()
            .flat_map(|(index, port)| port.addresses().into_iter().map(move |at| (at, index)))
            .collect();
        Self {
            ports,
            by_mac,
            by_address,
        }
    }

    /// The ports, in the order of their indices.
    pub(crate) fn ports(&self) -> &[Port] {
        &self.ports
    }

    /// The index of a direction of a link, below [`Layout::links`].
    pub(crate) fn link(&self, from: usize, to: usize) -> usize {
        from * self.ports.len() + to
    }

    /// How many directions of links there are, those from a port to itself included.
    pub(crate) fn links(&self) -> usize {
        self.ports.len() * self.ports.len()
    }

    /// The directions of links from and to the observer: the side channel.
    pub(crate) fn observed(&self) -> impl Iterator<Item = usize> + '_ {
        let pairs = (0..self.links()).map(|link| (link, link / self.ports.len(), link % self.ports.len()));
        let observer = |port: usize| self.ports[port] == Port::Observer;
        pairs
            .filter(move |&(_, from, to)| observer(from) || observer(to))
            .map(|(link, ..)| link)
    }

    /// The index of a place, where it is on this switch.
    pub(crate) fn place(&self, place: Place) -> Option<usize> {
        self.ports.iter().position(|&port| port == Port::Place(place))
    }

    /// Where a packet may go. Its hardware and network addresses must be those of the two ports, both in one subnet;
    /// in the side channel's one of the ports must be the observer's.
    fn route(&self, from: usize, packet: &Packet) -> Option<usize> {
        let to = *self.by_mac.get(&packet.to)?;
        let (sender, receiver) = (self.ports[from], self.ports[to]);
        let pair = (Some(packet.source), Some(packet.destination));
        let data = pair == (sender.data(), receiver.data());
        let side = pair == (sender.side(), receiver.side()) && is_side(sender, receiver);
        (to != from && packet.from == sender.mac() && (data || side)).then_some(to)
    }

    /// Whose hardware address answers a question, as though every cable were whole: a cut must never show as an
    /// unreachable host.
    fn owner(&self, from: usize, request: &ArpRequest) -> Option<Mac> {
        let to = *self.by_address.get(&request.target)?;
        let (sender, receiver) = (self.ports[from], self.ports[to]);
        let data = sender.data().is_some() && receiver.data() == Some(request.target);
        let side = is_side(sender, receiver);
        (to != from && request.mac == sender.mac() && (data || side)).then(|| receiver.mac())
    }
}

fn is_side(one: Port, other: Port) -> bool {
    (one == Port::Observer) != (other == Port::Observer)
}

/// Rules that come into force and end together.
#[derive(Debug)]
pub(crate) struct Group {
    rules: Vec<(Rule, Action)>,
    /// What they have done.
    pub(crate) score: Arc<Score>,
}

/// What a rule does with a frame.
#[derive(Clone, Debug)]
enum Action {
    Drop,
    Shape(Arc<Shaper>),
}

impl Group {
    /// These rules, beginning now, with random numbers from this seed. Every rule must have passed [`check`].
    pub(crate) fn new(rules: &[Rule], seed: u64, now: u64) -> Self {
        let score = Arc::<Score>::default();
        let begin = |(index, rule): (usize, &Rule)| {
            let action = match rule.effect {
                Effect::Drop => Action::Drop,
                effect => {
                    let random = (seed, stream(rules, index));
                    Action::Shape(Arc::new(Shaper::new(effect, random, now, Arc::clone(&score))))
                }
            };
            (*rule, action)
        };
        let rules = rules.iter().enumerate().map(begin).collect();
        Self { rules, score }
    }

    /// Tells what waits because of these rules to go on.
    pub(crate) fn end(&self) {
        for (_, action) in &self.rules {
            if let Action::Shape(shaper) = action {
                shaper.end();
            }
        }
    }
}

/// The stream that a rule draws from: that of its place in the list. What flaps is the whole of a link, so both of
/// its directions draw the same.
fn stream(rules: &[Rule], index: usize) -> u64 {
    let Rule {
        from,
        to,
        effect: Effect::Flap(_),
        ..
    } = rules[index]
    else {
        return index as u64;
    };
    let first = rules.iter().position(|other| {
        let ends = (other.from, other.to);
        matches!(other.effect, Effect::Flap(_)) && (ends == (from, to) || ends == (to, from))
    });
    first.unwrap_or(index) as u64
}

/// The rules in force, by link.
#[derive(Debug, Default)]
pub(crate) struct Table {
    links: Vec<Vec<Guard>>,
    /// Where what passes is written down.
    pub(crate) capture: Option<Arc<Capture>>,
}

/// What one group of rules does on one direction of a link.
#[derive(Debug)]
struct Guard {
    rules: Vec<(Matcher, Action)>,
    score: Arc<Score>,
}

impl Table {
    /// Compiles the groups that are in force.
    pub(crate) fn compile<'a>(layout: &Layout, groups: impl Iterator<Item = &'a Group>) -> Self {
        let mut links: Vec<Vec<Guard>> = (0..layout.links()).map(|_| Vec::new()).collect();
        for Group { rules, score } in groups {
            for (rule, action) in rules {
                let (Some(from), Some(to)) = (layout.place(rule.from), layout.place(rule.to)) else {
                    continue;
                };
                let rule = (rule.matcher, action.clone());
                let guards = &mut links[layout.link(from, to)];
                match guards.last_mut().filter(|guard| Arc::ptr_eq(&guard.score, score)) {
                    Some(guard) => guard.rules.push(rule),
                    None => guards.push(Guard {
                        rules: vec![rule],
                        score: Arc::clone(score),
                    }),
                }
            }
        }
        Self { links, capture: None }
    }

    /// The same, with what passes written down there.
    pub(crate) fn with(self, capture: Option<Arc<Capture>>) -> Self {
        Self { capture, ..self }
    }

    /// What the rules want of the packet. Each group that would have dropped it counts it once: where two faults
    /// overlap, both bit.
    fn rule(&self, link: usize, packet: &Packet, bytes: usize) -> Ruling {
        let mut ruling = Ruling::Pass;
        for guard in self.links.get(link).into_iter().flatten() {
            let mut actions = guard.matching(packet);
            if actions.clone().any(|action| matches!(action, Action::Drop)) {
                guard.score.dropped.add(bytes);
                ruling = Ruling::Drop;
            } else if ruling == Ruling::Pass && actions.next().is_some() {
                ruling = Ruling::Shape;
            }
        }
        ruling
    }

    /// What shapes the packet, in the order in which it came into force.
    pub(crate) fn shapers(&self, link: usize, packet: &Packet, found: &mut Vec<Arc<Shaper>>) {
        found.clear();
        for guard in self.links.get(link).into_iter().flatten() {
            found.extend(guard.matching(packet).filter_map(|action| match action {
                Action::Drop => None,
                Action::Shape(shaper) => Some(Arc::clone(shaper)),
            }));
        }
    }
}

impl Guard {
    fn matching(&self, packet: &Packet) -> impl Iterator<Item = &Action> + Clone {
        let matching = self
            .rules
            .iter()
            .filter(move |(matcher, _)| matcher.matches(packet));
        matching.map(|(_, action)| action)
    }
}

/// What the rules want of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ruling {
    Pass,
    Drop,
    Shape,
}

/// Whether a rule names two different places of this switch, and an effect that can be had.
pub(crate) fn check(layout: &Layout, rule: &Rule) -> Result<()> {
    let refuse = |reason: String| {
        Err(Error::Rule {
            rule: rule.to_string(),
            reason,
        })
    };
    if rule.from == rule.to {
        return refuse("a link has two different ends".to_owned());
    }
    if let Some(flaw) = rule.effect.flaw() {
        return refuse(flaw.to_owned());
    }
    match [rule.from, rule.to]
        .into_iter()
        .find(|&place| layout.place(place).is_none())
    {
        Some(place) => refuse(format!("there is no {place} in this sandbox")),
        None => Ok(()),
    }
}

/// What is to be done with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Give it to that port.
    Forward(usize),
    /// A rule took it on its way to that port.
    Drop(usize),
    /// Rules say what becomes of its packets on their way to that port.
    Shape(usize, Packet),
    /// Answer the sender: this hardware address has the address that was asked for.
    Answer(ArpRequest, Mac),
    /// It is neither IPv4 nor a question that anybody can answer.
    Foreign,
    /// It is IPv4 between addresses that have no link: broadcasts, forged senders, nodes on the side channel.
    Stray,
}

/// Decides about a frame of so many bytes that came in at a port.
pub(crate) fn decide(layout: &Layout, table: &Table, from: usize, frame: Frame, bytes: usize) -> Decision {
    match frame {
        Frame::ArpRequest(request) => layout
            .owner(from, &request)
            .map_or(Decision::Foreign, |mac| Decision::Answer(request, mac)),
        Frame::Ipv4(packet) => match layout.route(from, &packet) {
            None => Decision::Stray,
            Some(to) => match table.rule(layout.link(from, to), &packet, bytes) {
                Ruling::Pass => Decision::Forward(to),
                Ruling::Drop => Decision::Drop(to),
                Ruling::Shape => Decision::Shape(to, packet),
            },
        },
        Frame::Foreign => Decision::Foreign,
    }
}

#[cfg(test)]
mod tests;
