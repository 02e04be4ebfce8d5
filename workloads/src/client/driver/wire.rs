//! The driver protocol's lines: what is asked, and what an answer says.
//!
//! Nothing in an answer is trusted: whatever is not as the protocol has it is nonsense, and says what is wrong with it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use history::payload::decode;
use history::{Key, Offset, Value as Number};
use serde_json::{Map, Value};

use super::super::library::{Advice, Change, Incoming, Rebalanced, Refusal};
use super::super::place::Keys;

/// The protocol's version.
pub(super) const PROTOCOL: u64 = 1;
/// The header that says which value a tombstone stands for, as it has no bytes itself.
pub(super) const TOMBSTONE_VALUE: &str = "v";
/// More of a text than this is not kept.
const TEXT_MAX: usize = 1_000;

/// How an operation ended, as the driver says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ok,
    Fail,
    Info,
}

/// An answer: how it ended, and what else it says.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) kind: Kind,
    body: Map<String, Value>,
}

/// What is wrong with an answer.
pub(super) type Nonsense = String;

impl Answer {
    /// Reads a line: to which request it is, and the answer.
    pub(super) fn read(line: &[u8]) -> Result<(u64, Self), Nonsense> {
        let body: Value = serde_json::from_slice(line)
            .map_err(|error| format!("no JSON ({error}): {}", shown(&String::from_utf8_lossy(line))))?;
        let Value::Object(body) = body else {
            return Err(format!("no JSON object: {}", shown(&body.to_string())));
        };
        let id = body
            .get("id")
            .and_then(Value::as_u64)
            .ok_or("an answer without the `id` of a request")?;
        let kind = match body.get("type").and_then(Value::as_str) {
            Some("ok") => Kind::Ok,
            Some("fail") => Kind::Fail,
            Some("info") => Kind::Info,
            _ => {
                return Err(format!(
                    "the answer to request {id} has no `type` of ok, fail or info"
                ));
            }
        };
        let answer = Self { kind, body };
        if kind != Kind::Ok && answer.optional_text("error")?.is_none() {
            return Err(format!("the answer to request {id} does not say its `error`"));
        }
        Ok((id, answer))
    }

    /// Why it is not `ok`.
    pub(super) fn error(&self) -> String {
        let text = self.body.get("error").and_then(Value::as_str);
        shown(text.unwrap_or_default())
    }

    /// Why the client is of no further use, if it says so.
    pub(super) fn fatal(&self) -> Result<Option<String>, Nonsense> {
        self.optional_text("fatal")
    }

    /// What to do about an answer that is not `ok`.
    pub(super) fn refusal(&self) -> Result<Refusal, Nonsense> {
        let advice = match (self.kind, self.optional_text("advice")?.as_deref()) {
            (Kind::Info, _) | (_, Some("discard")) => Advice::Discard,
            (_, None | Some("refused")) => Advice::Refused,
            (_, Some("again")) => Advice::Again,
            (_, Some("abort")) => Advice::Abort,
            (_, Some(word)) => return Err(format!("an `advice` that is none: {word}")),
        };
        Ok(Refusal {
            text: self.error(),
            advice,
        })
    }

    pub(super) fn text(&self, name: &str) -> Result<String, Nonsense> {
        let text = self.optional_text(name)?;
        text.ok_or_else(|| format!("no `{name}`"))
    }

    pub(super) fn optional_text(&self, name: &str) -> Result<Option<String>, Nonsense> {
        match self.body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(shown(text))),
            Some(_) => Err(format!("`{name}` is no text")),
        }
    }

    pub(super) fn number(&self, name: &str) -> Result<i64, Nonsense> {
        let number = self.optional_number(name)?;
        number.ok_or_else(|| format!("no `{name}`"))
    }

    pub(super) fn optional_number(&self, name: &str) -> Result<Option<i64>, Nonsense> {
        number(&self.body, name)
    }

    /// Whether that is so; not where nothing is said.
    pub(super) fn is(&self, name: &str) -> Result<bool, Nonsense> {
        match self.body.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(is)) => Ok(*is),
            Some(_) => Err(format!("`{name}` is neither true nor false")),
        }
    }

    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, Nonsense> {
        let of_text = |text: &Value| text.as_str().map(shown);
        let texts = self.list(name)?.iter().map(of_text).collect::<Option<_>>();
        texts.ok_or_else(|| format!("`{name}` is not of texts"))
    }

    /// A list; an empty one where there is none.
    pub(super) fn list(&self, name: &str) -> Result<&[Value], Nonsense> {
        list(&self.body, name)
    }

    /// What a poll returned.
    pub(super) fn records(&self, keys: &Keys, most: usize) -> Result<Vec<Incoming>, Nonsense> {
        let records = self.list("records")?;
        if records.len() > most {
            return Err(format!("{} records where {most} were asked for", records.len()));
        }
        let incoming = |record: &Value| incoming(keys, object(record, "records")?);
        records.iter().map(incoming).collect()
    }

    /// What the client's group gave it and took from it since its last answer.
    pub(super) fn rebalances(&self, keys: &Keys) -> Result<Vec<Rebalanced>, Nonsense> {
        let rebalance = |value: &Value| rebalanced(keys, object(value, "rebalances")?);
        self.list("rebalances")?.iter().map(rebalance).collect()
    }

    /// `[topic, partition, offset]`, where the offset may be null.
    pub(super) fn offsets(&self, keys: &Keys) -> Result<BTreeMap<Key, Option<Offset>>, Nonsense> {
        let offset = |value: &Value| {
            let parts = value.as_array().filter(|parts| parts.len() == 3);
            let parts = parts.ok_or("`offsets` are not each a topic, a partition and an offset")?;
            let key = key_of(keys, &parts[0], &parts[1])?;
            match &parts[2] {
                Value::Null => Ok((key, None)),
                offset => Ok((key, Some(offset.as_i64().ok_or("an offset is no number")?))),
            }
        };
        self.list("offsets")?.iter().map(offset).collect()
    }
}

