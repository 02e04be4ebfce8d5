//! A feature's level as a plan writes it: a number, or for `metadata.version` the name of one.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use super::release::metadata_version;

/// A feature's level: `1`, or `"3.9"` and `"3.9-IV0"` for levels of `metadata.version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Level(pub i16);

struct LevelVisitor;

impl Visitor<'_> for LevelVisitor {
    type Value = Level;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .write_str("a level, such as 1, or a metadata.version's name, such as \"3.9\" or \"3.9-IV0\"")
    }

    fn visit_i64<E: de::Error>(self, level: i64) -> Result<Level, E> {
        i16::try_from(level)
            .ok()
            .filter(|level| *level >= 0)
            .map(Level)
            .ok_or_else(|| E::invalid_value(de::Unexpected::Signed(level), &self))
    }

    fn visit_u64<E: de::Error>(self, level: u64) -> Result<Level, E> {
        i64::try_from(level)
            .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(level), &self))
            .and_then(|level| self.visit_i64(level))
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Level, E> {
        metadata_version(name)
            .map(Level)
            .ok_or_else(|| E::invalid_value(de::Unexpected::Str(name), &self))
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LevelVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_a_number_or_a_name() {
        let read = |text: &str| serde_json::from_str::<Level>(text);
        assert_eq!(read("1").expect("a level"), Level(1));
        assert_eq!(read("\"3.9\"").expect("a level"), Level(21));
        for wrong in ["-1", "99999", "\"9.9\"", "true"] {
            let error = read(wrong).expect_err(wrong).to_string();
            assert!(error.contains("expected a level, such as 1"), "{error}");
        }
        assert_eq!(serde_json::to_string(&Level(21)).expect("a number"), "21");
    }
}
