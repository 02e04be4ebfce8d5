//! Text in EDN or in JSON, piece by piece.

use std::fmt::Write;
use std::io;

use crate::foreign::json::is_number;
use crate::foreign::text::quote;
use crate::header::{Key, Value};
use crate::source::Names;

/// How a format writes things.
pub struct Shape {
    is_edn: bool,
    /// Before and after the name of a field.
    field: [&'static str; 2],
    /// Before and after a word.
    word: [&'static str; 2],
    between_fields: &'static str,
    between: &'static str,
    nothing: &'static str,
}

/// A map of keywords.
pub const EDN: Shape = Shape {
    is_edn: true,
    field: [":", " "],
    word: [":", ""],
    between_fields: ", ",
    between: " ",
    nothing: "nil",
};

/// An object.
pub const JSON: Shape = Shape {
    is_edn: false,
    field: ["\"", "\":"],
    word: ["\"", "\""],
    between_fields: ",",
    between: ",",
    nothing: "null",
};

/// Text that is being written.
pub struct Line {
    shape: &'static Shape,
    names: Names,
    text: String,
    /// Nothing stands in the map yet.
    first: bool,
}

impl Line {
    pub fn new(shape: &'static Shape, names: Names) -> Self {
        Self {
            shape,
            names,
            text: String::new(),
            first: true,
        }
    }

    pub fn is_edn(&self) -> bool {
        self.shape.is_edn
    }

    /// Hands over what was written so far.
    pub fn hand_over(&mut self, out: &mut dyn io::Write) -> io::Result<()> {
        out.write_all(self.text.as_bytes())?;
        self.text.clear();
        Ok(())
    }

    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub fn begin_map(&mut self) {
        self.push("{");
        self.first = true;
    }

    /// The name of a field of the map; its value comes next.
    pub fn field(&mut self, name: &str) {
        if !self.first {
            self.push(self.shape.between_fields);
        }
        self.first = false;
        let [before, after] = self.shape.field;
        self.text.extend([before, name, after]);
    }

    pub fn word(&mut self, word: &str) {
        let [before, after] = self.shape.word;
        self.text.extend([before, word, after]);
    }

    pub fn nothing(&mut self) {
        self.push(self.shape.nothing);
    }

    pub fn quote(&mut self, text: &str) {
        quote(text, &mut self.text);
    }

    pub fn integer(&mut self, number: impl std::fmt::Display) {
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{number}");
    }

    /// Goes between two parts of a vector or of a map that is no operation.
    pub fn between(&mut self) {
        self.push(self.shape.between);
    }

    /// A vector.
    pub fn vector<T>(&mut self, parts: impl IntoIterator<Item = T>, mut part: impl FnMut(&mut Self, T)) {
        self.push("[");
        for (index, content) in parts.into_iter().enumerate() {
            if index > 0 {
                self.between();
            }
            part(self, content);
        }
        self.push("]");
    }

    pub fn key(&mut self, key: Key) {
        match self.names.keys.get(key as usize) {
            Some(name) => called(self.shape, name, &mut self.text),
            None => self.integer(key),
        }
    }

    /// A key to which a map's value comes next.
    pub fn key_of_map(&mut self, key: Key) {
        let start = self.text.len();
        self.key(key);
        if self.shape.is_edn {
            return self.push(" ");
        }
        if !self.text[start..].starts_with('"') {
            self.text.insert(start, '"');
            self.push("\"");
        }
        self.push(":");
    }

    pub fn value(&mut self, value: Value) {
        match self.names.values.get(&value) {
            Some(name) => called(self.shape, name, &mut self.text),
            None => self.integer(value),
        }
    }
}

/// Writes a name, which is EDN. What JSON has no form for becomes a string.
fn called(shape: &Shape, name: &str, out: &mut String) {
    if shape.is_edn || name.starts_with('"') || is_number(name.as_bytes()) || matches!(name, "true" | "false")
    {
        out.push_str(name);
    } else if name == "nil" {
        out.push_str(shape.nothing);
    } else {
        quote(name, out);
    }
}