fn list<'a>(body: &'a Map<String, Value>, name: &str) -> Result<&'a [Value], Nonsense> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(format!("`{name}` is no list")),
    }
}

fn number(body: &Map<String, Value>, name: &str) -> Result<Option<i64>, Nonsense> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64() {
            Some(number) => Ok(Some(number)),
            None => Err(format!("`{name}` is no whole number")),
        },
    }
}

fn object<'a>(value: &'a Value, name: &str) -> Result<&'a Map<String, Value>, Nonsense> {
    value
        .as_object()
        .ok_or_else(|| format!("`{name}` are not of objects"))
}

fn key_of(keys: &Keys, topic: &Value, partition: &Value) -> Result<Key, Nonsense> {
    let named = topic.as_str().zip(partition.as_i64());
    let (topic, partition) = named.ok_or("a topic is a text and a partition a number")?;
    i32::try_from(partition)
        .ok()
        .and_then(|number| keys.key(topic, number))
        .ok_or_else(|| format!("{}-{partition} is no partition of the run", shown(topic)))
}

fn incoming(keys: &Keys, record: &Map<String, Value>) -> Result<Incoming, Nonsense> {
    let field = |name: &str| record.get(name).unwrap_or(&Value::Null);
    let payload = bytes(field("value"))?;
    let value = match &payload {
        Some(bytes) => decode(bytes),
        None => value_of_tombstone(list(record, "headers")?)?,
    };
    let deliveries = number(record, "deliveries")?.map(u32::try_from).transpose();
    Ok(Incoming {
        key: key_of(keys, field("topic"), field("partition"))?,
        offset: number(record, "offset")?.ok_or("a record without an `offset`")?,
        value,
        name: bytes(field("key"))?.and_then(|bytes| big_endian(&bytes)),
        tombstone: payload.is_none(),
        timestamp: number(record, "timestamp")?,
        deliveries: deliveries.map_err(|_| "`deliveries` is out of range")?,
    })
}

fn value_of_tombstone(headers: &[Value]) -> Result<Option<Number>, Nonsense> {
    for header in headers {
        let parts = header.as_array().filter(|parts| parts.len() == 2);
        let parts = parts.ok_or("`headers` are not each a name and a value")?;
        if parts[0].as_str() == Some(TOMBSTONE_VALUE) {
            return Ok(bytes(&parts[1])?.and_then(|bytes| big_endian(&bytes)));
        }
    }
    Ok(None)
}

fn rebalanced(keys: &Keys, body: &Map<String, Value>) -> Result<Rebalanced, Nonsense> {
    let change = match body.get("change").and_then(Value::as_str) {
        Some("given") => Change::Given,
        Some("revoked") => Change::Revoked,
        Some("lost") => Change::Lost,
        _ => return Err("a rebalance without a `change` of given, revoked or lost".to_owned()),
    };
    let key = |pair: &Value| match pair.as_array().map(Vec::as_slice) {
        Some([topic, partition]) => key_of(keys, topic, partition),
        _ => Err("`partitions` are not each a topic and a number".to_owned()),
    };
    let partitions = list(body, "partitions")?.iter().map(key);
    let member = body.get("member").and_then(Value::as_str).unwrap_or_default();
    let generation = number(body, "generation")?.unwrap_or(-1);
    Ok(Rebalanced {
        change,
        keys: partitions.collect::<Result<_, _>>()?,
        member: shown(member),
        generation: i32::try_from(generation).map_err(|_| "`generation` is out of range")?,
    })
}

