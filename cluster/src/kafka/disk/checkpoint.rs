//! Checkpoints: small texts in which a broker notes how far it has come. A version, a count, and as many lines.
//!
//! Source: `CheckpointFile` in Kafka's storage module, which all of them are written by.

use std::path::Path;

use history::Offset;

use super::damage::Damage;

/// No checkpoint is longer: a hundred thousand partitions fit.
const TEXT_MAX: u64 = 16 << 20;

/// `(epoch, first offset)` of each epoch that a replica knows (`leader-epoch-checkpoint` of a partition).
///
/// Nothing where there is no such file: then the replica has noted none.
pub fn epochs(file: &Path) -> Result<Vec<(i32, Offset)>, Damage> {
    entries(file, |words| match words {
        [epoch, offset] => Some((epoch.parse().ok()?, offset.parse().ok()?)),
        _ => None,
    })
}

/// The offset of each partition (`replication-offset-checkpoint`: high watermarks, `recovery-point-offset-checkpoint`,
/// `log-start-offset-checkpoint`), as `(topic, partition, offset)`. Nothing where there is no such file.
pub fn offsets(file: &Path) -> Result<Vec<(String, u32, Offset)>, Damage> {
    entries(file, |words| match words {
        [topic, partition, offset] => {
            Some(((*topic).to_owned(), partition.parse().ok()?, offset.parse().ok()?))
        }
        _ => None,
    })
}

fn entries<T>(file: &Path, entry: impl Fn(&[&str]) -> Option<T>) -> Result<Vec<T>, Damage> {
    let Some(text) = text(file, TEXT_MAX)? else {
        return Ok(Vec::new());
    };
    parse(&text, entry).map_err(|(position, what)| Damage::new(file, position, what))
}

fn parse<T>(text: &str, entry: impl Fn(&[&str]) -> Option<T>) -> Result<Vec<T>, (u64, String)> {
    let place = |line: &str| (line.as_ptr() as usize - text.as_ptr() as usize) as u64;
    // A broker makes the file before it has anything to note.
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut lines = text.split('\n');
    let version = lines.next().unwrap_or_default();
    if version.trim() != "0" {
        return Err((0, format!("a checkpoint of version {version:?}: only 0 is known")));
    }
    let count = lines
        .next()
        .ok_or_else(|| (text.len() as u64, "no count".to_owned()))?;
    let expected: usize = count
        .trim()
        .parse()
        .map_err(|_| (place(count), format!("{count:?} is no count")))?;
    let mut found = Vec::new();
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let read = entry(&words).ok_or_else(|| (place(line), format!("{line:?} is no entry")))?;
        found.push(read);
    }
    if found.len() != expected {
        let what = format!("{} entries where it says {expected}", found.len());
        return Err((text.len() as u64, what));
    }
    Ok(found)
}

/// A small text; none where there is no such file.
pub(super) fn text(file: &Path, most: u64) -> Result<Option<String>, Damage> {
    use std::io::Read as _;

    let opened = match std::fs::File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Damage::unread(file, 0, &error)),
    };
    let mut bytes = Vec::new();
    let read = opened.take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| Damage::unread(file, bytes.len() as u64, &error))?;
    if bytes.len() as u64 > most {
        return Err(Damage::new(
            file,
            most,
            "it is far longer than such a file can be",
        ));
    }
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let position = error.utf8_error().valid_up_to();
        Damage::new(file, position as u64, "it is no text")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs_of(text: &str) -> Result<Vec<(i32, Offset)>, (u64, String)> {
        parse(text, |words| match words {
            [epoch, offset] => Some((epoch.parse().ok()?, offset.parse().ok()?)),
            _ => None,
        })
    }

    #[test]
    fn what_a_broker_writes() {
        assert_eq!(epochs_of("0\n2\n0 0\n3 1021\n"), Ok(vec![(0, 0), (3, 1021)]));
        assert_eq!(epochs_of("0\n0\n"), Ok(Vec::new()));
        assert_eq!(epochs_of(""), Ok(Vec::new()));
    }

    #[test]
    fn what_it_does_not_is_named_with_its_place() {
        for (text, position) in [
            ("0", 1),
            ("1\n0\n", 0),
            ("0\nmany\n", 2),
            ("0\n1\n0 0 0\n", 4),
            ("0\n2\n0 0\n7 x\n", 8),
            ("0\n2\n0 0\n", 8),
        ] {
            let (found, what) = epochs_of(text).expect_err("it is none");
            assert_eq!(found, position, "{text:?}: {what}");
        }
    }
}
