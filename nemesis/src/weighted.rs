//! A fault in a mix, with how often it is drawn beside the others.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::faults::{FaultSpec, Word};

/// The heaviest fault: each unit of weight is a draw.
const WEIGHT_MAX: u32 = 1_000;

/// A fault and its weight: `"kill"`, `{ kill = { target = "leader" } }` or `{ kill = {}, weight = 3 }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighted {
    /// The fault.
    pub fault: FaultSpec,
    /// How many times as often it is drawn as one of weight 1, where both fit the present state.
    pub weight: u32,
}

impl From<FaultSpec> for Weighted {
    fn from(fault: FaultSpec) -> Self {
        Self { fault, weight: 1 }
    }
}

impl Serialize for Weighted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.weight == 1 {
            return self.fault.serialize(serializer);
        }
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("weight", &self.weight)?;
        self.fault.serialize_entry(&mut map)?;
        map.end()
    }
}

/// A key of the table: `weight` or a fault's word.
enum Key {
    Weight,
    Fault(Word),
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        if word == "weight" {
            return Ok(Self::Weight);
        }
        Word::deserialize(de::value::StrDeserializer::new(&word)).map(Self::Fault)
    }
}

/// A weight that can be drawn by.
struct Weight(u32);

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let weight = i64::deserialize(deserializer)?;
        match u32::try_from(weight) {
            Ok(weight @ 1..=WEIGHT_MAX) => Ok(Self(weight)),
            _ => Err(de::Error::custom(format!(
                "a weight of {weight}: give 1 to {WEIGHT_MAX}, and leave out what is never to be drawn"
            ))),
        }
    }
}

struct WeightedVisitor;

impl<'de> Visitor<'de> for WeightedVisitor {
    type Value = Weighted;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a fault's word, or a table that holds one fault with its configuration")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Weighted, E> {
        let fault = FaultSpec::deserialize(de::value::StrDeserializer::new(word))?;
        Ok(fault.into())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Weighted, M::Error> {
        let (mut fault, mut weight) = (None, 1);
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Weight => weight = map.next_value::<Weight>()?.0,
                Key::Fault(word) if fault.is_none() => fault = Some(FaultSpec::from_map(word, &mut map)?),
                Key::Fault(_) => {
                    return Err(de::Error::custom(
                        "a second fault in one table: write an item of the list for each",
                    ));
                }
            }
        }
        let fault = fault.ok_or_else(|| de::Error::custom("a table that names no fault"))?;
        Ok(Weighted { fault, weight })
    }
}

impl<'de> Deserialize<'de> for Weighted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WeightedVisitor)
    }
}
