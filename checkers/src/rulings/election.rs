//! Elections: changes of a partition's leader epoch.

use history::NodeId;

use super::Ruled;

/// A change of a partition's leader epoch.
#[derive(Clone, Copy, Debug)]
pub struct Election<'r> {
    /// The state that it changed, where that is known: the record before it is there.
    pub before: Option<&'r Ruled>,
    /// The state that it made. Its term tells which controller decided so.
    pub after: &'r Ruled,
}

/// What a newly elected leader was in the state before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// An in-sync replica.
    InSync,
    /// An eligible leader replica (KIP-966): out of the ISR, and certain to hold what was committed. As clean.
    Eligible,
    /// Neither: the election was unclean.
    Outside,
    /// Nobody was elected: the partition lost its leader.
    Nobody,
    /// The state before is not known.
    Unknown,
}

impl Election<'_> {
    /// Who leads now.
    pub fn leader(&self) -> Option<NodeId> {
        self.after.ruling.leader
    }

    /// What the new leader had been before.
    pub fn standing(&self) -> Standing {
        let Some(leader) = self.leader() else {
            return Standing::Nobody;
        };
        match self.before.map(|before| &before.ruling) {
            None => Standing::Unknown,
            Some(before) if before.isr.contains(&leader) => Standing::InSync,
            Some(before) if before.elr.contains(&leader) => Standing::Eligible,
            Some(_) => Standing::Outside,
        }
    }

    /// Whether its own record marks it as unclean: in the state before nobody had to recover, and now the leader has to.
    pub fn is_marked(&self) -> bool {
        let recovered = self.before.is_some_and(|before| !before.ruling.recovering);
        recovered && self.after.ruling.recovering
    }

    /// Whether another node leads than before; an epoch may change without that.
    pub fn changes_leader(&self) -> bool {
        self.before
            .is_none_or(|before| before.ruling.leader != self.after.ruling.leader)
    }
}

/// All elections of a partition, in order. The state of a partition that was just made is no election's.
pub(super) fn all(rulings: &[Ruled]) -> impl Iterator<Item = Election<'_>> {
    rulings.iter().enumerate().filter_map(|(number, after)| {
        let previous = number.checked_sub(1).map(|number| &rulings[number]);
        let elected = match previous {
            Some(previous) => previous.ruling.epoch < after.ruling.epoch,
            None => after.ruling.epoch > 0,
        };
        let follows = |before: &&Ruled| {
            before.ruling.partition_epoch.checked_add(1) == Some(after.ruling.partition_epoch)
        };
        elected.then(|| Election {
            before: previous.filter(follows),
            after,
        })
    })
}
