//! A column of numbers that nearly always fit into 32 bits.

use std::collections::BTreeMap;

/// Nothing is known in this row.
const NOTHING: u32 = u32::MAX;
/// The number stands in the tree beside the column.
const FAR: u32 = u32::MAX - 1;

/// A number or nothing for each row, four bytes a row; numbers that do not fit are kept apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Column {
    rows: Vec<u32>,
    far: BTreeMap<u32, u64>,
}

impl Column {
    /// Adds a row.
    pub(crate) fn push(&mut self, number: Option<u64>) {
        let row = self.rows.len() as u32;
        self.rows.push(NOTHING);
        if let Some(number) = number {
            self.set(row, number);
        }
    }

    /// What a row holds.
    pub(crate) fn get(&self, row: u32) -> Option<u64> {
        match self.rows[row as usize] {
            NOTHING => None,
            FAR => self.far.get(&row).copied(),
            near => Some(u64::from(near)),
        }
    }

    /// Gives a row its number.
    pub(crate) fn set(&mut self, row: u32, number: u64) {
        self.rows[row as usize] = if number < u64::from(FAR) {
            number as u32
        } else {
            self.far.insert(row, number);
            FAR
        };
    }
}

#[cfg(test)]
mod tests {
    use super::Column;

    #[test]
    fn every_number_has_its_row() {
        let numbers = [0, 7, u64::from(u32::MAX) - 2, u64::from(u32::MAX) - 1, u64::MAX];
        let mut column = Column::default();
        column.push(None);
        for number in numbers {
            column.push(Some(number));
        }
        column.set(0, 9);
        column.set(1, u64::MAX - 1);
        let found: Vec<Option<u64>> = (0..6).map(|row| column.get(row)).collect();
        let expected = [9, u64::MAX - 1, 7, numbers[2], numbers[3], u64::MAX];
        assert_eq!(found, expected.map(Some));
    }
}
