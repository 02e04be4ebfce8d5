//! By how much some numbers are more than others.

use serde::{Deserialize, Serialize};

/// More steps than this are not gone through for the exact distribution.
const EXACT_STEPS: usize = 60_000_000;
/// Halvings of an interval: beyond what a double can tell apart.
const HALVINGS: u32 = 60;

/// Numbers that can be compared with each other: the runs of one cell, these and the others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stratum {
    /// These.
    pub these: Vec<f64>,
    /// What they are compared with.
    pub others: Vec<f64>,
}

/// By how much these are more than the others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    /// The best single number: the middle of all differences.
    pub middle: f64,
    /// The least and the most that the numbers do not contradict; `None` where they are too few to contradict anything.
    pub interval: Option<(f64, f64)>,
}

/// By how much these are more than the others, each stratum by itself; `None` where none has both.
///
/// The estimate of Hodges and Lehmann ("Estimates of Location Based on Rank Tests", Annals of Mathematical Statistics 34 (1963)): the middle of the
/// differences of all pairs, and between which of the differences in their order the shift lies, from the distribution of the statistic of Mann and Whitney (1947),
/// summed over the strata (after van Elteren, 1960, with equal weights). No shape of the numbers is assumed, only that the two sides differ by a shift. The
/// distribution is exact where that can be reckoned, else normal. Ties make the interval wider than it had to be, and never too narrow.
pub fn shift(strata: &[Stratum], confidence: f64) -> Option<Shift> {
    let strata: Vec<&Stratum> = strata
        .iter()
        .filter(|stratum| !stratum.these.is_empty() && !stratum.others.is_empty())
        .collect();
    let mut differences: Vec<f64> = strata
        .iter()
        .flat_map(|stratum| {
            let these = stratum.these.iter();
            these.flat_map(|this| stratum.others.iter().map(move |other| this - other))
        })
        .collect();
    differences.sort_by(f64::total_cmp);
    let count = differences.len();
    let middle = f64::midpoint(
        *differences.get((count.checked_sub(1)?) / 2)?,
        differences[count / 2],
    );
    let sizes: Vec<(usize, usize)> = strata
        .iter()
        .map(|stratum| (stratum.these.len(), stratum.others.len()))
        .collect();
    let outside = outside(&sizes, (1.0 - confidence) / 2.0);
    let interval = outside
        .checked_sub(1)
        .map(|outside| (differences[outside], differences[count - 1 - outside]));
    Some(Shift { middle, interval })
}

/// How many of the differences in their order may be left out at each end: one more than the statistic's values that are together no likelier
/// than the tail; none where even the least is likelier.
fn outside(sizes: &[(usize, usize)], tail: f64) -> usize {
    let pairs: usize = sizes.iter().map(|(these, others)| these * others).sum();
    let steps: usize = sizes
        .iter()
        .map(|(these, others)| these * others * pairs.max(these * others))
        .sum();
    let left_out = if steps <= EXACT_STEPS {
        let mut below = 0.0;
        let chances = chances(sizes);
        chances
            .iter()
            .take_while(|chance| {
                below += **chance;
                below <= tail
            })
            .count()
    } else {
        let spread: f64 = sizes
            .iter()
            .map(|(these, others)| (these * others * (these + others + 1)) as f64 / 12.0)
            .sum();
        (pairs as f64 / 2.0 + 0.5 - deviations(tail) * spread.sqrt())
            .floor()
            .max(0.0) as usize
    };
    // Of an interval's two ends neither passes the middle.
    left_out.min(pairs / 2)
}

/// How likely each sum of the strata's statistics is, where there is no shift.
fn chances(sizes: &[(usize, usize)]) -> Vec<f64> {
    sizes.iter().fold(vec![1.0], |sum, (these, others)| {
        let one = of_stratum(*these, *others);
        let mut both = vec![0.0; sum.len() + one.len() - 1];
        for (place, left) in sum.iter().enumerate() {
            for (further, right) in one.iter().enumerate() {
                both[place + further] += left * right;
            }
        }
        both
    })
}

