//! Operations, keys, values and states as sentences write them.

use history::Value;

use super::{NAMED_MAX, Teller};
use crate::text;
use crate::txn::explain::{Shown, Told};
use crate::txn::found::{Brief, State};
use crate::txn::txns::TxnId;

impl Teller<'_> {
    pub(super) fn told(&self, txn: TxnId) -> Option<&Told> {
        self.explained.txns.get(&txn)
    }

    /// An operation at the beginning of a sentence.
    pub(super) fn op(&self, txn: TxnId) -> String {
        self.told(txn)
            .map_or_else(|| "An operation".to_owned(), |told| format!("Op {}", told.op))
    }

    pub(super) fn op_inside(&self, txn: TxnId) -> String {
        self.told(txn)
            .map_or_else(|| "an operation".to_owned(), |told| format!("op {}", told.op))
    }

    pub(super) fn ops(&self, txns: &[TxnId], count: usize) -> String {
        let named = txns.iter().take(NAMED_MAX).filter_map(|txn| self.told(*txn));
        let mut named: Vec<String> = named.map(|told| told.op.to_string()).collect();
        if count > named.len() {
            named.push(format!("{} more", text::number((count - named.len()) as u64)));
        }
        format!("Ops {}", text::list(&named))
    }

    /// A key in a sentence: a bare number would be taken for a value.
    pub(super) fn key(&self, key: u32) -> String {
        let name = self.key_word(key);
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            format!("key {name}")
        } else {
            name
        }
    }

    /// A key as its history calls it.
    pub(super) fn key_word(&self, key: u32) -> String {
        self.raw_key(self.keys.key(key))
    }

    pub(super) fn raw_key(&self, key: history::Key) -> String {
        self.names
            .key(key)
            .map_or_else(|| key.to_string(), ToOwned::to_owned)
    }

    pub(super) fn value(&self, value: Value) -> String {
        self.names.value(value)
    }

    pub(super) fn version(&self, version: Option<Value>) -> String {
        version.map_or_else(|| "the initial state".to_owned(), |value| self.value(value))
    }

    /// A list as `[1 2 3]`, a register as its value.
    pub(super) fn state(&self, state: &State) -> String {
        match state {
            State::List(brief) => format!("[{}]", self.elements(brief)),
            State::Ending(brief) => format!("[… {}]", self.elements(brief)),
            State::Register(Some(value)) => self.value(*value),
            State::Register(None) => "nil".to_owned(),
        }
    }

    pub(super) fn elements(&self, brief: &Brief) -> String {
        let values = |values: &[Value]| {
            let names: Vec<String> = values.iter().map(|value| self.value(*value)).collect();
            names.join(" ")
        };
        if brief.between == 0 {
            return values(&brief.tail);
        }
        let between = text::number(brief.between as u64);
        format!(
            "{} … {between} more … {}",
            values(&brief.head),
            values(&brief.tail)
        )
    }

    /// What a transaction did, in short: `append x 5, read y [1 2]`.
    pub(super) fn mops(&self, told: &Told) -> String {
        let mut mops: Vec<String> = told.mops.iter().map(|mop| self.mop(mop)).collect();
        if told.more > 0 {
            mops.push(format!("and {}", text::count(told.more as u64, "more step")));
        }
        if mops.is_empty() {
            "nothing".to_owned()
        } else {
            mops.join(", ")
        }
    }

    pub(super) fn mop(&self, mop: &Shown) -> String {
        match mop {
            Shown::Append(key, value) => format!("append {} {}", self.raw_key(*key), self.value(*value)),
            Shown::Write(key, value) => format!("write {} {}", self.raw_key(*key), self.value(*value)),
            Shown::Read(key, Some(state)) => format!("read {} {}", self.raw_key(*key), self.state(state)),
            Shown::Read(key, None) => format!("read {}", self.raw_key(*key)),
            Shown::Other => "another step".to_owned(),
        }
    }
}
