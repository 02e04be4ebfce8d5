//! Random choices from a seed.

/// Draws the same from the same seed, on every machine and in every version: `SplitMix64` (Steele, Lea and Flood,
/// "Fast Splittable Pseudorandom Number Generators", 2014).
#[derive(Clone, Debug)]
pub struct Dice {
    state: u64,
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dice {
    /// Dice of their own for each stream of one seed.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut dice = Self {
            state: seed ^ stream.wrapping_mul(0xd1b5_4a32_d192_ed03),
        };
        dice.draw();
        dice
    }

    /// Any number.
    pub fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.draw()) * u128::from(end)) >> 64) as u64
    }

    /// A number between the two, both included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// Whether something happens that happens so many times in a thousand.
    pub fn chance(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.below(1_000) < u64::from(per_mille)
    }

    /// One of the items.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u64) as usize)
    }

    /// Near the mean: between half and one and a half of it.
    pub fn around(&mut self, mean: u64) -> u64 {
        self.between(mean / 2, mean + mean / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn one_seed_draws_the_same_and_streams_differ() {
        let take = |seed, stream| {
            let mut dice = Dice::new(seed, stream);
            [dice.draw(), dice.draw(), dice.draw()]
        };
        assert_eq!(take(1, 2), take(1, 2));
        assert_ne!(take(1, 2), take(1, 3));
        assert_ne!(take(1, 2), take(2, 2));
    }

    #[test]
    fn draws_stay_in_their_range_and_reach_its_ends() {
        let mut dice = Dice::new(7, 0);
        let drawn: Vec<u64> = (0..1_000).map(|_| dice.between(3, 5)).collect();
        assert_eq!(drawn.iter().min(), Some(&3));
        assert_eq!(drawn.iter().max(), Some(&5));
        let often = (0..10_000).filter(|_| dice.chance(100)).count();
        assert!((800..1_200).contains(&often), "{often} of 10,000 at a tenth");
        assert_eq!((dice.below(0), dice.pick::<u8>(&[])), (0, None));
    }
}
