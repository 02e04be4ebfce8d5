//! Whatever the cycle: its words never meet, and nothing lies outside the picture.

use checkers::{Cycle, CycleOperation, Edge, Rel};
use proptest::prelude::*;

use super::label::{Area, Label};
use super::sketch::{Sketch, WIDTH};
use super::{lanes, ring};
use crate::cycle::Told;

const RELS: [Rel; 5] = [Rel::Ww, Rel::Wr, Rel::Rw, Rel::Process, Rel::Realtime];

fn cycle(operations: Vec<CycleOperation>, rels: &[usize], key: &str) -> Cycle {
    let count = operations.len();
    let edge = |place: usize| {
        let rel = RELS[rels[place % rels.len()] % RELS.len()];
        Edge {
            from: operations[place].op,
            to: operations[(place + 1) % count].op,
            rel,
            key: (rel <= Rel::Rw).then(|| key.to_owned()),
            because: "It was so.".to_owned(),
        }
    };
    Cycle {
        edges: (0..count).map(edge).collect(),
        operations,
    }
}

fn operation() -> impl Strategy<Value = CycleOperation> {
    let completed = proptest::option::weighted(0.9, 0_u64..50);
    let text =
        proptest::string::string_regex("(append [a-z] [0-9]{1,6}, ){1,6}read x 字{0,30}").expect("a pattern");
    (0_u32..6, 0_u64..100, completed, text).prop_map(|(process, invoked, took, text)| CycleOperation {
        op: 0,
        process,
        outcome: if took.is_some() { "ok" } else { "info" }.to_owned(),
        text,
        invoked: invoked * 1_000_000,
        completed: took.map(|took| (invoked + took) * 1_000_000),
    })
}

fn cycles(operations_max: usize) -> impl Strategy<Value = Cycle> {
    let operations = proptest::collection::vec(operation(), 1..=operations_max);
    let rels = proptest::collection::vec(0_usize..5, 1..8);
    let numbered = |mut operations: Vec<CycleOperation>| {
        for (op, operation) in (10..).zip(&mut operations) {
            operation.op = op;
        }
        operations
    };
    (operations, rels, "[a-z]{1,20}")
        .prop_map(move |(operations, rels, key)| cycle(numbered(operations), &rels, &key))
}

fn words(sketch: &Sketch) -> Vec<&Label> {
    let of_arrows = sketch.arrows.iter().filter_map(|arrow| arrow.label.as_ref());
    of_arrows.chain(&sketch.words).chain(&sketch.ticks).collect()
}

fn check(sketch: &Sketch) {
    let whole = Area {
        left: -0.001,
        top: -0.001,
        right: WIDTH + 0.001,
        bottom: sketch.height + 0.001,
    };
    let shapes: Vec<Area> = sketch.nodes.iter().map(|node| node.shape.area()).collect();
    let words = words(sketch);
    for (index, word) in words.iter().enumerate() {
        assert!(whole.holds(&word.area()), "{word:?} lies outside");
        for other in &words[index + 1..] {
            assert!(!word.area().meets(&other.area()), "{word:?} meets {other:?}");
        }
        for shape in &shapes {
            assert!(!word.area().meets(shape), "{word:?} meets {shape:?}");
        }
    }
    for shape in &shapes {
        assert!(whole.holds(shape), "{shape:?} lies outside");
    }
}

proptest! {
    #[test]
    fn words_in_lanes_never_meet(cycle in cycles(12)) {
        let told = Told::new(&cycle);
        if let Some(sketch) = lanes::sketch(&told, true) {
            check(&sketch);
            prop_assert_eq!(sketch.arrows.len(), cycle.edges.len());
            for arrow in &sketch.arrows {
                prop_assert!(arrow.label.is_some(), "no room for the words of {}", arrow.title);
            }
            for node in &sketch.nodes {
                prop_assert!(node.shape.area().holds(&node.label.area()), "{:?}", node);
            }
        }
    }

    #[test]
    fn words_on_a_ring_never_meet(cycle in cycles(60)) {
        let sketch = ring::sketch(&Told::new(&cycle), true);
        check(&sketch);
        prop_assert!(sketch.nodes.len() <= ring::NODES_MAX);
        for arrow in &sketch.arrows {
            prop_assert!(arrow.label.is_some() == (arrow.class != "gap"), "no room for the words of {}", arrow.title);
        }
    }
}
