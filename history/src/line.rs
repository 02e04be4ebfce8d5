//! An event as one line of JSON: `{"time":1,"ok":{…}}`, the event's kind being the second key.

use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Deserializer, Serialize};

use crate::event::{Event, What};
use crate::scan::{Buffers, scan_event};

/// The event as a line, without its end.
pub fn to_line(event: &Event) -> String {
    serde_json::to_string(event).expect("an event has only string keys")
}

/// The event that a line holds.
pub fn from_line(line: &str) -> Result<Event, serde_json::Error> {
    let mut event = blank();
    match scan_event(line.as_bytes(), &mut event, &mut Buffers::default()) {
        Some(length) if length == line.len() => Ok(event),
        _ => serde_json::from_str(line),
    }
}

/// An event that holds no memory, to be read over.
pub(crate) fn blank() -> Event {
    Event {
        time: 0,
        what: What::Interrupted,
    }
}

macro_rules! kinds {
    ($($variant:ident => $name:literal),+ $(,)?) => {
        const KINDS: &[&str] = &["time", $($name),+];

        impl Serialize for Event {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut line = serializer.serialize_struct("Event", 2)?;
                line.serialize_field("time", &self.time)?;
                match &self.what {
                    $(What::$variant(content) => line.serialize_field($name, content)?,)+
                    What::Interrupted => line.serialize_field("interrupted", &true)?,
                }
                line.end()
            }
        }

        fn read_kind<'de, M: MapAccess<'de>>(kind: &str, map: &mut M) -> Result<What, M::Error> {
            match kind {
                $($name => map.next_value().map(What::$variant),)+
                "interrupted" => map.next_value::<bool>().map(|_| What::Interrupted),
                other => Err(de::Error::unknown_field(other, KINDS)),
            }
        }
    };
}

kinds! {
    Header => "header",
    Phase => "phase",
    Invoke => "invoke",
    Ok => "ok",
    Fail => "fail",
    Info => "info",
    Fault => "fault",
    Observed => "observed",
    Node => "node",
    Deletion => "deletion",
    Probed => "probed",
    Disk => "disk",
    Line => "line",
    Load => "load",
    FinalReads => "final-reads",
}

struct EventVisitor;

impl<'de> Visitor<'de> for EventVisitor {
    type Value = Event;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with a time and one kind of event")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Event, M::Error> {
        let (mut time, mut what) = (None, None);
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if name == "time" {
                time = Some(map.next_value()?);
            } else if what.is_some() {
                return Err(de::Error::custom(format!(
                    "a second kind of event, `{name}`, in one line"
                )));
            } else {
                what = Some(read_kind(&name, &mut map)?);
            }
        }
        Ok(Event {
            time: time.ok_or_else(|| de::Error::missing_field("time"))?,
            what: what.ok_or_else(|| de::Error::custom("no kind of event in this line"))?,
        })
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EventVisitor)
    }
}
