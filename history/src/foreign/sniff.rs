//! Which format a file is of, by its first bytes.

use crate::source::Format;

/// The kinds of event that a line of ours holds, as the key after the time.
const OUR_KINDS: &[&[u8]] = &[
    b"header",
    b"phase",
    b"invoke",
    b"ok",
    b"fail",
    b"info",
    b"fault",
    b"observed",
    b"node",
    b"final-reads",
    b"interrupted",
];

/// The format of a file that begins with these bytes; `None` where it is none that can be told by them.
///
/// A kilobyte is plenty, unless the file begins with long comments.
pub fn sniff(first_bytes: &[u8]) -> Option<Format> {
    let text = first_bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first_bytes);
    if is_ours(text.trim_ascii_start()) {
        return Some(Format::Tribunal);
    }
    let (mut rest, mut blank) = after_blank(text);
    // One bracket may hold all operations.
    if let [b'[', inner @ ..] = rest {
        (rest, blank) = after_blank(inner);
    }
    match rest {
        _ if blank == Blank::OfEdn => Some(Format::JepsenEdn),
        [b'(' | b'#' | b'^', ..] => Some(Format::JepsenEdn),
        [b'{', inner @ ..] => Some(of_map(inner)),
        // An empty list of operations, the same in both.
        [b']', ..] => Some(Format::ElleJson),
        _ => None,
    }
}

fn of_map(inner: &[u8]) -> Format {
    match after_blank(inner) {
        (_, Blank::OfEdn) => Format::JepsenEdn,
        ([b'"' | b'}', ..] | [], _) => Format::ElleJson,
        _ => Format::JepsenEdn,
    }
}

/// `{"time":12,"invoke":…`, with no space, as our writer writes it.
fn is_ours(text: &[u8]) -> bool {
    let Some(time) = text.strip_prefix(b"{\"time\":") else {
        return false;
    };
    let digits = time.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let Some(kind) = time[digits..].strip_prefix(b",\"") else {
        return false;
    };
    let length = kind.iter().take_while(|byte| **byte != b'"').count();
    OUR_KINDS.contains(&&kind[..length])
}

/// What stood between two tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blank {
    /// Nothing that JSON does not know.
    OfBoth,
    /// A comma or a comment.
    OfEdn,
}

fn after_blank(text: &[u8]) -> (&[u8], Blank) {
    let (mut rest, mut blank) = (text.trim_ascii_start(), Blank::OfBoth);
    while let [b',' | b';', ..] = rest {
        blank = Blank::OfEdn;
        rest = if rest[0] == b';' {
            let end = rest.iter().position(|byte| *byte == b'\n');
            &rest[end.unwrap_or(rest.len())..]
        } else {
            &rest[1..]
        };
        rest = rest.trim_ascii_start();
    }
    (rest, blank)
}
