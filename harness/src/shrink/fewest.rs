//! The fewest of several things with which something still happens.

/// Delta debugging: a part of the items with which `fails` says yes, and from which no single one can be left out,
/// as far as `fails` was asked and told the truth.
///
/// That it says yes to all of them is known. It is asked about parts that get smaller: first each part alone, then all
/// without it. With its answers comes how many questions of this kind may follow, which is a guess.
///
/// Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE Transactions on Software
/// Engineering 28 (2002), 183–200: the algorithm ddmin.
pub fn fewest<T: Clone, E>(
    items: Vec<T>,
    mut fails: impl FnMut(&[T], usize) -> Result<bool, E>,
) -> Result<Vec<T>, E> {
    let mut kept = items;
    let mut parts = 2;
    while kept.len() >= 2 {
        let parts_now = parts.min(kept.len());
        let (smaller, next) = match smaller(&kept, parts_now, &mut fails)? {
            Some(found) => found,
            None if parts_now == kept.len() => break,
            None => {
                parts = parts_now * 2;
                continue;
            }
        };
        kept = smaller;
        parts = next;
    }
    Ok(kept)
}

/// The first part, or all without a part, that still fails, and in how many parts to go on.
fn smaller<T: Clone, E>(
    kept: &[T],
    parts: usize,
    fails: &mut impl FnMut(&[T], usize) -> Result<bool, E>,
) -> Result<Option<(Vec<T>, usize)>, E> {
    let ranges: Vec<_> = (0..parts)
        .map(|part| kept.len() * part / parts..kept.len() * (part + 1) / parts)
        .collect();
    let deeper = (kept.len().div_ceil(parts)).ilog2() as usize;
    // Of two parts each is what the other leaves.
    let others = if parts > 2 { parts } else { 0 };
    for (asked, range) in ranges.iter().enumerate() {
        if fails(&kept[range.clone()], parts - asked - 1 + others + deeper)? {
            return Ok(Some((kept[range.clone()].to_vec(), 2)));
        }
    }
    for (asked, range) in ranges.iter().take(others).enumerate() {
        let rest = [&kept[..range.start], &kept[range.end..]].concat();
        if fails(&rest, others - asked - 1 + deeper)? {
            return Ok(Some((rest, (parts - 1).max(2))));
        }
    }
    Ok(None)
}

/// Does as much of several things as can be done: all at once, and where that is refused, one half after the other. What
/// was refused alone is handed back. The number that goes with a question says how many may follow, which is a guess.
pub fn as_many<T: Copy, E>(
    items: &[T],
    more: usize,
    done: &mut impl FnMut(&[T], usize) -> Result<bool, E>,
) -> Result<Vec<T>, E> {
    if items.is_empty() || done(items, more + items.len().ilog2() as usize)? {
        return Ok(Vec::new());
    }
    if let [single] = items {
        return Ok(vec![*single]);
    }
    let (first, second) = items.split_at(items.len() / 2);
    let mut refused = as_many(first, more + second.len().min(2), done)?;
    refused.extend(as_many(second, more, done)?);
    Ok(refused)
}

#[cfg(test)]
mod tests {
    use super::{as_many, fewest};
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    fn found(count: usize, needed: &BTreeSet<usize>) -> (Vec<usize>, usize) {
        let mut asked = 0;
        let fails = |part: &[usize], _| {
            asked += 1;
            Ok::<_, Infallible>(needed.iter().all(|item| part.contains(item)))
        };
        let Ok(found) = fewest((0..count).collect(), fails);
        (found, asked)
    }

    proptest! {
        #[test]
        fn what_is_needed_together_is_what_is_left(
            (count, needed) in (1_usize..60).prop_flat_map(|count| (Just(count), prop::collection::btree_set(0..count, 1..=count.min(6))))
        ) {
            let (found, asked) = found(count, &needed);
            prop_assert_eq!(found, needed.iter().copied().collect::<Vec<_>>());
            // The bound of the paper is n² + 3n; what a handful of culprits takes is far below.
            prop_assert!(asked <= count * count + 3 * count, "{} questions", asked);
        }

        #[test]
        fn nothing_can_be_left_out_of_what_is_left(
            count in 1_usize..25, alternatives in prop::collection::vec(prop::collection::btree_set(0_usize..25, 1..4), 1..4)
        ) {
            let fails = |part: &[usize]| {
                alternatives.iter().any(|needed| needed.iter().all(|item| *item >= count || part.contains(item)))
            };
            let items: Vec<usize> = (0..count).collect();
            prop_assume!(fails(&items) && !fails(&[]));
            let Ok(found) = fewest(items, |part, _| Ok::<_, Infallible>(fails(part)));
            prop_assert!(fails(&found));
            for left_out in &found {
                let rest: Vec<usize> = found.iter().copied().filter(|item| item != left_out).collect();
                prop_assert!(!fails(&rest), "{} can be left out of {:?}", left_out, found);
            }
        }
    }

    proptest! {
        #[test]
        fn all_is_done_but_what_is_refused(count in 0_usize..40, refused in prop::collection::btree_set(0_usize..40, 0..5)) {
            let refused: Vec<usize> = refused.into_iter().filter(|item| *item < count).collect();
            let items: Vec<usize> = (0..count).collect();
            let (mut all, mut asked) = (Vec::new(), 0);
            let Ok(left) = as_many(&items, 0, &mut |some: &[usize], _| {
                asked += 1;
                let fine = some.iter().all(|item| !refused.contains(item));
                if fine {
                    all.extend_from_slice(some);
                }
                Ok::<_, Infallible>(fine)
            });
            prop_assert_eq!(&left, &refused);
            all.extend(left);
            all.sort_unstable();
            prop_assert_eq!(all, items);
            prop_assert!(asked <= 1 + refused.len() * 12, "{} questions", asked);
        }
    }

    #[test]
    fn one_culprit_of_twenty_takes_few_questions() {
        for culprit in 0..20 {
            let (found, asked) = found(20, &BTreeSet::from([culprit]));
            assert_eq!(found, [culprit]);
            assert!(asked <= 10, "{asked} questions");
        }
    }

    #[test]
    fn who_does_not_answer_ends_it() {
        assert_eq!(fewest(vec![1, 2, 3], |_, _| Err::<bool, _>("gone")), Err("gone"));
    }
}
