//! A place in a line, and what may be read from it on.

use memchr::memchr;

/// A place in a line. What does not read gives `None`; the place then means nothing any more.
pub(super) struct Cursor<'t> {
    rest: &'t [u8],
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { rest: text }
    }

    /// Bytes that were not read yet.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Passes exactly these bytes.
    #[inline]
    pub(super) fn pass<const N: usize>(&mut self, expected: &[u8; N]) -> Option<()> {
        self.passes(expected).then_some(())
    }

    /// Passes these bytes if they are next, and says whether they were.
    #[inline]
    pub(super) fn passes<const N: usize>(&mut self, expected: &[u8; N]) -> bool {
        match self.rest.split_first_chunk::<N>() {
            Some((next, rest)) if next == expected => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Passes what is left of the line, and its end.
    pub(super) fn pass_line(&mut self) -> Option<()> {
        let length = memchr(b'\n', self.rest)?;
        self.rest = &self.rest[length + 1..];
        Some(())
    }

    /// Characters up to a quote, which is passed too. Neither escapes nor anything but ASCII.
    pub(super) fn plain_text(&mut self) -> Option<&'t str> {
        let length = self.rest.iter().take_while(|byte| is_plain(**byte)).count();
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest.strip_prefix(b"\"")?;
        str::from_utf8(text).ok()
    }

    /// An integer of 32 bits.
    #[inline]
    pub(super) fn u32(&mut self) -> Option<u32> {
        u32::try_from(self.u64()?).ok()
    }

    /// A signed integer.
    #[inline]
    pub(super) fn i64(&mut self) -> Option<i64> {
        if !self.passes(b"-") {
            return i64::try_from(self.u64()?).ok();
        }
        // "-0" is a float to JSON.
        let size = self.u64().filter(|size| *size > 0)?;
        i64::try_from(size).ok().map(|size| -size)
    }

    /// An integer of at most 19 digits, as JSON writes one: no sign, no zeros in front.
    #[inline]
    pub(super) fn u64(&mut self) -> Option<u64> {
        let value = self.up_to_eight_digits()?;
        if value.digits < 8 {
            return Some(value.number);
        }
        self.long_u64(value.number)
    }

    /// The same of a number that usually has more than eight digits.
    #[inline]
    pub(super) fn usually_long_u64(&mut self) -> Option<u64> {
        let value = self.up_to_eight_digits()?;
        if value.digits < 8 {
            return Some(value.number);
        }
        self.more_digits(value.number)
    }

    #[inline]
    fn up_to_eight_digits(&mut self) -> Option<Digits> {
        let next = self.next_eight();
        let value = eight_digits(next);
        if value.digits == 0 || (next as u8 == b'0' && value.digits > 1) {
            return None;
        }
        self.rest = &self.rest[value.digits..];
        Some(value)
    }

    #[inline(never)]
    fn long_u64(&mut self, first: u64) -> Option<u64> {
        self.more_digits(first)
    }

    #[inline]
    fn more_digits(&mut self, first: u64) -> Option<u64> {
        let second = eight_digits(self.next_eight());
        self.rest = &self.rest[second.digits..];
        let value = first * TENS[second.digits] + second.number;
        if second.digits < 8 {
            return Some(value);
        }
        let third = eight_digits(self.next_eight());
        self.rest = &self.rest[third.digits..];
        (third.digits <= 3).then(|| value * TENS[third.digits] + third.number)
    }

    /// The next eight bytes, the first in the lowest place. Zeros beyond the end.
    #[inline]
    fn next_eight(&self) -> u64 {
        match self.rest.first_chunk() {
            Some(chunk) => u64::from_le_bytes(*chunk),
            None => last_bytes(self.rest),
        }
    }
}

#[cold]
#[inline(never)]
fn last_bytes(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |chunk, byte| chunk << 8 | u64::from(*byte))
}

/// The number that some digits make, at most eight.
struct Digits {
    number: u64,
    digits: usize,
}

const TENS: [u64; 9] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
];

/// The number that the digits at the start of eight bytes make, and how many they are.
///
/// All eight at a time: that numbers differ in length then costs no branch that is guessed wrong.
#[inline]
fn eight_digits(chunk: u64) -> Digits {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let values = chunk ^ 0x3030_3030_3030_3030;
    // The high bit of each byte that is above 9. A carry goes only into bytes after the first such.
    let others = (values.wrapping_add(0x7676_7676_7676_7676) | values) & HIGH_BITS;
    let digits = others.trailing_zeros() as usize / 8;
    // Zeros in front instead of what comes after; then pairs, fours and all eight.
    let values = values.checked_shl(64 - 8 * digits as u32).unwrap_or(0);
    let pairs = (values * 10 + (values >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    let number = (fours * 10_000 + (fours >> 32)) & 0xffff_ffff;
    Digits { number, digits }
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use super::Cursor;
    use proptest::prelude::*;

    /// What is read of a text that goes on with `after`, where the cursor then stands at it.
    fn number(text: &str, after: &str) -> Option<u64> {
        let whole = format!("{text}{after}");
        let mut cursor = Cursor::new(whole.as_bytes());
        let number = cursor.u64()?;
        (cursor.rest == after.as_bytes()).then_some(number)
    }

    proptest! {
        #[test]
        fn numbers_of_any_length_are_read(number_of_bits in 0_u32..=64, bits: u64, after in "([^0-9].{0,12})?") {
            let value = bits.checked_shr(64 - number_of_bits).unwrap_or(0);
            let text = value.to_string();
            let expected = (text.len() <= 19).then_some(value);
            prop_assert_eq!(number(&text, &after), expected);
        }
    }

    #[test]
    fn what_json_does_not_call_an_integer_is_none() {
        for text in [
            "",
            "x",
            "-1",
            "00",
            "01",
            "007",
            "+1",
            " 1",
            "10000000000000000000",
            "99999999999999999999999999999",
        ] {
            assert_eq!(number(text, ","), None, "{text}");
        }
        for (text, expected) in [
            ("-5", Some(-5)),
            ("-0", None),
            ("0", Some(0)),
            ("-01", None),
            ("--1", None),
        ] {
            assert_eq!(Cursor::new(text.as_bytes()).i64(), expected, "{text}");
        }
    }
}
