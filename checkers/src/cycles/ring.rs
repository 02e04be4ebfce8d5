//! What a search has found: rings, and how many of each kind.

use std::collections::BTreeMap;

use super::graph::Vertex;
use super::kind::Kind;
use crate::verdict::{CASES_MAX, Rel};

/// One step round a cycle: why the one came before the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) from: Vertex,
    pub(crate) to: Vertex,
    pub(crate) rel: Rel,
}

/// A cycle that passes no vertex twice. Each step begins where the one before ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ring {
    pub(crate) kind: Kind,
    pub(crate) steps: Vec<Step>,
}

/// A component that was not searched to the end for a kind that may be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeout {
    /// What was looked for.
    pub(crate) kind: Kind,
    /// How many operations the component has.
    pub(crate) size: usize,
    /// The first of them.
    pub(crate) first: Vertex,
}

/// What a search found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The first rings of each kind in the order of time, at most [`CASES_MAX`] of each.
    pub(crate) rings: Vec<Ring>,
    /// How many of each kind there are, by [`Kind::index`].
    pub(crate) counts: [u64; Kind::COUNT],
    /// What was given up.
    pub(crate) timeouts: Vec<Timeout>,
    /// How many rings of each kind are kept.
    kept: [usize; Kind::COUNT],
}

impl Found {
    /// How many rings of a kind there are.
    pub(crate) fn count(&self, kind: Kind) -> u64 {
        self.counts[kind.index()]
    }

    /// This, and what was found later in the history.
    pub(super) fn and(mut self, later: Self) -> Self {
        for ring in later.rings {
            let kept = &mut self.kept[ring.kind.index()];
            if *kept < CASES_MAX {
                *kept += 1;
                self.rings.push(ring);
            }
        }
        for (count, more) in self.counts.iter_mut().zip(later.counts) {
            *count += more;
        }
        self.timeouts.extend(later.timeouts);
        self
    }
}

/// Takes rings as they are found, and those only that share no vertex with one that says as much.
#[derive(Default)]
pub(super) struct Sink {
    found: Found,
    /// Of each vertex of the window the kinds of the rings that it is in, as bits.
    used: Vec<u16>,
    first: Vertex,
}

impl Sink {
    /// Goes on to another window.
    pub(super) fn begin(&mut self, first: Vertex, vertices: usize) {
        self.first = first;
        self.used.clear();
        self.used.resize(vertices, 0);
    }

    /// Whether a vertex is in a ring of one of these kinds already.
    pub(super) fn is_used(&self, vertex: Vertex, kinds: u16) -> bool {
        self.used[(vertex - self.first) as usize] & kinds != 0
    }

    /// Takes the rings that a closed walk is made of. Returns their kinds, as bits.
    pub(super) fn take_walk(&mut self, walk: &[Step]) -> u16 {
        let rings = simple(walk);
        rings.into_iter().fold(0, |kinds, ring| kinds | self.take(ring))
    }

    fn take(&mut self, steps: Vec<Step>) -> u16 {
        let rels: Vec<Rel> = steps.iter().map(|step| step.rel).collect();
        let kind = Kind::of(&rels);
        let implied_by = kind.implied_by();
        if steps.iter().any(|step| self.is_used(step.from, implied_by)) {
            return 0;
        }
        for step in &steps {
            self.used[(step.from - self.first) as usize] |= kind.bit();
        }
        self.found.counts[kind.index()] += 1;
        let kept = &mut self.found.kept[kind.index()];
        if *kept < CASES_MAX {
            *kept += 1;
            self.found.rings.push(Ring { kind, steps });
        }
        kind.bit()
    }

    /// Something was given up.
    pub(super) fn timeout(&mut self, timeout: Timeout) {
        self.found.timeouts.push(timeout);
    }

    /// What was found in all windows.
    pub(super) fn end(self) -> Found {
        self.found
    }
}

/// Takes a closed walk apart into cycles that pass no vertex twice. Of a walk in which no two anti-dependencies
/// follow each other, one of them at least is so as well.
fn simple(walk: &[Step]) -> Vec<Vec<Step>> {
    let mut rings = Vec::new();
    let mut path: Vec<Step> = Vec::new();
    let mut places: BTreeMap<Vertex, usize> = BTreeMap::new();
    for step in walk {
        places.insert(step.from, path.len());
        path.push(*step);
        if let Some(place) = places.get(&step.to) {
            let ring = path.split_off(*place);
            for step in &ring {
                places.remove(&step.from);
            }
            rings.push(ring);
        }
    }
    debug_assert!(path.is_empty(), "a walk that is not closed: {walk:?}");
    rings
}

#[cfg(test)]
mod tests {
    use super::{Step, simple};
    use crate::verdict::Rel;

    fn walk(vertices: &[u32]) -> Vec<Step> {
        let pairs = vertices.windows(2);
        pairs
            .map(|pair| Step {
                from: pair[0],
                to: pair[1],
                rel: Rel::Ww,
            })
            .collect()
    }

    #[test]
    fn a_walk_is_taken_apart_where_it_crosses_itself() {
        let rings = simple(&walk(&[1, 2, 3, 4, 2, 5, 1]));
        assert_eq!(rings, [walk(&[2, 3, 4, 2]), walk(&[1, 2, 5, 1])]);
    }

    #[test]
    fn a_walk_may_pass_its_start() {
        let rings = simple(&walk(&[1, 2, 1, 3, 1]));
        assert_eq!(rings, [walk(&[1, 2, 1]), walk(&[1, 3, 1])]);
    }
}
