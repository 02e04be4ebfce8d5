//! The kinds of dependency as sets, and the kinds of cycle as Elle names them.

use crate::anomaly;
use crate::verdict::Rel;

/// A set of kinds of dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rels(u8);

impl Rels {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const WW: Self = Self::of(Rel::Ww);
    pub(crate) const WR: Self = Self::of(Rel::Wr);
    pub(crate) const RW: Self = Self::of(Rel::Rw);
    pub(crate) const PROCESS: Self = Self::of(Rel::Process);

    /// The set of one.
    pub(crate) const fn of(rel: Rel) -> Self {
        Self(1 << rel as u8)
    }

    /// Both together.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it is one of them.
    pub(crate) const fn has(self, rel: Rel) -> bool {
        self.0 & Self::of(rel).0 != 0
    }
}

/// What a cycle is by its dependencies of data, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Base {
    /// Write dependencies alone.
    G0,
    /// Write and read dependencies, at least one of the latter.
    G1c,
    /// Exactly one anti-dependency (rw).
    Single,
    /// Two or more anti-dependencies, of which no two follow each other.
    Nonadjacent,
    /// Two or more anti-dependencies, of which some follow each other.
    G2,
}

/// Which order of the clients a cycle needs beside its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    /// None.
    Data,
    /// That of a process.
    Process,
    /// That of real time.
    Realtime,
}

/// What kind of cycle a cycle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    /// By its data.
    pub(crate) base: Base,
    /// By the order of clients that it needs.
    pub(crate) form: Form,
}

/// How kinds with anti-dependencies are called: whether the name says that items, and no predicates, were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// As Elle does: `G-single-item`, `G-nonadjacent-item`, `G2-item`.
    Item,
    /// As Adya and Jepsen's Kafka workload do: `G-single`, `G-nonadjacent`, `G2`.
    Plain,
}

impl Kind {
    /// How many kinds there are.
    pub(crate) const COUNT: usize = 15;

    /// All of them, the gravest first.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        [Form::Data, Form::Process, Form::Realtime]
            .into_iter()
            .flat_map(|form| {
                [Base::G0, Base::G1c, Base::Single, Base::Nonadjacent, Base::G2]
                    .map(|base| Self { base, form })
            })
    }

    /// The kind of a cycle with these dependencies, in its order.
    pub(crate) fn of(rels: &[Rel]) -> Self {
        let count = |wanted: Rel| rels.iter().filter(|rel| **rel == wanted).count();
        let last = rels.last().copied().into_iter();
        let pairs = last.chain(rels.iter().copied()).zip(rels.iter().copied());
        let base = match count(Rel::Rw) {
            0 if count(Rel::Wr) == 0 => Base::G0,
            0 => Base::G1c,
            1 => Base::Single,
            _ if pairs.into_iter().any(|pair| pair == (Rel::Rw, Rel::Rw)) => Base::G2,
            _ => Base::Nonadjacent,
        };
        let form = if count(Rel::Realtime) > 0 {
            Form::Realtime
        } else if count(Rel::Process) > 0 {
            Form::Process
        } else {
            Form::Data
        };
        Self { base, form }
    }

    /// Its place among [`Kind::all`].
    pub(crate) fn index(self) -> usize {
        self.form as usize * 5 + self.base as usize
    }

    /// Whether a cycle of this kind proves all that one of the other proves (Elle's implications: every G0 is
    /// a G1c, every G-single a G-nonadjacent and that a G2; what needs no clock needs no clock either way).
    pub(crate) fn implies(self, other: Self) -> bool {
        let chain = |base: Base| matches!(base, Base::G0 | Base::G1c);
        self.form <= other.form && self.base <= other.base && chain(self.base) == chain(other.base)
    }

    /// The kinds that imply this one, itself among them, as bits by [`Kind::index`].
    pub(crate) fn implied_by(self) -> u16 {
        let implying = Self::all().filter(|kind| kind.implies(self));
        implying.fold(0, |bits, kind| bits | kind.bit())
    }

    /// The bit of its index.
    pub(crate) fn bit(self) -> u16 {
        1 << self.index()
    }

    /// Its name in a verdict.
    pub(crate) fn name(self, naming: Naming) -> &'static str {
        let names = match naming {
            Naming::Item => &ITEM_NAMES,
            Naming::Plain => &PLAIN_NAMES,
        };
        names[self.index()]
    }
}

