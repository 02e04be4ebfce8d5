//! By how much a clock is moved, as people write it in a plan: `+300s`, `-1h`.

use std::fmt;
use std::str::FromStr;

use history::Span;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// What a plan may write, for error texts.
const ACCEPTED: &str =
    "a length of time with its sign in quotes, such as \"+300s\" (ahead) or \"-1h\" (behind)";

/// A length of time ahead or behind, never nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    span: Span,
    behind: bool,
}

impl Shift {
    /// Ahead by that much.
    ///
    /// # Panics
    /// Where that is no time.
    pub const fn ahead(span: Span) -> Self {
        assert!(!span.is_zero(), "a shift by nothing is none");
        Self { span, behind: false }
    }

    /// Behind by that much.
    ///
    /// # Panics
    /// Where that is no time.
    pub const fn behind(span: Span) -> Self {
        assert!(!span.is_zero(), "a shift by nothing is none");
        Self { span, behind: true }
    }

    /// In nanoseconds.
    pub fn nanoseconds(self) -> i64 {
        // The longest span is a month, which has room many times over.
        let size = self.span.duration().as_nanos() as i64;
        if self.behind { -size } else { size }
    }
}

impl fmt::Display for Shift {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", if self.behind { '-' } else { '+' }, self.span)
    }
}

impl FromStr for Shift {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (size, behind) = match text.split_at_checked(1) {
            Some(("-", size)) => (size, true),
            Some(("+", size)) => (size, false),
            _ => return Err(format!("`{text}` has no sign: expected {ACCEPTED}")),
        };
        let span: Span = size.parse()?;
        if span.is_zero() {
            return Err(format!("`{text}` moves nothing: expected {ACCEPTED}"));
        }
        Ok(Self { span, behind })
    }
}

impl Serialize for Shift {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

struct ShiftVisitor;

impl Visitor<'_> for ShiftVisitor {
    type Value = Shift;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(ACCEPTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Shift, E> {
        text.parse().map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Shift {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShiftVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::Shift;

    fn check(text: &str, seconds: i64) {
        let shift: Shift = text.parse().expect("a shift");
        assert_eq!(shift.nanoseconds(), seconds * 1_000_000_000);
        assert_eq!(shift.to_string().parse(), Ok(shift));
    }

    #[test]
    fn both_directions_are_read() {
        check("+300s", 300);
        check("-1h", -3600);
        check("+2000ms", 2);
        check("-720h", -30 * 24 * 3600);
    }

    #[test]
    fn the_rest_is_refused_with_its_reason() {
        for (text, part) in [
            ("", "no sign"),
            ("1h", "no sign"),
            ("+0s", "moves nothing"),
            ("-", "no length of time"),
            ("--1h", "no length of time"),
            ("+1h30m", "no length of time"),
            ("-721h", "at most 30 days"),
        ] {
            let error = text.parse::<Shift>().expect_err("no shift");
            assert!(error.contains(part), "{error}");
        }
    }
}