/// Bytes as base64 has them; null is none.
fn bytes(value: &Value) -> Result<Option<Vec<u8>>, Nonsense> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => match STANDARD.decode(text) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) => Err(format!("bytes that are not base64: {error}")),
        },
        _ => Err("bytes that are no text".to_owned()),
    }
}

/// Bytes as they go over the wire.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn big_endian(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

/// A text of a driver's, no longer than is good for a report.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(TEXT_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{Answer, Keys, Kind};
    use crate::client::library::{Advice, Change};
    use history::Topic;

    fn keys() -> Keys {
        Keys::new(&[Topic {
            name: "log".to_owned(),
            partitions: 2,
            replication_factor: 1,
            min_insync_replicas: 1,
            unclean_election: false,
            config: std::collections::BTreeMap::new(),
        }])
    }

    fn read(line: &str) -> Result<(u64, Answer), String> {
        Answer::read(line.as_bytes())
    }

    #[test]
    fn what_is_no_answer_says_what_is_wrong_with_it() {
        for (line, part) in [
            ("hello", "no JSON"),
            ("[1]", "no JSON object"),
            (r#"{"type":"ok"}"#, "without the `id`"),
            (r#"{"id":-1,"type":"ok"}"#, "without the `id`"),
            (r#"{"id":1}"#, "no `type`"),
            (r#"{"id":1,"type":"yes"}"#, "no `type`"),
            (r#"{"id":1,"type":"fail"}"#, "does not say its `error`"),
            (r#"{"id":1,"type":"info","error":7}"#, "`error` is no text"),
        ] {
            let error = read(line).expect_err(line);
            assert!(error.contains(part), "{line}: {error}");
        }
    }

    #[test]
    fn records_come_with_all_they_have() {
        let line = r#"{"id":3,"type":"ok","records":[
            {"topic":"log","partition":1,"offset":5,"timestamp":9,"value":"AAAAAAAAAAc=","key":"AAAAAAAAAAI=","deliveries":2},
            {"topic":"log","partition":0,"offset":6,"value":null,"headers":[["v","AAAAAAAAAAg="]]},
            {"topic":"log","partition":0,"offset":7,"value":""}]}"#;
        let (id, answer) = read(line).expect("an answer");
        assert_eq!((id, answer.kind), (3, Kind::Ok));
        let records = answer.records(&keys(), 3).expect("records");
        let first = records[0];
        assert_eq!((first.key, first.offset, first.value), (1, 5, Some(7)));
        assert_eq!(
            (first.name, first.timestamp, first.deliveries),
            (Some(2), Some(9), Some(2))
        );
        assert_eq!((records[1].value, records[1].tombstone), (Some(8), true));
        assert_eq!((records[2].value, records[2].tombstone), (None, false));
        assert!(
            answer
                .records(&keys(), 2)
                .expect_err("too many")
                .contains("3 records where 2")
        );
    }

    #[test]
    fn records_of_the_wrong_shape_are_nonsense() {
        for (record, part) in [
            ("7", "not of objects"),
            (
                r#"{"topic":"log","partition":9,"offset":1}"#,
                "log-9 is no partition",
            ),
            (r#"{"topic":"log","partition":0}"#, "without an `offset`"),
            (r#"{"topic":"log","partition":0,"offset":1.5}"#, "no whole number"),
            (
                r#"{"topic":"log","partition":0,"offset":1,"value":"%"}"#,
                "not base64",
            ),
            (r#"{"topic":"log","partition":0,"offset":1,"value":1}"#, "no text"),
        ] {
            let line = format!(r#"{{"id":1,"type":"ok","records":[{record}]}}"#);
            let (_, answer) = read(&line).expect("an answer");
            let error = answer.records(&keys(), 9).expect_err(record);
            assert!(error.contains(part), "{record}: {error}");
        }
    }

    #[test]
    fn rebalances_and_refusals_are_read() {
        let line = r#"{"id":1,"type":"fail","error":"no","advice":"abort","rebalances":[
            {"change":"lost","partitions":[["log",1]],"member":"m","generation":4}]}"#;
        let (_, answer) = read(line).expect("an answer");
        let rebalanced = answer.rebalances(&keys()).expect("one");
        assert_eq!(
            (rebalanced[0].change, &rebalanced[0].keys[..]),
            (Change::Lost, &[1][..])
        );
        assert_eq!(
            (rebalanced[0].member.as_str(), rebalanced[0].generation),
            ("m", 4)
        );
        assert_eq!(answer.refusal().expect("one").advice, Advice::Abort);
        let (_, unknown) = read(r#"{"id":1,"type":"info","error":"?"}"#).expect("an answer");
        assert_eq!(unknown.refusal().expect("one").advice, Advice::Discard);
        let (_, odd) = read(r#"{"id":1,"type":"fail","error":"?","advice":"pray"}"#).expect("an answer");
        assert!(odd.refusal().is_err());
    }
}
