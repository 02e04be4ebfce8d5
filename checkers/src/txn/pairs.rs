//! Each of some with each of others, where those may be too many.

use history::Value;

use super::txns::{TxnId, Txns};

/// So many pairs are made for each of either side…
const PAIRS_EACH: usize = 64;
/// …and at least so many in all.
const PAIRS_MIN: usize = 1 << 12;
/// Where that is not enough, each is paired with so many of the others.
const NEAREST: usize = 16;

/// Who read a version, and the length of the list that it showed.
pub(super) type Reader = (TxnId, u32);

/// Readers of a version with the writers of those that come after it.
///
/// Where all pairs would be too many, each reader goes with the writers that had completed first, and each writer with
/// the readers that began last: those are the ones whom real time contradicts, if it does anybody.
pub(super) struct Pairs<'p> {
    readers: &'p [Reader],
    writers: &'p [(TxnId, Value)],
    whole: bool,
}

impl<'p> Pairs<'p> {
    /// The pairs of these, which are put in order.
    pub(super) fn new(
        readers: &'p mut Vec<Reader>,
        writers: &'p mut Vec<(TxnId, Value)>,
        txns: &Txns,
    ) -> Self {
        let all = readers.len().saturating_mul(writers.len());
        let whole = all <= PAIRS_MIN.max(PAIRS_EACH * (readers.len() + writers.len()));
        if !whole {
            readers.sort_unstable_by_key(|(reader, _)| std::cmp::Reverse(txns.invoked(*reader)));
            writers.sort_unstable_by_key(|(writer, _)| txns.completed(*writer));
        }
        Self {
            readers,
            writers,
            whole,
        }
    }

    /// How many pairs are left out.
    pub(super) fn left_out(&self) -> u64 {
        if self.whole {
            return 0;
        }
        let all = self.readers.len() as u64 * self.writers.len() as u64;
        all - self.iter().count() as u64
    }

    /// The pairs of different transactions.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Reader, (TxnId, Value))> {
        let nearest = if self.whole { usize::MAX } else { NEAREST };
        let (near, far) = self.readers.split_at(self.readers.len().min(nearest));
        let near = near
            .iter()
            .flat_map(|reader| self.writers.iter().map(move |writer| (*reader, *writer)));
        let few = &self.writers[..self.writers.len().min(nearest)];
        let far = far
            .iter()
            .flat_map(move |reader| few.iter().map(move |writer| (*reader, *writer)));
        near.chain(far)
            .filter(|((reader, _), (writer, _))| reader != writer)
    }
}

#[cfg(test)]
mod tests {
    use super::Pairs;
    use crate::txn::txns::{Outcome, Txns};

    #[test]
    fn few_are_paired_with_each_other() {
        let (mut readers, mut writers) = (vec![(0, 7), (1, 8)], vec![(1, 5), (2, 6)]);
        let pairs = Pairs::new(&mut readers, &mut writers, &Txns::default());
        assert_eq!(pairs.left_out(), 0);
        assert_eq!(
            pairs.iter().collect::<Vec<_>>(),
            [((0, 7), (1, 5)), ((0, 7), (2, 6)), ((1, 8), (2, 6))]
        );
    }

    #[test]
    fn of_many_those_that_time_may_contradict_are_paired() {
        let mut txns = Txns::default();
        for process in 0..20_000 {
            let txn = txns.begin(process, u64::from(process));
            txns.complete(txn, Outcome::Ok);
        }
        let mut readers: Vec<(u32, u32)> = (0..10_000).map(|txn| (txn, 0)).collect();
        let mut writers: Vec<(u32, u64)> = (10_000..20_000).map(|txn| (txn, 0)).collect();
        let pairs = Pairs::new(&mut readers, &mut writers, &txns);
        let made = pairs.iter().count();
        assert!(made < 400_000 && pairs.left_out() == 100_000_000 - made as u64);
        assert!(pairs.iter().any(|pair| pair == ((9_999, 0), (19_999, 0))));
        assert!(pairs.iter().any(|pair| pair == ((0, 0), (10_000, 0))));
    }
}
