//! The tokens of EDN. A tag is passed over, whatever it says: what it tags is read as it stands.

use memchr::memchr;

use crate::foreign::lexer::{Lexer, Next, plain_int, small_int, string_end, within_limit};
use crate::foreign::tape::{Bad, Kind, Tape};

/// Reads EDN: operations one after another, or all in one vector or list.
#[derive(Default)]
pub struct Edn {
    /// What closes the bracket around all operations, while it is open.
    closes: Option<u8>,
}

impl Lexer for Edn {
    fn next(&mut self, text: &[u8], last: bool, tape: &mut Tape) -> Result<Next, Bad> {
        tape.clear();
        let from = match after_blank(text, 0) {
            Ok(from) => from,
            Err(blank) => return Ok(Next::blank(blank, last)),
        };
        let mut at = from;
        loop {
            let depth = tape.depth();
            if depth == 0 && self.is_around(text[at], at)? {
                return Ok(Next::Nothing { to: at + 1 });
            }
            let Some(to) = token(text, at, tape)? else {
                return Ok(Next::unfinished(from, last));
            };
            if tape.is_whole() {
                return Ok(Next::Form { from, to });
            }
            if depth > 0 && tape.depth() == 0 {
                // A form that was to be left out.
                return Ok(Next::Nothing { to });
            }
            let Ok(next) = after_blank(text, to) else {
                return Ok(Next::unfinished(from, last));
            };
            at = next;
        }
    }

    fn is_inside(&self) -> bool {
        self.closes.is_some()
    }
}

impl Edn {
    /// Whether this byte, outside of any operation, opens or closes the bracket around all of them.
    fn is_around(&mut self, byte: u8, at: usize) -> Result<bool, Bad> {
        self.closes = match (byte, self.closes) {
            (b'{' | b'#' | b'^', _) => return Ok(false),
            (b'[', None) => Some(b']'),
            (b'(', None) => Some(b')'),
            (_, Some(closes)) if byte == closes => None,
            _ => {
                let found = String::from_utf8_lossy(&[byte]).into_owned();
                let reason =
                    format!("expected an operation, `{{:process 0, :type :invoke, …}}`, found `{found}`");
                return Err(Bad::new(at, reason));
            }
        };
        Ok(true)
    }
}

/// Where the next token begins, or, where none does, from where on the text is still of use.
fn after_blank(text: &[u8], mut at: usize) -> Result<usize, usize> {
    loop {
        match text.get(at) {
            Some(b' ' | b'\n' | b',' | b'\t' | b'\r' | 0x0b | 0x0c) => at += 1,
            Some(b';') => match memchr(b'\n', &text[at..]) {
                Some(end) => at += end + 1,
                None => return Err(at),
            },
            Some(_) => return Ok(at),
            None => return Err(at),
        }
    }
}

/// Takes the token at `at`, and says where it ends; `None` where the text ends first.
fn token(text: &[u8], at: usize, tape: &mut Tape) -> Result<Option<usize>, Bad> {
    if let Some((value, end)) = plain_int(text, at) {
        return tape.int(at, value).map(|()| Some(end));
    }
    let one = Some(at + 1);
    match text[at] {
        b'[' => tape.open(Kind::Vector, at).map(|()| one),
        b'{' => tape.open(Kind::Map, at).map(|()| one),
        b'(' => tape.open(Kind::List, at).map(|()| one),
        end @ (b']' | b'}' | b')') => tape.close(end, at).map(|()| one),
        // Metadata says nothing of what happened.
        b'^' => tape.discard(at).map(|()| one),
        b'"' => string(text, at, tape),
        b'#' => dispatch(text, at, tape),
        b'\\' => character(text, at, tape),
        _ => atom(text, at, tape),
    }
}

fn string(text: &[u8], at: usize, tape: &mut Tape) -> Result<Option<usize>, Bad> {
    let Some((end, escaped)) = string_end(text, at, |_| true)? else {
        return Ok(None);
    };
    let kind = if escaped { Kind::Escaped } else { Kind::Text };
    tape.token(kind, at, end).map(|()| Some(end))
}

