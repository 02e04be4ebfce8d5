//! Things by key, in one array.

/// Things sorted by a number from 0 on, those of one number in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Groups<T> {
    starts: Vec<u32>,
    items: Vec<T>,
}

impl<T: Copy + Default> Groups<T> {
    /// Sorts things into so many groups.
    pub(super) fn new(items: Vec<T>, groups: usize, group: impl Fn(&T) -> u32) -> Self {
        let mut starts = vec![0_u32; groups + 2];
        for item in &items {
            starts[group(item) as usize + 2] += 1;
        }
        for place in 2..starts.len() {
            starts[place] += starts[place - 1];
        }
        let mut sorted = vec![T::default(); items.len()];
        for item in items {
            let place = &mut starts[group(&item) as usize + 1];
            sorted[*place as usize] = item;
            *place += 1;
        }
        starts.pop();
        Self {
            starts,
            items: sorted,
        }
    }

    /// The things of a group.
    pub(super) fn of(&self, group: u32) -> &[T] {
        let group = group as usize;
        &self.items[self.starts[group] as usize..self.starts[group + 1] as usize]
    }

    /// Adds groups with nothing in them, up to this number.
    pub(super) fn extend(&mut self, groups: usize) {
        self.starts.resize(groups + 1, self.items.len() as u32);
    }

    /// All things, group by group.
    pub(super) fn all(&self) -> &[T] {
        &self.items
    }

    /// How many things the groups before this one have.
    pub(super) fn before(&self, group: u32) -> u64 {
        u64::from(self.starts[group as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::Groups;

    #[test]
    fn things_keep_their_order_within_a_group() {
        let groups = Groups::new(vec![(2, 'a'), (0, 'b'), (2, 'c')], 4, |(group, _)| *group);
        assert_eq!(groups.of(2), [(2, 'a'), (2, 'c')]);
        assert_eq!(groups.of(0), [(0, 'b')]);
        assert!(groups.of(1).is_empty() && groups.of(3).is_empty());
        assert_eq!(groups.before(3), 3);
    }
}
