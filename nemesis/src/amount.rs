//! Amounts as people write them in a plan: `5%`, `0.01%`, `1MB/s`.

use std::fmt;
use std::str::FromStr;

use cluster::effect::Share;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// Units of rates, the largest first, with their bytes a second.
const UNITS: [(&str, u64); 4] = [
    ("GB/s", 1_000_000_000),
    ("MB/s", 1_000_000),
    ("kB/s", 1_000),
    ("B/s", 1),
];
/// Faster than any link that there is to be slowed down.
const RATE_MAX: u64 = 1_000_000_000_000;
/// Millionths of the whole in one per cent: it may have as many digits after its point as this has zeros.
const MILLIONTHS: u32 = 10_000;

/// A share of a whole, read and written as a string such as `5%` or `0.5%`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(Share);

/// Bytes a second, read and written as a string such as `1MB/s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u64);

impl Percent {
    /// So many per cent, where these are no more than a hundred.
    pub const fn whole(per_cent: u32) -> Option<Self> {
        match Share::from_millionths(per_cent.saturating_mul(MILLIONTHS)) {
            Some(share) => Some(Self(share)),
            None => None,
        }
    }

    /// As a share.
    pub const fn share(self) -> Share {
        self.0
    }

    /// Whether it is nothing at all.
    pub const fn is_zero(self) -> bool {
        self.0.millionths() == 0
    }
}

impl Rate {
    /// So many bytes a second.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// In bytes a second.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// In the largest unit that needs no fraction.
impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, size): &(&str, u64)| self.0 > 0 && self.0.is_multiple_of(*size);
        let (unit, size) = UNITS.into_iter().find(fits).unwrap_or(("B/s", 1));
        write!(formatter, "{}{unit}", self.0 / size)
    }
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let millionths = text.strip_suffix('%').and_then(millionths).ok_or_else(|| {
            format!("`{text}` is no share: write a number of per cent such as \"5%\" or \"0.25%\"")
        })?;
        Share::from_millionths(millionths)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is more than the whole: at most \"100%\""))
    }
}

/// `12.5` as 125,000; numbers that are far too large as the largest there is.
fn millionths(number: &str) -> Option<u32> {
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 4 {
        return None;
    }
    let part: u32 = format!("{part:0<4}").parse().ok()?;
    let whole = whole.parse::<u32>().unwrap_or(u32::MAX);
    Some(whole.saturating_mul(MILLIONTHS).saturating_add(part))
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let size = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .map(|(_, size)| *size);
        let (Ok(number), Some(size)) = (number.parse::<u64>(), size) else {
            return Err(format!(
                "`{text}` is no rate: write a whole number and its unit, such as \"500kB/s\" or \"1MB/s\""
            ));
        };
        match number.saturating_mul(size) {
            0 => Err(format!("`{text}` lets nothing through: say so with a partition")),
            bytes if bytes <= RATE_MAX => Ok(Self(bytes)),
            _ => Err(format!("`{text}` is faster than any link: at most \"1000GB/s\"")),
        }
    }
}

/// Reads a string that has a meaning of its own.
struct Written<T> {
    example: &'static str,
    of: std::marker::PhantomData<T>,
}

impl<T: FromStr<Err = String>> Visitor<'_> for Written<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.example)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

macro_rules! written {
    ($($kind:ident: $example:literal),+) => {$(
        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let written = Written { example: $example, of: std::marker::PhantomData };
                deserializer.deserialize_str(written)
            }
        }
    )+};
}

written! {
    Percent: "a share such as \"5%\"",
    Rate: "a rate such as \"1MB/s\""
}

#[cfg(test)]
mod tests {
    use super::{Percent, Rate};

    /// Both are read, and written as expected.
    fn check<T: std::str::FromStr<Err = String> + ToString>(text: &str, expected: Result<&str, &str>) {
        match (text.parse::<T>(), expected) {
            (Ok(read), Ok(written)) => assert_eq!(read.to_string(), written),
            (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
            (read, _) => panic!("{text}: {:?}", read.map(|read| read.to_string())),
        }
    }

    #[test]
    fn shares_are_between_nothing_and_the_whole() {
        check::<Percent>("5%", Ok("5%"));
        check::<Percent>("0%", Ok("0%"));
        check::<Percent>("100%", Ok("100%"));
        check::<Percent>("0.0001%", Ok("0.0001%"));
        check::<Percent>("12.50%", Ok("12.5%"));
        check::<Percent>("100.0001%", Err("more than the whole"));
        check::<Percent>("140%", Err("more than the whole"));
        check::<Percent>("99999999999999999999%", Err("more than the whole"));
        for broken in [
            "5", "", "%", "-5%", "5 %", ".5%", "5.%", "0.00001%", "1e1%", "five%",
        ] {
            check::<Percent>(broken, Err("is no share"));
        }
    }

    #[test]
    fn rates_have_a_unit() {
        check::<Rate>("1MB/s", Ok("1MB/s"));
        check::<Rate>("1500kB/s", Ok("1500kB/s"));
        check::<Rate>("2000kB/s", Ok("2MB/s"));
        check::<Rate>("7B/s", Ok("7B/s"));
        check::<Rate>("0MB/s", Err("lets nothing through"));
        check::<Rate>("99999GB/s", Err("faster than any link"));
        for broken in ["1", "1MB", "MB/s", "-1MB/s", "1.5MB/s", "1mb/s", "1 MB/s"] {
            check::<Rate>(broken, Err("is no rate"));
        }
    }

    #[test]
    fn what_is_no_string_is_told_what_is_expected() {
        let read = toml::from_str::<std::collections::BTreeMap<String, Percent>>("share = 5");
        let error = read.expect_err("a bare number").to_string();
        assert!(error.contains("a share such as \"5%\""), "{error}");
    }
}
