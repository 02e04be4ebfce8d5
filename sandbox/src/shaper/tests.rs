//! What each effect does to a stream of packets whose times are given.

use super::*;

const MILLISECOND: u64 = 1_000_000;
const BYTES: usize = 1000;

/// So many packets, a microsecond apart, through one rule. What becomes of each, and what was counted.
fn send(effect: Effect, seed: u64, count: usize) -> (Vec<Vec<Trip>>, crate::score::Deeds) {
    let score = Arc::<Score>::default();
    let rules = [Arc::new(Shaper::new(effect, (seed, 0), 0, Arc::clone(&score)))];
    let mut trips = Vec::new();
    let all = (0..count as u64).map(|index| {
        travel(&rules, index * 1000, BYTES, &mut trips);
        trips.clone()
    });
    (all.collect(), score.read())
}

fn share(per_cent: u32) -> Share {
    Share::from_millionths(per_cent * 10_000).expect("no more than the whole")
}

fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// The delays of so many packets, in milliseconds.
fn delays(delay: Delay, count: usize) -> Vec<f64> {
    let (all, _) = send(Effect::Delay(delay), 1, count);
    let of = |(index, trips): (usize, &Vec<Trip>)| (trips[0].due - index as u64 * 1000) as f64 / 1e6;
    all.iter().enumerate().map(of).collect()
}

fn jittered(distribution: Distribution) -> Delay {
    Delay {
        by: milliseconds(50),
        jitter: milliseconds(10),
        distribution,
        overtake: true,
    }
}

#[test]
fn one_seed_draws_the_same_and_another_does_not() {
    let lost = |seed| {
        let (all, _) = send(
            Effect::Lose(PacketLoss {
                share: share(30),
                burst: 1,
            }),
            seed,
            200,
        );
        all.iter().map(Vec::is_empty).collect::<Vec<_>>()
    };
    assert_eq!(lost(1), lost(1));
    assert_ne!(lost(1), lost(2));
}

#[test]
fn the_share_is_lost_in_the_long_run_alone_or_in_bursts() {
    for burst in [1, 2, 8] {
        let (all, deeds) = send(
            Effect::Lose(PacketLoss {
                share: share(20),
                burst,
            }),
            7,
            100_000,
        );
        let lost: Vec<bool> = all.iter().map(Vec::is_empty).collect();
        let count = lost.iter().filter(|&&lost| lost).count();
        assert!(
            (17_500..22_500).contains(&count),
            "{count} with bursts of {burst}"
        );
        assert_eq!((deeds.dropped.frames, deeds.seen.frames), (count as u64, 100_000));
        let bursts = 1 + lost
            .windows(2)
            .filter(|pair| pair[0] != pair[1] && pair[1])
            .count();
        let mean = count as f64 / bursts as f64;
        let expected = if burst == 1 { 1.25 } else { f64::from(burst) };
        assert!((mean - expected).abs() < 0.1 * expected, "{mean} in a row");
    }
}

#[test]
fn a_constant_delay_is_exact() {
    let delay = Delay {
        jitter: Duration::ZERO,
        ..jittered(Distribution::Normal)
    };
    assert!(
        delays(delay, 100)
            .iter()
            .all(|&delay| (delay - 50.0).abs() < 1e-9)
    );
}

#[test]
fn jitter_has_the_mean_and_the_bounds_of_its_distribution() {
    let check = |distribution, mean: f64, least: f64, most: f64| {
        let all = delays(jittered(distribution), 50_000);
        let found = all.iter().sum::<f64>() / all.len() as f64;
        assert!((found - mean).abs() < 0.5, "{distribution:?}: {found}");
        let least_found = all.iter().copied().fold(f64::MAX, f64::min);
        let most_found = all.iter().copied().fold(0.0, f64::max);
        assert!(
            least_found >= least && most_found <= most,
            "{distribution:?}: {least_found} to {most_found}"
        );
        (all, most_found)
    };
    check(Distribution::Uniform, 50.0, 40.0, 60.0);
    let (bell, _) = check(Distribution::Normal, 50.0, 20.0, 80.0);
    let near = bell.iter().filter(|&&delay| (delay - 50.0).abs() < 10.0).count() as f64 / 50_000.0;
    assert!((near - 0.683).abs() < 0.02, "within one deviation: {near}");
    let (_, thin) = check(Distribution::Exponential, 60.0, 50.0, f64::MAX);
    let (_, heavy) = check(Distribution::Pareto, 60.0, 50.0, f64::MAX);
    assert!(
        heavy > 2.0 * thin,
        "the tail of a Pareto distribution is heavy: {heavy} and {thin}"
    );
}

