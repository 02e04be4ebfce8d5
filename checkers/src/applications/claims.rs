//! Who owned which partition in which generation of its group.
//!
//! Judged by generation (classic protocol) or member's epoch (KIP-848), never by wall time: a member that the group has
//! given up goes on believing. It owns a partition in the generation that it was given it in, and in every later one that it shows itself to be in
//! while it has it: by a commit that the group acknowledged, or by a further rebalance that leaves it the partition.

use std::collections::BTreeMap;

use history::{Change, Commit, Key, MemberId, Rebalance};

/// A partition that a member owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) key: Key,
    /// Its id in the group.
    pub(crate) member: String,
    pub(crate) process: u32,
    /// The operation that says that it was given it, and when that was.
    pub(crate) op: u64,
    pub(crate) time: u64,
    /// The generation that it was given it in, and the last in which it showed itself to have it.
    pub(crate) from: i32,
    pub(crate) to: i32,
}

#[derive(Default)]
pub(super) struct Claims {
    all: Vec<Claim>,
    /// What each process has now: its claims by partition.
    held: BTreeMap<u32, BTreeMap<Key, usize>>,
}

impl Claims {
    pub(super) fn rebalanced(&mut self, time: u64, process: u32, op: u64, rebalance: &Rebalance) {
        let MemberId { id, generation } = &rebalance.member;
        let known = !id.is_empty() && *generation >= 0;
        let held = self.held.entry(process).or_default();
        // Whether it was given some, gave some back or lost some: what it is named for is judged on its own.
        for key in &rebalance.keys {
            held.remove(key);
        }
        if !known || rebalance.change == Change::Lost {
            return;
        }
        Self::shown(&mut self.all, held.values(), id, *generation);
        if rebalance.change != Change::Given {
            return;
        }
        for key in &rebalance.keys {
            held.insert(*key, self.all.len());
            self.all.push(Claim {
                key: *key,
                member: id.clone(),
                process,
                op,
                time,
                from: *generation,
                to: *generation,
            });
        }
    }

    /// The group acknowledged a commit of that member in that generation: whatever of that partition it has, it has then.
    pub(super) fn commits(&mut self, process: u32, commit: &Commit) {
        let Some(held) = self.held.get(&process) else {
            return;
        };
        let MemberId { id, generation } = &commit.member;
        let of_these = commit.offsets.iter().filter_map(|(key, _)| held.get(key));
        Self::shown(&mut self.all, of_these, id, *generation);
    }

    fn shown<'c>(all: &mut [Claim], claims: impl Iterator<Item = &'c usize>, member: &str, generation: i32) {
        for claim in claims {
            let claim = &mut all[*claim];
            if claim.member == member {
                claim.to = claim.to.max(generation);
            }
        }
    }

    /// Its client is gone.
    pub(super) fn left(&mut self, process: u32) {
        self.held.remove(&process);
    }

    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    /// Two of different members of one partition, in one generation: of each claim the first that contradicts it.
    pub(super) fn contradictions(&self) -> Vec<(Claim, Claim)> {
        let mut order: Vec<&Claim> = self.all.iter().collect();
        order.sort_by_key(|claim| (claim.key, claim.from));
        let mut found = Vec::new();
        // The claim of each partition that lasts longest so far, and the longest of any other member.
        let mut longest: Option<&Claim> = None;
        let mut other: Option<&Claim> = None;
        for claim in order {
            if longest.is_some_and(|before| before.key != claim.key) {
                (longest, other) = (None, None);
            }
            let contradicts = |before: &&&Claim| before.member != claim.member && before.to >= claim.from;
            if let Some(before) = [longest, other].iter().flatten().find(contradicts) {
                found.push(((*before).clone(), claim.clone()));
            }
            match longest {
                Some(before) if before.to >= claim.to => {
                    if before.member != claim.member && other.is_none_or(|other| other.to < claim.to) {
                        other = Some(claim);
                    }
                }
                before => {
                    other = before.filter(|before| before.member != claim.member).or(other);
                    longest = Some(claim);
                }
            }
        }
        found
    }
}
