//! Numbers and times as people read them. Every text of this crate goes through here, so that a number looks
//! the same wherever it stands.

use history::Header;

const NANOS_PER_MILLI: u64 = 1_000_000;
const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// A count with commas, as the verdict's own texts have it: `12,345`.
pub(crate) use checkers::number as count;

/// A count with its noun: `1 fault`, `2 faults`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A point of the history's clock, to the millisecond: `12.345 s`.
pub(crate) fn instant(nanos: u64) -> String {
    format!(
        "{}.{:03} s",
        count(nanos / NANOS_PER_SECOND),
        nanos / NANOS_PER_MILLI % 1000
    )
}

/// A length of time, to about three digits: `640 µs`, `2.4 ms`, `350 ms`, `12.3 s`, `4 min 05 s`.
pub(crate) fn duration(nanos: u64) -> String {
    match nanos {
        0 => "0 s".to_owned(),
        1..1_000_000 => format!("{} µs", nanos / 1_000),
        1_000_000..10_000_000 => format!("{:.1} ms", nanos as f64 / 1e6),
        10_000_000..1_000_000_000 => format!("{} ms", nanos / NANOS_PER_MILLI),
        1_000_000_000..120_000_000_000 => format!("{:.1} s", nanos as f64 / 1e9),
        _ => {
            let seconds = nanos / NANOS_PER_SECOND;
            format!("{} min {:02} s", count(seconds / 60), seconds % 60)
        }
    }
}

/// Several words as one phrase: `1`, `1 and 2`, `1, 2 and 3`.
pub(crate) fn list<T: ToString>(items: &[T]) -> String {
    let words: Vec<String> = items.iter().map(ToString::to_string).collect();
    match words.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// How large a cluster is: `3 nodes` where brokers are the controllers, else `3 brokers and 3 controllers`, `3 brokers and 1 node of
/// ZooKeeper`.
pub(crate) fn size(brokers: usize, controllers: usize, zookeepers: usize) -> String {
    let others = [
        (controllers, "controller", "controllers"),
        (zookeepers, "node of ZooKeeper", "nodes of ZooKeeper"),
    ];
    let others = others.into_iter().filter(|(number, ..)| *number > 0);
    let others: Vec<String> = others
        .map(|(number, one, many)| counted(number as u64, one, many))
        .collect();
    if others.is_empty() {
        return counted(brokers as u64, "node", "nodes");
    }
    let mut all = vec![counted(brokers as u64, "broker", "brokers")];
    all.extend(others);
    list(&all)
}

/// The size of a run's cluster.
pub(crate) fn size_of(header: &Header) -> String {
    size(
        header.nodes.len(),
        header.controllers.len(),
        header.zookeepers.len(),
    )
}

/// A coordinate of a picture: at most two decimals, none where they are zero.
pub(crate) fn coordinate(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// The start of a text that may be too long, cut between characters.
pub(crate) fn clipped(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// How many columns of a fixed-width font a text takes, rather too many than too few.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(column_width).sum()
}

/// The start of a text that may be too wide for so many columns.
pub(crate) fn fitted(text: &str, columns_max: usize) -> String {
    if columns(text) <= columns_max {
        return text.to_owned();
    }
    let mut taken = 1;
    let fits = |character: &char| {
        taken += column_width(*character);
        taken <= columns_max
    };
    let start: String = text.chars().take_while(fits).collect();
    format!("{}…", start.trim_end())
}

/// Letters of the scripts that fixed-width fonts have take one column; others, and what a page shows as a sign, two.
fn column_width(character: char) -> usize {
    if character < '\u{1100}' && !is_invisible(character) || ('\u{2010}'..='\u{2026}').contains(&character) {
        1
    } else {
        2
    }
}

/// Whether a character shows nothing of its own but may change what others show: control characters, which move a
/// terminal's cursor, and marks that turn the direction of writing.
pub(crate) fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text with a sign in place of every character that shows nothing but may change what others show.
pub(crate) fn shown(text: &str) -> String {
    let is_bad = |character: char| is_invisible(character) && !matches!(character, '\n' | '\t');
    if text.contains(is_bad) {
        text.replace(is_bad, "\u{fffd}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_commas() {
        assert_eq!(
            ["0", "999", "1,000", "12,345,678"],
            [0, 999, 1000, 12_345_678]
                .map(count)
                .each_ref()
                .map(String::as_str)
        );
    }

    #[test]
    fn durations_keep_about_three_digits() {
        let nanos = [640_000, 2_400_000, 350_000_000, 12_300_000_000, 245_000_000_000];
        assert_eq!(
            nanos.map(duration),
            ["640 µs", "2.4 ms", "350 ms", "12.3 s", "4 min 05 s"]
        );
    }

    #[test]
    fn instants_are_exact_to_the_millisecond() {
        assert_eq!(instant(12_345_999_999), "12.345 s");
    }

    #[test]
    fn lists_read_as_a_phrase() {
        assert_eq!(list(&[1, 2, 3]), "1, 2 and 3");
        assert_eq!(list::<u32>(&[]), "");
    }

    #[test]
    fn coordinates_are_short() {
        assert_eq!(
            [0.0, -0.001, 1.5, 100.0, 2.346].map(coordinate),
            ["0", "0", "1.5", "100", "2.35"]
        );
    }

    #[test]
    fn clipping_never_splits_a_character() {
        assert_eq!(clipped("äöü", 2), "äö…");
        assert_eq!(clipped("äöü", 3), "äöü");
    }

    #[test]
    fn wide_letters_take_two_columns() {
        assert_eq!(columns("ab字"), 4);
        assert_eq!(fitted("abcdef", 6), "abcdef");
        assert_eq!(fitted("abcdefg", 6), "abcde…");
        assert_eq!(fitted("字字字字", 6), "字字…");
        assert_eq!(fitted("ab cdef", 4), "ab…");
    }
}
