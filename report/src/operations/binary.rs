//! Columns of numbers as bytes: small numbers take one byte, and what is close to what came before is small.

/// Greater numbers do not survive the sum of two in a script's floating point; they are told as this one.
pub(super) const EXACT_MAX: u64 = (1 << 51) - 1;

/// A column that is being written.
#[derive(Debug, Default)]
pub(super) struct Column {
    pub(super) bytes: Vec<u8>,
}

impl Column {
    /// Seven bits a byte, the lowest first; the eighth says that more follow.
    pub(super) fn number(&mut self, number: u64) {
        let mut rest = number;
        while rest >= 0x80 {
            self.bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.bytes.push(rest as u8);
    }

    /// Both signs alike: 0, -1, 1, -2, …
    pub(super) fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)) as u64);
    }

    /// A text with its length in bytes.
    pub(super) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// A column inside of this one, with its length.
    pub(super) fn column(&mut self, column: &Self) {
        self.number(column.bytes.len() as u64);
        self.bytes.extend_from_slice(&column.bytes);
    }
}

/// A number that a script can take.
pub(super) fn exact(number: u64) -> i64 {
    number.min(EXACT_MAX) as i64
}

/// The same of one with a sign.
pub(super) fn exact_signed(number: i64) -> i64 {
    number.clamp(-(EXACT_MAX as i64), EXACT_MAX as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_are_short() {
        let mut column = Column::default();
        for number in [0, 127, 128, 300] {
            column.number(number);
        }
        for number in [0, -1, 1, -64, 64] {
            column.signed(number);
        }
        assert_eq!(column.bytes, [0, 127, 0x80, 1, 0xac, 2, 0, 1, 2, 127, 0x80, 1]);
    }

    #[test]
    fn what_a_script_cannot_count_is_told_as_the_greatest_that_it_can() {
        assert_eq!(exact(u64::MAX), exact_signed(i64::MAX));
        assert_eq!(exact_signed(i64::MIN), -exact(u64::MAX));
        let apart = exact(u64::MAX) - exact_signed(i64::MIN);
        assert!(apart < 1 << 52, "the distance of any two has a sign bit to spare");
    }
}
