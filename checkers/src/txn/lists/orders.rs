//! The states of lists, of which each read shows one: a longest list for each key, of which honest reads are
//! beginnings.

use history::Value;

use crate::txn::txns::TxnId;

const NONE: u32 = u32::MAX;
/// A list that continues none of the first so many other orders of its key has one of its own.
const COMPARED_MAX: usize = 16;

#[derive(Debug)]
struct Order {
    elements: Vec<Value>,
    key: u32,
    /// Who read all of it.
    by: TxnId,
    /// So many of its first elements somebody else than their writer read.
    attested: u32,
    /// The key's next order.
    next: u32,
}

/// The orders in which the elements of each key were seen; one a key, where nothing went wrong.
#[derive(Debug, Default)]
pub(super) struct Orders {
    orders: Vec<Order>,
    /// By key: its first order.
    heads: Vec<u32>,
}

impl Orders {
    /// Finds the order that a list is a beginning of, and its length. So many of its last elements are the reader's
    /// own.
    pub(super) fn place(&mut self, key: u32, list: &[Value], own: u32, by: TxnId) -> (u32, u32) {
        let (order, length) = self.find(key, list, by);
        let attested = &mut self.orders[order as usize].attested;
        *attested = length.saturating_sub(own).max(*attested);
        (order, length)
    }

    fn find(&mut self, key: u32, list: &[Value], by: TxnId) -> (u32, u32) {
        if key as usize >= self.heads.len() {
            self.heads.resize(key as usize + 1, NONE);
        }
        let mut order = self.heads[key as usize];
        let mut tail = NONE;
        for _ in 0..COMPARED_MAX {
            if order == NONE {
                break;
            }
            if self.orders[order as usize].takes(list, by) {
                return (order, list.len() as u32);
            }
            tail = order;
            order = self.orders[order as usize].next;
        }
        (self.add(key, list, by, tail), list.len() as u32)
    }

    /// A new order, behind the last one that was looked at.
    fn add(&mut self, key: u32, list: &[Value], by: TxnId, behind: u32) -> u32 {
        let place = self.orders.len() as u32;
        let link = match behind {
            NONE => &mut self.heads[key as usize],
            order => &mut self.orders[order as usize].next,
        };
        let next = std::mem::replace(link, place);
        self.orders.push(Order {
            elements: list.to_vec(),
            key,
            by,
            attested: 0,
            next,
        });
        place
    }

    /// The orders of a key.
    pub(super) fn of(&self, key: u32) -> impl Iterator<Item = u32> {
        let some = |order: &u32| *order != NONE;
        let head = self.heads.get(key as usize).copied().filter(some);
        let next = move |order: &u32| Some(self.orders[*order as usize].next).filter(some);
        std::iter::successors(head, next)
    }

    /// The order of a key of which most is attested, the longest and the first of those.
    pub(super) fn longest(&self, key: u32) -> Option<u32> {
        let length = |order: u32| (self.attested(order).len(), self.elements(order).len());
        self.of(key).reduce(
            |best, order| {
                if length(order) > length(best) { order } else { best }
            },
        )
    }

    /// Its elements.
    pub(super) fn elements(&self, order: u32) -> &[Value] {
        &self.orders[order as usize].elements
    }

    /// Its first elements, as far as somebody else than their writer read them.
    pub(super) fn attested(&self, order: u32) -> &[Value] {
        let order = &self.orders[order as usize];
        &order.elements[..order.attested as usize]
    }

    /// Its key.
    pub(super) fn key(&self, order: u32) -> u32 {
        self.orders[order as usize].key
    }

    /// Who read all of it.
    pub(super) fn by(&self, order: u32) -> TxnId {
        self.orders[order as usize].by
    }
}

impl Order {
    /// Whether a list is a beginning of this order, which goes on where the list does.
    fn takes(&mut self, list: &[Value], by: TxnId) -> bool {
        let common = self.elements.len().min(list.len());
        if self.elements[..common] != list[..common] {
            return false;
        }
        if list.len() > common {
            self.elements.extend_from_slice(&list[common..]);
            self.by = by;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Orders;

    #[test]
    fn beginnings_share_an_order() {
        let mut orders = Orders::default();
        assert_eq!(orders.place(1, &[5, 6], 0, 0), (0, 2));
        assert_eq!(orders.place(1, &[], 0, 1), (0, 0));
        assert_eq!(orders.place(1, &[5, 6, 7], 0, 2), (0, 3));
        assert_eq!(orders.place(1, &[5], 0, 3), (0, 1));
        assert_eq!(orders.place(0, &[5], 0, 4), (1, 1));
        assert_eq!((orders.elements(0), orders.by(0)), (&[5, 6, 7][..], 2));
        assert_eq!(orders.of(2).count(), 0);
    }

    #[test]
    fn what_fits_nowhere_has_an_order_of_its_own() {
        let mut orders = Orders::default();
        assert_eq!(orders.place(0, &[1, 2], 0, 0), (0, 2));
        assert_eq!(orders.place(0, &[1, 3], 0, 1), (1, 2));
        assert_eq!(orders.place(0, &[1, 3, 4], 0, 2), (1, 3));
        assert_eq!(orders.place(0, &[2], 0, 3), (2, 1));
        assert_eq!(orders.of(0).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(orders.longest(0), Some(1));
    }

    #[test]
    fn what_only_its_writer_read_is_not_attested() {
        let mut orders = Orders::default();
        orders.place(0, &[1, 2, 3], 2, 0);
        orders.place(0, &[4, 5], 0, 1);
        assert_eq!((orders.attested(0), orders.attested(1)), (&[1][..], &[4, 5][..]));
        assert_eq!(orders.longest(0), Some(1));
        orders.place(0, &[1, 2], 0, 2);
        assert_eq!(orders.longest(0), Some(0));
    }

    #[test]
    fn orders_without_number_stay_linear() {
        let mut orders = Orders::default();
        for value in 0..100_000 {
            orders.place(0, &[value], 0, 0);
        }
        assert_eq!(orders.of(0).count(), 100_000);
    }
}
