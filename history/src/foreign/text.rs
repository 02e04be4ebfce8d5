//! A form as text: the same text for the same value, however it was written.

use std::borrow::Cow;
use std::fmt::Write;

use crate::foreign::tape::{Bad, Form, Kind};

/// A longer key or value is no name.
const NAME_BYTES_MAX: usize = 1 << 16;

/// What a key, a value or an error is called: EDN, whatever format it was read from.
///
/// Two forms have the same text if they are equal: sets and maps are sorted, blanks, comments and tags are gone.
pub fn text_of(form: Form<'_>) -> Result<String, Bad> {
    let mut printer = Printer::default();
    printer.form(form)?;
    Ok(printer.out)
}

/// What a string says; of any other form its text. For people to read: nothing depends on it, so nothing in it is wrong,
/// and of what is too long the rest is missing.
pub fn words_of(form: Form<'_>) -> String {
    if let (Kind::Text | Kind::Escaped, Ok(words)) = (form.kind(), decoded(form)) {
        return words.into_owned();
    }
    let mut printer = Printer::default();
    if printer.form(form).is_err() {
        printer.out.push('…');
    }
    printer.out
}

/// What a string says, its escapes resolved.
pub fn decoded(form: Form<'_>) -> Result<Cow<'_, str>, Bad> {
    let raw = str::from_utf8(form.raw()).map_err(|_| form.bad("not UTF-8"))?;
    if form.kind() != Kind::Escaped {
        return Ok(Cow::Borrowed(raw));
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let (character, after) = unescape(escape).ok_or_else(|| form.bad("an escape that is not known"))?;
        out.push(character);
        rest = after;
    }
    out.push_str(rest);
    Ok(Cow::Owned(out))
}

/// The character that an escape stands for, and what comes after it.
fn unescape(escape: &str) -> Option<(char, &str)> {
    let mut after = escape.chars();
    let character = match after.next()? {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'u' => return unicode(after.as_str()),
        plain @ ('"' | '\\' | '/') => plain,
        _ => return None,
    };
    Some((character, after.as_str()))
}

/// Four hexadecimal digits, or twice four for a character beyond the first 65,536.
fn unicode(digits: &str) -> Option<(char, &str)> {
    let (first, after) = four_digits(digits)?;
    let second = after.strip_prefix("\\u").and_then(four_digits);
    if let Some((low, after)) = second
        && let Some(Ok(character)) = char::decode_utf16([first, low]).next()
        && character.len_utf16() == 2
    {
        return Some((character, after));
    }
    // Half a character alone says nothing.
    let character = char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER);
    Some((character, after))
}

fn four_digits(text: &str) -> Option<(u16, &str)> {
    let (digits, after) = text.split_at_checked(4)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let value = u16::from_str_radix(digits, 16).ok()?;
    plain.then_some((value, after))
}

/// Writes forms one after another, brackets by a stack of its own.
#[derive(Default)]
struct Printer {
    out: String,
    open: Vec<Printing>,
    /// Where the parts of the open brackets begin in `out`.
    parts: Vec<usize>,
}

/// A bracket that is being written.
struct Printing {
    kind: Kind,
    /// The place on the tape at which it ends.
    end: usize,
    /// How many parts the brackets around it had begun when it opened.
    parts_before: usize,
}

impl Printer {
    fn form(&mut self, form: Form<'_>) -> Result<(), Bad> {
        for part in form.all() {
            self.close_before(part.place());
            self.part(part)?;
            if self.out.len() > NAME_BYTES_MAX {
                let reason = format!("more than {NAME_BYTES_MAX} bytes, which is too long for a name");
                return Err(form.bad(reason));
            }
        }
        self.close_before(form.end());
        Ok(())
    }

    fn part(&mut self, form: Form<'_>) -> Result<(), Bad> {
        if let Some(around) = self.open.last() {
            if self.parts.len() > around.parts_before {
                self.out.push(' ');
            }
            self.parts.push(self.out.len());
        }
        match form.kind() {
            kind @ (Kind::Vector | Kind::List) => self.open(form, kind, "["),
            kind @ Kind::Map => self.open(form, kind, "{"),
            kind @ Kind::Set => self.open(form, kind, "#{"),
            _ => self.leaf(form)?,
        }
        Ok(())
    }

    fn open(&mut self, form: Form<'_>, kind: Kind, bracket: &str) {
        self.out.push_str(bracket);
        self.open.push(Printing {
            kind,
            end: form.end(),
            parts_before: self.parts.len(),
        });
    }

    fn leaf(&mut self, form: Form<'_>) -> Result<(), Bad> {
        match form.kind() {
            Kind::Int => self.out += &form.int().unwrap_or_default().to_string(),
            Kind::Nil => self.out += "nil",
            Kind::True => self.out += "true",
            Kind::False => self.out += "false",
            Kind::Text | Kind::Escaped => quote(&decoded(form)?, &mut self.out),
            kind => {
                let raw = str::from_utf8(form.raw()).map_err(|_| form.bad("not UTF-8"))?;
                if kind == Kind::Number {
                    self.out += &number(raw);
                } else {
                    self.out += raw;
                }
            }
        }
        Ok(())
    }

    /// Closes the brackets that hold nothing from this place of the tape on.
    fn close_before(&mut self, place: usize) {
        while let Some(done) = self.open.pop_if(|open| open.end <= place) {
            match done.kind {
                Kind::Map => self.sort(done.parts_before, 2),
                Kind::Set => self.sort(done.parts_before, 1),
                _ => {}
            }
            self.parts.truncate(done.parts_before);
            let sequence = matches!(done.kind, Kind::Vector | Kind::List);
            self.out.push(if sequence { ']' } else { '}' });
        }
    }

    /// Sorts the parts of the innermost bracket, in groups of `size`.
    fn sort(&mut self, parts_before: usize, size: usize) {
        let starts: Vec<usize> = self.parts[parts_before..].iter().copied().step_by(size).collect();
        let Some(first) = starts.first().copied() else {
            return;
        };
        let ends = starts[1..].iter().map(|next| next - 1).chain([self.out.len()]);
        let mut groups: Vec<&str> = starts
            .iter()
            .zip(ends)
            .map(|(start, end)| &self.out[*start..end])
            .collect();
        groups.sort_unstable();
        let sorted = groups.join(" ");
        self.out.truncate(first);
        self.out += &sorted;
    }
}

/// A string in quotes, as both EDN and JSON read it.
pub fn quote(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
}

/// A number that is no small integer: `1.50` is `1.5`, `+99…9N` is `99…9`.
fn number(raw: &str) -> Cow<'_, str> {
    let plain = raw.strip_prefix('+').unwrap_or(raw);
    let digits = plain.strip_suffix('N').unwrap_or(plain);
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if is_digits(digits.strip_prefix('-').unwrap_or(digits)) {
        return Cow::Borrowed(digits);
    }
    match plain.parse::<f64>() {
        Ok(float) if float.is_finite() => Cow::Owned(format!("{float:?}")),
        _ => Cow::Borrowed(plain),
    }
}
