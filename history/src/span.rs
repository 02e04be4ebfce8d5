//! A length of time as people write it in a plan: `1500ms`, `30s`, `2m`, `1h`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// Units, the largest first, with their milliseconds.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
/// The longest span, 30 days: sums of a few of them never overflow a clock.
const MILLISECONDS_MAX: u64 = 30 * 24 * 3_600_000;

/// A length of time in whole milliseconds, read and written as a string such as `1500ms`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(Duration);

impl Span {
    /// That many milliseconds.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    /// That many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The same as a [`Duration`].
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// In milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0.as_millis() as u64
    }

    /// In nanoseconds, as times are in a history.
    pub const fn as_nanos(self) -> u64 {
        self.0.as_nanos() as u64
    }

    /// Whether it is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

/// In the largest unit that needs no fraction.
impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.as_millis();
        if milliseconds == 0 {
            return formatter.write_str("0s");
        }
        let (unit, size) = UNITS
            .into_iter()
            .find(|(_, size)| milliseconds.is_multiple_of(*size))
            .unwrap_or(("ms", 1));
        write!(formatter, "{}{unit}", milliseconds / size)
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let size = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, size)| size);
        match (number.parse::<u64>(), size) {
            (Ok(number), Some(size)) => number
                .checked_mul(*size)
                .filter(|milliseconds| *milliseconds <= MILLISECONDS_MAX)
                .map(Self::from_millis)
                .ok_or_else(|| format!("`{text}` is too long a time: at most 30 days (`720h`)")),
            _ => Err(format!(
                "`{text}` is no length of time: write a whole number and its unit, \
                 such as \"1500ms\", \"30s\", \"2m\" or \"1h\""
            )),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

struct SpanVisitor;

impl Visitor<'_> for SpanVisitor {
    type Value = Span;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a length of time in quotes, such as \"1500ms\", \"30s\", \"2m\" or \"1h\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
        text.parse().map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(SpanVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::Span;
    use proptest::prelude::*;

    fn check(text: &str, milliseconds: u64) {
        assert_eq!(text.parse(), Ok(Span::from_millis(milliseconds)));
    }

    #[test]
    fn accepts_each_unit() {
        check("1500ms", 1_500);
        check("30s", 30_000);
        check("2m", 120_000);
        check("1h", 3_600_000);
        check("0s", 0);
    }

    #[test]
    fn refuses_the_rest_and_says_what_is_accepted() {
        for text in [
            "",
            "5",
            "s",
            "1.5s",
            "-1s",
            "5 s",
            "5sec",
            "99999999999999999999s",
        ] {
            let error = text.parse::<Span>().expect_err("no length of time");
            assert!(error.contains("\"1500ms\""), "{error}");
        }
        let error = "721h".parse::<Span>().expect_err("too long");
        assert!(error.contains("at most 30 days"), "{error}");
    }

    #[test]
    fn a_number_without_quotes_is_refused_with_the_accepted_forms() {
        let error = serde_json::from_str::<Span>("5").expect_err("a bare number");
        assert!(error.to_string().contains("such as \"1500ms\""), "{error}");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(milliseconds in 0..super::MILLISECONDS_MAX) {
            let span = Span::from_millis(milliseconds);
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }
    }
}
