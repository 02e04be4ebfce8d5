//! What a search for one kind of cycle follows, and what it keeps in mind on the way.

use super::kind::{Base, Form, Kind, Rels};
use crate::verdict::Rel;

/// A search for cycles of a kind of data or process order, each through an edge that such a cycle must have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quest {
    pub(super) kind: Kind,
}

/// What was passed on the way, as bits.
pub(super) type State = u8;
const PROCESS: State = 1;
const LAST_RW: State = 2;
const SECOND_RW: State = 4;

impl Quest {
    /// The bits of a state that matter to this quest are the lowest so many.
    pub(super) fn state_bits(self) -> u32 {
        match self.kind.base {
            Base::G0 | Base::G1c | Base::Single => 1,
            Base::Nonadjacent | Base::G2 => 3,
        }
    }

    /// The kinds of edges that such a cycle may have.
    pub(super) fn rels(self) -> Rels {
        let data = match self.kind.base {
            Base::G0 => Rels::WW,
            Base::G1c => Rels::WW.and(Rels::WR),
            Base::Single | Base::Nonadjacent | Base::G2 => Rels::WW.and(Rels::WR).and(Rels::RW),
        };
        match self.kind.form {
            Form::Process => data.and(Rels::PROCESS),
            Form::Data | Form::Realtime => data,
        }
    }

    /// Whether no two anti-dependencies may follow each other.
    pub(super) fn nonadjacent(self) -> bool {
        matches!(self.kind.base, Base::Single | Base::Nonadjacent)
    }

    /// The kind of edge through which each such cycle goes.
    pub(super) fn anchor(self) -> Rel {
        match (self.kind.base, self.kind.form) {
            (Base::G0, Form::Process) => Rel::Process,
            (Base::G0, _) => Rel::Ww,
            (Base::G1c, _) => Rel::Wr,
            (Base::Single | Base::Nonadjacent | Base::G2, _) => Rel::Rw,
        }
    }

    /// The state behind the anchor.
    pub(super) fn start(self) -> State {
        match self.anchor() {
            Rel::Process => PROCESS,
            Rel::Rw if self.kind.base == Base::Nonadjacent => LAST_RW,
            _ => 0,
        }
    }

    /// The state behind another edge; `None` where the cycle may not have it.
    pub(super) fn next(self, state: State, rel: Rel) -> Option<State> {
        let moved = state & !LAST_RW;
        match (rel, self.kind.base) {
            (Rel::Ww, _) | (Rel::Wr, Base::G1c | Base::Single | Base::Nonadjacent | Base::G2) => Some(moved),
            (Rel::Rw, Base::Nonadjacent) => (state & LAST_RW == 0).then_some(moved | LAST_RW | SECOND_RW),
            (Rel::Rw, Base::G2) => Some(moved | SECOND_RW),
            (Rel::Process, _) => (self.kind.form == Form::Process).then_some(moved | PROCESS),
            (Rel::Wr | Rel::Rw | Rel::Realtime, _) => None,
        }
    }

    /// Whether a way that has come back to the anchor makes a cycle. With `relaxed` it may be one of a kind that
    /// implies this one.
    pub(super) fn closes(self, state: State, relaxed: bool) -> bool {
        let adjacent = self.kind.base == Base::Nonadjacent && state & LAST_RW != 0;
        let second = self.kind.base < Base::Nonadjacent || state & SECOND_RW != 0;
        let process = self.kind.form != Form::Process || state & PROCESS != 0;
        !adjacent && (relaxed || second && process)
    }
}
