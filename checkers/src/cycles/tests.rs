//! The search against all simple cycles of tiny graphs.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{Base, Edges, Form, Found, Graph, Kind, NEVER, Naming, Ring, Step, Times, search};
use crate::verdict::Rel;

/// Operations as (invoked, completed), in the order of completions, and edges among them.
#[derive(Clone, Debug)]
struct Case {
    spans: Vec<(u32, u32)>,
    edges: Vec<(u32, u32, Rel)>,
}

impl Case {
    fn graph(&self) -> Graph {
        let mut lists = vec![Edges::default(), Edges::default()];
        for (index, (from, to, rel)) in self.edges.iter().enumerate() {
            lists[index % 2].add(*from, *to, *rel);
        }
        Graph::new(self.spans.len(), lists)
    }

    fn times(&self) -> Times {
        Times {
            invoked: self.spans.iter().map(|span| span.0).collect(),
            completed: self.spans.iter().map(|span| span.1).collect(),
        }
    }

    fn search(&self, realtime: bool) -> Found {
        search(&self.graph(), realtime.then(|| self.times()).as_ref())
    }

    fn all_edges(&self, realtime: bool) -> BTreeSet<(u32, u32, Rel)> {
        let mut edges: BTreeSet<_> = self
            .edges
            .iter()
            .copied()
            .filter(|edge| edge.0 != edge.1)
            .collect();
        let times = self.times();
        let vertices = 0..self.spans.len() as u32;
        for (one, other) in vertices
            .clone()
            .flat_map(|one| vertices.clone().map(move |other| (one, other)))
        {
            if realtime && times.precedes(one, other) {
                edges.insert((one, other, Rel::Realtime));
            }
        }
        edges
    }

    /// The kinds of all simple cycles.
    fn kinds(&self, realtime: bool) -> BTreeSet<Kind> {
        let edges = self.all_edges(realtime);
        let mut kinds = BTreeSet::new();
        let mut ways: Vec<(Vec<u32>, Vec<Rel>)> = (0..self.spans.len() as u32)
            .map(|first| (vec![first], Vec::new()))
            .collect();
        while let Some((passed, rels)) = ways.pop() {
            let last = *passed.last().expect("a way has a start");
            for (_, to, rel) in edges.iter().filter(|edge| edge.0 == last) {
                let rels = [rels.clone(), vec![*rel]].concat();
                if *to == passed[0] {
                    kinds.insert(Kind::of(&rels));
                } else if *to > passed[0] && !passed.contains(to) {
                    ways.push(([passed.clone(), vec![*to]].concat(), rels));
                }
            }
        }
        kinds
    }
}

fn rel() -> impl Strategy<Value = Rel> {
    prop_oneof![Just(Rel::Ww), Just(Rel::Wr), Just(Rel::Rw)]
}

/// Up to seven operations of several processes whose edges mostly lead forward.
fn case() -> impl Strategy<Value = Case> {
    let spans = prop::collection::vec((0..40_u32, 1..12_u32, 0..8_u8), 2..8);
    spans.prop_flat_map(|spans| {
        let count = spans.len() as u32;
        let mut spans: Vec<(u32, u32)> = spans
            .into_iter()
            // Times of different operations are different, as places of lines are.
            .enumerate()
            .map(|(index, (from, long, open))| {
                let (from, to) = (from * 100 + index as u32, (from + long) * 100 + 50 + index as u32);
                (from, if open == 0 { to | 1 << 31 } else { to })
            })
            .collect();
        spans.sort_unstable_by_key(|span| span.1 & !(1 << 31));
        for span in &mut spans {
            span.1 = if span.1 >= 1 << 31 { NEVER } else { span.1 };
        }
        let edges = prop::collection::vec((0..count, 0..count, rel()), 0..14);
        (Just(spans), edges).prop_map(|(spans, edges)| Case { spans, edges })
    })
}

fn with_processes(mut case: Case) -> Case {
    for vertex in 2..case.spans.len() as u32 {
        case.edges.push((vertex - 2, vertex, Rel::Process));
    }
    case
}

/// What of some kinds others do not already prove.
fn gravest(kinds: &BTreeSet<Kind>) -> BTreeSet<Kind> {
    let implied = |kind: Kind| kinds.iter().any(|other| *other != kind && other.implies(kind));
    kinds.iter().copied().filter(|kind| !implied(*kind)).collect()
}

/// How much each level of isolation loses to some kinds, by form: cycles of writes; of information; without
/// adjacent anti-dependencies; of any kind.
fn levels(kinds: &BTreeSet<Kind>) -> BTreeSet<(Form, u8)> {
    let mut levels = BTreeSet::new();
    for kind in kinds {
        let level = match kind.base {
            Base::G0 => 0,
            Base::G1c => 1,
            Base::Single | Base::Nonadjacent => 2,
            Base::G2 => 3,
        };
        for form in [Form::Data, Form::Process, Form::Realtime] {
            if form >= kind.form {
                levels.extend((level..4).map(|level| (form, level)));
            }
        }
    }
    levels
}

