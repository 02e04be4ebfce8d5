//! Throughput and latency over time, in buckets of equal length: what is drawn never grows with the run.

use std::collections::HashMap;

use history::{Event, F, History, What};

use crate::chart::{Span, round_step};

/// At most this many buckets.
const BUCKETS_MAX: f64 = 300.0;
/// Shorter buckets show noise, not rates.
const BUCKET_NANOS_MIN: f64 = 2e8;

/// A run in buckets.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// Length of a bucket in nanoseconds.
    pub(crate) step: u64,
    /// The buckets, from the history's start.
    pub(crate) buckets: Vec<Bucket>,
}

/// What happened to writes in one bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// Completions by outcome, counted when they came.
    pub(crate) acknowledged: u64,
    pub(crate) failed: u64,
    pub(crate) unknown: u64,
    /// How long acknowledged writes took, counted when they began.
    pub(crate) latency: Option<Latency>,
}

/// Exact quantiles, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Latency {
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) max: u64,
}

impl Series {
    pub(crate) fn of(history: &History, span: Span) -> Self {
        let step = round_step((span.length() as f64 / BUCKETS_MAX).max(BUCKET_NANOS_MIN)) as u64;
        let mut buckets = vec![Bucket::default(); (span.to / step + 1) as usize];
        let mut latencies = vec![Vec::new(); buckets.len()];
        let mut begun = HashMap::new();
        for Event { time, what } in &history.events {
            let (What::Invoke(op) | What::Ok(op) | What::Fail(op) | What::Info(op)) = what else {
                continue;
            };
            if !matches!(op.f, F::Send(_)) {
                continue;
            }
            let bucket = &mut buckets[(time / step) as usize];
            match what {
                What::Invoke(_) => _ = begun.insert(op.op, *time),
                What::Fail(_) => bucket.failed += 1,
                What::Info(_) => bucket.unknown += 1,
                _ => {
                    bucket.acknowledged += 1;
                    if let Some(start) = begun.remove(&op.op) {
                        latencies[(start / step) as usize].push(time - start);
                    }
                }
            }
        }
        for (bucket, mut latencies) in buckets.iter_mut().zip(latencies) {
            latencies.sort_unstable();
            bucket.latency = quantiles(&latencies);
        }
        Self { step, buckets }
    }

    /// A count of one bucket as a rate.
    pub(crate) fn per_second(&self, count: u64) -> f64 {
        count as f64 * 1e9 / self.step as f64
    }

    /// When a bucket begins and ends.
    pub(crate) fn bounds(&self, index: usize) -> (u64, u64) {
        (index as u64 * self.step, (index as u64 + 1) * self.step)
    }
}

pub(crate) fn quantiles(sorted: &[u64]) -> Option<Latency> {
    let at = |share: f64| sorted[((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len()) - 1];
    (!sorted.is_empty()).then(|| Latency {
        p50: at(0.5),
        p99: at(0.99),
        max: at(1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_values() {
        let sorted: Vec<u64> = (1..=200).collect();
        assert_eq!(
            quantiles(&sorted),
            Some(Latency {
                p50: 100,
                p99: 198,
                max: 200
            })
        );
        assert_eq!(
            quantiles(&[7]),
            Some(Latency {
                p50: 7,
                p99: 7,
                max: 7
            })
        );
        assert_eq!(quantiles(&[]), None);
    }
}
