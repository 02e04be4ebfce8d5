//! The switch's mind: where a frame goes and whether a rule takes it. Pure; no file is touched here.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::address::{Mac, Place, Port};
use crate::error::{Error, Result};
use crate::frame::{ArpRequest, Frame, Packet};
use crate::rule::{Effect, Matcher, Rule, Tally};

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

    /// The index of a place, where it is on this switch.
    fn place(&self, place: Place) -> Option<usize> {
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

/// The rules in force, by link.
#[derive(Debug, Default)]
pub(crate) struct Table {
    links: Vec<Vec<Guard>>,
}

/// What one group of rules does on one direction of a link.
#[derive(Debug)]
struct Guard {
    rules: Vec<(Matcher, Effect)>,
    tally: Arc<Tally>,
}

impl Table {
    /// Compiles the groups that are in force. Every rule must have passed [`check`].
    pub(crate) fn compile<'a>(
        layout: &Layout,
        groups: impl Iterator<Item = (&'a [Rule], &'a Arc<Tally>)>,
    ) -> Self {
        let mut links: Vec<Vec<Guard>> = (0..layout.links()).map(|_| Vec::new()).collect();
        for (rules, tally) in groups {
            for rule in rules {
                let (Some(from), Some(to)) = (layout.place(rule.from), layout.place(rule.to)) else {
                    continue;
                };
                let guards = &mut links[layout.link(from, to)];
                match guards.last_mut().filter(|guard| Arc::ptr_eq(&guard.tally, tally)) {
                    Some(guard) => guard.rules.push((rule.matcher, rule.effect)),
                    None => guards.push(Guard {
                        rules: vec![(rule.matcher, rule.effect)],
                        tally: Arc::clone(tally),
                    }),
                }
            }
        }
        Self { links }
    }

    /// Whether any group drops the packet. Each group that would have dropped it counts it once: where two faults
    /// overlap, both bit.
    fn drops(&self, link: usize, packet: &Packet, bytes: usize) -> bool {
        let mut dropped = false;
        for guard in self.links.get(link).into_iter().flatten() {
            if guard
                .rules
                .iter()
                .any(|(matcher, Effect::Drop)| matcher.matches(packet))
            {
                guard.tally.add(bytes);
                dropped = true;
            }
        }
        dropped
    }
}