#[test]
fn a_delay_keeps_the_order_unless_it_may_not() {
    let order = |overtake| {
        let (all, deeds) = send(
            Effect::Delay(Delay {
                overtake,
                ..jittered(Distribution::Uniform)
            }),
            3,
            500,
        );
        let sorted = all.is_sorted_by_key(|trips| trips[0].due);
        (sorted, deeds.reordered.frames > 0)
    };
    assert_eq!(order(false), (true, false));
    assert_eq!(order(true), (false, true));
}

#[test]
fn what_is_duplicated_is_delivered_twice() {
    let (all, deeds) = send(Effect::Duplicate(share(50)), 1, 1000);
    let twice = all.iter().filter(|trips| trips.len() == 2).count() as u64;
    assert!((400..600).contains(&twice) && all.iter().all(|trips| !trips.is_empty()));
    assert_eq!(deeds.duplicated.frames, twice);
}

#[test]
fn what_is_held_back_counts_once_others_have_passed() {
    let score = Arc::<Score>::default();
    let reorder = Reorder {
        share: share(50),
        by: milliseconds(5),
    };
    let rules = [Arc::new(Shaper::new(
        Effect::Reorder(reorder),
        (1, 0),
        0,
        Arc::clone(&score),
    ))];
    let mut trips = Vec::new();
    let mut all = Vec::new();
    for now in 0..100 {
        travel(&rules, now, BYTES, &mut trips);
        all.append(&mut trips);
    }
    let held = all.iter().filter(|trip| !trip.waits.is_empty()).count() as u64;
    for trip in &all {
        trip.went_on(trip.due, BYTES);
    }
    let deeds = score.read();
    assert!((30..70).contains(&held) && deeds.delayed.frames == held);
    assert_eq!(deeds.delayed.mean(), milliseconds(5));
    // The last ones had nobody behind them.
    assert!(
        deeds.reordered.frames > held - 10 && deeds.reordered.frames <= held,
        "{deeds:?}"
    );
}

#[test]
fn bandwidth_lets_a_burst_pass_and_then_its_rate() {
    let bandwidth = Bandwidth {
        rate: 1_000_000,
        burst: 10_000,
        queue: milliseconds(50),
    };
    let (all, deeds) = send(Effect::Throttle(bandwidth), 1, 100);
    let due = |index: usize| all[index].first().map(|trip| trip.due);
    assert_eq!(due(9), Some(9000), "ten packets are a burst");
    // A packet is a millisecond at this rate; the eleventh goes when all but ten of eleven have run in.
    assert_eq!(due(10), Some(MILLISECOND));
    assert_eq!(due(30), Some(21 * MILLISECOND));
    let lost = all.iter().filter(|trips| trips.is_empty()).count();
    assert_eq!(lost, 40, "the queue holds fifty milliseconds");
    assert_eq!(deeds.overflowed.frames, lost as u64);
}

#[test]
fn a_link_flaps_by_its_times() {
    let flap = Flap {
        up: milliseconds(30),
        down: milliseconds(10),
        jitter: share(0),
    };
    let (all, deeds) = send(Effect::Flap(flap), 1, 100_000);
    for (index, trips) in all.iter().enumerate() {
        assert_eq!(trips.is_empty(), index % 40_000 >= 30_000, "packet {index}");
    }
    assert_eq!((deeds.downs, deeds.dropped.frames), (2, 20_000));
}

#[test]
fn effects_add_up_and_an_ended_one_takes_its_part_away() {
    let scores = [Arc::<Score>::default(), Arc::<Score>::default()];
    let delay = |by, index: usize| {
        let delay = Delay {
            by: milliseconds(by),
            jitter: Duration::ZERO,
            ..jittered(Distribution::Uniform)
        };
        Arc::new(Shaper::new(
            Effect::Delay(delay),
            (1, 0),
            0,
            Arc::clone(&scores[index]),
        ))
    };
    let rules = [delay(20, 0), delay(5, 1)];
    let mut trips = Vec::new();
    travel(&rules, 1000, BYTES, &mut trips);
    let mut trip = trips.remove(0);
    assert_eq!(trip.due, 25 * MILLISECOND + 1000);
    rules[0].end();
    trip.forget_ended(BYTES);
    assert_eq!(trip.due, 5 * MILLISECOND + 1000);
    trip.went_on(trip.due + 7, BYTES);
    let [ended, other] = scores.map(|score| score.read());
    assert_eq!((ended.released.frames, ended.delayed.frames), (1, 0));
    assert_eq!(
        (other.released.frames, other.delayed.total),
        (0, Duration::from_nanos(5_000_007))
    );
}