fn found_kinds(found: &Found) -> BTreeSet<Kind> {
    found.rings.iter().map(|ring| ring.kind).collect()
}

fn assert_sound(case: &Case, realtime: bool, found: &Found) {
    let edges = case.all_edges(realtime);
    for Ring { kind, steps } in &found.rings {
        let mut passed = BTreeSet::new();
        for (step, next) in steps.iter().zip(steps.iter().cycle().skip(1)) {
            let Step { from, to, rel } = *step;
            assert!(edges.contains(&(from, to, rel)), "{step:?} is made up");
            assert_eq!(to, next.from, "{steps:?} is not closed");
            assert!(passed.insert(from), "{steps:?} is not simple");
        }
        let rels: Vec<Rel> = steps.iter().map(|step| step.rel).collect();
        assert_eq!(*kind, Kind::of(&rels));
    }
    assert!(found.timeouts.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn data_cycles_are_those_there_are(case in case()) {
        let found = case.search(false);
        assert_sound(&case, false, &found);
        prop_assert_eq!(levels(&found_kinds(&found)), levels(&case.kinds(false)));
        let single = |kinds: BTreeSet<Kind>| gravest(&kinds).into_iter().filter(|kind| kind.base != Base::Nonadjacent && kind.base != Base::G2).collect::<Vec<_>>();
        prop_assert_eq!(single(found_kinds(&found)), single(case.kinds(false)));
    }

    #[test]
    fn process_cycles_are_those_there_are(case in case().prop_map(with_processes)) {
        let found = case.search(false);
        assert_sound(&case, false, &found);
        prop_assert_eq!(levels(&found_kinds(&found)), levels(&case.kinds(false)));
    }

    #[test]
    fn realtime_cycles_are_those_there_are(case in case()) {
        let found = case.search(true);
        assert_sound(&case, true, &found);
        prop_assert_eq!(levels(&found_kinds(&found)), levels(&case.kinds(true)));
    }

    #[test]
    fn rings_that_say_as_much_share_no_operation(case in case(), realtime in any::<bool>()) {
        let found = case.search(realtime);
        for (index, ring) in found.rings.iter().enumerate() {
            for other in &found.rings[..index] {
                let shared = ring.steps.iter().any(|step| other.steps.iter().any(|other| other.from == step.from));
                prop_assert!(!shared || !ring.kind.implies(other.kind) && !other.kind.implies(ring.kind) || ring.kind.implies(other.kind) && ring.kind != other.kind);
            }
        }
    }
}

fn names(found: &Found) -> Vec<(&'static str, u64)> {
    let all = Kind::all().map(|kind| (kind.name(Naming::Item), found.count(kind)));
    all.filter(|(_, count)| *count > 0).collect()
}

#[test]
fn many_stale_reads_are_counted_one_by_one() {
    // Each odd operation misses what the one before it had done when it began.
    let spans = (0..2_000).map(|index| (2 * index, 2 * index + 1)).collect();
    let mut edges: Vec<(u32, u32, Rel)> = (1..1_000).map(|pair| (2 * pair + 1, 2 * pair, Rel::Rw)).collect();
    edges.push((1_999, 0, Rel::Rw));
    let found = Case { spans, edges }.search(true);
    assert_eq!(names(&found), [("G-single-item-realtime", 999)]);
    assert_eq!(found.rings.len(), 999);
}

#[test]
fn a_stale_read_of_the_beginning_does_not_hide_what_lies_between() {
    let spans = (0..100).map(|index| (2 * index, 2 * index + 1)).collect();
    let mut edges: Vec<(u32, u32, Rel)> = (1..100).map(|index| (index - 1, index, Rel::Ww)).collect();
    edges.push((99, 0, Rel::Rw));
    edges.push((50, 49, Rel::Ww));
    let found = Case { spans, edges }.search(true);
    assert_eq!(names(&found), [("G0", 1), ("G-single-item", 1)]);
}

#[test]
fn a_long_way_round_takes_no_recursion() {
    let count = 200_000;
    let spans = (0..count).map(|index| (index, count + index)).collect();
    let mut edges: Vec<(u32, u32, Rel)> = (1..count).map(|index| (index, index - 1, Rel::Ww)).collect();
    edges.push((0, count - 1, Rel::Wr));
    let found = Case { spans, edges }.search(true);
    assert_eq!(names(&found), [("G1c", 1)]);
    assert_eq!(found.rings[0].steps.len(), count as usize);
}
