//! The tokens of JSON.

use crate::foreign::lexer::{Lexer, Next, plain_int, small_int, string_end, within_limit};
use crate::foreign::tape::{Bad, Kind, Tape};

/// Reads JSON: operations one after another, or all in one array.
#[derive(Default)]
pub struct Json {
    around: Around,
}

/// Where the lexer is in the array around all operations.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Around {
    /// There is none, or it is over.
    #[default]
    Nothing,
    /// It has just begun.
    Start,
    /// After an operation.
    After,
    /// After a comma.
    Comma,
}

impl Lexer for Json {
    fn next(&mut self, text: &[u8], last: bool, tape: &mut Tape) -> Result<Next, Bad> {
        tape.clear();
        let from = after_blank(text, 0);
        let Some(byte) = text.get(from) else {
            return Ok(Next::blank(from, last));
        };
        if self.is_around(*byte, from)? {
            return Ok(Next::Nothing { to: from + 1 });
        }
        let next = operation(text, from, last, tape)?;
        if matches!(next, Next::Form { .. }) && self.is_inside() {
            self.around = Around::After;
        }
        Ok(next)
    }

    fn is_inside(&self) -> bool {
        self.around != Around::Nothing
    }
}

impl Json {
    /// Whether this byte, outside of any operation, belongs to the array around all of them.
    fn is_around(&mut self, byte: u8, at: usize) -> Result<bool, Bad> {
        self.around = match (byte, self.around) {
            (b'{', Around::Nothing | Around::Start | Around::Comma) => return Ok(false),
            (b'[', Around::Nothing) => Around::Start,
            (b',', Around::After) => Around::Comma,
            (b']', Around::Start | Around::After) => Around::Nothing,
            (_, Around::After) => return Err(expected("`,` or `]` after an operation", byte, at)),
            _ => {
                return Err(expected(
                    "an operation, `{\"process\": 0, \"type\": \"invoke\", …}`",
                    byte,
                    at,
                ));
            }
        };
        Ok(true)
    }
}

/// What may come next within an operation.
#[derive(Clone, Copy)]
enum Wanted {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
}

impl Wanted {
    fn in_words(self) -> &'static str {
        match self {
            Self::Value => "a value",
            Self::ValueOrEnd => "a value or `]`",
            Self::Key => "a key in quotes",
            Self::KeyOrEnd => "a key in quotes or `}`",
            Self::Colon => "`:` after a key",
            Self::CommaOrEnd => "`,` or the end of the bracket",
        }
    }
}

fn operation(text: &[u8], from: usize, last: bool, tape: &mut Tape) -> Result<Next, Bad> {
    let (mut at, mut wanted) = (from, Wanted::Value);
    while at < text.len() {
        let Some(end) = step(text, at, &mut wanted, tape)? else {
            break;
        };
        if tape.is_whole() {
            return Ok(Next::Form { from, to: end });
        }
        at = after_blank(text, end);
    }
    Ok(Next::unfinished(from, last))
}

/// Takes one token, and says where it ends; `None` where the text ends first.
fn step(text: &[u8], at: usize, wanted: &mut Wanted, tape: &mut Tape) -> Result<Option<usize>, Bad> {
    let byte = text[at];
    match (byte, *wanted) {
        (b'"', Wanted::Key | Wanted::KeyOrEnd) => {
            *wanted = Wanted::Colon;
            return string(text, at, tape);
        }
        (b':', Wanted::Colon) => *wanted = Wanted::Value,
        (b',', Wanted::CommaOrEnd) => *wanted = after_comma(tape),
        (b'}' | b']', Wanted::CommaOrEnd) | (b']', Wanted::ValueOrEnd) | (b'}', Wanted::KeyOrEnd) => {
            *wanted = Wanted::CommaOrEnd;
            tape.close(byte, at)?;
        }
        (b'[', Wanted::Value | Wanted::ValueOrEnd) => {
            *wanted = Wanted::ValueOrEnd;
            tape.open(Kind::Vector, at)?;
        }
        (b'{', Wanted::Value | Wanted::ValueOrEnd) => {
            *wanted = Wanted::KeyOrEnd;
            tape.open(Kind::Map, at)?;
        }
        (_, Wanted::Value | Wanted::ValueOrEnd) => {
            let expected = wanted.in_words();
            *wanted = Wanted::CommaOrEnd;
            return match (byte, plain_int(text, at)) {
                (_, Some((value, end))) => tape.int(at, value).map(|()| Some(end)),
                (b'"', None) => string(text, at, tape),
                (_, None) => literal(text, at, expected, tape),
            };
        }
        _ => return Err(expected(wanted.in_words(), byte, at)),
    }
    Ok(Some(at + 1))
}

fn after_comma(tape: &Tape) -> Wanted {
    if tape.innermost() == Some(Kind::Map) {
        Wanted::Key
    } else {
        Wanted::Value
    }
}

fn string(text: &[u8], at: usize, tape: &mut Tape) -> Result<Option<usize>, Bad> {
    let Some((end, escaped)) = string_end(text, at, |byte| byte >= b' ')? else {
        return Ok(None);
    };
    let kind = if escaped { Kind::Escaped } else { Kind::Text };
    tape.token(kind, at, end).map(|()| Some(end))
}

/// A number, `true`, `false` or `null`.
fn literal(text: &[u8], at: usize, wanted: &str, tape: &mut Tape) -> Result<Option<usize>, Bad> {
    let in_literal = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
    let end = within_limit(at, at + text[at..].iter().take_while(in_literal).count())?;
    // Even at the end of the file, for no operation ends with one.
    if end == text.len() {
        return Ok(None);
    }
    match &text[at..end] {
        b"null" => tape.token(Kind::Nil, at, end)?,
        b"true" => tape.token(Kind::True, at, end)?,
        b"false" => tape.token(Kind::False, at, end)?,
        token => match int(token) {
            Some(value) => tape.int(at, value)?,
            None if is_number(token) => tape.token(Kind::Number, at, end)?,
            None => return Err(expected(wanted, text[at], at)),
        },
    }
    Ok(Some(end))
}

fn int(token: &[u8]) -> Option<i64> {
    match token.strip_prefix(b"-").unwrap_or(token) {
        [b'0', _, ..] | [b'+', ..] => None,
        _ => small_int(token).or_else(|| str::from_utf8(token).ok()?.parse().ok()),
    }
}

/// Whether it is a number that JSON knows.
pub fn is_number(token: &[u8]) -> bool {
    let digits = token.strip_prefix(b"-").unwrap_or(token);
    let starts = digits.first().is_some_and(u8::is_ascii_digit) && !matches!(digits, [b'0', b'0'..=b'9', ..]);
    starts && str::from_utf8(token).is_ok_and(|token| token.parse::<f64>().is_ok())
}

fn after_blank(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
    }
    at
}

fn expected(what: &str, byte: u8, at: usize) -> Bad {
    let found = String::from_utf8_lossy(&[byte]).into_owned();
    Bad::new(at, format!("expected {what}, found `{found}`"))
}
