//! The runs of a campaign, and what they are known by.

use serde::{Deserialize, Serialize};

use super::matrix::Cell;
use crate::plan::SEEDS;

/// One run of a cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// What it is called, and its directory.
    pub name: String,
    /// The cell's place among the cells.
    pub cell: usize,
    /// Its seed.
    pub seed: u64,
}

/// What a run of a cell is called: the first is 1.
pub fn identity(cell: &Cell, repeat: u32) -> String {
    format!("{}-r{repeat}", cell.name)
}

/// The seed of a run, from the campaign's and the run's name: whatever else the campaign holds, it stays.
pub fn seed_of(campaign: u64, name: &str) -> u64 {
    hash([campaign.to_string().as_str(), name]) % SEEDS
}

/// What tells a campaign from every other: the names, seeds and plans of all its runs.
pub fn fingerprint<'a>(jobs: impl Iterator<Item = (&'a Job, &'a str)>) -> String {
    let mut whole = Hash::default();
    for (job, plan) in jobs {
        whole.add(&job.name);
        whole.add(&job.seed.to_string());
        whole.add(plan);
    }
    format!("{:016x}", whole.0)
}

/// The same for the same texts, on every machine and in every version.
pub(super) fn hash<'a>(texts: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut whole = Hash::default();
    for text in texts {
        whole.add(text);
    }
    whole.0
}

/// FNV-1a of 64 bits (Fowler, Noll, Vo, "The FNV Non-Cryptographic Hash Algorithm", RFC 9923), its bits mixed at the end of each text:
/// short names that differ in their last letter alone would else fall into few parts.
struct Hash(u64);

impl Default for Hash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hash {
    fn add(&mut self, text: &str) {
        for byte in text.bytes().chain([0xff]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self.0 ^= self.0 >> 32;
    }
}

#[cfg(test)]
mod tests {
    use super::{hash, seed_of};
    use std::collections::BTreeSet;

    #[test]
    fn seeds_stay_what_they_were() {
        // A campaign of years ago is run again by its file and its seed.
        assert_ne!(seed_of(7, "quick-r1"), seed_of(8, "quick-r1"));
        assert_ne!(hash(["ab", "c"]), hash(["a", "bc"]));
        assert_eq!(seed_of(7, "quick-r1"), 954_645);
    }

    #[test]
    fn runs_of_one_cell_differ() {
        let seeds: BTreeSet<u64> = (1..=100).map(|run| seed_of(1, &format!("c-r{run}"))).collect();
        assert!(seeds.len() > 98, "{} of 100", seeds.len());
        let parts: BTreeSet<u64> = (1..=100)
            .map(|run| hash([format!("c-r{run}").as_str()]) % 8)
            .collect();
        assert_eq!(parts.len(), 8);
    }
}
