//! Routes, cuts and what shapes, decided about frames.

use super::*;
use crate::effect::{Delay, Share};
use crate::frame::parse;
use crate::frame::tests::{arp_frame, ipv4_frame, tcp_frame};
use crate::score::Counters;

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
    let group = Group::new(&[cut(Place::Node(1), Place::Node(2))], 0, 0);
    let table = Table::compile(&layout(), std::iter::once(&group));
    let there = packet(N1, N2, [10, 77, 0, 1], [10, 77, 0, 2]);
    let back = packet(N2, N1, [10, 77, 0, 2], [10, 77, 0, 1]);
    assert_eq!(decide_with(&table, N1, &there), Decision::Drop(N2));
    assert_eq!(decide_with(&table, N2, &back), Decision::Forward(N1));
    assert_eq!(
        group.score.read().dropped,
        Counters {
            frames: 1,
            bytes: there.len() as u64
        }
    );
}

#[test]
fn a_cut_by_port_leaves_other_services() {
    let matcher = Matcher::Tcp {
        source: None,
        destination: Some(9092),
    };
    let rules = [Rule {
        matcher,
        ..cut(Place::Node(1), Place::Node(2))
    }];
    let group = Group::new(&rules, 0, 0);
    let table = Table::compile(&layout(), std::iter::once(&group));
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
    let group = Group::new(&all, 0, 0);
    let table = Table::compile(&layout(), std::iter::once(&group));
    let there = packet(OBSERVER, N1, [10, 78, 0, 200], [10, 78, 0, 1]);
    let back = packet(N1, OBSERVER, [10, 78, 0, 1], [10, 78, 0, 200]);
    assert_eq!(decide_with(&table, OBSERVER, &there), Decision::Forward(N1));
    assert_eq!(decide_with(&table, N1, &back), Decision::Forward(OBSERVER));
    assert_eq!(group.score.read().dropped, Counters::default());
}

#[test]
fn overlapping_groups_each_count_a_frame_once() {
    let groups = [0, 1].map(|seed| Group::new(&[cut(Place::Node(1), Place::Node(2)); 2], seed, 0));
    let table = Table::compile(&layout(), groups.iter());
    decide_with(&table, N1, &packet(N1, N2, [10, 77, 0, 1], [10, 77, 0, 2]));
    assert_eq!(groups.map(|group| group.score.read().dropped.frames), [1, 1]);
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
    let nothing = Rule {
        effect: Effect::Duplicate(Share::default()),
        ..cut(Place::Clients, Place::Node(2))
    };
    assert!(reason(&nothing).contains("a share of nothing"));
}

fn delayed(from: Place, to: Place) -> Rule {
    let effect = Effect::Delay(Delay {
        by: std::time::Duration::from_millis(5),
        jitter: std::time::Duration::ZERO,
        distribution: crate::effect::Distribution::Uniform,
        overtake: false,
    });
    Rule {
        effect,
        ..cut(from, to)
    }
}

#[test]
fn what_is_shaped_is_found_in_the_order_of_its_groups_and_a_cut_comes_first() {
    let (one, two) = (Place::Node(1), Place::Node(2));
    let shaping = [0, 1].map(|seed| Group::new(&[delayed(one, two)], seed, 0));
    let there = packet(N1, N2, [10, 77, 0, 1], [10, 77, 0, 2]);
    let table = Table::compile(&layout(), shaping.iter());
    let Decision::Shape(N2, found) = decide_with(&table, N1, &there) else {
        panic!("it is shaped");
    };
    let mut shapers = Vec::new();
    table.shapers(layout().link(N1, N2), &found, &mut shapers);
    assert_eq!(shapers.len(), 2);
    let cutting = Group::new(&[cut(one, two)], 0, 0);
    let table = Table::compile(&layout(), shaping.iter().chain(std::iter::once(&cutting)));
    assert_eq!(decide_with(&table, N1, &there), Decision::Drop(N2));
}

#[test]
fn both_directions_of_a_link_that_flaps_draw_the_same() {
    let flap = Effect::Flap(crate::effect::Flap {
        up: std::time::Duration::from_secs(1),
        down: std::time::Duration::from_secs(1),
        jitter: Share::WHOLE,
    });
    let (one, two) = (Place::Node(1), Place::Node(2));
    let ends = [
        (one, two),
        (two, one),
        (one, Place::Clients),
        (Place::Clients, one),
    ];
    let rules = ends.map(|(from, to)| Rule {
        effect: flap,
        ..cut(from, to)
    });
    assert_eq!([0, 1, 2, 3].map(|index| stream(&rules, index)), [0, 0, 2, 2]);
    let delays = ends.map(|(from, to)| delayed(from, to));
    assert_eq!([0, 1, 2, 3].map(|index| stream(&delays, index)), [0, 1, 2, 3]);
}