const ITEM_NAMES: [&str; Kind::COUNT] = [
    anomaly::G0,
    anomaly::G1C,
    anomaly::G_SINGLE_ITEM,
    anomaly::G_NONADJACENT_ITEM,
    anomaly::G2_ITEM,
    anomaly::G0_PROCESS,
    anomaly::G1C_PROCESS,
    anomaly::G_SINGLE_ITEM_PROCESS,
    anomaly::G_NONADJACENT_ITEM_PROCESS,
    anomaly::G2_ITEM_PROCESS,
    anomaly::G0_REALTIME,
    anomaly::G1C_REALTIME,
    anomaly::G_SINGLE_ITEM_REALTIME,
    anomaly::G_NONADJACENT_ITEM_REALTIME,
    anomaly::G2_ITEM_REALTIME,
];

const PLAIN_NAMES: [&str; Kind::COUNT] = [
    anomaly::G0,
    anomaly::G1C,
    anomaly::G_SINGLE,
    anomaly::G_NONADJACENT,
    anomaly::G2,
    anomaly::G0_PROCESS,
    anomaly::G1C_PROCESS,
    anomaly::G_SINGLE_PROCESS,
    anomaly::G_NONADJACENT_PROCESS,
    anomaly::G2_PROCESS,
    anomaly::G0_REALTIME,
    anomaly::G1C_REALTIME,
    anomaly::G_SINGLE_REALTIME,
    anomaly::G_NONADJACENT_REALTIME,
    anomaly::G2_REALTIME,
];

#[cfg(test)]
mod tests {
    use super::{Base, Form, Kind, Naming};
    use crate::verdict::Rel::{self, Process, Realtime, Rw, Wr, Ww};

    fn name(rels: &[Rel]) -> &'static str {
        Kind::of(rels).name(Naming::Item)
    }

    #[test]
    fn a_cycle_is_named_by_its_edges() {
        assert_eq!(name(&[Ww, Ww]), "G0");
        assert_eq!(name(&[Ww, Wr]), "G1c");
        assert_eq!(name(&[Rw, Wr]), "G-single-item");
        assert_eq!(name(&[Rw, Rw]), "G2-item");
        assert_eq!(name(&[Rw, Ww, Rw]), "G2-item");
        assert_eq!(name(&[Rw, Ww, Rw, Wr]), "G-nonadjacent-item");
        assert_eq!(name(&[Ww, Process]), "G0-process");
        assert_eq!(name(&[Wr, Process, Ww, Realtime]), "G1c-realtime");
        assert_eq!(Kind::of(&[Rw, Realtime]).name(Naming::Plain), "G-single-realtime");
    }

    #[test]
    fn each_kind_stands_at_its_index_and_implies_itself() {
        for (index, kind) in Kind::all().enumerate() {
            assert_eq!(kind.index(), index);
            assert!(kind.implies(kind));
            assert!(kind.implied_by() & kind.bit() != 0);
        }
    }

    #[test]
    fn what_is_graver_implies_what_is_less() {
        let kind = |base, form| Kind { base, form };
        assert!(kind(Base::G0, Form::Data).implies(kind(Base::G1c, Form::Realtime)));
        assert!(kind(Base::Single, Form::Process).implies(kind(Base::G2, Form::Realtime)));
        assert!(!kind(Base::G1c, Form::Data).implies(kind(Base::Single, Form::Data)));
        assert!(!kind(Base::Single, Form::Realtime).implies(kind(Base::Single, Form::Data)));
    }
}
