//! The stated errors hold: each is tried in a thousand simulated campaigns, where they are likeliest to break, and the figures are printed
//! (`cargo test -p statistics --test simulated -- --nocapture`). The guide states them.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statistics::{Decision, Interval, Rule, Sequence, Stratum, chance_of_more, shift};

const CAMPAIGNS: u32 = 1_000;

/// So many of a thousand contradict the stated rate: a correct one comes here once in ten thousand times.
fn allowed(rate: f64) -> u32 {
    let mean = f64::from(CAMPAIGNS) * rate;
    (mean + 3.9 * (mean * (1.0 - rate)).sqrt()).ceil() as u32
}

fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn chance(random: &mut ChaCha8Rng) -> f64 {
    (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// The fewest runs, and the most findings among them that pass, by which a test of a fixed size holds both errors.
fn fixed_size(rule: Rule) -> u32 {
    let up_to = |count: u32, runs: u32, rate: f64| -> f64 {
        let mut term = (1.0 - rate).powi(runs as i32);
        let mut sum = term;
        for found in 0..count {
            term *= f64::from(runs - found) / f64::from(found + 1) * rate / (1.0 - rate);
            sum += term;
        }
        sum
    };
    let holds = |runs: &u32| {
        (0..*runs).any(|count| {
            1.0 - up_to(count, *runs, rule.tolerated) <= rule.false_fail
                && up_to(count, *runs, rule.refused) <= rule.false_pass
        })
    };
    (1..10_000).find(holds).expect("one is large enough")
}

struct Figures {
    passed: u32,
    failed: u32,
    runs: f64,
}

/// A thousand campaigns of so many cells, in each of which runs find something at this rate.
fn campaigns(rule: Rule, cells: usize, rate: f64, seed: u64) -> Figures {
    let mut random = random(seed);
    let mut figures = Figures {
        passed: 0,
        failed: 0,
        runs: 0.0,
    };
    for _ in 0..CAMPAIGNS {
        let mut decisions = Vec::new();
        for _ in 0..cells {
            let mut sequence = Sequence::new(rule.shared(cells));
            while sequence.add(chance(&mut random) < rate) == Decision::Open {}
            figures.runs += f64::from(sequence.runs) / f64::from(CAMPAIGNS);
            decisions.push(sequence.decision);
        }
        figures.failed += u32::from(decisions.contains(&Decision::Fails));
        figures.passed += u32::from(decisions.iter().all(|decision| *decision == Decision::Passes));
    }
    figures
}

#[test]
fn a_gate_is_wrong_no_more_often_than_stated_and_takes_fewer_runs() {
    println!("tolerated  refused  cells  false fails  false passes  runs if good  if bad  of a fixed size");
    for (seed, (tolerated, refused)) in
        (0..).zip([(0.0, 0.1), (0.0, 0.5), (0.02, 0.2), (0.05, 0.25), (0.1, 0.3)])
    {
        let rule = Rule {
            tolerated,
            refused,
            false_fail: 0.05,
            false_pass: 0.05,
        };
        for cells in [1, 6] {
            let good = campaigns(rule, cells, tolerated, seed * 10 + cells as u64);
            let bad = campaigns(rule, cells, refused, 1_000 + seed * 10 + cells as u64);
            let fixed = fixed_size(rule.shared(cells)) as usize * cells;
            println!(
                "{tolerated:>9}  {refused:>7}  {cells:>5}  {:>11.3}  {:>12.3}  {:>12.1}  {:>6.1}  {fixed:>15}",
                f64::from(good.failed) / f64::from(CAMPAIGNS),
                f64::from(bad.passed) / f64::from(CAMPAIGNS),
                good.runs,
                bad.runs,
            );
            assert!(
                good.failed <= allowed(rule.false_fail),
                "{tolerated} {refused} {cells}: {} failed",
                good.failed
            );
            assert!(
                bad.passed <= allowed(rule.false_pass),
                "{tolerated} {refused} {cells}: {} passed",
                bad.passed
            );
            let mean = if tolerated > 0.0 {
                good.runs.max(bad.runs)
            } else {
                bad.runs
            };
            assert!(
                mean < fixed as f64,
                "{tolerated} {refused} {cells}: {mean} of {fixed}"
            );
            // Where nothing is tolerated nothing is left to chance, and no fewer clean runs say as much.
            assert!(tolerated > 0.0 || good.failed == 0 && good.runs <= fixed as f64 + 1e-6);
        }
    }
}

/// A cell is bad and the others are not: that there are others must not let it pass.
#[test]
fn one_bad_cell_among_good_ones_passes_no_more_often_than_stated() {
    let rule = Rule {
        tolerated: 0.05,
        refused: 0.3,
        false_fail: 0.05,
        false_pass: 0.05,
    };
    let mut random = random(77);
    let passed = (0..CAMPAIGNS).filter(|_| {
        (0..6).all(|cell| {
            let rate = if cell == 3 { rule.refused } else { 0.0 };
            let mut sequence = Sequence::new(rule.shared(6));
            while sequence.add(chance(&mut random) < rate) == Decision::Open {}
            sequence.decision == Decision::Passes
        })
    });
    let passed = passed.count() as u32;
    println!("one of six cells bad: {passed} of {CAMPAIGNS} passed");
    assert!(passed <= allowed(rule.false_pass), "{passed}");
}

#[test]
fn a_rate_is_called_worse_no_more_often_than_stated() {
    for (seed, (before, here, rate)) in (0..).zip([(10, 10, 0.2), (20, 40, 0.1), (8, 5, 0.5), (30, 30, 0.5)])
    {
        let mut random = random(seed + 500);
        let mut count = |runs: u32| (0..runs).filter(|_| chance(&mut random) < rate).count() as u32;
        let worse =
            (0..CAMPAIGNS).filter(|_| chance_of_more((count(here), here), (count(before), before)) <= 0.05);
        let worse = worse.count() as u32;
        println!("rate {rate}, {before} runs before, {here} here: {worse} of {CAMPAIGNS} called worse");
        assert!(worse <= allowed(0.05), "{before} {here} {rate}: {worse}");
    }
}

/// How long writes fail: most a little more than a time-out, some much longer, in steps of the prober's.
fn outage(random: &mut ChaCha8Rng, level: f64) -> f64 {
    let tail = -chance(random).ln() * 0.8;
    ((level + tail) / 0.05).round() * 0.05
}

#[test]
fn an_interval_holds_the_true_difference_as_often_as_stated() {
    let designs: [(&str, &[(usize, usize)]); 4] = [
        ("one cell, 5 and 5 runs", &[(5, 5)]),
        ("one cell, 12 and 8 runs", &[(12, 8)]),
        ("six cells of 2 and 2 runs", &[(2, 2); 6]),
        ("uneven cells", &[(3, 4), (1, 2), (6, 2), (4, 4)]),
    ];
    for (seed, (name, sizes)) in (0..).zip(designs) {
        let mut random = random(seed + 900);
        let (mut held, mut worse, mut width) = (0, 0, 0.0);
        for _ in 0..CAMPAIGNS {
            let strata: Vec<Stratum> = (0..)
                .map(f64::from)
                .zip(sizes)
                .map(|(cell, (here, before))| Stratum {
                    these: (0..*here)
                        .map(|_| outage(&mut random, 2.0 + cell) + 1.0)
                        .collect(),
                    others: (0..*before).map(|_| outage(&mut random, 2.0 + cell)).collect(),
                })
                .collect();
            let found = shift(&strata, 0.95).expect("there are both");
            let (low, high) = found.interval.expect("they are enough");
            held += u32::from(low <= 1.0 + 1e-9 && high >= 1.0 - 1e-9);
            worse += u32::from(low > 1.0 + 1e-9);
            width += (high - low) / f64::from(CAMPAIGNS);
        }
        println!("{name}: held in {held} of {CAMPAIGNS}, above in {worse}, {width:.2} s wide");
        assert!(CAMPAIGNS - held <= allowed(0.05), "{name}: {held}");
        assert!(worse <= allowed(0.025), "{name}: {worse}");
    }
}

#[test]
fn an_interval_of_a_rate_holds_it_as_often_as_stated() {
    let mut random = random(4_000);
    for (runs, rate) in [(10, 0.3), (38, 0.05), (100, 0.5)] {
        let held = (0..CAMPAIGNS).filter(|_| {
            let found = (0..runs).filter(|_| chance(&mut random) < rate).count() as u32;
            let Interval { low, high } = Interval::of(found, runs);
            low <= rate && rate <= high
        });
        let held = held.count() as u32;
        println!("{runs} runs at {rate}: held in {held} of {CAMPAIGNS}");
        assert!(CAMPAIGNS - held <= allowed(0.05), "{runs} {rate}: {held}");
    }
}