/// Whether a rule names two different places of this switch.
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
            Some(to) if table.drops(layout.link(from, to), &packet, bytes) => Decision::Drop(to),
            Some(to) => Decision::Forward(to),
        },
        Frame::Foreign => Decision::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::parse;
    use crate::frame::tests::{arp_frame, ipv4_frame, tcp_frame};
    use crate::rule::Counters;

    const N1: usize = 0;
    const N2: usize = 1;
    const CLIENTS: usize = 2;
    const OBSERVER: usize = 3;

    fn layout() -> Layout {
        Layout::new(vec![
            Port::node(1),
            Port::node(2),
            Port::Place(Place::Clients),
            Port::Observer,
        ])
    }

    fn port(index: usize) -> Port {
        layout().ports()[index]
    }

    fn cut(from: Place, to: Place) -> Rule {
        Rule {
            from,
            to,
            matcher: Matcher::All,
            effect: Effect::Drop,
        }
    }

    fn decide_with(table: &Table, from: usize, frame: &[u8]) -> Decision {
        decide(&layout(), table, from, parse(frame), frame.len())
    }

    /// An IPv4 packet between ports, from and to these addresses.
    fn packet(from: usize, to: usize, source: [u8; 4], destination: [u8; 4]) -> Vec<u8> {
        ipv4_frame(
            (port(from).mac(), port(to).mac()),
            (source.into(), destination.into()),
            17,
            &[0; 8],
        )
    }

    fn check_route(from: usize, to: usize, source: [u8; 4], destination: [u8; 4], expected: Decision) {
        assert_eq!(
            decide_with(&Table::default(), from, &packet(from, to, source, destination)),
            expected
        );
    }

    #[test]
    fn data_flows_between_nodes_and_clients() {
        check_route(N1, N2, [10, 77, 0, 1], [10, 77, 0, 2], Decision::Forward(N2));
        check_route(
            CLIENTS,
            N2,
            [10, 77, 0, 200],
            [10, 77, 0, 2],
            Decision::Forward(N2),
        );
        check_route(
            N2,
            CLIENTS,
            [10, 77, 0, 2],
            [10, 77, 0, 200],
            Decision::Forward(CLIENTS),
        );
    }

    #[test]
    fn the_side_channel_joins_the_observer_with_each_node_and_nobody_else() {
        check_route(
            OBSERVER,
            N1,
            [10, 78, 0, 200],
            [10, 78, 0, 1],
            Decision::Forward(N1),
        );
        check_route(
            N1,
            OBSERVER,
            [10, 78, 0, 1],
            [10, 78, 0, 200],
            Decision::Forward(OBSERVER),
        );
        check_route(N1, N2, [10, 78, 0, 1], [10, 78, 0, 2], Decision::Stray);
        check_route(N1, OBSERVER, [10, 77, 0, 1], [10, 78, 0, 200], Decision::Stray);
        check_route(CLIENTS, N1, [10, 77, 0, 200], [10, 78, 0, 1], Decision::Stray);
    }

    #[test]
    fn forged_senders_mixed_subnets_and_broadcasts_are_strays() {
        check_route(N1, N2, [10, 77, 0, 9], [10, 77, 0, 2], Decision::Stray);
        check_route(N1, N2, [10, 77, 0, 1], [10, 78, 0, 2], Decision::Stray);
        check_route(N1, N1, [10, 77, 0, 1], [10, 77, 0, 1], Decision::Stray);
        let mut frame = packet(N1, N2, [10, 77, 0, 1], [10, 77, 0, 255]);
        frame[0..6].fill(0xff);
        assert_eq!(decide_with(&Table::default(), N1, &frame), Decision::Stray);
        let forged = packet(N2, CLIENTS, [10, 77, 0, 2], [10, 77, 0, 200]);
        assert_eq!(decide_with(&Table::default(), N1, &forged), Decision::Stray);
    }

    #[test]
    fn a_cut_takes_one_direction_and_counts() {
        let tally = Arc::new(Tally::default());
        let rules = [cut(Place::Node(1), Place::Node(2))];
        let table = Table::compile(&layout(), std::iter::once((&rules[..], &tally)));
        let there = packet(N1, N2, [10, 77, 0, 1], [10, 77, 0, 2]);
        let back = packet(N2, N1, [10, 77, 0, 2], [10, 77, 0, 1]);
        assert_eq!(decide_with(&table, N1, &there), Decision::Drop(N2));
        assert_eq!(decide_with(&table, N2, &back), Decision::Forward(N1));
        assert_eq!(
            tally.read(),
            Counters {
                frames: 1,
                bytes: there.len() as u64
            }
        );
    }

    #[test]
    fn a_cut_by_port_leaves_other_services() {
        let tally = Arc::new(Tally::default());
        let matcher = Matcher::Tcp {
            source: None,
            destination: Some(9092),
        };
        let rules = [Rule {
            matcher,
            ..cut(Place::Node(1), Place::Node(2))
        }];
        let table = Table::compile(&layout(), std::iter::once((&rules[..], &tally)));
        let frame = |destination| tcp_frame(Port::node(1), Port::node(2), 40_000, destination, 1);
        assert_eq!(decide_with(&table, N1, &frame(9092)), Decision::Drop(N2));
        assert_eq!(decide_with(&table, N1, &frame(9093)), Decision::Forward(N2));
    }

    #[test]
    fn every_rule_that_can_be_written_leaves_the_side_channel_alone() {
        let places = [Place::Node(1), Place::Node(2), Place::Clients];
        let all: Vec<Rule> = places
            .iter()
            .flat_map(|&from| places.map(|to| cut(from, to)))
            .collect();
        let tally = Arc::new(Tally::default());
        let table = Table::compile(&layout(), std::iter::once((&all[..], &tally)));
        let there = packet(OBSERVER, N1, [10, 78, 0, 200], [10, 78, 0, 1]);
        let back = packet(N1, OBSERVER, [10, 78, 0, 1], [10, 78, 0, 200]);
        assert_eq!(decide_with(&table, OBSERVER, &there), Decision::Forward(N1));
        assert_eq!(decide_with(&table, N1, &back), Decision::Forward(OBSERVER));
        assert_eq!(tally.read(), Counters::default());
    }

    #[test]
    fn overlapping_groups_each_count_a_frame_once() {
        let tallies = [Arc::new(Tally::default()), Arc::new(Tally::default())];
        let rules = [cut(Place::Node(1), Place::Node(2)); 2];
        let table = Table::compile(&layout(), tallies.iter().map(|tally| (&rules[..], tally)));
        decide_with(&table, N1, &packet(N1, N2, [10, 77, 0, 1], [10, 77, 0, 2]));
        assert_eq!(tallies.map(|tally| tally.read().frames), [1, 1]);
    }

    #[test]
    fn questions_are_answered_for_both_subnets_but_not_for_oneself() {
        let ask = |from: usize, source: [u8; 4], target: [u8; 4]| {
            decide_with(
                &Table::default(),
                from,
                &arp_frame(port(from), source.into(), target.into()),
            )
        };
        let answered =
            |decision, to: usize| matches!(decision, Decision::Answer(_, mac) if mac == port(to).mac());
        assert!(answered(ask(N1, [10, 77, 0, 1], [10, 77, 0, 2]), N2));
        assert!(answered(ask(N1, [10, 78, 0, 1], [10, 78, 0, 200]), OBSERVER));
        assert!(answered(ask(OBSERVER, [10, 78, 0, 200], [10, 78, 0, 2]), N2));
        assert_eq!(ask(N1, [0, 0, 0, 0], [10, 77, 0, 1]), Decision::Foreign);
        assert_eq!(ask(N1, [10, 78, 0, 1], [10, 78, 0, 2]), Decision::Foreign);
        assert_eq!(ask(N1, [10, 77, 0, 1], [10, 77, 0, 9]), Decision::Foreign);
    }

    #[test]
    fn rules_must_name_two_ends_that_exist() {
        let reason = |rule: &Rule| check(&layout(), rule).expect_err("it is wrong").to_string();
        assert!(reason(&cut(Place::Node(1), Place::Node(1))).contains("two different ends"));
        assert!(reason(&cut(Place::Node(1), Place::Node(7))).contains("there is no n7"));
        check(&layout(), &cut(Place::Clients, Place::Node(2))).expect("it is right");
    }
}