/// How likely each number of pairs is in which this is more than that. The largest of all is one of these in so many of so many cases, and then
/// more than all others; or else it says nothing, and there is one of the others less.
fn of_stratum(these: usize, others: usize) -> Vec<f64> {
    // By the number of others, for so many of these as the outer step has come to.
    let mut rows: Vec<Vec<f64>> = vec![vec![1.0]; others + 1];
    for these in 1..=these {
        let mut next: Vec<Vec<f64>> = vec![vec![1.0]];
        for others in 1..=others {
            let all = (these + others) as f64;
            let mut row = vec![0.0; these * others + 1];
            for (place, chance) in rows[others].iter().enumerate() {
                row[place + others] += chance * these as f64 / all;
            }
            for (place, chance) in next[others - 1].iter().enumerate() {
                row[place] += chance * others as f64 / all;
            }
            next.push(row);
        }
        rows = next;
    }
    rows.swap_remove(others)
}

/// How many standard deviations from the middle the tail of a normal distribution begins.
fn deviations(tail: f64) -> f64 {
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if upper_tail(middle) > tail {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// How much of a normal distribution lies above so many standard deviations: Abramowitz and Stegun, 26.2.17, off by less than 7.5e-8.
fn upper_tail(deviations: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * deviations);
    let terms = [
        0.319_381_530,
        -0.356_563_782,
        1.781_477_937,
        -1.821_255_978,
        1.330_274_429,
    ];
    let sum = terms.iter().rev().fold(0.0, |sum, term| (sum + term) * t);
    sum * (-deviations * deviations / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stratum(these: &[f64], others: &[f64]) -> Stratum {
        Stratum {
            these: these.to_vec(),
            others: others.to_vec(),
        }
    }

    #[test]
    fn too_few_say_nothing_of_how_sure_they_are() {
        assert_eq!(shift(&[], 0.95), None);
        assert_eq!(shift(&[stratum(&[1.0], &[])], 0.95), None);
        let three = shift(&[stratum(&[4.0, 5.0, 6.0], &[1.0, 2.0, 3.0])], 0.95);
        assert_eq!(
            three,
            Some(Shift {
                middle: 3.0,
                interval: None
            })
        );
    }

    /// As R's `wilcox.test(…, conf.int = TRUE, exact = TRUE)` has it.
    #[test]
    fn the_known_interval() {
        let these = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
        let others = [1.15, 0.88, 0.90, 0.74, 1.21];
        let found = shift(&[stratum(&these, &others)], 0.95).expect("there are both");
        let (low, high) = found.interval.expect("they are enough");
        assert!((found.middle - 0.305).abs() < 1e-9, "{found:?}");
        assert!(
            (low + 0.15).abs() < 1e-9 && (high - 0.76).abs() < 1e-9,
            "{found:?}"
        );
    }

    #[test]
    fn many_cells_of_two_runs_each_say_what_one_could_not() {
        // Each cell is at a level of its own, and one second longer here.
        let cells: Vec<Stratum> = (0..4)
            .map(|cell| f64::from(cell) * 10.0)
            .map(|level| stratum(&[level + 1.0, level + 1.2], &[level, level + 0.1]))
            .collect();
        assert_eq!(shift(&cells[..1], 0.95).and_then(|shift| shift.interval), None);
        let (low, high) = shift(&cells, 0.95)
            .and_then(|shift| shift.interval)
            .expect("they are enough");
        assert!(low >= 0.9 - 1e-9 && high <= 1.2 + 1e-9, "{low} {high}");
    }

    #[test]
    fn the_exact_and_the_normal_distribution_agree() {
        let sizes = [(20, 25), (10, 12)];
        let spread: f64 = (20.0 * 25.0 * 46.0 + 10.0 * 12.0 * 23.0) / 12.0;
        let normal = (620.0 / 2.0 + 0.5 - deviations(0.025) * spread.sqrt()).floor();
        let exact = outside(&sizes, 0.025) as f64;
        assert!((normal - exact).abs() <= 1.0, "{normal} {exact}");
        assert!((deviations(0.025) - 1.959_964).abs() < 1e-5);
        let all: f64 = chances(&sizes).iter().sum();
        assert!((all - 1.0).abs() < 1e-9, "{all}");
    }
}
