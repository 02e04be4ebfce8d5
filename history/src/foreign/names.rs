//! Numbers for what a foreign history calls by names, in the order in which they come.

use std::collections::HashMap;

use crate::foreign::lexer::small_int;
use crate::foreign::tape::{Bad, Form, Kind};
use crate::foreign::text::{decoded, text_of};
use crate::header::{Key, Value};
use crate::source::{Format, Names};

/// Integers from here on, and whatever is no integer, get numbers of their own, from here on.
pub const NAMED_VALUES: Value = 1 << 62;
/// So do processes.
const NAMED_PROCESSES: u32 = 1 << 31;
/// More keys than this are no history.
const KEYS_MAX: usize = 1 << 23;
/// The names of all keys and values together are no longer than this.
const NAMES_BYTES_MAX: usize = 512 << 20;
/// What a name costs beside its text, about.
const NAME_BYTES: usize = 64;
/// Keys that are integers below this are found without hashing.
const SMALL_KEYS: i64 = 1 << 18;
/// No key yet.
const NONE: Key = Key::MAX;

/// The numbers that names have got so far.
pub struct Numbers {
    json: bool,
    names: Names,
    small_keys: Vec<Key>,
    int_keys: HashMap<i64, Key>,
    text_keys: HashMap<String, Key>,
    values: HashMap<String, Value>,
    processes: HashMap<i64, u32>,
    bytes: usize,
}

impl Numbers {
    pub fn new(format: Format) -> Self {
        Self {
            json: format == Format::ElleJson,
            names: Names::default(),
            small_keys: Vec::new(),
            int_keys: HashMap::new(),
            text_keys: HashMap::new(),
            values: HashMap::new(),
            processes: HashMap::new(),
            bytes: 0,
        }
    }

    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The key that a form stands for.
    pub fn key(&mut self, form: Form<'_>) -> Result<Key, Bad> {
        if let Some(number) = self.int(form) {
            return self.int_key(number, form);
        }
        let name = self.key_name(form)?;
        if let Some(key) = self.text_keys.get(&name) {
            return Ok(*key);
        }
        let key = self.new_key(name.clone(), form)?;
        self.text_keys.insert(name, key);
        Ok(key)
    }

    /// The value that a form stands for.
    pub fn value(&mut self, form: Form<'_>) -> Result<Value, Bad> {
        if let Some(number) = form.int()
            && (0..NAMED_VALUES as i64).contains(&number)
        {
            return Ok(number as Value);
        }
        let name = text_of(form)?;
        if let Some(value) = self.values.get(&name) {
            return Ok(*value);
        }
        self.spend(2 * name.len(), form)?;
        let value = NAMED_VALUES + self.values.len() as Value;
        self.names.values.insert(value, name.clone());
        self.values.insert(name, value);
        Ok(value)
    }

    /// The process that a form stands for; `None` where it is no client's.
    pub fn process(&mut self, form: Form<'_>) -> Result<Option<u32>, Bad> {
        let Some(number) = self.int(form) else {
            return Ok(None);
        };
        if (0..i64::from(NAMED_PROCESSES)).contains(&number) {
            return Ok(Some(number as u32));
        }
        if let Some(process) = self.processes.get(&number) {
            return Ok(Some(*process));
        }
        self.spend(0, form)?;
        let process = NAMED_PROCESSES + self.processes.len() as u32;
        self.processes.insert(number, process);
        Ok(Some(process))
    }

    /// An integer, also where JSON has put it into quotes, as it does with the keys of a map.
    fn int(&self, form: Form<'_>) -> Option<i64> {
        if self.json && form.kind() == Kind::Text {
            let digits = form.raw();
            let plain = match digits.strip_prefix(b"-").unwrap_or(digits) {
                [b'0', ..] => digits == b"0",
                _ => true,
            };
            return if plain { small_int(digits) } else { None };
        }
        form.int()
    }

    fn int_key(&mut self, number: i64, form: Form<'_>) -> Result<Key, Bad> {
        if !(0..SMALL_KEYS).contains(&number) {
            if let Some(key) = self.int_keys.get(&number) {
                return Ok(*key);
            }
            let key = self.new_key(number.to_string(), form)?;
            self.int_keys.insert(number, key);
            return Ok(key);
        }
        let index = number as usize;
        if index >= self.small_keys.len() {
            self.small_keys.resize((index + 1).next_power_of_two(), NONE);
        }
        if self.small_keys[index] == NONE {
            self.small_keys[index] = self.new_key(number.to_string(), form)?;
        }
        Ok(self.small_keys[index])
    }

    /// What a key is called that is no integer. In JSON a plain word in quotes is called by the word alone.
    fn key_name(&self, form: Form<'_>) -> Result<String, Bad> {
        if self.json && matches!(form.kind(), Kind::Text | Kind::Escaped) {
            let word = decoded(form)?;
            if is_word(&word) {
                return Ok(word.into_owned());
            }
        }
        text_of(form)
    }

    fn new_key(&mut self, name: String, form: Form<'_>) -> Result<Key, Bad> {
        if self.names.keys.len() == KEYS_MAX {
            return Err(form.bad(format!("more than {KEYS_MAX} keys")));
        }
        self.spend(2 * name.len(), form)?;
        self.names.keys.push(name);
        Ok(self.names.keys.len() as Key - 1)
    }

    fn spend(&mut self, bytes: usize, form: Form<'_>) -> Result<(), Bad> {
        self.bytes += bytes + NAME_BYTES;
        if self.bytes > NAMES_BYTES_MAX {
            let reason = "too many keys and values that are no numbers: their names do not fit into memory";
            return Err(form.bad(reason));
        }
        Ok(())
    }
}

/// Whether it can stand without quotes and be taken for nothing else.
fn is_word(text: &str) -> bool {
    let starts = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let of_word = |character: char| character.is_ascii_alphanumeric() || "_-.".contains(character);
    starts && text.chars().all(of_word) && !matches!(text, "nil" | "true" | "false")
}
