//! Latencies by their size: eight steps for each doubling.

/// How many steps each doubling has, as a power of two.
const STEPS_LOG: u32 = 3;
/// Enough for any number of 64 bits.
const BUCKETS: usize = (64 - STEPS_LOG as usize + 1) << STEPS_LOG;

/// Counts of latencies.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u32>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            total: 0,
        }
    }
}

impl Histogram {
    /// One more of this length.
    pub fn add(&mut self, length: u64) {
        self.counts[bucket(length)] += 1;
        self.total += 1;
    }

    /// Those of another beside its own.
    pub fn join(&mut self, other: &Self) {
        for (own, other) in self.counts.iter_mut().zip(&other.counts) {
            *own += other;
        }
        self.total += other.total;
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.total = 0;
    }

    /// The length that so many per cent are not above, to an eighth; nothing where there are none.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let wanted = (self.total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        })?;
        Some(upper(found))
    }
}

fn bucket(length: u64) -> usize {
    let steps = 1_u64 << STEPS_LOG;
    if length < steps {
        return length as usize;
    }
    let doubling = length.ilog2() - STEPS_LOG;
    ((u64::from(doubling) + 1) * steps + ((length >> doubling) - steps)) as usize
}

/// The longest that a bucket holds.
fn upper(bucket: usize) -> u64 {
    let steps = 1_u128 << STEPS_LOG;
    let (doubling, step) = ((bucket as u128) / steps, (bucket as u128) % steps);
    if doubling == 0 {
        return step as u64;
    }
    let upper = ((steps + step + 1) << (doubling - 1)) - 1;
    u64::try_from(upper).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_to_an_eighth() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50), None);
        for length in 1..=1000 {
            histogram.add(length * 1000);
        }
        for (percent, exact) in [(1, 10_000), (50, 500_000), (99, 990_000), (100, 1_000_000)] {
            let found = histogram.percentile(percent).expect("there are some");
            assert!(
                found >= exact && found <= exact + exact / 8 + 1,
                "{percent}: {found}"
            );
        }
        histogram.add(u64::MAX);
        assert_eq!(histogram.percentile(100), Some(u64::MAX));
    }

    #[test]
    fn each_length_lies_in_its_bucket() {
        for length in (0..5_000).chain([u64::MAX / 3, u64::MAX - 1, u64::MAX]) {
            let found = bucket(length);
            assert!(length <= upper(found), "{length}");
            assert!(found == 0 || length > upper(found - 1), "{length}");
        }
    }
}
