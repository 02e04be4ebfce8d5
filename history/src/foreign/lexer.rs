//! What the two lexers have in common.

use crate::foreign::tape::{Bad, Tape};

/// A longer token is no part of a history.
const TOKEN_BYTES_MAX: usize = 1 << 20;

/// What a lexer came to. Places are counted from the start of the text that it was given.
pub enum Next {
    /// A whole form is on the tape: it stands at `from` and ends before `to`.
    Form { from: usize, to: usize },
    /// Nothing that has to be looked at ends before `to`: go on there.
    Nothing { to: usize },
    /// More text is needed, and all of it from `from` on again.
    More { from: usize },
    /// The text is over, within what begins at `from`.
    Cut { from: usize },
    /// The text is over.
    End,
}

impl Next {
    /// Where the text ends within what begins at `from`.
    pub fn unfinished(from: usize, last: bool) -> Self {
        if last {
            Self::Cut { from }
        } else {
            Self::More { from }
        }
    }

    /// Where nothing but blanks is left from `from` on.
    pub fn blank(from: usize, last: bool) -> Self {
        if last { Self::End } else { Self::More { from } }
    }
}

/// Finds the forms of a history, one at a time.
pub trait Lexer {
    /// Puts the next form onto the tape. `last` says that no text will come after this.
    fn next(&mut self, text: &[u8], last: bool, tape: &mut Tape) -> Result<Next, Bad>;

    /// Whether the bracket that holds all operations is still open.
    fn is_inside(&self) -> bool;
}

/// The end of a string whose quote stands at `at`, and whether it has escapes; `None` where the text ends first.
///
/// `plain` says which bytes may stand in it besides quotes and backslashes.
pub fn string_end(text: &[u8], at: usize, plain: fn(u8) -> bool) -> Result<Option<(usize, bool)>, Bad> {
    let (mut end, mut escaped) = (at + 1, false);
    loop {
        match text.get(end) {
            None => break,
            Some(b'"') => return within_limit(at, end + 1).map(|end| Some((end, escaped))),
            Some(b'\\') => (end, escaped) = (end + 2, true),
            Some(byte) if plain(*byte) => end += 1,
            Some(_) => return Err(Bad::new(end, "a control character in a string")),
        }
    }
    within_limit(at, end.min(text.len())).map(|_| None)
}

/// `end`, unless the token from `at` to there is too long.
pub fn within_limit(at: usize, end: usize) -> Result<usize, Bad> {
    if end - at > TOKEN_BYTES_MAX {
        return Err(Bad::new(
            at,
            format!("a token of more than {TOKEN_BYTES_MAX} bytes"),
        ));
    }
    Ok(end)
}

/// The number at `at`, and where it ends, where it is a plain one: up to 18 digits with no zero in front, and then a
/// blank, a comma or the end of a bracket. Most tokens of a history are.
#[inline]
pub fn plain_int(text: &[u8], at: usize) -> Option<(i64, usize)> {
    let (mut value, mut end) = (0, at);
    loop {
        let byte = *text.get(end)?;
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            let ends = matches!(byte, b' ' | b',' | b']' | b'}' | b'\n');
            let plain = ends && end > at && (text[at] != b'0' || end == at + 1);
            return plain.then_some((value, end));
        }
        if end == at + 18 {
            return None;
        }
        value = value * 10 + i64::from(digit);
        end += 1;
    }
}

/// An integer of up to 18 digits, with a sign or without.
pub fn small_int(token: &[u8]) -> Option<i64> {
    let digits = token.strip_prefix(b"-").unwrap_or(token);
    if digits.is_empty() || digits.len() > 18 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits
        .iter()
        .fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    Some(if digits.len() == token.len() {
        value
    } else {
        -value
    })
}