/// What begins with `#`: a set, something to leave out, a tag.
fn dispatch(text: &[u8], at: usize, tape: &mut Tape) -> Result<Option<usize>, Bad> {
    match text.get(at + 1) {
        None => Ok(None),
        Some(b'{') => tape.open(Kind::Set, at).map(|()| Some(at + 2)),
        Some(b'_') => tape.discard(at).map(|()| Some(at + 2)),
        // A pattern: its quotes come next.
        Some(b'"') => Ok(Some(at + 1)),
        // `##NaN`, `##Inf`.
        Some(b'#') => {
            let Some(end) = run_end(text, at + 2)? else {
                return Ok(None);
            };
            tape.token(Kind::Symbol, at, end).map(|()| Some(end))
        }
        Some(byte) if byte.is_ascii_alphabetic() || *byte == b':' => run_end(text, at + 2),
        Some(byte) => {
            let found = String::from_utf8_lossy(&[*byte]).into_owned();
            Err(Bad::new(
                at,
                format!("`#{found}` begins nothing that can be read"),
            ))
        }
    }
}

fn character(text: &[u8], at: usize, tape: &mut Tape) -> Result<Option<usize>, Bad> {
    // Whatever comes first belongs to it, be it a bracket or a blank.
    let Some(first) = text.get(at + 1) else {
        return Ok(None);
    };
    let named = first.is_ascii_alphanumeric() || !first.is_ascii();
    let end = if named {
        run_end(text, at + 1)?
    } else {
        Some(at + 2)
    };
    let Some(end) = end else {
        return Ok(None);
    };
    tape.token(Kind::Char, at, end).map(|()| Some(end))
}

/// A number, a keyword or a symbol.
fn atom(text: &[u8], at: usize, tape: &mut Tape) -> Result<Option<usize>, Bad> {
    let Some(end) = run_end(text, at)? else {
        return Ok(None);
    };
    let atom = &text[at..end];
    match atom {
        [] | [b'@' | b'~' | b'`' | b'\'', ..] => {
            let found = String::from_utf8_lossy(&text[at..=at]).into_owned();
            return Err(Bad::new(at, format!("`{found}` begins nothing that can be read")));
        }
        [b':'] => return Err(Bad::new(at, "a keyword without a name")),
        [b':', ..] => tape.token(Kind::Keyword, at, end)?,
        [b'0'..=b'9', ..] | [b'-' | b'+', b'0'..=b'9', ..] => match int(atom) {
            Some(value) => tape.int(at, value)?,
            None => tape.token(Kind::Number, at, end)?,
        },
        b"nil" => tape.token(Kind::Nil, at, end)?,
        b"true" => tape.token(Kind::True, at, end)?,
        b"false" => tape.token(Kind::False, at, end)?,
        _ => tape.token(Kind::Symbol, at, end)?,
    }
    Ok(Some(end))
}

/// An integer that fits; `5N` is one as well. `None` for any other number.
fn int(token: &[u8]) -> Option<i64> {
    let digits = token.strip_prefix(b"+").unwrap_or(token);
    let digits = digits.strip_suffix(b"N").unwrap_or(digits);
    match digits.strip_prefix(b"-").unwrap_or(digits) {
        // To Clojure this is octal.
        [b'0', _, ..] => None,
        _ => small_int(digits).or_else(|| str::from_utf8(digits).ok()?.parse().ok()),
    }
}

/// Where a run of letters, digits and signs ends; `None` where the text ends first: even at the end of the file, for no
/// operation ends with one.
fn run_end(text: &[u8], at: usize) -> Result<Option<usize>, Bad> {
    let length = text[at..]
        .iter()
        .take_while(|byte| IN_RUN[usize::from(**byte)])
        .count();
    let end = within_limit(at, at + length)?;
    Ok((end < text.len()).then_some(end))
}

/// What may stand in a keyword, a symbol or a number, by byte.
const IN_RUN: [bool; 256] = {
    let mut in_run = [true; 256];
    let mut byte = 0;
    while byte <= b' ' {
        in_run[byte as usize] = false;
        byte += 1;
    }
    let ends = b",;\"\\()[]{}^\x7f";
    let mut index = 0;
    while index < ends.len() {
        in_run[ends[index] as usize] = false;
        index += 1;
    }
    in_run
};
